#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "arrays.hpp"
#include "nonideal/flow/sparse_lu.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::flow;

namespace {

std::shared_ptr<Analysis> analyse(const Array<std::int32_t>& indptr, const Array<std::int32_t>& indices,
                                  const Array<std::int32_t>& elements, const Array<double>& coordinates,
                                  const Array<std::int32_t>& node_of_row, int leaf_elements) {
  expect_ndim("indptr", indptr, 1);
  expect_ndim("indices", indices, 1);
  expect_ndim("elements", elements, 2);
  expect_ndim("coordinates", coordinates, 2);
  expect_ndim("node_of_row", node_of_row, 1);
  const auto starts = view(indptr), columns = view(indices);
  const Layout layout{.elements = view(elements),
                      .nodes_per_element = static_cast<int>(elements.shape(1)),
                      .coordinates = view(coordinates),
                      .dim = static_cast<int>(coordinates.shape(1)),
                      .node_of_row = view(node_of_row)};
  const py::gil_scoped_release release;
  return std::make_shared<Analysis>(starts, columns, layout, leaf_elements);
}

Array<std::int32_t> order(const Analysis& analysis) {
  const auto rows = analysis.order();
  return Array<std::int32_t>(static_cast<py::ssize_t>(rows.size()), rows.data());
}

SparseLu make(const std::shared_ptr<Analysis>& analysis, bool equilibrate, int refinement, int num_threads) {
  return SparseLu(analysis, {.scaling = equilibrate ? Scaling::ruiz : Scaling::none,
                             .refinement = refinement,
                             .num_threads = num_threads});
}

void factorize(SparseLu& lu, const Array<double>& values) {
  expect_ndim("values", values, 1);
  const auto numbers = view(values);
  const py::gil_scoped_release release;
  lu.factorize(numbers);
}

/// Right-hand sides (n,) or (n, n_rhs) are overwritten by the solutions.
SolveReport solve(const SparseLu& lu, Array<double>& x, bool transpose) {
  if (x.ndim() != 1) expect_ndim("x", x, 2);
  expect_aligned(x);
  const int n_rhs = x.ndim() == 1 ? 1 : static_cast<int>(x.shape(1));
  const auto numbers = mutable_view(x);
  const py::gil_scoped_release release;
  return lu.solve(numbers, n_rhs, transpose);
}

double backward_error(const SparseLu& lu, const Array<double>& x, const Array<double>& b, bool transpose) {
  if (x.ndim() != 1) expect_ndim("x", x, 2);
  expect_ndim("b", b, x.ndim());
  const int n_rhs = x.ndim() == 1 ? 1 : static_cast<int>(x.shape(1));
  const auto solution = view(x), rhs = view(b);
  const py::gil_scoped_release release;
  return lu.backward_error(solution, rhs, n_rhs, transpose);
}

Array<double> values(const SparseLu& lu, const Analysis& analysis) {
  Array<double> out(static_cast<py::ssize_t>(analysis.n_values()));
  lu.values(mutable_view(out));
  return out;
}

}  // namespace

void bind_flow_lu(py::module_ m) {
  m.def(
      "check_pattern",
      [](const Array<std::int32_t>& indptr, const Array<std::int32_t>& indices) {
        const auto starts = view(indptr), columns = view(indices);
        const py::gil_scoped_release release;
        check_pattern(starts, columns);
      },
      "indptr"_a.noconvert(), "indices"_a.noconvert());
  py::class_<Analysis, std::shared_ptr<Analysis>>(m, "Analysis")
      .def(py::init(&analyse), "indptr"_a.noconvert(), "indices"_a.noconvert(), py::kw_only(),
           "elements"_a.noconvert(), "coordinates"_a.noconvert(), "node_of_row"_a.noconvert(),
           "leaf_elements"_a = 16)
      .def_property_readonly("order", &order)
      .def_property_readonly("tree_nodes", [](const Analysis& self) { return self.stats().tree_nodes; })
      .def_property_readonly("largest_front", [](const Analysis& self) { return self.stats().largest_front; })
      .def_property_readonly("root_pivots", [](const Analysis& self) { return self.stats().root_pivots; })
      .def_property_readonly("moved_nodes", [](const Analysis& self) { return self.stats().moved_nodes; })
      .def_property_readonly("fill", [](const Analysis& self) { return self.stats().fill; })
      .def_property_readonly("flops", [](const Analysis& self) { return self.stats().flops; });
  py::class_<SolveReport>(m, "SolveReport")
      .def_readonly("backward_error", &SolveReport::backward_error)
      .def_readonly("refinements", &SolveReport::refinements);
  py::class_<SparseLu>(m, "SparseLu")
      .def(py::init(&make), "analysis"_a, py::kw_only(), "equilibrate"_a = true, "refinement"_a = 3,
           "num_threads"_a = 0)
      .def("factorize", &factorize, "values"_a.noconvert())
      .def("solve", &solve, "x"_a.noconvert(), py::kw_only(), "transpose"_a = false)
      .def("backward_error", &backward_error, "x"_a.noconvert(), "b"_a.noconvert(), py::kw_only(),
           "transpose"_a = false)
      .def("values", &values, "analysis"_a)
      .def_property_readonly("perturbed_pivots",
                             [](const SparseLu& self) { return self.stats().perturbed_pivots; })
      .def_property_readonly("memory", [](const SparseLu& self) { return self.stats().memory; });
}

}  // namespace nonideal::bindings
