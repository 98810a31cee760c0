#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/quantum/circuit.hpp"
#include "nonideal/quantum/noise.hpp"

/// Noisy circuits too large for a density matrix: Monte Carlo wave functions (Dalibard, Castin, Moelmer,
/// Phys. Rev. Lett. 68, 580, 1992). Behind every noisy gate one Kraus operator is drawn with its probability
/// in the state at hand; those of Pauli channels are Pauli strings, whose probabilities do not depend on the
/// state, and shots that draw the same ones share a run.
///
/// Random numbers: Philox4x32-10, key = seed; counter word 0: shot; word 1: number of the circuit; word 2,
/// from its lowest bit: block (24 bits), Purpose::kTrajectory (8 bits); word 3: stream. Uniform numbers are
/// used in the order: noisy gates, outcome, readout of qubits. A shot depends on (circuit, parameters, seed,
/// stream, number of the circuit, number of the shot) alone, to the bit, up to the C library's sines and
/// cosines.
namespace nonideal::quantum {

struct TrajectoryOptions {
  std::int64_t shots = 1;  ///< in [1, 2^32)
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;  ///< in [0, 2^32)
  std::int64_t circuit = 0;  ///< number of the circuit, in [0, 2^32)
  int num_threads = 0;
};

/// counts[outcome] (2^k) of measuring these qubits, readout errors included; the first is the lowest bit.
/// Throws InvalidArgument for options, qubits or parameters out of range, gates that `noise` refuses, and
/// states that do not fit into memory.
NONIDEAL_API void trajectory_counts(const Circuit& circuit, const NoiseModel& noise,
                                    std::span<const double> parameters, std::span<const int> qubits,
                                    const TrajectoryOptions& options, std::span<std::int64_t> counts);

/// Mean over trajectories of each Pauli string (x and z masks, both: Y) in the state at their end, without
/// readout errors, and the variance of that mean: that of the sample. Where fewer than two shots differ from
/// the others (always with one shot) it is not below that of two shots at the other end of [-1, 1], as rare
/// errors may not have been seen; 0 without noisy gates. Throws as trajectory_counts() does. Memory does not
/// grow with the shots.
NONIDEAL_API void trajectory_expectation(const Circuit& circuit, const NoiseModel& noise,
                                         std::span<const double> parameters,
                                         std::span<const std::pair<std::uint64_t, std::uint64_t>> terms,
                                         const TrajectoryOptions& options, std::span<double> means,
                                         std::span<double> variances);

}  // namespace nonideal::quantum
