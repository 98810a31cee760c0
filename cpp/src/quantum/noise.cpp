#include "nonideal/quantum/noise.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "base/check.hpp"

namespace nonideal::quantum {

namespace {

using Complex = std::complex<double>;

constexpr int kMaxChannelQubits = 3;
constexpr double kTolerance = 1e-8;

std::size_t paulis_of(int n_qubits) { return std::size_t{1} << (2 * n_qubits); }

std::vector<double> multiply(std::span<const double> a, std::span<const double> b, std::size_t size) {
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

std::vector<double> diagonal_matrix(std::span<const double> values) {
  std::vector<double> out(values.size() * values.size());
  for (std::size_t i = 0; i < values.size(); ++i) out[i * values.size() + i] = values[i];
  return out;
}

/// Pauli strings commute where they differ in an even number of places at which neither is the identity.
bool anticommute(std::size_t a, std::size_t b, int n_qubits) {
  bool odd = false;
  for (int q = 0; q < n_qubits; ++q) {
    const std::size_t pa = a >> (2 * q) & 3, pb = b >> (2 * q) & 3;
    odd ^= pa != 0 && pb != 0 && pa != pb;
  }
  return odd;
}

/// Element (row, column) of a Pauli string; zero off its permutation.
Complex pauli_element(std::size_t pauli, std::size_t row, std::size_t column, int n_qubits) {
  Complex value = 1.0;
  for (int q = 0; q < n_qubits; ++q) {
    const bool r = row >> q & 1, c = column >> q & 1;
    switch (pauli >> (2 * q) & 3) {
      case 0:
        if (r != c) return 0.0;
        break;
      case 1:
        if (r == c) return 0.0;
        break;
      case 2:
        if (r == c) return 0.0;
        value *= r ? Complex(0, 1) : Complex(0, -1);
        break;
      default:
        if (r != c) return 0.0;
        if (r) value = -value;
    }
  }
  return value;
}

/// Whether the Choi matrix has no eigenvalue below -kTolerance: Cholesky's decomposition of it plus
/// kTolerance exists.
bool completely_positive(std::span<const double> matrix, int n_qubits) {
  const std::size_t size = std::size_t{1} << n_qubits, paulis = paulis_of(n_qubits);
  // choi[(a, i), (b, j)] = 2^-n sum R[p][q] P_q^T[a, b] P_p[i, j], eigenvalues sum to 2^n.
  std::vector<Complex> choi(paulis * paulis);
  for (std::size_t p = 0; p < paulis; ++p) {
    for (std::size_t q = 0; q < paulis; ++q) {
      const double weight = matrix[p * paulis + q] / static_cast<double>(size);
      if (weight == 0.0) continue;
      for (std::size_t a = 0; a < size; ++a) {
        for (std::size_t b = 0; b < size; ++b) {
          const Complex left = pauli_element(q, b, a, n_qubits);
          if (left == 0.0) continue;
          for (std::size_t i = 0; i < size; ++i) {
            for (std::size_t j = 0; j < size; ++j) {
              const Complex right = pauli_element(p, i, j, n_qubits);
              if (right != 0.0) choi[(a * size + i) * paulis + b * size + j] += weight * left * right;
            }
          }
        }
      }
    }
  }
  for (std::size_t i = 0; i < paulis; ++i) {
    choi[i * paulis + i] += kTolerance;
    for (std::size_t j = 0; j <= i; ++j) {
      Complex sum = choi[i * paulis + j];
      for (std::size_t k = 0; k < j; ++k) {
        sum -= choi[i * paulis + k] * std::conj(choi[j * paulis + k]);
      }
      if (i == j) {
        if (!(sum.real() > 0.0)) return false;
        choi[i * paulis + i] = std::sqrt(sum.real());
      } else {
        choi[i * paulis + j] = sum / choi[j * paulis + j].real();
      }
    }
  }
  return true;
}

double whole(double scale) { return std::nearbyint(scale); }

/// Throws unless low <= p <= high.
void expect_error_rate(double p, double high) {
  if (!(p >= 0.0 && p <= high)) {
    throw InvalidArgument("p = " + detail::shortest(p) + " is outside [0, " + detail::shortest(high) + "]");
  }
}

}  // namespace

Channel Channel::from_pauli_transfer_matrix(std::vector<double> matrix) {
  int n_qubits = 1;
  while (n_qubits < kMaxChannelQubits && paulis_of(n_qubits) * paulis_of(n_qubits) < matrix.size())
    ++n_qubits;
  const std::size_t paulis = paulis_of(n_qubits);
  if (matrix.size() != paulis * paulis) {
    throw InvalidArgument("matrix: " + std::to_string(matrix.size()) +
                          " elements; a Pauli transfer matrix has 16, 256 or 4096");
  }
  for (const double value : matrix) {
    if (!std::isfinite(value)) {
      throw InvalidArgument("matrix: " + detail::shortest(value) + " is not finite");
    }
  }
  for (std::size_t j = 0; j < paulis; ++j) {
    if (!(std::abs(matrix[j] - (j == 0 ? 1.0 : 0.0)) <= kTolerance)) {
      throw InvalidArgument("matrix does not preserve the trace: its first row is not 1, 0, ..., 0");
    }
    matrix[j] = j == 0 ? 1.0 : 0.0;
  }
  if (!completely_positive(matrix, n_qubits)) {
    throw InvalidArgument("matrix is not completely positive: its Choi matrix has a negative eigenvalue");
  }
  return {n_qubits, std::move(matrix)};
}

Channel Channel::kraus(std::span<const Matrix> operators) {
  if (operators.empty()) throw InvalidArgument("operators: none given; a channel has at least one");
  int n_qubits = 1;
  while (n_qubits < kMaxChannelQubits && (std::size_t{1} << (2 * n_qubits)) < operators[0].size()) ++n_qubits;
  const std::size_t size = std::size_t{1} << n_qubits, paulis = paulis_of(n_qubits);
  for (std::size_t o = 0; o < operators.size(); ++o) {
    if (operators[o].size() != size * size) {
      throw InvalidArgument(detail::bracketed("operators", static_cast<std::int64_t>(o)) + ": " +
                            std::to_string(operators[o].size()) +
                            " elements; all must have the same 4, 16 or 64");
    }
  }
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      Complex sum = 0.0;
      for (const Matrix& k : operators) {
        for (std::size_t r = 0; r < size; ++r) sum += std::conj(k[r * size + i]) * k[r * size + j];
      }
      if (!(std::abs(sum - (i == j ? 1.0 : 0.0)) <= kTolerance)) {
        throw InvalidArgument("operators do not preserve the trace: |sum K^dagger K - 1| > 1e-8");
      }
    }
  }
  std::vector<double> matrix(paulis * paulis);
  for (const Matrix& k : operators) {
    // tr(P_i K P_j K^dagger) = sum P_i[a, b] K[b, c] P_j[c, d] conj(K[a, d])
    for (std::size_t i = 0; i < paulis; ++i) {
      for (std::size_t j = 0; j < paulis; ++j) {
        Complex trace = 0.0;
        for (std::size_t a = 0; a < size; ++a) {
          for (std::size_t b = 0; b < size; ++b) {
            const Complex left = pauli_element(i, a, b, n_qubits);
            if (left == 0.0) continue;
            for (std::size_t c = 0; c < size; ++c) {
              for (std::size_t d = 0; d < size; ++d) {
                const Complex right = pauli_element(j, c, d, n_qubits);
                if (right != 0.0) trace += left * k[b * size + c] * right * std::conj(k[a * size + d]);
              }
            }
          }
        }
        matrix[i * paulis + j] += trace.real() / static_cast<double>(size);
      }
    }
  }
  for (std::size_t j = 0; j < paulis; ++j) matrix[j] = j == 0 ? 1.0 : 0.0;
  return {n_qubits, std::move(matrix)};
}

