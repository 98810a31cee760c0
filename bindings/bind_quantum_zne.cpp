#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "nonideal/quantum/zne.hpp"
#include "quantum_names.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::quantum;

namespace {

using Kind = Extrapolator::Kind;

constexpr std::array<std::pair<const char*, Kind>, 5> kKinds{{{"linear", Kind::linear},
                                                              {"polynomial", Kind::polynomial},
                                                              {"richardson", Kind::richardson},
                                                              {"exponential", Kind::exponential},
                                                              {"poly_exponential", Kind::poly_exponential}}};

}  // namespace

void bind_quantum_zne(py::module_ m) {
  m.attr("MAX_SCALES") = kMaxScales;
  m.attr("EXTRAPOLATORS") = names_of(kKinds);
  m.attr("FOLDS") = names_of(kFolds);
  m.def(
      "realized_scales",
      [](const Circuit& circuit, const std::vector<double>& scales, const std::string& fold,
         const std::vector<std::string>& only) {
        return realized_scales(circuit, scales, named(kFolds, "fold", fold), gates_named(only));
      },
      "circuit"_a, "scales"_a, "fold"_a, "only"_a);
  m.def(
      "channel_obstacle",
      [](const Circuit& circuit, const NoiseModel& noise, const std::vector<double>& scales,
         const std::string& fold, const std::vector<std::string>& only) {
        return channel_obstacle(circuit, noise, scales, named(kFolds, "fold", fold), gates_named(only));
      },
      "circuit"_a, "noise"_a, "scales"_a, "fold"_a, "only"_a);
  m.def(
      "folded",
      [](const Circuit& circuit, double scale, const std::string& fold, std::uint64_t seed,
         const std::vector<std::string>& only) {
        return folded(circuit, scale, named(kFolds, "fold", fold), seed, gates_named(only));
      },
      "circuit"_a, "scale"_a, "fold"_a, "seed"_a, "only"_a);

  py::class_<Extrapolator>(m, "Extrapolator")
      .def(py::init([](const std::string& kind, int order, std::optional<double> asymptote, double lowest,
                       double highest, bool raw) {
             return Extrapolator{named(kKinds, "extrapolator", kind),
                                 order,
                                 asymptote,
                                 lowest,
                                 highest,
                                 raw ? Extrapolator::OnCrossing::raw : Extrapolator::OnCrossing::error};
           }),
           "kind"_a, "order"_a, "asymptote"_a, "lowest"_a, "highest"_a, "raw"_a)
      .def(
          "check", [](const Extrapolator& self, const std::vector<double>& scales) { check(self, scales); },
          "scales"_a)
      .def(
          "linear_weights",
          [](const Extrapolator& self, const std::vector<double>& scales) {
            return linear_weights(self, scales);
          },
          "scales"_a)
      // values, variances (n_scales, n) -> value, variance, gain, crossed (n,)
      .def(
          "extrapolate",
          [](const Extrapolator& self, const std::vector<double>& scales, const Array<double>& values,
             const std::optional<Array<double>>& variances, int num_threads) {
            expect_ndim("values", values, 2);
            expect_length("values", values.shape(0), static_cast<py::ssize_t>(scales.size()));
            if (variances) {
              expect_ndim("variances", *variances, 2);
              expect_length("variances", variances->shape(0), values.shape(0));
              expect_length("variances", variances->shape(1), values.shape(1));
            }
            const py::ssize_t n = values.shape(1);
            Array<double> value(n), variance(n), gain(n);
            Array<bool> crossed(n);
            const auto y = view(values);
            const auto spread = variances ? view(*variances) : std::span<const double>();
            const auto out = std::tuple(mutable_view(value), mutable_view(variance), mutable_view(gain));
            static_assert(sizeof(bool) == sizeof(std::uint8_t));
            const std::span<std::uint8_t> flags(reinterpret_cast<std::uint8_t*>(crossed.mutable_data()),
                                                static_cast<std::size_t>(n));
            {
              const py::gil_scoped_release unlocked;
              extrapolate_many(self, scales, y, spread, std::get<0>(out), std::get<1>(out), std::get<2>(out),
                               flags, num_threads);
            }
            return std::tuple(value, variance, gain, crossed);
          },
          "scales"_a, "values"_a.noconvert(), "variances"_a.noconvert(), "num_threads"_a = 0);
}

}  // namespace nonideal::bindings
