#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "nonideal/cram/program.hpp"
#include "nonideal/cram/simulate.hpp"

/// A program as values instead of columns: every input, constant and gate makes one value, which is never
/// overwritten.
namespace nonideal::cram {

struct Value {
  int gate = -1;                                ///< cram::Gate; -1: an input or a constant
  int constant = -1;                            ///< 0 or 1: a constant
  int operands = 0;                             ///< how many entries of `reads` count
  std::array<std::int32_t, kMaxFanIn> reads{};  ///< values
  std::int64_t instruction = -1;                ///< its place in the program
};

struct Dataflow {
  std::vector<Value> values;                     ///< inputs in order of the ports, then constants, then gates
  std::size_t inputs = 0;                        ///< how many of them are inputs
  std::vector<std::vector<std::int32_t>> ports;  ///< output ports: values, least significant bit first

  explicit Dataflow(const Program& program) {
    std::vector<std::int32_t> holds(static_cast<std::size_t>(program.columns()), -1);
    const auto make = [&](std::int32_t column, Value value) {
      holds[static_cast<std::size_t>(column)] = static_cast<std::int32_t>(values.size());
      values.push_back(value);
    };
    for (const Port& port : program.inputs()) {
      for (const std::int32_t column : port.columns) make(column, {});
    }
    inputs = values.size();
    for (const auto& [column, bit] : program.constants()) make(column, {.constant = bit});
    for (std::int64_t i = 0; i < program.num_gates(); ++i) {
      const Instruction& instruction = program.instructions()[static_cast<std::size_t>(i)];
      Value value{.gate = static_cast<int>(instruction.gate), .instruction = i};
      for (const std::int32_t column : instruction.operands()) {
        value.reads[static_cast<std::size_t>(value.operands++)] = holds[static_cast<std::size_t>(column)];
      }
      make(instruction.output, value);
    }
    for (const Port& port : program.outputs()) {
      std::vector<std::int32_t>& word = ports.emplace_back();
      for (const std::int32_t column : port.columns) word.push_back(holds[static_cast<std::size_t>(column)]);
    }
  }

  /// Which values the given ones depend on, these included.
  std::vector<char> needed_for(const std::vector<std::int32_t>& roots) const {
    std::vector<char> needed(values.size(), 0);
    for (const std::int32_t root : roots) needed[static_cast<std::size_t>(root)] = 1;
    for (std::size_t v = values.size(); v-- > 0;) {
      for (int i = 0; needed[v] && i < values[v].operands; ++i) {
        needed[static_cast<std::size_t>(values[v].reads[static_cast<std::size_t>(i)])] = 1;
      }
    }
    return needed;
  }
};

/// The output port that error metrics are asked of: one word.
inline const Port& single_word(const Program& program, std::int64_t port) {
  detail::expect_within("port", port, 0, static_cast<std::int64_t>(program.outputs().size()) - 1);
  const Port& word = program.outputs()[static_cast<std::size_t>(port)];
  if (word.words() != 1) {
    throw InvalidArgument("output '" + word.name + "' has " + std::to_string(word.words()) +
                          " words; error metrics are those of one word");
  }
  return word;
}

inline void expect_planes(const Dataflow& flow, std::span<const InputPlane> inputs) {
  detail::expect_count("inputs", "planes", static_cast<std::int64_t>(inputs.size()),
                       static_cast<std::int64_t>(flow.inputs));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string who = detail::bracketed("inputs", static_cast<std::int64_t>(i));
    if (inputs[i].words == nullptr) throw InvalidArgument(who + " is null");
    detail::expect_at_least(who + ".repeat", inputs[i].repeat, 1);
    detail::expect_at_least(who + ".entries", inputs[i].entries, 0);
  }
}

/// The bit of an input column in one lane of the call.
inline int lane_bit(const InputPlane& plane, std::int64_t lane, std::int64_t lanes) {
  const std::int64_t entry = lane / plane.repeat % (plane.entries == 0 ? lanes : plane.entries);
  return static_cast<int>(plane.words[entry >> 6] >> (entry & 63) & 1);
}

}  // namespace nonideal::cram
