#include "atoms/sha256.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace nonideal::atoms::detail {
namespace {

/// The first 32 bits of the fractional part of the square or cube root of `prime`, by bisection on integers.
constexpr std::uint32_t root_bits(std::uint64_t prime, int power) {
  std::uint64_t low = 0, high = std::uint64_t{1} << 37;  // root * 2^32; the roots are below 20
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    // middle^power <= prime * 2^(32 power), in 128 and 192 bits
    __extension__ typedef unsigned __int128 Wide;
    const Wide square = static_cast<Wide>(middle) * middle;
    bool below = false;
    if (power == 2) {
      below = square <= static_cast<Wide>(prime) << 64;
    } else {
      const Wide low_part = (square & UINT64_MAX) * middle;
      const Wide high_part = (square >> 64) * middle + (low_part >> 64);
      below = high_part < static_cast<Wide>(prime) << 32;
    }
    (below ? low : high) = middle;
  }
  return static_cast<std::uint32_t>(low);
}

constexpr auto kPrimes = [] {
  std::array<std::uint64_t, 64> primes{};
  std::size_t found = 0;
  for (std::uint64_t n = 2; found < primes.size(); ++n) {
    bool prime = true;
    for (std::size_t i = 0; i < found && primes[i] * primes[i] <= n; ++i) prime = prime && n % primes[i] != 0;
    if (prime) primes[found++] = n;
  }
  return primes;
}();

constexpr auto kRounds = [] {
  std::array<std::uint32_t, 64> constants{};
  for (std::size_t i = 0; i < constants.size(); ++i) constants[i] = root_bits(kPrimes[i], 3);
  return constants;
}();

constexpr auto kStart = [] {
  std::array<std::uint32_t, 8> constants{};
  for (std::size_t i = 0; i < constants.size(); ++i) constants[i] = root_bits(kPrimes[i], 2);
  return constants;
}();

void add_block(std::array<std::uint32_t, 8>& state, const std::uint8_t* block) {
  std::array<std::uint32_t, 64> w;
  for (std::size_t i = 0; i < 16; ++i) {
    const std::uint8_t* const b = block + 4 * i;
    w[i] = static_cast<std::uint32_t>(b[0]) << 24 | static_cast<std::uint32_t>(b[1]) << 16 |
           static_cast<std::uint32_t>(b[2]) << 8 | b[3];
  }
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kRounds[i] + w[i];
    const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  const std::array<std::uint32_t, 8> added{a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] += added[i];
}

}  // namespace

std::array<std::uint8_t, 32> sha256(std::span<const std::uint8_t> bytes) {
  std::array<std::uint32_t, 8> state = kStart;
  std::size_t at = 0;
  for (; at + 64 <= bytes.size(); at += 64) add_block(state, bytes.data() + at);
  std::array<std::uint8_t, 128> last{};
  const std::size_t rest = bytes.size() - at, length = rest < 56 ? 64 : 128;
  std::copy_n(bytes.data() + at, rest, last.begin());
  last[rest] = 0x80;
  const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
  for (std::size_t i = 0; i < 8; ++i) last[length - 1 - i] = static_cast<std::uint8_t>(bits >> (8 * i));
  for (std::size_t b = 0; b < length; b += 64) add_block(state, last.data() + b);
  std::array<std::uint8_t, 32> digest;
  for (std::size_t i = 0; i < 32; ++i)
    digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - i % 4 * 8));
  return digest;
}

}  // namespace nonideal::atoms::detail
