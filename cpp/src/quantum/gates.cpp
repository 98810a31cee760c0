#include <bit>
#include <cmath>
#include <numbers>

#include "base/check.hpp"
#include "nonideal/quantum/circuit.hpp"
#include "quantum/angle.hpp"

namespace nonideal::quantum {

namespace {

using Complex = std::complex<double>;
using enum InverseRule;

constexpr std::array<GateInfo, kGates> kTable = {{
    {Gate::id, "id", 1, 0, Gate::id, same},
    {Gate::x, "x", 1, 0, Gate::x, same},
    {Gate::y, "y", 1, 0, Gate::y, same},
    {Gate::z, "z", 1, 0, Gate::z, same},
    {Gate::h, "h", 1, 0, Gate::h, same},
    {Gate::s, "s", 1, 0, Gate::sdg, same},
    {Gate::sdg, "sdg", 1, 0, Gate::s, same},
    {Gate::t, "t", 1, 0, Gate::tdg, same},
    {Gate::tdg, "tdg", 1, 0, Gate::t, same},
    {Gate::sx, "sx", 1, 0, Gate::sxdg, same},
    {Gate::sxdg, "sxdg", 1, 0, Gate::sx, same},
    {Gate::rx, "rx", 1, 1, Gate::rx, negated},
    {Gate::ry, "ry", 1, 1, Gate::ry, negated},
    {Gate::rz, "rz", 1, 1, Gate::rz, negated},
    {Gate::p, "p", 1, 1, Gate::p, negated},
    {Gate::u, "u", 1, 3, Gate::u, negated_swapped},
    {Gate::u1, "u1", 1, 1, Gate::u1, negated},
    {Gate::u2, "u2", 1, 2, Gate::u2, half_turn_off},
    {Gate::u3, "u3", 1, 3, Gate::u3, negated_swapped},
    {Gate::cx, "cx", 2, 0, Gate::cx, same},
    {Gate::cy, "cy", 2, 0, Gate::cy, same},
    {Gate::cz, "cz", 2, 0, Gate::cz, same},
    {Gate::ch, "ch", 2, 0, Gate::ch, same},
    {Gate::csx, "csx", 2, 0, Gate::csx, several},
    {Gate::cp, "cp", 2, 1, Gate::cp, negated},
    {Gate::crx, "crx", 2, 1, Gate::crx, negated},
    {Gate::cry, "cry", 2, 1, Gate::cry, negated},
    {Gate::crz, "crz", 2, 1, Gate::crz, negated},
    {Gate::rxx, "rxx", 2, 1, Gate::rxx, negated},
    {Gate::ryy, "ryy", 2, 1, Gate::ryy, negated},
    {Gate::rzz, "rzz", 2, 1, Gate::rzz, negated},
    {Gate::rzx, "rzx", 2, 1, Gate::rzx, negated},
    {Gate::swap, "swap", 2, 0, Gate::swap, same},
    {Gate::iswap, "iswap", 2, 0, Gate::iswap, several},
    {Gate::ecr, "ecr", 2, 0, Gate::ecr, same},
    {Gate::ccx, "ccx", 3, 0, Gate::ccx, same},
    {Gate::cswap, "cswap", 3, 0, Gate::cswap, same},
    {Gate::unitary, "unitary", 0, 0, Gate::unitary, same},
    {Gate::barrier, "barrier", 0, 0, Gate::barrier, same},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].gate) != i) return false;
  }
  return true;
}
static_assert(in_order());

/// The gate applied to the second qubit where the first is 1.
Matrix controlled(const Matrix& one) {
  return {1, 0, 0, 0, 0, one[0], 0, one[1], 0, 0, 1, 0, 0, one[2], 0, one[3]};
}

/// Moves basis states: to[i] is where state i goes.
Matrix permutation(std::span<const int> to) {
  const std::size_t size = to.size();
  Matrix out(size * size);
  for (std::size_t i = 0; i < size; ++i) out[static_cast<std::size_t>(to[i]) * size + i] = 1.0;
  return out;
}

Matrix general_rotation(double theta, double phi, double lambda) {
  const double c = std::cos(theta / 2), s = std::sin(theta / 2);
  return {c, -std::polar(1.0, lambda) * s, std::polar(1.0, phi) * s, std::polar(1.0, phi + lambda) * c};
}

constexpr Complex kI{0.0, 1.0};

