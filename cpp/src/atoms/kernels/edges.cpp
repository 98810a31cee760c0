#include "atoms/kernels/edges.hpp"

#include <cstddef>
#include <utility>

#include "base/lanes.hpp"

namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA {

namespace {

using nonideal::detail::kLanes;
using nonideal::detail::load;
using nonideal::detail::splat;
using nonideal::detail::store;
using nonideal::detail::sum_of;
using nonideal::detail::Vector;

/// Vectors of channels that are worked on together: a group where registers allow. All atoms of a call are
/// done before the next ones, so that their part of the table and of the features stays in the cache, and
/// sums in registers.
template <class T>
constexpr int kTile = static_cast<int>(kGroup<T>) / kLanes<T> < 2 ? 1 : 2;
template <class T>
constexpr std::int64_t kTileChannels = kTile<T> * kLanes<T>;

/// The filter of one edge, from a channel on: kParts parts (c last, b before it, a first where there are
/// three).
template <class T, int kParts>
class TableRow {
 public:
  TableRow(const FilterRows<T>& filter, const Edge<T>& edge, std::int64_t channel)
      : row_(filter.rows +
             (channel / kGroup<T> * filter.n_intervals + edge.knot) * kTerms * kParts * kGroup<T> +
             channel % kGroup<T>),
        t_(splat(edge.t)) {}

  [[gnu::always_inline]] Vector<T> value(int part, int v) const {
    Vector<T> sum = term(part, v, kTerms - 1);
#pragma GCC unroll 8
    for (int k = kTerms - 2; k >= 0; --k) sum = sum * t_ + term(part, v, k);
    return sum;
  }
  [[gnu::always_inline]] Vector<T> value(int part, int v, Vector<T>& slope) const {
    Vector<T> sum = term(part, v, kTerms - 1);
    slope = sum;
    sum = sum * t_ + term(part, v, kTerms - 2);
#pragma GCC unroll 8
    for (int k = kTerms - 3; k >= 0; --k) {
      slope = slope * t_ + sum;
      sum = sum * t_ + term(part, v, k);
    }
    return sum;
  }

 private:
  [[gnu::always_inline]] Vector<T> term(int part, int v, int k) const {
    return load(row_ + (part * kTerms + k) * kGroup<T> + v * kLanes<T>);
  }
  const T* row_;
  Vector<T> t_;
};

template <class T, int kParts>
class GivenRow {
 public:
  GivenRow(const FilterRows<T>& filter, const Edge<T>& edge, std::int64_t channel)
      : values_(filter.rows + edge.knot * 2 * filter.width + channel / kGroup<T> * kParts * kGroup<T> +
                channel % kGroup<T>),
        slopes_(values_ + filter.width) {}

  [[gnu::always_inline]] Vector<T> value(int part, int v) const {
    return load(values_ + part * kGroup<T> + v * kLanes<T>);
  }
  [[gnu::always_inline]] Vector<T> value(int part, int v, Vector<T>& slope) const {
    slope = load(slopes_ + part * kGroup<T> + v * kLanes<T>);
    return value(part, v);
  }

 private:
  const T *values_, *slopes_;
};

/// Half of the numbers of a and b: those of b stand where the place's bit `kStep` is set. With kHigh the
/// other half.
template <class T, int kStep, bool kHigh, std::size_t... kPlace>
static inline Vector<T> woven(Vector<T> a, Vector<T> b, std::index_sequence<kPlace...>) {
  return __builtin_shufflevector(
      a, b,
      ((kPlace & kStep) != 0 ? kLanes<T> + static_cast<int>(kPlace) - (kHigh ? 0 : kStep)
                             : static_cast<int>(kPlace) + (kHigh ? kStep : 0))...);
}
template <class T, int kStep>
static inline Vector<T> pair_sums(Vector<T> a, Vector<T> b) {
  constexpr auto kPlaces = std::make_index_sequence<kLanes<T>>{};
  return woven<T, kStep, false>(a, b, kPlaces) + woven<T, kStep, true>(a, b, kPlaces);
}

/// to[0 .. 3] += the sums of four vectors' numbers.
template <class T>
static inline void add_sums(const Vector<T> (&x)[4], T* to) {
  if constexpr (kLanes<T> >= 4) {
    Vector<T> sums = pair_sums<T, 2>(pair_sums<T, 1>(x[0], x[1]), pair_sums<T, 1>(x[2], x[3]));
    if constexpr (kLanes<T> >= 16) sums = pair_sums<T, 8>(sums, sums);
    if constexpr (kLanes<T> >= 8) sums = pair_sums<T, 4>(sums, sums);
    for (int k = 0; k < 4; ++k) to[k] += sums[k];
  } else {
    for (int k = 0; k < 4; ++k) to[k] += sum_of<T>(x[k]);
  }
}

template <class T, template <class, int> class Row, bool kFirst>
static inline void forward(const MessageForward<T>& m, std::int64_t c) {
  constexpr int kParts = kFirst ? 2 : 3, kB = kParts - 2, kC = kParts - 1, kV = kTile<T>;
  const std::int64_t f = m.channels;
  for (std::int64_t i = m.begin; i < m.end; ++i) {
    Vector<T> sums[4][kV] = {};
    for (std::int64_t e = m.indptr[i]; e < m.indptr[i + 1]; ++e) {
      const Edge<T>& edge = m.edges[e];
      const T* const q = (kFirst ? m.features + m.species[edge.neighbor] * 3 * f
                                 : m.features + edge.neighbor * row_length<T>(6, f)) +
                         c;
      const Vector<T> u[3] = {splat(edge.u[0]), splat(edge.u[1]), splat(edge.u[2])};
      const Row<T, kParts> w(m.filter, edge, c);
#pragma GCC unroll 2
      for (int v = 0; v < kV; ++v) {
        const T* const at = q + v * kLanes<T>;
        sums[0][v] += w.value(kC, v) * load(at + 2 * f);
        const Vector<T> b = w.value(kB, v) * load(at + f);
        for (int k = 0; k < 3; ++k) sums[k + 1][v] += u[k] * b;
        if constexpr (!kFirst) {
          const Vector<T> a = w.value(0, v) * load(at);
          for (int k = 0; k < 3; ++k) sums[k + 1][v] += a * load(at + (3 + k) * f);
        }
      }
    }
    T* const to = m.sums + (i - m.begin) * 4 * f + c;
    for (int k = 0; k < 4; ++k) {
      for (int v = 0; v < kV; ++v) store(to + k * f + v * kLanes<T>, sums[k][v]);
    }
  }
}

template <class T, template <class, int> class Row, bool kFirst>
static inline void backward(const MessageBackward<T>& m, std::int64_t c) {
  constexpr int kParts = kFirst ? 2 : 3, kB = kParts - 2, kC = kParts - 1, kV = kTile<T>;
  const std::int64_t f = m.channels;
  for (std::int64_t i = m.begin; i < m.end; ++i) {
    const T* const q =
        (kFirst ? m.features + m.species[i] * 3 * f : m.features + i * row_length<T>(6, f)) + c;
    Vector<T> qv[3][kV];  // q_a v, by axis
    if constexpr (!kFirst) {
      for (int v = 0; v < kV; ++v) {
        for (int k = 0; k < 3; ++k) {
          qv[k][v] = load(q + v * kLanes<T>) * load(q + (3 + k) * f + v * kLanes<T>);
        }
      }
    }
    Vector<T> by_b[kV] = {}, by_c[kV] = {}, pulled[3][kV] = {};  // pulled: sum_e w_a Gv
    for (std::int64_t p = m.indptr[i]; p < m.indptr[i + 1]; ++p) {
      const Edge<T>& edge = m.edges[p];
      const T* const gradients = m.gradients + edge.neighbor * row_length<T>(4, f) + c;
      const Vector<T> u[3] = {splat(m.sign * edge.u[0]), splat(m.sign * edge.u[1]),
                              splat(m.sign * edge.u[2])};
      const Row<T, kParts> w(m.filter, edge, c);
      Vector<T> by[4] = {}, slope;
#pragma GCC unroll 2
      for (int v = 0; v < kV; ++v) {
        const T* const at = gradients + v * kLanes<T>;
        const Vector<T> g = load(at), gv[3] = {load(at + f), load(at + 2 * f), load(at + 3 * f)};
        const Vector<T> wc = w.value(kC, v, slope);
        by[0] += slope * (load(q + 2 * f + v * kLanes<T>) * g);
        if constexpr (!kFirst) by_c[v] += wc * g;
        const Vector<T> b = load(q + f + v * kLanes<T>), along = u[0] * gv[0] + u[1] * gv[1] + u[2] * gv[2];
        const Vector<T> wb = w.value(kB, v, slope), bw = b * wb;
        by[0] += slope * (b * along);
        if constexpr (!kFirst) by_b[v] += wb * along;
        for (int k = 0; k < 3; ++k) by[k + 1] += bw * gv[k];
        if constexpr (!kFirst) {
          const Vector<T> wa = w.value(0, v, slope);
          by[0] += slope * (qv[0][v] * gv[0] + qv[1][v] * gv[1] + qv[2][v] * gv[2]);
          for (int k = 0; k < 3; ++k) pulled[k][v] += wa * gv[k];
        }
      }
      add_sums<T>(by, m.derivatives + 4 * p);
    }
    if constexpr (!kFirst) {  // [dq_a, dq_b, dq_c, dv]
      for (int v = 0; v < kV; ++v) {
        const T* const from = q + v * kLanes<T>;
        T* const to = m.sums + (i - m.begin) * 6 * f + c + v * kLanes<T>;
        Vector<T> by_a{};
        for (int k = 0; k < 3; ++k) {
          by_a += pulled[k][v] * load(from + (3 + k) * f);
          store<T>(to + (3 + k) * f, load(from) * pulled[k][v]);
        }
        store(to, by_a);
        store(to + f, by_b[v]);
        store(to + 2 * f, by_c[v]);
      }
    }
  }
}

template <class T, template <class, int> class Row, bool kFirst>
static inline void derivatives(const EdgeDerivatives<T>& m, std::int64_t c) {
  constexpr int kParts = kFirst ? 2 : 3, kB = kParts - 2, kC = kParts - 1, kV = kTile<T>;
  const std::int64_t f = m.channels;
  for (std::int64_t i = m.begin; i < m.end; ++i) {
    const T* const gradients = m.gradients + i * row_length<T>(4, f) + c;
    for (std::int64_t e = m.indptr[i]; e < m.indptr[i + 1]; ++e) {
      const Edge<T>& edge = m.edges[e];
      if (m.reverse[e] >= 0) continue;
      const T* const q = (kFirst ? m.features + m.species[edge.neighbor] * 3 * f
                                 : m.features + edge.neighbor * row_length<T>(6, f)) +
                         c;
      const Vector<T> u[3] = {splat(edge.u[0]), splat(edge.u[1]), splat(edge.u[2])};
      const Row<T, kParts> w(m.filter, edge, c);
      Vector<T> by[4] = {}, slope;
      for (int v = 0; v < kV; ++v) {
        const T *const at = gradients + v * kLanes<T>, *const from = q + v * kLanes<T>;
        const Vector<T> gv[3] = {load(at + f), load(at + 2 * f), load(at + 3 * f)};
        w.value(kC, v, slope);
        by[0] += slope * (load(from + 2 * f) * load(at));
        const Vector<T> b = load(from + f), bw = b * w.value(kB, v, slope);
        by[0] += slope * (b * (u[0] * gv[0] + u[1] * gv[1] + u[2] * gv[2]));
        for (int k = 0; k < 3; ++k) by[k + 1] += bw * gv[k];
        if constexpr (!kFirst) {
          w.value(0, v, slope);
          const Vector<T> along =
              load(from + 3 * f) * gv[0] + load(from + 4 * f) * gv[1] + load(from + 5 * f) * gv[2];
          by[0] += slope * (load(from) * along);
        }
      }
      add_sums<T>(by, m.derivatives + 4 * e);
    }
  }
}

/// Calls body<Row, kFirst>(channel) for a filter and a layer, tile by tile.
template <class T, class Body>
static inline void with_row(const FilterRows<T>& filter, std::int64_t channels, bool first,
                            const Body& body) {
  for (std::int64_t c = 0; c < channels; c += kTileChannels<T>) {
    if (filter.n_intervals > 0) {
      first ? body.template operator()<TableRow, true>(c) : body.template operator()<TableRow, false>(c);
    } else {
      first ? body.template operator()<GivenRow, true>(c) : body.template operator()<GivenRow, false>(c);
    }
  }
}

}  // namespace

#define NONIDEAL_ATOMS_EDGES(T)                                                  \
  void message_forward(const MessageForward<T>& m) {                             \
    with_row(m.filter, m.channels, m.species != nullptr,                         \
             [&]<template <class, int> class Row, bool kFirst>(std::int64_t c) { \
               forward<T, Row, kFirst>(m, c);                                    \
             });                                                                 \
  }                                                                              \
  void message_backward(const MessageBackward<T>& m) {                           \
    with_row(m.filter, m.channels, m.species != nullptr,                         \
             [&]<template <class, int> class Row, bool kFirst>(std::int64_t c) { \
               backward<T, Row, kFirst>(m, c);                                   \
             });                                                                 \
  }                                                                              \
  void edge_derivatives(const EdgeDerivatives<T>& m) {                           \
    with_row(m.filter, m.channels, m.species != nullptr,                         \
             [&]<template <class, int> class Row, bool kFirst>(std::int64_t c) { \
               derivatives<T, Row, kFirst>(m, c);                                \
             });                                                                 \
  }
NONIDEAL_ATOMS_EDGES(float)
NONIDEAL_ATOMS_EDGES(double)
#undef NONIDEAL_ATOMS_EDGES

}  // namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA
