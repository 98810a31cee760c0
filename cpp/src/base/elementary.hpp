#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

/// exp and ln from + - * / alone, so that their bits do not depend on the processor, as those of the C
/// library do. Relative errors below 1e-15. Real is double, or a vector of doubles beside a vector Whole of
/// as many integers: one number and lanes have the same bits. Internal linkage, so that kernels may include
/// it.
namespace nonideal::detail {
namespace {

// ln 2 in two parts, the first with 32 bits: whole numbers below 2^21 times it are exact.
inline constexpr double kLn2High = 0x1.62e42ffp-1;
inline constexpr double kLn2Low = -0x1.718432a1b0e26p-35;
inline constexpr double kRounder = 0x1.8p52;  // x + it - it: the nearest whole number

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

/// ln x for normal x > 0.
template <class Real, class Whole>
static inline Real log_of(Real x) {
  // m in [sqrt(1/2), sqrt(2)): the exponent is counted from there.
  const Whole root = Whole{} + 0x3fe6a09e667f3bcd;        // sqrt(1/2)
  Whole bits = __builtin_bit_cast(Whole, x) & INT64_MAX;  // lanes that nobody reads may be negative
  const Whole exponent = (bits - root) >> 52;
  bits -= exponent << 52;
  const Real f = __builtin_bit_cast(Real, bits) - 1.0;
  const Real s = f / (2.0 + f), t = s * s;  // ln m = 2 artanh s, |s| < 0.172
  Real series = t * (1.0 / 23.0) + 1.0 / 21.0;
  series = series * t + 1.0 / 19.0;
  series = series * t + 1.0 / 17.0;
  series = series * t + 1.0 / 15.0;
  series = series * t + 1.0 / 13.0;
  series = series * t + 1.0 / 11.0;
  series = series * t + 1.0 / 9.0;
  series = series * t + 1.0 / 7.0;
  series = series * t + 1.0 / 5.0;
  series = series * t + 1.0 / 3.0;
  // A small whole number becomes a double by its bits.
  const Whole shifted = exponent + __builtin_bit_cast(Whole, Real{} + kRounder);
  const Real e = __builtin_bit_cast(Real, shifted) - kRounder;
  return e * kLn2High + ((2.0 * s + 2.0 * s * t * series) + e * kLn2Low);
}

/// e^x for -708 < x <= 709.
template <class Real, class Whole>
static inline Real exp_of(Real x) {
  const Real shifted = x * 0x1.71547652b82fep0 + kRounder;  // 1 / ln 2
  const Real k = shifted - kRounder;
  const Real r = (x - k * kLn2High) - k * kLn2Low;  // |r| <= 0.35
  Real series = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  series = series * r + 1.0 / 39916800.0;
  series = series * r + 1.0 / 3628800.0;
  series = series * r + 1.0 / 362880.0;
  series = series * r + 1.0 / 40320.0;
  series = series * r + 1.0 / 5040.0;
  series = series * r + 1.0 / 720.0;
  series = series * r + 1.0 / 120.0;
  series = series * r + 1.0 / 24.0;
  series = series * r + 1.0 / 6.0;
  series = series * r + 0.5;
  series = series * r + 1.0;
  series = series * r + 1.0;
  const Whole bits = __builtin_bit_cast(Whole, series) + (__builtin_bit_cast(Whole, shifted) << 52);
  return __builtin_bit_cast(Real, bits);  // times 2^k
}

/// e^x for -87 < x <= 88 in single precision: Real is float or a vector of floats beside a vector Whole of as
/// many 32-bit integers. Relative error below 1.2e-7 (1 ulp).
template <class Real, class Whole>
static inline Real exp_of_single(Real x) {
  const Real shifted = x * 0x1.715476p0f + 0x1.8p23f;  // 1 / ln 2; the nearest whole number
  const Real k = shifted - 0x1.8p23f;
  const Real r = (x - k * 0x1.62ep-1f) - k * 0x1.0bfbe8p-15f;  // ln 2 in two parts, the first with 12 bits
  Real series = r * (1.0f / 5040.0f) + 1.0f / 720.0f;
  series = series * r + 1.0f / 120.0f;
  series = series * r + 1.0f / 24.0f;
  series = series * r + 1.0f / 6.0f;
  series = series * r + 0.5f;
  series = (series * r) * r + r + 1.0f;
  const Whole bits = __builtin_bit_cast(Whole, series) + (__builtin_bit_cast(Whole, shifted) << 23);
  return __builtin_bit_cast(Real, bits);  // times 2^k
}

[[maybe_unused]] static inline double portable_log(double x) { return log_of<double, std::int64_t>(x); }

/// e^x; 0 below -708 (no subnormal numbers), infinity above 709.
[[maybe_unused]] static inline double portable_exp(double x) {
  if (!(x > -708.0)) return 0.0;
  if (x > 709.0) return HUGE_VAL;
  return exp_of<double, std::int64_t>(x);
}

}  // namespace
}  // namespace nonideal::detail
