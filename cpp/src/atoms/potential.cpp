#include "nonideal/atoms/potential.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <utility>

#include "atoms/order.hpp"
#include "atoms/potential_state.hpp"
#include "base/check.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/error.hpp"
#include "nonideal/base/threads.hpp"

namespace nonideal::atoms {

using nonideal::detail::bracketed;
using nonideal::detail::expect_count;
using nonideal::detail::expect_within;

namespace {

constexpr std::int64_t kAtomsPerThread = 32;
constexpr std::int64_t kAloneFrom = 512;  ///< of a batch: atoms that are enough for all threads
constexpr std::int64_t kOrderFrom = 1024;
constexpr int kMostKnots = 1 << 20;
constexpr const char* kVariants[] = {"v1", "vn", "vanilla", "vanilla-nmu"};

template <class T>
Result evaluate(const Engine<T>& engine, const detail::GraphView& graph, std::span<const std::int32_t> rows,
                const Request& request, int num_threads) {
  const int threads = resolve_threads(num_threads, graph.n_owned, kAtomsPerThread);
  auto evaluation = engine.take();
  Result result;
  const auto take_energies = [&] {
    const auto energies = evaluation->energies();
    result.energies.assign(energies.begin(), energies.end());
    result.energy = 0.0;
    for (const double energy : energies) result.energy += energy;
  };
  if (request.forces == Forces::direct) {
    detail::run(*evaluation, graph, rows, detail::Wanted::direct, threads);
    result.forces.assign(evaluation->force().begin(), evaluation->force().end());
    take_energies();
  }
  if (request.forces == Forces::gradient || request.virial || request.virials) {
    detail::run(*evaluation, graph, rows, detail::Wanted::gradient, threads, request.virials);
    if (request.forces == Forces::gradient) {
      result.forces.assign(evaluation->force().begin(), evaluation->force().end());
    }
    if (request.virial) result.virial = evaluation->virial();
    if (request.virials) result.virials.assign(evaluation->virials().begin(), evaluation->virials().end());
    take_energies();
  } else if (request.forces == Forces::none) {
    detail::run(*evaluation, graph, rows, detail::Wanted::energy, threads);
    take_energies();
  }
  engine.give_back(std::move(evaluation));
  return result;
}

Result evaluate_as_given(const std::optional<Engine<float>>& single,
                         const std::optional<Engine<double>>& twice, const detail::GraphView& graph,
                         std::span<const std::int32_t> rows, const Request& request, int num_threads) {
  return single ? evaluate(*single, graph, rows, request, num_threads)
                : evaluate(*twice, graph, rows, request, num_threads);
}

/// Many atoms in an order that scatters neighbours over the memory are brought into another one for the time.
Result evaluate(const std::optional<Engine<float>>& single, const std::optional<Engine<double>>& twice,
                const detail::GraphView& graph, std::span<const double> positions, double cutoff,
                std::span<const std::int32_t> rows, const Request& request, int num_threads) {
  if (graph.n_owned < kOrderFrom || !detail::is_scattered(graph)) {
    return evaluate_as_given(single, twice, graph, rows, request, num_threads);
  }
  const std::vector<std::int32_t> order = detail::spatial_order(positions, cutoff);
  const detail::OrderedGraph ordered(graph, order);
  std::vector<std::int32_t> kinds(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) kinds[i] = rows[static_cast<std::size_t>(order[i])];
  const Result found = evaluate_as_given(single, twice, ordered.view(), kinds, request, num_threads);
  Result result = found;
  const auto put_back = [&](const std::vector<double>& from, std::size_t width, std::vector<double>& to) {
    for (std::size_t i = 0; i < order.size() && !from.empty(); ++i) {
      std::copy_n(from.data() + width * i, width, to.data() + width * static_cast<std::size_t>(order[i]));
    }
  };
  put_back(found.energies, 1, result.energies);
  put_back(found.forces, 3, result.forces);
  put_back(found.virials, 9, result.virials);
  return result;
}

/// D of every pair, as find_neighbors() has it.
std::vector<double> vectors_of(std::span<const double> positions, const Cell& cell,
                               const NeighborTable& table) {
  std::vector<double> vectors(3 * table.neighbors.size());
  const std::array<double, 9>& h = cell.rows;
  for (std::size_t i = 0; i + 1 < table.indptr.size(); ++i) {
    for (auto e = static_cast<std::size_t>(table.indptr[i]);
         e < static_cast<std::size_t>(table.indptr[i + 1]); ++e) {
      const auto j = static_cast<std::size_t>(table.neighbors[e]);
      const std::int32_t* const s = table.shifts.data() + 3 * e;
      for (std::size_t k = 0; k < 3; ++k) {
        vectors[3 * e + k] = (positions[3 * j + k] - positions[3 * i + k]) +
                             ((s[0] * h[k] + s[1] * h[3 + k]) + s[2] * h[6 + k]);
      }
    }
  }
  return vectors;
}

/// Refuses what would lead out of the arrays.
void expect_list(std::int64_t n, const NeighborTable& table, std::span<const std::int64_t> reverse) {
  expect_count("table.indptr", "numbers", static_cast<std::int64_t>(table.indptr.size()), n + 1);
  const auto pairs = static_cast<std::int64_t>(table.neighbors.size());
  expect_count("table.shifts", "numbers", static_cast<std::int64_t>(table.shifts.size()), 3 * pairs);
  if (!reverse.empty()) expect_count("reverse", "numbers", static_cast<std::int64_t>(reverse.size()), pairs);
  std::int64_t before = 0;
  for (std::size_t i = 0; i < table.indptr.size(); ++i) {
    const std::int64_t most = i == 0 ? 0 : pairs, least = static_cast<std::int64_t>(i) == n ? pairs : before;
    if (table.indptr[i] < least || table.indptr[i] > most) {
      expect_within(bracketed("table.indptr", static_cast<std::int64_t>(i)), table.indptr[i], least, most);
    }
    before = table.indptr[i];
  }
  const auto expect_index = [](const char* name, std::size_t place, std::int64_t index, std::int64_t count) {
    if (index < 0 || index >= count) {
      expect_within(bracketed(name, static_cast<std::int64_t>(place)), index, 0, count - 1);
    }
  };
  for (std::size_t e = 0; e < table.neighbors.size(); ++e) {
    expect_index("table.neighbors", e, table.neighbors[e], n);
    if (!reverse.empty()) expect_index("reverse", e, reverse[e], pairs);
  }
}

/// Throws unless every pair's reverse one stands where `reverse` says: half and unsorted lists have none
/// there.
void expect_reverse(std::int64_t n, const NeighborTable& table, std::span<const std::int64_t> reverse) {
  const auto shift = [&](std::int64_t e, std::int64_t k) -> std::int64_t {
    return table.shifts[static_cast<std::size_t>(3 * e + k)];
  };
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t e = table.indptr[static_cast<std::size_t>(i)],
                      end = table.indptr[static_cast<std::size_t>(i) + 1];
         e < end; ++e) {
      const auto j = static_cast<std::size_t>(table.neighbors[static_cast<std::size_t>(e)]);
      const std::int64_t r = reverse[static_cast<std::size_t>(e)];
      if (r < table.indptr[j] || r >= table.indptr[j + 1] ||
          table.neighbors[static_cast<std::size_t>(r)] != i || shift(r, 0) != -shift(e, 0) ||
          shift(r, 1) != -shift(e, 1) || shift(r, 2) != -shift(e, 2)) {
        throw InvalidArgument("table: pair " + std::to_string(e) + " (atom " + std::to_string(i) +
                              ", neighbour " + std::to_string(j) +
                              ") has no reverse one; the list must be full, sorted and without a limit");
      }
    }
  }
}

}  // namespace

