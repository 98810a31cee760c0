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

/// 1 / (1 + exp(-y)). NaN stays NaN.
template <class T>
static inline Vector<T> logistic(Vector<T> y) {
  if constexpr (sizeof(T) == 8) {
    return 1.0 /
           (1.0 + nonideal::detail::exp_of<Vector<T>, typename Lanes<T>::Whole>(clamped(-y, -700.0, 700.0)));
  } else {
    return 1.0f / (1.0f + nonideal::detail::exp_of_single<Vector<T>, typename Lanes<T>::Whole>(
                              clamped(-y, -87.0f, 87.0f)));
  }
}

template <class T>
static inline Vector<T> sigma(Vector<T> y) {
  return y * logistic<T>(y) * T(1.0 / 0.6);
}

template <class T>
static inline Vector<T> sigma_slope(Vector<T> y) {
  const Vector<T> s = logistic<T>(y);
  return s * (1 + y * (1 - s)) * T(1.0 / 0.6);
}

}  // namespace
}  // namespace nonideal::atoms::kernels::detail
