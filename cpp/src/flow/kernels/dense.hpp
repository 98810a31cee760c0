#pragma once

#include <cstdint>

/// Dense blocks of a sparse factorisation, column-major, in double precision; what the library and its
/// kernels share: plain structs of raw pointers.
///
/// Rows are worked on in eights. A block of m rows begins at a multiple of 64 bytes, its leading dimension is
/// a multiple of 8 that is >= m, and rows m .. padded(m) - 1 are padding: they must hold finite numbers, and
/// may be overwritten. A part of a block begins at a row that is a multiple of 8, and is as long as the block
/// or a multiple of 8.
///
/// These kernels are compiled with -ffp-contract=fast: they multiply and add in one instruction where the
/// processor can. Their order of operations depends on sizes alone, so one instruction set gives the same
/// bits always; different ones differ by round-off, and the results of nonideal/flow/sparse_lu.hpp by a
/// relative 1e-10 at most.
namespace nonideal::flow::kernels {

inline constexpr std::int64_t kPadding = 8;
inline constexpr std::int64_t kWork =
    192 * 256 + 8192;  ///< doubles; scratch memory at a multiple of 64 bytes

/// Rows that a block of m rows takes.
static inline std::int64_t padded(std::int64_t m) { return (m + kPadding - 1) / kPadding * kPadding; }

/// c (m x n) -= a (m x k) b (k x n); element (p, j) of b is b[p * row_step + j * column_step].
struct Product {
  std::int64_t m, n, k;
  const double* a;
  std::int64_t a_ld;
  const double* b;
  std::int64_t row_step, column_step;
  double* c;
  std::int64_t c_ld;
  double* work;
};

/// x (m x k) <- x t^-1 with t (k x k) upper triangular, element (p, j) at t[p * row_step + j * column_step].
/// Negative steps, from the last element and the last column of x on, solve with a lower triangular one.
struct RightSolve {
  std::int64_t m, k;
  double* x;
  std::int64_t x_ld;
  const double* t;
  std::int64_t row_step, column_step;
  bool unit;  ///< the diagonal is 1, whatever is stored there
  double* work;
};

/// x (k x n) <- l^-1 x with l (k x k) lower triangular, its diagonal 1 whatever is stored there.
struct LeftSolve {
  std::int64_t k, n;
  const double* l;
  std::int64_t l_ld;
  double* x;
  std::int64_t x_ld;
  double* work;
};

/// a (k x k) <- l and u with a[rows[i], :] = (l u)[i, :]; partial pivoting. A pivot below `least` in absolute
/// value becomes `least` with its sign.
struct Factorization {
  std::int64_t k;
  double* a;
  std::int64_t a_ld;
  std::int32_t* rows;
  double least;
  double* work;
};

/// x (k x n) <- x[rows, :]
struct RowOrder {
  std::int64_t k, n;
  const std::int32_t* rows;
  double* x;
  std::int64_t x_ld;
  double* work;
};

/// A run of consecutive numbers.
struct Run {
  std::int32_t from, to, length;
};

/// Adds a child's contribution (m x m) to its parent's front, which consists of four blocks: pivots (k x k),
/// lower (m x k), upper (k x m), rest (m x m). Row i of the child goes to row `to` of the front: below k to
/// pivots and upper, from k on, less k, to lower and rest. The first `n_own` runs end below k.
struct Assembly {
  const double* from;
  std::int64_t from_ld;
  const Run* runs;
  std::int64_t n_own, n_runs;
  std::int64_t k;
  double *pivots, *lower, *upper, *rest;
  std::int64_t k_ld, m_ld;
};

#define NONIDEAL_FLOW_KERNELS(isa)                            \
  namespace isa {                                             \
  void subtract_product(const Product& product);              \
  void solve_right(const RightSolve& solve);                  \
  void solve_left(const LeftSolve& solve);                    \
  /** Returns how many pivots were replaced. */               \
  std::int64_t factorize(const Factorization& factorization); \
  void order_rows(const RowOrder& order);                     \
  void assemble(const Assembly& assembly);                    \
  }
NONIDEAL_FLOW_KERNELS(baseline)
NONIDEAL_FLOW_KERNELS(avx2)
NONIDEAL_FLOW_KERNELS(avx512)
#undef NONIDEAL_FLOW_KERNELS

}  // namespace nonideal::flow::kernels
