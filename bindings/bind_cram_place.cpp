#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <tuple>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "nonideal/cram/program.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::cram;

namespace {

Array<std::int64_t> array_of(const std::vector<std::int64_t>& values) {
  return Array<std::int64_t>(static_cast<py::ssize_t>(values.size()), values.data());
}

}  // namespace

void bind_cram_place(py::module_ m) {
  py::native_enum<Presets>(m, "Presets", "enum.Enum")
      .value("per_gate", Presets::per_gate)
      .value("ganged", Presets::ganged)
      .finalize();
  py::native_enum<Allocate>(m, "Allocate", "enum.Enum")
      .value("lowest", Allocate::lowest)
      .value("level", Allocate::level)
      .finalize();
  py::native_enum<Order>(m, "Order", "enum.Enum")
      .value("as_written", Order::as_written)
      .value("compact", Order::compact)
      .finalize();
  m.def(
      "place",
      [](const Program& program, std::int64_t rows, std::int64_t columns, bool bipolar_presets,
         Presets presets, Allocate allocate, Order order) {
        Placement placement = [&] {
          const py::gil_scoped_release unlocked;
          return place(program, {rows, columns, bipolar_presets}, {presets, allocate, order});
        }();
        return std::make_tuple(std::move(placement.program), array_of(placement.cell_writes),
                               array_of(placement.phase_before), array_of(placement.phase_of_gate),
                               array_of(placement.order));
      },
      "program"_a, "rows"_a, "columns"_a, "bipolar_presets"_a, "presets"_a, "allocate"_a, "order"_a);
}

}  // namespace nonideal::bindings
