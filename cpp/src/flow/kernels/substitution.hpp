#pragma once

#include <cstdint>

/// Triangular solves for one right-hand side, made to read the factors once and in order. What the library
/// and its kernels share; see dense.hpp for the layout of blocks and for round-off.
namespace nonideal::flow::kernels {

/// One front's part. `x` (k) and `rest` (m) begin at multiples of 64 bytes and have room for padded(k) and
/// padded(m) numbers; what lies beyond k and m may be overwritten, and must be finite (x: zero).
struct FrontSolve {
  std::int64_t k, m;
  const double *pivots, *lower, *upper;
  std::int64_t k_ld, m_ld;
  double *x, *rest;
};

#define NONIDEAL_FLOW_SUBSTITUTIONS(isa)             \
  namespace isa {                                    \
  /** x <- L^-1 x, rest -= lower x */                \
  void forward(const FrontSolve& solve);             \
  /** x <- U^-1 (x - upper rest) */                  \
  void backward(const FrontSolve& solve);            \
  /** x <- U^-T x, rest -= upper^T x */              \
  void forward_transposed(const FrontSolve& solve);  \
  /** x <- L^-T (x - lower^T rest) */                \
  void backward_transposed(const FrontSolve& solve); \
  }
NONIDEAL_FLOW_SUBSTITUTIONS(baseline)
NONIDEAL_FLOW_SUBSTITUTIONS(avx2)
NONIDEAL_FLOW_SUBSTITUTIONS(avx512)
#undef NONIDEAL_FLOW_SUBSTITUTIONS

}  // namespace nonideal::flow::kernels
