// The way back: from the energy to the derivatives by the edges.
#include <numbers>

#include "atoms/evaluation_inl.hpp"

namespace nonideal::atoms::detail {

using std::size_t;

template <class T>
void Evaluation<T>::backward_begin(int l) {
  const std::int64_t f = net_.f;
  global_.clear();
  if (net_.global_vector) {
    blocks(
        [&](std::int64_t begin, std::int64_t end, Arena& arena) { update_backward(l, begin, end, arena); });
    global_.assign(3, 0.0);
    for (size_t i = 0; i < static_cast<size_t>(3 * n_); ++i) {
      global_[i % 3] += static_cast<double>(global_parts_[i]);
    }
  } else if (net_.virtual_node && !last(l)) {
    // What the distribution of layer l + 1 left in every block.
    const auto node = static_cast<size_t>(4 * f);
    global_.assign(node, 0.0);
    for (size_t c = 0; c < block_sums_.size(); ++c) global_[c % node] += block_sums_[c];
  }
}

/// From the gradients by a layer's results, gx_ and gv_, to those by what the update began with.
template <class T>
void Evaluation<T>::update_backward(int l, std::int64_t begin, std::int64_t end, Arena& arena) {
  const Layer<T>& layer = weights(l);
  LayerState& s = state(l);
  const std::int64_t f = net_.f, m = net_.m, n = end - begin;
  const kernels::Update<T> u = update_of(l, begin, end);
  T* const gx = gx_.data() + begin * f;
  T* const gv = gv_.data() + begin * 3 * f;
  T* const gmixed = arena.take(n * u.mixed_ld);
  T* const direct = arena.take(n * f);
  k_.update_pull({u, gx, u.vectors ? gv : nullptr, gmixed, gmixed + f, gmixed + 2 * f, u.mixed_ld, direct});

  const bool v1 = net_.kind == kernels::UpdateKind::v1;
  const std::int64_t first = net_.kind == kernels::UpdateKind::gated && !u.vectors ? 1 : 0;
  const std::int64_t count = u.vectors ? net_.mixed : net_.mixed - 1;
  T* const active = arena.take(n * m);
  multiply_rows<T>(k_, layer.mix.out.backward, first * f, count * f, n, gmixed + first * f, u.mixed_ld,
                   active, m);
  k_.activate_slope({n * m, s.mix_hidden.data() + begin * m, active, active});
  const std::int64_t width = layer.mix.hidden.backward.n;
  T* const inputs = arena.take(n * width);
  multiply<T>(k_, layer.mix.hidden.backward, nullptr, n, active, m, inputs, width);

  const bool both = projects_first(l);
  const std::int64_t ld = u.projected_ld;
  T* const projected = arena.take(3 * n * ld);
  k_.update_spread({u, inputs, gx, u.vectors ? gv : nullptr, both ? projected : nullptr,
                    both ? projected + f : projected, ld,
                    net_.global_vector ? global_parts_.data() + 3 * begin : nullptr});
  multiply_rows<T>(k_, layer.vector.backward, both ? 0 : f, both ? 2 * f : f, 3 * n, projected, ld, gv, f,
                   u.vectors);

  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t c = 0; c < f; ++c) {
      const T by_input = inputs[i * width + c];
      gx[i * f + c] = v1 ? gx[i * f + c] + by_input : direct[i * f + c] + by_input;
    }
  }
  if (v1) multiply<T>(k_, layer.scalar.backward, nullptr, n, direct, f, gx, f, true);
}

