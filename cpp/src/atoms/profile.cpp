#include "nonideal/atoms/profile.hpp"

#include <array>
#include <chrono>

#include "atoms/potential_state.hpp"
#include "base/check.hpp"

namespace nonideal::atoms {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kNames[] = {"multiply",         "activate",         "activate_slope", "message_forward",
                                  "message_backward", "edge_derivatives", "update_inputs",  "update_apply",
                                  "update_pull",      "update_spread"};
constexpr std::size_t kKernels = std::size(kNames);

/// Of the evaluation that this thread is at.
thread_local std::array<KernelTime, kKernels> times;

double since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

template <class T>
double operations(const kernels::NodeProduct<T>& product) {
  return 2.0 * static_cast<double>(product.m) * static_cast<double>(product.n) *
         static_cast<double>(product.k);
}
template <class Arguments>
double operations(const Arguments&) {
  return 0.0;
}

template <class T, std::size_t kSlot, auto kEntry, class Arguments>
void timed(const Arguments& arguments) {
  const auto began = Clock::now();
  (detail::kernel_table<T>().*kEntry)(arguments);
  KernelTime& time = times[kSlot];
  time.seconds += since(began);
  time.calls += 1;
  time.operations += operations(arguments);
}

/// The kernels of the active instruction set with a clock around each, in the order of kNames.
template <class T>
const detail::KernelTable<T>& timed_table() {
  using Table = detail::KernelTable<T>;
  static const Table table{
      .multiply = &timed<T, 0, &Table::multiply, kernels::NodeProduct<T>>,
      .activate = &timed<T, 1, &Table::activate, kernels::Activation<T>>,
      .activate_slope = &timed<T, 2, &Table::activate_slope, kernels::ActivationSlope<T>>,
      .message_forward = &timed<T, 3, &Table::message_forward, kernels::MessageForward<T>>,
      .message_backward = &timed<T, 4, &Table::message_backward, kernels::MessageBackward<T>>,
      .edge_derivatives = &timed<T, 5, &Table::edge_derivatives, kernels::EdgeDerivatives<T>>,
      .update_inputs = &timed<T, 6, &Table::update_inputs, kernels::UpdateInputs<T>>,
      .update_apply = &timed<T, 7, &Table::update_apply, kernels::UpdateOutputs<T>>,
      .update_pull = &timed<T, 8, &Table::update_pull, kernels::UpdatePull<T>>,
      .update_spread = &timed<T, 9, &Table::update_spread, kernels::UpdateSpread<T>>};
  return table;
}

/// Twice, so that memory is there when the clock runs.
template <class T>
double run_twice(const detail::Network<T>& network, const detail::GraphView& graph,
                 std::span<const std::int32_t> rows, const Request& request) {
  detail::Evaluation<T> evaluation(network, timed_table<T>());
  double seconds = 0.0;
  for (int turn = 0; turn < 2; ++turn) {
    for (std::size_t i = 0; i < kKernels; ++i) times[i] = {.name = kNames[i]};
    const auto began = Clock::now();
    if (request.forces == Forces::direct) detail::run(evaluation, graph, rows, detail::Wanted::direct, 1);
    if (request.forces == Forces::gradient || request.virial) {
      detail::run(evaluation, graph, rows, detail::Wanted::gradient, 1);
    } else if (request.forces == Forces::none) {
      detail::run(evaluation, graph, rows, detail::Wanted::energy, 1);
    }
    seconds = since(began);
  }
  return seconds;
}

}  // namespace

std::vector<KernelTime> profile(const Potential& potential, std::span<const double> positions,
                                std::span<const std::int32_t> numbers, const Cell& cell,
                                const Request& request) {
  const Potential::State& state = *potential.state_;
  const auto n = static_cast<std::int64_t>(numbers.size());
  nonideal::detail::expect_count("positions", "numbers", static_cast<std::int64_t>(positions.size()), 3 * n);
  const std::vector<std::int32_t> rows = state.rows(numbers);
  const auto began = Clock::now();
  const NeighborTable table = find_neighbors(positions, cell,
                                             {.cutoff = state.model.cutoff,
                                              .half = false,
                                              .max_neighbors = state.model.max_neighbors,
                                              .tolerant = state.model.tolerant,
                                              .num_threads = 1});
  std::vector<KernelTime> found{{.name = "neighbors", .seconds = since(began), .calls = 1}};
  const detail::GraphView graph{n, n, table.indptr, table.neighbors, table.vectors, table.reverse};
  KernelTime rest{.name = "rest", .calls = 1};
  rest.seconds = state.single ? run_twice(state.single->network, graph, rows, request)
                              : run_twice(state.twice->network, graph, rows, request);
  for (const KernelTime& time : times) {
    rest.seconds -= time.seconds;
    if (time.calls > 0) found.push_back(time);
  }
  found.push_back(rest);
  return found;
}

}  // namespace nonideal::atoms
