#include "quantum/state.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.hpp"
#include "nonideal/base/memory.hpp"
#include "nonideal/quantum/readout.hpp"
#include "nonideal/quantum/statevector.hpp"

namespace nonideal::quantum {

void Release::operator()(void* memory) const {
#if defined(__linux__)
  if (mapped != 0) {
    munmap(memory, mapped);
    return;
  }
#endif
  std::free(memory);
}

void expect_memory(int n_qubits, double bytes) {
  nonideal::expect_memory("n_qubits = " + std::to_string(n_qubits), bytes);
}

void apply_readout(std::span<double> probabilities, std::span<const int> qubits, const NoiseModel& noise) {
  nonideal::detail::expect_count("probabilities", "numbers", static_cast<std::int64_t>(probabilities.size()),
                                 std::int64_t{1} << std::min<std::size_t>(qubits.size(), 62));
  for (std::size_t bit = 0; bit < qubits.size(); ++bit) {
    const ReadoutError error = noise.readout(qubits[bit]);
    if (error.p0_given_1 == 0.0 && error.p1_given_0 == 0.0) continue;
    const std::size_t half = std::size_t{1} << bit;
    for (std::size_t i = 0; i < probabilities.size(); ++i) {
      if ((i & half) != 0) continue;
      const double zero = probabilities[i], one = probabilities[i | half];
      probabilities[i] = (1.0 - error.p1_given_0) * zero + error.p0_given_1 * one;
      probabilities[i | half] = error.p1_given_0 * zero + (1.0 - error.p0_given_1) * one;
    }
  }
}

namespace detail {

void expect_parameters(const Circuit& circuit, std::span<const double> parameters) {
  nonideal::detail::expect_count("parameters", "numbers", static_cast<std::int64_t>(parameters.size()),
                                 circuit.n_parameters());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!std::isfinite(parameters[i])) {
      throw InvalidArgument(nonideal::detail::bracketed("parameters", static_cast<std::int64_t>(i)) + " = " +
                            nonideal::detail::shortest(parameters[i]) + " is not finite");
    }
  }
}

void expect_same_register(const Circuit& circuit, int n_qubits) {
  if (circuit.n_qubits() != n_qubits) {
    throw InvalidArgument("circuit: expected " + std::to_string(n_qubits) + " qubits, got " +
                          std::to_string(circuit.n_qubits()));
  }
}

void expect_qubits(std::span<const int> qubits, int n_qubits) {
  for (std::size_t i = 0; i < qubits.size(); ++i) {
    const std::string name = nonideal::detail::bracketed("qubits", static_cast<std::int64_t>(i));
    nonideal::detail::expect_within(name, qubits[i], 0, n_qubits - 1);
    for (std::size_t j = 0; j < i; ++j) {
      if (qubits[j] == qubits[i]) {
        throw InvalidArgument(name + " = " + std::to_string(qubits[i]) + " is named twice");
      }
    }
  }
}

void expect_pauli(std::uint64_t x, std::uint64_t z, int n_qubits) {
  const int needed = static_cast<int>(std::bit_width(x | z));
  if (needed > n_qubits) {
    throw InvalidArgument("term: qubit " + std::to_string(needed - 1) + " is outside [0, " +
                          std::to_string(n_qubits - 1) + "]");
  }
}

std::unique_ptr<void, Release> zero_bytes(int n_qubits, double bytes) {
  expect_memory(n_qubits, bytes);
  const auto size = static_cast<std::size_t>(bytes);
#if defined(__linux__)
  constexpr std::size_t kLargePage = std::size_t{1} << 21;
  if (size >= 2 * kLargePage) {  // a page more than needed: both ends are cut to whole large pages
    const std::size_t mapped = (size + kLargePage - 1) / kLargePage * kLargePage;
    void* const found =
        mmap(nullptr, mapped + kLargePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (found == MAP_FAILED) throw std::bad_alloc();
    auto* const begin = static_cast<std::byte*>(found);
    const std::size_t skipped =
        (kLargePage - reinterpret_cast<std::uintptr_t>(begin) % kLargePage) % kLargePage;
    if (skipped != 0) munmap(begin, skipped);
    munmap(begin + skipped + mapped, kLargePage - skipped);
    madvise(begin + skipped, mapped, MADV_HUGEPAGE);
    return {begin + skipped, Release{mapped}};
  }
#endif
  constexpr std::size_t kLine = 64;
  void* const memory = std::aligned_alloc(kLine, (size + kLine - 1) / kLine * kLine);
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, size);
  return {memory, Release{}};
}

Gather::Gather(std::span<const int> positions, int n_bits) : shift_((n_bits + 1) / 2) {
  const auto fill = [&](std::vector<std::size_t>& table, int from, int to) {
    table.assign(std::size_t{1} << (to - from), 0);
    for (std::size_t i = 0; i < table.size(); ++i) {
      for (std::size_t b = 0; b < positions.size(); ++b) {
        const int p = positions[b];
        if (p >= from && p < to) table[i] |= ((i >> (p - from)) & 1) << b;
      }
    }
  };
  fill(low_, 0, shift_);
  fill(high_, shift_, n_bits);
}

template <class Real>
double pauli_sum(std::span<const std::complex<Real>> a, std::uint64_t x, std::uint64_t z, std::uint64_t begin,
                 std::uint64_t end) {
  double re = 0.0, im = 0.0;
  for (std::uint64_t i = begin; i < end; ++i) {
    const auto to = a[i ^ x], from = a[i];
    const double sign = (std::popcount(i & z) & 1) != 0 ? -1.0 : 1.0;
    const double tr = to.real(), ti = to.imag(), fr = from.real(), fi = from.imag();
    re += sign * (tr * fr + ti * fi);
    im += sign * (tr * fi - ti * fr);
  }
  switch (std::popcount(x & z) & 3) {
    case 0:
      return re;
    case 1:
      return -im;
    case 2:
      return -re;
    default:
      return im;
  }
}

template double pauli_sum<double>(std::span<const std::complex<double>>, std::uint64_t, std::uint64_t,
                                  std::uint64_t, std::uint64_t);
template double pauli_sum<float>(std::span<const std::complex<float>>, std::uint64_t, std::uint64_t,
                                 std::uint64_t, std::uint64_t);

void normalize(std::span<double> probabilities) {
  double sum = 0.0;
  for (double& p : probabilities) {
    p = std::max(p, 0.0);
    sum += p;
  }
  for (double& p : probabilities) p /= sum;
}

}  // namespace detail
}  // namespace nonideal::quantum
