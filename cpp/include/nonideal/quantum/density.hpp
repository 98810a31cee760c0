#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/quantum/circuit.hpp"
#include "nonideal/quantum/noise.hpp"
#include "nonideal/quantum/statevector.hpp"

namespace nonideal::quantum {

/// A density matrix in the real Pauli basis: 4^n coefficients r_P = tr(P rho), two bits of the index per
/// qubit, qubit 0 lowest, 0 to 3 for I, X, Y, Z; r_I = 1. Real is double or float.
///
/// Gates and the channels behind them act as Pauli transfer matrices, neighbours multiplied together. Threads
/// and instruction sets: as StateVector, the same tolerances in the coefficients.
template <class Real>
class NONIDEAL_API PauliState {
 public:
  /// |0...0>. Throws InvalidArgument, before it asks for any, where the memory available is too small.
  explicit PauliState(int n_qubits);

  /// Applies the gates, each followed by its channel; measurements are left out. Throws InvalidArgument for
  /// another number of qubits, parameters that are missing or not finite, and gates that `noise` refuses.
  PauliState& apply(const Circuit& circuit, const NoiseModel& noise = {},
                    std::span<const double> parameters = {}, int num_threads = 0);

  int n_qubits() const { return n_qubits_; }
  std::span<const Real> coefficients() const {
    return {coefficients_.get(), std::size_t{1} << 2 * n_qubits_};
  }
  /// Of the outcomes of measuring these qubits without readout error (see apply_readout()), (2^k,): the first
  /// is the lowest bit. What rounding left below 0 or added to the sum is taken off. Throws InvalidArgument
  /// for a qubit that is out of range or named twice.
  std::vector<double> probabilities(std::span<const int> qubits) const;
  /// tr(P rho) of the Pauli string of these masks; both bits set mean Y.
  double expectation(std::uint64_t x, std::uint64_t z) const;
  /// Writes rho, (2^n, 2^n) row-major. Throws InvalidArgument unless there are 4^n elements.
  void density_matrix(std::span<std::complex<Real>> out) const;

 private:
  int n_qubits_;
  std::unique_ptr<Real[], Release> coefficients_;
};

extern template class PauliState<double>;
extern template class PauliState<float>;

}  // namespace nonideal::quantum
