#pragma once

#include <cstdint>

#include "base/elementary.hpp"

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

static inline Doubles log_lanes(Doubles x) { return detail::log_of<Doubles, Integers>(x); }
static inline Doubles exp_lanes(Doubles x) { return detail::exp_of<Doubles, Integers>(x); }

static inline Doubles square_root(Doubles x) {
  Doubles out;
  for (int i = 0; i < kWidth; ++i) out[i] = __builtin_sqrt(x[i]);
  return out;
}

static inline Doubles choose(Integers which, Doubles yes, Doubles no) {
  return (Doubles)(((Integers)yes & which) | ((Integers)no & ~which));
}

/// The largest whole number that is not above x, for |x| < 2^51; larger ones stay large.
static inline Doubles whole_part(Doubles x) {
  const Doubles near = nearest(x);
  return near - (Doubles)((Integers)(near > x) & (Integers)(Doubles{} + 1.0));
}

}  // namespace
}  // namespace nonideal::quantum::kernels
