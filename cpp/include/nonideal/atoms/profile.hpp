#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nonideal/atoms/potential.hpp"
#include "nonideal/base/export.hpp"

namespace nonideal::atoms {

/// What one kernel, or another part of an evaluation, took in all its calls.
struct KernelTime {
  std::string name;
  double seconds = 0;
  std::int64_t calls = 0;
  double operations = 0;  ///< additions and multiplications, of products of matrices alone; else 0
};

/// Where an evaluation on one thread spends its time: first "neighbors", the search; then every kernel that
/// was called, by its name; at last "rest", what is left of the whole. Atoms are taken in the order given. A
/// clock is read before and after every call of a kernel, so the sum is some percent above that of
/// Potential::compute(), whose exceptions this throws.
NONIDEAL_API std::vector<KernelTime> profile(const Potential& potential, std::span<const double> positions,
                                             std::span<const std::int32_t> numbers, const Cell& cell,
                                             const Request& request = {});

}  // namespace nonideal::atoms
