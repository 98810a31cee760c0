#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "nonideal/atoms/potential.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::atoms;

namespace {

/// A list that outlives calls; one call at a time.
struct SkinList {
  SkinList(double cutoff, double skin, int num_threads)
      : list({.cutoff = cutoff, .num_threads = num_threads}, skin) {}

  Result compute(const Potential& potential, std::span<const double> positions,
                 std::span<const std::int32_t> numbers, const Cell& cell, const Request& request) {
    const std::lock_guard lock(mutex);
    if (list.update(positions, cell)) reverse = reverse_pairs(list.table().indptr, list.table().neighbors);
    return potential.compute(positions, numbers, cell, list.table(), reverse, request);
  }

  std::mutex mutex;
  NeighborList list;
  std::vector<std::int64_t> reverse;
};

Potential open(const std::string& path, bool twice, bool tabulate, int knots, int num_threads) {
  const py::gil_scoped_release release;
  return Potential(path, {.precision = twice ? Precision::float64 : Precision::float32,
                          .tabulate = tabulate,
                          .knots = knots,
                          .num_threads = num_threads});
}

Cell cell_of(const Array<double>& rows, const Array<bool>& periodic) {
  expect_length("cell", rows.size(), 9);
  expect_length("pbc", periodic.size(), 3);
  Cell cell;
  for (std::size_t i = 0; i < 9; ++i) cell.rows[i] = rows.data()[i];
  for (std::size_t i = 0; i < 3; ++i) cell.periodic[i] = periodic.data()[i];
  return cell;
}

Array<double> array_of(const std::vector<double>& values, py::ssize_t columns) {
  const auto size = static_cast<py::ssize_t>(values.size());
  return columns == 0 ? Array<double>(size, values.data())
                      : Array<double>({size / columns, columns}, values.data());
}

/// energy, energies, forces (or None), virial
py::tuple compute(const Potential& self, const Array<double>& positions, const Array<std::int32_t>& numbers,
                  const Array<double>& rows, const Array<bool>& periodic, int forces, bool virial,
                  SkinList* list) {
  expect_ndim("positions", positions, 2);
  expect_ndim("numbers", numbers, 1);
  const Cell cell = cell_of(rows, periodic);
  const auto places = view(positions);
  const auto kinds = view(numbers);
  const Request request{static_cast<Forces>(forces), virial};
  Result result;
  {
    const py::gil_scoped_release release;
    result = list == nullptr ? self.compute(places, kinds, cell, request)
                             : list->compute(self, places, kinds, cell, request);
  }
  const py::object force = forces == 0 ? py::object(py::none()) : py::object(array_of(result.forces, 3));
  return py::make_tuple(result.energy, array_of(result.energies, 0), force,
                        Array<double>({3, 3}, result.virial.data()));
}

}  // namespace

void bind_atoms_potential(py::module_ m) {
  py::class_<SkinList>(m, "SkinList")
      .def(py::init<double, double, int>(), "cutoff"_a, "skin"_a, "num_threads"_a)
      .def_property_readonly("n_rebuilds", [](const SkinList& self) { return self.list.n_rebuilds(); });
  py::class_<Potential>(m, "Potential")
      .def(py::init(&open), "path"_a, py::kw_only(), "float64"_a, "tabulate"_a, "knots"_a, "num_threads"_a)
      .def("compute", &compute, "positions"_a.noconvert(), "numbers"_a.noconvert(), "cell"_a.noconvert(),
           "pbc"_a.noconvert(), py::kw_only(), "forces"_a, "virial"_a, "skin_list"_a = nullptr)
      .def_property_readonly("header", &Potential::header);
}

}  // namespace nonideal::bindings
