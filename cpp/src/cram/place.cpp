#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "nonideal/cram/program.hpp"

namespace nonideal::cram {
namespace {

constexpr std::int64_t kNever = -1;

}  // namespace

Placement place(const Program& program, const Array& array) {
  detail::expect_at_least("rows", array.rows, 1);
  detail::expect_at_least("columns", array.columns, 1);
  const auto& instructions = program.instructions();
  const auto count = static_cast<std::int64_t>(instructions.size());
  const auto columns = static_cast<std::size_t>(program.columns());

  // Backward: the last reader of the value that each instruction writes. `reader[c]` is the next (later)
  // reader of column c; outputs read after the last instruction.
  std::vector<std::int64_t> reader(columns, kNever);
  for (const Port& port : program.outputs()) {
    for (const std::int32_t column : port.columns) reader[static_cast<std::size_t>(column)] = count;
  }
  std::vector<std::int64_t> last_read(instructions.size(), kNever);
  for (std::int64_t i = count - 1; i >= 0; --i) {
    const Instruction& instruction = instructions[static_cast<std::size_t>(i)];
    const auto output = static_cast<std::size_t>(instruction.output);
    last_read[static_cast<std::size_t>(i)] = reader[output];
    reader[output] = kNever;
    for (const std::int32_t column : instruction.operands()) {
      std::int64_t& last = reader[static_cast<std::size_t>(column)];
      if (last == kNever) last = i;
    }
  }

  // Inputs and constants first, in order: they keep cells of their own.
  std::vector<std::int32_t> cell(columns, -1);
  std::int32_t used = 0;
  std::vector<Port> inputs = program.inputs();
  for (Port& port : inputs) {
    for (std::int32_t& column : port.columns) column = cell[static_cast<std::size_t>(column)] = used++;
  }
  std::vector<std::pair<std::int32_t, int>> constants = program.constants();
  for (auto& [column, bit] : constants) column = cell[static_cast<std::size_t>(column)] = used++;

  // Forward: every gate writes the lowest free cell; a cell is free after the last reader of its value.
  std::priority_queue<std::int32_t, std::vector<std::int32_t>, std::greater<>> free_cells;
  std::vector<std::vector<std::int32_t>> expires(instructions.size() + 1);
  std::vector<Instruction> placed;
  placed.reserve(instructions.size());
  for (std::int64_t i = 0; i < count; ++i) {
    Instruction instruction = instructions[static_cast<std::size_t>(i)];
    for (int operand = 0; operand < spec(instruction.gate).fan_in; ++operand) {
      std::int32_t& column = instruction.inputs[static_cast<std::size_t>(operand)];
      column = cell[static_cast<std::size_t>(column)];
    }
    std::int32_t target = used;
    if (free_cells.empty()) {
      ++used;
    } else {
      target = free_cells.top();
      free_cells.pop();
    }
    cell[static_cast<std::size_t>(instruction.output)] = target;
    instruction.output = target;
    placed.push_back(instruction);
    const std::int64_t last = last_read[static_cast<std::size_t>(i)];
    expires[static_cast<std::size_t>(last == kNever ? i : last)].push_back(target);
    // The cells whose value was read here for the last time; this gate's own, where nothing reads it.
    for (const std::int32_t expired : expires[static_cast<std::size_t>(i)]) free_cells.push(expired);
  }
  std::vector<Port> outputs = program.outputs();
  for (Port& port : outputs) {
    for (std::int32_t& column : port.columns) column = cell[static_cast<std::size_t>(column)];
  }
  if (used > array.columns) {
    throw InvalidArgument("array.columns = " + std::to_string(array.columns) + ": the program needs " +
                          std::to_string(used) + " columns, " + std::to_string(used - array.columns) +
                          " more than the array has");
  }
  std::vector<std::int64_t> cell_writes(static_cast<std::size_t>(used), 0);
  for (const Instruction& instruction : placed) ++cell_writes[static_cast<std::size_t>(instruction.output)];
  return {Program(used, std::move(placed), std::move(inputs), std::move(outputs), std::move(constants)),
          array, used, count, std::move(cell_writes)};
}

}  // namespace nonideal::cram
