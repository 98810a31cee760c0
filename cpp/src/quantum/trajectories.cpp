#include "nonideal/quantum/trajectories.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/base/threads.hpp"
#include "nonideal/quantum/statevector.hpp"
#include "quantum/kernels/frequency.hpp"
#include "quantum/operations.hpp"
#include "quantum/state.hpp"

namespace nonideal::quantum {
namespace {

using Complex = std::complex<double>;
using detail::times;

constexpr std::int64_t kWords = std::int64_t{1} << 32;
constexpr int kFusedQubits = 3;

/// Uniform numbers of one shot, by their index.
class Draws {
 public:
  Draws(const TrajectoryOptions& options, std::int64_t shot)
      : seed_(options.seed),
        counter_{{static_cast<std::uint32_t>(shot), static_cast<std::uint32_t>(options.circuit),
                  static_cast<std::uint32_t>(Purpose::kTrajectory) << 24,
                  static_cast<std::uint32_t>(options.stream)}} {}

  double uniform(std::size_t index) const {
    Words4 counter = counter_;
    counter.w[2] |= static_cast<std::uint32_t>(index / 2);
    const Words4 words = philox(counter, seed_);
    return index % 2 == 0 ? uniform53(words.w[0], words.w[1]) : uniform53(words.w[2], words.w[3]);
  }

 private:
  std::uint64_t seed_;
  Words4 counter_;
};

/// Element (row, column) of a Pauli string, two bits per qubit.
Complex pauli_element(std::size_t pauli, std::size_t row, std::size_t column) {
  Complex value = 1.0;
  for (int q = 0; q < 32 && (pauli >> (2 * q) != 0 || (row ^ column) >> q != 0); ++q) {
    const std::size_t digit = pauli >> (2 * q) & 3;
    const bool r = (row >> q & 1) != 0, c = (column >> q & 1) != 0;
    if ((digit == 1 || digit == 2) != (r != c)) return 0.0;
    if (digit == 2) value = times(value, r ? Complex(0, 1) : Complex(0, -1));
    if (digit == 3 && r) value = -value;
  }
  return value;
}

/// Kraus operators: columns of the pivoted Cholesky factor of the Choi matrix, most weight first.
std::vector<Matrix> kraus_operators(const Channel& channel) {
  const std::size_t size = std::size_t{1} << channel.n_qubits(), side = size * size;
  const auto transfer = channel.pauli_transfer_matrix();
  // choi[(i, a), (j, b)] = <i| E(|a><b|) |j> = 2^-n sum R[p][q] P_q[b, a] P_p[i, j]
  Matrix choi(side * side);
  for (std::size_t p = 0; p < side; ++p) {
    for (std::size_t q = 0; q < side; ++q) {
      const double weight = transfer[p * side + q] / static_cast<double>(size);
      if (weight == 0.0) continue;
      for (std::size_t row = 0; row < side; ++row) {
        const std::size_t i = row / size, a = row % size;
        for (std::size_t column = 0; column < side; ++column) {
          const std::size_t j = column / size, b = column % size;
          const Complex left = pauli_element(q, b, a);
          if (left == 0.0) continue;
          choi[row * side + column] += weight * times(left, pauli_element(p, i, j));
        }
      }
    }
  }
  std::vector<Matrix> operators;
  for (std::size_t step = 0; step < side; ++step) {
    std::size_t pivot = 0;
    for (std::size_t i = 1; i < side; ++i) {
      if (choi[i * side + i].real() > choi[pivot * side + pivot].real()) pivot = i;
    }
    const double weight = choi[pivot * side + pivot].real();
    if (weight < 1e-13) break;
    Matrix column(side);
    for (std::size_t i = 0; i < side; ++i) column[i] = choi[i * side + pivot] / std::sqrt(weight);
    for (std::size_t i = 0; i < side; ++i) {
      for (std::size_t j = 0; j < side; ++j) {
        choi[i * side + j] -= times(column[i], std::conj(column[j]));
      }
    }
    operators.push_back(std::move(column));  // K[i, a]
  }
  return operators;
}

/// Probabilities of the Pauli strings of a channel whose transfer matrix is diagonal.
std::vector<double> pauli_probabilities(const Channel& channel) {
  const std::size_t side = std::size_t{1} << (2 * channel.n_qubits());
  std::vector<double> out(side);
  for (std::size_t p = 0; p < side; ++p) {
    double sum = 0.0;
    for (std::size_t q = 0; q < side; ++q) {
      bool odd = false;  // whether the strings anticommute
      for (int k = 0; k < channel.n_qubits(); ++k) {
        const std::size_t a = p >> (2 * k) & 3, b = q >> (2 * k) & 3;
        odd ^= a != 0 && b != 0 && a != b;
      }
      const double shrunk = channel.pauli_transfer_matrix()[q * side + q];
      sum += odd ? -shrunk : shrunk;
    }
    out[p] = std::max(sum / static_cast<double>(side), 0.0);
  }
  return out;
}

/// The first index at which the running sum passes `u`, the last one with a weight otherwise.
std::size_t choose(std::span<const double> weights, double u) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0.0) continue;
    last = i;
    u -= weights[i];
    if (u < 0.0) break;
  }
  return last;
}

