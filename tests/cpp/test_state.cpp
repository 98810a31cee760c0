#include <cmath>
#include <complex>
#include <numbers>
#include <utility>
#include <vector>

#include "check.hpp"
#include "nonideal/quantum/density.hpp"
#include "nonideal/quantum/readout.hpp"
#include "nonideal/quantum/statevector.hpp"
#include "nonideal/quantum/trajectories.hpp"

namespace {

using namespace nonideal::quantum;

Circuit ghz(int n) {
  Circuit circuit(n);
  circuit.add(Gate::h, {0});
  for (int q = 1; q < n; ++q) circuit.add(Gate::cx, {q - 1, q});
  return circuit;
}

/// (|0...0> + |1...1>) / sqrt 2: amplitudes, parities, probabilities, for tiny states and several tiles.
template <class Real>
void ghz_states(double tolerance) {
  for (const int n : {1, 2, 3, 5, 9, 16, 20}) {
    StateVector<Real> state(n);
    state.apply(ghz(n));
    StateVector<Real> stepwise(n);  // gates one at a time: which qubits are idle is remembered
    for (int q = 0; q < n; ++q) {
      Circuit gate(n);
      q == 0 ? gate.add(Gate::h, {0}) : gate.add(Gate::cx, {q - 1, q});
      stepwise.apply(gate);
    }
    CHECK(std::abs(static_cast<double>(stepwise.amplitudes().back().real()) - 1.0 / std::numbers::sqrt2) <
          tolerance);
    const auto a = state.amplitudes();
    const double half = 1.0 / std::numbers::sqrt2;
    CHECK(std::abs(static_cast<double>(a.front().real()) - half) < tolerance);
    CHECK(std::abs(static_cast<double>(a.back().real()) - half) < tolerance);
    double rest = 0.0;
    for (std::size_t i = 1; i + 1 < a.size(); ++i) rest += static_cast<double>(std::norm(a[i]));
    CHECK(rest < tolerance);
    const std::uint64_t all = (std::uint64_t{1} << n) - 1;
    CHECK(std::abs(state.expectation(all, 0) - 1.0) < 2 * tolerance);
    CHECK(std::abs(state.expectation(0, 1)) < tolerance);
    const std::vector<int> ends = n == 1 ? std::vector<int>{0} : std::vector<int>{n - 1, 0};
    const auto p = state.probabilities(ends);
    CHECK(std::abs(p.front() - 0.5) < tolerance);
    CHECK(std::abs(p.back() - 0.5) < tolerance);
    if (n > 9) continue;
    PauliState<Real> mixed(n);
    mixed.apply(ghz(n), NoiseModel());
    CHECK(std::abs(mixed.expectation(all, 0) - 1.0) < 2 * tolerance);
    const auto q = mixed.probabilities(ends);
    CHECK(std::abs(q.back() - 0.5) < tolerance);
  }
}

/// Depolarised Bell pair: <Z Z> = (1 - p2), Y Y its negative; H's noise does nothing to it.
void depolarised_pair() {
  const NoiseModel noise = NoiseModel::depolarizing(0.25, 0.5);
  PauliState<double> state(2);
  state.apply(ghz(2), noise);
  CHECK(std::abs(state.expectation(0, 3) - 0.5) < 1e-15);
  CHECK(std::abs(state.expectation(3, 3) + 0.5 * 0.75) < 1e-15);
  std::vector<std::complex<double>> rho(16);
  state.density_matrix(rho);
  CHECK(std::abs(rho[0] - 0.375) < 1e-15);
  CHECK(std::abs(rho[3] - 0.5 * 0.5 * 0.75) < 1e-15);

  const std::vector<int> both = {0, 1};
  std::vector<std::int64_t> counts(4), again(4);
  TrajectoryOptions options{.shots = 20'000, .seed = 3};
  trajectory_counts(ghz(2), noise, {}, both, options, counts);
  CHECK(std::abs(static_cast<double>(counts[0] + counts[3]) - 15'000) < 5 * std::sqrt(20'000 * 0.75 * 0.25));
  options.num_threads = 3;
  trajectory_counts(ghz(2), noise, {}, both, options, again);
  CHECK(counts == again);
}

void readout() {
  NoiseModel noise;
  noise.add_readout({.p0_given_1 = 0.25, .p1_given_0 = 0.125}, 1);
  std::vector<double> p = {0.5, 0.0, 0.5, 0.0};  // qubits 1 and 0: qubit 1 is the lowest bit
  const std::vector<int> qubits = {1, 0};
  apply_readout(p, qubits, noise);
  CHECK(p == std::vector<double>({0.4375, 0.0625, 0.4375, 0.0625}));
  const std::vector<int> one = {1};
  CHECK_REFUSED("probabilities: expected 2 numbers, got 4", apply_readout(p, one, noise));
}

void refusals() {
  CHECK_REFUSED("n_qubits = 0 is outside [1, 62]", StateVector<double>(0));
  CHECK_REFUSED("n_qubits = 63 is outside [1, 62]", PauliState<float>(63));
  CHECK_REFUSED("circuit: expected 2 qubits, got 3", StateVector<double>(2).apply(ghz(3)));
  const std::vector<double> surplus = {1.0};
  CHECK_REFUSED("parameters: expected 0 numbers, got 1", StateVector<double>(2).apply(ghz(2), surplus));
  CHECK_REFUSED("circuit: expected 2 qubits, got 3", StateVector<double>(2).traffic(ghz(3)));
  std::vector<std::complex<double>> memory(3);
  CHECK_REFUSED("memory: expected 4 amplitudes, got 3", StateVector<double>(2, memory));
  CHECK_REFUSED("out: expected 16 elements, got 3", PauliState<double>(2).density_matrix(memory));
}

}  // namespace

int main() {
  return check::run([] {
    ghz_states<double>(1e-14);
    ghz_states<float>(1e-6);
    depolarised_pair();
    readout();
    refusals();
  });
}
