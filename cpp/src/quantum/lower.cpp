#include <algorithm>
#include <array>
#include <numbers>
#include <utility>

#include "quantum/compile.hpp"
#include "quantum/transfer.hpp"

namespace nonideal::quantum {

namespace {

struct Rotation {
  std::array<unsigned, 2> letters;  // on the gate's first and second qubit
  int angle;                        // which of the gate's angles; -1: none, `factor` is a constant angle
  double factor;
};

/// Gates as rotations in the order in which they act, up to global phase.
std::span<const Rotation> rotations(Gate gate) {
  static constexpr Rotation kRx[] = {{{1, 0}, 0, 1.0}};
  static constexpr Rotation kRy[] = {{{2, 0}, 0, 1.0}};
  static constexpr Rotation kRz[] = {{{3, 0}, 0, 1.0}};
  static constexpr Rotation kU[] = {{{3, 0}, 2, 1.0}, {{2, 0}, 0, 1.0}, {{3, 0}, 1, 1.0}};
  static constexpr Rotation kU2[] = {{{3, 0}, 1, 1.0}, {{2, 0}, -1, std::numbers::pi / 2}, {{3, 0}, 0, 1.0}};
  static constexpr Rotation kCp[] = {{{3, 0}, 0, 0.5}, {{0, 3}, 0, 0.5}, {{3, 3}, 0, -0.5}};
  static constexpr Rotation kCrx[] = {{{0, 1}, 0, 0.5}, {{3, 1}, 0, -0.5}};
  static constexpr Rotation kCry[] = {{{0, 2}, 0, 0.5}, {{3, 2}, 0, -0.5}};
  static constexpr Rotation kCrz[] = {{{0, 3}, 0, 0.5}, {{3, 3}, 0, -0.5}};
  static constexpr Rotation kRxx[] = {{{1, 1}, 0, 1.0}};
  static constexpr Rotation kRyy[] = {{{2, 2}, 0, 1.0}};
  static constexpr Rotation kRzz[] = {{{3, 3}, 0, 1.0}};
  static constexpr Rotation kRzx[] = {{{3, 1}, 0, 1.0}};
  switch (gate) {
    case Gate::rx:
      return kRx;
    case Gate::ry:
      return kRy;
    case Gate::rz:
    case Gate::p:
    case Gate::u1:
      return kRz;
    case Gate::u:
    case Gate::u3:
      return kU;
    case Gate::u2:
      return kU2;
    case Gate::cp:
      return kCp;
    case Gate::crx:
      return kCrx;
    case Gate::cry:
      return kCry;
    case Gate::crz:
      return kCrz;
    case Gate::rxx:
      return kRxx;
    case Gate::ryy:
      return kRyy;
    case Gate::rzz:
      return kRzz;
    case Gate::rzx:
      return kRzx;
    default:
      return {};
  }
}

std::vector<int> qubits_of(const Instruction& instruction) {
  return {instruction.on().begin(), instruction.on().end()};
}

}  // namespace

std::vector<Lowered> lower(const Circuit& circuit, const NoiseModel& noise, std::size_t noiseless,
                           std::vector<Angle>& slots) {
  std::vector<Lowered> out;
  const auto slot_of = [&slots](const Angle& angle) {
    const auto found = std::find(slots.begin(), slots.end(), angle);
    if (found != slots.end()) return static_cast<int>(found - slots.begin());
    slots.push_back(angle);
    return static_cast<int>(slots.size()) - 1;
  };
  std::size_t index = 0;
  for (const Instruction& instruction : circuit.instructions()) {
    const bool noisy = index++ >= noiseless;
    if (instruction.gate == Gate::barrier) continue;
    const Channel* channel = noisy ? noise.find(instruction) : nullptr;
    const std::vector<int> on = qubits_of(instruction);
    if (!instruction.parametric()) {
      std::vector<double> matrix = pauli_transfer_matrix(matrix_of(circuit, instruction));
      if (channel)
        matrix = multiply(channel->pauli_transfer_matrix(), matrix, paulis_of(channel->n_qubits()));
      out.push_back({on, -1, {}, std::move(matrix)});
      continue;
    }
    for (const Rotation& rotation : rotations(instruction.gate)) {
      Angle angle(rotation.factor);
      if (rotation.angle >= 0) angle = instruction.angles[static_cast<std::size_t>(rotation.angle)];
      if (rotation.angle >= 0 && rotation.factor != 1.0) {
        angle.factor *= rotation.factor;
        angle.offset *= rotation.factor;
      }
      Lowered lowered{on, -1, {}, {}};
      for (std::size_t i = 0; i < on.size(); ++i) set_letter(lowered.axis, on[i], rotation.letters[i]);
      if (angle.parameter < 0) {  // u or u2 with constant angles, which is a gate on one qubit
        const Gate gate = rotation.letters[0] == 2 ? Gate::ry : Gate::rz;
        lowered.matrix = pauli_transfer_matrix(gate_matrix(gate, std::array{angle.offset}));
      } else {
        lowered.slot = slot_of(angle);
      }
      out.push_back(std::move(lowered));
    }
    if (channel) {
      const std::span<const double> matrix = channel->pauli_transfer_matrix();
      out.push_back({on, -1, {}, {matrix.begin(), matrix.end()}});
    }
  }
  return out;
}

}  // namespace nonideal::quantum
