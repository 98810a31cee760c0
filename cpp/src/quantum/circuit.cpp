#include "nonideal/quantum/circuit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "base/check.hpp"
#include "quantum/angle.hpp"

namespace nonideal::quantum {

namespace {

std::string quoted(Gate gate) {
  std::string text(1, '\'');
  text += info(gate).name;
  return text += '\'';
}

std::array<std::uint8_t, kMaxUnitaryQubits> checked_qubits(Gate gate, std::span<const int> qubits,
                                                           int n_qubits) {
  std::array<std::uint8_t, kMaxUnitaryQubits> out{};
  for (std::size_t i = 0; i < qubits.size(); ++i) {
    detail::expect_within("qubit of " + quoted(gate), qubits[i], 0, n_qubits - 1);
    for (std::size_t j = 0; j < i; ++j) {
      if (qubits[j] == qubits[i]) {
        throw InvalidArgument("qubits of " + quoted(gate) + ": " + std::to_string(qubits[i]) +
                              " is named twice");
      }
    }
    out[i] = static_cast<std::uint8_t>(qubits[i]);
  }
  return out;
}

bool is_unitary(const Matrix& matrix, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      std::complex<double> sum = 0.0;
      for (std::size_t k = 0; k < size; ++k) sum += matrix[i * size + k] * std::conj(matrix[j * size + k]);
      if (!(std::abs(sum - (i == j ? 1.0 : 0.0)) <= 1e-8)) return false;  // NaN is refused too
    }
  }
  return true;
}

Matrix adjoint(const Matrix& matrix) {
  const auto size = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(matrix.size()))));
  Matrix out(matrix.size());
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) out[i * size + j] = std::conj(matrix[j * size + i]);
  }
  return out;
}

Angle scaled(const Angle& angle, double factor) {
  if (angle.parameter < 0) return Angle(factor * angle.offset);
  return {angle.parameter, factor * angle.factor, factor * angle.offset};
}

/// One gate of several that stand for a gate: operands are positions in that gate's list of qubits, the angle
/// is `factor` times that gate's.
struct Part {
  Gate gate;
  std::array<int, 2> operands;
  double factor = 0.0;
};

using enum Gate;
constexpr Part kCy[] = {{sdg, {1}}, {cx, {0, 1}}, {s, {1}}};
constexpr Part kCz[] = {{h, {1}}, {cx, {0, 1}}, {h, {1}}};
constexpr Part kCp[] = {{p, {0}, .5}, {cx, {0, 1}}, {p, {1}, -.5}, {cx, {0, 1}}, {p, {1}, .5}};
constexpr Part kCh[] = {{s, {1}}, {h, {1}}, {t, {1}}, {cx, {0, 1}}, {tdg, {1}}, {h, {1}}, {sdg, {1}}};
constexpr Part kCsx[] = {{h, {1}}, {t, {0}}, {cx, {0, 1}}, {tdg, {1}}, {cx, {0, 1}}, {t, {1}}, {h, {1}}};
constexpr Part kCrx[] = {{h, {1}}, {rz, {1}, .5}, {cx, {0, 1}}, {rz, {1}, -.5}, {cx, {0, 1}}, {h, {1}}};
constexpr Part kCry[] = {{ry, {1}, .5}, {cx, {0, 1}}, {ry, {1}, -.5}, {cx, {0, 1}}};
constexpr Part kCrz[] = {{rz, {1}, .5}, {cx, {0, 1}}, {rz, {1}, -.5}, {cx, {0, 1}}};
constexpr Part kRxx[] = {{h, {0}}, {h, {1}}, {cx, {0, 1}}, {rz, {1}, 1.0}, {cx, {0, 1}}, {h, {0}}, {h, {1}}};
constexpr Part kRyy[] = {{sx, {0}},    {sx, {1}},   {cx, {0, 1}}, {rz, {1}, 1.0},
                         {cx, {0, 1}}, {sxdg, {0}}, {sxdg, {1}}};
