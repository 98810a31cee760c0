#include "atoms/evaluation.hpp"

#include <cmath>
#include <numbers>

#include "atoms/evaluation_inl.hpp"
#include "nonideal/base/memory.hpp"

namespace nonideal::atoms::detail {

using std::size_t;

template <class T>
void Evaluation<T>::start(const GraphView& graph, std::span<const std::int32_t> species, Wanted wanted,
                          int threads) {
  wanted_ = wanted;
  threads_ = threads;
  n_ = graph.n_owned;
  n_total_ = graph.n_total;
  species_.assign(species.begin(), species.end());
  global_.clear();
  forces_.clear();
  virial_ = {};
  virials_.clear();
  take_graph(graph);
  reserve();
  if (net_.virtual_node) {
    node_x_ = net_.virtual_x;
    node_v_.assign(static_cast<size_t>(3 * net_.f), T(0));
  }
}

/// Makes room, in arrays that keep what they have from call to call.
template <class T>
void Evaluation<T>::reserve() {
  const auto room = [](AlignedVector<T>& rows, std::int64_t n, std::int64_t width) {
    rows.resize(static_cast<size_t>(n * width));
  };
  const std::int64_t f = net_.f, h = net_.h, m = net_.m;
  const double rows = backward() ? 10.0 + 26.0 * static_cast<double>(net_.n_layers)
                                 : 4.0 + 6.0 * static_cast<double>(net_.n_layers);
  const double bytes = rows * static_cast<double>(f * n_total_) * sizeof(T) +
                       static_cast<double>(edges_.size()) * 8.0 * sizeof(T);
  if (bytes > largest_) {
    expect_memory(std::to_string(n_total_) + " atoms", bytes - largest_);
    largest_ = bytes;
  }
  layers_.resize(static_cast<size_t>(net_.n_layers));
  for (int l = 0; l < net_.n_layers; ++l) {
    LayerState& layer = state(l);
    if (l > 0) room(layer.features, n_total_, 6 * f);
    if (net_.global_vector) {
      room(layer.s, n_, 1);
      room(layer.t, n_, 3);
    }
    if (!backward()) continue;
    if (l > 0) room(layer.hidden, n_, h);
    room(layer.projected, n_, 3 * (projects_first(l) ? 2 : 1) * f);
    room(layer.mix_hidden, n_, m);
    room(layer.mixed, n_, net_.mixed * f);
    if (net_.kind != kernels::UpdateKind::vanilla) room(layer.own, n_, f);
    if (net_.global_vector) room(layer.pool_hidden, n_, h);
    if (net_.virtual_node && l > 0) {
      room(layer.distribute_hidden, n_, f);
      room(layer.distribute_out, n_, f);
    }
  }
  room(x_, n_, f);
  room(v_, n_, 3 * f);
  energies_.resize(static_cast<size_t>(n_));
  if (backward()) {
    room(gx_, n_, f);
    room(gv_, n_, 3 * f);
    room(gradients_, n_total_, 4 * f);
    if (net_.global_vector) room(global_parts_, n_, 3);
    derivatives_.assign(4 * edges_.size(), T(0));
    own_derivatives_.assign(complete_ ? 0 : 4 * edges_.size(), T(0));
  }
  std::int64_t scratch = kBlock * 32 * f + 1024;
  if (!net_.tabulated) scratch += 2 * most_edges_ * (net_.n_rbf + 17 + 3 * f);
  arenas_.resize(static_cast<size_t>(threads_));
  for (Arena& arena : arenas_) arena.reserve(static_cast<size_t>(scratch));
}

/// to[c] = the sum of rows[i][c] over all owned atoms, in blocks of fixed size.
template <class T>
void Evaluation<T>::sum_rows(const T* rows, std::int64_t ld, std::int64_t n, std::int64_t width,
                             double* to) const {
  std::fill_n(to, width, 0.0);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t c = 0; c < width; ++c) to[c] += static_cast<double>(rows[i * ld + c]);
  }
}

template <class T>
void Evaluation<T>::begin_layer(int l) {
  if (l == 0) return;
  const Layer<T>& layer = weights(l);
  LayerState& s = state(l);
  const std::int64_t f = net_.f, h = net_.h;
  blocks([&](std::int64_t begin, std::int64_t end, Arena& arena) {
    const std::int64_t n = end - begin;
    if (net_.virtual_node) distribute(l, begin, end, arena);
    T* const active = arena.take(n * h);
    T* const hidden = backward() ? s.hidden.data() + begin * h : active;
    multiply<T>(k_, layer.node.hidden.forward, layer.node.hidden.bias.data(), n, x_.data() + begin * f, f,
                hidden, h);
    k_.activate({n * h, hidden, active});
    multiply<T>(k_, layer.node.out.forward, layer.node.out.bias.data(), n, active, h,
                s.features.data() + begin * 6 * f, 6 * f);
  });
}