template <class T>
void Evaluation<T>::backward_gradients(int l) {
  const Layer<T>& layer = weights(l);
  LayerState& s = state(l);
  const std::int64_t f = net_.f, h = net_.h;
  if (net_.virtual_node) {
    if (last(l)) {
      gnode_x_.assign(static_cast<size_t>(f), T(0));
      gnode_v_.assign(static_cast<size_t>(3 * f), T(0));
    } else {
      aggregate_backward(l);
    }
  }
  const double share = net_.mean && net_.global_vector ? 1.0 / std::max(count_, 1.0) : 1.0;
  std::array<T, 3> by_vector{};
  if (net_.global_vector) {
    for (size_t k = 0; k < 3; ++k) by_vector[k] = static_cast<T>(global_[k] * share);
  }
  blocks([&](std::int64_t begin, std::int64_t end, Arena& arena) {
    const std::int64_t n = end - begin;
    T* const gx = gx_.data() + begin * f;
    T* const gv = gv_.data() + begin * 3 * f;
    if (net_.global_vector) {  // G = sum_i s_i t_i
      T* const active = arena.take(n * h);
      for (std::int64_t i = 0; i < n; ++i) {
        const auto at = static_cast<size_t>(begin + i);
        T by_s = 0;
        for (size_t k = 0; k < 3; ++k) {
          by_s += by_vector[k] * s.t[3 * at + k];
          const T by_t = by_vector[k] * s.s[at];
          T* const row = gv + (3 * i + static_cast<std::int64_t>(k)) * f;
          for (std::int64_t c = 0; c < f; ++c) row[c] += by_t * layer.pool_vector[static_cast<size_t>(c)];
        }
        for (std::int64_t c = 0; c < h; ++c)
          active[i * h + c] = by_s * layer.pool_scalar[static_cast<size_t>(c)];
      }
      k_.activate_slope({n * h, s.pool_hidden.data() + begin * h, active, active});
      multiply<T>(k_, layer.pool_hidden.backward, nullptr, n, active, h, gx, f, true);
    } else {
      if (net_.virtual_node && !last(l)) {
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t c = 0; c < f; ++c) gx[i * f + c] += pooled_[static_cast<size_t>(c)];
          for (std::int64_t c = 0; c < 3 * f; ++c) gv[i * 3 * f + c] += pooled_[static_cast<size_t>(f + c)];
        }
      }
      update_backward(l, begin, end, arena);
    }
    const T root_half = static_cast<T>(std::numbers::sqrt2 / 2);
    for (std::int64_t i = 0; i < n; ++i) {
      T* const to = gradients_.data() + (begin + i) * 4 * f;
      for (std::int64_t c = 0; c < f; ++c) to[c] = gx[i * f + c] * root_half;
      std::copy_n(gv + i * 3 * f, 3 * f, to + f);
    }
  });
}

/// From the gradients by the virtual node after layer l to those by it before, and, in pooled_, to those that
/// every atom gets.
template <class T>
void Evaluation<T>::aggregate_backward(int l) {
  const Exchange<T>&exchange = weights(l).aggregate, &next = weights(l + 1).distribute;
  const LayerState& s = state(l);
  const std::int64_t f = net_.f;
  const auto row = static_cast<size_t>(f);
  AlignedVector<T> sums(4 * row), g(row), hidden(row), by_v(3 * row);
  for (size_t c = 0; c < 4 * row; ++c) sums[c] = static_cast<T>(global_[c]);
  multiply<T>(k_, next.from_global.backward, nullptr, 1, sums.data(), f, gnode_x_.data(), f, true);
  multiply<T>(k_, next.vector.backward, nullptr, 3, sums.data() + f, f, gnode_v_.data(), f, true);

  k_.activate_slope({f, s.aggregate_out.data(), gnode_x_.data(), g.data()});
  multiply<T>(k_, exchange.out.backward, nullptr, 1, g.data(), f, hidden.data(), f);
  k_.activate_slope({f, s.aggregate_hidden.data(), hidden.data(), hidden.data()});
  pooled_.resize(4 * row);
  multiply<T>(k_, exchange.from_x.backward, nullptr, 1, hidden.data(), f, pooled_.data(), f);
  multiply<T>(k_, exchange.from_global.backward, nullptr, 1, hidden.data(), f, gnode_x_.data(), f, true);
  multiply<T>(k_, exchange.vector.backward, nullptr, 3, gnode_v_.data(), f, pooled_.data() + f, f);
  for (size_t c = 0; c < 3 * row; ++c) gnode_v_[c] += pooled_[f + static_cast<std::int64_t>(c)];
  const T share = static_cast<T>(net_.mean ? 1.0 / std::max(count_, 1.0) : 1.0);
  for (T& number : pooled_) number *= share;
}

