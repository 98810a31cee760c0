#include "nonideal/quantum/statevector.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "quantum/state.hpp"
#include "quantum/sweep.hpp"

namespace nonideal::quantum {

namespace detail {

template <>
Kernels<std::complex<double>> Kernels<std::complex<double>>::active() {
  return {NONIDEAL_PICK(quantum, dense_complex_f64), NONIDEAL_PICK(quantum, phases_f64)};
}
template <>
Kernels<std::complex<float>> Kernels<std::complex<float>>::active() {
  return {NONIDEAL_PICK(quantum, dense_complex_f32), NONIDEAL_PICK(quantum, phases_f32)};
}

}  // namespace detail

namespace {

using Complex = std::complex<double>;
using detail::Phase;
using Operations = detail::Operations<Complex>;

constexpr int kFusedQubits = 3;           ///< 2 and 4 take 0.8 to 1.25 of its time, 5 up to 2.9 times
constexpr int kPhasesForAPass = 4;        ///< so many phases that follow each other get a pass of their own
constexpr std::int64_t kBlock = 1 << 14;  ///< amplitudes that are summed together
constexpr std::int64_t kShare = 1 << 17;  ///< amplitudes a thread should have to read or to write, at least

bool diagonal(Gate gate) {
  switch (gate) {
    case Gate::id:
    case Gate::z:
    case Gate::s:
    case Gate::sdg:
    case Gate::t:
    case Gate::tdg:
    case Gate::rz:
    case Gate::p:
    case Gate::u1:
    case Gate::cz:
    case Gate::cp:
      return true;
    default:
      return false;
  }
}

std::uint64_t mask_of(const Instruction& instruction) {
  std::uint64_t mask = 0;
  for (const auto q : instruction.on()) mask |= std::uint64_t{1} << q;
  return mask;
}

/// Phases of a diagonal gate: everywhere, and where all its qubits are 1.
void add_phases(std::vector<Phase>& phases, const Matrix& matrix, std::uint64_t mask) {
  const Complex everywhere = matrix.front();
  if (everywhere != 1.0) phases.push_back({0, everywhere});
  const Complex there = detail::times(matrix.back(), std::conj(everywhere));
  if (there != 1.0) phases.push_back({mask, there});
}

/// The circuit as matrices and passes of phases.
Operations operations_of(const Circuit& circuit, std::span<const double> parameters) {
  const auto list = circuit.instructions();
  Operations out;
  out.list.reserve(list.size());
  out.numbers.reserve(16 * list.size());
  std::vector<bool> done(list.size());
  std::vector<std::size_t> members;
  for (std::size_t first = 0; first < list.size(); ++first) {
    if (done[first] || list[first].gate == Gate::barrier || list[first].gate == Gate::id) continue;
    if (diagonal(list[first].gate)) {
      std::uint64_t blocked = 0, all = 0;
      members.clear();
      int pairs = 0;
      const std::size_t end = std::min(list.size(), first + detail::kFusionWindow);
      for (std::size_t i = first; i < end; ++i) {
        const Instruction& instruction = list[i];
        if (done[i] || instruction.gate == Gate::barrier) continue;
        const std::uint64_t mask = mask_of(instruction);
        if (diagonal(instruction.gate) && (mask & blocked) == 0) {
          members.push_back(i);
          all |= mask;
          pairs += instruction.n_qubits == 2 ? 1 : 0;
        } else {
          blocked |= mask;
          if ((all & ~blocked) == 0) break;
        }
      }
      if (pairs >= kPhasesForAPass && std::popcount(all) > kFusedQubits) {
        detail::Operation pass{0, out.phases.size()};
        for (const std::size_t i : members) {
          done[i] = true;
          add_phases(out.phases, matrix_of(circuit, list[i], parameters), mask_of(list[i]));
        }
        pass.n_phases = out.phases.size() - pass.at;
        for (const Phase& phase : out.phases_of(pass)) pass.mask |= phase.mask;
        if (pass.diagonal()) out.list.push_back(pass);
        continue;
      }
    }
    out.add<std::uint8_t>(list[first].on(), matrix_of(circuit, list[first], parameters));
  }
  return out;
}

Operations fused(const Circuit& circuit, int n_qubits, std::span<const double> parameters) {
  detail::expect_same_register(circuit, n_qubits);
  detail::expect_parameters(circuit, parameters);
  return detail::fuse(operations_of(circuit, parameters), kFusedQubits, 1);
}

}  // namespace

template <class Real>
StateVector<Real>::StateVector(int n_qubits) : n_qubits_(n_qubits) {
  nonideal::detail::expect_within("n_qubits", n_qubits, 1, kMaxQubits);
  own_ = detail::zeros<std::complex<Real>>(n_qubits, n_qubits);
  amplitudes_ = {own_.get(), std::size_t{1} << n_qubits};
  amplitudes_[0] = 1;
}

template <class Real>
StateVector<Real>::StateVector(int n_qubits, std::span<std::complex<Real>> memory, int num_threads)
    : n_qubits_(n_qubits), amplitudes_(memory) {
  nonideal::detail::expect_within("n_qubits", n_qubits, 1, kMaxQubits);
  nonideal::detail::expect_count("memory", "amplitudes", static_cast<std::int64_t>(memory.size()),
                                 std::int64_t{1} << n_qubits);
  const auto size = static_cast<std::int64_t>(memory.size());
  nonideal::detail::for_blocks(
      size, kBlock, resolve_threads(num_threads, size, kShare), [&](std::int64_t begin, std::int64_t end) {
        std::fill(memory.begin() + begin, memory.begin() + end, std::complex<Real>(0));
      });
  memory[0] = 1;
}

template <class Real>
StateVector<Real>& StateVector<Real>::apply(const Circuit& circuit, std::span<const double> parameters,
                                            int num_threads) {
  const Operations operations = fused(circuit, n_qubits_, parameters);
  detail::run(amplitudes_.data(), n_qubits_, operations, num_threads, live_);
  for (const detail::Operation& operation : operations.list) {
    if (!operation.diagonal()) live_ |= operation.mask;
  }
  return *this;
}

template <class Real>
double StateVector<Real>::traffic(const Circuit& circuit, std::span<const double> parameters) const {
  const Operations operations = fused(circuit, n_qubits_, parameters);
  using Element = std::complex<Real>;
  return sizeof(Element) * detail::traffic(detail::plan<Element>(operations, n_qubits_, live_));
}

template <class Real>
std::vector<double> StateVector<Real>::probabilities(std::span<const int> qubits, int num_threads) const {
  detail::expect_qubits(qubits, n_qubits_);
  const auto size = static_cast<std::int64_t>(amplitudes_.size());
  const std::size_t outcomes = std::size_t{1} << qubits.size();
  const detail::Gather gather(qubits, n_qubits_);
  // Each part adds its amplitudes in order, then parts are added in order: threads change nothing. Parts are
  // few where the table is large.
  const std::int64_t parts = std::clamp<std::int64_t>(
      size / std::max<std::int64_t>(kBlock, 4 * static_cast<std::int64_t>(outcomes)), 1, 64);
  std::vector<double> table(static_cast<std::size_t>(parts) * outcomes);
  const std::int64_t length = (size + parts - 1) / parts;
  nonideal::detail::for_blocks(
      size, length, resolve_threads(num_threads, parts, 1), [&](std::int64_t begin, std::int64_t end) {
        double* const sums = table.data() + static_cast<std::size_t>(begin / length) * outcomes;
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
          const double re = amplitudes_[i].real(), im = amplitudes_[i].imag();
          sums[gather(i)] += re * re + im * im;
        }
      });
  for (std::size_t i = outcomes; i < table.size(); ++i) table[i % outcomes] += table[i];
  table.resize(outcomes);
  detail::normalize(table);
  return table;
}

template <class Real>
double StateVector<Real>::expectation(std::uint64_t x, std::uint64_t z, int num_threads) const {
  detail::expect_pauli(x, z, n_qubits_);
  const auto size = static_cast<std::int64_t>(amplitudes_.size());
  std::vector<double> parts(static_cast<std::size_t>((size + kBlock - 1) / kBlock));
  nonideal::detail::for_blocks(
      size, kBlock, resolve_threads(num_threads, size, kShare), [&](std::int64_t begin, std::int64_t end) {
        parts[static_cast<std::size_t>(begin / kBlock)] = detail::pauli_sum<Real>(
            amplitudes_, x, z, static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(end));
      });
  double sum = 0.0;
  for (const double part : parts) sum += part;
  return sum;
}

template class StateVector<double>;
template class StateVector<float>;

}  // namespace nonideal::quantum
