#pragma once

#include <string>

#include "arrays.hpp"
#include "nonideal/atoms/potential.hpp"

namespace nonideal::bindings {

inline atoms::Cell as_cell(const Array<double>& rows, const Array<bool>& pbc) {
  if (rows.ndim() != 2 || rows.shape(0) != 3 || rows.shape(1) != 3) {
    throw InvalidArgument("cell: expected shape (3, 3)");
  }
  if (pbc.ndim() != 1 || pbc.shape(0) != 3) throw InvalidArgument("pbc: expected shape (3,)");
  atoms::Cell cell;
  for (std::size_t i = 0; i < 9; ++i) cell.rows[i] = rows.data()[i];
  for (std::size_t k = 0; k < 3; ++k) cell.periodic[k] = pbc.data()[k];
  return cell;
}

/// An attribute of a system, which has this type already: nothing is converted.
template <class T>
Array<T> attribute(const py::handle& system, const char* name) {
  py::object value = system.attr(name);
  if (!py::isinstance<Array<T>>(value)) {
    throw InvalidArgument(std::string(name) + " is not as as_system() makes it");
  }
  return py::reinterpret_steal<Array<T>>(value.release());
}

/// A system of Python, kept while C++ reads it.
struct KeptSystem {
  explicit KeptSystem(const py::handle& given)
      : positions(attribute<double>(given, "positions")), numbers(attribute<std::int32_t>(given, "numbers")) {
    expect_ndim("positions", positions, 2);
    expect_ndim("numbers", numbers, 1);
    system = {view(positions), view(numbers),
              as_cell(attribute<double>(given, "cell"), attribute<bool>(given, "pbc"))};
  }

  Array<double> positions;
  Array<std::int32_t> numbers;
  atoms::System system;
};

}  // namespace nonideal::bindings