constexpr Part kRzz[] = {{cx, {0, 1}}, {rz, {1}, 1.0}, {cx, {0, 1}}};
constexpr Part kRzx[] = {{h, {1}}, {cx, {0, 1}}, {rz, {1}, 1.0}, {cx, {0, 1}}, {h, {1}}};
constexpr Part kIswap[] = {{s, {0}}, {s, {1}}, {h, {0}}, {cx, {0, 1}}, {cx, {1, 0}}, {h, {1}}};
constexpr Part kEcr[] = {{s, {0}}, {sx, {1}}, {cx, {0, 1}}, {x, {0}}};
constexpr Part kSwap[] = {{cx, {0, 1}}, {cx, {1, 0}}, {cx, {0, 1}}};
// The textbook's six cx (Nielsen and Chuang, figure 4.9), in the order of Qiskit.
constexpr Part kCcx[] = {{h, {2}},     {cx, {1, 2}}, {tdg, {2}},   {cx, {0, 2}}, {t, {2}},
                         {cx, {1, 2}}, {tdg, {2}},   {cx, {0, 2}}, {t, {1}},     {t, {2}},
                         {h, {2}},     {cx, {0, 1}}, {t, {0}},     {tdg, {1}},   {cx, {0, 1}}};
constexpr Part kCswap[] = {{cx, {2, 1}}, {h, {2}},   {cx, {1, 2}}, {tdg, {2}},   {cx, {0, 2}}, {t, {2}},
                           {cx, {1, 2}}, {tdg, {2}}, {cx, {0, 2}}, {t, {1}},     {t, {2}},     {h, {2}},
                           {cx, {0, 1}}, {t, {0}},   {tdg, {1}},   {cx, {0, 1}}, {cx, {2, 1}}};

// Conjugation by Z turns iswap round, and sx into i sxdg, whose i the control's sdg takes off.
constexpr Part kIswapInverse[] = {{z, {0}}, {iswap, {0, 1}}, {z, {0}}};
constexpr Part kCsxInverse[] = {{z, {1}}, {csx, {0, 1}}, {z, {1}}, {sdg, {0}}};

struct Sequence {
  Gate gate;
  std::span<const Part> parts;
};

constexpr Sequence kDecompositions[] = {
    {cy, kCy},     {cz, kCz},       {ch, kCh},   {csx, kCsx}, {cp, kCp},      {crx, kCrx},
    {cry, kCry},   {crz, kCrz},     {rxx, kRxx}, {ryy, kRyy}, {rzz, kRzz},    {rzx, kRzx},
    {swap, kSwap}, {iswap, kIswap}, {ecr, kEcr}, {ccx, kCcx}, {cswap, kCswap}};
/// Of the gates whose rule is InverseRule::several.
constexpr Sequence kInverses[] = {{iswap, kIswapInverse}, {csx, kCsxInverse}};

/// Empty where the table has none for this gate.
std::span<const Part> parts_in(std::span<const Sequence> table, Gate gate) {
  const auto found = std::ranges::find(table, gate, &Sequence::gate);
  return found == table.end() ? std::span<const Part>() : found->parts;
}

Instruction part_of(const Instruction& whole, const Part& part) {
  const GateInfo& entry = info(part.gate);
  Instruction one{part.gate, static_cast<std::uint8_t>(entry.qubits), {}, {}, -1};
  for (std::size_t i = 0; i < one.n_qubits; ++i) {
    one.qubits[i] = whole.qubits[static_cast<std::size_t>(part.operands[i])];
  }
  if (entry.angles > 0) one.angles[0] = scaled(whole.angles[0], part.factor);
  return one;
}

}  // namespace

std::vector<Instruction> inverse_of(const Instruction& instruction) {
  const GateInfo& entry = info(instruction.gate);
  std::vector<Instruction> out;
  for (const Part& part : parts_in(kInverses, instruction.gate)) out.push_back(part_of(instruction, part));
  if (!out.empty()) return out;
  Instruction inverse = instruction;
  inverse.gate = entry.inverse;
  auto& angles = inverse.angles;
  if (entry.inverse_rule != InverseRule::same) {
    for (Angle& angle : angles) angle = scaled(angle, -1.0);
  }
  if (entry.inverse_rule == InverseRule::negated_swapped) std::swap(angles[1], angles[2]);
  if (entry.inverse_rule == InverseRule::half_turn_off) {
    std::swap(angles[0], angles[1]);
    for (Angle& angle : std::span(angles).first(2)) angle.offset -= std::numbers::pi;
  }
  return {inverse};
}

