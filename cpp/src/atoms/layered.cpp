#include <cmath>
#include <variant>

#include "atoms/potential_state.hpp"
#include "base/check.hpp"
#include "nonideal/base/error.hpp"
#include "nonideal/base/threads.hpp"

namespace nonideal::atoms {

using nonideal::detail::expect_at_least;
using nonideal::detail::expect_count;
using nonideal::detail::expect_within;
using nonideal::detail::shortest;

namespace {

enum class Phase {
  nothing,  ///< not begun, or ended by a step that failed
  start,
  begin_layer,
  edges,
  end_layer,
  readout,
  backward_begin,
  backward_gradients,
  backward_edges
};
constexpr const char* kPhases[] = {"nothing",       "start",   "begin_layer",    "edges",
                                   "end_layer",     "readout", "backward_begin", "backward_gradients",
                                   "backward_edges"};

void check_input(const LayeredInput& input) {
  const auto n_total = static_cast<std::int64_t>(input.numbers.size());
  expect_within("n_owned", input.n_owned, 0, n_total);
  expect_count("indptr", "numbers", static_cast<std::int64_t>(input.indptr.size()), input.n_owned + 1);
  const auto edges = static_cast<std::int64_t>(input.neighbors.size());
  expect_count("vectors", "numbers", static_cast<std::int64_t>(input.vectors.size()), 3 * edges);
  for (std::size_t i = 0; i < input.indptr.size(); ++i) {
    const std::int64_t least = i == 0 ? 0 : input.indptr[i - 1];
    expect_within(nonideal::detail::bracketed("indptr", static_cast<std::int64_t>(i)), input.indptr[i], least,
                  i == 0 ? 0 : edges);
  }
  expect_within("indptr[n_owned]", input.indptr.back(), edges, edges);
  for (std::size_t e = 0; e < input.neighbors.size(); ++e) {
    if (input.neighbors[e] < 0 || input.neighbors[e] >= n_total) {
      expect_within(nonideal::detail::bracketed("neighbors", static_cast<std::int64_t>(e)),
                    input.neighbors[e], 0, n_total - 1);
    }
    double square = 0.0;
    for (std::size_t k = 0; k < 3; ++k) square += input.vectors[3 * e + k] * input.vectors[3 * e + k];
    if (!(square >= kNearest * kNearest && std::isfinite(square))) {
      throw InvalidArgument("vectors: pair " + std::to_string(e) + " is " + shortest(std::sqrt(square)) +
                            " angstrom long, below " + shortest(kNearest) + " or not finite");
    }
  }
}

}  // namespace

struct LayeredEvaluation::State {
  std::shared_ptr<const Potential::State> potential;
  std::variant<std::unique_ptr<detail::Evaluation<float>>, std::unique_ptr<detail::Evaluation<double>>>
      evaluation;
  Request request;
  std::int64_t n_total = 0;
  Phase phase = Phase::nothing;  ///< what was done last
  int layer = 0;

  template <class Body>
  decltype(auto) with(const Body& body) const {
    return std::visit([&](const auto& pointer) -> decltype(auto) { return body(*pointer); }, evaluation);
  }

  /// Throws unless this step is the next one.
  void expect(Phase step, int at) const {
    const int last = potential->model.layers - 1;
    bool next = false;
    switch (step) {
      case Phase::begin_layer:
        next = at == 0 ? phase == Phase::start : phase == Phase::end_layer && at == layer + 1 && at <= last;
        break;
      case Phase::edges:
        next = phase == Phase::begin_layer && at == layer;
        break;
      case Phase::end_layer:
        next = phase == Phase::edges && at == layer;
        break;
      case Phase::readout:
        next = phase == Phase::end_layer && layer == last;
        break;
      case Phase::backward_begin:
        next = request.forces == Forces::gradient &&
               (at == last ? phase == Phase::readout
                           : phase == Phase::backward_edges && at == layer - 1 && at >= 0);
        break;
      case Phase::backward_gradients:
        next = phase == Phase::backward_begin && at == layer;
        break;
      case Phase::backward_edges:
        next = phase == Phase::backward_gradients && at == layer;
        break;
      case Phase::start:
        next = true;
        break;
      case Phase::nothing:
        break;
    }
    if (next) return;
    const std::string wanted = std::string(kPhases[static_cast<int>(step)]) + "(" + std::to_string(at) + ")";
    if (phase == Phase::nothing) throw InvalidArgument(wanted + " before start()");
    throw InvalidArgument(wanted + " does not follow " + kPhases[static_cast<int>(phase)] + "(" +
                          std::to_string(layer) + ")");
  }

