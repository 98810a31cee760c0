#pragma once

#include "base/elementary.hpp"
#include "base/lanes.hpp"

/// The activation sigma(y) = y / (1 + exp(-y)) / 0.6, for kernels (internal linkage, so no weak symbol).
namespace nonideal::atoms::kernels::detail {
namespace {

using nonideal::detail::Lanes;
using nonideal::detail::Vector;

template <class T>
static inline Vector<T> clamped(Vector<T> x, T low, T high) {
  x = x < low ? Vector<T>{} + low : x;
  return x > high ? Vector<T>{} + high : x;
}

/// exp(-y), within limits that keep it, and one more than it, finite. NaN stays NaN.
template <class T>
static inline Vector<T> exp_minus(Vector<T> y) {
  if constexpr (sizeof(T) == 8) {
    return nonideal::detail::exp_of<Vector<T>, typename Lanes<T>::Whole>(clamped(-y, -700.0, 700.0));
  } else {
    return nonideal::detail::exp_of_single<Vector<T>, typename Lanes<T>::Whole>(clamped(-y, -86.0f, 87.0f));
  }
}

/// 1 / (1 + exp(-y))
template <class T>
static inline Vector<T> logistic(Vector<T> y) {
  return 1 / (1 + exp_minus<T>(y));
}

template <class T>
static inline Vector<T> sigma(Vector<T> y) {
  return y * logistic<T>(y) * T(1.0 / 0.6);
}

template <class T>
static inline Vector<T> sigma_slope(Vector<T> y) {
  const Vector<T> e = exp_minus<T>(y), s = 1 / (1 + e);
  return s * (1 + y * (e * s)) * T(1.0 / 0.6);  // e s = 1 - s, without its cancellation
}

}  // namespace
}  // namespace nonideal::atoms::kernels::detail
