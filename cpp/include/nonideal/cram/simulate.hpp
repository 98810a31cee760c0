#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/cram/cells.hpp"
#include "nonideal/cram/gates.hpp"
#include "nonideal/cram/program.hpp"

/// Bit-sliced Monte Carlo simulation of programs whose gates err: 64 lanes in a machine word, tiled over
/// lanes.
///
/// Random numbers: Philox4x32-10 with key = seed. Counter word 0 is the gate number (its place in the
/// program, 32 bits); word 1 the low half of the lane block (absolute lane / 4096); word 2, from its lowest
/// bit, draw (16 bits), high part of the lane block (8), purpose (8: Purpose::kGateError); word 3 the stream.
/// So the bits of a lane depend on (program, error table, seed, stream, absolute lane number) alone.
///
/// What the draws of one (gate, block) mean; w0 .. w3 are the words of a draw, p[k] the error probability of
/// state k, p_max the largest one, rate(p) = -log(1 - 2p) / 2:
///
/// Sparse, p_max at most the limit below. The number of points N is the number of n >= 0 with
/// u < floor(2^64 P(Poisson(4096 rate(p_max)) > n)), u = 2^32 w0 of draw 0 + w0 of draw 0x7FFF. Every point
/// flips the lane of the block that it names; two points in a lane cancel.
///
/// Sparse, p alike in all states: points are 12-bit lane numbers. Draw 0 holds seven: five in w1 + 2^32 w2
/// and two in w3, lowest bits first. Draws 1, 2, ... hold ten each: five in w0 + 2^32 w1, five in
/// w2 + 2^32 w3.
///
/// Sparse, otherwise: points are 32-bit words, w1 .. w3 of draw 0, then w0 .. w3 of draws 1, 2, ... The low
/// 12 bits are the lane. The point counts where its high 20 bits are below floor(A), with
/// A = 2^20 rate(p[k]) / rate(p_max) of the lane's state k. Where they equal floor(A), point i = 0, 1, ...
/// counts if w0 of draw 0x8000 + i is below floor(2^32 (A - floor(A))).
///
/// Dense, p_max above the limit. A lane is wrong where its 32 random bits are below 2^32 p[k], rounded to a
/// whole number (so probabilities are exact to 2^-33). Bit 31 - (4i + j) of the lanes 512g .. 512g + 511 of
/// the block is word j of the draws 1 + 16(8g + i) and the 15 that follow, the lowest lane in the lowest bit
/// of the first.
///
/// Cells with probabilities of their own (CellErrors), p_max the largest of the instruction's in any row and
/// state. Up to the limit for gates that err differently by state: points as in "Sparse, otherwise"; point i
/// counts where the 32 bits of its high 20 and the top 12 of w0 of draw 0x8000 + i are below 2^32 rate(p) /
/// rate(p_max), rounded. Above it: lane l of the block is wrong where word (l % 64) / 16 of draw 1 + 16 (l /
/// 64) + l % 16 is below 2^32 p, rounded. What rounds to 2^32 - 1 or more means always.
namespace nonideal::cram {

/// Lanes that share one stretch of the random numbers. Fixed for a version.
inline constexpr std::int64_t kBlockLanes = 4096;

/// Where the largest error probability of a gate lies above this, errors are drawn lane by lane (bit planes
/// are compared); below it as sparse points of a Poisson process. The limits are where both take the
/// same time (benchmarks/cram.py, "crossover"), for gates that err alike in all states and for others.
inline constexpr double kSparseLimitUniform = 0.32;
inline constexpr double kSparseLimitState = 0.16;

struct RunOptions {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;     ///< in [0, 2^32): independent runs of one seed
  std::int64_t first_lane = 0;  ///< this call computes lanes first_lane, first_lane + 1, ... of the run
  std::int64_t tile_lanes = 0;  ///< 0: chosen for the caches; else a multiple of kBlockLanes
  int num_threads = 0;          ///< 0: the default
};

/// One input column for all lanes of a call: lane i reads bit (i / repeat) % entries of `words`.
struct InputPlane {
  const std::uint64_t* words = nullptr;
  std::int64_t repeat = 1;
  std::int64_t entries = 0;  ///< 0: as many as the call has lanes
};

/// What happened, per instruction and number of 1-inputs: lanes seen, and how many of them got a wrong
/// output.
struct Activity {
  std::vector<std::int64_t> lanes;  ///< num_gates * kMaxStates
  std::vector<std::int64_t> flips;  ///< num_gates * kMaxStates
};

/// A program compiled for one error table, or for a table per cell.
class NONIDEAL_API Simulator {
 public:
  /// Throws InvalidArgument where the table lacks a gate of the program.
  Simulator(const Program& program, const GateTable& table);

  /// Instruction i errs as table `table_of_instruction[i]` of `cells` says, lane n (absolute) as row n %
  /// rows. Keeps the tables, without a copy. Throws InvalidArgument where a number is none of a table, or
  /// that of another gate's.
  Simulator(const Program& program, const CellErrors& cells,
            std::span<const std::int32_t> table_of_instruction);

  /// Columns of all input ports, in order; run() takes a plane for each.
  std::int64_t num_input_planes() const;
  std::int64_t num_output_planes() const;

  /// Runs `lanes` lanes. Planes hold plane_words(lanes) words; outputs must not overlap inputs. Activity,
  /// where given, is set (not added to). Const and safe to call from several threads. Throws InvalidArgument
  /// (counts of planes, lanes < 0, first_lane < 0 or beyond 2^52 lanes, a tile that is no multiple of
  /// kBlockLanes, stream >= 2^32) before anything is written; never from within the loop. Deterministic: the
  /// same bits for every thread count, tile and instruction set. Cost: scratch of live columns * tile_lanes
  /// / 8 bytes per thread: operands are expanded when they are needed. Known sequences of gates (full adder
  /// of nine NAND2, half adder, AND) are computed at once in blocks where none of them errs, with the gates'
  /// own bits.
  void run(std::span<const std::uint64_t* const> input_planes, std::span<std::uint64_t* const> output_planes,
           std::int64_t lanes, const RunOptions& options, Activity* activity = nullptr) const;
  void run(std::span<const InputPlane> input_planes, std::span<std::uint64_t* const> output_planes,
           std::int64_t lanes, const RunOptions& options, Activity* activity = nullptr) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace nonideal::cram
