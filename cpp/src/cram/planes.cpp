#include "nonideal/cram/planes.hpp"

#include <algorithm>
#include <atomic>
#include <string>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "cram/counter.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/base/threads.hpp"
#include "nonideal/cram/simulate.hpp"

namespace nonideal::cram {
namespace {

constexpr int kMaxBits = 63;
constexpr std::int64_t kWordsPerTask = 64;
constexpr std::int64_t kMinValues = 1 << 14;  ///< per thread: below this, starting a thread costs more

/// Transposes an 8x8 bit matrix held in a word, row r in byte r (Hacker's Delight, 7-3).
std::uint64_t transpose8(std::uint64_t x) {
  std::uint64_t t = (x ^ (x >> 7)) & 0x00AA00AA00AA00AAull;
  x ^= t ^ (t << 7);
  t = (x ^ (x >> 14)) & 0x0000CCCC0000CCCCull;
  x ^= t ^ (t << 14);
  t = (x ^ (x >> 28)) & 0x00000000F0F0F0F0ull;
  x ^= t ^ (t << 28);
  return x;
}

void check_shape(std::int64_t lanes, std::int64_t words, int bits, std::size_t values, std::size_t planes) {
  detail::expect_at_least("lanes", lanes, 0);
  detail::expect_at_least("words", words, 1);
  detail::expect_within("bits", bits, 1, kMaxBits);
  detail::expect_count("values", "values", static_cast<std::int64_t>(values), lanes * words);
  detail::expect_count("planes", "words", static_cast<std::int64_t>(planes),
                       words * bits * plane_words(lanes));
}

}  // namespace

void pack(std::string_view argument, std::span<const std::int64_t> values, std::int64_t lanes,
          std::int64_t words, int bits, bool is_signed, std::span<std::uint64_t> planes, int num_threads) {
  check_shape(lanes, words, bits, values.size(), planes.size());
  const std::int64_t width = plane_words(lanes);
  const std::int64_t low = is_signed ? -(std::int64_t{1} << (bits - 1)) : 0;
  const auto span = std::uint64_t{1} << bits;
  const int threads = resolve_threads(num_threads, lanes * words, kMinValues);
  std::atomic<bool> outside{false};
  detail::for_blocks(width, kWordsPerTask, threads, [&](std::int64_t begin, std::int64_t end) {
    bool bad = false;
    for (std::int64_t word = begin; word < end; ++word) {
      const std::int64_t first = word * 64;
      const std::int64_t count = std::min<std::int64_t>(64, lanes - first);
      for (std::int64_t j = 0; j < words; ++j) {
        std::uint64_t rows[64] = {};
        for (std::int64_t i = 0; i < count; ++i) {
          const std::int64_t value = values[static_cast<std::size_t>((first + i) * words + j)];
          bad |= static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(low) >= span;
          rows[i] = static_cast<std::uint64_t>(value);
        }
        for (int byte = 0; byte * 8 < bits; ++byte) {
          std::uint64_t plane[8] = {};
          for (int group = 0; group < 8; ++group) {
            std::uint64_t square = 0;
            for (int i = 0; i < 8; ++i) square |= ((rows[group * 8 + i] >> (8 * byte)) & 0xFF) << (8 * i);
            square = transpose8(square);
            for (int bit = 0; bit < 8; ++bit) plane[bit] |= ((square >> (8 * bit)) & 0xFF) << (8 * group);
          }
          for (int bit = 0; bit < std::min(8, bits - 8 * byte); ++bit) {
            planes[static_cast<std::size_t>((j * bits + 8 * byte + bit) * width + word)] = plane[bit];
          }
        }
      }
    }
    if (bad) outside.store(true, std::memory_order_relaxed);
  });
  if (!outside.load()) return;
  for (std::size_t i = 0; i < values.size(); ++i) {  // found again, serially, for the message
    if (static_cast<std::uint64_t>(values[i]) - static_cast<std::uint64_t>(low) < span) continue;
    const auto index = static_cast<std::int64_t>(i);
    const std::string where = words == 1
                                  ? std::to_string(index)
                                  : std::to_string(index / words) + ", " + std::to_string(index % words);
    detail::expect_within(std::string(argument) + "[" + where + "]", values[i], low,
                          static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + span - 1));
  }
}