Channel Channel::identity(int n_qubits) {
  detail::expect_within("n_qubits", n_qubits, 1, kMaxChannelQubits);
  return {n_qubits, diagonal_matrix(std::vector<double>(paulis_of(n_qubits), 1.0))};
}

Channel Channel::depolarizing(double p, int n_qubits, Convention convention) {
  detail::expect_within("n_qubits", n_qubits, 1, kMaxChannelQubits);
  const auto paulis = static_cast<double>(paulis_of(n_qubits));
  switch (convention) {
    case Convention::pyqpanda3: {
      expect_error_rate(p, 4.0 / 3.0);
      const std::vector<double> one = {1.0, 1.0 - p, 1.0 - p, 1.0 - p};
      Channel out(1, diagonal_matrix(one));
      for (int q = 1; q < n_qubits; ++q) out = out.tensor(Channel(1, diagonal_matrix(one)));
      return out;
    }
    case Convention::cirq:
      expect_error_rate(p, 1.0);
      p *= paulis / (paulis - 1.0);
      break;
    case Convention::qiskit:
    case Convention::qpanda:
      expect_error_rate(p, paulis / (paulis - 1.0));
  }
  std::vector<double> values(paulis_of(n_qubits), 1.0 - p);
  values[0] = 1.0;
  return {n_qubits, diagonal_matrix(values)};
}