template <class T>
void Evaluation<T>::distribute(int l, std::int64_t begin, std::int64_t end, Arena& arena) {
  const Exchange<T>& exchange = weights(l).distribute;
  LayerState& s = state(l);
  const std::int64_t f = net_.f, n = end - begin;
  T* const active = arena.take(n * f);
  T* const hidden = backward() ? s.distribute_hidden.data() + begin * f : active;
  T* const out = backward() ? s.distribute_out.data() + begin * f : arena.take(n * f);
  T* const x = x_.data() + begin * f;
  multiply<T>(k_, exchange.from_x.forward, bias_x_.data(), n, x, f, hidden, f);
  k_.activate({n * f, hidden, active});
  multiply<T>(k_, exchange.out.forward, exchange.out.bias.data(), n, active, f, out, f);
  k_.activate({n * f, out, active});
  for (std::int64_t c = 0; c < n * f; ++c) x[c] += active[c];
  for (std::int64_t k = 0; k < 3; ++k) {
    T* const to = s.features.data() + begin * 6 * f + (3 + k) * f;
    const T* const v = v_.data() + begin * 3 * f + k * f;
    for (std::int64_t i = 0; i < n; ++i) std::copy_n(v + i * 3 * f, f, to + i * 6 * f);
    multiply<T>(k_, exchange.vector.forward, bias_v_.data() + k * f, n, v, 3 * f, to, 6 * f, true);
  }
}

template <class T>
void Evaluation<T>::edges(int l) {
  LayerState& s = state(l);
  const std::int64_t f = net_.f;
  const bool first = l == 0;
  const std::int64_t node = 4 * f;
  if (net_.virtual_node && !last(l)) {
    block_sums_.assign(static_cast<size_t>((n_ + kBlock - 1) / kBlock * node), 0.0);
  }
  blocks([&](std::int64_t begin, std::int64_t end, Arena& arena) {
    const std::int64_t n = end - begin;
    T* const sums = arena.take(n * 4 * f);
    with_filter(l, begin, end, indptr_, distances_, arena,
                [&](kernels::FilterRows<T> filter, std::int64_t from, std::int64_t to) {
                  k_.message_forward({.begin = from,
                                      .end = to,
                                      .channels = f,
                                      .indptr = indptr_.data(),
                                      .edges = edges_.data(),
                                      .species = first ? species_.data() : nullptr,
                                      .features = first ? net_.start_q.data() : s.features.data(),
                                      .filter = filter,
                                      .sums = sums + (from - begin) * 4 * f});
                });
    const T root_half = static_cast<T>(std::numbers::sqrt2 / 2);
    for (std::int64_t i = begin; i < end; ++i) {
      T* const x = x_.data() + i * f;
      const T* const x0 = first ? net_.start_x.data() + species_[static_cast<size_t>(i)] * f : x;
      const T* const dx = sums + (i - begin) * 4 * f;
      for (std::int64_t c = 0; c < f; ++c) x[c] = (x0[c] + dx[c]) * root_half;
      T* const v = v_.data() + i * 3 * f;
      if (first) {
        std::copy_n(dx + f, 3 * f, v);
      } else {
        const T* const v0 = s.features.data() + i * 6 * f + 3 * f;
        for (std::int64_t c = 0; c < 3 * f; ++c) v[c] = v0[c] + dx[f + c];
      }
    }
    if (net_.global_vector) {
      pool(l, begin, end, arena);
      return;
    }
    update(l, begin, end, arena);
    if (net_.virtual_node && !last(l)) {
      double* const to = block_sums_.data() + begin / kBlock * node;
      sum_rows(x_.data() + begin * f, f, n, f, to);
      sum_rows(v_.data() + begin * 3 * f, 3 * f, n, 3 * f, to + f);
    }
  });
  global_.clear();
  if (net_.global_vector) {
    global_.assign(net_.mean ? 4 : 3, 0.0);
    for (std::int64_t i = 0; i < n_; ++i) {
      const auto at = static_cast<size_t>(i);
      for (size_t k = 0; k < 3; ++k)
        global_[k] += static_cast<double>(s.s[at]) * static_cast<double>(s.t[3 * at + k]);
    }
  } else if (net_.virtual_node && !last(l)) {
    global_.assign(static_cast<size_t>(node + (net_.mean ? 1 : 0)), 0.0);
    for (size_t c = 0; c < block_sums_.size(); ++c) global_[c % static_cast<size_t>(node)] += block_sums_[c];
  }
  if (net_.mean && !global_.empty()) global_.back() = static_cast<double>(n_);
}

