#include <pybind11/pybind11.h>

#include "nonideal/cram/circuits.hpp"

namespace nonideal::bindings {

namespace py = pybind11;
using namespace py::literals;
using namespace nonideal::cram;

void bind_cram_circuits(py::module_ m) {
  const py::call_guard<py::gil_scoped_release> released;
  m.def("adder", &circuits::adder, "bits"_a, "design"_a, "signed"_a);
  m.def("subtractor", &circuits::subtractor, "bits"_a, "design"_a, "signed"_a);
  m.def("greater_equal", &circuits::greater_equal, "bits"_a, "design"_a, "signed"_a);
  m.def("popcount", &circuits::popcount, "bits"_a, "design"_a);
  m.def("xnor_dot", &circuits::xnor_dot, "length"_a, "design"_a, released);
  m.def("multiplier", py::overload_cast<int, int, FullAdder, AndGate, bool>(&circuits::multiplier),
        "bits_a"_a, "bits_b"_a, "design"_a, "and_gate"_a, "signed"_a);
  m.def("dot", &circuits::dot, "length"_a, "bits_x"_a, "bits_w"_a, "accumulate"_a, "design"_a, "and_gate"_a,
        "signed"_a, released);
  m.def("products", &circuits::products, "length"_a, "bits_x"_a, "bits_w"_a, "design"_a, "and_gate"_a,
        "signed"_a, released);
}

}  // namespace nonideal::bindings
