#pragma once

#include <cstdint>

/// Dense loops of the reduced basis: plain pointers, row-major.
namespace nonideal::flow::kernels {

/// Rows of tests and values that are in the cache while all tiles of their product are added up.
inline constexpr std::int64_t kProjectRows = 256;

#define NONIDEAL_REDUCED_KERNELS(isa)                                                                       \
  namespace isa {                                                                                           \
  /** out[i][j] = sum_s weights[s] * tensor[s * slice_stride + i * row_stride + j]; out: rows x columns. */ \
  void contract(const double* tensor, std::int64_t slices, std::int64_t slice_stride, std::int64_t rows,    \
                std::int64_t row_stride, std::int64_t columns, const double* weights, double* out);         \
  /** Overwrites rhs (n) by the solution and matrix (n x n) by its factors, with row pivoting; false where  \
      a pivot is zero. */                                                                                   \
  bool solve_dense(double* matrix, std::int64_t n, double* rhs);                                            \
  /** out[a][b] += sum_i tests[i * n_tests + a] * values[i * n_values + b], a < n_tests, b < n_values. */   \
  void project_add(const double* tests, const double* values, std::int64_t n_rows, std::int64_t n_tests,    \
                   std::int64_t n_values, double* out);                                                     \
  /** out[i - begin][c] = sum over the entries e of row i of values[e] * x[columns[e]][c], c < width. */    \
  void sparse_rows(const std::int32_t* starts, const std::int32_t* columns, const double* values,           \
                   const double* x, std::int64_t width, std::int64_t begin, std::int64_t end, double* out); \
  }
NONIDEAL_REDUCED_KERNELS(baseline)
NONIDEAL_REDUCED_KERNELS(avx2)
NONIDEAL_REDUCED_KERNELS(avx512)
#undef NONIDEAL_REDUCED_KERNELS

}  // namespace nonideal::flow::kernels
