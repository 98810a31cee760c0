#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <array>
#include <exception>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "nonideal/base/cpu.hpp"
#include "nonideal/base/error.hpp"
#include "nonideal/base/memory.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/base/threads.hpp"

namespace nonideal::bindings {

using namespace py::literals;

namespace {

/// nonideal/errors.py defines the classes (docstrings, attributes, picklable); they are fetched when one is
/// thrown.
void translate(std::exception_ptr thrown) {
  const auto raise = [](const char* name, auto&&... arguments) {
    const py::object type = py::module_::import("nonideal.errors").attr(name);
    const py::object error = type(arguments...);
    PyErr_SetObject(type.ptr(), error.ptr());
  };
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const ConvergenceError& e) {  // derived before base
    raise("ConvergenceError", e.what(), e.history);
  } catch (const NumericalError& e) {
    raise("NumericalError", e.what());
  } catch (const InvalidArgument& e) {
    raise("InvalidArgument", e.what());
  }
}

}  // namespace

void bind_base(py::module_& m) {
  py::register_exception_translator(&translate);
  m.def("num_threads", &num_threads);
  m.def("set_num_threads", &set_num_threads, "num_threads"_a);
  m.def("expect_memory", &expect_memory, "what"_a, "bytes"_a);
  m.def(
      "expect_result_memory",
      [](const std::vector<std::int64_t>& shape, double bytes_per_element) {
        expect_result_memory(shape, bytes_per_element);
      },
      "shape"_a, "bytes_per_element"_a);
  m.def("active_isa", [] { return std::string(name(active_isa())); });
  m.def("available_isas", [] {
    std::vector<std::string> names;
    for (const Isa isa : available_isas()) names.emplace_back(name(isa));
    return names;
  });
  py::native_enum<Purpose>(m, "Purpose", "enum.IntEnum")
      .value("GATE_ERROR", Purpose::kGateError)
      .value("UNIFORM_OPERAND", Purpose::kUniformOperand)
      .value("SEED", Purpose::kSeed)
      .value("MACROSPIN", Purpose::kMacrospin)
      .value("FAULT", Purpose::kFault)
      .value("DISTANCE_SHOTS", Purpose::kDistanceShots)
      .value("TRAJECTORY", Purpose::kTrajectory)
      .value("FOLD", Purpose::kFold)
      .value("COUNTS", Purpose::kCounts)
      .finalize();
  m.def(
      "philox",
      [](const std::array<std::uint32_t, 4>& counter, std::uint64_t key) {
        const Words4 words = philox({{counter[0], counter[1], counter[2], counter[3]}}, key);
        return std::array<std::uint32_t, 4>{words.w[0], words.w[1], words.w[2], words.w[3]};
      },
      "counter"_a, "key"_a);
}

}  // namespace nonideal::bindings
