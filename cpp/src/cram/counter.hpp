#pragma once

#include <cstdint>

#include "base/check.hpp"
#include "nonideal/base/random.hpp"

/// How this topic packs Philox's four counter words: gate or column; low half of the lane block; draw (16
/// bits), high part of the lane block (8), purpose (8); stream.
namespace nonideal::cram {

inline constexpr std::int64_t kMaxLanes = std::int64_t{1} << 52;  // 2^40 blocks of 4096

inline void expect_stream(std::uint64_t stream) {
  if (stream >> 32 != 0)
    throw InvalidArgument("stream = " + std::to_string(stream) + " is outside [0, 2^32)");
}

inline void expect_lanes(std::int64_t first_lane, std::int64_t lanes) {
  detail::expect_at_least("first_lane", first_lane, 0);
  if (first_lane > kMaxLanes - lanes) {
    throw InvalidArgument("first_lane + lanes = " + std::to_string(first_lane) + " + " +
                          std::to_string(lanes) + " is above 2^52");
  }
}

/// The part of the counter that a lane block shares; gate and draw are filled in per call. Always inlined:
/// kernels of every instruction set include this, and none of them may leave a weak symbol behind.
class Counter {
 public:
  [[gnu::always_inline]] Counter(Purpose purpose, std::uint64_t stream, std::int64_t block)
      : low_(static_cast<std::uint32_t>(block)),
        high_((static_cast<std::uint32_t>(block >> 32) << 16) | (static_cast<std::uint32_t>(purpose) << 24)),
        stream_(static_cast<std::uint32_t>(stream)) {}

  [[gnu::always_inline]] Words4 words(std::uint32_t gate, std::uint32_t draw) const {
    return {{gate, low_, high_ | draw, stream_}};
  }

 private:
  std::uint32_t low_, high_, stream_;
};

}  // namespace nonideal::cram
