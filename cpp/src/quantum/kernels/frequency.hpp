#pragma once

/// For kernels and the code around them (internal linkage).
namespace nonideal::quantum::kernels {
namespace {

/// Variance of a frequency in so many shots, or of a vector of them: f (1 - f) / shots, and never less than
/// that of two shots. Where an outcome was not seen or was seen once it bounds what may be: a frequency of 0
/// is not exact, and 0 + 2 standard errors are 2.8 / shots, near the rule of three.
///
/// On average it is p (1 - p) / shots within 1 % where shots p (1 - p) >= 10.
template <class Number>
inline Number frequency_variance(Number frequency, double shots) {
  const double two = shots > 4.0 ? 2.0 / shots : 0.5;
  const Number least = Number{} + two * (1.0 - two), spread = frequency * (1.0 - frequency);
  return (spread > least ? spread : least) / shots;
}

}  // namespace
}  // namespace nonideal::quantum::kernels
