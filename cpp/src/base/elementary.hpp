#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

/// exp and ln from + - * / alone, so that their bits do not depend on the processor, as those of the C
/// library do. Relative errors below 1e-15.
namespace nonideal::detail {

inline constexpr double kLn2High = 0x1.62e42fefa0000p-1;  // its products with |k| < 2^11 are exact
inline constexpr double kLn2Low = 0x1.cf79abc9e3b3ap-40;

/// 1 / n!
inline constexpr auto kInverseFactorials = [] {
  std::array<double, 20> inverse{};
  double factorial = 1.0;
  for (std::size_t n = 0; n < inverse.size(); ++n) {
    inverse[n] = 1.0 / factorial;
    factorial *= static_cast<double>(n + 1);
  }
  return inverse;
}();

/// 1 / (2 n + 3)
inline constexpr auto kInverseOdd = [] {
  std::array<double, 10> inverse{};
  for (std::size_t n = 0; n < inverse.size(); ++n) inverse[n] = 1.0 / static_cast<double>(2 * n + 3);
  return inverse;
}();

/// e^x; 0 below -708 (no subnormal numbers), infinity above 709.
inline double portable_exp(double x) {
  if (!(x > -708.0)) return 0.0;
  if (x > 709.0) return HUGE_VAL;
  const double k = std::floor(x * 0x1.71547652b82fep0 + 0.5);  // floor is exact everywhere
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double sum = 0.0;
  for (std::size_t n = 14; n-- > 0;) sum = sum * r + kInverseFactorials[n];  // |r| <= 0.35
  return sum * std::bit_cast<double>(static_cast<std::uint64_t>(static_cast<std::int64_t>(k) + 1023) << 52);
}

/// ln x for normal x > 0.
inline double portable_log(double x) {
  auto bits = std::bit_cast<std::uint64_t>(x);
  auto exponent = static_cast<std::int64_t>(bits >> 52) - 1023;
  bits = (bits & ((std::uint64_t{1} << 52) - 1)) | (std::uint64_t{1023} << 52);
  double m = std::bit_cast<double>(bits);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double z = (m - 1.0) / (m + 1.0);  // ln m = 2 artanh z, |z| < 0.172
  const double z2 = z * z;
  double sum = 0.0;
  for (std::size_t n = kInverseOdd.size(); n-- > 0;) sum = (sum + kInverseOdd[n]) * z2;
  const auto k = static_cast<double>(exponent);
  return k * kLn2High + (2.0 * z + (2.0 * z * sum + k * kLn2Low));
}

}  // namespace nonideal::detail
