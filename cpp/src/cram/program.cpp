#include "nonideal/cram/program.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <string>

#include "base/check.hpp"

namespace nonideal::cram {
namespace {

constexpr int kMaxBits = 63;
constexpr std::int64_t kMaxColumns = std::numeric_limits<std::int32_t>::max();

std::string instruction_name(std::size_t index, const Instruction& instruction) {
  return detail::bracketed("instructions", static_cast<std::int64_t>(index)) + " (" +
         std::string(spec(instruction.gate).name) + ")";
}

std::string column_name(std::int32_t column) { return "column " + std::to_string(column); }

void expect_column(const std::string& who, std::int32_t column, std::int32_t columns) {
  if (column < 0 || column >= columns) {
    throw InvalidArgument(who + ": " + column_name(column) + " is outside [0, " + std::to_string(columns) +
                          ")");
  }
}

void check_port(const Port& port, const char* kind, std::set<std::string>& names) {
  if (port.name.empty()) throw InvalidArgument(std::string(kind) + ": a port has an empty name");
  const std::string who = std::string(kind) + "[" + port.name + "]";
  if (!names.insert(port.name).second) throw InvalidArgument(who + ": the name is used twice");
  detail::expect_within(who + ".bits", port.bits, 1, kMaxBits);
  detail::expect_at_least(who + ".length", port.length, 0);
  if (port.length > kMaxColumns) detail::expect_within(who + ".length", port.length, 0, kMaxColumns);
  detail::expect_count((who + ".columns").c_str(), "columns", static_cast<std::int64_t>(port.columns.size()),
                       port.bits * port.words());
}

/// For builders, before they make columns: a refused port leaves nothing behind.
void expect_new_name(const std::string& name, const std::string& kind, const std::vector<Port>& ports) {
  if (name.empty()) throw InvalidArgument(kind + ": a port has an empty name");
  for (const Port& other : ports) {
    if (other.name == name) throw InvalidArgument(kind + "[" + name + "]: the name is used twice");
  }
}

void check_operands(const std::string& who, std::span<const std::int32_t> operands) {
  for (std::size_t i = 0; i < operands.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (operands[i] == operands[j]) {
        throw InvalidArgument(who + " reads " + column_name(operands[i]) +
                              " twice; a cell can be an input once: insert a BUF (copy) and read both cells");
      }
    }
  }
}

}  // namespace

Program::Program(std::int32_t columns, std::vector<Instruction> instructions, std::vector<Port> inputs,
                 std::vector<Port> outputs, std::vector<std::pair<std::int32_t, int>> constants)
    : columns_(columns),
      instructions_(std::move(instructions)),
      inputs_(std::move(inputs)),
      outputs_(std::move(outputs)),
      constants_(std::move(constants)) {
  detail::expect_at_least("columns", columns_, 0);
  if (num_gates() > std::numeric_limits<std::int32_t>::max()) {
    throw InvalidArgument("instructions: " + std::to_string(num_gates()) + " gates are more than 2^31 - 1");
  }
  std::vector<bool> set(static_cast<std::size_t>(columns_), false);
  const auto define = [&](const std::string& who, std::int32_t column) {
    expect_column(who, column, columns_);
    if (set[static_cast<std::size_t>(column)]) {
      throw InvalidArgument(who + ": " + column_name(column) + " is already an input or a constant");
    }
    set[static_cast<std::size_t>(column)] = true;
  };
  std::set<std::string> names;
  for (const Port& port : inputs_) {
    check_port(port, "inputs", names);
    for (const std::int32_t column : port.columns) define("inputs[" + port.name + "]", column);
  }
  for (const auto& [column, bit] : constants_) {
    define("constants", column);
    detail::expect_within(detail::bracketed("constants", column), bit, 0, 1);
  }
  for (std::size_t i = 0; i < instructions_.size(); ++i) {
    const Instruction& instruction = instructions_[i];
    if (static_cast<int>(instruction.gate) >= kGateCount) {
      throw InvalidArgument(detail::bracketed("instructions", static_cast<std::int64_t>(i)) + ": gate code " +
                            std::to_string(static_cast<int>(instruction.gate)) + " is outside [0, " +
                            std::to_string(kGateCount) + ")");
    }
    // The names are built only where something is wrong: programs have 10^5 gates.
    const auto out_of_range = [&](std::int32_t column) { return column < 0 || column >= columns_; };
    if (out_of_range(instruction.output)) {
      expect_column(instruction_name(i, instruction), instruction.output, columns_);
    }
    for (const std::int32_t column : instruction.operands()) {
      if (out_of_range(column)) expect_column(instruction_name(i, instruction), column, columns_);
      if (column == instruction.output) {
        throw InvalidArgument(instruction_name(i, instruction) + ": output " + column_name(column) +
                              " is among the inputs; a gate can't write a cell that it reads");
      }
      if (!set[static_cast<std::size_t>(column)]) {
        throw InvalidArgument(instruction_name(i, instruction) + " reads " + column_name(column) +
                              ", which nothing has set");
      }
    }
    if (spec(instruction.gate).fan_in > 1) {
      const auto operands = instruction.operands();
      bool repeated = false;
      for (std::size_t a = 1; a < operands.size(); ++a) {
        for (std::size_t b = 0; b < a; ++b) repeated |= operands[a] == operands[b];
      }
      if (repeated) check_operands(instruction_name(i, instruction), operands);
    }
    set[static_cast<std::size_t>(instruction.output)] = true;
  }
  names.clear();
  for (const Port& port : outputs_) {
    check_port(port, "outputs", names);
    for (const std::int32_t column : port.columns) {
      expect_column("outputs[" + port.name + "]", column, columns_);
      if (!set[static_cast<std::size_t>(column)]) {
        throw InvalidArgument("outputs[" + port.name + "] reads " + column_name(column) +
                              ", which nothing has set");
      }
    }
  }
}