  /// Runs a step that is due. One that fails leaves numbers half written: nothing goes on from there.
  template <class Body>
  void run(Phase step, int at, const Body& body) {
    expect(step, at);
    phase = Phase::nothing;
    with(body);
    phase = step;
    layer = at;
  }

  /// The row of one atom among rows of `parts` padded parts.
  template <class T>
  static void pack(const T* row, std::int64_t parts, std::int64_t f, std::int64_t padded, double* to) {
    for (std::int64_t p = 0; p < parts; ++p) {
      for (std::int64_t c = 0; c < f; ++c) to[p * f + c] = static_cast<double>(row[p * padded + c]);
    }
  }
  template <class T>
  static void unpack(const double* from, std::int64_t parts, std::int64_t f, std::int64_t padded, T* row) {
    for (std::int64_t p = 0; p < parts; ++p) {
      for (std::int64_t c = 0; c < f; ++c) row[p * padded + c] = static_cast<T>(from[p * f + c]);
      for (std::int64_t c = f; c < padded; ++c) row[p * padded + c] = T(0);
    }
  }

  void pack_rows(std::int64_t parts, int l, std::span<const std::int32_t> atoms, std::span<double> to) const {
    const std::int64_t f = potential->model.channels, size = parts * f;
    expect_count("to", "numbers", static_cast<std::int64_t>(to.size()),
                 size * static_cast<std::int64_t>(atoms.size()));
    with([&](auto& e) {
      const std::int64_t padded = e.network().f;
      for (std::size_t a = 0; a < atoms.size(); ++a) {
        expect_within("atoms", atoms[a], 0, n_total - 1);
        pack(parts == 6 ? e.features(l, atoms[a]) : e.gradients(atoms[a]), parts, f, padded,
             to.data() + static_cast<std::int64_t>(a) * size);
      }
    });
  }

  void unpack_rows(std::int64_t parts, int l, std::int64_t first, std::span<const double> from) {
    const std::int64_t f = potential->model.channels, size = parts * f;
    const auto count = static_cast<std::int64_t>(from.size()) / size;
    expect_count("from", "numbers", static_cast<std::int64_t>(from.size()), size * count);
    expect_within("first", first, 0, n_total - count);
    with([&](auto& e) {
      const std::int64_t padded = e.network().f;
      for (std::int64_t a = 0; a < count; ++a) {
        unpack(from.data() + a * size, parts, f, padded,
               parts == 6 ? e.features(l, first + a) : e.gradients(first + a));
      }
    });
  }

