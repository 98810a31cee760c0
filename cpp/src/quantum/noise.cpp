#include "nonideal/quantum/noise.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "base/check.hpp"
#include "quantum/transfer.hpp"

namespace nonideal::quantum {

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
    const std::string name = "'" + std::string(info(instruction.gate).name) + "'";
    const std::vector<Instruction> parts = inverse_of(instruction);
    if (parts.size() > 1) {
      const auto noisy = [&](const Instruction& part) { return noise.find(part) != nullptr; };
      if (channel != nullptr || std::ranges::any_of(parts, noisy))
        return "the inverse of " + name + " is not one gate";
      continue;
    }
    const Instruction& inverse = parts.front();
    const Channel* of_inverse = noise.find(inverse);
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
