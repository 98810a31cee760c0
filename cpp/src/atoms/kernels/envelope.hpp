#pragma once

/// The polynomial envelope, for kernels and for the library (internal linkage, so no weak symbol).
namespace nonideal::atoms::kernels {
namespace {

/// A function of the distance with two derivatives.
struct Jet {
  double value, slope, curvature;
};

[[maybe_unused]] static inline double power_of(double x, int n) {
  double power = 1.0;
  for (; n > 0; n >>= 1, x *= x) {
    if (n & 1) power *= x;
  }
  return power;
}

/// 1 - (p+1)(p+2)/2 s^p + p(p+2) s^(p+1) - p(p+1)/2 s^(p+2) with p = exponent >= 1 and s = d / cutoff; from
/// the cutoff on zero.
[[maybe_unused]] static inline Jet envelope(double s, double cutoff, int exponent) {
  if (!(s < 1.0)) return {0.0, 0.0, 0.0};
  const double p = exponent, rest = 1.0 - s, factor = -0.5 * p * (p + 1.0) * (p + 2.0);
  const double before =
      exponent > 1 ? power_of(s, exponent - 2) : 0.0;  // s^(p - 2); p = 1 multiplies it by 0
  const double last = exponent > 1 ? before * s : 1.0;
  const double power = last * s;
  const double value =
      1.0 - power * (0.5 * (p + 1.0) * (p + 2.0) - s * (p * (p + 2.0) - s * 0.5 * p * (p + 1.0)));
  return {value, factor * last * rest * rest / cutoff,
          factor * ((p - 1.0) * before * rest * rest - 2.0 * last * rest) / (cutoff * cutoff)};
}

}  // namespace
}  // namespace nonideal::atoms::kernels
