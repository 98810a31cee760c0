#pragma once

#include <cstdint>

/// Vectors as wide as the instruction set at hand, for kernels (included per instruction set; internal
/// linkage, so no weak symbol).
namespace nonideal::detail {
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
struct Lanes;
template <>
struct Lanes<double> {
  typedef double Aligned __attribute__((vector_size(kVectorBytes)));
  typedef double Loose __attribute__((vector_size(kVectorBytes), may_alias, aligned(8)));
  typedef std::int64_t Whole __attribute__((vector_size(kVectorBytes)));
};
template <>
struct Lanes<float> {
  typedef float Aligned __attribute__((vector_size(kVectorBytes)));
  typedef float Loose __attribute__((vector_size(kVectorBytes), may_alias, aligned(4)));
  typedef std::int32_t Whole __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Vector = typename Lanes<T>::Aligned;

/// Numbers in a vector.
template <class T>
inline constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
static inline Vector<T> load(const T* from) {
  return *reinterpret_cast<const Vector<T>*>(from);
}
template <class T>
static inline void store(T* to, Vector<T> value) {
  *reinterpret_cast<Vector<T>*>(to) = value;
}

/// The same at any address.
template <class T>
static inline Vector<T> load_loose(const T* from) {
  return *reinterpret_cast<const typename Lanes<T>::Loose*>(from);
}
template <class T>
static inline void store_loose(T* to, Vector<T> value) {
  *reinterpret_cast<typename Lanes<T>::Loose*>(to) = value;
}

/// x everywhere. Subtracting zero keeps all bits (adding it would change -0), so nothing is left to compute.
template <class T>
static inline Vector<T> splat(T x) {
  return x - Vector<T>{};
}

/// The sum of a vector's numbers: halves are added until one is left.
template <class T>
static inline T sum_of(Vector<T> value) {
  alignas(64) T parts[kLanes<T>];
  store<T>(parts, value);
#pragma GCC unroll 4
  for (int half = kLanes<T> / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) parts[i] += parts[i + half];
  }
  return parts[0];
}

}  // namespace
}  // namespace nonideal::detail
