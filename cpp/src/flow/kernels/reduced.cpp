#include "flow/kernels/reduced.hpp"

// Every entry of a result is one sum in a fixed order; instruction sets differ only in how many entries they
// treat at once. Everything here has internal linkage but the entry points.
namespace nonideal::flow::kernels::NONIDEAL_KERNEL_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 8;
#elif defined(__AVX2__)
constexpr int kLanes = 4;
#else
constexpr int kLanes = 2;
#endif
typedef double Vector __attribute__((vector_size(8 * kLanes)));
typedef double Loose __attribute__((vector_size(8 * kLanes), may_alias, aligned(8)));

constexpr int kTileRows = 4;
constexpr int kTileVectors = 2;
constexpr int kTileColumns = kTileVectors * kLanes;

inline std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// The full tile: accumulators stay in registers.
inline void tile(const double* tests, const double* values, std::int64_t n_rows, std::int64_t n_tests,
                 std::int64_t n_values, double* out) {
  Vector sums[kTileRows][kTileVectors];
  for (int a = 0; a < kTileRows; ++a) {
    for (int v = 0; v < kTileVectors; ++v) {
      sums[a][v] = *reinterpret_cast<const Loose*>(out + a * n_values + v * kLanes);
    }
  }
  for (std::int64_t i = 0; i < n_rows; ++i) {
    const double* row = values + i * n_values;
    Vector numbers[kTileVectors];
    for (int v = 0; v < kTileVectors; ++v) numbers[v] = *reinterpret_cast<const Loose*>(row + v * kLanes);
    for (int a = 0; a < kTileRows; ++a) {
      const double test = tests[i * n_tests + a];
      for (int v = 0; v < kTileVectors; ++v) sums[a][v] += test * numbers[v];
    }
  }
  for (int a = 0; a < kTileRows; ++a) {
    for (int v = 0; v < kTileVectors; ++v) {
      *reinterpret_cast<Loose*>(out + a * n_values + v * kLanes) = sums[a][v];
    }
  }
}

/// The remainders at the right and the lower edge.
inline void edge(const double* tests, const double* values, std::int64_t n_rows, std::int64_t n_tests,
                 std::int64_t n_values, std::int64_t count, std::int64_t columns, double* out) {
  for (std::int64_t i = 0; i < n_rows; ++i) {
    for (std::int64_t a = 0; a < count; ++a) {
      const double test = tests[i * n_tests + a];
      for (std::int64_t b = 0; b < columns; ++b) out[a * n_values + b] += test * values[i * n_values + b];
    }
  }
}

}  // namespace

void contract(const double* tensor, std::int64_t slices, std::int64_t slice_stride, std::int64_t rows,
              std::int64_t row_stride, std::int64_t columns, const double* weights, double* out) {
  for (std::int64_t i = 0; i < rows * columns; ++i) out[i] = 0.0;
  std::int64_t s = 0;
  for (; s + 4 <= slices; s += 4) {  // four slices at a time: the sums are read and written less often
    const double w0 = weights[s], w1 = weights[s + 1], w2 = weights[s + 2], w3 = weights[s + 3];
    for (std::int64_t i = 0; i < rows; ++i) {
      double* __restrict__ sums = out + i * columns;
      const double* t0 = tensor + s * slice_stride + i * row_stride;
      const double* t1 = t0 + slice_stride;
      const double* t2 = t1 + slice_stride;
      const double* t3 = t2 + slice_stride;
      for (std::int64_t j = 0; j < columns; ++j) {
        sums[j] = (((sums[j] + w0 * t0[j]) + w1 * t1[j]) + w2 * t2[j]) + w3 * t3[j];
      }
    }
  }
  for (; s < slices; ++s) {
    for (std::int64_t i = 0; i < rows; ++i) {
      double* __restrict__ sums = out + i * columns;
      const double* t = tensor + s * slice_stride + i * row_stride;
      for (std::int64_t j = 0; j < columns; ++j) sums[j] += weights[s] * t[j];
    }
  }
}

bool solve_dense(double* matrix, std::int64_t n, double* rhs) {
  for (std::int64_t p = 0; p < n; ++p) {
    std::int64_t best = p;
    double largest = __builtin_fabs(matrix[p * n + p]);
    for (std::int64_t i = p + 1; i < n; ++i) {
      const double size = __builtin_fabs(matrix[i * n + p]);
      if (size > largest) {
        largest = size;
        best = i;
      }
    }
    if (!(largest > 0.0)) return false;
    double* __restrict__ top = matrix + p * n;
    if (best != p) {
      double* other = matrix + best * n;
      for (std::int64_t j = p; j < n; ++j) {
        const double kept = top[j];
        top[j] = other[j];
        other[j] = kept;
      }
      const double kept = rhs[p];
      rhs[p] = rhs[best];
      rhs[best] = kept;
    }
    for (std::int64_t i = p + 1; i < n; ++i) {
      double* __restrict__ row = matrix + i * n;
      const double factor = row[p] / top[p];
      for (std::int64_t j = p + 1; j < n; ++j) row[j] -= factor * top[j];
      rhs[i] -= factor * rhs[p];
    }
  }
  for (std::int64_t i = n; i-- > 0;) {
    double sum = rhs[i];
    for (std::int64_t j = i + 1; j < n; ++j) sum -= matrix[i * n + j] * rhs[j];
    rhs[i] = sum / matrix[i * n + i];
  }
  return true;
}

void project_add(const double* tests, const double* values, std::int64_t n_rows, std::int64_t n_tests,
                 std::int64_t n_values, double* out) {
  for (std::int64_t b = 0; b < n_values; b += kTileColumns) {
    const std::int64_t columns = least(kTileColumns, n_values - b);
    for (std::int64_t a = 0; a < n_tests; a += kTileRows) {
      const std::int64_t high = least(kTileRows, n_tests - a);
      double* to = out + a * n_values + b;
      if (columns == kTileColumns && high == kTileRows) {
        tile(tests + a, values + b, n_rows, n_tests, n_values, to);
      } else {
        edge(tests + a, values + b, n_rows, n_tests, n_values, high, columns, to);
      }
    }
  }
}

void sparse_rows(const std::int32_t* starts, const std::int32_t* columns, const double* values,
                 const double* x, std::int64_t width, std::int64_t begin, std::int64_t end, double* out) {
  for (std::int64_t i = begin; i < end; ++i) {
    double* __restrict__ sums = out + (i - begin) * width;
    for (std::int64_t c = 0; c < width; ++c) sums[c] = 0.0;
    for (std::int64_t e = starts[i]; e < starts[i + 1]; ++e) {
      const double value = values[e];
      const double* row = x + columns[e] * width;
      for (std::int64_t c = 0; c < width; ++c) sums[c] += value * row[c];
    }
  }
}

}  // namespace nonideal::flow::kernels::NONIDEAL_KERNEL_ISA
