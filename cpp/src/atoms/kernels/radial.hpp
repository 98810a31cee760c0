#pragma once

#include <cstdint>

#include "atoms/kernels/envelope.hpp"
#include "atoms/kernels/message.hpp"
#include "base/elementary.hpp"
#include "base/lanes.hpp"

/// What an edge's length decides: the few rows of the filter that count, with their factors, and the factors'
/// derivatives.
namespace nonideal::atoms::kernels {
namespace {

using nonideal::detail::kLanes;
using nonideal::detail::store;
using nonideal::detail::Vector;

inline constexpr int kChunk = 64;  ///< edges that are treated together; they share the cache with the filter

/// e^x, for -87 < x <= 0 in single precision, for -708 < x <= 0 in double.
template <class T>
NONIDEAL_INLINE Vector<T> exp_of(Vector<T> x) {
  typedef typename nonideal::detail::Lanes<T>::Whole Whole;
  if constexpr (sizeof(T) == 4) {
    return nonideal::detail::exp_of_single<Vector<T>, Whole>(x);
  } else {
    return nonideal::detail::exp_of<Vector<T>, Whole>(x);
  }
}

/// Gaussians as wide as their spacing: those within the band, and the bias.
template <class T>
struct Band {
  static constexpr int kTerms = 2 * kHalfBand<T>;
  static constexpr int kVectors = (kTerms + kLanes<T> - 1) / kLanes<T>;
  static constexpr int kStride = kVectors * kLanes<T>;

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
    Vector<T> number;
    for (int l = 0; l < kLanes<T>; ++l) number[l] = static_cast<T>(l);
    for (int n = 0; n < kVectors; ++n) {
      const Vector<T> z = (top - static_cast<T>(n * kLanes<T>)) - number;
      const Vector<T> gaussian = exp_of<T>(z * z * T(-0.5));
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

/// Some edges of one row of the graph, those shorter than the cutoff, with all that does not depend on the
/// channel.
template <class T, bool Tangent, int Order>
struct Chunk {
  int n = 0;
  std::int32_t node[kChunk], row[kChunk];
  std::int64_t edge[kChunk];
  T bias[kChunk][3];
  T u[kChunk][3], moved_u[kChunk][3], moved_d[kChunk];  ///< moved: set where Tangent
  double length[kChunk];
  alignas(64) T factors[Order + 1][kChunk][Band<T>::kStride];

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
      rows[n] = Band<T>::row(args, d);
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
      Band<T>::template factors<Order>(args, d, rows[m], into, bias[to]);
    }
  }
};

}  // namespace
}  // namespace nonideal::atoms::kernels
