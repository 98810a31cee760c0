#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "check.hpp"
#include "nonideal/quantum/circuit.hpp"
#include "nonideal/quantum/noise.hpp"

namespace {

using namespace nonideal::quantum;
using Complex = std::complex<double>;

constexpr std::array kAngles = {0.7, -1.9, 3.1};
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::span<const double> angles_of(const GateInfo& gate) {
  return std::span(kAngles).first(static_cast<std::size_t>(gate.angles));
}

std::size_t side(std::size_t elements) {
  std::size_t n = 1;
  while (n * n < elements) n *= 2;
  return n;
}

template <class T>
std::vector<T> product(const std::vector<T>& a, const std::vector<T>& b) {
  const std::size_t n = side(a.size());
  std::vector<T> out(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      for (std::size_t j = 0; j < n; ++j) out[i * n + j] += a[i * n + k] * b[k * n + j];
    }
  }
  return out;
}

template <class T>
double distance_to_identity(const std::vector<T>& matrix) {
  const std::size_t n = side(matrix.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j)
      largest = std::max(largest, std::abs(matrix[i * n + j] - (i == j ? 1.0 : 0.0)));
  }
  return largest;
}

/// A circuit with one gate of the table, on qubits 2, 0, 1.
Circuit one_gate(const GateInfo& gate) {
  Circuit circuit(3);
  constexpr std::array on = {2, 0, 1};
  std::vector<Angle> angles(angles_of(gate).begin(), angles_of(gate).end());
  return circuit.add(gate.gate, std::span(on).first(static_cast<std::size_t>(gate.qubits)), angles);
}

void gate_table_holds_together() {
  CHECK_EQUAL(gate_table().size(), std::size_t{kGates});
  for (const GateInfo& gate : gate_table()) {
    CHECK(gate_of(gate.name) == gate.gate);
    CHECK(&info(gate.gate) == &gate);
    CHECK(info(gate.inverse).inverse == gate.gate);
    CHECK_EQUAL(info(gate.inverse).qubits, gate.qubits);
    CHECK_EQUAL(info(gate.inverse).angles, gate.angles);
    if (gate.qubits == 0) continue;
    const Matrix matrix = gate_matrix(gate.gate, angles_of(gate));
    CHECK_EQUAL(matrix.size(), std::size_t{1} << (2 * gate.qubits));
    const Circuit inverse = one_gate(gate).inverse();
    if (gate.inverse_rule == InverseRule::several) {
      CHECK(inverse.instructions().size() > 1);
    } else {
      CHECK_EQUAL(inverse.instructions().size(), std::size_t{1});
      const Matrix undone = product(matrix, matrix_of(inverse, inverse.instructions()[0]));
      CHECK(distance_to_identity(undone) < 1e-14);
      // The transfer matrix is orthogonal, and that of a product is the product.
      const auto transfer = pauli_transfer_matrix(matrix);
      const auto back = pauli_transfer_matrix(matrix_of(inverse, inverse.instructions()[0]));
      CHECK(distance_to_identity(product(transfer, back)) < 1e-14);
    }
    const Circuit parts = one_gate(gate).decomposed();
    for (const Instruction& part : parts.instructions())
      CHECK(info(part.gate).qubits == 1 || part.gate == Gate::cx);
  }
  CHECK_REFUSED("gate = 'barrier' has no matrix of its own", gate_matrix(Gate::barrier));
  CHECK_REFUSED("angles: expected 1 angles, got 0", gate_matrix(Gate::rx));
}

void qubit_zero_is_the_lowest_bit() {
  const Matrix cx = gate_matrix(Gate::cx);  // control: bit 0
  for (std::size_t column = 0; column < 4; ++column) {
    const std::size_t row = column & 1 ? column ^ 2 : column;
    for (std::size_t i = 0; i < 4; ++i) CHECK(cx[i * 4 + column] == Complex(i == row ? 1.0 : 0.0));
  }
  const auto x_first = Channel::pauli(std::array{std::pair<std::string, double>{"IX", 0.25}});
  CHECK_EQUAL(x_first.pauli_transfer_matrix()[3 * 16 + 3], 0.5);    // Z on the first qubit
  CHECK_EQUAL(x_first.pauli_transfer_matrix()[12 * 16 + 12], 1.0);  // Z on the second
}

