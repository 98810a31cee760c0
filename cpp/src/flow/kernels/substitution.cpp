#include "flow/kernels/substitution.hpp"

#include "flow/kernels/dense.hpp"
#include "flow/kernels/vectors.hpp"

namespace nonideal::flow::kernels::NONIDEAL_KERNEL_ISA {

namespace {

/// y (m) -= a (m x N) x (N)
template <int N>
static inline void subtract_columns(std::int64_t m, const double* a, std::int64_t ld, const double* x,
                                    double* y) {
  Doubles factor[N];
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) factor[j] = splat(x[j]);
  for (std::int64_t i = 0; i < m; i += kWidth) {
    Doubles even = load(y + i), odd = {};
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) (j % 2 == 0 ? even : odd) -= load(a + i + j * ld) * factor[j];
    store(y + i, even + odd);
  }
}

/// y (m) -= a (m x n) x (n)
static inline void subtract(std::int64_t m, std::int64_t n, const double* a, std::int64_t ld, const double* x,
                            double* y) {
  std::int64_t j = 0;
  for (; j + 8 <= n; j += 8) subtract_columns<8>(m, a + j * ld, ld, x + j, y);
  if (j + 4 <= n) subtract_columns<4>(m, a + j * ld, ld, x + j, y), j += 4;
  if (j + 2 <= n) subtract_columns<2>(m, a + j * ld, ld, x + j, y), j += 2;
  if (j < n) subtract_columns<1>(m, a + j * ld, ld, x + j, y);
}

static inline double sum(Doubles x) {
  double total = 0.0;
  for (int e = 0; e < kWidth; ++e) total += x[e];
  return total;
}

/// y (N) -= a^T x with a (m x N); rows m .. padded(m) - 1 of `a` or of x are zero.
template <int N>
static inline void subtract_dots(std::int64_t m, const double* a, std::int64_t ld, const double* x,
                                 double* y) {
  Doubles total[N] = {};
  for (std::int64_t i = 0; i < m; i += kWidth) {
    const Doubles factor = load(x + i);
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) total[j] += load(a + i + j * ld) * factor;
  }
  for (int j = 0; j < N; ++j) y[j] -= sum(total[j]);
}

/// y (n) -= a^T x with a (m x n)
static inline void subtract_transposed(std::int64_t m, std::int64_t n, const double* a, std::int64_t ld,
                                       const double* x, double* y) {
  std::int64_t j = 0;
  for (; j + 8 <= n; j += 8) subtract_dots<8>(m, a + j * ld, ld, x, y + j);
  if (j + 4 <= n) subtract_dots<4>(m, a + j * ld, ld, x, y + j), j += 4;
  if (j + 2 <= n) subtract_dots<2>(m, a + j * ld, ld, x, y + j), j += 2;
  if (j < n) subtract_dots<1>(m, a + j * ld, ld, x, y + j);
}

static inline std::int64_t width_at(const FrontSolve& s, std::int64_t j) { return s.k - j < 8 ? s.k - j : 8; }

}  // namespace

void forward(const FrontSolve& s) {
  for (std::int64_t j = 0; j < s.k; j += 8) {
    const std::int64_t width = width_at(s, j);
    const double* const a = s.pivots + j * s.k_ld;
    for (std::int64_t c = 0; c < width; ++c) {
      for (std::int64_t r = c + 1; r < width; ++r) s.x[j + r] -= a[j + r + c * s.k_ld] * s.x[j + c];
    }
    if (j + 8 < s.k) subtract(padded(s.k) - j - 8, width, a + j + 8, s.k_ld, s.x + j, s.x + j + 8);
  }
  subtract(padded(s.m), s.k, s.lower, s.m_ld, s.x, s.rest);
}

void backward(const FrontSolve& s) {
  subtract(padded(s.k), s.m, s.upper, s.k_ld, s.rest, s.x);
  for (std::int64_t j = padded(s.k) - 8; j >= 0; j -= 8) {
    const double* const a = s.pivots + j * s.k_ld;
    const std::int64_t width = width_at(s, j);
    for (std::int64_t c = width - 1; c >= 0; --c) {
      s.x[j + c] /= a[j + c + c * s.k_ld];
      for (std::int64_t r = 0; r < c; ++r) s.x[j + r] -= a[j + r + c * s.k_ld] * s.x[j + c];
    }
    subtract(j, width, a, s.k_ld, s.x + j, s.x);
  }
}

void forward_transposed(const FrontSolve& s) {
  for (std::int64_t j = 0; j < s.k; j += 8) {
    const double* const a = s.pivots + j * s.k_ld;
    const std::int64_t width = width_at(s, j);
    subtract_transposed(j, width, a, s.k_ld, s.x, s.x + j);
    for (std::int64_t c = 0; c < width; ++c) {
      for (std::int64_t r = 0; r < c; ++r) s.x[j + c] -= a[j + r + c * s.k_ld] * s.x[j + r];
      s.x[j + c] /= a[j + c + c * s.k_ld];
    }
  }
  subtract_transposed(padded(s.k), s.m, s.upper, s.k_ld, s.x, s.rest);
}

void backward_transposed(const FrontSolve& s) {
  subtract_transposed(padded(s.m), s.k, s.lower, s.m_ld, s.rest, s.x);
  for (std::int64_t j = padded(s.k) - 8; j >= 0; j -= 8) {
    const double* const a = s.pivots + j * s.k_ld;
    const std::int64_t width = width_at(s, j);
    if (j + 8 < s.k) subtract_transposed(padded(s.k) - j - 8, width, a + j + 8, s.k_ld, s.x + j + 8, s.x + j);
    for (std::int64_t c = width - 1; c >= 0; --c) {
      for (std::int64_t r = c + 1; r < width; ++r) s.x[j + c] -= a[j + r + c * s.k_ld] * s.x[j + r];
    }
  }
}

}  // namespace nonideal::flow::kernels::NONIDEAL_KERNEL_ISA
