#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nonideal/cram/planes.hpp"
#include "nonideal/cram/simulate.hpp"

/// Simulator runs on planes that lie one after the other in one vector.

inline std::vector<std::uint64_t> uniform_inputs(const nonideal::cram::Simulator& simulator,
                                                 std::int64_t lanes, std::uint64_t seed = 99,
                                                 std::int64_t first_lane = 0) {
  const std::int64_t count = simulator.num_input_planes();
  std::vector<std::uint64_t> planes(static_cast<std::size_t>(count * nonideal::cram::plane_words(lanes)));
  nonideal::cram::uniform_planes(seed, 0, first_lane, lanes, count, planes, 1);
  return planes;
}

template <class Word>
std::vector<Word*> rows(std::span<Word> planes, std::int64_t count, std::int64_t lanes) {
  std::vector<Word*> pointers;
  for (std::int64_t i = 0; i < count; ++i) {
    pointers.push_back(planes.data() + i * nonideal::cram::plane_words(lanes));
  }
  return pointers;
}

inline std::vector<std::uint64_t> simulate(const nonideal::cram::Simulator& simulator,
                                           const std::vector<std::uint64_t>& inputs, std::int64_t lanes,
                                           const nonideal::cram::RunOptions& options,
                                           nonideal::cram::Activity* activity = nullptr) {
  const std::int64_t count = simulator.num_output_planes();
  std::vector<std::uint64_t> outputs(static_cast<std::size_t>(count * nonideal::cram::plane_words(lanes)),
                                     0xAAAA'AAAA'AAAA'AAAA);  // every word is to be written
  const auto in = rows(std::span<const std::uint64_t>(inputs), simulator.num_input_planes(), lanes);
  const auto out = rows(std::span<std::uint64_t>(outputs), count, lanes);
  simulator.run(in, out, lanes, options, activity);
  return outputs;
}

/// FNV-1a over the bytes, lowest first.
inline std::uint64_t hash(std::span<const std::uint64_t> words) {
  std::uint64_t state = 0xcbf29ce484222325;
  for (const std::uint64_t word : words) {
    for (int byte = 0; byte < 8; ++byte) {
      state = (state ^ (word >> (8 * byte) & 0xFF)) * 0x100000001b3;
    }
  }
  return state;
}