void parameters_and_inverses() {
  Circuit circuit(2);
  circuit.add(Gate::u, {0}, {Angle(1, 2.0, 0.5), Angle(0.25), Angle(0, 1.0)})
      .add(Gate::cp, {1, 0}, {{0, -1.0}});
  CHECK_EQUAL(circuit.n_parameters(), 2);
  CHECK(circuit.instructions()[0].parametric());
  const Circuit inverse = circuit.inverse();
  CHECK(inverse.instructions()[1].angles[0] == Angle(1, -2.0, -0.5));
  CHECK(inverse.instructions()[1].angles[1] == Angle(0, -1.0, -0.0));
  CHECK(inverse.instructions()[1].angles[2] == Angle(-0.25));
  CHECK_EQUAL(inverse.n_parameters(), 2);
  CHECK_EQUAL(Angle(1, 2.0, 0.5).value(std::array{9.0, 3.0}), 6.5);
  CHECK_EQUAL(circuit.depth(), 2);
  CHECK_EQUAL(circuit.add(Gate::barrier, {}).depth(), 2);
  CHECK_EQUAL(circuit.compose(circuit).instructions().size(), std::size_t{6});
  CHECK_EQUAL(Circuit(3).add(Gate::ccx, {0, 1, 2}).decomposed().instructions().size(), std::size_t{15});
}

void refused_circuits() {
  CHECK_REFUSED("n_qubits = 0 is outside [1, 62]", Circuit(0));
  CHECK_REFUSED("n_qubits = 63 is outside [1, 62]", Circuit(63));
  CHECK_REFUSED("qubit of 'h' = 2 is outside [0, 1]", Circuit(2).add(Gate::h, {2}));
  CHECK_REFUSED("qubits of 'cx': 1 is named twice", Circuit(2).add(Gate::cx, {1, 1}));
  CHECK_REFUSED("'cx': expected 2 qubits, got 1", Circuit(2).add(Gate::cx, {1}));
  CHECK_REFUSED("'rx': expected 1 angles, got 0", Circuit(2).add(Gate::rx, {1}));
  CHECK_REFUSED("angle of 'rx' = nan is not finite", Circuit(2).add(Gate::rx, {1}, {kNaN}));
  CHECK_REFUSED("angle of 'rx' = 1e+16 is outside [-2^52, 2^52]", Circuit(2).add(Gate::rx, {1}, {1e16}));
  CHECK_REFUSED("angle of 'rx' = inf is not finite", Circuit(2).add(Gate::rx, {1}, {Angle(0, kInfinity)}));
  CHECK_REFUSED("parameter of 'rx' = -2 is outside [-1, 1048576]",
                Circuit(2).add(Gate::rx, {1}, {Angle(-2, 1.0)}));
  CHECK_REFUSED("gate = 'unitary' needs its matrix: call unitary()", Circuit(1).add(Gate::unitary, {0}));
  CHECK_REFUSED("matrix of 'unitary' is not unitary: |U U^dagger - 1| > 1e-8",
                Circuit(1).unitary({1, 1, 0, 1}, std::array{0}));
  CHECK_REFUSED("matrix of 'unitary' is not unitary: |U U^dagger - 1| > 1e-8",
                Circuit(1).unitary({kNaN, 0, 0, 1}, std::array{0}));
  CHECK_REFUSED("matrix of 'unitary': expected 16 elements, got 4",
                Circuit(2).unitary({1, 0, 0, 1}, std::array{0, 1}));
  CHECK_REFUSED("gate = 'x' follows a measurement; measure last",
                Circuit(1).measure(std::array{0}).add(Gate::x, {0}));
  CHECK_REFUSED("qubit of 'measure' = 0 is measured already", Circuit(1).measure(std::array{0, 0}));
  CHECK_REFUSED("a circuit with measurements has no inverse", Circuit(1).measure(std::array{0}).inverse());
  CHECK_REFUSED("other: expected 1 qubits, got 2", Circuit(1).compose(Circuit(2)));
}

void channels() {
  const Channel damping = Channel::amplitude_damping(0.36);
  const Channel twice = damping.then(damping);
  const Channel power = damping.power(2.0);
  for (std::size_t i = 0; i < 16; ++i)
    CHECK(std::abs(power.pauli_transfer_matrix()[i] - twice.pauli_transfer_matrix()[i]) < 1e-15);
  CHECK(!damping.diagonal());
  const std::array<Matrix, 2> kraus = {Matrix{1, 0, 0, 0.8}, Matrix{0, 0.6, 0, 0}};
  const Channel same = Channel::kraus(kraus);
  for (std::size_t i = 0; i < 16; ++i)
    CHECK(std::abs(same.pauli_transfer_matrix()[i] - damping.pauli_transfer_matrix()[i]) < 1e-15);
  const Channel none = Channel::depolarizing(0.5).power(0.0);
  const auto nothing = none.pauli_transfer_matrix();
  CHECK(distance_to_identity(std::vector<double>(nothing.begin(), nothing.end())) == 0.0);
  CHECK_EQUAL(damping.tensor(damping).n_qubits(), 2);
  for (const Convention convention :
       {Convention::qiskit, Convention::qpanda, Convention::pyqpanda3, Convention::cirq}) {
    const Channel two = Channel::depolarizing(0.1, 2, convention);
    CHECK(two.diagonal());
    CHECK(commutes(two, Gate::cx) == (convention != Convention::pyqpanda3));
    CHECK(commutes(Channel::depolarizing(0.1, 1, convention), Gate::u));
  }
  CHECK_REFUSED("p = 1.34 is outside [0, 1.3333333333333333]", Channel::depolarizing(1.34));
  CHECK_REFUSED("p = nan is outside [0, 1.3333333333333333]", Channel::depolarizing(kNaN));
  CHECK_REFUSED("t2 = 3 is above 2 t1 = 2", Channel::thermal_relaxation(1, 3, 1));
  CHECK_REFUSED("scale = 1.5 is not a whole number; only Pauli channels have other powers",
                damping.power(1.5));
  CHECK_REFUSED("matrix is not completely positive: its Choi matrix has a negative eigenvalue",
                Channel::from_pauli_transfer_matrix({1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1}));
  CHECK_REFUSED("matrix does not preserve the trace: its first row is not 1, 0, ..., 0",
                Channel::from_pauli_transfer_matrix(std::vector<double>(16, 0.0)));
}

