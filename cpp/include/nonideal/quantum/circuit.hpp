#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nonideal/base/export.hpp"

/// Circuits: gates on qubits, with angles that may be linear in parameters.
///
/// Names, argument order and matrices are Qiskit's. Qubit 0 is the least significant one, in amplitudes, in
/// bit strings and within a gate's matrix (the gate's first qubit is the lowest bit of the matrix index).
namespace nonideal::quantum {

enum class Gate : std::uint8_t {
  id,
  x,
  y,
  z,
  h,
  s,
  sdg,
  t,
  tdg,
  sx,
  sxdg,
  rx,
  ry,
  rz,
  p,
  u,
  u1,
  u2,
  u3,
  cx,
  cy,
  cz,
  ch,
  csx,
  cp,
  crx,
  cry,
  crz,
  rxx,
  ryy,
  rzz,
  rzx,
  swap,
  iswap,
  ecr,
  ccx,
  cswap,
  unitary,  ///< a matrix on 1 to kMaxUnitaryQubits qubits
  barrier,  ///< on all qubits; does nothing, has no noise, and is not folded
};

inline constexpr int kGates = 39;
inline constexpr int kMaxQubits = 62;
inline constexpr int kMaxUnitaryQubits = 5;

/// How the inverse follows from a gate: one gate with these angles, or several gates.
enum class InverseRule : std::uint8_t {
  same,
  negated,          ///< angle -> -angle
  negated_swapped,  ///< u(theta, phi, lam) -> u(-theta, -lam, -phi)
  half_turn_off,    ///< u2(phi, lam) -> u2(-lam - pi, -phi - pi)
  several           ///< the gate itself between gates on one qubit: iswap, csx
};

/// What a gate is: one entry of gate_table() each.
struct GateInfo {
  Gate gate;
  std::string_view name;  ///< as in Qiskit
  int qubits;             ///< 0: any number (unitary, barrier)
  int angles;
  Gate inverse;  ///< the gate itself where the rule is `several`
  InverseRule inverse_rule;
};

/// Entry i describes the gate of value i.
NONIDEAL_API std::span<const GateInfo> gate_table();
NONIDEAL_API const GateInfo& info(Gate gate);
/// Throws InvalidArgument where no gate has this name, with the list of those that exist.
NONIDEAL_API Gate gate_of(std::string_view name);

/// Angles are at most so large, radian: beyond it neighbouring doubles are further apart than one radian.
inline constexpr double kMaxAngle = 0x1p52;

/// factor * parameters[parameter] + offset; a constant where parameter is -1.
struct Angle {
  int parameter = -1;
  double factor = 0.0;
  double offset = 0.0;

  Angle() = default;
  Angle(double value) : offset(value) {}  // NOLINT: a number is an angle
  Angle(int index, double times, double plus = 0.0) : parameter(index), factor(times), offset(plus) {}

  double value(std::span<const double> parameters) const {
    return parameter < 0 ? offset : factor * parameters[static_cast<std::size_t>(parameter)] + offset;
  }
  bool operator==(const Angle&) const = default;
};

struct Instruction {
  Gate gate;
  std::uint8_t n_qubits;
  std::array<std::uint8_t, kMaxUnitaryQubits> qubits;
  std::array<Angle, 3> angles;
  std::int32_t matrix = -1;  ///< index into Circuit::matrices(); unitary only

  std::span<const std::uint8_t> on() const { return {qubits.data(), n_qubits}; }
  bool parametric() const {
    return angles[0].parameter >= 0 || angles[1].parameter >= 0 || angles[2].parameter >= 0;
  }
};

/// Row-major, 2^k x 2^k.
using Matrix = std::vector<std::complex<double>>;

/// A checked list of instructions. Measurements stand at the end: a gate after one is refused.
class NONIDEAL_API Circuit {
 public:
  /// Throws InvalidArgument outside [1, kMaxQubits].
  explicit Circuit(int n_qubits);

  /// Appends a gate. Throws InvalidArgument for a wrong number of qubits or angles, a qubit out of range or
  /// repeated, an angle that is not finite, a parameter index below -1, the gate `unitary`, and any gate
  /// after measure().
  Circuit& add(Gate gate, std::span<const int> qubits, std::span<const Angle> angles = {});
  Circuit& add(Gate gate, std::initializer_list<int> qubits, std::initializer_list<Angle> angles = {});
  /// Appends a matrix on 1 to kMaxUnitaryQubits qubits. Throws InvalidArgument unless it is finite and
  /// unitary: |U U^dagger - 1| <= 1e-8 in every element.
  Circuit& unitary(Matrix matrix, std::span<const int> qubits);
  /// Measures these qubits at the end, in this order: the first becomes the least significant bit. Throws
  /// InvalidArgument for a second measurement of a qubit.
  Circuit& measure(std::span<const int> qubits);
  /// Appends the gates of another circuit of the same size; its parameters keep their indices.
  Circuit& compose(const Circuit& other);

  int n_qubits() const { return n_qubits_; }
  /// One more than the highest index of a parameter.
  int n_parameters() const { return n_parameters_; }
  std::span<const Instruction> instructions() const { return instructions_; }
  std::span<const Matrix> matrices() const { return matrices_; }
  std::span<const int> measured() const { return measured_; }
  /// Length of the longest chain of gates (barriers count nothing).
  int depth() const;

  /// The circuit backwards, each gate inverted. Two gates have no inverse among the gates, and become three
  /// or four: iswap (z, iswap, z) and csx (z, csx, z, sdg). Throws InvalidArgument after measure().
  Circuit inverse() const;
  /// The same circuit in gates on one qubit and cx. Throws InvalidArgument for a `unitary` on more qubits.
  Circuit decomposed() const;

  /// Appends an instruction of `other`, inverted where `inverted` is set.
  Circuit& append(const Circuit& other, const Instruction& instruction, bool inverted = false);

 private:
  int n_qubits_;
  int n_parameters_ = 0;
  std::vector<Instruction> instructions_;
  std::vector<Matrix> matrices_;
  std::vector<int> measured_;
};

/// The gates of which the inverse of an instruction consists, first to act first. Not for `unitary`, whose
/// matrix is the circuit's.
NONIDEAL_API std::vector<Instruction> inverse_of(const Instruction& instruction);

/// The matrix of a gate of the table with these angles (radian), without global phases taken off.
NONIDEAL_API Matrix gate_matrix(Gate gate, std::span<const double> angles = {});
/// The matrix of an instruction of `circuit`.
NONIDEAL_API Matrix matrix_of(const Circuit& circuit, const Instruction& instruction,
                              std::span<const double> parameters = {});

/// Pauli transfer matrix R[i][j] = 2^-n tr(P_i U P_j U^dagger), row-major, 4^n x 4^n. Index: two bits per
/// qubit, first qubit lowest, 0 to 3 for I, X, Y, Z. Entries within 1e-15 of a multiple of 1/2 are rounded to
/// it, so that Clifford gates are signed permutations to the bit.
NONIDEAL_API std::vector<double> pauli_transfer_matrix(const Matrix& unitary);

/// A circuit as text, one gate per line, for messages and debugging.
NONIDEAL_API std::string describe(const Circuit& circuit, const Instruction& instruction);

}  // namespace nonideal::quantum
