#pragma once

#include <cstdint>
#include <cstring>

/// Vectors of the instruction set at hand, and elementary functions made of +, -, *, / and square roots only:
/// the same bits everywhere, whatever the C library does. For kernels (included per instruction set; internal
/// linkage, so no weak symbol).
namespace nonideal::quantum::kernels {
namespace {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

typedef double Doubles __attribute__((vector_size(kVectorBytes), may_alias));
typedef std::int64_t Integers __attribute__((vector_size(kVectorBytes), may_alias));
inline constexpr int kWidth = kVectorBytes / 8;

static inline Doubles load(const double* from) { return *reinterpret_cast<const Doubles*>(from); }
static inline void store(double* to, Doubles value) { *reinterpret_cast<Doubles*>(to) = value; }

/// Nearest whole number, ties to even, for |x| < 2^51.
static inline Doubles nearest(Doubles x) { return (x + 0x1.8p52) - 0x1.8p52; }

/// Sine and cosine to 2e-16 for |x| <= 1e6: a multiple of pi/2 is taken off in three parts (33, 33 and 53
/// bits), then Taylor's series.
static inline void sine_cosine(Doubles x, Doubles& sine, Doubles& cosine) {
  const Doubles shifted = x * 0x1.45f306dc9c883p-1 + 0x1.8p52;  // 2 / pi
  const Doubles k = shifted - 0x1.8p52;
  const Integers quadrant = (Integers)shifted;  // its lowest two bits
  const Doubles r = ((x - k * 0x1.921fb544p0) - k * 0x1.0b4611a6p-34) - k * 0x1.3198a2e037073p-69;
  const Doubles t = r * r;
  Doubles s = t * (-1.0 / 121645100408832000.0) + 1.0 / 355687428096000.0;
  s = s * t + -1.0 / 1307674368000.0;
  s = s * t + 1.0 / 6227020800.0;
  s = s * t + -1.0 / 39916800.0;
  s = s * t + 1.0 / 362880.0;
  s = s * t + -1.0 / 5040.0;
  s = s * t + 1.0 / 120.0;
  s = s * t + -1.0 / 6.0;
  s = r + r * t * s;
  Doubles c = t * (-1.0 / 6402373705728000.0) + 1.0 / 20922789888000.0;
  c = c * t + -1.0 / 87178291200.0;
  c = c * t + 1.0 / 479001600.0;
  c = c * t + -1.0 / 3628800.0;
  c = c * t + 1.0 / 40320.0;
  c = c * t + -1.0 / 720.0;
  c = c * t + 1.0 / 24.0;
  c = 1.0 - (t * 0.5 - t * t * c);
  const Integers swapped = -(quadrant & 1);  // all ones in odd quadrants
  const Integers si = (Integers)s, ci = (Integers)c;
  const Integers sign = (Integers)(Integers{} + INT64_MIN);
  sine = (Doubles)(((si & ~swapped) | (ci & swapped)) ^ (-(quadrant >> 1 & 1) & sign));
  cosine = (Doubles)(((ci & ~swapped) | (si & swapped)) ^ (-((quadrant + 1) >> 1 & 1) & sign));
}

/// Natural logarithm of a positive, normal number, to about 2e-16 of its size (1e-16 near 1).
static inline double log_of(double x) {
  std::int64_t bits;
  std::memcpy(&bits, &x, 8);
  // m in [sqrt(1/2), sqrt(2)): the exponent is counted from there.
  const std::int64_t from = 0x3fe6a09e667f3bcd;  // sqrt(1/2)
  const std::int64_t exponent = (bits - from) >> 52;
  bits -= exponent << 52;
  double m;
  std::memcpy(&m, &bits, 8);
  const double f = m - 1.0, s = f / (2.0 + f), t = s * s;
  double series = t * (1.0 / 23.0) + 1.0 / 21.0;
  series = series * t + 1.0 / 19.0;
  series = series * t + 1.0 / 17.0;
  series = series * t + 1.0 / 15.0;
  series = series * t + 1.0 / 13.0;
  series = series * t + 1.0 / 11.0;
  series = series * t + 1.0 / 9.0;
  series = series * t + 1.0 / 7.0;
  series = series * t + 1.0 / 5.0;
  series = series * t + 1.0 / 3.0;
  const double e = static_cast<double>(exponent);
  // ln 2 in two parts, the first with 32 bits: e times it is exact.
  return e * 0x1.62e42ffp-1 + ((2.0 * s + 2.0 * s * t * series) + e * -0x1.718432a1b0e26p-35);
}

/// log_of() of every lane, with the same arithmetic.
static inline Doubles log_lanes(Doubles x) {
  const Integers from = Integers{} + 0x3fe6a09e667f3bcd;  // sqrt(1/2)
  Integers bits = (Integers)x;
  const Integers exponent = (bits - from) >> 52;
  bits -= exponent << 52;
  const Doubles m = (Doubles)bits;
  const Doubles f = m - 1.0, s = f / (2.0 + f), t = s * s;
  Doubles series = t * (1.0 / 23.0) + 1.0 / 21.0;
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
  const Doubles e = (Doubles)(exponent + (Integers)(Doubles{} + 0x1.8p52)) - 0x1.8p52;
  return e * 0x1.62e42ffp-1 + ((2.0 * s + 2.0 * s * t * series) + e * -0x1.718432a1b0e26p-35);
}

/// Exponential function to about 3e-16 of its size, for |x| <= 700.
static inline Doubles exp_lanes(Doubles x) {
  const Doubles shifted = x * 0x1.71547652b82fep0 + 0x1.8p52;  // 1 / ln 2
  const Doubles k = shifted - 0x1.8p52;
  const Doubles r = (x - k * 0x1.62e42ffp-1) - k * -0x1.718432a1b0e26p-35;
  Doubles series = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
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
  return (Doubles)((Integers)series + ((Integers)shifted << 52));  // times 2^k
}

}  // namespace
}  // namespace nonideal::quantum::kernels
