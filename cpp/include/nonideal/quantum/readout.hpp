#pragma once

#include <span>

#include "nonideal/base/export.hpp"
#include "nonideal/quantum/noise.hpp"

namespace nonideal::quantum {

/// Turns probabilities of what is there (2^k, qubits[0] the lowest bit of the index) into those of what is
/// read under the readout errors of `noise`, in place. Throws InvalidArgument unless the sizes fit.
NONIDEAL_API void apply_readout(std::span<double> probabilities, std::span<const int> qubits,
                                const NoiseModel& noise);

}  // namespace nonideal::quantum
