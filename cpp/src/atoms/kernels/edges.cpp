#include "atoms/kernels/edges.hpp"

#include "base/lanes.hpp"

namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA {

namespace {

using nonideal::detail::kLanes;
using nonideal::detail::load;
using nonideal::detail::splat;
using nonideal::detail::store;
using nonideal::detail::sum_of;
using nonideal::detail::Vector;

/// The filter of one edge: kParts parts (c last, b before it, a first where there are three).
template <class T, int kParts>
class TableRow {
 public:
  static constexpr std::int64_t kStride = 2 * kParts;  ///< rows of F numbers that a knot takes

  TableRow(const FilterRows<T>& filter, std::int64_t channels, const Edge<T>& edge)
      : low_(filter.rows + edge.knot * kStride * channels), high_(low_ + kStride * channels) {
    const T t = edge.t, s = 1 - t;
    value_[0] = s * s * (1 + 2 * t);
    value_[1] = s * s * t;
    value_[2] = t * t * (3 - 2 * t);
    value_[3] = -t * t * s;
    slope_[0] = -6 * t * s;
    slope_[1] = s * (1 - 3 * t);
    slope_[2] = 6 * t * s;
    slope_[3] = t * (3 * t - 2);
  }

  /// Loads a vector of channels of one part.
  [[gnu::always_inline]] void at(std::int64_t channel, int part) {
    const std::int64_t place = place_of(channel, part);
    f_[0] = load(low_ + place), f_[1] = load(low_ + place + kGroup<T>);
    f_[2] = load(high_ + place), f_[3] = load(high_ + place + kGroup<T>);
  }
  [[gnu::always_inline]] Vector<T> value() const {
    return (splat(value_[0]) * f_[0] + splat(value_[1]) * f_[1]) +
           (splat(value_[2]) * f_[2] + splat(value_[3]) * f_[3]);
  }
  [[gnu::always_inline]] Vector<T> slope() const {
    return splat(slope_[2]) * (f_[2] - f_[0]) + (splat(slope_[1]) * f_[1] + splat(slope_[3]) * f_[3]);
  }

  static std::int64_t place_of(std::int64_t channel, int part) {
    return (channel / kGroup<T> * kStride + 2 * part) * kGroup<T> + channel % kGroup<T>;
  }

 private:
  const T *low_, *high_;
  T value_[4], slope_[4];
  Vector<T> f_[4];
};

template <class T, int kParts>
class GivenRow {
 public:
  GivenRow(const FilterRows<T>& filter, std::int64_t channels, const Edge<T>& edge)
      : values_(filter.rows + edge.knot * 2 * kParts * channels), slopes_(values_ + kParts * channels) {}

  [[gnu::always_inline]] void at(std::int64_t channel, int part) {
    const std::int64_t place = (channel / kGroup<T> * kParts + part) * kGroup<T> + channel % kGroup<T>;
    f_[0] = load(values_ + place), f_[1] = load(slopes_ + place);
  }
  [[gnu::always_inline]] Vector<T> value() const { return f_[0]; }
  [[gnu::always_inline]] Vector<T> slope() const { return f_[1]; }

 private:
  const T *values_, *slopes_;
  Vector<T> f_[2];
};

template <class T>
static inline void add_to(T* at, Vector<T> value) {
  store(at, load(at) + value);
}

template <class T, template <class, int> class Row, bool kFirst>
static inline void forward(const MessageForward<T>& m) {
  constexpr int kParts = kFirst ? 2 : 3, kB = kParts - 2, kC = kParts - 1;
  const std::int64_t f = m.channels;
  for (std::int64_t i = m.begin; i < m.end; ++i) {
    T* const sums = m.sums + (i - m.begin) * 4 * f;
    for (std::int64_t c = 0; c < 4 * f; c += kLanes<T>) store(sums + c, Vector<T>{});
    for (std::int64_t e = m.indptr[i]; e < m.indptr[i + 1]; ++e) {
      const Edge<T>& edge = m.edges[e];
      const T* const q =
          kFirst ? m.features + m.species[edge.neighbor] * 3 * f : m.features + edge.neighbor * 6 * f;
      const Vector<T> ux = splat(edge.u[0]), uy = splat(edge.u[1]), uz = splat(edge.u[2]);
      Row<T, kParts> w(m.filter, f, edge);
      for (std::int64_t c = 0; c < f; c += kLanes<T>) {
        T* const to = sums + c;
        w.at(c, kC);
        add_to(to, w.value() * load(q + 2 * f + c));
        w.at(c, kB);
        const Vector<T> b = w.value() * load(q + f + c);
        if constexpr (kFirst) {
          add_to(to + f, ux * b);
          add_to(to + 2 * f, uy * b);
          add_to(to + 3 * f, uz * b);
        } else {
          w.at(c, 0);
          const Vector<T> a = w.value() * load(q + c);
          add_to(to + f, ux * b + a * load(q + 3 * f + c));
          add_to(to + 2 * f, uy * b + a * load(q + 4 * f + c));
          add_to(to + 3 * f, uz * b + a * load(q + 5 * f + c));
        }
      }
    }
  }
}

template <class T, template <class, int> class Row, bool kFirst>
static inline void backward(const MessageBackward<T>& m) {
  constexpr int kParts = kFirst ? 2 : 3, kB = kParts - 2, kC = kParts - 1;
  const std::int64_t f = m.channels;
  for (std::int64_t i = m.begin; i < m.end; ++i) {
    const T* const q = kFirst ? m.features + m.species[i] * 3 * f : m.features + i * 6 * f;
    T* const sums = kFirst ? nullptr : m.sums + (i - m.begin) * 6 * f;
    T* const qv = m.work;  // q_a v, by axis
    if constexpr (!kFirst) {
      // In the end [dq_a, dq_b, dq_c, dv]; until then the last three parts hold sum_e w_a Gv.
      for (std::int64_t c = 0; c < 6 * f; c += kLanes<T>) store(sums + c, Vector<T>{});
      for (std::int64_t c = 0; c < f; c += kLanes<T>) {
        const Vector<T> a = load(q + c);
        for (int k = 0; k < 3; ++k) store(qv + k * f + c, a * load(q + (3 + k) * f + c));
      }
    }
    for (std::int64_t p = m.indptr[i]; p < m.indptr[i + 1]; ++p) {
      const Edge<T>& edge = m.edges[p];
      const T* const g = m.gradients + edge.neighbor * 4 * f;
      const Vector<T> ux = splat(m.sign * edge.u[0]), uy = splat(m.sign * edge.u[1]),
                      uz = splat(m.sign * edge.u[2]);
      Row<T, kParts> w(m.filter, f, edge);
      Vector<T> dd{}, dx{}, dy{}, dz{};
      for (std::int64_t c = 0; c < f; c += kLanes<T>) {
        const Vector<T> g0 = load(g + c), gx = load(g + f + c), gy = load(g + 2 * f + c),
                        gz = load(g + 3 * f + c);
        w.at(c, kC);
        dd += w.slope() * (load(q + 2 * f + c) * g0);
        if constexpr (!kFirst) add_to(sums + 2 * f + c, w.value() * g0);
        w.at(c, kB);
        const Vector<T> b = load(q + f + c), along = ux * gx + uy * gy + uz * gz;
        const Vector<T> wb = w.value();
        dd += w.slope() * (b * along);
        if constexpr (!kFirst) add_to(sums + f + c, wb * along);
        const Vector<T> bw = b * wb;
        dx += bw * gx;
        dy += bw * gy;
        dz += bw * gz;
        if constexpr (!kFirst) {
          w.at(c, 0);
          const Vector<T> wa = w.value();
          dd += w.slope() * (load(qv + c) * gx + load(qv + f + c) * gy + load(qv + 2 * f + c) * gz);
          add_to(sums + 3 * f + c, wa * gx);
          add_to(sums + 4 * f + c, wa * gy);
          add_to(sums + 5 * f + c, wa * gz);
        }
      }
      T* const to = m.derivatives + 4 * p;
      to[0] += sum_of<T>(dd);
      to[1] += sum_of<T>(dx);
      to[2] += sum_of<T>(dy);
      to[3] += sum_of<T>(dz);
    }
    if constexpr (!kFirst) {
      for (std::int64_t c = 0; c < f; c += kLanes<T>) {
        const Vector<T> a = load(q + c);
        Vector<T> dq{};
        for (int k = 0; k < 3; ++k) {
          T* const at = sums + (3 + k) * f + c;
          const Vector<T> pulled = load(at);
          dq += pulled * load(q + (3 + k) * f + c);
          store(at, a * pulled);
        }
        store(sums + c, dq);
      }
    }
  }
}

template <class T, template <class, int> class Row, bool kFirst>
static inline void derivatives(const EdgeDerivatives<T>& m) {
  constexpr int kParts = kFirst ? 2 : 3, kB = kParts - 2, kC = kParts - 1;
  const std::int64_t f = m.channels;
  for (std::int64_t i = m.begin; i < m.end; ++i) {
    const T* const g = m.gradients + i * 4 * f;
    for (std::int64_t e = m.indptr[i]; e < m.indptr[i + 1]; ++e) {
      const Edge<T>& edge = m.edges[e];
      if (m.reverse[e] >= 0) continue;
      const T* const q =
          kFirst ? m.features + m.species[edge.neighbor] * 3 * f : m.features + edge.neighbor * 6 * f;
      const Vector<T> ux = splat(edge.u[0]), uy = splat(edge.u[1]), uz = splat(edge.u[2]);
      Row<T, kParts> w(m.filter, f, edge);
      Vector<T> dd{}, dx{}, dy{}, dz{};
      for (std::int64_t c = 0; c < f; c += kLanes<T>) {
        const Vector<T> gx = load(g + f + c), gy = load(g + 2 * f + c), gz = load(g + 3 * f + c);
        w.at(c, kC);
        dd += w.slope() * (load(q + 2 * f + c) * load(g + c));
        w.at(c, kB);
        const Vector<T> b = load(q + f + c), bw = b * w.value();
        dd += w.slope() * (b * (ux * gx + uy * gy + uz * gz));
        dx += bw * gx;
        dy += bw * gy;
        dz += bw * gz;
        if constexpr (!kFirst) {
          w.at(c, 0);
          const Vector<T> along =
              load(q + 3 * f + c) * gx + load(q + 4 * f + c) * gy + load(q + 5 * f + c) * gz;
          dd += w.slope() * (load(q + c) * along);
        }
      }
      T* const to = m.derivatives + 4 * e;
      to[0] += sum_of<T>(dd);
      to[1] += sum_of<T>(dx);
      to[2] += sum_of<T>(dy);
      to[3] += sum_of<T>(dz);
    }
  }
}

/// Calls body<Row, kFirst>() for a filter and a layer.
template <class T, class Body>
static inline void with_row(const FilterRows<T>& filter, bool first, const Body& body) {
  if (filter.tabulated) {
    first ? body.template operator()<TableRow, true>() : body.template operator()<TableRow, false>();
  } else {
    first ? body.template operator()<GivenRow, true>() : body.template operator()<GivenRow, false>();
  }
}

}  // namespace

#define NONIDEAL_ATOMS_EDGES(T)                                                                        \
  void message_forward(const MessageForward<T>& m) {                                                   \
    with_row(m.filter, m.species != nullptr,                                                           \
             [&]<template <class, int> class Row, bool kFirst>() { forward<T, Row, kFirst>(m); });     \
  }                                                                                                    \
  void message_backward(const MessageBackward<T>& m) {                                                 \
    with_row(m.filter, m.species != nullptr,                                                           \
             [&]<template <class, int> class Row, bool kFirst>() { backward<T, Row, kFirst>(m); });    \
  }                                                                                                    \
  void edge_derivatives(const EdgeDerivatives<T>& m) {                                                 \
    with_row(m.filter, m.species != nullptr,                                                           \
             [&]<template <class, int> class Row, bool kFirst>() { derivatives<T, Row, kFirst>(m); }); \
  }
NONIDEAL_ATOMS_EDGES(float)
NONIDEAL_ATOMS_EDGES(double)
#undef NONIDEAL_ATOMS_EDGES

}  // namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA
