#include "nonideal/quantum/density.hpp"

#include <cmath>

#include "base/check.hpp"
#include "quantum/state.hpp"
#include "quantum/sweep.hpp"

namespace nonideal::quantum {

namespace detail {

template <>
Kernels<double> Kernels<double>::active() {
  return {NONIDEAL_PICK(quantum, dense_real_f64), nullptr};
}
template <>
Kernels<float> Kernels<float>::active() {
  return {NONIDEAL_PICK(quantum, dense_real_f32), nullptr};
}

}  // namespace detail

namespace {

constexpr int kFusedBits = 4;  ///< two qubits

/// after * before, square.
std::vector<double> product(std::span<const double> after, std::vector<double> before) {
  const auto size = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(before.size()))));
  std::vector<double> out(before.size());
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t k = 0; k < size; ++k) {
      const double factor = after[i * size + k];
      if (factor == 0.0) continue;
      for (std::size_t j = 0; j < size; ++j) out[i * size + j] += factor * before[k * size + j];
    }
  }
  return out;
}

detail::Operations<double> operations_of(const Circuit& circuit, const NoiseModel& noise,
                                         std::span<const double> parameters) {
  detail::Operations<double> out;
  for (const Instruction& instruction : circuit.instructions()) {
    if (instruction.gate == Gate::barrier) continue;
    std::vector<double> matrix = pauli_transfer_matrix(matrix_of(circuit, instruction, parameters));
    if (const Channel* const channel = noise.find(instruction)) {
      matrix = product(channel->pauli_transfer_matrix(), std::move(matrix));
    }
    std::vector<int> bits;
    for (const auto q : instruction.on()) bits.insert(bits.end(), {2 * q, 2 * q + 1});
    out.add<int>(bits, matrix);
  }
  return out;
}

/// Position of a Pauli string among the coefficients.
std::size_t position(std::uint64_t x, std::uint64_t z, int n_qubits) {
  std::size_t at = 0;
  for (int q = 0; q < n_qubits; ++q) {
    const bool has_x = (x >> q & 1) != 0, has_z = (z >> q & 1) != 0;
    at |= static_cast<std::size_t>(has_x ? (has_z ? 2 : 1) : (has_z ? 3 : 0)) << (2 * q);
  }
  return at;
}

}  // namespace

template <class Real>
PauliState<Real>::PauliState(int n_qubits) : n_qubits_(n_qubits) {
  nonideal::detail::expect_within("n_qubits", n_qubits, 1, kMaxQubits);
  coefficients_ = detail::zeros<Real>(n_qubits, 2 * n_qubits);
  const std::size_t size = std::size_t{1} << (2 * n_qubits);
  for (std::size_t i = 0; i < size; ++i) {  // |0><0| = (I + Z) / 2 on each qubit: digits 0 and 3
    if (((i ^ (i >> 1)) & 0x5555555555555555u) == 0) coefficients_[i] = 1;
  }
}

template <class Real>
PauliState<Real>& PauliState<Real>::apply(const Circuit& circuit, const NoiseModel& noise,
                                          std::span<const double> parameters, int num_threads) {
  detail::expect_same_register(circuit, n_qubits_);
  detail::expect_parameters(circuit, parameters);
  detail::run(coefficients_.get(), 2 * n_qubits_,
              detail::fuse(operations_of(circuit, noise, parameters), kFusedBits, 2), num_threads);
  return *this;
}

template <class Real>
std::vector<double> PauliState<Real>::probabilities(std::span<const int> qubits) const {
  detail::expect_qubits(qubits, n_qubits_);
  std::vector<double> out(std::size_t{1} << qubits.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::size_t at = 0;
    for (std::size_t b = 0; b < qubits.size(); ++b) {
      if ((i >> b & 1) != 0) at |= std::size_t{3} << (2 * qubits[b]);
    }
    out[i] = static_cast<double>(coefficients_[at]);
  }
  // Averages of products of Z to probabilities, one bit after the other.
  for (std::size_t half = 1; half < out.size(); half *= 2) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      if ((i & half) != 0) continue;
      const double even = out[i], odd = out[i | half];
      out[i] = (even + odd) / 2;
      out[i | half] = (even - odd) / 2;
    }
  }
  detail::normalize(out);
  return out;
}

template <class Real>
double PauliState<Real>::expectation(std::uint64_t x, std::uint64_t z) const {
  detail::expect_pauli(x, z, n_qubits_);
  return static_cast<double>(coefficients_[position(x, z, n_qubits_)]);
}

template <class Real>
void PauliState<Real>::density_matrix(std::span<std::complex<Real>> out) const {
  const std::size_t side = std::size_t{1} << n_qubits_;
  nonideal::detail::expect_count("out", "elements", static_cast<std::int64_t>(out.size()),
                                 static_cast<std::int64_t>(side * side));
  // The element of (row, column): r of the Pauli string with X where the bits differ ...
  for (std::size_t row = 0; row < side; ++row) {
    for (std::size_t z = 0; z < side; ++z) {
      out[row * side + z] = coefficients_[position(row, z, n_qubits_)];
    }
  }
  // ... summed over Z: out[flip][z] -> out[flip][column], P|column> = i^Y (-1)^(column . z) |column ^ flip>.
  for (std::size_t flip = 0; flip < side; ++flip) {
    std::complex<Real>* const line = out.data() + flip * side;
    for (int q = 0; q < n_qubits_; ++q) {
      const std::size_t half = std::size_t{1} << q;
      const bool flips = (flip & half) != 0;
      for (std::size_t i = 0; i < side; ++i) {
        if ((i & half) != 0) continue;
        const auto without = line[i] / Real(2);
        auto with = line[i | half] / Real(2);
        if (flips) with = {-with.imag(), with.real()};
        line[i] = without + with;
        line[i | half] = without - with;
      }
    }
  }
  // out[flip][column] -> out[row][column] with row = flip ^ column: swaps within each column.
  std::vector<std::complex<Real>> column(side);
  for (std::size_t c = 0; c < side; ++c) {
    for (std::size_t flip = 0; flip < side; ++flip) column[flip ^ c] = out[flip * side + c];
    for (std::size_t row = 0; row < side; ++row) out[row * side + c] = column[row];
  }
}

template class PauliState<double>;
template class PauliState<float>;

}  // namespace nonideal::quantum
