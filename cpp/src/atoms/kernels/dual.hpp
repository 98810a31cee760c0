#pragma once

#include "base/lanes.hpp"

/// Dual numbers, for kernels (included per instruction set; internal linkage, so no weak symbol).
namespace nonideal::atoms::kernels {
namespace {

/// a + eps b with eps^2 = 0: a value and its derivative along a direction.
template <class X>
struct Dual {
  X a, b;
};

template <class X>
NONIDEAL_INLINE void operator+=(Dual<X>& left, const Dual<X>& right) {
  left.a += right.a;
  left.b += right.b;
}

template <class X>
NONIDEAL_INLINE Dual<X> operator+(const Dual<X>& left, const Dual<X>& right) {
  return {left.a + right.a, left.b + right.b};
}

template <class X>
NONIDEAL_INLINE Dual<X> operator-(const Dual<X>& left, const Dual<X>& right) {
  return {left.a - right.a, left.b - right.b};
}

template <class X, class Y>
NONIDEAL_INLINE auto operator*(const Dual<X>& left, const Dual<Y>& right)
    -> Dual<decltype(left.a * right.a)> {
  return {left.a * right.a, left.a * right.b + left.b * right.a};
}

/// What does not move along the direction.
template <class X>
NONIDEAL_INLINE Dual<X> operator*(const Dual<X>& left, const X& right) {
  return {left.a * right, left.b * right};
}

template <class X, class Y>
NONIDEAL_INLINE Dual<X> operator*(const X& left, const Dual<Y>& right) {
  return {left * right.a, left * right.b};
}

/// The part of a result that is asked for: the value of a number, the derivative of a dual one.
template <class X>
NONIDEAL_INLINE const X& wanted(const X& x) {
  return x;
}
template <class X>
NONIDEAL_INLINE const X& wanted(const Dual<X>& x) {
  return x.b;
}

}  // namespace
}  // namespace nonideal::atoms::kernels
