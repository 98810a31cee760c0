#pragma once

#include <cstdint>

#include "nonideal/base/random.hpp"

/// What sampling.cpp and its kernel share: plain structs of raw pointers, no member functions.
namespace nonideal::quantum::kernels {

/// Arrays are aligned to 64 bytes and readable up to the next multiple of 16 numbers.
struct Binomials {
  double* values;        ///< probabilities in [0, 1] become successes; those beyond `count` are overwritten
  const double* trials;  ///< whole numbers below 2^31
  std::int64_t count;
  Words4 counter;  ///< of the first number; the next ones add 1 to word 0, which must not overflow
  std::uint64_t seed;
};

namespace baseline {
void count(const Binomials& binomials);
}  // namespace baseline
namespace avx2 {
void count(const Binomials& binomials);
}  // namespace avx2
namespace avx512 {
void count(const Binomials& binomials);
}  // namespace avx512

}  // namespace nonideal::quantum::kernels
