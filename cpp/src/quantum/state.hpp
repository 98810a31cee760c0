#pragma once

#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nonideal/quantum/circuit.hpp"
#include "nonideal/quantum/statevector.hpp"

/// What the simulators of one circuit share.
namespace nonideal::quantum::detail {

/// Throws InvalidArgument unless these are finite and as many as the circuit needs.
void expect_parameters(const Circuit& circuit, std::span<const double> parameters);
void expect_same_register(const Circuit& circuit, int n_qubits);
/// Throws InvalidArgument unless they differ and lie in [0, n_qubits).
void expect_qubits(std::span<const int> qubits, int n_qubits);
/// Throws InvalidArgument for a Pauli string beyond the register.
void expect_pauli(std::uint64_t x, std::uint64_t z, int n_qubits);

/// Zeros: at a cache line; large ones in large pages of their own where the system has them, which it maps
/// when they are touched first: what stays zero costs nothing.
std::unique_ptr<void, Release> zero_bytes(int n_qubits, double bytes);

/// 2^n_bits zeros for a register. Throws InvalidArgument where they do not fit into memory.
template <class T>
std::unique_ptr<T[], Release> zeros(int n_qubits, int n_bits) {
  auto bytes = zero_bytes(n_qubits, std::ldexp(static_cast<double>(sizeof(T)), n_bits));
  const Release release = bytes.get_deleter();
  return {static_cast<T*>(bytes.release()), release};
}

/// The bits of an index at these positions, the first one lowest: two table look-ups.
class Gather {
 public:
  Gather(std::span<const int> positions, int n_bits);
  std::size_t low(std::uint64_t index) const { return low_[index & (low_.size() - 1)]; }
  std::size_t high(std::uint64_t index) const { return high_[index >> shift_]; }
  std::size_t operator()(std::uint64_t index) const { return low(index) | high(index); }

 private:
  int shift_;
  std::vector<std::size_t> low_, high_;
};

/// Sum of conj(a[i ^ x]) (-1)^parity(i & z) a[i] i^(number of Y), over i in [begin, end): its real part.
template <class Real>
double pauli_sum(std::span<const std::complex<Real>> a, std::uint64_t x, std::uint64_t z, std::uint64_t begin,
                 std::uint64_t end);

/// Takes off what rounding left below 0 or added to the sum.
void normalize(std::span<double> probabilities);

}  // namespace nonideal::quantum::detail