Matrix one_qubit_matrix(Gate gate, std::span<const double> angles) {
  constexpr double r = 1.0 / std::numbers::sqrt2;
  switch (gate) {
    case Gate::x:
      return {0, 1, 1, 0};
    case Gate::y:
      return {0, -kI, kI, 0};
    case Gate::z:
      return {1, 0, 0, -1};
    case Gate::h:
      return {r, r, r, -r};
    case Gate::s:
      return {1, 0, 0, kI};
    case Gate::sdg:
      return {1, 0, 0, -kI};
    case Gate::t:
      return {1, 0, 0, Complex(r, r)};
    case Gate::tdg:
      return {1, 0, 0, Complex(r, -r)};
    case Gate::sx:
      return {Complex(.5, .5), Complex(.5, -.5), Complex(.5, -.5), Complex(.5, .5)};
    case Gate::sxdg:
      return {Complex(.5, -.5), Complex(.5, .5), Complex(.5, .5), Complex(.5, -.5)};
    case Gate::rx: {
      const double c = std::cos(angles[0] / 2), s = std::sin(angles[0] / 2);
      return {c, Complex(0, -s), Complex(0, -s), c};
    }
    case Gate::ry: {
      const double c = std::cos(angles[0] / 2), s = std::sin(angles[0] / 2);
      return {c, -s, s, c};
    }
    case Gate::rz:
      return {std::polar(1.0, -angles[0] / 2), 0, 0, std::polar(1.0, angles[0] / 2)};
    case Gate::p:
    case Gate::u1:
      return {1, 0, 0, std::polar(1.0, angles[0])};
    case Gate::u2:
      return general_rotation(std::numbers::pi / 2, angles[0], angles[1]);
    case Gate::u:
    case Gate::u3:
      return general_rotation(angles[0], angles[1], angles[2]);
    default:
      return {1, 0, 0, 1};
  }
}

/// exp(-i angle second (x) first / 2) of two Pauli matrices.
Matrix pair_rotation(Gate first, Gate second, double angle) {
  const Matrix a = one_qubit_matrix(first, {}), b = one_qubit_matrix(second, {});
  const double c = std::cos(angle / 2), s = std::sin(angle / 2);
  Matrix out(16);
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t column = 0; column < 4; ++column) {
      const Complex pauli =
          a[(row & 1) * 2 + (column & 1)] * b[(row >> 1) * 2 + (column >> 1)] * Complex(0, -s);
      out[row * 4 + column] = pauli + (row == column ? c : 0.0);
    }
  }
  return out;
}

Matrix two_qubit_matrix(Gate gate, std::span<const double> angles) {
  constexpr double r = 1.0 / std::numbers::sqrt2;
  switch (gate) {
    case Gate::cx:
      return permutation(std::array{0, 3, 2, 1});
    case Gate::cy:
      return controlled(one_qubit_matrix(Gate::y, {}));
    case Gate::cz:
      return controlled(one_qubit_matrix(Gate::z, {}));
    case Gate::ch:
      return controlled(one_qubit_matrix(Gate::h, {}));
    case Gate::csx:
      return controlled(one_qubit_matrix(Gate::sx, {}));
    case Gate::cp:
      return controlled(one_qubit_matrix(Gate::p, angles));
    case Gate::crx:
      return controlled(one_qubit_matrix(Gate::rx, angles));
    case Gate::cry:
      return controlled(one_qubit_matrix(Gate::ry, angles));
    case Gate::crz:
      return controlled(one_qubit_matrix(Gate::rz, angles));
    case Gate::rxx:
      return pair_rotation(Gate::x, Gate::x, angles[0]);
    case Gate::ryy:
      return pair_rotation(Gate::y, Gate::y, angles[0]);
    case Gate::rzz:
      return pair_rotation(Gate::z, Gate::z, angles[0]);
    case Gate::rzx:
      return pair_rotation(Gate::z, Gate::x, angles[0]);
    case Gate::swap:
      return permutation(std::array{0, 2, 1, 3});
    case Gate::iswap:
      return {1, 0, 0, 0, 0, 0, kI, 0, 0, kI, 0, 0, 0, 0, 0, 1};
    case Gate::ecr:
      return {0, r, 0, kI * r, r, 0, -kI * r, 0, 0, kI * r, 0, r, -kI * r, 0, r, 0};
    default:
      return {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  }
}

}  // namespace

std::span<const GateInfo> gate_table() { return kTable; }

const GateInfo& info(Gate gate) { return kTable[static_cast<std::size_t>(gate)]; }

