#pragma once

#include <cstdint>

/// Channels side by side, a register of the instruction set at hand, and dual numbers. For kernels (included
/// per instruction set; internal linkage, so no weak symbol).
namespace nonideal::atoms::kernels {
namespace {

#define NONIDEAL_INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

template <class T>
struct LanesOf;
template <>
struct LanesOf<float> {
  typedef float Vector __attribute__((vector_size(kVectorBytes)));
  typedef float Loose __attribute__((vector_size(kVectorBytes), may_alias, aligned(4)));
  typedef std::int32_t Whole __attribute__((vector_size(kVectorBytes)));
};
template <>
struct LanesOf<double> {
  typedef double Vector __attribute__((vector_size(kVectorBytes)));
  typedef double Loose __attribute__((vector_size(kVectorBytes), may_alias, aligned(8)));
  typedef std::int64_t Whole __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Lanes = typename LanesOf<T>::Vector;

template <class T>
inline constexpr int kLanes = kVectorBytes / sizeof(T);

template <class T>
NONIDEAL_INLINE Lanes<T> load(const T* from) {
  return *reinterpret_cast<const typename LanesOf<T>::Loose*>(from);
}

template <class T>
NONIDEAL_INLINE void store(T* to, const Lanes<T>& value) {
  *reinterpret_cast<typename LanesOf<T>::Loose*>(to) = value;
}

/// The sum of the lanes: halves are added until one is left.
template <class T>
NONIDEAL_INLINE T total(const Lanes<T>& x) {
  T sums[kLanes<T>];
  store(sums, x);
#pragma GCC unroll 4
  for (int half = kLanes<T> / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int l = 0; l < half; ++l) sums[l] += sums[l + half];
  }
  return sums[0];
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