/// What can happen behind a noisy gate.
struct Jump {
  std::vector<int> qubits;
  std::vector<double> probabilities;  ///< of Pauli strings; empty for others
  std::vector<Matrix> operators;      ///< Pauli strings or Kraus operators
  std::vector<Matrix> squares;        ///< K^dagger K
};

/// Unitary matrices up to the next jump, then the jump (none after the last).
struct Stage {
  detail::Operations<Complex> gates;
  std::optional<Jump> jump;
};

Matrix square_of(const Matrix& k, std::size_t size) {
  Matrix out(k.size());
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      for (std::size_t m = 0; m < size; ++m) {
        out[i * size + j] += times(std::conj(k[m * size + i]), k[m * size + j]);
      }
    }
  }
  return out;
}

Jump jump_of(const Channel& channel, std::span<const std::uint8_t> on) {
  Jump jump{{on.begin(), on.end()}, {}, {}, {}};
  const std::size_t size = std::size_t{1} << on.size();
  if (channel.diagonal()) {
    jump.probabilities = pauli_probabilities(channel);
    for (std::size_t pauli = 0; pauli < size * size; ++pauli) {
      Matrix matrix(size * size);
      for (std::size_t i = 0; i < size * size; ++i) matrix[i] = pauli_element(pauli, i / size, i % size);
      jump.operators.push_back(std::move(matrix));
    }
    return jump;
  }
  jump.operators = kraus_operators(channel);
  for (const Matrix& k : jump.operators) jump.squares.push_back(square_of(k, size));
  return jump;
}

std::vector<Stage> stages_of(const Circuit& circuit, const NoiseModel& noise,
                             std::span<const double> parameters) {
  std::vector<Stage> stages(1);
  for (const Instruction& instruction : circuit.instructions()) {
    if (instruction.gate == Gate::barrier) continue;
    const auto on = instruction.on();
    stages.back().gates.add<std::uint8_t>(on, matrix_of(circuit, instruction, parameters));
    const Channel* const channel = noise.find(instruction);
    if (channel == nullptr) continue;
    stages.back().jump = jump_of(*channel, on);
    stages.emplace_back();
  }
  for (Stage& stage : stages) stage.gates = detail::fuse(stage.gates, kFusedQubits, 1);
  return stages;
}

/// One register; every operation in one order of arithmetic, whatever the instruction set.
class Register {
 public:
  explicit Register(int n_qubits)
      : n_qubits_(n_qubits),
        size_(std::size_t{1} << n_qubits),
        memory_(detail::zeros<Complex>(n_qubits, n_qubits)) {}

  void reset() {
    std::fill(memory_.get(), memory_.get() + size_, Complex(0));
    memory_[0] = 1.0;
  }

  void apply(std::span<const int> qubits, std::span<const Complex> matrix) {
    detail::apply_matrix<Complex, Complex>(memory_.get(), n_qubits_, qubits, matrix);
  }