std::array<std::int64_t, kGates.size()> Program::gate_counts() const {
  std::array<std::int64_t, kGates.size()> counts{};
  for (const Instruction& instruction : instructions_) ++counts[static_cast<std::size_t>(instruction.gate)];
  return counts;
}

std::int64_t Program::depth() const {
  std::vector<std::int64_t> level(static_cast<std::size_t>(columns_), 0);
  std::int64_t deepest = 0;
  for (const Instruction& instruction : instructions_) {
    std::int64_t below = 0;
    for (const std::int32_t column : instruction.operands()) {
      below = std::max(below, level[static_cast<std::size_t>(column)]);
    }
    level[static_cast<std::size_t>(instruction.output)] = below + 1;
    deepest = std::max(deepest, below + 1);
  }
  return deepest;
}

Program prune(const Program& program) {
  std::vector<bool> needed(static_cast<std::size_t>(program.columns()), false);
  for (const Port& port : program.outputs()) {
    for (const std::int32_t column : port.columns) needed[static_cast<std::size_t>(column)] = true;
  }
  std::vector<Instruction> kept;
  const auto& instructions = program.instructions();
  for (auto it = instructions.rbegin(); it != instructions.rend(); ++it) {
    if (!needed[static_cast<std::size_t>(it->output)]) continue;
    // An earlier write of the same column is not this value.
    needed[static_cast<std::size_t>(it->output)] = false;
    for (const std::int32_t column : it->operands()) needed[static_cast<std::size_t>(column)] = true;
    kept.push_back(*it);
  }
  std::reverse(kept.begin(), kept.end());
  return {program.columns(), std::move(kept), program.inputs(), program.outputs(), program.constants()};
}

std::int32_t ProgramBuilder::fresh() {
  if (columns_ == std::numeric_limits<std::int32_t>::max())
    throw InvalidArgument("columns: more than 2^31 - 1");
  return columns_++;
}

const Port& ProgramBuilder::add_input(Port port) {
  detail::expect_within("bits", port.bits, 1, kMaxBits);
  expect_new_name(port.name, "inputs", inputs_);
  if (port.words() > (kMaxColumns - columns_) / port.bits) {
    throw InvalidArgument("columns: more than 2^31 - 1");
  }
  port.columns.resize(static_cast<std::size_t>(port.bits * port.words()));
  std::iota(port.columns.begin(), port.columns.end(), columns_);
  columns_ += static_cast<std::int32_t>(port.columns.size());
  return inputs_.emplace_back(std::move(port));
}

Word ProgramBuilder::input(std::string name, int bits, bool is_signed) {
  return add_input({std::move(name), bits, 0, is_signed, {}}).columns;
}

std::vector<Word> ProgramBuilder::input_words(std::string name, int bits, std::int64_t length,
                                              bool is_signed) {
  detail::expect_at_least("length", length, 1);
  const Port& port = add_input({std::move(name), bits, length, is_signed, {}});
  std::vector<Word> words;
  for (auto first = port.columns.begin(); first != port.columns.end(); first += bits)
    words.emplace_back(first, first + bits);
  return words;
}

std::int32_t ProgramBuilder::constant(int bit) {
  detail::expect_within("bit", bit, 0, 1);
  constants_.emplace_back(fresh(), bit);
  return constants_.back().first;
}

std::int32_t ProgramBuilder::gate(Gate gate, std::span<const std::int32_t> columns) {
  const GateSpec& kind = spec(gate);
  const std::string who(kind.name);
  if (static_cast<int>(columns.size()) != kind.fan_in) {
    throw InvalidArgument(who + " takes " + std::to_string(kind.fan_in) + " columns, got " +
                          std::to_string(columns.size()));
  }
  for (const std::int32_t column : columns) expect_column(who, column, columns_);
  check_operands(who, columns);
  Instruction instruction;
  instruction.gate = gate;
  std::copy(columns.begin(), columns.end(), instruction.inputs.begin());
  instruction.output = fresh();
  instructions_.push_back(instruction);
  return instruction.output;
}

void ProgramBuilder::output(std::string name, Word word, bool is_signed) {
  add_output({std::move(name), static_cast<int>(word.size()), 0, is_signed, std::move(word)});
}

void ProgramBuilder::output_words(std::string name, const std::vector<Word>& words, bool is_signed) {
  detail::expect_at_least("length", static_cast<std::int64_t>(words.size()), 1);
  Port port{std::move(name),
            static_cast<int>(words.front().size()),
            static_cast<std::int64_t>(words.size()),
            is_signed,
            {}};
  for (const Word& word : words) port.columns.insert(port.columns.end(), word.begin(), word.end());
  add_output(std::move(port));
}

void ProgramBuilder::add_output(Port port) {
  std::set<std::string> names;
  for (const Port& other : outputs_) names.insert(other.name);
  check_port(port, "outputs", names);
  for (const std::int32_t column : port.columns)
    expect_column("outputs[" + port.name + "]", column, columns_);
  outputs_.push_back(std::move(port));
}

Program ProgramBuilder::build() const { return {columns_, instructions_, inputs_, outputs_, constants_}; }

}  // namespace nonideal::cram