Circuit::Circuit(int n_qubits) : n_qubits_(n_qubits) {
  detail::expect_within("n_qubits", n_qubits, 1, kMaxQubits);
}

Circuit& Circuit::add(Gate gate, std::span<const int> qubits, std::span<const Angle> angles) {
  const GateInfo& entry = info(gate);
  if (gate == Gate::unitary) throw InvalidArgument("gate = 'unitary' needs its matrix: call unitary()");
  const std::string name = quoted(gate);
  if (!measured_.empty() && gate != Gate::barrier) {
    throw InvalidArgument("gate = " + name + " follows a measurement; measure last");
  }
  detail::expect_count(name.c_str(), "qubits", static_cast<std::int64_t>(qubits.size()), entry.qubits);
  detail::expect_count(name.c_str(), "angles", static_cast<std::int64_t>(angles.size()), entry.angles);
  Instruction instruction{
      gate, static_cast<std::uint8_t>(qubits.size()), checked_qubits(gate, qubits, n_qubits_), {}, -1};
  for (std::size_t i = 0; i < angles.size(); ++i) {
    const Angle& angle = angles[i];
    if (!std::isfinite(angle.offset) || !std::isfinite(angle.factor)) {
      const double wrong = std::isfinite(angle.offset) ? angle.factor : angle.offset;
      throw InvalidArgument("angle of " + name + " = " + detail::shortest(wrong) + " is not finite");
    }
    if (angle.parameter < 0 && !allowed_angle(angle.offset)) refuse_angle("angle of " + name, angle.offset);
    detail::expect_within("parameter of " + name, angle.parameter, -1, 1 << 20);
    instruction.angles[i] = angle;
    n_parameters_ = std::max(n_parameters_, angle.parameter + 1);
  }
  instructions_.push_back(instruction);
  return *this;
}

Circuit& Circuit::add(Gate gate, std::initializer_list<int> qubits, std::initializer_list<Angle> angles) {
  return add(gate, std::span<const int>(qubits.begin(), qubits.size()),
             std::span<const Angle>(angles.begin(), angles.size()));
}

Circuit& Circuit::unitary(Matrix matrix, std::span<const int> qubits) {
  if (!measured_.empty()) throw InvalidArgument("gate = 'unitary' follows a measurement; measure last");
  detail::expect_within("qubits of 'unitary'", static_cast<std::int64_t>(qubits.size()), 1,
                        kMaxUnitaryQubits);
  const auto on = checked_qubits(Gate::unitary, qubits, n_qubits_);
  const std::size_t size = std::size_t{1} << qubits.size();
  detail::expect_count("matrix of 'unitary'", "elements", static_cast<std::int64_t>(matrix.size()),
                       static_cast<std::int64_t>(size * size));
  if (!is_unitary(matrix, size)) {
    throw InvalidArgument("matrix of 'unitary' is not unitary: |U U^dagger - 1| > 1e-8");
  }
  instructions_.push_back({Gate::unitary,
                           static_cast<std::uint8_t>(qubits.size()),
                           on,
                           {},
                           static_cast<std::int32_t>(matrices_.size())});
  matrices_.push_back(std::move(matrix));
  return *this;
}

Circuit& Circuit::measure(std::span<const int> qubits) {
  std::vector<int> all = measured_;  // refused as a whole, or not at all
  for (const int qubit : qubits) {
    detail::expect_within("qubit of 'measure'", qubit, 0, n_qubits_ - 1);
    if (std::find(all.begin(), all.end(), qubit) != all.end()) {
      throw InvalidArgument("qubit of 'measure' = " + std::to_string(qubit) + " is measured already");
    }
    all.push_back(qubit);
  }
  measured_ = std::move(all);
  return *this;
}