Potential::State::State(detail::Model given, const PotentialOptions& wanted)
    : model(std::move(given)), options(wanted), variant(kVariants[static_cast<int>(model.variant)]) {
  expect_within("knots", options.knots, 0, kMostKnots);
  resolve_threads(options.num_threads, 1, 1);  // refuses what is no number of threads
  if (options.precision == Precision::float32) {
    single.emplace(model, options.tabulate, options.knots);
  } else {
    options.tabulate = options.tabulate && options.knots > 0;
    twice.emplace(model, options.tabulate, options.knots);
  }
  model.tensors.clear();
  for (std::size_t row = 0; row < model.species.size(); ++row) {
    const auto number = static_cast<std::size_t>(model.species[row]);
    if (row_of_number.size() <= number) row_of_number.resize(number + 1, -1);
    row_of_number[number] = static_cast<std::int32_t>(row);
  }
}

std::vector<std::int32_t> Potential::State::rows(std::span<const std::int32_t> numbers) const {
  std::vector<std::int32_t> rows(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::int32_t number = numbers[i];
    const bool known = number >= 0 && static_cast<std::size_t>(number) < row_of_number.size();
    rows[i] = known ? row_of_number[static_cast<std::size_t>(number)] : -1;
    if (rows[i] >= 0) continue;
    std::string species;
    for (const std::int32_t each : model.species)
      species += (species.empty() ? "" : ", ") + std::to_string(each);
    throw InvalidArgument("numbers[" + std::to_string(i) + "] = " + std::to_string(number) +
                          " is not among the model's species, " + species);
  }
  return rows;
}

Potential::Potential(const std::filesystem::path& file, const PotentialOptions& options)
    : state_(std::make_shared<State>(detail::read_model(file), options)) {}

Potential::Potential(std::span<const std::uint8_t> content, const std::string& name,
                     const PotentialOptions& options)
    : state_(std::make_shared<State>(detail::parse_model(content, name), options)) {}

