#pragma once

#include <cstdint>

/// Channels side by side, 64 bytes of them on every instruction set (a narrower one takes several registers),
/// and dual numbers. For kernels: internal linkage, so no weak symbol.
namespace nonideal::atoms::kernels {
namespace {

#define NONIDEAL_INLINE static inline __attribute__((always_inline))

template <class T>
struct LanesOf;
template <>
struct LanesOf<float> {
  typedef float Vector __attribute__((vector_size(64)));
  typedef float Loose __attribute__((vector_size(64), may_alias, aligned(4)));
  typedef std::int32_t Whole __attribute__((vector_size(64)));
};
template <>
struct LanesOf<double> {
  typedef double Vector __attribute__((vector_size(64)));
  typedef double Loose __attribute__((vector_size(64), may_alias, aligned(8)));
  typedef std::int64_t Whole __attribute__((vector_size(64)));
};
template <class T>
using Lanes = typename LanesOf<T>::Vector;

template <class T>
inline constexpr int kLanes = 64 / sizeof(T);

template <class T>
NONIDEAL_INLINE Lanes<T> load(const T* from) {
  return *reinterpret_cast<const typename LanesOf<T>::Loose*>(from);
}

template <class T>
NONIDEAL_INLINE void store(T* to, const Lanes<T>& value) {
  *reinterpret_cast<typename LanesOf<T>::Loose*>(to) = value;
}

NONIDEAL_INLINE float total(const Lanes<float>& x) {
  typedef float Four __attribute__((vector_size(16)));
  typedef float Eight __attribute__((vector_size(32)));
  const Eight eight = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                      __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  const Four four =
      __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

NONIDEAL_INLINE double total(const Lanes<double>& x) {
  typedef double Four __attribute__((vector_size(32)));
  const Four four = __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

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