  /// Draws a Kraus operator with its probability in this state, applies it, takes the norm back to 1.
  void jump(const Jump& jump, double u) {
    const std::size_t size = std::size_t{1} << jump.qubits.size();
    const Matrix reduced = reduced_density(jump.qubits);
    std::vector<double> weights;
    for (const Matrix& square : jump.squares) {
      double weight = 0.0;
      for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t j = 0; j < size; ++j) {
          weight += times(square[i * size + j], reduced[j * size + i]).real();
        }
      }
      weights.push_back(weight);
    }
    double total = 0.0;
    for (const double weight : weights) total += std::max(weight, 0.0);
    const std::size_t chosen = choose(weights, u * total);
    Matrix matrix = jump.operators[chosen];
    for (Complex& element : matrix) element /= std::sqrt(weights[chosen]);
    apply(jump.qubits, matrix);
  }

  std::span<const Complex> amplitudes() const { return {memory_.get(), size_}; }

 private:
  Matrix reduced_density(std::span<const int> qubits) const {
    const std::size_t size = std::size_t{1} << qubits.size();
    std::vector<std::size_t> offsets(size);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t b = 0; b < qubits.size(); ++b) offsets[i] |= ((i >> b) & 1) << qubits[b];
    }
    const std::size_t rest = (size_ - 1) & ~offsets.back();
    std::size_t group = 0;
    Matrix out(size * size);
    do {
      const Complex* const base = memory_.get() + group;
      for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t j = 0; j < size; ++j) {
          out[i * size + j] += times(base[offsets[i]], std::conj(base[offsets[j]]));
        }
      }
      group = detail::next(group, rest);
    } while (group != 0);
    return out;
  }

  int n_qubits_;
  std::size_t size_;
  std::unique_ptr<Complex[], Release> memory_;
};

/// What all shots of a job run through.
struct Job {
  std::vector<Stage> stages;
  std::size_t sites = 0;  ///< noisy gates, each with one uniform number
  bool shared = true;     ///< whether shots that draw the same Pauli strings share one run

  Job(const Circuit& circuit, const NoiseModel& noise, std::span<const double> parameters)
      : stages(stages_of(circuit, noise, parameters)), sites(stages.size() - 1) {
    if (sites > (std::size_t{1} << 24)) {
      throw InvalidArgument("circuit: " + std::to_string(sites) + " noisy gates are above 2^24");
    }
    for (const Stage& stage : stages) shared &= !stage.jump || !stage.jump->probabilities.empty();
  }

  /// Cuts the shots [begin, end) into groups that share one run.
  std::vector<std::vector<std::int64_t>> groups(const TrajectoryOptions& options, std::int64_t begin,
                                                std::int64_t end) const {
    std::vector<std::vector<std::int64_t>> out;
    if (!shared) {
      for (std::int64_t shot = begin; shot < end; ++shot) out.push_back({shot});
      return out;
    }
    std::map<std::vector<std::pair<std::uint32_t, std::uint8_t>>, std::size_t> known;
    for (std::int64_t shot = begin; shot < end; ++shot) {
      const Draws draws(options, shot);
      std::vector<std::pair<std::uint32_t, std::uint8_t>> errors;
      for (std::size_t s = 0; s < sites; ++s) {
        const std::size_t pauli = choose(stages[s].jump->probabilities, draws.uniform(s));
        if (pauli != 0) errors.emplace_back(static_cast<std::uint32_t>(s), static_cast<std::uint8_t>(pauli));
      }
      const auto [at, fresh] = known.try_emplace(std::move(errors), out.size());
      if (fresh) out.emplace_back();
      out[at->second].push_back(shot);
    }
    return out;
  }

  void run(Register& state, const Draws& draws) const {
    state.reset();
    for (std::size_t s = 0; s < stages.size(); ++s) {
      const auto& gates = stages[s].gates;
      for (const auto& gate : gates.list) state.apply(detail::Bits(gate.mask), gates.matrix(gate));
      if (!stages[s].jump) continue;
      const Jump& jump = *stages[s].jump;
      if (jump.probabilities.empty()) {
        state.jump(jump, draws.uniform(s));
      } else if (const std::size_t pauli = choose(jump.probabilities, draws.uniform(s)); pauli != 0) {
        state.apply(jump.qubits, jump.operators[pauli]);
      }
    }
  }
};

void expect_options(const TrajectoryOptions& options) {
  nonideal::detail::expect_within("shots", options.shots, 1, kWords - 1);
  nonideal::detail::expect_within("circuit", options.circuit, 0, kWords - 1);
  if (options.stream >= static_cast<std::uint64_t>(kWords)) {
    throw InvalidArgument("stream = " + std::to_string(options.stream) + " is outside [0, 2^32)");
  }
}

/// Registers of threads that go through groups of shots, block of shots by block: what is held of a block
/// does not grow with the shots.
class Walk {
 public:
  Walk(const Circuit& circuit, const NoiseModel& noise, std::span<const double> parameters,
       const TrajectoryOptions& options)
      : circuit_(circuit), options_(options), job_(circuit, noise, parameters) {}

  const Job& job() const { return job_; }