Circuit& Circuit::append(const Circuit& other, const Instruction& instruction, bool inverted) {
  const std::array<int, kMaxUnitaryQubits> all = {instruction.qubits[0], instruction.qubits[1],
                                                  instruction.qubits[2], instruction.qubits[3],
                                                  instruction.qubits[4]};
  const std::span<const int> on(all.data(), instruction.n_qubits);
  if (instruction.gate == Gate::unitary) {
    const Matrix& matrix = other.matrices_[static_cast<std::size_t>(instruction.matrix)];
    return unitary(inverted ? adjoint(matrix) : matrix, on);
  }
  if (inverted) {
    for (const Instruction& part : inverse_of(instruction)) append(other, part);
    return *this;
  }
  return add(instruction.gate, on,
             std::span(instruction.angles).first(static_cast<std::size_t>(info(instruction.gate).angles)));
}

Circuit& Circuit::compose(const Circuit& other) {
  if (other.n_qubits_ != n_qubits_) {
    throw InvalidArgument("other: expected " + std::to_string(n_qubits_) + " qubits, got " +
                          std::to_string(other.n_qubits_));
  }
  Circuit composed = *this;  // refused as a whole, or not at all; a circuit may be composed with itself
  for (const Instruction& instruction : other.instructions_) composed.append(other, instruction);
  composed.measure(other.measured_);
  *this = std::move(composed);
  return *this;
}

int Circuit::depth() const {
  std::array<int, kMaxQubits> reached{};
  int depth = 0;
  for (const Instruction& instruction : instructions_) {
    int level = 0;
    for (const auto qubit : instruction.on()) level = std::max(level, reached[qubit]);
    for (const auto qubit : instruction.on()) reached[qubit] = level + 1;
    if (instruction.n_qubits > 0) depth = std::max(depth, level + 1);
  }
  return depth;
}

Circuit Circuit::inverse() const {
  if (!measured_.empty()) throw InvalidArgument("a circuit with measurements has no inverse");
  Circuit out(n_qubits_);
  for (auto at = instructions_.rbegin(); at != instructions_.rend(); ++at) out.append(*this, *at, true);
  out.n_parameters_ = n_parameters_;
  return out;
}

Circuit Circuit::decomposed() const {
  Circuit out(n_qubits_);
  for (const Instruction& instruction : instructions_) {
    if (instruction.gate == Gate::unitary && instruction.n_qubits > 1) {
      throw InvalidArgument("gate = 'unitary' on " + std::to_string(instruction.n_qubits) +
                            " qubits cannot be decomposed; use gates of the table");
    }
    const std::span<const Part> list = parts_in(kDecompositions, instruction.gate);
    if (list.empty()) {
      out.append(*this, instruction);
      continue;
    }
    for (const Part& part : list) out.append(*this, part_of(instruction, part));
  }
  out.measure(measured_);
  out.n_parameters_ = n_parameters_;
  return out;
}

std::string describe(const Circuit& circuit, const Instruction& instruction) {
  std::string text(info(instruction.gate).name);
  const auto angles = static_cast<std::size_t>(info(instruction.gate).angles);
  for (std::size_t i = 0; i < angles; ++i) {
    const Angle& angle = instruction.angles[i];
    text.append(i == 0 ? "(" : ", ");
    if (angle.parameter >= 0) {
      text += detail::shortest(angle.factor) + " * parameters[" + std::to_string(angle.parameter) + "]";
      if (angle.offset != 0.0) text += " + " + detail::shortest(angle.offset);
    } else {
      text += detail::shortest(angle.offset);
    }
  }
  if (angles > 0) text.push_back(')');
  if (instruction.gate == Gate::unitary) {
    text += " " + std::to_string(circuit.matrices()[static_cast<std::size_t>(instruction.matrix)].size()) +
            " elements";
  }
  for (const auto qubit : instruction.on()) text += " " + std::to_string(qubit);
  return text;
}

}  // namespace nonideal::quantum