  void expect_features(int l) const {
    if (l < 1 || l >= potential->model.layers || phase <= Phase::start) {
      throw InvalidArgument("layer = " + std::to_string(l) + " has no features to copy");
    }
  }
  void expect_gradients() const {
    if (phase != Phase::backward_gradients) {
      throw InvalidArgument("gradients are copied between backward_gradients and backward_edges");
    }
  }
};

LayeredEvaluation::LayeredEvaluation(const Potential& potential) : state_(std::make_unique<State>()) {
  state_->potential = potential.state_;
  const Potential::State& shared = *potential.state_;
  if (shared.model.max_neighbors > 0) {
    throw InvalidArgument("potential: the model limits neighbours to " +
                          std::to_string(shared.model.max_neighbors) +
                          "; lists of several processes have no limit");
  }
  if (shared.single) {
    state_->evaluation = std::make_unique<detail::Evaluation<float>>(shared.single->network);
  } else {
    state_->evaluation = std::make_unique<detail::Evaluation<double>>(shared.twice->network);
  }
}

LayeredEvaluation::LayeredEvaluation(LayeredEvaluation&&) noexcept = default;
LayeredEvaluation& LayeredEvaluation::operator=(LayeredEvaluation&&) noexcept = default;
LayeredEvaluation::~LayeredEvaluation() = default;

void LayeredEvaluation::start(const LayeredInput& input, const Request& request) {
  if (request.virial && request.forces != Forces::gradient) {
    throw InvalidArgument("request.virial needs gradient forces");
  }
  if (request.virials && request.forces != Forces::gradient) {
    throw InvalidArgument("request.virials needs gradient forces");
  }
  check_input(input);
  State& s = *state_;
  const std::vector<std::int32_t> rows = s.potential->rows(input.numbers);
  const auto n_total = static_cast<std::int64_t>(input.numbers.size());
  const auto wanted = request.forces == Forces::gradient ? detail::Wanted::gradient
                      : request.forces == Forces::direct ? detail::Wanted::direct
                                                         : detail::Wanted::energy;
  const detail::GraphView graph{input.n_owned, n_total, input.indptr, input.neighbors, input.vectors, {}};
  const int threads = resolve_threads(s.potential->options.num_threads, input.n_owned, 32);
  s.run(Phase::start, 0, [&](auto& e) { e.start(graph, rows, wanted, threads); });
  s.request = request;
  s.n_total = n_total;
}

void LayeredEvaluation::begin_layer(int layer) {
  state_->run(Phase::begin_layer, layer, [&](auto& e) { e.begin_layer(layer); });
}

void LayeredEvaluation::edges(int layer) {
  state_->run(Phase::edges, layer, [&](auto& e) { e.edges(layer); });
}

void LayeredEvaluation::end_layer(int layer) {
  state_->run(Phase::end_layer, layer, [&](auto& e) { e.end_layer(layer); });
}

void LayeredEvaluation::readout() {
  state_->run(Phase::readout, state_->layer, [&](auto& e) { e.readout(); });
}

void LayeredEvaluation::backward_begin(int layer) {
  state_->run(Phase::backward_begin, layer, [&](auto& e) { e.backward_begin(layer); });
}

void LayeredEvaluation::backward_gradients(int layer) {
  state_->run(Phase::backward_gradients, layer, [&](auto& e) { e.backward_gradients(layer); });
}

void LayeredEvaluation::backward_edges(int layer) {
  state_->run(Phase::backward_edges, layer, [&](auto& e) { e.backward_edges(layer); });
}

Result LayeredEvaluation::result() {
  State& s = *state_;
  const bool backward = s.request.forces == Forces::gradient;
  if (s.phase != (backward ? Phase::backward_edges : Phase::readout) || (backward && s.layer != 0)) {
    throw InvalidArgument("result() before the last step");
  }
  Result result;
  s.with([&](auto& e) {
    if (backward) e.forces(s.request.virials);
    result.energies.assign(e.energies().begin(), e.energies().end());
    if (s.request.forces != Forces::none) result.forces.assign(e.force().begin(), e.force().end());
    if (s.request.virial) result.virial = e.virial();
    if (s.request.virials) result.virials.assign(e.virials().begin(), e.virials().end());
  });
  for (const double energy : result.energies) result.energy += energy;
  return result;
}

std::span<double> LayeredEvaluation::global() {
  return state_->with([](auto& e) { return e.global(); });
}

int LayeredEvaluation::feature_size() const { return 6 * state_->potential->model.channels; }
int LayeredEvaluation::gradient_size() const { return 4 * state_->potential->model.channels; }

void LayeredEvaluation::pack_features(int layer, std::span<const std::int32_t> atoms,
                                      std::span<double> to) const {
  state_->expect_features(layer);
  state_->pack_rows(6, layer, atoms, to);
}

void LayeredEvaluation::pack_gradients(std::span<const std::int32_t> atoms, std::span<double> to) const {
  state_->expect_gradients();
  state_->pack_rows(4, 0, atoms, to);
}

void LayeredEvaluation::unpack_features(int layer, std::int64_t first, std::span<const double> from) {
  state_->expect_features(layer);
  state_->unpack_rows(6, layer, first, from);
}

void LayeredEvaluation::unpack_gradients(std::int64_t first, std::span<const double> from) {
  state_->expect_gradients();
  state_->unpack_rows(4, 0, first, from);
}

}  // namespace nonideal::atoms
