#include "atoms/network.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "atoms/kernels/envelope.hpp"
#include "nonideal/base/memory.hpp"

namespace nonideal::atoms::detail {
namespace {

std::int64_t padded(std::int64_t n) { return (n + kChannelPadding - 1) / kChannelPadding * kChannelPadding; }

/// Packs element(k, n).
template <class T, class Element>
Packed<T> pack(std::int64_t k, std::int64_t n, const Element& element) {
  constexpr std::int64_t kWidth = kernels::kPanel<T>;
  Packed<T> packed{k, n,
                   AlignedVector<T>(static_cast<std::size_t>((n + kWidth - 1) / kWidth * kWidth * k), T(0))};
  for (std::int64_t j = 0; j < n; ++j) {
    T* const column = packed.panels.data() + j / kWidth * kWidth * k + j % kWidth;
    for (std::int64_t i = 0; i < k; ++i) column[i * kWidth] = static_cast<T>(element(i, j));
  }
  return packed;
}

/// Some equal parts of a row of features, each padded to itself.
struct Parts {
  std::int64_t count, size;
  std::int64_t width() const { return count * padded(size); }
  /// The place of a padded row's number in the row as it is in the file; -1 for padding.
  std::int64_t source(std::int64_t at) const {
    const std::int64_t within = at % padded(size);
    return within < size ? at / padded(size) * size + within : -1;
  }
  std::int64_t part(std::int64_t at) const { return at / padded(size); }
};

/// Reads a model's tensors into the engine's form.
template <class T>
class Loader {
 public:
  explicit Loader(const Model& model) : model_(model) {}

  /// A linear layer; part p of what comes out is multiplied by scale[p]. Of what goes in only the columns
  /// from `first` on are taken.
  Linear<T> linear(const std::string& name, Parts out, Parts in, std::vector<double> scale = {},
                   std::int64_t first = 0, bool with_bias = true) const {
    const auto weight = model_[name + ".weight"];
    const auto row_length = static_cast<std::int64_t>(weight.size()) / (out.count * out.size);
    if (scale.empty()) scale.assign(static_cast<std::size_t>(out.count), 1.0);
    const auto element = [&](std::int64_t to, std::int64_t from) {
      const std::int64_t row = out.source(to), column = in.source(from);
      if (row < 0 || column < 0) return 0.0;
      return weight[static_cast<std::size_t>(row * row_length + first + column)] *
             scale[static_cast<std::size_t>(out.part(to))];
    };
    Linear<T> layer;
    layer.forward = pack<T>(in.width(), out.width(), [&](auto k, auto n) { return element(n, k); });
    layer.backward = pack<T>(out.width(), in.width(), [&](auto k, auto n) { return element(k, n); });
    if (with_bias && model_.tensors.contains(name + ".bias")) {
      const auto bias = model_[name + ".bias"];
      layer.bias.assign(static_cast<std::size_t>(out.width()), T(0));
      for (std::int64_t j = 0; j < out.width(); ++j) {
        if (out.source(j) < 0) continue;
        layer.bias[static_cast<std::size_t>(j)] = static_cast<T>(
            bias[static_cast<std::size_t>(out.source(j))] * scale[static_cast<std::size_t>(out.part(j))]);
      }
    }
    return layer;
  }

  Perceptron<T> perceptron(const std::string& name, Parts in, Parts hidden, Parts out,
                           const std::vector<double>& scale = {}) const {
    return {linear(name + ".hidden", hidden, in), linear(name + ".out", out, hidden, scale)};
  }

  /// A tensor of one row, padded.
  AlignedVector<T> row(const std::string& name, Parts parts) const {
    AlignedVector<T> values(static_cast<std::size_t>(parts.width()), T(0));
    for (std::int64_t j = 0; j < parts.width(); ++j) {
      if (parts.source(j) >= 0) {
        values[static_cast<std::size_t>(j)] =
            static_cast<T>(model_[name][static_cast<std::size_t>(parts.source(j))]);
      }
    }
    return values;
  }

  Exchange<T> exchange(const std::string& name) const {
    const Parts row{1, model_.channels};
    return {linear(name + ".scalar.hidden", row, row, {}, 0, false),
            linear(name + ".scalar.hidden", row, row, {}, model_.channels),
            linear(name + ".scalar.out", row, row), linear(name + ".vector", row, row)};
  }

  /// The filter's weights (R + 1) x (parts F), columns grouped, with the factors of step 4: 1 / sqrt 3, and
  /// 1 / sqrt F for what goes to vectors.
  template <class U>
  Packed<U> filter(const std::string& name, std::int64_t parts) const {
    const auto weight = model_[name + ".weight"], bias = model_[name + ".bias"];
    const std::int64_t f = model_.channels, n_rbf = model_.n_rbf;
    const double scalars = 1.0 / std::numbers::sqrt3, vectors = scalars / std::sqrt(static_cast<double>(f));
    constexpr std::int64_t kGroup = kernels::kGroup<T>;
    return pack<U>(n_rbf + 1, parts * padded(f), [&](std::int64_t k, std::int64_t n) {
      const std::int64_t part = n / kGroup % parts + (3 - parts);
      const std::int64_t channel = n / (kGroup * parts) * kGroup + n % kGroup;
      if (channel >= f) return 0.0;
      const std::int64_t row = part * f + channel;
      const double number = k == n_rbf ? bias[static_cast<std::size_t>(row)]
                                       : weight[static_cast<std::size_t>(row * n_rbf + k)];
      return number * (part == 2 ? scalars : vectors);
    });
  }