Result Potential::compute(std::span<const double> positions, std::span<const std::int32_t> numbers,
                          const Cell& cell, const Request& request) const {
  const State& state = *state_;
  const auto n = static_cast<std::int64_t>(numbers.size());
  expect_count("positions", "numbers", static_cast<std::int64_t>(positions.size()), 3 * n);
  const std::vector<std::int32_t> rows = state.rows(numbers);
  const NeighborTable table = find_neighbors(positions, cell,
                                             {.cutoff = state.model.cutoff,
                                              .half = false,
                                              .max_neighbors = state.model.max_neighbors,
                                              .tolerant = state.model.tolerant,
                                              .num_threads = state.options.num_threads});
  return evaluate(state.single, state.twice,
                  {n, n, table.indptr, table.neighbors, table.vectors, table.reverse}, positions,
                  state.model.cutoff, rows, request, state.options.num_threads);
}

std::vector<Result> Potential::compute(std::span<const System> systems, const Request& request) const {
  const auto n = static_cast<std::int64_t>(systems.size());
  std::vector<Result> results(systems.size());
  std::vector<std::exception_ptr> failures(systems.size());
  std::atomic<std::int64_t> first = n;  // that failed
  const auto one = [&](std::int64_t s) {
    const auto at = static_cast<std::size_t>(s);
    if (s > first) return;
    try {
      results[at] = compute(systems[at].positions, systems[at].numbers, systems[at].cell, request);
    } catch (...) {
      failures[at] = std::current_exception();
      std::int64_t before = first;
      while (s < before && !first.compare_exchange_weak(before, s)) {
      }
    }
  };
  std::vector<std::int64_t> small;
  std::int64_t work = 0;
  for (std::int64_t s = 0; s < n; ++s) {
    const auto atoms = static_cast<std::int64_t>(systems[static_cast<std::size_t>(s)].numbers.size());
    if (atoms >= kAloneFrom) {
      one(s);
    } else {
      small.push_back(s);
      work += atoms;
    }
  }
  const int threads = resolve_threads(state_->options.num_threads, work, kAtomsPerThread);
  nonideal::detail::for_blocks(
      static_cast<std::int64_t>(small.size()), 1, threads,
      [&](std::int64_t begin, std::int64_t) { one(small[static_cast<std::size_t>(begin)]); });
  if (first < n) {
    const std::string name = bracketed("systems", first) + ": ";
    try {
      std::rethrow_exception(failures[static_cast<std::size_t>(first.load())]);
    } catch (const InvalidArgument& problem) {
      throw InvalidArgument(name + problem.what());
    } catch (const NumericalError& problem) {
      throw NumericalError(name + problem.what());
    }
  }
  return results;
}

Result Potential::compute(std::span<const double> positions, std::span<const std::int32_t> numbers,
                          const Cell& cell, const NeighborTable& table, std::span<const std::int64_t> reverse,
                          const Request& request) const {
  const State& state = *state_;
  const auto n = static_cast<std::int64_t>(numbers.size());
  expect_count("positions", "numbers", static_cast<std::int64_t>(positions.size()), 3 * n);
  if (state.model.max_neighbors > 0) {
    throw InvalidArgument("table: the model limits neighbours to " +
                          std::to_string(state.model.max_neighbors) + ", and makes its own lists");
  }
  expect_list(n, table, reverse);
  check_cell("cell", cell);
  check_positions("positions", positions);
  const std::vector<std::int32_t> rows = state.rows(numbers);
  const std::vector<double> vectors = vectors_of(positions, cell, table);
  std::vector<std::int64_t> own;
  if (reverse.empty()) {
    own = reverse_pairs(table.indptr, table.neighbors);
    reverse = own;
  }
  expect_reverse(n, table, reverse);
  return evaluate(state.single, state.twice, {n, n, table.indptr, table.neighbors, vectors, reverse},
                  positions, state.model.cutoff, rows, request, state.options.num_threads);
}

double Potential::cutoff() const { return state_->model.cutoff; }
std::span<const std::int32_t> Potential::species() const { return state_->model.species; }
int Potential::layers() const { return state_->model.layers; }
int Potential::channels() const { return state_->model.channels; }
int Potential::n_rbf() const { return state_->model.n_rbf; }
int Potential::default_knots() const { return detail::default_knots(state_->model); }
const std::string& Potential::variant() const { return state_->variant; }
Forces Potential::forces() const {
  return state_->model.forces == "gradient" ? Forces::gradient
         : state_->model.forces == "direct" ? Forces::direct
                                            : Forces::none;
}
std::int32_t Potential::max_neighbors() const { return state_->model.max_neighbors; }
const std::string& Potential::header() const { return state_->model.header; }
const PotentialOptions& Potential::options() const { return state_->options; }

}  // namespace nonideal::atoms
