#pragma once

#include <cstddef>
#include <span>

#include "nonideal/quantum/circuit.hpp"
#include "nonideal/quantum/distance.hpp"

/// The circuits that measure distances, with open angles. Private to the library.
namespace nonideal::quantum {

inline constexpr int kMaxDimension = 4096;

int data_qubits_of(std::int64_t dimension);

/// The angles of a binary tree over `size` amplitudes: theta of level k, block j stands at 2^k - 1 + j. A
/// level with k controls turns its qubit by RY(theta_j) where the controls read j.
inline int angles_of_tree(int n_qubits) { return (1 << n_qubits) - 1; }

struct Template {
  Circuit circuit;
  std::size_t preparation;  ///< instructions that prepare states
};

/// `angles` of the tree over index and data qubits; `head`: the swap test's angle of qubit 1.
Template make_circuit(DistanceMethod method, int data_qubits, std::span<const Angle> angles, Angle head);

/// Throws InvalidArgument where a number is not finite.
void expect_finite(const char* name, std::span<const double> values);

}  // namespace nonideal::quantum