  /// Shots of a block where `numbers` are kept of every shot: groups of up to 2^18 shots share a run, and
  /// some 32 MB are held.
  std::int64_t block(std::size_t numbers) const {
    const auto per_shot = static_cast<std::int64_t>(std::max({numbers, job_.sites / 4, std::size_t{1}}));
    return std::clamp(kHeld / per_shot, std::int64_t{1}, kBlock);
  }

  /// Calls visit(group, state) for every group of the shots [begin, end), on its final state.
  template <class Visit>
  void run(std::int64_t begin, std::int64_t end, const Visit& visit) {
    const auto grouped = job_.groups(options_, begin, end);
    const auto groups = static_cast<std::int64_t>(grouped.size());
    const int n_qubits = circuit_.n_qubits();
    const std::int64_t work = groups * static_cast<std::int64_t>(circuit_.instructions().size() + 1);
    const int wanted = resolve_threads(options_.num_threads, work << std::min(n_qubits, 20), 1 << 16);
    const int threads = static_cast<int>(std::min<std::int64_t>(wanted, groups));
    const int missing = threads - static_cast<int>(states_.size());
    if (missing > 0) {
      expect_memory(n_qubits, static_cast<double>(sizeof(Complex)) * std::ldexp(1.0, n_qubits) * missing);
    }
    while (static_cast<int>(states_.size()) < threads) states_.emplace_back(n_qubits);
    std::atomic<std::int64_t> next{0};
    nonideal::detail::for_blocks(threads, 1, threads, [&](std::int64_t t, std::int64_t) {
      Register& state = states_[static_cast<std::size_t>(t)];
      for (std::int64_t g = next++; g < groups; g = next++) {
        const auto& shots = grouped[static_cast<std::size_t>(g)];
        job_.run(state, Draws(options_, shots.front()));
        visit(shots, state);
      }
    });
  }

 private:
  static constexpr std::int64_t kBlock = 1 << 18;
  static constexpr std::int64_t kHeld = 1 << 22;

  const Circuit& circuit_;
  const TrajectoryOptions& options_;
  Job job_;
  std::vector<Register> states_;
};

/// Mean of numbers and the variance of that mean, added up one by one in a fixed order.
class Moments {
 public:
  void add(double value) {
    if (n_ == 0) first_ = value;
    const double off = value - first_;
    sum_ += off;
    squares_ += off * off;
    ++n_;
    if (alike(value, first_)) {
      ++of_first_;
    } else if (of_second_ == 0 || alike(value, second_)) {
      second_ = value;
      ++of_second_;
    }
  }

  double mean() const { return first_ + sum_ / static_cast<double>(n_); }

  /// Of numbers in [-1, 1]. Where all are the same, or all but one, rare ones may not have been seen: then
  /// not less than two shots at the other end of the range would make it, as frequency_variance() has it.
  double variance_of_mean() const {
    const auto n = static_cast<double>(n_);
    const double spread = n_ > 1 ? std::max(0.0, squares_ - sum_ * sum_ / n) / (n - 1.0) / n : 0.0;
    const bool rare = n_ - std::max(of_first_, of_second_) < 2;
    return rare ? std::max(spread, 4.0 * kernels::frequency_variance(0.0, n)) : spread;
  }

 private:
  static bool alike(double a, double b) { return std::abs(a - b) < 1e-12; }  // other paths round otherwise

  std::int64_t n_ = 0, of_first_ = 0, of_second_ = 0;
  double first_ = 0.0, second_ = 0.0;  ///< the first two different numbers
  double sum_ = 0.0, squares_ = 0.0;   ///< of distances to the first one
};

}  // namespace

