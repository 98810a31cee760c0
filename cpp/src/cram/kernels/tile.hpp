#pragma once

#include <cstdint>

/// What the caller (simulate.cpp, compiled for everyone) and the kernels (compiled per instruction set)
/// share: plain structs of raw pointers. Nothing here has a member function that could become a weak symbol.
namespace nonideal::cram::kernels {

inline constexpr int kBlockWords = 64;     ///< 4096 lanes
inline constexpr int kPositionBits = 12;   ///< log2 of the lanes in a block
inline constexpr int kChunkSteps = 128;    ///< gates of a part of a program, at most
inline constexpr int kMaxTileBlocks = 16;  ///< lane blocks in a tile, at most

enum class Method : std::uint8_t {
  none,     ///< never wrong
  uniform,  ///< same probability in every state: sparse points, each flips its lane
  state,    ///< sparse points at the largest rate, each accepted with the probability of its lane's state
  dense,    ///< every lane compares 32 random bits with the probability of its state
  cells_sparse,  ///< as state, with the probability of its row and state
  cells_dense,   ///< as dense, likewise
};

/// How errors of one kind of gate are drawn.
///
/// Sparse points: a block gets N ~ Poisson(4096 * rate) points, each in a uniformly drawn lane, and every
/// point flips its lane. A lane's number of points is then Poisson(rate), independent of all other lanes, and
/// the lane ends wrong if it is odd: with probability (1 - exp(-2 rate)) / 2. So rate = -log(1 - 2p) / 2
/// makes exactly p, and no point needs to know of another one. Thinning a point with acceptance rate_k /
/// rate_max gives state k its own p_k.
struct Noise {
  Method method;
  std::uint8_t fan_in;
  std::uint8_t preset;
  std::uint8_t threshold;
  std::int32_t eager;             ///< points that are applied without a branch on their number
  std::uint64_t quiet;            ///< no point where the high half of the random word is at least this
  const std::uint64_t* survival;  ///< 2^64 P(N > n), n = 0, 1, ..., ends with 0
  const std::uint16_t* guide;     ///< number of points to start from, by the top 8 bits of the random word
  std::uint32_t accept[6];        ///< acceptance per state, in units of 2^-20 ...
  std::uint32_t accept_rest[6];   ///< ... and what is left of it, in units of 2^-52
  std::uint32_t probability[6];   ///< dense: in units of 2^-32
  bool always[6];                 ///< dense: probability 1
  const std::uint32_t* cells;     ///< per row and state, 2^fan_in to a row: see CellErrors
};

/// One gate. Columns are slots of the scratch memory from here on.
struct Step {
  std::uint8_t gate;   ///< cram::Gate
  bool sparse;         ///< draws from the shared batches of Philox calls
  std::int32_t noise;  ///< index into the table of Noise
  std::int32_t output;
  std::int32_t inputs[5];  ///< unused ones repeat the first
};

/// What is done at once: one gate, or the gates of a pattern, which are computed in registers in blocks where
/// none of them draws a point.
struct Operation {
  std::int32_t pattern;  ///< index into kPatterns; -1: a single gate
  std::int32_t first;    ///< step
  std::int32_t count;    ///< steps
  std::int32_t inputs[3];
  std::int32_t outputs[2];
};

/// Part of a program for one tile of `blocks` lane blocks: operations that cover at most kChunkSteps steps.
struct Tile {
  const Step* steps;  ///< of the whole program: their index is the gate number
  const Operation* operations;
  std::int32_t count;  ///< of operations
  bool sparse;         ///< whether any of the steps is
  const Noise* noise;
  std::uint64_t* const* slots;  ///< blocks * kBlockWords words each
  std::int64_t first_block;     ///< absolute
  std::int32_t blocks;
  std::int64_t rows;  ///< of cells: lane i sits in row i % rows
  std::uint64_t seed;
  std::uint64_t stream;
  const std::uint64_t* valid;  ///< lanes that count for the activity; null: no activity wanted
  std::int64_t* lanes_seen;    ///< 6 per step of the program
  std::int64_t* flips;         ///< likewise
};

namespace baseline {
void run_tile(const Tile& tile);
}
namespace avx2 {
void run_tile(const Tile& tile);
}
namespace avx512 {
void run_tile(const Tile& tile);
}

}  // namespace nonideal::cram::kernels
