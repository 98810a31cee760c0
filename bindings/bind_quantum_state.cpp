#include <pybind11/complex.h>
#include <pybind11/stl.h>

#include <cmath>
#include <complex>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "nonideal/quantum/density.hpp"
#include "nonideal/quantum/statevector.hpp"
#include "nonideal/quantum/trajectories.hpp"
#include "quantum_names.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::quantum;

namespace {

enum class Dense { statevector, density_matrix };
constexpr Names<Dense, 2> kDense{
    {{"statevector", Dense::statevector}, {"density_matrix", Dense::density_matrix}}};

/// (x mask, z mask) of a Pauli string.
using Masks = std::pair<std::uint64_t, std::uint64_t>;

/// The rows of a table of parameters, one per circuit.
class Rows {
 public:
  Rows(const Array<double>& parameters, const Circuit& circuit) {
    expect_ndim("parameters", parameters, 2);
    expect_length("parameters", parameters.shape(1), circuit.n_parameters());
    size = static_cast<std::size_t>(parameters.shape(0));
    width_ = static_cast<std::size_t>(parameters.shape(1));
    all_ = view(parameters);
  }
  std::span<const double> operator[](std::size_t row) const { return all_.subspan(row * width_, width_); }

  std::int64_t count() const { return static_cast<std::int64_t>(size); }

  std::size_t size = 0;

