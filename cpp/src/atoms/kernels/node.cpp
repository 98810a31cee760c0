#include "atoms/kernels/node.hpp"

#include "atoms/kernels/sigma.hpp"
#include "base/lanes.hpp"

namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA {

namespace {

using detail::sigma;
using detail::sigma_slope;
using nonideal::detail::kLanes;
using nonideal::detail::load;
using nonideal::detail::load_loose;
using nonideal::detail::splat;
using nonideal::detail::store_loose;
using nonideal::detail::Vector;

#if defined(__AVX512F__)
constexpr int kRows = 12;
#else
constexpr int kRows = 6;
#endif
constexpr int kVectors = 2;  ///< in a row of a tile

/// kM rows and kVectors vectors of columns of a product.
template <class T, int kM>
static inline void tile(const NodeProduct<T>& p, const T* a, const T* w, const T* bias, T* c) {
  constexpr int kWidth = kLanes<T>;
  Vector<T> sum[kM][kVectors];
#pragma GCC unroll 12
  for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      sum[i][v] = p.accumulate ? load_loose(c + i * p.c_ld + v * kWidth) : Vector<T>{};
      if (bias != nullptr) sum[i][v] += load_loose(bias + v * kWidth);
    }
  }
  for (std::int64_t k = 0; k < p.k; ++k) {
    Vector<T> right[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) right[v] = load(w + v * kWidth);
#pragma GCC unroll 12
    for (int i = 0; i < kM; ++i) {
      const Vector<T> left = splat(a[i * p.a_ld + k]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sum[i][v] += left * right[v];
    }
    w += kPanel<T>;
  }
#pragma GCC unroll 12
  for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) store_loose(c + i * p.c_ld + v * kWidth, sum[i][v]);
  }
}

template <class T>
static inline void rows(const NodeProduct<T>& p, std::int64_t m, const T* a, const T* w, const T* bias,
                        T* c) {
  switch (m) {
    case 1:
      return tile<T, 1>(p, a, w, bias, c);
    case 2:
      return tile<T, 2>(p, a, w, bias, c);
    case 3:
      return tile<T, 3>(p, a, w, bias, c);
    case 4:
      return tile<T, 4>(p, a, w, bias, c);
    case 5:
      return tile<T, 5>(p, a, w, bias, c);
#if defined(__AVX512F__)
    case 6:
      return tile<T, 6>(p, a, w, bias, c);
    case 7:
      return tile<T, 7>(p, a, w, bias, c);
    case 8:
      return tile<T, 8>(p, a, w, bias, c);
    case 9:
      return tile<T, 9>(p, a, w, bias, c);
    case 10:
      return tile<T, 10>(p, a, w, bias, c);
    case 11:
      return tile<T, 11>(p, a, w, bias, c);
#endif
    default:
      return tile<T, kRows>(p, a, w, bias, c);
  }
}

/// A strip of `width` columns: all of a tile's, or fewer at the end, which go through a buffer.
template <class T>
static void strip(const NodeProduct<T>& p, std::int64_t width, const T* w, const T* bias, T* c) {
  constexpr int kColumns = kVectors * kLanes<T>;
  if (width == kColumns) {
    for (std::int64_t i = 0; i < p.m; i += kRows) {
      rows(p, p.m - i < kRows ? p.m - i : kRows, p.a + i * p.a_ld, w, bias, c + i * p.c_ld);
    }
    return;
  }
  T start[kColumns] = {}, buffer[kRows * kColumns];
  for (std::int64_t j = 0; bias != nullptr && j < width; ++j) start[j] = bias[j];
  NodeProduct<T> inner = p;
  inner.c_ld = kColumns;
  for (std::int64_t i = 0; i < p.m; i += kRows) {
    const std::int64_t m = p.m - i < kRows ? p.m - i : kRows;
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t j = 0; j < kColumns; ++j) {
        buffer[r * kColumns + j] = p.accumulate && j < width ? c[(i + r) * p.c_ld + j] : T(0);
      }
    }
    rows(inner, m, p.a + i * p.a_ld, w, start, buffer);
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t j = 0; j < width; ++j) c[(i + r) * p.c_ld + j] = buffer[r * kColumns + j];
    }
  }
}

template <class T>
static inline void multiply_all(const NodeProduct<T>& p) {
  constexpr std::int64_t kColumns = kVectors * kLanes<T>;
  for (std::int64_t j = 0; j < p.n; j += kColumns) {
    const T* const w = p.packed + j / kPanel<T> * p.panel + j % kPanel<T>;
    const std::int64_t width = p.n - j < kColumns ? p.n - j : kColumns;
    strip(p, width, w, p.bias == nullptr ? nullptr : p.bias + j, p.c + j);
  }
}

/// Calls body(load, store) vector by vector; what is left goes through a buffer, so that a number's bits
/// don't depend on its place.
template <class T, class Body>
static inline void map(std::int64_t n, const T* y, const T* g, T* out, const Body& body) {
  constexpr int kWidth = kLanes<T>;
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store_loose(out + i, body(load_loose(y + i), load_loose(g + i)));
  if (i == n) return;
  Vector<T> left{}, right{};
  for (std::int64_t j = i; j < n; ++j) left[j - i] = y[j], right[j - i] = g[j];
  const Vector<T> result = body(left, right);
  for (std::int64_t j = i; j < n; ++j) out[j] = result[j - i];
}

}  // namespace

#define NONIDEAL_ATOMS_NODE(T)                                                                 \
  void multiply(const NodeProduct<T>& p) { multiply_all(p); }                                  \
  void activate(const Activation<T>& a) {                                                      \
    map(a.n, a.y, a.y, a.out, [](Vector<T> y, Vector<T>) { return sigma<T>(y); });             \
  }                                                                                            \
  void activate_slope(const ActivationSlope<T>& a) {                                           \
    map(a.n, a.y, a.g, a.out, [](Vector<T> y, Vector<T> g) { return g * sigma_slope<T>(y); }); \
  }
NONIDEAL_ATOMS_NODE(float)
NONIDEAL_ATOMS_NODE(double)
#undef NONIDEAL_ATOMS_NODE

}  // namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA
