#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/cram/gates.hpp"
#include "nonideal/cram/program.hpp"

/// Bit-sliced Monte Carlo simulation of programs whose gates err: 64 lanes in a machine word, tiled over
/// lanes.
///
/// Random numbers: Philox4x32-10 with key = seed. The 128-bit counter is, from the lowest bit: gate number
/// (32 bits), lane block (40), draw (16), purpose (8), stream (32). So the bits of a lane depend on (program,
/// error table, seed, stream, absolute lane number) alone.
namespace nonideal::cram {

/// Lanes that share one stretch of the random numbers. Fixed for a version.
inline constexpr std::int64_t kBlockLanes = 4096;

/// Where the largest error probability of a gate lies above this, errors are drawn lane by lane (bit planes
/// are compared); below it as sparse points of a Poisson process. Both are exact; the limits are where both
/// take the same time (benchmarks/cram.py, "crossover"), for gates that err alike in all states and for
/// others.
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

/// A program compiled for one error table.
class NONIDEAL_API Simulator {
 public:
  /// Throws InvalidArgument where the table lacks a gate of the program.
  Simulator(const Program& program, const GateTable& table);

  /// Columns of all input ports, in order; run() takes a plane for each.
  std::int64_t num_input_planes() const;
  std::int64_t num_output_planes() const;

  /// Runs `lanes` lanes. Planes hold plane_words(lanes) words and may be unaligned; outputs must not overlap
  /// inputs. Activity, where given, is set (not added to). Const and safe to call from several threads.
  /// Throws InvalidArgument (counts of planes, lanes < 0, first_lane < 0 or beyond 2^52 lanes, a tile that is
  /// no multiple of kBlockLanes, stream >= 2^32) before anything is written; never from within the loop.
  /// Deterministic: the same bits for every thread count, tile and instruction set.
  /// Cost: scratch of columns * tile_lanes / 8 bytes per thread.
  void run(std::span<const std::uint64_t* const> input_planes, std::span<std::uint64_t* const> output_planes,
           std::int64_t lanes, const RunOptions& options, Activity* activity = nullptr) const;
  void run(std::span<const InputPlane> input_planes, std::span<std::uint64_t* const> output_planes,
           std::int64_t lanes, const RunOptions& options, Activity* activity = nullptr) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace nonideal::cram
