#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "atoms_system.hpp"
#include "nonideal/atoms/neighbors.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::atoms;

namespace {

std::span<const double> as_positions(const Array<double>& positions) {
  if (positions.ndim() != 2 || positions.shape(1) != 3) {
    throw InvalidArgument("positions: expected shape (n_atoms, 3)");
  }
  return view(positions);
}

/// Copies atomic numbers; false where one is outside [0, highest].
template <class T>
bool take_numbers(const py::handle& given, std::int32_t highest, Array<std::int32_t>& to) {
  const auto numbers = py::reinterpret_borrow<Array<T>>(given);
  expect_aligned(numbers);
  to = Array<std::int32_t>(numbers.size());
  std::int32_t* const out = to.mutable_data();
  for (py::ssize_t i = 0; i < numbers.size(); ++i) {
    const T number = numbers.data()[i];
    if (number < 0 || number > highest) return false;
    out[i] = static_cast<std::int32_t>(number);
  }
  return true;
}

/// numbers as int32, positions, a copy of the cell, pbc, where all four are arrays of the right types,
/// layouts, shapes and values; None where anything is otherwise, which may still be fit, or worth a word.
py::object plain_system(const py::object& numbers, const py::object& positions, const py::object& cell,
                        const py::object& pbc, std::int32_t highest) {
  if (!py::isinstance<Array<double>>(positions) || !py::isinstance<Array<double>>(cell) ||
      !py::isinstance<Array<bool>>(pbc)) {
    return py::none();
  }
  const auto places = py::reinterpret_borrow<Array<double>>(positions);
  const auto rows = py::reinterpret_borrow<Array<double>>(cell);
  const auto periodic = py::reinterpret_borrow<Array<bool>>(pbc);
  const bool whole = py::isinstance<Array<std::int64_t>>(numbers);
  if (!whole && !py::isinstance<Array<std::int32_t>>(numbers)) return py::none();
  const auto count = py::reinterpret_borrow<py::array>(numbers);
  if (count.ndim() != 1 || count.size() == 0 || places.ndim() != 2 || places.shape(0) != count.size()) {
    return py::none();
  }
  try {
    Array<std::int32_t> kinds;
    const bool known = whole ? take_numbers<std::int64_t>(numbers, highest, kinds)
                             : take_numbers<std::int32_t>(numbers, highest, kinds);
    if (!known) return py::none();
    expect_aligned(rows);
    const Cell box = as_cell(rows, periodic);
    check_cell("cell", box);
    check_positions("positions", as_positions(places));
    return py::make_tuple(kinds, positions, Array<double>({3, 3}, box.rows.data()), pbc);
  } catch (const InvalidArgument&) {
    return py::none();
  }
}

/// The arrays that the letters among i j S D d, each at most once, ask for.
py::tuple find(const std::string& quantities, const Array<double>& positions, const Array<double>& cell,
               const Array<bool>& pbc, const NeighborOptions& options) {
  const auto places = as_positions(positions);
  const Cell box = as_cell(cell, pbc);
  const NeighborSearch search = [&] {
    const py::gil_scoped_release release;
    return NeighborSearch(places, box, options);
  }();
  const std::int64_t n = search.size();
  NeighborArrays out;
  py::tuple arrays(quantities.size());
  for (std::size_t k = 0; k < quantities.size(); ++k) {
    const auto whole = [&](std::int64_t*& place, const std::vector<std::int64_t>& shape) {
      auto array = new_array<std::int64_t>(shape);
      place = array.mutable_data();
      arrays[k] = std::move(array);
    };
    const auto real = [&](double*& place, const std::vector<std::int64_t>& shape) {
      auto array = new_array<double>(shape);
      place = array.mutable_data();
      arrays[k] = std::move(array);
    };
    switch (quantities[k]) {
      case 'i':
        whole(out.centers, {n});
        break;
      case 'j':
        whole(out.neighbors, {n});
        break;
      case 'S':
        whole(out.shifts, {n, 3});
        break;
      case 'D':
        real(out.vectors, {n, 3});
        break;
      default:
        real(out.distances, {n});
    }
  }
  const py::gil_scoped_release release;
  search.write(out);
  return arrays;
}

template <class T>
Array<T> copy_of(const std::vector<T>& values, const std::vector<std::int64_t>& shape) {
  auto array = new_array<T>(shape);
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

bool update(NeighborList& list, const Array<double>& positions, const Array<double>& cell,
            const Array<bool>& pbc) {
  const auto places = as_positions(positions);
  const Cell box = as_cell(cell, pbc);
  const py::gil_scoped_release release;
  return list.update(places, box);
}

/// indptr, neighbors and shifts of the present table.
py::tuple table(const NeighborList& list) {
  const NeighborTable& pairs = list.table();
  const auto n_rows = static_cast<std::int64_t>(pairs.indptr.size());
  const auto n = static_cast<std::int64_t>(pairs.neighbors.size());
  return py::make_tuple(copy_of(pairs.indptr, {n_rows}), copy_of(pairs.neighbors, {n}),
                        copy_of(pairs.shifts, {n, 3}));
}

Array<std::int64_t> reverse(const NeighborList& list) {
  const NeighborTable& pairs = list.table();
  return copy_of(reverse_pairs(pairs.indptr, pairs.neighbors),
                 {static_cast<std::int64_t>(pairs.neighbors.size())});
}

}  // namespace

void bind_atoms(py::module_ m) {
  py::class_<NeighborOptions>(m, "NeighborOptions")
      .def(py::init([](double cutoff, bool half, std::int32_t max_neighbors, bool tolerant, int num_threads) {
             return NeighborOptions{cutoff, half, max_neighbors, tolerant, num_threads};
           }),
           "cutoff"_a, "half"_a, "max_neighbors"_a, "tolerant"_a, "num_threads"_a);
  m.def(
      "check_cell",
      [](const std::string& name, const Array<double>& cell, const Array<bool>& pbc) {
        check_cell(name, as_cell(cell, pbc));
      },
      "name"_a, "cell"_a.noconvert(), "pbc"_a.noconvert());
  m.def(
      "check_positions",
      [](const std::string& name, const Array<double>& positions) {
        check_positions(name, as_positions(positions));
      },
      "name"_a, "positions"_a.noconvert());
  m.def("plain_system", &plain_system, "numbers"_a, "positions"_a, "cell"_a, "pbc"_a, "highest"_a);
  m.def("find_neighbors", &find, "quantities"_a, "positions"_a.noconvert(), "cell"_a.noconvert(),
        "pbc"_a.noconvert(), "options"_a);
  py::class_<NeighborList>(m, "NeighborList")
      .def(py::init<const NeighborOptions&, double>(), "options"_a, "skin"_a)
      .def("update", &update, "positions"_a.noconvert(), "cell"_a.noconvert(), "pbc"_a.noconvert())
      .def_property_readonly("table", &table)
      .def_property_readonly("reverse", &reverse)
      .def_property_readonly("n_rebuilds", &NeighborList::n_rebuilds);
}

}  // namespace nonideal::bindings