template <class T>
void Evaluation<T>::backward_edges(int l) {
  const Layer<T>& layer = weights(l);
  LayerState& s = state(l);
  const std::int64_t f = net_.f, h = net_.h;
  const bool first = l == 0, swapped = !symmetric_;
  if (net_.virtual_node && !first) {
    block_sums_.assign(static_cast<size_t>((n_ + kBlock - 1) / kBlock * 4 * f), 0.0);
  }
  const T* const features = first ? net_.start_q.data() : s.features.data();
  const std::int32_t* const species = first ? species_.data() : nullptr;
  blocks([&](std::int64_t begin, std::int64_t end, Arena& arena) {
    const std::int64_t n = end - begin;
    T* const sums = arena.take(n * 6 * f);
    T* const work = arena.take(3 * f);
    with_filter(l, begin, end, swapped ? pull_indptr_ : indptr_, swapped ? pull_distances_ : distances_,
                arena, [&](kernels::FilterRows<T> filter, std::int64_t from, std::int64_t to) {
                  k_.message_backward({.begin = from,
                                       .end = to,
                                       .channels = f,
                                       .indptr = swapped ? pull_indptr_.data() : indptr_.data(),
                                       .edges = swapped ? pull_edges_.data() : edges_.data(),
                                       .species = species,
                                       .features = features,
                                       .gradients = gradients_.data(),
                                       .filter = filter,
                                       .sign = swapped ? T(1) : T(-1),
                                       .sums = sums + (from - begin) * 6 * f,
                                       .derivatives = derivatives_.data(),
                                       .work = work});
                  if (complete_) return;
                  k_.edge_derivatives({.begin = from,
                                       .end = to,
                                       .channels = f,
                                       .indptr = indptr_.data(),
                                       .edges = edges_.data(),
                                       .species = species,
                                       .reverse = reverse_.data(),
                                       .features = features,
                                       .gradients = gradients_.data(),
                                       .filter = filter,
                                       .derivatives = own_derivatives_.data()});
                });
    if (first) return;
    T* const gx = gx_.data() + begin * f;
    T* const gv = gv_.data() + begin * 3 * f;
    for (std::int64_t i = 0; i < n; ++i) {
      const T* const g = gradients_.data() + (begin + i) * 4 * f;
      const T* const pulled = sums + i * 6 * f + 3 * f;
      std::copy_n(g, f, gx + i * f);
      for (std::int64_t c = 0; c < 3 * f; ++c) gv[i * 3 * f + c] = g[f + c] + pulled[c];
    }
    T* const active = arena.take(n * h);
    multiply<T>(k_, layer.node.out.backward, nullptr, n, sums, 6 * f, active, h);
    k_.activate_slope({n * h, s.hidden.data() + begin * h, active, active});
    multiply<T>(k_, layer.node.hidden.backward, nullptr, n, active, h, gx, f, true);
    if (net_.virtual_node) distribute_backward(l, begin, end, arena);
  });
}

template <class T>
void Evaluation<T>::distribute_backward(int l, std::int64_t begin, std::int64_t end, Arena& arena) {
  const Exchange<T>& exchange = weights(l).distribute;
  const LayerState& s = state(l);
  const std::int64_t f = net_.f, n = end - begin;
  T* const gx = gx_.data() + begin * f;
  T* const gv = gv_.data() + begin * 3 * f;
  T* const out = arena.take(n * f);
  T* const hidden = arena.take(n * f);
  k_.activate_slope({n * f, s.distribute_out.data() + begin * f, gx, out});
  multiply<T>(k_, exchange.out.backward, nullptr, n, out, f, hidden, f);
  k_.activate_slope({n * f, s.distribute_hidden.data() + begin * f, hidden, hidden});
  multiply<T>(k_, exchange.from_x.backward, nullptr, n, hidden, f, gx, f, true);
  double* const to = block_sums_.data() + begin / kBlock * 4 * f;
  sum_rows(hidden, f, n, f, to);
  sum_rows(gv, 3 * f, n, 3 * f, to + f);
  T* const before = arena.take(3 * n * f);
  std::copy_n(gv, 3 * n * f, before);
  multiply<T>(k_, exchange.vector.backward, nullptr, 3 * n, before, f, gv, f, true);
}

template class Evaluation<float>;
template class Evaluation<double>;

}  // namespace nonideal::atoms::detail
