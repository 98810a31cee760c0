#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/cram/gates.hpp"
#include "nonideal/cram/program.hpp"
#include "nonideal/cram/simulate.hpp"

/// How wrong the results of a program are: without sampling, and by the number of faults.
///
/// Exact results come from a frontier: the joint distribution of the cells that are still read. A gate maps
/// it to a new one, a cell that nobody reads any more is summed over. The frontier has 2^w states for w live
/// cells that are not certain; a cell that several gates read stays one cell, so that they see the same wrong
/// bit.
///
/// All results are bitwise equal for every thread count and instruction set.
namespace nonideal::cram {

/// The joint distribution of all output columns for one input.
///
/// `inputs` holds 0 or 1 for each column of the input ports, in order. Entry i of the result is the
/// probability that output column j (ports in order) holds bit j of i, for all j. Throws InvalidArgument for
/// a wrong number of inputs, other values, a gate that the table lacks, and where the frontier (or the
/// result) has more than `max_states` states. Cost: 16 bytes per state, gates * states operations.
NONIDEAL_API std::vector<double> distribution(const Program& program, const GateTable& table,
                                              std::span<const std::uint8_t> inputs,
                                              std::int64_t max_states = std::int64_t{1} << 22);

/// Expectations over inputs and gate errors; y is the word of an output port, y* the correct one.
struct ErrorMoments {
  double error_rate = 0.0;             ///< P(y != y*)
  double bias = 0.0;                   ///< E (y - y*)
  double distance = 0.0;               ///< E |y - y*|
  double square = 0.0;                 ///< E (y - y*)^2
  double relative = 0.0;               ///< sum over inputs with y* != 0 of E |y - y*| / |y*|
  std::int64_t relative_inputs = -1;   ///< how many inputs that sum has; -1: not known (see exact)
  std::int64_t worst = 0;              ///< largest |y - y*| of probability > 0
  std::int64_t largest = 0;            ///< largest |y*|
  std::vector<double> bit_error_rate;  ///< P(bit i of y is wrong)
};

/// For given inputs, each as likely as any other: a plane per input column, as Simulator::run takes them.
/// `port` is the number of an output port of one word. Throws InvalidArgument as distribution does, and for
/// lanes < 1. Cost: lanes * gates * states; 80 bytes per state and thread.
NONIDEAL_API ErrorMoments exact(const Program& program, const GateTable& table, std::int64_t port,
                                std::span<const InputPlane> inputs, std::int64_t lanes,
                                std::int64_t max_states = std::int64_t{1} << 22, int num_threads = 0);

/// For all inputs. Either input after input, as above, or at once, with the input bits as random cells of the
/// frontier beside the correct values: this is how a 62-bit adder is done. The second way is taken where the
/// first would need more than 2^30 state visits or has more than 24 input bits; it leaves `relative` unknown.
NONIDEAL_API ErrorMoments exact(const Program& program, const GateTable& table, std::int64_t port,
                                std::int64_t max_states = std::int64_t{1} << 22, int num_threads = 0);

/// Sums over lanes of powers of the error distance of wrong lanes.
struct FaultSums {
  std::int64_t lanes = 0;
  std::int64_t wrong = 0;
  double signed_error = 0.0;
  double distance = 0.0;
  double square = 0.0;
  double fourth = 0.0;
};

/// Runs every lane with candidate faults in exactly `faults` gates, a uniformly drawn set of those that
/// `acceptance` lets err at all, and compares output port `port` with the correct one.
///
/// A candidate flips the output of its gate with probability acceptance[k] of the gate's number k of 1-inputs
/// at that moment: so a table e_k is that of max(e) and acceptance e_k / max(e). Random numbers:
/// Philox4x32-10, counter word 0 = lane within its block of 4096 + 4096 * candidate, word 1 the block, word 3
/// the number of faults, purpose kFault; words 0 and 1 choose the gate (Floyd's algorithm), words 2 and 3
/// accept. Throws InvalidArgument for faults outside [0, number of gates that can err], more than 2^20 of
/// them, or as Simulator::run does. Cost: two evaluations of the program and `faults` random numbers a lane.
NONIDEAL_API FaultSums strata(const Program& program, const GateTable& acceptance, std::int64_t port,
                              std::int64_t faults, std::span<const InputPlane> inputs, std::int64_t lanes,
                              std::uint64_t seed, int num_threads = 0);

/// What flipping the output of one gate does, for every gate and number k of its 1-inputs: entry
/// gate * kMaxStates + k. The lanes of an entry are those in which the gate sees k ones. Cost: lanes * (gates
/// that a gate's output reaches), summed over gates, and gates^2 steps per 4096 lanes to find these. Memory:
/// 512 bytes for a value of the program and thread.
NONIDEAL_API std::vector<FaultSums> sensitivity(const Program& program, std::int64_t port,
                                                std::span<const InputPlane> inputs, std::int64_t lanes,
                                                int num_threads = 0);

}  // namespace nonideal::cram