/// The atoms' parts of the global vector.
template <class T>
void Evaluation<T>::pool(int l, std::int64_t begin, std::int64_t end, Arena& arena) {
  const Layer<T>& layer = weights(l);
  LayerState& s = state(l);
  const std::int64_t f = net_.f, h = net_.h, n = end - begin;
  T* const active = arena.take(n * h);
  T* const hidden = backward() ? s.pool_hidden.data() + begin * h : active;
  multiply<T>(k_, layer.pool_hidden.forward, layer.pool_hidden.bias.data(), n, x_.data() + begin * f, f,
              hidden, h);
  k_.activate({n * h, hidden, active});
  for (std::int64_t i = begin; i < end; ++i) {
    const auto at = static_cast<size_t>(i);
    s.s[at] = dot(active + (i - begin) * h, layer.pool_scalar.data(), h) + layer.pool_bias;
    for (size_t k = 0; k < 3; ++k) {
      s.t[3 * at + k] =
          dot(v_.data() + (3 * i + static_cast<std::int64_t>(k)) * f, layer.pool_vector.data(), f);
    }
  }
}

/// The update block's numbers of some atoms, as far as they are kept from forward to backward.
template <class T>
kernels::Update<T> Evaluation<T>::update_of(int l, std::int64_t begin, std::int64_t end) {
  LayerState& s = state(l);
  const std::int64_t f = net_.f;
  const bool first = projects_first(l);
  kernels::Update<T> u{};
  u.kind = net_.kind;
  u.n = end - begin;
  u.channels = f;
  u.clamp = net_.clamp;
  u.vectors = updates_vectors(l);
  u.projected_ld = (first ? 2 : 1) * f;
  u.global = net_.global_vector ? s.global_vector.data() : nullptr;
  u.mixed_ld = net_.mixed * f;
  if (backward()) {
    u.x = u.y = s.own.data() + begin * f;
    const T* const projected = s.projected.data() + begin * 3 * u.projected_ld;
    u.first = first ? projected : nullptr;
    u.second = first ? projected + f : projected;
    u.p = s.mixed.data() + begin * u.mixed_ld;
    u.q = u.p + f;
    u.r = u.q + f;
  }
  return u;
}

/// The parts of the mixing that a layer needs.
struct PartRange {
  std::int64_t first, count;
};
inline PartRange mixed_parts(kernels::UpdateKind kind, bool vectors) {
  if (kind == kernels::UpdateKind::v1) return {0, vectors ? 2 : 1};
  if (kind == kernels::UpdateKind::gated) return {vectors ? 0 : 1, vectors ? 3 : 2};
  return {0, vectors ? 3 : 2};
}

template <class T>
void Evaluation<T>::update(int l, std::int64_t begin, std::int64_t end, Arena& arena) {
  const Layer<T>& layer = weights(l);
  LayerState& s = state(l);
  const std::int64_t f = net_.f, m = net_.m, n = end - begin;
  const bool v1 = net_.kind == kernels::UpdateKind::v1;
  kernels::Update<T> u = update_of(l, begin, end);
  T* const x = x_.data() + begin * f;
  const T* const v = v_.data() + begin * 3 * f;
  T* const projected =
      backward() ? s.projected.data() + begin * 3 * u.projected_ld : arena.take(3 * n * u.projected_ld);
  const bool first = projects_first(l);
  multiply<T>(k_, layer.vector.forward, nullptr, 3 * n, v, f, projected, u.projected_ld, false, first ? 0 : f,
              first ? -1 : f);
  u.first = first ? projected : nullptr;
  u.second = first ? projected + f : projected;
  u.x = x;
  const std::int64_t width = layer.mix.hidden.forward.k;
  T* const inputs = arena.take(n * width);
  k_.update_inputs({u, inputs});
  T* const active = arena.take(n * m);
  T* const hidden = backward() ? s.mix_hidden.data() + begin * m : active;
  multiply<T>(k_, layer.mix.hidden.forward, layer.mix.hidden.bias.data(), n, inputs, width, hidden, m);
  k_.activate({n * m, hidden, active});
  T* const mixed = backward() ? s.mixed.data() + begin * u.mixed_ld : arena.take(n * u.mixed_ld);
  const PartRange parts = mixed_parts(net_.kind, u.vectors);
  multiply<T>(k_, layer.mix.out.forward, layer.mix.out.bias.data(), n, active, m, mixed + parts.first * f,
              u.mixed_ld, false, parts.first * f, parts.count * f);
  u.p = mixed;
  u.q = mixed + f;
  u.r = mixed + 2 * f;
  if (v1) {
    T* const y = backward() ? s.own.data() + begin * f : arena.take(n * f);
    multiply<T>(k_, layer.scalar.forward, layer.scalar.bias.data(), n, x, f, y, f);
    u.y = y;
  } else if (backward() && net_.kind == kernels::UpdateKind::gated) {
    std::copy_n(x, n * f, s.own.data() + begin * f);
  }
  // The vectors go where the next layer's messages, or its distribution, find them.
  const bool ahead = !last(l) && !net_.virtual_node;
  T* const out = ahead ? state(l + 1).features.data() + begin * 6 * f + 3 * f : v_.data() + begin * 3 * f;
  k_.update_apply({u, v, x, out, ahead ? 6 * f : 3 * f});
}

