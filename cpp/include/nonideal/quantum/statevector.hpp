#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/quantum/circuit.hpp"

namespace nonideal::quantum {

/// Gives the memory of a state back.
struct NONIDEAL_API Release {
  std::size_t mapped = 0;  ///< bytes mapped for it alone; 0: it is from the heap
  void operator()(void* memory) const;
};

/// The 2^n amplitudes of a noiseless register, qubit 0 the lowest bit of the index; Real is double or float.
///
/// Gates are multiplied into matrices on few qubits, phases that follow each other into one pass, and all
/// that fit are applied to a tile of the state while it is in the cache. `num_threads` 0 means the default;
/// small states stay serial. The same bits for every number of threads; between instruction sets amplitudes
/// differ by rounding, at most 1e-14 (double) and 1e-6 (float) for a few hundred gates.
template <class Real>
class NONIDEAL_API StateVector {
 public:
  /// |0...0>. Throws InvalidArgument, before it asks for any, where the memory available is too small.
  explicit StateVector(int n_qubits);
  /// |0...0> in memory of the caller, 2^n amplitudes, who leaves it alone: qubits without a gate stay |0>.
  StateVector(int n_qubits, std::span<std::complex<Real>> memory, int num_threads = 0);

  /// Applies the gates; measurements are left out. Throws InvalidArgument for another number of qubits, and
  /// for parameters that are missing or not finite.
  StateVector& apply(const Circuit& circuit, std::span<const double> parameters = {}, int num_threads = 0);

  /// Bytes that the passes of apply() over the state would read and write, at most: those that are zero by
  /// chance are left out. With its time this is the bandwidth that a circuit reaches. Throws as apply() does.
  double traffic(const Circuit& circuit, std::span<const double> parameters = {}) const;

  int n_qubits() const { return n_qubits_; }
  std::span<const std::complex<Real>> amplitudes() const { return amplitudes_; }
  /// Of the outcomes of measuring these qubits, (2^k,): the first is the lowest bit. They sum to 1 within
  /// 1e-15 2^k: what rounding added to the norm is taken off. Throws InvalidArgument for a qubit that is out
  /// of range or named twice.
  std::vector<double> probabilities(std::span<const int> qubits, int num_threads = 0) const;
  /// <P> of the Pauli string with X where bit q of `x` is set, Z where that of `z` is, Y where both are;
  /// summed in double.
  double expectation(std::uint64_t x, std::uint64_t z, int num_threads = 0) const;

 private:
  int n_qubits_;
  std::unique_ptr<std::complex<Real>[], Release> own_;
  std::span<std::complex<Real>> amplitudes_;
  std::uint64_t live_ = 0;  ///< qubits that a gate has turned; the others are |0>
};

extern template class StateVector<double>;
extern template class StateVector<float>;

/// Throws InvalidArgument where `bytes` are more than this machine has available: "n_qubits = 36 needs 1.0
/// TiB, 14.2 GiB are available".
NONIDEAL_API void expect_memory(int n_qubits, double bytes);

}  // namespace nonideal::quantum