 private:
  const Model& model_;
};

/// The polynomial of t in [0, 1] with these values, slopes and curvatures at 0 and 1.
std::array<double, kernels::kTerms> quintic(const kernels::Jet& low, const kernels::Jet& high) {
  const double half = low.curvature / 2, rise = high.value - low.value - low.slope - half;
  const double bend = high.slope - low.slope - low.curvature, turn = high.curvature - low.curvature;
  return {low.value,
          low.slope,
          half,
          10 * rise - 4 * bend + turn / 2,
          7 * bend - 15 * rise - turn,
          6 * rise - 3 * bend + turn / 2};
}

/// The filter between knots + 1 equal steps from 0 to the cutoff, where values, slopes and curvatures are
/// exact: twice differentiable everywhere.
template <class T>
AlignedVector<T> table_of(const Packed<double>& weights, const Model& model, std::int64_t knots) {
  constexpr std::int64_t kGroup = kernels::kGroup<T>, kTerms = kernels::kTerms;
  const std::int64_t k = weights.k, width = weights.n, parts = width / padded(model.channels);
  const double step = model.cutoff / static_cast<double>(knots);
  AlignedVector<T> table(static_cast<std::size_t>(knots * kTerms * width));
  std::vector<double> basis(static_cast<std::size_t>(3 * k));
  std::vector<double> low(static_cast<std::size_t>(3 * width)), high(low.size());
  const auto jet = [&](const std::vector<double>& rows, std::int64_t n) -> kernels::Jet {
    const double* const at = rows.data() + n;
    return {at[0], at[width] * step, at[2 * width] * step * step};
  };
  for (std::int64_t knot = 0; knot <= knots; ++knot) {
    radial_functions(step * static_cast<double>(knot), model.cutoff, model.n_rbf, model.envelope_exponent,
                     model.smooth_cutoff, basis.data(), basis.data() + k, basis.data() + 2 * k);
    std::swap(low, high);
    multiply<double>(kernel_table<double>(), weights, nullptr, 3, basis.data(), k, high.data(), width);
    for (std::int64_t n = 0; knot > 0 && n < width; ++n) {
      const std::int64_t group = n / (kGroup * parts), part = n / kGroup % parts;
      T* to = table.data() + ((group * knots + knot - 1) * parts + part) * kTerms * kGroup + n % kGroup;
      for (const double coefficient : quintic(jet(low, n), jet(high, n))) {
        *to = static_cast<T>(coefficient);
        to += kGroup;
      }
    }
  }
  return table;
}

}  // namespace

template <class T>
void radial_functions(double distance, double cutoff, std::int64_t n_rbf, int exponent, bool smooth,
                      T* values, T* slopes, T* curvatures) {
  const double s = distance / cutoff, scale = static_cast<double>(n_rbf - 1), kappa = scale / cutoff;
  const auto [r, b] = kernels::envelopes(s, cutoff, exponent, smooth);
  const auto set = [&](std::int64_t k, double value, double slope, double curvature) {
    values[k] = static_cast<T>(value);
    slopes[k] = static_cast<T>(slope);
    if (curvatures != nullptr) curvatures[k] = static_cast<T>(curvature);
  };
  for (std::int64_t k = 0; k < n_rbf; ++k) {
    const double z = s * scale - static_cast<double>(k), phi = std::exp(-0.5 * z * z);
    const double by_z = -z * kappa, by_zz = (z * z - 1.0) * kappa * kappa;
    set(k, phi * r.value, phi * (r.slope + by_z * r.value),
        phi * (r.curvature + 2.0 * by_z * r.slope + by_zz * r.value));
  }
  set(n_rbf, b.value, b.slope, b.curvature);
}

template void radial_functions(double, double, std::int64_t, int, bool, float*, float*, float*);
template void radial_functions(double, double, std::int64_t, int, bool, double*, double*, double*);

int default_knots(const Model& model) { return 4 * std::max(model.n_rbf - 1, model.envelope_exponent + 4); }

template <class T>
Network<T>::Network(const Model& model, bool tabulate, int knots)
    : variant(model.variant),
      kind(model.variant == Variant::v1        ? kernels::UpdateKind::v1
           : model.variant == Variant::vanilla ? kernels::UpdateKind::vanilla
                                               : kernels::UpdateKind::gated),
      virtual_node(model.has_virtual_node()),
      global_vector(model.has_global_vector()),
      mean(model.global_mode == GlobalMode::mean),
      clamp(model.clamp_norm),
      smooth(model.smooth_cutoff),
      tabulated(tabulate),
      f(padded(model.channels)),
      h(padded(model.channels / 2)),
      m(model.variant == Variant::v1 ? h : f),
      channels(model.channels),
      mixed(model.variant == Variant::v1 ? 2 : 3),
      n_layers(model.layers),
      n_rbf(model.n_rbf),
      n_knots(knots > 0 ? knots : default_knots(model)),
      n_species(static_cast<std::int64_t>(model.species.size())),
      exponent(model.envelope_exponent),
      cutoff(model.cutoff),
      energy_scale(model.energy_scale),
      energy_reference(model.energy_reference) {
  const Loader<T> load(model);
  const Parts row{1, model.channels}, half{1, model.channels / 2};
  const bool v1 = variant == Variant::v1;
  const double root_half = std::numbers::sqrt2 / 2, root_f = std::sqrt(static_cast<double>(channels));
  if (tabulated) {
    const double rows = kernels::kTerms * static_cast<double>((3 * n_layers - 1) * n_knots);
    expect_memory("knots = " + std::to_string(n_knots), rows * static_cast<double>(f) * sizeof(T));
  }
  for (int l = 0; l < model.layers; ++l) {
    const std::string name = "layers." + std::to_string(l) + ".";
    Layer<T>& layer = layers.emplace_back();
    layer.node = load.perceptron(name + "message.node", row, half, {3, model.channels});
    layer.filter.parts = l == 0 ? 2 : 3;
    if (tabulated) {
      const auto weights = load.template filter<double>(name + "message.filter", layer.filter.parts);
      layer.filter.table = table_of<T>(weights, model, n_knots);
    } else {
      layer.filter.weights = load.template filter<T>(name + "message.filter", layer.filter.parts);
    }
    layer.vector = load.linear(name + "update.vector", {2, model.channels}, row);
    if (v1) {
      layer.mix = load.perceptron(name + "update.mix", {global_vector ? 3 : 2, model.channels}, half,
                                  {2, model.channels}, {root_half, root_half});
      layer.scalar = load.linear(name + "update.scalar", row, row);
    } else {
      const std::vector<double> scale = variant == Variant::vanilla
                                            ? std::vector<double>{root_half, root_half / root_f, 1.0}
                                            : std::vector<double>{1.0, root_half, 1.0};
      layer.mix = load.perceptron(name + "update.mix", {2, model.channels}, row, {3, model.channels}, scale);
    }
    if (global_vector) {
      layer.pool_hidden = load.linear(name + "update.pool_scalar.hidden", half, row);
      layer.pool_scalar = load.row(name + "update.pool_scalar.out.weight", half);
      layer.pool_bias = static_cast<T>(model[name + "update.pool_scalar.out.bias"][0]);
      layer.pool_vector = load.row(name + "update.pool_vector.weight", row);
    }
    if (virtual_node) {
      layer.distribute = load.exchange(name + "distribute");
      layer.aggregate = load.exchange(name + "aggregate");
    }
  }
  readout = load.linear("readout.energy.hidden", half, row);
  readout_weight = load.row("readout.energy.out.weight", half);
  readout_bias = static_cast<T>(model["readout.energy.out.bias"][0]);
  force_weight = load.row("readout.force.weight", row);

  start_x = load.row("embedding.weight", {n_species, model.channels});
  start_q.resize(static_cast<std::size_t>(n_species * 3 * f));
  AlignedVector<T> hidden(static_cast<std::size_t>(n_species * f)), out(hidden.size());
  const auto apply = [&](const Linear<T>& w, const T* from, std::int64_t width, T* to, const T* bias) {
    multiply<T>(k, w.forward, bias, n_species, from, width, to, w.forward.n);
  };
  const auto sigma = [&](T* at, std::int64_t n) { k.activate({n, at, at}); };
  if (virtual_node) {
    virtual_x = load.row("virtual_node.weight", row);
    const Exchange<T>& exchange = layers[0].distribute;
    AlignedVector<T> constant(static_cast<std::size_t>(f));
    multiply<T>(k, exchange.from_global.forward, exchange.from_global.bias.data(), 1, virtual_x.data(), f,
                constant.data(), f);
    apply(exchange.from_x, start_x.data(), f, hidden.data(), constant.data());
    sigma(hidden.data(), n_species * f);
    apply(exchange.out, hidden.data(), f, out.data(), exchange.out.bias.data());
    sigma(out.data(), n_species * f);
    for (std::size_t i = 0; i < out.size(); ++i) start_x[i] += out[i];
  }
  const Perceptron<T>& node = layers[0].node;
  apply(node.hidden, start_x.data(), f, hidden.data(), node.hidden.bias.data());
  sigma(hidden.data(), n_species * h);
  apply(node.out, hidden.data(), h, start_q.data(), node.out.bias.data());
}

template struct Network<float>;
template struct Network<double>;

}  // namespace nonideal::atoms::detail
