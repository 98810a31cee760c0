#include <pybind11/stl.h>

#include <optional>
#include <tuple>

#include "arrays.hpp"
#include "nonideal/cram/macrospin.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::cram;

namespace {

/// Counts of m_z < 0 (durations,), and the moments (durations, trajectories, 3) where they are wanted.
std::tuple<Array<std::int64_t>, std::optional<Array<float>>> run(const Macrospin& spin, double overdrive,
                                                                 const Array<double>& durations,
                                                                 std::int64_t trajectories, double max_step,
                                                                 std::uint64_t seed, std::uint64_t stream,
                                                                 std::int64_t first_trajectory,
                                                                 int num_threads, bool states) {
  expect_ndim("durations", durations, 1);
  if (trajectories < 0)
    throw InvalidArgument("trajectories = " + std::to_string(trajectories) + " is below 0");
  Array<std::int64_t> switched(durations.shape(0));
  std::optional<Array<float>> moments;
  if (states) moments.emplace(std::vector<py::ssize_t>{durations.shape(0), trajectories, 3});
  const auto times = view(durations);
  const auto counts = mutable_view(switched);
  const auto m = moments ? mutable_view(*moments) : std::span<float>();
  const MacrospinOptions options{.max_step = max_step,
                                 .seed = seed,
                                 .stream = stream,
                                 .first_trajectory = first_trajectory,
                                 .num_threads = num_threads};
  {
    const py::gil_scoped_release release;
    run_macrospins(spin, overdrive, times, trajectories, options, counts, m);
  }
  return {std::move(switched), std::move(moments)};
}

}  // namespace

void bind_cram_macrospin(py::module_ m) {
  py::class_<Macrospin>(m, "Macrospin")
      .def(py::init<double, double, double, double>(), py::kw_only(), "delta"_a, "damping"_a,
           "anisotropy_field"_a, "field_like"_a);
  m.def("longest_macrospin_step", &longest_macrospin_step, "spin"_a, "overdrive"_a);
  m.def("run_macrospins", &run, "spin"_a, "overdrive"_a, "durations"_a.noconvert(), "trajectories"_a,
        py::kw_only(), "max_step"_a, "seed"_a, "stream"_a = 0, "first_trajectory"_a = 0, "num_threads"_a = 0,
        "states"_a = false);
  m.attr("GYROMAGNETIC_RATIO") = kGyromagneticRatio;
}

}  // namespace nonideal::bindings