template <class T>
void Evaluation<T>::end_layer(int l) {
  if (net_.mean && !global_.empty()) count_ = global_.back();
  if (net_.global_vector) {
    const double share = net_.mean ? 1.0 / std::max(count_, 1.0) : 1.0;
    for (size_t k = 0; k < 3; ++k) state(l).global_vector[k] = static_cast<T>(global_[k] * share);
    blocks([&](std::int64_t begin, std::int64_t end, Arena& arena) { update(l, begin, end, arena); });
  } else if (net_.virtual_node && !last(l)) {
    aggregate(l);
  }
}

/// The virtual node after layer l, and what layer l + 1 distributes of it.
template <class T>
void Evaluation<T>::aggregate(int l) {
  const Exchange<T>&exchange = weights(l).aggregate, &next = weights(l + 1).distribute;
  LayerState& s = state(l);
  const std::int64_t f = net_.f;
  const auto row = static_cast<size_t>(f);
  const double share = net_.mean ? 1.0 / std::max(count_, 1.0) : 1.0;
  pooled_.resize(4 * row);
  for (size_t c = 0; c < 4 * row; ++c) pooled_[c] = static_cast<T>(global_[c] * share);
  s.aggregate_hidden.resize(row);
  s.aggregate_out.resize(row);
  AlignedVector<T> active(row);
  multiply<T>(k_, exchange.from_x.forward, nullptr, 1, pooled_.data(), f, s.aggregate_hidden.data(), f);
  multiply<T>(k_, exchange.from_global.forward, exchange.from_global.bias.data(), 1, node_x_.data(), f,
              s.aggregate_hidden.data(), f, true);
  k_.activate({f, s.aggregate_hidden.data(), active.data()});
  multiply<T>(k_, exchange.out.forward, exchange.out.bias.data(), 1, active.data(), f, s.aggregate_out.data(),
              f);
  k_.activate({f, s.aggregate_out.data(), active.data()});
  for (size_t c = 0; c < row; ++c) node_x_[c] += active[c];
  T* const sum = pooled_.data() + f;
  for (size_t c = 0; c < 3 * row; ++c) sum[c] += node_v_[c];
  multiply<T>(k_, exchange.vector.forward, nullptr, 3, sum, f, node_v_.data(), f, true);
  bias_x_.resize(row);
  bias_v_.resize(3 * row);
  multiply<T>(k_, next.from_global.forward, next.from_global.bias.data(), 1, node_x_.data(), f,
              bias_x_.data(), f);
  multiply<T>(k_, next.vector.forward, nullptr, 3, node_v_.data(), f, bias_v_.data(), f);
}

template <class T>
void Evaluation<T>::readout() {
  const std::int64_t f = net_.f, h = net_.h;
  if (wanted_ == Wanted::direct) forces_.resize(static_cast<size_t>(3 * n_));
  blocks([&](std::int64_t begin, std::int64_t end, Arena& arena) {
    const std::int64_t n = end - begin;
    T* const hidden = arena.take(n * h);
    T* const active = arena.take(n * h);
    multiply<T>(k_, net_.readout.forward, net_.readout.bias.data(), n, x_.data() + begin * f, f, hidden, h);
    k_.activate({n * h, hidden, active});
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<size_t>(i);
      const T energy = dot(active + (i - begin) * h, net_.readout_weight.data(), h) + net_.readout_bias;
      energies_[at] = static_cast<double>(energy) * net_.energy_scale +
                      net_.energy_reference[static_cast<size_t>(species_[at])];
      if (wanted_ != Wanted::direct) continue;
      for (size_t k = 0; k < 3; ++k) {
        const T force =
            dot(v_.data() + (3 * i + static_cast<std::int64_t>(k)) * f, net_.force_weight.data(), f);
        forces_[3 * at + k] = static_cast<double>(force) * net_.energy_scale;
      }
    }
    if (!backward()) return;
    for (std::int64_t i = 0; i < n; ++i) std::copy_n(net_.readout_weight.data(), h, active + i * h);
    k_.activate_slope({n * h, hidden, active, active});
    multiply<T>(k_, net_.readout.backward, nullptr, n, active, h, gx_.data() + begin * f, f);
  });
  global_.clear();
  if (!backward()) check_finite();
}

template class Evaluation<float>;
template class Evaluation<double>;

}  // namespace nonideal::atoms::detail