Channel Channel::pauli(std::span<const std::pair<std::string, double>> probabilities) {
  if (probabilities.empty()) throw InvalidArgument("probabilities: none given");
  const std::size_t length = probabilities[0].first.size();
  detail::expect_within("length of a Pauli string", static_cast<std::int64_t>(length), 1, kMaxChannelQubits);
  const int n_qubits = static_cast<int>(length);
  std::vector<double> values(paulis_of(n_qubits), 1.0);
  double total = 0.0;
  for (const auto& [label, probability] : probabilities) {
    const std::string name = "probabilities['" + label + "']";
    if (label.size() != length) {
      throw InvalidArgument(name + ": all Pauli strings must have length " + std::to_string(length));
    }
    detail::expect_probability(name, probability);
    std::size_t error = 0;
    for (std::size_t i = 0; i < length; ++i) {
      const std::size_t letter = std::string_view("IXYZ").find(label[length - 1 - i]);
      if (letter == std::string_view::npos) throw InvalidArgument(name + ": letters are I, X, Y, Z");
      error |= letter << (2 * i);
    }
    if (error != 0) total += probability;
    for (std::size_t p = 0; p < values.size(); ++p) {
      if (anticommute(p, error, n_qubits)) values[p] -= 2.0 * probability;
    }
  }
  if (total > 1.0 + 1e-12) {
    throw InvalidArgument("probabilities: their sum " + detail::shortest(total) + " is above 1");
  }
  return {n_qubits, diagonal_matrix(values)};
}

Channel Channel::amplitude_damping(double gamma) {
  detail::expect_probability("gamma", gamma);
  const double s = std::sqrt(1.0 - gamma);
  return {1, {1, 0, 0, 0, 0, s, 0, 0, 0, 0, s, 0, gamma, 0, 0, 1.0 - gamma}};
}

Channel Channel::phase_damping(double lambda) {
  detail::expect_probability("lambda", lambda);
  const double s = std::sqrt(1.0 - lambda);
  return {1, diagonal_matrix(std::vector<double>{1.0, s, s, 1.0})};
}