 private:
  std::size_t width_ = 0;
  std::span<const double> all_;
};

/// Refused by its number of qubits where not even one state fits into memory: before the table of results is.
void expect_state(const Circuit& circuit, bool density, bool single) {
  const double number = single ? sizeof(float) : sizeof(double);
  const int n = circuit.n_qubits();
  expect_memory(n, density ? number * std::ldexp(1.0, 2 * n) : 2.0 * number * std::ldexp(1.0, n));
}

void expect_noiseless(const NoiseModel& noise) {
  if (noise.uniform() || !noise.entries().empty()) {
    throw InvalidArgument("noise: method = 'statevector' has no noisy gates; choose density_matrix");
  }
}

/// 2^n, or 0 where an array of so many elements has no chance: the memory is checked before it is used.
std::size_t dimension(const Circuit& circuit) { return std::size_t{1} << circuit.n_qubits(); }

template <class Real>
py::array amplitudes(const Circuit& circuit, const Array<double>& parameters, int num_threads) {
  const Rows rows(parameters, circuit);
  const std::size_t side = dimension(circuit);
  if (rows.size == 1) {  // the state's own memory, in large pages, becomes the array's
    std::unique_ptr<StateVector<Real>> state;
    {
      const py::gil_scoped_release release;
      state = std::make_unique<StateVector<Real>>(circuit.n_qubits());
      state->apply(circuit, rows[0], num_threads);
    }
    auto* const data = const_cast<std::complex<Real>*>(state->amplitudes().data());
    const py::capsule owner(state.release(),
                            [](void* held) { delete static_cast<StateVector<Real>*>(held); });
    return Array<std::complex<Real>>({std::size_t{1}, side}, data, owner);
  }
  auto out = new_array<std::complex<Real>>({rows.count(), std::int64_t{1} << circuit.n_qubits()});
  const auto memory = mutable_view(out);
  {
    const py::gil_scoped_release release;
    for (std::size_t i = 0; i < rows.size; ++i) {
      StateVector<Real>(circuit.n_qubits(), memory.subspan(i * side, side), num_threads)
          .apply(circuit, rows[i], num_threads);
    }
  }
  return out;
}

template <class Real>
double traffic(const Circuit& circuit, const Array<double>& parameters) {
  const Rows rows(parameters, circuit);
  const py::gil_scoped_release release;
  const StateVector<Real> start(circuit.n_qubits());
  double bytes = 0.0;
  for (std::size_t i = 0; i < rows.size; ++i) bytes += start.traffic(circuit, rows[i]);
  return bytes;
}

template <class Real>
py::array densities(const Circuit& circuit, const NoiseModel& noise, const Array<double>& parameters,
                    int num_threads) {
  const Rows rows(parameters, circuit);
  expect_memory(circuit.n_qubits(), 3.0 * sizeof(Real) * std::ldexp(1.0, 2 * circuit.n_qubits()));
  const std::size_t side = dimension(circuit);
  const auto length = static_cast<std::int64_t>(side);
  auto out = new_array<std::complex<Real>>({rows.count(), length, length});
  const auto memory = mutable_view(out);
  {
    const py::gil_scoped_release release;
    for (std::size_t i = 0; i < rows.size; ++i) {
      PauliState<Real>(circuit.n_qubits())
          .apply(circuit, noise, rows[i], num_threads)
          .density_matrix(memory.subspan(i * side * side, side * side));
    }
  }
  return out;
}

/// Runs every circuit and hands its final state to `read(state, row)`.
template <class Real, class Read>
void for_states(const Circuit& circuit, const NoiseModel& noise, const Rows& rows, Dense method,
                int num_threads, const Read& read) {
  const py::gil_scoped_release release;
  if (method == Dense::statevector) expect_noiseless(noise);
  for (std::size_t i = 0; i < rows.size; ++i) {
    if (method == Dense::statevector) {
      read(StateVector<Real>(circuit.n_qubits()).apply(circuit, rows[i], num_threads), i);
    } else {
      read(PauliState<Real>(circuit.n_qubits()).apply(circuit, noise, rows[i], num_threads), i);
    }
  }
}

template <class Read>
void for_states(const Circuit& circuit, const NoiseModel& noise, const Rows& rows, const std::string& method,
                bool single, int num_threads, const Read& read) {
  const Dense chosen = named(kDense, "method", method);
  if (single) {
    for_states<float>(circuit, noise, rows, chosen, num_threads, read);
  } else {
    for_states<double>(circuit, noise, rows, chosen, num_threads, read);
  }
}

template <class Real>
std::vector<double> probabilities_of(const StateVector<Real>& state, const std::vector<int>& qubits,
                                     int num_threads) {
  return state.probabilities(qubits, num_threads);
}
template <class Real>
double expectation_of(const StateVector<Real>& state, const Masks& term, int num_threads) {
  return state.expectation(term.first, term.second, num_threads);
}
// In the Pauli basis both are look-ups.
template <class Real>
std::vector<double> probabilities_of(const PauliState<Real>& state, const std::vector<int>& qubits, int) {
  return state.probabilities(qubits);
}
template <class Real>
double expectation_of(const PauliState<Real>& state, const Masks& term, int) {
  return state.expectation(term.first, term.second);
}

Array<double> probabilities(const Circuit& circuit, const NoiseModel& noise, const Array<double>& parameters,
                            const std::vector<int>& qubits, const std::string& method, bool single,
                            int num_threads) {
  const Rows rows(parameters, circuit);
  if (qubits.size() > static_cast<std::size_t>(circuit.n_qubits())) {
    throw InvalidArgument("qubits: expected at most " + std::to_string(circuit.n_qubits()) + ", got " +
                          std::to_string(qubits.size()));
  }
  expect_state(circuit, named(kDense, "method", method) == Dense::density_matrix, single);
  const std::size_t outcomes = std::size_t{1} << qubits.size();
  auto out = new_array<double>({rows.count(), static_cast<std::int64_t>(outcomes)});
  const auto table = mutable_view(out);
  for_states(circuit, noise, rows, method, single, num_threads, [&](const auto& state, std::size_t row) {
    const std::vector<double> found = probabilities_of(state, qubits, num_threads);
    std::copy(found.begin(), found.end(), table.begin() + static_cast<std::ptrdiff_t>(row * outcomes));
  });
  return out;
}

Array<double> expectations(const Circuit& circuit, const NoiseModel& noise, const Array<double>& parameters,
                           const std::vector<Masks>& terms, const std::string& method, bool single,
                           int num_threads) {
  const Rows rows(parameters, circuit);
  expect_state(circuit, named(kDense, "method", method) == Dense::density_matrix, single);
  auto out = new_array<double>({rows.count(), static_cast<std::int64_t>(terms.size())});
  const auto table = mutable_view(out);
  for_states(circuit, noise, rows, method, single, num_threads, [&](const auto& state, std::size_t row) {
    for (std::size_t t = 0; t < terms.size(); ++t) {
      table[row * terms.size() + t] = expectation_of(state, terms[t], num_threads);
    }
  });
  return out;
}

TrajectoryOptions options_of(std::int64_t shots, std::uint64_t seed, std::uint64_t stream,
                             std::int64_t offset, std::size_t row, int num_threads) {
  return {.shots = shots,
          .seed = seed,
          .stream = stream,
          .circuit = offset + static_cast<std::int64_t>(row),
          .num_threads = num_threads};
}

Array<std::int64_t> counts(const Circuit& circuit, const NoiseModel& noise, const Array<double>& parameters,
                           const std::vector<int>& qubits, std::int64_t shots, std::uint64_t seed,
                           std::uint64_t stream, std::int64_t offset, int num_threads) {
  const Rows rows(parameters, circuit);
  if (qubits.size() > static_cast<std::size_t>(circuit.n_qubits())) {
    throw InvalidArgument("qubits: expected at most " + std::to_string(circuit.n_qubits()) + ", got " +
                          std::to_string(qubits.size()));
  }
  expect_state(circuit, false, false);
  const std::size_t outcomes = std::size_t{1} << qubits.size();
  auto out = new_array<std::int64_t>({rows.count(), static_cast<std::int64_t>(outcomes)});
  const auto table = mutable_view(out);
  {
    const py::gil_scoped_release release;
    for (std::size_t i = 0; i < rows.size; ++i) {
      trajectory_counts(circuit, noise, rows[i], qubits,
                        options_of(shots, seed, stream, offset, i, num_threads),
                        table.subspan(i * outcomes, outcomes));
    }
  }
  return out;
}

std::tuple<Array<double>, Array<double>> trajectory_means(const Circuit& circuit, const NoiseModel& noise,
                                                          const Array<double>& parameters,
                                                          const std::vector<Masks>& terms, std::int64_t shots,
                                                          std::uint64_t seed, std::uint64_t stream,
                                                          std::int64_t offset, int num_threads) {
  const Rows rows(parameters, circuit);
  auto means = new_array<double>({rows.count(), static_cast<std::int64_t>(terms.size())}, 2);
  auto variances = new_array<double>({rows.count(), static_cast<std::int64_t>(terms.size())});
  const auto mean = mutable_view(means), variance = mutable_view(variances);
  {
    const py::gil_scoped_release release;
    for (std::size_t i = 0; i < rows.size; ++i) {
      trajectory_expectation(
          circuit, noise, rows[i], terms, options_of(shots, seed, stream, offset, i, num_threads),
          mean.subspan(i * terms.size(), terms.size()), variance.subspan(i * terms.size(), terms.size()));
    }
  }
  return {std::move(means), std::move(variances)};
}

}  // namespace