void noise_models() {
  const NoiseModel uniform = NoiseModel::depolarizing(0.1, 0.2);
  const Circuit circuit = Circuit(3).add(Gate::h, {0}).add(Gate::cx, {0, 1}).add(Gate::ccx, {0, 1, 2});
  CHECK_EQUAL(uniform.find(circuit.instructions()[0])->pauli_transfer_matrix()[5], 0.9);
  CHECK_EQUAL(uniform.find(circuit.instructions()[1])->n_qubits(), 2);
  CHECK_REFUSED(
      "gate = 'ccx' acts on 3 qubits, and this noise model knows gates on 1 and 2: call circuit.decomposed()",
      uniform.find(circuit.instructions()[2]));
  NoiseModel model;
  CHECK(model.empty());
  CHECK(model.find(circuit.instructions()[0]) == nullptr);
  const Channel flip = Channel::pauli(std::array{std::pair<std::string, double>{"X", 0.25}});
  model.add(flip, Gate::h).add(Channel::identity(1), Gate::h, std::vector<int>{1});
  const Circuit both = Circuit(2).add(Gate::h, {0}).add(Gate::h, {1});
  CHECK_EQUAL(model.find(both.instructions()[0])->pauli_transfer_matrix()[15], 0.5);
  CHECK_EQUAL(model.find(both.instructions()[1])->pauli_transfer_matrix()[15], 1.0);
  CHECK_EQUAL(model.scaled(2).find(both.instructions()[0])->pauli_transfer_matrix()[15], 0.25);
  CHECK_EQUAL(NoiseModel(model)
                  .set_uniform(flip, Channel::identity(2))
                  .scaled(2)
                  .uniform()
                  ->first.pauli_transfer_matrix()[15],
              0.25);
  model.add_readout({0.1, 0.2}).add_readout({0.3, 0.4}, 1);
  CHECK_EQUAL(model.readout(0).p1_given_0, 0.2);
  CHECK_EQUAL(model.readout(1).p0_given_1, 0.3);
  CHECK_EQUAL(power_obstacle(circuit, NoiseModel()), "");
  CHECK_EQUAL(power_obstacle(Circuit(2).add(Gate::cx, {0, 1}),
                             NoiseModel::depolarizing(0.1, 0.1, Convention::pyqpanda3)),
              "the channel of 'cx' does not commute with it");
  CHECK_EQUAL(power_obstacle(Circuit(2).add(Gate::iswap, {0, 1}), uniform),
              "the inverse of 'iswap' is not one gate");
  CHECK_EQUAL(power_obstacle(Circuit(2).add(Gate::iswap, {0, 1}), model), "");  // noise on h alone
  NoiseModel itself;  // the gate is noisy, the gates that undo it are not: a fold is no odd power
  itself.add(Channel::depolarizing(0.01, 2), Gate::iswap);
  CHECK_EQUAL(power_obstacle(Circuit(2).add(Gate::iswap, {0, 1}), itself),
              "the inverse of 'iswap' is not one gate");
  CHECK_REFUSED("channel on 1 qubits does not fit 'cx' on 2", model.add(flip, Gate::cx));
  CHECK_REFUSED("qubits of 'cx': 1 is named twice",
                model.add(Channel::identity(2), Gate::cx, std::vector<int>{1, 1}));
  CHECK_REFUSED("two: number of qubits = 1 is outside [2, 2]", model.set_uniform(flip, flip));
  CHECK_REFUSED("p0_given_1 = nan is outside [0, 1]", model.add_readout({kNaN, 0.0}));
}

}  // namespace

int main() {
  return check::run([] {
    gate_table_holds_together();
    qubit_zero_is_the_lowest_bit();
    parameters_and_inverses();
    refused_circuits();
    channels();
    noise_models();
  });
}