Channel Channel::thermal_relaxation(double t1, double t2, double gate_time) {
  const auto expect_time = [](const char* name, double value, bool zero) {
    if (!(value > 0.0 || (zero && value == 0.0))) {
      throw InvalidArgument(std::string(name) + " = " + detail::shortest(value) + " is not " +
                            (zero ? ">= 0" : "> 0"));
    }
  };
  expect_time("t1", t1, false);
  expect_time("t2", t2, false);
  expect_time("gate_time", gate_time, true);
  if (!std::isfinite(gate_time)) throw InvalidArgument("gate_time = inf is not finite");
  if (t2 > 2.0 * t1) {
    throw InvalidArgument("t2 = " + detail::shortest(t2) + " is above 2 t1 = " + detail::shortest(2.0 * t1));
  }
  const double keeps = std::exp(-gate_time / t1), coherent = std::exp(-gate_time / t2);
  return {1, {1, 0, 0, 0, 0, coherent, 0, 0, 0, 0, coherent, 0, 1.0 - keeps, 0, 0, keeps}};
}

Channel Channel::then(const Channel& other) const {
  if (other.n_qubits_ != n_qubits_) {
    throw InvalidArgument("other: a channel on " + std::to_string(other.n_qubits_) +
                          " qubits cannot follow one on " + std::to_string(n_qubits_));
  }
  return {n_qubits_, multiply(other.matrix_, matrix_, paulis_of(n_qubits_))};
}

Channel Channel::tensor(const Channel& other) const {
  detail::expect_within("n_qubits of the product", n_qubits_ + other.n_qubits_, 2, kMaxChannelQubits);
  const std::size_t low = paulis_of(n_qubits_), high = paulis_of(other.n_qubits_), size = low * high;
  std::vector<double> out(size * size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      out[i * size + j] = matrix_[i % low * low + j % low] * other.matrix_[i / low * high + j / low];
    }
  }
  return {n_qubits_ + other.n_qubits_, std::move(out)};
}

bool Channel::diagonal() const {
  const std::size_t size = paulis_of(n_qubits_);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      if (i != j && matrix_[i * size + j] != 0.0) return false;
    }
  }
  return true;
}

Channel Channel::power(double scale) const {
  if (!(scale >= 0.0 && std::isfinite(scale))) {
    throw InvalidArgument("scale = " + detail::shortest(scale) + " is not a finite number >= 0");
  }
  const std::size_t size = paulis_of(n_qubits_);
  if (diagonal()) {
    std::vector<double> values(size);
    for (std::size_t i = 0; i < size; ++i) {
      const double factor = matrix_[i * size + i];
      if (factor < 0.0 && scale != whole(scale)) {
        throw InvalidArgument("scale = " + detail::shortest(scale) +
                              " is not a whole number, and the channel has a negative factor " +
                              detail::shortest(factor));
      }
      values[i] = std::pow(factor, scale);
    }
    std::vector<double> matrix = diagonal_matrix(values);
    if (scale != whole(scale) && !completely_positive(matrix, n_qubits_)) {
      throw InvalidArgument("scale = " + detail::shortest(scale) +
                            ": this power of the channel is not completely positive");
    }
    return {n_qubits_, std::move(matrix)};
  }
  if (scale != whole(scale)) {
    throw InvalidArgument("scale = " + detail::shortest(scale) +
                          " is not a whole number; only Pauli channels have other powers");
  }
  if (scale > 1e6) throw InvalidArgument("scale = " + detail::shortest(scale) + " is outside [0, 1000000]");
  std::vector<double> result = diagonal_matrix(std::vector<double>(size, 1.0));
  std::vector<double> square = matrix_;
  for (auto left = static_cast<std::uint64_t>(scale); left > 0; left >>= 1) {
    if (left & 1) result = multiply(square, result, size);
    square = multiply(square, square, size);
  }
  return {n_qubits_, std::move(result)};
}

NoiseModel NoiseModel::depolarizing(double p1, double p2, Convention convention) {
  const auto named = [](const char* name, double p, int n, Convention c) {
    try {
      return Channel::depolarizing(p, n, c);
    } catch (const InvalidArgument& error) {  // "p = ..." names p1 or p2 here
      throw InvalidArgument(name + std::string(error.what()).substr(1));
    }
  };
  NoiseModel model;
  model.uniform_.emplace(named("p1", p1, 1, convention), named("p2", p2, 2, convention));
  return model;
}

