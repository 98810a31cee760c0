#include "quantum/distance_circuit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "base/check.hpp"

namespace nonideal::quantum {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// theta'_i = 2^-k sum_j (-1)^popcount(j & g(i)) theta_j with g the Gray code: what the RY gates between the
/// cx take.
std::vector<double> gray_angles(std::span<const double> theta) {
  const std::size_t n = theta.size();
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t gray = i ^ (i >> 1);
    double sum = 0.0;
    for (std::size_t j = 0; j < n; ++j) sum += (std::popcount(j & gray) & 1) != 0 ? -theta[j] : theta[j];
    out[i] = sum / static_cast<double>(n);
  }
  return out;
}

/// Appends the uniformly controlled RY gates that prepare a register; `qubits` from the most significant one,
/// `angles[2^k - 1 + i]` for gate i of level k.
void prepare(Circuit& circuit, std::span<const int> qubits, std::span<const Angle> angles) {
  for (std::size_t k = 0; k < qubits.size(); ++k) {
    const std::size_t n = std::size_t{1} << k;
    for (std::size_t i = 0; i < n; ++i) {
      circuit.add(Gate::ry, {qubits[k]}, {angles[n - 1 + i]});
      if (k == 0) continue;
      const std::size_t next = (i + 1) % n;
      const auto changed = static_cast<std::size_t>(std::countr_zero((i ^ (i >> 1)) ^ (next ^ (next >> 1))));
      circuit.add(Gate::cx, {qubits[k - 1 - changed], qubits[k]});  // lowest bit: the last control
    }
  }
}

/// theta = 2 atan2(right, left) of every block of a vector, level by level; signed entries at the last level.
std::vector<double> tree_angles(std::span<const double> amplitudes) {
  const int n = std::countr_zero(amplitudes.size());
  std::vector<double> out(at(angles_of_tree(n)));
  std::vector<double> norms(amplitudes.begin(), amplitudes.end());
  for (int k = n - 1; k >= 0; --k) {
    const std::size_t blocks = std::size_t{1} << k;
    for (std::size_t j = 0; j < blocks; ++j) {
      const double left = norms[2 * j] + 0.0,
                   right = norms[2 * j + 1] + 0.0;  // no -0: it would turn by a half more
      out[blocks - 1 + j] = 2.0 * std::atan2(right, left);
      norms[j] = std::hypot(left, right);
    }
  }
  return out;
}

std::vector<Angle> gate_angles(std::span<const double> theta) {
  std::vector<Angle> out;
  for (std::size_t n = 1; n <= (theta.size() + 1) / 2; n *= 2) {
    for (const double angle : gray_angles(theta.subspan(n - 1, n))) out.emplace_back(angle);
  }
  return out;
}

/// Divided by the largest size of an element, so that no square over- or underflows.
std::vector<double> relative(std::span<const double> v, double largest) {
  std::vector<double> out(v.begin(), v.end());
  for (double& x : out) x /= largest;
  return out;
}

double largest_of(std::span<const double> v) {
  double largest = 0.0;
  for (const double x : v) largest = std::max(largest, std::abs(x));
  return largest;
}

double norm_of(std::span<const double> v) {
  double sum = 0.0;
  for (const double x : v) sum += x * x;
  return std::sqrt(sum);
}

/// Two vectors one after the other, each padded to 2^data_qubits.
std::vector<double> stacked(std::span<const double> a, std::span<const double> b, int data_qubits,
                            double scale_a, double scale_b) {
  const std::size_t size = std::size_t{1} << data_qubits;
  std::vector<double> out(2 * size);
  for (std::size_t i = 0; i < a.size(); ++i) {
    out[i] = a[i] * scale_a;
    out[size + i] = b[i] * scale_b;
  }
  return out;
}

}  // namespace

int data_qubits_of(std::int64_t dimension) {
  return std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(dimension - 1))));
}

Template make_circuit(DistanceMethod method, int data_qubits, std::span<const Angle> angles, Angle head) {
  const bool swap = method == DistanceMethod::swap;
  const int first = swap ? 2 : 0;
  Circuit circuit(first + 1 + data_qubits);
  std::vector<int> qubits(static_cast<std::size_t>(1 + data_qubits));
  std::iota(qubits.begin(), qubits.end(), first);
  if (swap) circuit.add(Gate::ry, {1}, {head});
  prepare(circuit, qubits, angles);
  const std::size_t preparation = circuit.instructions().size();
  if (!swap) {
    circuit.add(Gate::h, {0});
    return {std::move(circuit), preparation};
  }
  circuit.add(Gate::h, {0}).add(Gate::cx, {2, 1}).add(Gate::ccx, {0, 1, 2}).add(Gate::cx, {2, 1});
  circuit.add(Gate::h, {0});
  return {circuit.decomposed(), preparation};
}

void expect_finite(const char* name, std::span<const double> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw InvalidArgument(detail::bracketed(name, static_cast<std::int64_t>(i)) + " = " +
                            detail::shortest(values[i]) + " is not finite");
    }
  }
}

Circuit distance_circuit(DistanceMethod method, std::span<const double> a, std::span<const double> b) {
  if (a.empty() || a.size() != b.size()) {
    throw InvalidArgument("a and b: lengths " + std::to_string(a.size()) + " and " +
                          std::to_string(b.size()) + " are not equal and > 0");
  }
  detail::expect_within("length of a", static_cast<std::int64_t>(a.size()), 1, kMaxDimension);
  expect_finite("a", a);
  expect_finite("b", b);
  const double largest_a = largest_of(a), largest_b = largest_of(b);
  if (!(largest_a > 0.0 && largest_b > 0.0)) {
    throw InvalidArgument("a or b is zero: no circuit is needed, the other one's norm is the distance");
  }
  const int data_qubits = data_qubits_of(static_cast<std::int64_t>(a.size()));
  const bool whole = method == DistanceMethod::hadamard;
  // Only ratios count.
  const double largest = std::max(largest_a, largest_b);
  const std::vector<double> unit_a = relative(a, largest_a), unit_b = relative(b, largest_b);
  const double norm_a = norm_of(unit_a) * (largest_a / largest),
               norm_b = norm_of(unit_b) * (largest_b / largest);
  const std::vector<double> amplitudes =
      whole ? stacked(unit_a, unit_b, data_qubits, largest_a / largest, largest_b / largest)
            : stacked(unit_a, unit_b, data_qubits, 1.0 / norm_of(unit_a), 1.0 / norm_of(unit_b));
  std::vector<double> theta = tree_angles(amplitudes);
  if (!whole) theta[0] = std::numbers::pi / 2;
  return make_circuit(method, data_qubits, gate_angles(theta), Angle(2.0 * std::atan2(-norm_b, norm_a)))
      .circuit;
}

Circuit state_preparation(std::span<const double> amplitudes) {
  if (amplitudes.size() < 2 || !std::has_single_bit(amplitudes.size())) {
    throw InvalidArgument("amplitudes: length " + std::to_string(amplitudes.size()) +
                          " is not a power of two above 1");
  }
  expect_finite("amplitudes", amplitudes);
  const double largest = largest_of(amplitudes);
  if (!(largest > 0.0)) throw InvalidArgument("amplitudes: all are zero");
  const int n = std::countr_zero(amplitudes.size());
  Circuit circuit(n);
  std::vector<int> qubits(at(n));
  for (int q = 0; q < n; ++q) qubits[at(q)] = n - 1 - q;
  prepare(circuit, qubits, gate_angles(tree_angles(relative(amplitudes, largest))));
  return circuit;
}

}  // namespace nonideal::quantum
