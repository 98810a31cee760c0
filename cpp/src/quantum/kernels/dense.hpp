#pragma once

#include <cstdint>

/// Small dense matrices on a long vector of complex (interleaved) or real numbers, whose index is a string of
/// bits. What dense.cpp and its kernels share: plain pointers. A matrix is row-major, complex ones as pairs.
namespace nonideal::quantum::kernels {

inline constexpr int kMaxDenseBits = 5;  ///< a matrix of 32 x 32
inline constexpr int kMinStateBits = 4;  ///< the longest vector register holds 16 numbers
inline constexpr int kChunkBits = 9;     ///< of a table of phases

#define NONIDEAL_DENSE_KERNELS(isa)                                                                        \
  namespace isa {                                                                                          \
  /** state (2^bits) <- matrix on the bits `targets` (ascending, `k` of them). */                          \
  void dense_complex_f64(double* state, int bits, int k, const int* targets, const double* matrix);        \
  void dense_complex_f32(float* state, int bits, int k, const int* targets, const double* matrix);         \
  void dense_real_f64(double* state, int bits, int k, const int* targets, const double* matrix);           \
  void dense_real_f32(float* state, int bits, int k, const int* targets, const double* matrix);            \
  /** state[i] *= scale * product of turns[j] over the bits j of i * table[i], for i < 2^bits, bits <=     \
      kChunkBits; `table` may be null; `turns` and `scale` are complex. */                                 \
  void phases_f64(double* state, int bits, const double* scale, const double* turns, const double* table); \
  void phases_f32(float* state, int bits, const double* scale, const double* turns, const double* table);  \
  }
NONIDEAL_DENSE_KERNELS(baseline)
NONIDEAL_DENSE_KERNELS(avx2)
NONIDEAL_DENSE_KERNELS(avx512)
#undef NONIDEAL_DENSE_KERNELS

}  // namespace nonideal::quantum::kernels
