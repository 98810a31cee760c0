#pragma once

#include <cstdint>

/// Vectors as wide as the instruction set at hand, for kernels (included per instruction set; internal
/// linkage, so no weak symbol).
namespace nonideal::detail {
namespace {

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
  typedef double Aligned __attribute__((vector_size(kVectorBytes), may_alias));
  typedef double Loose __attribute__((vector_size(kVectorBytes), may_alias, aligned(8)));
  typedef std::int64_t Whole __attribute__((vector_size(kVectorBytes)));
};
template <>
struct Lanes<float> {
  typedef float Aligned __attribute__((vector_size(kVectorBytes), may_alias));
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

}  // namespace
}  // namespace nonideal::detail
