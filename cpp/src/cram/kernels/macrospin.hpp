#pragma once

#include <cstdint>

#include "nonideal/base/random.hpp"

/// What macrospin.cpp and its kernels share: plain structs of raw pointers, no member functions.
namespace nonideal::cram::kernels {

inline constexpr int kSpins = 64;            ///< trajectories that advance together
inline constexpr int kStepsPerWord = 3;      ///< nine random bits each
inline constexpr int kStepsPerDraw = 12;     ///< steps that one Philox call has noise for
inline constexpr int kBitsPerComponent = 3;  ///< sign, and two that choose the large value together

/// So many equal steps of kSpins trajectories. Angles are what a field turns m by in one step: with x = gamma
/// mu0 H_k dt / (1 + alpha^2), the anisotropy turns by x.
struct SpinStretch {
  float* m[3];              ///< components, kSpins each, aligned to 64 bytes
  std::int64_t first_step;  ///< since the start of the trajectory
  std::int64_t steps;
  float anisotropy;  ///< x
  float field;       ///< x f alpha i
  float damping;     ///< alpha
  float torque;      ///< x alpha i
  float small;       ///< the two absolute values of a noise increment
  float large;
  Words4 counter;  ///< of the first trajectory; word 1 is filled in
  std::uint64_t seed;
};

namespace baseline {
void advance_spins(const SpinStretch& stretch);
}
namespace avx2 {
void advance_spins(const SpinStretch& stretch);
}
namespace avx512 {
void advance_spins(const SpinStretch& stretch);
}

}  // namespace nonideal::cram::kernels
