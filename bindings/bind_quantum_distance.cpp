#include <pybind11/stl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "arrays.hpp"
#include "nonideal/quantum/distance.hpp"
#include "quantum_names.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::quantum;

namespace {

constexpr Names<DistanceMethod, 3> kMethods{{{"swap", DistanceMethod::swap},
                                             {"hadamard", DistanceMethod::hadamard},
                                             {"inner_product", DistanceMethod::inner_product}}};
constexpr Names<Realization, 3> kRealizations{
    {{"auto", Realization::automatic}, {"channel", Realization::channel}, {"circuit", Realization::circuit}}};

std::int64_t rows(const char* name, const Array<double>& array) {
  expect_ndim(name, array, 2);
  return array.shape(0);
}

/// Checks the shapes that C++ cannot see and gives the data on.
DistanceData data_of(int dimension, const Array<double>& queries, const Array<double>& points,
                     const std::optional<Array<double>>& centres,
                     const std::optional<Array<std::int64_t>>& cells) {
  rows("queries", queries);
  rows("points", points);
  expect_length("queries", queries.shape(1), dimension);
  expect_length("points", points.shape(1), dimension);
  DistanceData data{.queries = view(queries), .points = view(points)};
  if (centres) {
    rows("centres", *centres);
    expect_length("centres", centres->shape(1), dimension);
    data.centres = view(*centres);
  }
  if (cells) data.cells = view(*cells);
  return data;
}

struct Bound {
  DistanceProgram program;
  int dimension;
};

DistanceRun run_of(std::uint64_t seed, std::uint64_t stream, std::int64_t first_query,
                   std::int64_t first_point, int num_threads) {
  return {.seed = seed,
          .stream = stream,
          .first_query = first_query,
          .first_point = first_point,
          .num_threads = num_threads};
}

/// shortcuts, circuits, crossings
using Counted = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
Counted counted(const DistanceCounts& counts) {
  return {counts.shortcuts, counts.circuits, counts.crossings};
}

/// Squared distances and standard errors (n_queries, n_points), and what was counted.
std::tuple<Array<double>, Array<double>, Counted> pairwise(const Bound& self, const Array<double>& queries,
                                                           const Array<double>& points,
                                                           const std::optional<Array<double>>& centres,
                                                           const std::optional<Array<std::int64_t>>& cells,
                                                           std::uint64_t seed, std::uint64_t stream,
                                                           std::int64_t first_query, std::int64_t first_point,
                                                           int num_threads) {
  const DistanceData data = data_of(self.dimension, queries, points, centres, cells);
  auto squared = new_array<double>({queries.shape(0), points.shape(0)}, 2);
  auto error = new_array<double>({queries.shape(0), points.shape(0)});
  const auto values = mutable_view(squared), errors = mutable_view(error);
  DistanceCounts counts;
  {
    const py::gil_scoped_release release;
    counts = self.program.pairwise(data, run_of(seed, stream, first_query, first_point, num_threads), values,
                                   errors);
  }
  return {std::move(squared), std::move(error), counted(counts)};
}

/// Index, squared distance, standard error, second squared distance and its standard error (n_queries,), and
/// what was counted.
std::tuple<Array<std::int64_t>, Array<double>, Array<double>, Array<double>, Array<double>, Counted> nearest(
    const Bound& self, const Array<double>& queries, const Array<double>& points,
    const std::optional<Array<double>>& centres, const std::optional<Array<std::int64_t>>& cells,
    std::uint64_t seed, std::uint64_t stream, std::int64_t first_query, std::int64_t first_point,
    int num_threads) {
  const DistanceData data = data_of(self.dimension, queries, points, centres, cells);
  const py::ssize_t n = queries.shape(0);
  Array<std::int64_t> index(n);
  Array<double> squared(n), error(n), second(n), second_error(n);
  const DistanceProgram::Nearest out{mutable_view(index), mutable_view(squared), mutable_view(error),
                                     mutable_view(second), mutable_view(second_error)};
  DistanceCounts counts;
  {
    const py::gil_scoped_release release;
    counts = self.program.nearest(data, run_of(seed, stream, first_query, first_point, num_threads), out);
  }
  return {std::move(index),  std::move(squared),      std::move(error),
          std::move(second), std::move(second_error), counted(counts)};
}

}  // namespace

void bind_quantum_distance(py::module_ m) {
  m.attr("DISTANCE_METHODS") = names_of(kMethods);
  m.attr("REALIZATIONS") = names_of(kRealizations);
  py::class_<Mitigation>(m, "Mitigation")
      .def(py::init([](std::vector<double> scales, const std::string& fold,
                       const std::vector<std::string>& fold_gates, std::uint64_t fold_seed,
                       const std::string& realization, const Extrapolator& extrapolator) {
             return Mitigation{.scales = std::move(scales),
                               .fold = named(kFolds, "fold", fold),
                               .fold_gates = gates_named(fold_gates),
                               .fold_seed = fold_seed,
                               .realization = named(kRealizations, "realization", realization),
                               .extrapolator = extrapolator};
           }),
           py::kw_only(), "scales"_a, "fold"_a, "fold_gates"_a, "fold_seed"_a, "realization"_a,
           "extrapolator"_a);
  py::class_<Bound>(m, "DistanceProgram")
      .def(py::init([](int dimension, const std::string& method, const NoiseModel& noise,
                       bool noisy_preparation, bool readout_mitigation,
                       const std::optional<Mitigation>& mitigation, std::int64_t shots) {
             return Bound{DistanceProgram(dimension, {.method = named(kMethods, "method", method),
                                                      .noise = noise,
                                                      .noisy_preparation = noisy_preparation,
                                                      .readout_mitigation = readout_mitigation,
                                                      .mitigation = mitigation,
                                                      .shots = shots}),
                          dimension};
           }),
           "dimension"_a, py::kw_only(), "method"_a, "noise"_a, "noisy_preparation"_a, "readout_mitigation"_a,
           "mitigation"_a, "shots"_a)
      .def_property_readonly("n_qubits", [](const Bound& self) { return self.program.n_qubits(); })
      .def_property_readonly("instruction_count",
                             [](const Bound& self) { return self.program.instruction_count(); })
      .def_property_readonly(
          "realization", [](const Bound& self) { return name_of(kRealizations, self.program.realization()); })
      .def("pairwise", &pairwise, "queries"_a.noconvert(), "points"_a.noconvert(), py::kw_only(),
           "centres"_a.noconvert() = py::none(), "cells"_a.noconvert() = py::none(), "seed"_a, "stream"_a = 0,
           "first_query"_a = 0, "first_point"_a = 0, "num_threads"_a = 0)
      .def("nearest", &nearest, "queries"_a.noconvert(), "points"_a.noconvert(), py::kw_only(),
           "centres"_a.noconvert() = py::none(), "cells"_a.noconvert() = py::none(), "seed"_a, "stream"_a = 0,
           "first_query"_a = 0, "first_point"_a = 0, "num_threads"_a = 0);
  m.def(
      "distance_circuit",
      [](const std::string& method, const Array<double>& a, const Array<double>& b) {
        return distance_circuit(named(kMethods, "method", method), view(a), view(b));
      },
      "method"_a, "a"_a.noconvert(), "b"_a.noconvert());
  m.def(
      "state_preparation",
      [](const Array<double>& amplitudes) { return state_preparation(view(amplitudes)); },
      "amplitudes"_a.noconvert());
}

}  // namespace nonideal::bindings
