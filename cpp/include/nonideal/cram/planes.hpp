#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "nonideal/base/export.hpp"

/// Bit planes: the bits of one column for all lanes, lane i in bit i % 64 of word i // 64. Unused bits are
/// zero.
namespace nonideal::cram {

constexpr std::int64_t plane_words(std::int64_t lanes) { return lanes / 64 + (lanes % 64 != 0 ? 1 : 0); }

/// values (lanes, words), row-major -> planes (words * bits, plane_words(lanes)), word after word, bit 0
/// first. Throws InvalidArgument, naming argument and index, for a value outside [0, 2^bits), or, where
/// `is_signed`, outside [-2^(bits-1), 2^(bits-1)). bits in [1, 63]. Cost: reads and writes each once.
NONIDEAL_API void pack(std::string_view argument, std::span<const std::int64_t> values, std::int64_t lanes,
                       std::int64_t words, int bits, bool is_signed, std::span<std::uint64_t> planes,
                       int num_threads = 0);

/// The inverse of pack.
NONIDEAL_API void unpack(std::span<const std::uint64_t> planes, std::int64_t lanes, std::int64_t words,
                         int bits, bool is_signed, std::span<std::int64_t> values, int num_threads = 0);

/// Fills planes (count, plane_words(lanes)) with independent fair bits. Bit i of plane c depends on (seed,
/// stream, c, first_lane + i) alone. Deterministic for every thread count. Throws InvalidArgument for
/// first_lane < 0 or stream >= 2^32.
NONIDEAL_API void uniform_planes(std::uint64_t seed, std::uint64_t stream, std::int64_t first_lane,
                                 std::int64_t lanes, std::int64_t count, std::span<std::uint64_t> planes,
                                 int num_threads = 0);

}  // namespace nonideal::cram