void unpack(std::span<const std::uint64_t> planes, std::int64_t lanes, std::int64_t words, int bits,
            bool is_signed, std::span<std::int64_t> values, int num_threads) {
  check_shape(lanes, words, bits, values.size(), planes.size());
  const std::int64_t width = plane_words(lanes);
  const int threads = resolve_threads(num_threads, lanes * words, kMinValues);
  const int shift = 64 - bits;
  detail::for_blocks(width, kWordsPerTask, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t word = begin; word < end; ++word) {
      const std::int64_t first = word * 64;
      const std::int64_t count = std::min<std::int64_t>(64, lanes - first);
      for (std::int64_t j = 0; j < words; ++j) {
        std::uint64_t rows[64] = {};
        for (int byte = 0; byte * 8 < bits; ++byte) {
          std::uint64_t plane[8] = {};
          for (int bit = 0; bit < std::min(8, bits - 8 * byte); ++bit) {
            plane[bit] = planes[static_cast<std::size_t>((j * bits + 8 * byte + bit) * width + word)];
          }
          for (int group = 0; group < 8; ++group) {
            std::uint64_t square = 0;
            for (int bit = 0; bit < 8; ++bit) square |= ((plane[bit] >> (8 * group)) & 0xFF) << (8 * bit);
            square = transpose8(square);
            for (int i = 0; i < 8; ++i) rows[group * 8 + i] |= ((square >> (8 * i)) & 0xFF) << (8 * byte);
          }
        }
        for (std::int64_t i = 0; i < count; ++i) {
          const std::uint64_t row = rows[i];
          values[static_cast<std::size_t>((first + i) * words + j)] =
              is_signed ? static_cast<std::int64_t>(row << shift) >> shift : static_cast<std::int64_t>(row);
        }
      }
    }
  });
}

void uniform_planes(std::uint64_t seed, std::uint64_t stream, std::int64_t first_lane, std::int64_t lanes,
                    std::int64_t count, std::span<std::uint64_t> planes, int num_threads) {
  detail::expect_at_least("lanes", lanes, 0);
  detail::expect_at_least("count", count, 0);
  expect_lanes(first_lane, lanes);
  expect_stream(stream);
  const std::int64_t width = plane_words(lanes);
  detail::expect_count("planes", "words", static_cast<std::int64_t>(planes.size()), count * width);
  // A 64-lane word of the run is half a Philox call: word v of a block is half v % 2 of draw v / 2.
  const auto run_word = [&](std::int64_t column, std::int64_t word) {
    const Counter counter(Purpose::kUniformOperand, stream, word * 64 / kBlockLanes);
    const auto within = static_cast<std::uint32_t>(word % (kBlockLanes / 64));
    const Words4 bits = philox(counter.words(static_cast<std::uint32_t>(column), within / 2), seed);
    const std::uint32_t half = 2 * (within % 2);
    return std::uint64_t{bits.w[half]} | std::uint64_t{bits.w[half + 1]} << 32;
  };
  const int shift = static_cast<int>(first_lane % 64);
  const int threads = resolve_threads(num_threads, lanes * count, kMinValues * 64);
  detail::for_blocks(count * width, 1024, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t column = i / width;
      const std::int64_t word = i % width;
      const std::int64_t source = first_lane / 64 + word;
      std::uint64_t bits = run_word(column, source) >> shift;
      if (shift != 0) bits |= run_word(column, source + 1) << (64 - shift);
      const std::int64_t rest = lanes - word * 64;
      if (rest < 64) bits &= (std::uint64_t{1} << rest) - 1;
      planes[static_cast<std::size_t>(i)] = bits;
    }
  });
}

}  // namespace nonideal::cram