void trajectory_counts(const Circuit& circuit, const NoiseModel& noise, std::span<const double> parameters,
                       std::span<const int> qubits, const TrajectoryOptions& options,
                       std::span<std::int64_t> counts) {
  expect_options(options);
  detail::expect_parameters(circuit, parameters);
  detail::expect_qubits(qubits, circuit.n_qubits());
  nonideal::detail::expect_count("counts", "numbers", static_cast<std::int64_t>(counts.size()),
                                 std::int64_t{1} << qubits.size());
  expect_memory(circuit.n_qubits(),
                static_cast<double>(sizeof(Complex)) * std::ldexp(1.0, circuit.n_qubits()));
  Walk walk(circuit, noise, parameters, options);
  const std::size_t sites = walk.job().sites;
  std::fill(counts.begin(), counts.end(), 0);
  const detail::Gather gather(qubits, circuit.n_qubits());
  std::vector<ReadoutError> readout;
  for (const int qubit : qubits) readout.push_back(noise.readout(qubit));
  const auto visit = [&](const std::vector<std::int64_t>& shots, const Register& state) {
    // Outcomes of many shots in one pass: their uniform numbers in ascending order.
    std::vector<std::pair<double, std::int64_t>> order;
    for (const std::int64_t shot : shots) {
      order.emplace_back(Draws(options, shot).uniform(sites), shot);
    }
    std::sort(order.begin(), order.end());
    const auto amplitudes = state.amplitudes();
    double norm = 0.0;
    for (const Complex a : amplitudes) norm += a.real() * a.real() + a.imag() * a.imag();
    double sum = 0.0;
    std::size_t at = 0, last = 0;
    const auto record = [&](std::size_t basis, std::int64_t shot) {
      std::size_t outcome = gather(basis);
      for (std::size_t b = 0; b < qubits.size(); ++b) {
        const bool one = (outcome >> b & 1) != 0;
        const double wrong = one ? readout[b].p0_given_1 : readout[b].p1_given_0;
        if (wrong > 0.0 && Draws(options, shot).uniform(sites + 1 + b) < wrong) {
          outcome ^= std::size_t{1} << b;
        }
      }
      std::atomic_ref<std::int64_t>(counts[outcome]).fetch_add(1, std::memory_order_relaxed);
    };
    for (std::size_t i = 0; i < amplitudes.size() && at < order.size(); ++i) {
      const double p =
          amplitudes[i].real() * amplitudes[i].real() + amplitudes[i].imag() * amplitudes[i].imag();
      if (p == 0.0) continue;
      last = i;
      sum += p;
      for (; at < order.size() && order[at].first * norm < sum; ++at) record(i, order[at].second);
    }
    for (; at < order.size(); ++at) record(last, order[at].second);
  };
  const std::int64_t block = walk.block(1);
  for (std::int64_t first = 0; first < options.shots; first += block) {
    walk.run(first, std::min(options.shots, first + block), visit);
  }
}

void trajectory_expectation(const Circuit& circuit, const NoiseModel& noise,
                            std::span<const double> parameters,
                            std::span<const std::pair<std::uint64_t, std::uint64_t>> terms,
                            const TrajectoryOptions& options, std::span<double> means,
                            std::span<double> variances) {
  expect_options(options);
  detail::expect_parameters(circuit, parameters);
  for (const auto& [x, z] : terms) detail::expect_pauli(x, z, circuit.n_qubits());
  const auto n_terms = static_cast<std::int64_t>(terms.size());
  nonideal::detail::expect_count("means", "numbers", static_cast<std::int64_t>(means.size()), n_terms);
  nonideal::detail::expect_count("variances", "numbers", static_cast<std::int64_t>(variances.size()),
                                 n_terms);
  expect_memory(circuit.n_qubits(),
                static_cast<double>(sizeof(Complex)) * std::ldexp(1.0, circuit.n_qubits()));
  Walk walk(circuit, noise, parameters, options);
  const std::int64_t block = std::min(options.shots, walk.block(terms.size()));
  std::vector<double> values(static_cast<std::size_t>(block) * terms.size());
  std::vector<Moments> moments(terms.size());
  for (std::int64_t first = 0; first < options.shots; first += block) {
    const std::int64_t end = std::min(options.shots, first + block);
    walk.run(first, end, [&](const std::vector<std::int64_t>& group, const Register& state) {
      for (std::size_t t = 0; t < terms.size(); ++t) {
        const double value = detail::pauli_sum<double>(state.amplitudes(), terms[t].first, terms[t].second, 0,
                                                       state.amplitudes().size());
        for (const std::int64_t shot : group) {
          values[static_cast<std::size_t>(shot - first) * terms.size() + t] = value;
        }
      }
    });
    for (std::int64_t shot = first; shot < end; ++shot) {
      for (std::size_t t = 0; t < terms.size(); ++t) {
        moments[t].add(values[static_cast<std::size_t>(shot - first) * terms.size() + t]);
      }
    }
  }
  for (std::size_t t = 0; t < terms.size(); ++t) {
    means[t] = moments[t].mean();
    // Without noisy gates all runs are the same one.
    variances[t] = walk.job().sites > 0 ? moments[t].variance_of_mean() : 0.0;
  }
}

}  // namespace nonideal::quantum
