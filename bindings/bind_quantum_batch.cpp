#include <pybind11/stl.h>

#include <cstdint>
#include <tuple>
#include <vector>

#include "arrays.hpp"
#include "nonideal/quantum/program.hpp"
#include "nonideal/quantum/sampling.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::quantum;

namespace {

/// (coefficient, x mask, z mask).
using TermTuple = std::tuple<double, std::uint64_t, std::uint64_t>;

Program compile_terms(const Circuit& circuit, const NoiseModel& noise,
                      const std::vector<std::vector<TermTuple>>& observables, std::int64_t max_instructions) {
  std::vector<Observable> all;
  for (const auto& terms : observables) {
    Observable observable;
    for (const auto& [coefficient, x, z] : terms) observable.push_back({coefficient, x, z});
    all.push_back(std::move(observable));
  }
  const py::gil_scoped_release release;
  return compile(circuit, noise, all, {.max_instructions = max_instructions});
}

Array<double> run_program(const Program& program, const Array<double>& parameters, int num_threads) {
  expect_ndim("parameters", parameters, 2);
  expect_length("parameters", parameters.shape(1), program.n_parameters());
  auto out = new_array<double>({parameters.shape(0), program.n_outputs()});
  const auto angles = view(parameters);
  const auto values = mutable_view(out);
  {
    const py::gil_scoped_release release;
    run(program, angles, values, num_threads);
  }
  return out;
}

SamplingOptions options_of(std::int64_t shots, std::uint64_t seed, std::uint64_t stream, std::int64_t offset,
                           int num_threads) {
  return {.shots = shots, .seed = seed, .stream = stream, .offset = offset, .num_threads = num_threads};
}

Array<std::int64_t> binomial(const Array<double>& probabilities, std::int64_t shots, std::uint64_t seed,
                             std::uint64_t stream, std::int64_t offset, int num_threads) {
  expect_ndim("probabilities", probabilities, 1);
  auto counts = new_array<std::int64_t>({probabilities.shape(0)});
  const auto given = view(probabilities);
  const auto drawn = mutable_view(counts);
  {
    const py::gil_scoped_release release;
    sample_binomial(given, options_of(shots, seed, stream, offset, num_threads), drawn);
  }
  return counts;
}

Array<std::int64_t> multinomial(const Array<double>& probabilities, std::int64_t shots, std::uint64_t seed,
                                std::uint64_t stream, std::int64_t offset, int num_threads) {
  expect_ndim("probabilities", probabilities, 2);
  auto counts = new_array<std::int64_t>({probabilities.shape(0), probabilities.shape(1)});
  const auto outcomes = static_cast<std::int64_t>(probabilities.shape(1));
  const auto given = view(probabilities);
  const auto drawn = mutable_view(counts);
  {
    const py::gil_scoped_release release;
    sample_multinomial(given, outcomes, options_of(shots, seed, stream, offset, num_threads), drawn);
  }
  return counts;
}

Array<double> frequency_variances(const Array<double>& frequencies, std::int64_t shots) {
  expect_ndim("frequencies", frequencies, 1);
  auto out = new_array<double>({frequencies.shape(0)});
  const auto given = view(frequencies);
  const auto variances = mutable_view(out);
  for (std::size_t i = 0; i < given.size(); ++i) variances[i] = frequency_variance(given[i], shots);
  return out;
}

}  // namespace

void bind_quantum_batch(py::module_ m) {
  py::class_<Program>(m, "Program")
      .def_property_readonly("n_parameters", &Program::n_parameters)
      .def_property_readonly("n_outputs", &Program::n_outputs)
      .def_property_readonly("instruction_count", &Program::instruction_count)
      .def("run", &run_program, "parameters"_a.noconvert(), py::kw_only(), "num_threads"_a = 0);
  m.def("compile", &compile_terms, "circuit"_a, "noise"_a, "observables"_a,
        "max_instructions"_a = CompileOptions().max_instructions);
  m.attr("MAX_SHOTS") = kMaxShots;
  m.def("sample_binomial", &binomial, "probabilities"_a.noconvert(), py::kw_only(), "shots"_a, "seed"_a,
        "stream"_a = 0, "offset"_a = 0, "num_threads"_a = 0);
  m.def("frequency_variance", &frequency_variances, "frequencies"_a.noconvert(), py::kw_only(), "shots"_a);
  m.def("sample_multinomial", &multinomial, "probabilities"_a.noconvert(), py::kw_only(), "shots"_a, "seed"_a,
        "stream"_a = 0, "offset"_a = 0, "num_threads"_a = 0);
}

}  // namespace nonideal::bindings
