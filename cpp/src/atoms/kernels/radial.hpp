#pragma once

#include <cstdint>

#include "atoms/kernels/lanes.hpp"
#include "atoms/kernels/message.hpp"
#include "base/elementary.hpp"

/// What an edge's length decides: the few rows of the filter that count, with their factors, and the factors'
/// derivatives.
namespace nonideal::atoms::kernels {
namespace {

inline constexpr int kChunk = 64;  ///< edges that are treated together; they share the cache with the filter

/// e^x for -87 < x <= 0, to 2 units in the last place.
NONIDEAL_INLINE Lanes<float> exp_lanes(const Lanes<float>& x) {
  typedef LanesOf<float>::Whole Whole;
  const float rounder = 0x1.8p23F;  // x + it - it: the nearest whole number
  const Lanes<float> shifted = x * 0x1.715476p0F + rounder;
  const Lanes<float> n = shifted - rounder;
  const Lanes<float> f = (x - n * 0x1.62e4p-1F) - n * 0x1.7f7d1cp-20F;  // ln 2 in two parts
  Lanes<float> series = f * (1.0F / 5040.0F) + 1.0F / 720.0F;
  series = series * f + 1.0F / 120.0F;
  series = series * f + 1.0F / 24.0F;
  series = series * f + 1.0F / 6.0F;
  series = series * f + 0.5F;
  series = series * f + 1.0F;
  series = series * f + 1.0F;
  const Whole exponent = __builtin_bit_cast(Whole, shifted) << 23;
  return __builtin_bit_cast(Lanes<float>, __builtin_bit_cast(Whole, series) + exponent);
}

NONIDEAL_INLINE Lanes<double> exp_lanes(const Lanes<double>& x) {
  return detail::exp_of<Lanes<double>, LanesOf<double>::Whole>(x);
}

/// A function of the distance with two derivatives.
struct Jet {
  double value, slope, curvature;
};

NONIDEAL_INLINE double power_of(double x, int n) {
  double power = 1.0;
  for (; n > 0; n >>= 1, x *= x) {
    if (n & 1) power *= x;
  }
  return power;
}

/// The polynomial envelope at s = d / cutoff < 1.
NONIDEAL_INLINE Jet envelope(double s, double cutoff, int exponent) {
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

/// Gaussians as wide as their spacing: those within the band, and the bias.
template <class T>
struct Band {
  static constexpr int kTerms = 2 * kHalfBand<T>;
  static constexpr int kVectors = (kTerms + kLanes<T> - 1) / kLanes<T>;
  static constexpr int kStride = kVectors * kLanes<T>;
  static constexpr bool kBias = true;

  /// Where the rows begin for d < cutoff.
  static inline std::int32_t row(const MessageArgs<T>& args, double d) {
    const auto k = static_cast<std::int64_t>(d / args.cutoff * static_cast<double>(args.n_rbf - 1));
    return static_cast<std::int32_t>(k < args.n_rbf - 2 ? k : args.n_rbf - 2);
  }

  /// factors[n] (kStride numbers each) and bias[n]: the n-th derivatives by d, n <= Order.
  template <int Order>
  static inline void factors(const MessageArgs<T>& args, double d, std::int32_t first, T* const* factors,
                             T* bias) {
    const double s = d / args.cutoff, scale = static_cast<double>(args.n_rbf - 1);
    const Jet e = envelope(s, args.cutoff, args.exponent);
    Jet b = {1.0, 0.0, 0.0}, r = e;
    if (args.smooth) {
      b = e;
      r = {e.value * e.value, 2.0 * e.value * e.slope, 2.0 * (e.slope * e.slope + e.value * e.curvature)};
    }
    const double kappa = scale / args.cutoff;
    const auto top = static_cast<T>(s * scale - first + (kHalfBand<T> - 1));
    const auto r0 = static_cast<T>(r.value), r1 = static_cast<T>(r.slope), r2 = static_cast<T>(r.curvature);
    const auto k1 = static_cast<T>(r.value * kappa), k2 = static_cast<T>(2.0 * r.slope * kappa);
    const auto k3 = static_cast<T>(r.value * kappa * kappa);
    Lanes<T> number;
    for (int l = 0; l < kLanes<T>; ++l) number[l] = static_cast<T>(l);
    for (int n = 0; n < kVectors; ++n) {
      const Lanes<T> z = (top - static_cast<T>(n * kLanes<T>)) - number;
      const Lanes<T> gaussian = exp_lanes(z * z * T(-0.5));
      store<T>(factors[0] + n * kLanes<T>, gaussian * r0);
      if constexpr (Order > 0) store<T>(factors[1] + n * kLanes<T>, gaussian * (r1 - z * k1));
      if constexpr (Order > 1) {
        store<T>(factors[2] + n * kLanes<T>, gaussian * (r2 - z * k2 + (z * z - T(1)) * k3));
      }
    }
    bias[0] = static_cast<T>(b.value);
    if constexpr (Order > 0) bias[1] = static_cast<T>(b.slope);
    if constexpr (Order > 1) bias[2] = static_cast<T>(b.curvature);
  }
};

/// Cubic Hermite interpolation between knots at equal distances.
template <class T>
struct Table {
  static constexpr int kTerms = 4;
  static constexpr int kStride = 4;
  static constexpr bool kBias = false;

  static inline std::int32_t row(const MessageArgs<T>& args, double d) {
    const auto k = static_cast<std::int64_t>(d / args.cutoff * static_cast<double>(args.n_rbf));
    return static_cast<std::int32_t>(2 * (k < args.n_rbf - 1 ? k : args.n_rbf - 1));
  }

  template <int Order>
  static inline void factors(const MessageArgs<T>& args, double d, std::int32_t first, T* const* factors,
                             T*) {
    static_assert(Order < 2);
    const double per = static_cast<double>(args.n_rbf) / args.cutoff, t = d * per - first / 2;
    const double rest = 1.0 - t;
    T* const f = factors[0];
    f[0] = static_cast<T>((1.0 + 2.0 * t) * rest * rest);
    f[1] = static_cast<T>(t * rest * rest);
    f[2] = static_cast<T>(t * t * (3.0 - 2.0 * t));
    f[3] = static_cast<T>(-t * t * rest);
    if constexpr (Order > 0) {
      T* const g = factors[1];
      g[0] = static_cast<T>(-6.0 * t * rest * per);
      g[1] = static_cast<T>(rest * (1.0 - 3.0 * t) * per);
      g[2] = static_cast<T>(6.0 * t * rest * per);
      g[3] = static_cast<T>(t * (3.0 * t - 2.0) * per);
    }
  }
};

/// Some edges of one row of the graph, those shorter than the cutoff, with all that does not depend on the
/// channel.
template <class T, class Basis, bool Tangent, int Order>
struct Chunk {
  int n = 0;
  std::int32_t node[kChunk], row[kChunk];
  std::int64_t edge[kChunk];
  T bias[kChunk][3];
  T u[kChunk][3], moved_u[kChunk][3], moved_d[kChunk];
  double length[kChunk];
  alignas(64) T factors[Order + 1][kChunk][Basis::kStride];

  /// Edges [begin, end) of the pass, at most kChunk; in the order of the filter's rows where `sorted`.
  inline void fill(const MessageArgs<T>& args, std::int64_t begin, std::int64_t end, bool sorted) {
    std::int32_t rows[kChunk], key[kChunk], at[kChunk];
    double lengths[kChunk];
    n = 0;
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t e = args.edges == nullptr ? t : args.edges[t];
      const T* const from = args.vectors + 3 * e;
      const double x = from[0], y = from[1], z = from[2];
      const double d = __builtin_sqrt(x * x + y * y + z * z);
      if (!(d < args.cutoff)) {
        if (args.edge_gradients != nullptr) {
          for (int k = 0; k < 3; ++k) args.edge_gradients[3 * e + k] = T(0);
        }
        continue;
      }
      lengths[n] = d;
      rows[n] = Basis::row(args, d);
      at[n++] = static_cast<std::int32_t>(t - begin);
    }
    for (int m = 0; m < n; ++m) key[m] = rows[m] * kChunk + m;
    for (int m = 0; m < n; ++m) {
      int to = m;
      if (sorted) {
        to = 0;
        for (int other = 0; other < n; ++other) to += key[other] < key[m];
      }
      const std::int64_t t = begin + at[m], e = args.edges == nullptr ? t : args.edges[t];
      const double d = lengths[m];
      node[to] = args.nodes[t];
      row[to] = rows[m];
      edge[to] = e;
      length[to] = d;
      double along = 0.0;
      for (int k = 0; k < 3; ++k) {
        u[to][k] = static_cast<T>(-args.vectors[3 * e + k] / d);
        if constexpr (Tangent) along -= args.vectors[3 * e + k] / d * args.direction_vectors[3 * e + k];
      }
      if constexpr (Tangent) {  // along = u . p: d' = -along, u' = -(p - u along) / d
        moved_d[to] = static_cast<T>(-along);
        for (int k = 0; k < 3; ++k) {
          const double unit = -args.vectors[3 * e + k] / d;
          moved_u[to][k] = static_cast<T>((unit * along - args.direction_vectors[3 * e + k]) / d);
        }
      }
      T* into[Order + 1];
      for (int order = 0; order <= Order; ++order) into[order] = factors[order][to];
      Basis::template factors<Order>(args, d, rows[m], into, bias[to]);
    }
  }
};

}  // namespace
}  // namespace nonideal::atoms::kernels
