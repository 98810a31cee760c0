#pragma once

#include <cstdint>

/// Register tiles of the instruction set at hand. For kernels (included per instruction set; internal
/// linkage, so no weak symbol).
namespace nonideal::flow::kernels {
namespace {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64, kTileVectors = 3, kTileColumns = 8;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32, kTileVectors = 3, kTileColumns = 4;
#else
inline constexpr int kVectorBytes = 16, kTileVectors = 2, kTileColumns = 4;
#endif

typedef double Doubles __attribute__((vector_size(kVectorBytes), may_alias));
typedef double LooseDoubles __attribute__((vector_size(kVectorBytes), may_alias, aligned(8)));
inline constexpr int kWidth = kVectorBytes / 8;
inline constexpr int kTileRows = kTileVectors * kWidth;
inline constexpr int kEight = 8 / kWidth;  ///< vectors that hold eight rows

static inline Doubles load(const double* from) { return *reinterpret_cast<const Doubles*>(from); }
static inline void store(double* to, Doubles value) { *reinterpret_cast<Doubles*>(to) = value; }

/// x everywhere. Subtracting zero keeps all bits (adding it would change -0), so nothing is left to compute.
static inline Doubles splat(double x) { return x - Doubles{}; }

/// A matrix that is read number by number: element (p, j) is at[p * row_step + j * column_step].
struct Steps {
  const double* at;
  std::int64_t row_step, column_step;
};

/// A part of a column-major matrix; it begins at a multiple of 64 bytes.
struct Part {
  double* at;
  std::int64_t ld;
};

/// c (V vectors x N) -= a (V vectors x k) b (k x N)
template <int V, int N>
static inline void tile(std::int64_t k, const double* a, std::int64_t a_ld, Steps b, Part c) {
  Doubles sum[N][V] = {};
  for (std::int64_t p = 0; p < k; ++p) {
    Doubles left[V];
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) left[v] = load(a + v * kWidth);
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
      const Doubles right = splat(b.at[j * b.column_step]);
#pragma GCC unroll 3
      for (int v = 0; v < V; ++v) sum[j][v] += left[v] * right;
    }
    a += a_ld;
    b.at += b.row_step;
  }
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
    double* const at = c.at + j * c.ld;
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) store(at + v * kWidth, load(at + v * kWidth) - sum[j][v]);
  }
}

/// x (V vectors x N) <- x t^-1 with t upper triangular, its diagonal 1 where `unit`.
template <int V, int N>
static inline void solve_tile(Steps t, bool unit, Part x) {
  Doubles value[N][V];
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) value[j][v] = load(x.at + j * x.ld + v * kWidth);
  }
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
    const double* const column = t.at + j * t.column_step;
#pragma GCC unroll 8
    for (int p = 0; p < j; ++p) {
      const Doubles factor = splat(column[p * t.row_step]);
#pragma GCC unroll 3
      for (int v = 0; v < V; ++v) value[j][v] -= value[p][v] * factor;
    }
    const Doubles inverse = splat(unit ? 1.0 : 1.0 / column[j * t.row_step]);
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) {
      value[j][v] *= inverse;
      store(x.at + j * x.ld + v * kWidth, value[j][v]);
    }
  }
}

/// x (8 x N) <- l^-1 x; `l` (8 x 8) holds what is below the diagonal, and zeros on and above it.
template <int N>
static inline void solve_eight(const double* l, Part x) {
  Doubles value[N][kEight];
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
#pragma GCC unroll 4
    for (int v = 0; v < kEight; ++v) value[j][v] = load(x.at + j * x.ld + v * kWidth);
  }
#pragma GCC unroll 8
  for (int p = 0; p < 7; ++p) {
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) {
      const Doubles factor = splat(value[j][p / kWidth][p % kWidth]);
#pragma GCC unroll 4
      for (int v = p / kWidth; v < kEight; ++v) value[j][v] -= load(l + p * 8 + v * kWidth) * factor;
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
#pragma GCC unroll 4
    for (int v = 0; v < kEight; ++v) store(x.at + j * x.ld + v * kWidth, value[j][v]);
  }
}

/// Calls body<V, N>() for V <= kTileVectors and N <= kTileColumns.
template <int V, class Body>
static inline void with_columns(int n, const Body& body) {
  switch (n) {
    case 1:
      return body.template operator()<V, 1>();
    case 2:
      return body.template operator()<V, 2>();
    case 3:
      return body.template operator()<V, 3>();
#if defined(__AVX512F__)
    case 4:
      return body.template operator()<V, 4>();
    case 5:
      return body.template operator()<V, 5>();
    case 6:
      return body.template operator()<V, 6>();
    case 7:
      return body.template operator()<V, 7>();
#endif
    default:
      return body.template operator()<V, kTileColumns>();
  }
}

template <class Body>
static inline void with_size(int vectors, int n, const Body& body) {
  switch (vectors) {
    case 1:
      return with_columns<1>(n, body);
#if defined(__AVX2__)
    case 2:
      return with_columns<2>(n, body);
#endif
    default:
      return with_columns<kTileVectors>(n, body);
  }
}

}  // namespace
}  // namespace nonideal::flow::kernels
