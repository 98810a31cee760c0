#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <tuple>
#include <vector>

#include "arrays.hpp"
#include "nonideal/flow/reduced.hpp"
#include "nonideal/flow/taylor_hood.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::flow;

namespace {

Array<double> to_array(const std::vector<double>& values) {
  return Array<double>(static_cast<py::ssize_t>(values.size()), values.data());
}

}  // namespace

void bind_flow_reduced(py::module_ m) {
  py::class_<ReducedModel>(m, "ReducedModel")
      .def(py::init(
               [](const Array<double>& viscous, const Array<double>& convection, const Array<double>& gram) {
                 expect_ndim("viscous", viscous, 2);
                 expect_ndim("convection", convection, 3);
                 expect_ndim("gram", gram, 2);
                 const std::int64_t n_modes = viscous.shape(0), n_lifts = viscous.shape(1) - n_modes;
                 const auto a = view(viscous), n = view(convection), g = view(gram);
                 const py::gil_scoped_release unlocked;
                 return ReducedModel(n_lifts, n_modes, a, n, g);
               }),
           "viscous"_a.noconvert(), "convection"_a.noconvert(), "gram"_a.noconvert())
      .def_property_readonly("n_lifts", &ReducedModel::n_lifts)
      .def_property_readonly("n_modes", &ReducedModel::n_modes)
      // coefficients (n_lifts + n_modes used,), relative steps (n_iterations,), whether it converged
      .def(
          "solve",
          [](const ReducedModel& self, const Array<double>& theta, double viscosity,
             const Array<double>& load, double tolerance, std::int64_t max_iterations, std::int64_t n_modes) {
            expect_ndim("theta", theta, 1);
            expect_ndim("load", load, 1);
            const auto t = view(theta), b = view(load);
            ReducedOptions options;
            options.tolerance = tolerance;
            options.max_iterations = max_iterations;
            options.n_modes = n_modes;
            ReducedState state;
            {
              const py::gil_scoped_release unlocked;
              state = self.solve(t, viscosity, b, options);
            }
            return std::tuple(to_array(state.coefficients), to_array(state.steps), state.converged);
          },
          "theta"_a.noconvert(), "viscosity"_a, "load"_a.noconvert(), py::kw_only(), "tolerance"_a,
          "max_iterations"_a, "n_modes"_a = 0);

  // tests (n_velocity, p), trial (n_velocity, r) -> (r, p, r)
  m.def(
      "convection_tensor",
      [](const TaylorHood& space, const Array<double>& tests, const Array<double>& trial, int num_threads) {
        expect_ndim("tests", tests, 2);
        expect_ndim("trial", trial, 2);
        expect_length("tests", tests.shape(0), space.n_velocity());
        expect_length("trial", trial.shape(0), space.n_velocity());
        Array<double> out({trial.shape(1), tests.shape(1), trial.shape(1)});
        const auto t = view(tests), z = view(trial);
        const auto o = mutable_view(out);
        {
          const py::gil_scoped_release unlocked;
          convection_tensor(space, t, z, o, num_threads);
        }
        return out;
      },
      "space"_a, "tests"_a.noconvert(), "trial"_a.noconvert(), py::kw_only(), "num_threads"_a = 0);
}

}  // namespace nonideal::bindings
