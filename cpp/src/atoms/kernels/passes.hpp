#pragma once

#include <cstdint>

#include "atoms/kernels/dual.hpp"
#include "atoms/kernels/message.hpp"
#include "atoms/kernels/radial.hpp"

/// The two passes over the edges, each written once for numbers and for dual numbers. The factors of the sums
/// (1 / sqrt 3, 1 / sqrt F) are part of the packed filter. Backward evaluates the filter anew: to write w and
/// w' in forward and to read them again takes as long in warm memory, and several times as long in fresh.
namespace nonideal::atoms::kernels {
namespace {

using nonideal::detail::load_loose;
using nonideal::detail::store_loose;
using nonideal::detail::sum_of;

/// Numbers, or dual numbers. What moves along a direction is named even where nothing does, and then neither
/// read nor there: null, or never set.
template <class T, bool Tangent>
struct NumberOf {
  using Type = Vector<T>;
  NONIDEAL_INLINE Type read(const T* values, const T*, std::int64_t at) { return load_loose(values + at); }
  NONIDEAL_INLINE T read_scalar(const T& value, const T&) { return value; }
};
template <class T>
struct NumberOf<T, true> {
  using Type = Dual<Vector<T>>;
  NONIDEAL_INLINE Type read(const T* values, const T* moved, std::int64_t at) {
    return {load_loose(values + at), load_loose(moved + at)};
  }
  NONIDEAL_INLINE Dual<T> read_scalar(const T& value, const T& moved) { return {value, moved}; }
};

/// sums[n][part] += the filter's rows times the factors of order n.
template <int Terms, int Orders, class T>
NONIDEAL_INLINE void add_rows(const T* rows, const T* const* factors, Vector<T> (*sums)[3]) {
#pragma GCC unroll 18
  for (int l = 0; l < Terms; ++l) {
#pragma GCC unroll 3
    for (int part = 0; part < 3; ++part) {
      const Vector<T> weights = load_loose(rows + (3 * l + part) * kLanes<T>);
#pragma GCC unroll 3
      for (int n = 0; n < Orders; ++n) sums[n][part] += weights * factors[n][l];
    }
  }
}

/// The filter of an edge and its derivatives by the distance, Orders of them.
template <class T, int Orders, class Edges>
NONIDEAL_INLINE void filter(const Edges& edges, int m, const T* tile, std::int64_t bias_row,
                            Vector<T> (*sums)[3]) {
  const T* factors[Orders];
  for (int n = 0; n < Orders; ++n) factors[n] = edges.factors[n][m];
  const T* const row = tile + bias_row * 3 * kLanes<T>;
  for (int n = 0; n < Orders; ++n) {
    for (int part = 0; part < 3; ++part)
      sums[n][part] = load_loose(row + part * kLanes<T>) * edges.bias[m][n];
  }
  add_rows<Band<T>::kTerms, Orders>(tile + edges.row[m] * std::int64_t{3 * kLanes<T>}, factors, sums);
}

/// w[n][part]: the n-th derivative by the distance of the filter, n < Orders, as (dual) numbers.
template <class T, bool Tangent, int Orders, class Edges>
struct EdgeFilter {
  typename NumberOf<T, Tangent>::Type w[Orders][3];