void bind_quantum_state(py::module_ m) {
  m.def(
      "statevector",
      [](const Circuit& circuit, const Array<double>& parameters, bool single, int num_threads) {
        return single ? amplitudes<float>(circuit, parameters, num_threads)
                      : amplitudes<double>(circuit, parameters, num_threads);
      },
      "circuit"_a, "parameters"_a.noconvert(), "single"_a = false, "num_threads"_a = 0);
  m.def(
      "statevector_traffic",
      [](const Circuit& circuit, const Array<double>& parameters, bool single) {
        return single ? traffic<float>(circuit, parameters) : traffic<double>(circuit, parameters);
      },
      "circuit"_a, "parameters"_a.noconvert(), "single"_a = false);
  m.def(
      "density_matrix",
      [](const Circuit& circuit, const NoiseModel& noise, const Array<double>& parameters, bool single,
         int num_threads) {
        return single ? densities<float>(circuit, noise, parameters, num_threads)
                      : densities<double>(circuit, noise, parameters, num_threads);
      },
      "circuit"_a, "noise"_a, "parameters"_a.noconvert(), "single"_a = false, "num_threads"_a = 0);
  m.def("probabilities_dense", &probabilities, "circuit"_a, "noise"_a, "parameters"_a.noconvert(), "qubits"_a,
        "method"_a, "single"_a = false, "num_threads"_a = 0);
  m.def("expectation_dense", &expectations, "circuit"_a, "noise"_a, "parameters"_a.noconvert(), "terms"_a,
        "method"_a, "single"_a = false, "num_threads"_a = 0);
  m.def("trajectory_counts", &counts, "circuit"_a, "noise"_a, "parameters"_a.noconvert(), "qubits"_a,
        "shots"_a, "seed"_a, "stream"_a = 0, "offset"_a = 0, "num_threads"_a = 0);
  m.def("trajectory_expectation", &trajectory_means, "circuit"_a, "noise"_a, "parameters"_a.noconvert(),
        "terms"_a, "shots"_a, "seed"_a, "stream"_a = 0, "offset"_a = 0, "num_threads"_a = 0);
}

}  // namespace nonideal::bindings