NoiseModel& NoiseModel::add(const Channel& channel, Gate gate, std::optional<std::vector<int>> qubits) {
  const GateInfo& entry = info(gate);
  const std::string name = "'" + std::string(entry.name) + "'";
  if (gate == Gate::barrier) throw InvalidArgument("gate = 'barrier' has no noise");
  if (entry.qubits > 0 && channel.n_qubits() != entry.qubits) {
    throw InvalidArgument("channel on " + std::to_string(channel.n_qubits()) + " qubits does not fit " +
                          name + " on " + std::to_string(entry.qubits));
  }
  if (qubits) {
    detail::expect_count("qubits", "qubits", static_cast<std::int64_t>(qubits->size()), channel.n_qubits());
    for (std::size_t i = 0; i < qubits->size(); ++i) {
      detail::expect_within(detail::bracketed("qubits", static_cast<std::int64_t>(i)), (*qubits)[i], 0,
                            kMaxQubits - 1);
      if (std::find(qubits->begin(), qubits->begin() + static_cast<std::ptrdiff_t>(i), (*qubits)[i]) !=
          qubits->begin() + static_cast<std::ptrdiff_t>(i)) {
        throw InvalidArgument("qubits of " + name + ": " + std::to_string((*qubits)[i]) + " is named twice");
      }
    }
  }
  const std::vector<int> on = qubits ? std::move(*qubits) : std::vector<int>();
  for (Entry& old : channels_) {
    if (old.gate == gate && old.qubits == on && old.channel.n_qubits() == channel.n_qubits()) {
      old.channel = old.channel.then(channel);
      return *this;
    }
  }
  if (uniform_ && on.empty() && channel.n_qubits() <= 2) {
    const Channel& base = channel.n_qubits() == 1 ? uniform_->first : uniform_->second;
    channels_.push_back({gate, on, base.then(channel)});
  } else {
    channels_.push_back({gate, on, channel});
  }
  return *this;
}

NoiseModel& NoiseModel::set_uniform(const Channel& one, const Channel& two) {
  detail::expect_within("one: number of qubits", one.n_qubits(), 1, 1);
  detail::expect_within("two: number of qubits", two.n_qubits(), 2, 2);
  uniform_.emplace(one, two);
  return *this;
}

NoiseModel& NoiseModel::add_readout(ReadoutError error, std::optional<int> qubit) {
  detail::expect_probability("p0_given_1", error.p0_given_1);
  detail::expect_probability("p1_given_0", error.p1_given_0);
  if (qubit) detail::expect_within("qubit", *qubit, 0, kMaxQubits - 1);
  readout_[qubit.value_or(-1)] = error;
  return *this;
}

const Channel* NoiseModel::find(const Instruction& instruction) const {
  const Channel* general = nullptr;
  for (const Entry& entry : channels_) {
    if (entry.gate != instruction.gate || entry.channel.n_qubits() != instruction.n_qubits) continue;
    if (entry.qubits.empty()) {
      general = &entry.channel;
    } else if (std::equal(entry.qubits.begin(), entry.qubits.end(), instruction.qubits.begin())) {
      return &entry.channel;
    }
  }
  if (general || !uniform_ || instruction.n_qubits == 0) return general;
  if (instruction.n_qubits > 2) {
    throw InvalidArgument("gate = '" + std::string(info(instruction.gate).name) + "' acts on " +
                          std::to_string(instruction.n_qubits) +
                          " qubits, and this noise model knows gates on 1 and 2: call circuit.decomposed()");
  }
  return instruction.n_qubits == 1 ? &uniform_->first : &uniform_->second;
}

