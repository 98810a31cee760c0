#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/quantum/zne.hpp"

/// Circuits with more noise.
namespace nonideal::quantum {
namespace {

using detail::shortest;

bool foldable(const Instruction& instruction, std::span<const Gate> only) {
  return instruction.gate != Gate::barrier &&
         (only.empty() || std::find(only.begin(), only.end(), instruction.gate) != only.end());
}

struct FoldCount {
  std::int64_t gates;  ///< that may be folded
  std::int64_t folds;  ///< in all
};

FoldCount count_folds(const Circuit& circuit, double scale, Fold fold, std::span<const Gate> only) {
  if (!(scale >= 1.0) || !std::isfinite(scale)) {
    throw InvalidArgument("scale = " + shortest(scale) + " is not a finite number >= 1");
  }
  if (fold == Fold::global && !only.empty()) {
    throw InvalidArgument("only: a global fold has no choice of gates");
  }
  if (std::find(only.begin(), only.end(), Gate::barrier) != only.end()) {
    throw InvalidArgument("only: a barrier cannot be folded");
  }
  const std::span<const Instruction> list = circuit.instructions();
  const std::int64_t gates =
      std::count_if(list.begin(), list.end(), [&](const Instruction& i) { return foldable(i, only); });
  if (gates == 0 && scale > 1.0) {
    throw InvalidArgument("scale = " + shortest(scale) + ": the circuit has no gate that may be folded");
  }
  const double total = scale * static_cast<double>(gates);
  if (total > static_cast<double>(kMaxFoldedGates)) {
    throw InvalidArgument("scale = " + shortest(scale) + " makes " + std::to_string(gates) +
                          " gates more than " + std::to_string(kMaxFoldedGates));
  }
  const auto folds =
      static_cast<std::int64_t>(std::floor((scale - 1.0) * static_cast<double>(gates) / 2.0 + 0.5));
  return {gates, folds};
}

/// `chosen` of `gates` numbers, marked: those with the smallest random words.
std::vector<bool> random_subset(std::int64_t gates, std::int64_t chosen, std::uint64_t seed) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> order;
  order.reserve(static_cast<std::size_t>(gates));
  for (std::int64_t i = 0; i < gates; ++i) {
    const Words4 words = philox(
        {{static_cast<std::uint32_t>(i), 0, static_cast<std::uint32_t>(Purpose::kFold) << 24, 0}}, seed);
    order.emplace_back(words.w[0] | static_cast<std::uint64_t>(words.w[1]) << 32, i);
  }
  std::nth_element(order.begin(), order.begin() + chosen, order.end());
  std::vector<bool> marked(static_cast<std::size_t>(gates), false);
  for (std::int64_t i = 0; i < chosen; ++i) {
    marked[static_cast<std::size_t>(order[static_cast<std::size_t>(i)].second)] = true;
  }
  return marked;
}

void append_backwards(Circuit& out, const Circuit& circuit, std::span<const Instruction> gates) {
  for (auto i = gates.rbegin(); i != gates.rend(); ++i) {
    if (i->gate != Gate::barrier) out.append(circuit, *i, true);
  }
}

void append_forwards(Circuit& out, const Circuit& circuit, std::span<const Instruction> gates) {
  for (const Instruction& i : gates) {
    if (i.gate != Gate::barrier) out.append(circuit, i);
  }
}

}  // namespace

double realized_scale(const Circuit& circuit, double scale, Fold fold, std::span<const Gate> only) {
  const FoldCount count = count_folds(circuit, scale, fold, only);
  if (count.gates == 0) return 1.0;
  return 1.0 + 2.0 * static_cast<double>(count.folds) / static_cast<double>(count.gates);
}

std::vector<double> realized_scales(const Circuit& circuit, std::span<const double> scales, Fold fold,
                                    std::span<const Gate> only) {
  std::vector<double> out;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    out.push_back(realized_scale(circuit, scales[i], fold, only));
    const auto before = static_cast<std::size_t>(std::ranges::find(out, out[i]) - out.begin());
    if (before == i) continue;
    const auto text = [&](std::size_t j) {
      return detail::bracketed("scales", static_cast<std::int64_t>(j)) + " = " + shortest(scales[j]);
    };
    const std::int64_t gates = count_folds(circuit, scales[i], fold, only).gates;
    throw InvalidArgument(text(before) + " and " + text(i) + " are both realised as " + shortest(out[i]) +
                          ": folds of " + std::to_string(gates) + (gates == 1 ? " gate" : " gates") +
                          " make steps of " +
                          shortest(2.0 / static_cast<double>(std::max<std::int64_t>(gates, 1))));
  }
  return out;
}

std::string channel_obstacle(const Circuit& circuit, const NoiseModel& noise, std::span<const double> scales,
                             Fold fold, std::span<const Gate> only) {
  if (fold == Fold::global) return "fold = 'global' repeats gates far from one another";
  if (!only.empty()) return "fold_gates leaves gates as they are";
  if (std::string found = power_obstacle(circuit, noise); !found.empty()) return found;
  for (const double scale : scales) {
    try {
      noise.scaled(scale, circuit);
    } catch (const InvalidArgument& refusal) {
      return refusal.what();
    }
  }
  return {};
}

Circuit folded(const Circuit& circuit, double scale, Fold fold, std::uint64_t seed,
               std::span<const Gate> only) {
  const auto [gates, folds] = count_folds(circuit, scale, fold, only);
  const std::int64_t everywhere = gates == 0 ? 0 : folds / gates;
  const std::int64_t rest = gates == 0 ? 0 : folds % gates;
  const std::span<const Instruction> list = circuit.instructions();
  Circuit out(circuit.n_qubits());
  if (fold == Fold::gate) {
    const std::vector<bool> once_more = rest == 0 ? std::vector<bool>(static_cast<std::size_t>(gates), false)
                                                  : random_subset(gates, rest, seed);
    std::size_t place = 0;
    for (const Instruction& instruction : list) {
      out.append(circuit, instruction);
      if (!foldable(instruction, only)) continue;
      const std::int64_t times = everywhere + (once_more[place++] ? 1 : 0);
      for (std::int64_t k = 0; k < times; ++k) {
        out.append(circuit, instruction, true);
        out.append(circuit, instruction);
      }
    }
  } else {
    for (const Instruction& instruction : list) out.append(circuit, instruction);
    for (std::int64_t k = 0; k < everywhere; ++k) {
      append_backwards(out, circuit, list);
      append_forwards(out, circuit, list);
    }
    std::size_t first = list.size();
    for (std::int64_t left = rest; left > 0;) {
      if (list[--first].gate != Gate::barrier) --left;
    }
    append_backwards(out, circuit, list.subspan(first));
    append_forwards(out, circuit, list.subspan(first));
  }
  if (!circuit.measured().empty()) out.measure(circuit.measured());
  return out;
}

}  // namespace nonideal::quantum
