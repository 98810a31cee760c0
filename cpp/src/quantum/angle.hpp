#pragma once

#include <cmath>
#include <string>

#include "base/check.hpp"
#include "nonideal/quantum/circuit.hpp"

namespace nonideal::quantum {

/// False for NaN, too.
inline bool allowed_angle(double angle) { return std::abs(angle) <= kMaxAngle; }

[[noreturn]] inline void refuse_angle(const std::string& name, double angle) {
  throw InvalidArgument(name + " = " + nonideal::detail::shortest(angle) +
                        (std::isfinite(angle) ? " is outside [-2^52, 2^52]" : " is not finite"));
}

}  // namespace nonideal::quantum