ReadoutError NoiseModel::readout(int qubit) const {
  const auto own = readout_.find(qubit);
  if (own != readout_.end()) return own->second;
  const auto all = readout_.find(-1);
  return all != readout_.end() ? all->second : ReadoutError{};
}

NoiseModel NoiseModel::scaled(double factor) const {
  NoiseModel out = *this;
  if (out.uniform_) {
    out.uniform_->first = out.uniform_->first.power(factor);
    out.uniform_->second = out.uniform_->second.power(factor);
  }
  for (Entry& entry : out.channels_) entry.channel = entry.channel.power(factor);
  return out;
}

NoiseModel NoiseModel::scaled(double factor, const Circuit& circuit) const {
  std::set<const Channel*> met;
  for (const Instruction& instruction : circuit.instructions()) met.insert(find(instruction));
  NoiseModel out = *this;
  const auto scale = [&](const Channel& channel, Channel& to) {
    if (met.contains(&channel)) to = channel.power(factor);
  };
  if (uniform_) {
    scale(uniform_->first, out.uniform_->first);
    scale(uniform_->second, out.uniform_->second);
  }
  for (std::size_t i = 0; i < channels_.size(); ++i) scale(channels_[i].channel, out.channels_[i].channel);
  return out;
}

bool commutes(const Channel& channel, Gate gate, const Matrix* matrix) {
  if (gate == Gate::unitary && matrix == nullptr) {
    throw InvalidArgument("matrix: expected that of the 'unitary', got none");
  }
  const std::size_t size = paulis_of(channel.n_qubits());
  // Angles that are no rational parts of a turn: what commutes with these commutes with their multiples,
  // which come near every angle. Three angles of `u` generate all rotations.
  static constexpr std::array<std::array<double, 3>, 3> kAngles = {
      {{1.0, 0.0, 0.0}, {0.7, 1.3, 0.4}, {2.0, 0.9, 1.7}}};
  const auto count = static_cast<std::size_t>(info(gate).angles);
  for (const auto& angles : kAngles) {
    const std::vector<double> g =
        pauli_transfer_matrix(matrix ? *matrix : gate_matrix(gate, std::span(angles).first(count)));
    if (g.size() != size * size) {
      throw InvalidArgument("channel on " + std::to_string(channel.n_qubits()) + " qubits does not fit '" +
                            std::string(info(gate).name) + "'");
    }
    const std::vector<double> cg = multiply(channel.pauli_transfer_matrix(), g, size);
    const std::vector<double> gc = multiply(g, channel.pauli_transfer_matrix(), size);
    for (std::size_t i = 0; i < cg.size(); ++i) {
      if (std::abs(cg[i] - gc[i]) > 1e-12) return false;
    }
    if (count == 0) break;
  }
  return true;
}

std::string power_obstacle(const Circuit& circuit, const NoiseModel& noise) {
  for (const Instruction& instruction : circuit.instructions()) {
    const Channel* channel = noise.find(instruction);
    Instruction inverse = instruction;
    inverse.gate = info(instruction.gate).inverse;
    const Channel* of_inverse = noise.find(inverse);
    const std::string name = "'" + std::string(info(instruction.gate).name) + "'";
    const bool same = channel == of_inverse || (channel && of_inverse &&
                                                std::equal(channel->pauli_transfer_matrix().begin(),
                                                           channel->pauli_transfer_matrix().end(),
                                                           of_inverse->pauli_transfer_matrix().begin()));
    if (!same) {
      return "the channel of " + name + " is not that of its inverse '" +
             std::string(info(inverse.gate).name) + "'";
    }
    if (!channel) continue;
    const Matrix* matrix = instruction.gate == Gate::unitary
                               ? &circuit.matrices()[static_cast<std::size_t>(instruction.matrix)]
                               : nullptr;
    if (!commutes(*channel, instruction.gate, matrix)) {
      return "the channel of " + name + " does not commute with it";
    }
  }
  return {};
}

}  // namespace nonideal::quantum
