#pragma once

#include <cstdint>

/// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC'11).
/// The functions are static, so that kernel objects of different instruction sets hold no weak symbol.

namespace nonideal {

/// What random numbers are drawn for. Every purpose has its own part of the counter space, so that two draws
/// for different purposes never share bits: it stands in the top byte of counter word 2, in every topic.
/// Numbers are never reused or renumbered.
enum class Purpose : std::uint32_t {
  kGateError = 1,       ///< nonideal::cram: does the output cell of a gate hold the wrong bit?
  kUniformOperand = 2,  ///< nonideal::cram: uniformly drawn operands of a Monte Carlo run
  kSeed = 3,            ///< seeds that are derived from a seed (Python: nonideal.seeds)
  // 4 is free
  kMacrospin = 5,      ///< nonideal::cram: initial states and thermal fields of magnetic moments
  kFault = 6,          ///< nonideal::cram: which gates have a candidate fault, and whether it happens
  kDistanceShots = 7,  ///< nonideal::quantum: shots of distance circuits
  kTrajectory = 8,     ///< nonideal::quantum: jumps and outcomes of trajectories
  kFold = 9,           ///< nonideal::quantum: which gates are folded once more
  kCounts = 10,        ///< nonideal::quantum: counts drawn from given probabilities
};

struct Words4 {
  std::uint32_t w[4];
};

inline constexpr std::uint32_t kPhiloxMultiplier[2] = {0xD2511F53u, 0xCD9E8D57u};
inline constexpr std::uint32_t kPhiloxWeyl[2] = {0x9E3779B9u, 0xBB67AE85u};

/// The 128 bits that belong to a 128-bit counter under a 64-bit key; counter word 0 is the lowest.
[[maybe_unused]] static inline Words4 philox(Words4 counter, std::uint64_t key) {
  std::uint32_t c0 = counter.w[0], c1 = counter.w[1], c2 = counter.w[2], c3 = counter.w[3];
  auto k0 = static_cast<std::uint32_t>(key);
  auto k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{kPhiloxMultiplier[0]} * c0;
    const std::uint64_t p1 = std::uint64_t{kPhiloxMultiplier[1]} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    k0 += kPhiloxWeyl[0];
    k1 += kPhiloxWeyl[1];
  }
  return {{c0, c1, c2, c3}};
}

/// The house's general form: key = seed, counter = (stream, index).
[[maybe_unused]] static inline Words4 philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  return philox({{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                  static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)}},
                seed);
}

/// Uniform in [0, 1) with 53 random bits.
[[maybe_unused]] static inline double uniform53(std::uint32_t a, std::uint32_t b) {
  return (static_cast<double>(a >> 5) * 67108864.0 + static_cast<double>(b >> 6)) * 0x1p-53;
}

}  // namespace nonideal
