#pragma once

#include <cstdint>

namespace nonideal::detail {

/// The first address from `memory` on that is a multiple of 64 bytes: at most 7 doubles further.
inline double* aligned(double* memory) {
  return memory + (64 - reinterpret_cast<std::uintptr_t>(memory) % 64) % 64 / sizeof(double);
}

}  // namespace nonideal::detail
