#include <pybind11/stl.h>

#include <string>
#include <tuple>
#include <vector>

#include "arrays.hpp"
#include "nonideal/cram/analysis.hpp"
#include "nonideal/cram/planes.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::cram;

namespace {

/// One input port: planes (bits * words, >= plane_words(entries)), repeat, entries.
using PlanesTuple = std::tuple<Array<std::uint64_t>, std::int64_t, std::int64_t>;

std::vector<InputPlane> planes_from(const std::vector<PlanesTuple>& ports, std::int64_t lanes) {
  std::vector<InputPlane> planes;
  for (const auto& [words, repeat, entries] : ports) {
    expect_ndim("inputs", words, 2);
    expect_aligned(words);
    if (lanes < 0 || entries < 0) throw InvalidArgument("lanes and entries must not be negative");
    const std::int64_t needed = plane_words(entries == 0 ? lanes : entries);
    if (words.shape(1) < needed) {
      throw InvalidArgument("inputs: planes of " + std::to_string(words.shape(1)) + " words are too short, " +
                            std::to_string(needed) + " are needed");
    }
    for (py::ssize_t p = 0; p < words.shape(0); ++p) {
      planes.push_back({words.data() + p * words.shape(1), repeat, entries});
    }
  }
  return planes;
}

constexpr int kSums = 6;  // numbers of a FaultSums

/// (rows, 6) float64: lanes, wrong, sums of e, |e|, e^2, e^4.
Array<double> rows_from(const std::vector<FaultSums>& sums) {
  Array<double> rows({static_cast<py::ssize_t>(sums.size()), static_cast<py::ssize_t>(kSums)});
  double* out = rows.mutable_data();
  for (const FaultSums& s : sums) {
    for (const double number : {static_cast<double>(s.lanes), static_cast<double>(s.wrong), s.signed_error,
                                s.distance, s.square, s.fourth}) {
      *out++ = number;
    }
  }
  return rows;
}

}  // namespace

void bind_cram_analysis(py::module_ m) {
  m.def(
      "distribution",
      [](const Program& program, const GateTable& table, const std::vector<std::uint8_t>& inputs,
         std::int64_t max_states) {
        std::vector<double> pmf;
        {
          const py::gil_scoped_release unlocked;
          pmf = distribution(program, table, inputs, max_states);
        }
        return Array<double>(static_cast<py::ssize_t>(pmf.size()), pmf.data());
      },
      "program"_a, "table"_a, "inputs"_a, "max_states"_a);

  py::class_<ErrorMoments>(m, "ErrorMoments")
      .def_readonly("error_rate", &ErrorMoments::error_rate)
      .def_readonly("bias", &ErrorMoments::bias)
      .def_readonly("distance", &ErrorMoments::distance)
      .def_readonly("square", &ErrorMoments::square)
      .def_readonly("relative", &ErrorMoments::relative)
      .def_readonly("relative_inputs", &ErrorMoments::relative_inputs)
      .def_readonly("worst", &ErrorMoments::worst)
      .def_readonly("largest", &ErrorMoments::largest)
      .def_readonly("bit_error_rate", &ErrorMoments::bit_error_rate);
  m.def(
      "exact_all",
      [](const Program& program, const GateTable& table, std::int64_t port, std::int64_t max_states,
         int num_threads) { return exact(program, table, port, max_states, num_threads); },
      "program"_a, "table"_a, "port"_a, "max_states"_a, "num_threads"_a = 0,
      py::call_guard<py::gil_scoped_release>());
  m.def(
      "exact_given",
      [](const Program& program, const GateTable& table, std::int64_t port,
         const std::vector<PlanesTuple>& inputs, std::int64_t lanes, std::int64_t max_states,
         int num_threads) {
        const std::vector<InputPlane> planes = planes_from(inputs, lanes);
        const py::gil_scoped_release unlocked;
        return exact(program, table, port, planes, lanes, max_states, num_threads);
      },
      "program"_a, "table"_a, "port"_a, "inputs"_a.noconvert(), "lanes"_a, "max_states"_a,
      "num_threads"_a = 0);
  m.def(
      "strata",
      [](const Program& program, const GateTable& acceptance, std::int64_t port, std::int64_t faults,
         const std::vector<PlanesTuple>& inputs, std::int64_t lanes, std::uint64_t seed, int num_threads) {
        const std::vector<InputPlane> planes = planes_from(inputs, lanes);
        std::vector<FaultSums> sums(1);
        {
          const py::gil_scoped_release unlocked;
          sums[0] = strata(program, acceptance, port, faults, planes, lanes, seed, num_threads);
        }
        return rows_from(sums);
      },
      "program"_a, "acceptance"_a, "port"_a, "faults"_a, "inputs"_a.noconvert(), "lanes"_a, "seed"_a,
      "num_threads"_a = 0);
  m.def(
      "sensitivity",
      [](const Program& program, std::int64_t port, const std::vector<PlanesTuple>& inputs,
         std::int64_t lanes, int num_threads) {
        const std::vector<InputPlane> planes = planes_from(inputs, lanes);
        std::vector<FaultSums> sums;
        {
          const py::gil_scoped_release unlocked;
          sums = sensitivity(program, port, planes, lanes, num_threads);
        }
        return rows_from(sums);
      },
      "program"_a, "port"_a, "inputs"_a.noconvert(), "lanes"_a, "num_threads"_a = 0);
}

}  // namespace nonideal::bindings
