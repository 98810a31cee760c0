#include <pybind11/stl.h>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "arrays.hpp"
#include "nonideal/flow/mesh.hpp"
#include "nonideal/flow/oseen.hpp"
#include "nonideal/flow/taylor_hood.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::flow;

namespace {

using Ints = Array<std::int32_t>;
using Floats = Array<double>;

MeshView mesh_of(const Floats& points, const Ints& cells) {
  expect_ndim("points", points, 2);
  expect_ndim("cells", cells, 2);
  return {.points = view(points),
          .cells = view(cells),
          .dim = static_cast<int>(points.shape(1)),
          .nodes_per_cell = static_cast<int>(cells.shape(1))};
}

/// A read-only array over memory that `owner` keeps.
template <class T>
Array<T> shared(std::span<const T> data, py::array::ShapeContainer shape, const py::object& owner) {
  Array<T> array(std::move(shape), data.data(), owner);
  array.attr("flags").attr("writeable") = false;
  return array;
}

template <class T>
Array<T> shared(std::span<const T> data, const py::object& owner) {
  return shared(data, {static_cast<py::ssize_t>(data.size())}, owner);
}

template <class T>
Array<T> copied(const std::vector<T>& data) {
  return Array<T>(static_cast<py::ssize_t>(data.size()), data.data());
}

std::span<const double> field(const char* name, const std::optional<Floats>& array, std::int64_t n_nodes,
                              int dim) {
  if (!array) return {};
  expect_ndim(name, *array, 2);
  expect_length(name, array->shape(0), n_nodes);
  expect_length(name, array->shape(1), dim);
  return view(*array);
}

/// An operator and what it needs to be asked.
struct Bound {
  OseenOperator oseen;
  std::int64_t n_nodes;
  int dim;
};

}  // namespace

void bind_flow(py::module_ m) {
  m.def(
      "boundary",
      [](const Floats& points, const Ints& cells) {
        const MeshView mesh = mesh_of(points, cells);
        const Boundary found = boundary(mesh);
        Ints facets({static_cast<py::ssize_t>(found.cells.size()), py::ssize_t{mesh.dim}},
                    found.facets.data());
        return std::pair{std::move(facets), copied(found.cells)};
      },
      "points"_a.noconvert(), "cells"_a.noconvert());
  py::class_<TaylorHood>(m, "TaylorHood")
      .def(py::init([](const Floats& points, const Ints& cells) {
             const MeshView mesh = mesh_of(points, cells);
             const py::gil_scoped_release release;
             return TaylorHood(mesh);
           }),
           "points"_a.noconvert(), "cells"_a.noconvert())
      .def_property_readonly("dim", &TaylorHood::dim)
      .def_property_readonly("n_nodes", &TaylorHood::n_nodes)
      .def_property_readonly("n_vertices", &TaylorHood::n_vertices)
      .def_property_readonly("n_curved_cells", &TaylorHood::n_curved_cells)
      .def_property_readonly("nodes",
                             [](const py::object& self) {
                               const auto& space = self.cast<const TaylorHood&>();
                               return shared(space.nodes(), {space.n_nodes(), std::int64_t{space.dim()}},
                                             self);
                             })
      .def_property_readonly("edges",
                             [](const py::object& self) {
                               const auto& space = self.cast<const TaylorHood&>();
                               return shared(space.edges(),
                                             {space.n_nodes() - space.n_vertices(), std::int64_t{2}}, self);
                             })
      .def_property_readonly("cell_nodes",
                             [](const py::object& self) {
                               const auto& space = self.cast<const TaylorHood&>();
                               return shared(space.cell_nodes(), {space.n_cells(), space.nodes_per_cell()},
                                             self);
                             })
      .def_property_readonly(
          "indptr",
          [](const py::object& self) { return shared(self.cast<const TaylorHood&>().indptr(), self); })
      .def_property_readonly(
          "indices",
          [](const py::object& self) { return shared(self.cast<const TaylorHood&>().indices(), self); })
      .def_property_readonly(
          "mass",
          [](const py::object& self) { return shared(self.cast<const TaylorHood&>().mass_values(), self); })
      .def_property_readonly("stiffness",
                             [](const py::object& self) {
                               return shared(self.cast<const TaylorHood&>().stiffness_values(), self);
                             })
      .def("divergence",
           [](const TaylorHood& self) {
             const CsrMatrix matrix = self.divergence();
             return py::make_tuple(copied(matrix.values), copied(matrix.indices), copied(matrix.indptr));
           })
      .def(
          "convection",
          [](const TaylorHood& self, const Floats& convecting, int num_threads) {
            const std::span<const double> w = field("convecting", convecting, self.n_nodes(), self.dim());
            Floats values(static_cast<py::ssize_t>(self.indices().size()));
            const std::span<double> out = mutable_view(values);
            {
              const py::gil_scoped_release release;
              self.convection(w, out, num_threads);
            }
            return values;
          },
          "convecting"_a.noconvert(), py::kw_only(), "num_threads"_a = 0);
  py::class_<Bound>(m, "OseenOperator")
      .def(py::init([](const TaylorHood& space, const Array<std::uint8_t>& constrained,
                       std::int64_t pinned_pressure) {
             expect_ndim("constrained", constrained, 1);
             const std::span<const std::uint8_t> flags = view(constrained);
             const py::gil_scoped_release release;
             return Bound{OseenOperator(space, flags, pinned_pressure), space.n_nodes(), space.dim()};
           }),
           "space"_a, "constrained"_a.noconvert(), py::kw_only(), "pinned_pressure"_a = -1)
      .def_property_readonly(
          "free", [](const py::object& self) { return shared(self.cast<const Bound&>().oseen.free(), self); })
      .def_property_readonly(
          "indptr",
          [](const py::object& self) { return shared(self.cast<const Bound&>().oseen.indptr(), self); })
      .def_property_readonly(
          "indices",
          [](const py::object& self) { return shared(self.cast<const Bound&>().oseen.indices(), self); })
      .def_property_readonly(
          "values",
          [](const py::object& self) { return shared(self.cast<const Bound&>().oseen.values(), self); })
      .def_property_readonly(
          "rhs", [](const py::object& self) { return shared(self.cast<const Bound&>().oseen.rhs(), self); })
      .def(
          "update",
          [](Bound& self, const std::optional<Floats>& convecting, double viscosity, bool newton,
             const std::optional<Floats>& boundary, double reaction, int num_threads) {
            const OseenTerms terms{.viscosity = viscosity,
                                   .reaction = reaction,
                                   .convecting = field("convecting", convecting, self.n_nodes, self.dim),
                                   .boundary = field("boundary", boundary, self.n_nodes, self.dim),
                                   .newton = newton};
            const py::gil_scoped_release release;
            self.oseen.update(terms, num_threads);
          },
          "convecting"_a.noconvert(), "viscosity"_a, py::kw_only(), "newton"_a = false,
          "boundary"_a.noconvert() = py::none(), "reaction"_a = 0.0, "num_threads"_a = 0);
}

}  // namespace nonideal::bindings