Gate gate_of(std::string_view name) {
  std::string names;
  for (const GateInfo& entry : kTable) {
    if (entry.name == name) return entry.gate;
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw InvalidArgument("gate = '" + std::string(name) + "' is not one of " + names);
}

Matrix gate_matrix(Gate gate, std::span<const double> angles) {
  if (gate == Gate::unitary || gate == Gate::barrier) {
    throw InvalidArgument("gate = '" + std::string(info(gate).name) + "' has no matrix of its own");
  }
  detail::expect_count("angles", "angles", static_cast<std::int64_t>(angles.size()), info(gate).angles);
  if (gate == Gate::ccx) return permutation(std::array{0, 1, 2, 7, 4, 5, 6, 3});  // controls: lowest bits
  if (gate == Gate::cswap) return permutation(std::array{0, 1, 2, 5, 4, 3, 6, 7});
  return info(gate).qubits == 1 ? one_qubit_matrix(gate, angles) : two_qubit_matrix(gate, angles);
}

Matrix matrix_of(const Circuit& circuit, const Instruction& instruction, std::span<const double> parameters) {
  if (instruction.gate == Gate::unitary) {
    return circuit.matrices()[static_cast<std::size_t>(instruction.matrix)];
  }
  std::array<double, 3> angles{};
  const auto count = static_cast<std::size_t>(info(instruction.gate).angles);
  for (std::size_t i = 0; i < count; ++i) {
    angles[i] = instruction.angles[i].value(parameters);
    if (!allowed_angle(angles[i])) {
      refuse_angle("angle of '" + std::string(info(instruction.gate).name) + "'", angles[i]);
    }
  }
  return gate_matrix(instruction.gate, std::span(angles).first(count));
}

namespace {

/// Walsh-Hadamard transform of `n` rows of `width` numbers: row z becomes sum_k (-1)^popcount(k & z) row k.
void walsh(std::vector<Complex>& rows, std::size_t n, std::size_t width) {
  for (std::size_t half = 1; half < n; half *= 2) {
    for (std::size_t k = 0; k < n; ++k) {
      if ((k & half) != 0) continue;
      Complex* const low = rows.data() + k * width;
      Complex* const high = low + half * width;
      for (std::size_t i = 0; i < width; ++i) {
        const Complex a = low[i], b = high[i];
        low[i] = a + b;
        high[i] = a - b;
      }
    }
  }
}

/// The number of the Pauli string i^popcount(x & z) X^x Z^z, two bits per qubit.
std::size_t pauli_index(std::size_t x, std::size_t z, int n_qubits) {
  std::size_t index = 0;
  for (int q = 0; q < n_qubits; ++q) {
    const std::size_t flips = x >> q & 1, signs = z >> q & 1;
    index |= (signs != 0 ? 3 - flips : flips) << (2 * q);
  }
  return index;
}

}  // namespace

std::vector<double> pauli_transfer_matrix(const Matrix& unitary) {
  const auto size = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(unitary.size()))));
  const int n = std::countr_zero(size);
  const std::size_t paulis = size * size;
  std::vector<double> out(paulis * paulis);
  std::vector<Complex> conjugated(size * paulis), traces(paulis);
  for (std::size_t x = 0; x < size; ++x) {
    // U X^x Z^z U^dagger for all z: sum_k (-1)^(k z) U[row, k ^ x] conj(U[column, k])
    for (std::size_t k = 0; k < size; ++k) {
      for (std::size_t row = 0; row < size; ++row) {
        const Complex a = unitary[row * size + (k ^ x)];
        for (std::size_t column = 0; column < size; ++column) {
          const Complex b = unitary[column * size + k];  // std::complex looks for NaN in every product
          conjugated[(k * size + row) * size + column] = {a.real() * b.real() + a.imag() * b.imag(),
                                                          a.imag() * b.real() - a.real() * b.imag()};
        }
      }
    }
    walsh(conjugated, size, paulis);
    for (std::size_t flip = 0; flip < size; ++flip) {
      // tr(X^flip Z^sign C) for all signs: sum_k (-1)^(k sign) C[k, k ^ flip]
      for (std::size_t k = 0; k < size; ++k) {
        for (std::size_t z = 0; z < size; ++z) {
          traces[k * size + z] = conjugated[(z * size + k) * size + (k ^ flip)];
        }
      }
      walsh(traces, size, size);
      for (std::size_t sign = 0; sign < size; ++sign) {
        const std::size_t i = pauli_index(flip, sign, n);
        for (std::size_t z = 0; z < size; ++z) {
          const Complex trace = traces[sign * size + z];
          const int turns = (std::popcount(flip & sign) + std::popcount(x & z)) & 3;  // times i^turns
          const double real = (turns & 1) != 0 ? -trace.imag() : trace.real();
          double value = ((turns & 2) != 0 ? -real : real) / static_cast<double>(size);
          const double half = std::round(2 * value) / 2;
          if (std::abs(value - half) < 1e-15) value = half;
          out[i * paulis + pauli_index(x, z, n)] = value == 0.0 ? 0.0 : value;
        }
      }
    }
  }
  return out;
}

}  // namespace nonideal::quantum
