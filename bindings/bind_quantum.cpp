#include <pybind11/complex.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <complex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "arrays.hpp"
#include "nonideal/quantum/circuit.hpp"
#include "nonideal/quantum/noise.hpp"
#include "quantum_names.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::quantum;

namespace {

using ComplexArray = Array<std::complex<double>>;

/// (index of a parameter or -1, factor, offset), or a constant.
using AngleTuple = std::tuple<int, double, double>;
using AngleArgument = std::variant<AngleTuple, double>;

/// (name, qubits, angles, matrix of a unitary or None).
using InstructionTuple =
    std::tuple<std::string, std::vector<int>, std::vector<AngleTuple>, std::optional<ComplexArray>>;

/// (gate, qubits or None for all, channel).
using EntryTuple = std::tuple<std::string, std::optional<std::vector<int>>, Channel>;

/// (qubit or None for all others, p0_given_1, p1_given_0).
using ReadoutTuple = std::tuple<std::optional<int>, double, double>;

std::vector<Angle> angles_from(const std::vector<AngleArgument>& arguments) {
  std::vector<Angle> angles;
  for (const AngleArgument& argument : arguments) {
    if (const auto* linear = std::get_if<AngleTuple>(&argument)) {
      const auto& [parameter, factor, offset] = *linear;
      angles.emplace_back(parameter, factor, offset);
    } else {
      angles.emplace_back(std::get<double>(argument));
    }
  }
  return angles;
}

std::size_t side_of(const char* name, const ComplexArray& array) {
  expect_ndim(name, array, 2);
  expect_length(name, array.shape(1), array.shape(0));
  return static_cast<std::size_t>(array.shape(0));
}

Matrix matrix_from(const char* name, const ComplexArray& array) {
  side_of(name, array);
  const auto elements = view(array);
  return {elements.begin(), elements.end()};
}

template <class T>
Array<T> square(std::span<const T> elements) {
  py::ssize_t side = 1;
  while (side * side < static_cast<py::ssize_t>(elements.size())) side *= 2;
  return Array<T>({side, side}, elements.data());
}

std::vector<InstructionTuple> instruction_tuples(const Circuit& circuit) {
  std::vector<InstructionTuple> tuples;
  for (const Instruction& instruction : circuit.instructions()) {
    const auto on = instruction.on();
    std::vector<AngleTuple> angles;
    for (int i = 0; i < info(instruction.gate).angles; ++i) {
      const Angle& angle = instruction.angles[static_cast<std::size_t>(i)];
      angles.emplace_back(angle.parameter, angle.factor, angle.offset);
    }
    std::optional<ComplexArray> matrix;
    if (instruction.matrix >= 0) {
      matrix = square<std::complex<double>>(circuit.matrices()[static_cast<std::size_t>(instruction.matrix)]);
    }
    tuples.emplace_back(std::string(info(instruction.gate).name), std::vector<int>(on.begin(), on.end()),
                        std::move(angles), std::move(matrix));
  }
  return tuples;
}

/// Appends `other`, whose parameter i becomes parameter `indices[i]`.
void compose(Circuit& circuit, const Circuit& other, const std::vector<int>& indices) {
  if (indices.size() < static_cast<std::size_t>(other.n_parameters())) {
    throw InvalidArgument("indices: expected " + std::to_string(other.n_parameters()) + " of them, got " +
                          std::to_string(indices.size()));
  }
  Circuit renamed(other.n_qubits());
  for (Instruction instruction : other.instructions()) {
    for (Angle& angle : instruction.angles) {
      if (angle.parameter >= 0) angle.parameter = indices[static_cast<std::size_t>(angle.parameter)];
    }
    renamed.append(other, instruction);
  }
  renamed.measure(other.measured());
  circuit.compose(renamed);
}

constexpr Names<Convention, 4> kConventions{{{"qiskit", Convention::qiskit},
                                             {"qpanda", Convention::qpanda},
                                             {"pyqpanda3", Convention::pyqpanda3},
                                             {"cirq", Convention::cirq}}};
constexpr Names<InverseRule, 5> kInverseRules{{{"same", InverseRule::same},
                                               {"negated", InverseRule::negated},
                                               {"negated_swapped", InverseRule::negated_swapped},
                                               {"half_turn_off", InverseRule::half_turn_off},
                                               {"several", InverseRule::several}}};

void bind_circuit(py::module_& m) {
  m.attr("MAX_QUBITS") = kMaxQubits;
  m.attr("MAX_UNITARY_QUBITS") = kMaxUnitaryQubits;
  // (name, qubits or 0 for any number, angles, name of the inverse, how the inverse follows)
  m.def("gate_table", [] {
    std::vector<std::tuple<std::string, int, int, std::string, std::string>> rows;
    for (const GateInfo& gate : gate_table()) {
      rows.emplace_back(gate.name, gate.qubits, gate.angles, info(gate.inverse).name,
                        name_of(kInverseRules, gate.inverse_rule));
    }
    return rows;
  });
  m.def(
      "gate_matrix",
      [](const std::string& gate, const std::vector<double>& angles) {
        return square<std::complex<double>>(gate_matrix(gate_of(gate), angles));
      },
      "gate"_a, "angles"_a = std::vector<double>());
  m.def(
      "pauli_transfer_matrix",
      [](const ComplexArray& unitary) {
        return square<double>(pauli_transfer_matrix(matrix_from("unitary", unitary)));
      },
      "unitary"_a.noconvert());

  py::class_<Circuit>(m, "Circuit")
      .def(py::init<int>(), "n_qubits"_a)
      .def(py::init<const Circuit&>(), "circuit"_a)
      .def(
          "add",
          [](Circuit& self, const std::string& gate, const std::vector<int>& qubits,
             const std::vector<AngleArgument>& angles) {
            self.add(gate_of(gate), qubits, angles_from(angles));
          },
          "gate"_a, "qubits"_a, "angles"_a = std::vector<AngleArgument>())
      .def(
          "unitary",
          [](Circuit& self, const ComplexArray& matrix, const std::vector<int>& qubits) {
            self.unitary(matrix_from("matrix", matrix), qubits);
          },
          "matrix"_a.noconvert(), "qubits"_a)
      .def(
          "measure", [](Circuit& self, const std::vector<int>& qubits) { self.measure(qubits); }, "qubits"_a)
      .def("compose", &compose, "other"_a, "indices"_a)
      .def_property_readonly("n_qubits", &Circuit::n_qubits)
      .def_property_readonly("n_parameters", &Circuit::n_parameters)
      .def_property_readonly("n_instructions", [](const Circuit& self) { return self.instructions().size(); })
      .def_property_readonly("measured",
                             [](const Circuit& self) {
                               return std::vector<int>(self.measured().begin(), self.measured().end());
                             })
      .def("instructions", &instruction_tuples)
      .def("depth", &Circuit::depth)
      .def("inverse", &Circuit::inverse)
      .def("decomposed", &Circuit::decomposed)
      .def("describe", [](const Circuit& self) {
        std::vector<std::string> lines;
        for (const Instruction& instruction : self.instructions()) {
          lines.push_back(describe(self, instruction));
        }
        return lines;
      });
}

void bind_noise(py::module_& m) {
  m.attr("CONVENTIONS") = names_of(kConventions);
  py::class_<Channel>(m, "Channel")
      .def_static(
          "from_pauli_transfer_matrix",
          [](const Array<double>& matrix) {
            expect_ndim("matrix", matrix, 2);
            expect_length("matrix", matrix.shape(1), matrix.shape(0));
            const auto elements = view(matrix);
            return Channel::from_pauli_transfer_matrix({elements.begin(), elements.end()});
          },
          "matrix"_a.noconvert())
      .def_static(
          "kraus",
          [](const std::vector<ComplexArray>& operators) {
            std::vector<Matrix> matrices;
            for (const ComplexArray& each : operators) matrices.push_back(matrix_from("operators", each));
            return Channel::kraus(matrices);
          },
          "operators"_a.noconvert())
      .def_static("identity", &Channel::identity, "n_qubits"_a)
      .def_static(
          "depolarizing",
          [](double p, int n_qubits, const std::string& convention) {
            return Channel::depolarizing(p, n_qubits, named(kConventions, "convention", convention));
          },
          "p"_a, "n_qubits"_a, "convention"_a)
      .def_static(
          "pauli",
          [](const std::vector<std::pair<std::string, double>>& probabilities) {
            return Channel::pauli(probabilities);
          },
          "probabilities"_a)
      .def_static("amplitude_damping", &Channel::amplitude_damping, "gamma"_a)
      .def_static("phase_damping", &Channel::phase_damping, "lam"_a)
      .def_static("thermal_relaxation", &Channel::thermal_relaxation, "t1"_a, "t2"_a, "gate_time"_a)
      .def_property_readonly("n_qubits", &Channel::n_qubits)
      .def_property_readonly("diagonal", &Channel::diagonal)
      .def("pauli_transfer_matrix",
           [](const Channel& self) { return square<double>(self.pauli_transfer_matrix()); })
      .def("then", &Channel::then, "other"_a)
      .def("tensor", &Channel::tensor, "other"_a)
      .def("power", &Channel::power, "scale"_a);

  py::class_<NoiseModel>(m, "NoiseModel")
      .def(py::init<>())
      .def(py::init<const NoiseModel&>(), "noise"_a)
      .def_static(
          "depolarizing",
          [](double p1, double p2, const std::string& convention) {
            return NoiseModel::depolarizing(p1, p2, named(kConventions, "convention", convention));
          },
          "p1"_a, "p2"_a, "convention"_a)
      .def(
          "add",
          [](NoiseModel& self, const Channel& channel, const std::string& gate,
             const std::optional<std::vector<int>>& qubits) { self.add(channel, gate_of(gate), qubits); },
          "channel"_a, "gate"_a, "qubits"_a = py::none())
      .def(
          "set_uniform",
          [](NoiseModel& self, const Channel& one, const Channel& two) { self.set_uniform(one, two); },
          "one"_a, "two"_a)
      .def(
          "add_readout",
          [](NoiseModel& self, double p0_given_1, double p1_given_0, std::optional<int> qubit) {
            self.add_readout({p0_given_1, p1_given_0}, qubit);
          },
          "p0_given_1"_a, "p1_given_0"_a, "qubit"_a = py::none())
      .def_property_readonly("empty", &NoiseModel::empty)
      .def_property_readonly("has_readout", &NoiseModel::has_readout)
      .def(
          "readout",
          [](const NoiseModel& self, int qubit) {
            const ReadoutError error = self.readout(qubit);
            return std::pair(error.p0_given_1, error.p1_given_0);
          },
          "qubit"_a)
      .def("scaled", py::overload_cast<double>(&NoiseModel::scaled, py::const_), "factor"_a)
      .def("scaled_in", py::overload_cast<double, const Circuit&>(&NoiseModel::scaled, py::const_),
           "factor"_a, "circuit"_a)
      .def_property_readonly("uniform", [](const NoiseModel& self) { return self.uniform(); })
      .def("entries",
           [](const NoiseModel& self) {
             std::vector<EntryTuple> entries;
             for (const NoiseModel::Entry& entry : self.entries()) {
               const auto qubits = entry.qubits.empty() ? std::nullopt : std::optional(entry.qubits);
               entries.emplace_back(info(entry.gate).name, qubits, entry.channel);
             }
             return entries;
           })
      .def("readouts", [](const NoiseModel& self) {
        std::vector<ReadoutTuple> readouts;
        for (const auto& [qubit, error] : self.readouts()) {
          readouts.emplace_back(qubit < 0 ? std::nullopt : std::optional(qubit), error.p0_given_1,
                                error.p1_given_0);
        }
        return readouts;
      });

  m.def(
      "commutes",
      [](const Channel& channel, const std::string& gate, const std::optional<ComplexArray>& matrix) {
        if (!matrix) return commutes(channel, gate_of(gate));
        const Matrix elements = matrix_from("matrix", *matrix);
        return commutes(channel, gate_of(gate), &elements);
      },
      "channel"_a, "gate"_a, "matrix"_a.noconvert() = py::none());
  m.def("power_obstacle", &power_obstacle, "circuit"_a, "noise"_a);
}

}  // namespace

void bind_quantum(py::module_ m) {
  bind_circuit(m);
  bind_noise(m);
}

}  // namespace nonideal::bindings
