#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <vector>

#include "arrays.hpp"
#include "nonideal/atoms/profile.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::atoms;

namespace {

/// (name, seconds, calls, operations) of each part
py::list profile_of(const Potential& potential, const Array<double>& positions,
                    const Array<std::int32_t>& numbers, const Array<double>& rows,
                    const Array<bool>& periodic, int forces, bool virial) {
  expect_ndim("positions", positions, 2);
  expect_ndim("numbers", numbers, 1);
  expect_length("cell", rows.size(), 9);
  expect_length("pbc", periodic.size(), 3);
  Cell cell;
  for (std::size_t i = 0; i < 9; ++i) cell.rows[i] = rows.data()[i];
  for (std::size_t i = 0; i < 3; ++i) cell.periodic[i] = periodic.data()[i];
  const auto places = view(positions);
  const auto kinds = view(numbers);
  std::vector<KernelTime> times;
  {
    const py::gil_scoped_release release;
    times = profile(potential, places, kinds, cell, {static_cast<Forces>(forces), virial});
  }
  py::list found;
  for (const KernelTime& t : times) found.append(py::make_tuple(t.name, t.seconds, t.calls, t.operations));
  return found;
}

}  // namespace

void bind_atoms_profile(py::module_ m) {
  m.def("profile", &profile_of, "potential"_a, "positions"_a.noconvert(), "numbers"_a.noconvert(),
        "cell"_a.noconvert(), "pbc"_a.noconvert(), py::kw_only(), "forces"_a, "virial"_a);
}

}  // namespace nonideal::bindings