  NONIDEAL_INLINE EdgeFilter of(const MessageArgs<T>& args, const Edges& edges, int m, std::int64_t tile) {
    const std::int64_t offset = tile * args.filter_rows * 3 * kLanes<T>, bias_row = args.filter_rows - 1;
    EdgeFilter result;
    if constexpr (!Tangent) {
      filter<T, Orders>(edges, m, args.filter + offset, bias_row, result.w);
    } else {
      Vector<T> value[Orders + 1][3], moved[Orders][3] = {};
      filter<T, Orders + 1>(edges, m, args.filter + offset, bias_row, value);
      if (args.direction_filter != nullptr) {
        filter<T, Orders>(edges, m, args.direction_filter + offset, bias_row, moved);
      }
      for (int n = 0; n < Orders; ++n) {
        for (int part = 0; part < 3; ++part) {
          result.w[n][part] = {value[n][part], value[n + 1][part] * edges.moved_d[m] + moved[n][part]};
        }
      }
    }
    return result;
  }
};

/// Stores a sum, or adds it where the row of the graph has been begun.
template <class T>
NONIDEAL_INLINE void keep(T* to, const Vector<T>& sum, bool begun) {
  store_loose(to, begun ? load_loose<T>(to) + sum : sum);
}

/// Rows are centres: what they receive.
template <class T, bool Tangent>
static inline void forward_rows(const MessageArgs<T>& args, std::int64_t begin, std::int64_t end) {
  using Of = NumberOf<T, Tangent>;
  using Number = typename Of::Type;
  using Edges = Chunk<T, Tangent, Tangent ? 1 : 0>;
  const std::int64_t channels = args.channels, tiles = channels / kLanes<T>;
  Edges edges;
  for (std::int64_t i = begin; i < end; ++i) {
    std::int64_t from = args.indptr[i];
    const std::int64_t last = args.indptr[i + 1];
    bool begun = false;
    do {
      const std::int64_t to = last - from < kChunk ? last : from + kChunk;
      edges.fill(args, from, to, false);
      for (std::int64_t tile = 0; tile < tiles; ++tile) {
        const std::int64_t c = tile * kLanes<T>;
        Number x = {}, y[3] = {};
        for (int m = 0; m < edges.n; ++m) {
          const auto f = EdgeFilter<T, Tangent, 1, Edges>::of(args, edges, m, tile);
          const std::int64_t at = edges.node[m] * std::int64_t{3} * channels + c;
          const auto read = [&](const T* values, const T* moved, int part) {
            return Of::read(values, moved, at + part * channels);
          };
          const Number a = read(args.q, args.direction_q, 0) * f.w[0][0];
          const Number b = read(args.q, args.direction_q, 1) * f.w[0][1];
          x += read(args.q, args.direction_q, 2) * f.w[0][2];
          for (int k = 0; k < 3; ++k) {
            const auto u = Of::read_scalar(edges.u[m][k], edges.moved_u[m][k]);
            y[k] += a * read(args.v, args.direction_v, k) + b * u;
          }
        }
        keep(args.x + i * channels + c, wanted(x), begun);
        for (int k = 0; k < 3; ++k) keep(args.y + (3 * i + k) * channels + c, wanted(y[k]), begun);
      }
      begun = true;
      from = to;
    } while (from < last);
  }
}

/// What an edge leaves behind for the filter's gradient: its product belongs to factors of order 0, and where
/// all moves along a direction, the product's change to order 0 and what it was, times d', to order 1.
template <class T>
NONIDEAL_INLINE void remember(Vector<T> (*kept)[3], int part, const Vector<T>& product, const T&) {
  kept[0][part] = product;
}
template <class T>
NONIDEAL_INLINE void remember(Vector<T> (*kept)[3], int part, const Dual<Vector<T>>& product,
                              const T& moved_d) {
  kept[0][part] = product.b;
  kept[1][part] = product.a * moved_d;
}

/// Adds the gradient by the filter's rows: each is read and written once, for all edges of the chunk that
/// count in it, which stand side by side.
template <class T, int Orders, class Edges>
static inline void add_filter_gradient(const Edges& edges, const Vector<T> (*kept)[Orders][3], T* tile,
                                       std::int64_t bias_row) {
  const auto add = [&](std::int64_t row, int from, int to, const auto& factor) {
    T* const at = tile + row * 3 * kLanes<T>;
    Vector<T> even[3], odd[3] = {};  // two chains of additions
    for (int part = 0; part < 3; ++part) even[part] = load_loose(at + part * kLanes<T>);
    const auto add_edge = [&](Vector<T>* sums, int m) {
#pragma GCC unroll 2
      for (int n = 0; n < Orders; ++n) {
        const T f = factor(m, n);
#pragma GCC unroll 3
        for (int part = 0; part < 3; ++part) sums[part] += kept[m][n][part] * f;
      }
    };
    int m = from;
    for (; m + 2 <= to; m += 2) {
      add_edge(even, m);
      add_edge(odd, m + 1);
    }
    if (m < to) add_edge(even, m);
    for (int part = 0; part < 3; ++part) store_loose<T>(at + part * kLanes<T>, even[part] + odd[part]);
  };
  if (edges.n == 0) return;
  const T* all[Orders];
  for (int n = 0; n < Orders; ++n) all[n] = edges.factors[n][0];
  std::int32_t place[kChunk];  // of an edge's factors, were it to begin at row 0
  for (int m = 0; m < edges.n; ++m) place[m] = m * Band<T>::kStride - edges.row[m];
  int from = 0, to = 0;
  for (std::int32_t row = edges.row[0]; row < edges.row[edges.n - 1] + Band<T>::kTerms; ++row) {
    while (from < edges.n && edges.row[from] + Band<T>::kTerms <= row) ++from;
    while (to < edges.n && edges.row[to] <= row) ++to;
    if (from < to) add(row, from, to, [&](int m, int n) { return all[n][place[m] + row]; });
  }
  add(bias_row, 0, edges.n, [&](int m, int n) { return edges.bias[m][n]; });
}

/// The gradient by an edge's vector, or its derivative along a direction, from the sums over the channels:
/// by the distance, and by u.
template <class T, class Edges>
static inline void finish_vector(const Edges& edges, int m, const Vector<T>* by, T* out) {
  const double by_d = sum_of<T>(by[0]);
  double by_u[3], along = 0.0;
  for (int k = 0; k < 3; ++k) {
    by_u[k] = sum_of<T>(by[k + 1]);
    along += by_u[k] * edges.u[m][k];
  }
  const double d = edges.length[m];
  for (int k = 0; k < 3; ++k) {
    const double u = edges.u[m][k];
    out[k] = static_cast<T>(-u * by_d - (by_u[k] - u * along) / d);
  }
}
template <class T, class Edges>
static inline void finish_vector(const Edges& edges, int m, const Dual<Vector<T>>* by, T* out) {
  const Dual<double> by_d = {sum_of<T>(by[0].a), sum_of<T>(by[0].b)};
  Dual<double> by_u[3], u[3], along = {0.0, 0.0};
  for (int k = 0; k < 3; ++k) {
    by_u[k] = {sum_of<T>(by[k + 1].a), sum_of<T>(by[k + 1].b)};
    u[k] = {edges.u[m][k], edges.moved_u[m][k]};
    along += by_u[k] * u[k];
  }
  const double d = edges.length[m];
  const Dual<double> inverse = {1.0 / d, -edges.moved_d[m] / (d * d)};
  for (int k = 0; k < 3; ++k) {
    out[k] = static_cast<T>(-(u[k] * by_d).b - ((by_u[k] - u[k] * along) * inverse).b);
  }
}

/// Rows are sources: q and v stay where they are, the centres' incoming gradients are fetched.
template <class T, bool Tangent, bool Vectors, bool Weights>
static inline void backward_rows(const MessageArgs<T>& args, std::int64_t begin, std::int64_t end) {
  using Of = NumberOf<T, Tangent>;
  using Number = typename Of::Type;
  constexpr int kOrders = Vectors ? 2 : 1, kKept = Tangent ? 2 : 1;
  using Edges = Chunk<T, Tangent, kOrders - 1 + (Tangent ? 1 : 0)>;
  const std::int64_t channels = args.channels, tiles = channels / kLanes<T>;
  const std::int64_t tile_size = args.filter_rows * 3 * kLanes<T>;
  Edges edges;
  Vector<T> kept[Weights ? kChunk : 1][kKept][3];
  Number by[Vectors ? kChunk : 1][4];
  for (std::int64_t j = begin; j < end; ++j) {
    std::int64_t from = args.indptr[j];
    const std::int64_t last = args.indptr[j + 1];
    bool begun = false;
    do {
      const std::int64_t to = last - from < kChunk ? last : from + kChunk;
      edges.fill(args, from, to, true);  // whatever is wanted: sums have one order
      for (std::int64_t tile = 0; tile < tiles; ++tile) {
        const std::int64_t c = tile * kLanes<T>, at = 3 * j * channels + c;
        Number q[3], v[3], by_q[3] = {}, by_v[3] = {};
        for (int k = 0; k < 3; ++k) {
          q[k] = Of::read(args.q, args.direction_q, at + k * channels);
          v[k] = Of::read(args.v, args.direction_v, at + k * channels);
        }
        for (int m = 0; m < edges.n; ++m) {
          const auto f = EdgeFilter<T, Tangent, kOrders, Edges>::of(args, edges, m, tile);
          const std::int64_t i = edges.node[m];
          const Vector<T> y = load_loose(args.gx + i * channels + c);
          Vector<T> g[3];
          for (int k = 0; k < 3; ++k) g[k] = load_loose(args.gv + (3 * i + k) * channels + c);
          const Number along[3] = {v[0] * g[0] + v[1] * g[1] + v[2] * g[2],
                                   g[0] * Of::read_scalar(edges.u[m][0], edges.moved_u[m][0]) +
                                       g[1] * Of::read_scalar(edges.u[m][1], edges.moved_u[m][1]) +
                                       g[2] * Of::read_scalar(edges.u[m][2], edges.moved_u[m][2]),
                                   {}};
          by_q[0] += f.w[0][0] * along[0];
          by_q[1] += f.w[0][1] * along[1];
          by_q[2] += f.w[0][2] * y;
          const Number a = q[0] * f.w[0][0];
          for (int k = 0; k < 3; ++k) by_v[k] += a * g[k];
          const Number by_w[3] = {q[0] * along[0], q[1] * along[1], q[2] * y};
          if constexpr (Weights) {
            for (int part = 0; part < 3; ++part) remember<T>(kept[m], part, by_w[part], edges.moved_d[m]);
          }
          if constexpr (Vectors) {
            const Number b = q[1] * f.w[0][1];
            const Number sums[4] = {by_w[0] * f.w[1][0] + by_w[1] * f.w[1][1] + by_w[2] * f.w[1][2], b * g[0],
                                    b * g[1], b * g[2]};
            for (int k = 0; k < 4; ++k) by[m][k] = tile == 0 ? sums[k] : by[m][k] + sums[k];
          }
        }
        for (int k = 0; k < 3; ++k) {
          keep(args.x + at + k * channels, wanted(by_q[k]), begun);
          keep(args.y + at + k * channels, wanted(by_v[k]), begun);
        }
        if constexpr (Weights) {
          add_filter_gradient<T, kKept>(edges, kept, args.filter_gradients + tile * tile_size,
                                        args.filter_rows - 1);
        }
      }
      if constexpr (Vectors) {
        for (int m = 0; m < edges.n; ++m) {
          finish_vector<T>(edges, m, by[m], args.edge_gradients + 3 * edges.edge[m]);
        }
      }
      begun = true;
      from = to;
    } while (from < last);
  }
}

}  // namespace
}  // namespace nonideal::atoms::kernels
