#pragma once

#include <cstddef>
#include <span>
#include <vector>

/// Pauli transfer matrices: row-major, 4^n rows. Private to the library.
namespace nonideal::quantum {

inline std::size_t paulis_of(int n_qubits) { return std::size_t{1} << (2 * n_qubits); }

inline std::vector<double> multiply(std::span<const double> a, std::span<const double> b, std::size_t size) {
  std::vector<double> out(size * size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t k = 0; k < size; ++k) {
      const double factor = a[i * size + k];
      if (factor == 0.0) continue;
      for (std::size_t j = 0; j < size; ++j) out[i * size + j] += factor * b[k * size + j];
    }
  }
  return out;
}

}  // namespace nonideal::quantum
