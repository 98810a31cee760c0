#include "cram/compile.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "cram/kernels/patterns.hpp"

namespace nonideal::cram {
namespace {

using kernels::kPatterns;
using kernels::Method;
using kernels::Noise;
using kernels::Operation;
using kernels::Pattern;
using kernels::Step;

/// A pattern pays where at least this share of the blocks has no point in any of its gates.
constexpr double kWorthwhile = 0.5;

/// What a column holds from one write to the next. Inputs and constants come first, then a value per
/// instruction.
struct Value {
  std::int32_t uses = 0;   ///< operands that read it
  std::int32_t last = -1;  ///< the last instruction that does
  bool output = false;
  std::int32_t slot = -1;
};

class Compiler {
 public:
  Compiler(const Program& program, std::span<const std::int32_t> noise_of, std::span<const Noise> noise)
      : program_(program), noise_of_(noise_of), noise_(noise) {
    number_values();
    for (std::size_t first = 0; first < gates().size();) first = add_operation(first);
    cut_parts();
    allocate();
  }

  Schedule schedule;

 private:
  const std::vector<Instruction>& gates() const { return program_.instructions(); }
  Value& value(std::int32_t number) { return values_[static_cast<std::size_t>(number)]; }
  std::int32_t written(std::size_t gate) const { return first_written_ + static_cast<std::int32_t>(gate); }
  std::size_t fan_in(std::size_t gate) const { return gates()[gate].operands().size(); }

  void number_values() {
    std::vector<std::int32_t> held(static_cast<std::size_t>(program_.columns()), -1);
    const auto holds = [&](std::int32_t column) -> std::int32_t& {
      return held[static_cast<std::size_t>(column)];
    };
    std::int32_t source = 0;
    for (const Port& port : program_.inputs()) {
      for (const std::int32_t column : port.columns) {
        holds(column) = static_cast<std::int32_t>(sources_.size());
        sources_.push_back(source++);
      }
    }
    for (const auto& [column, bit] : program_.constants()) {
      holds(column) = static_cast<std::int32_t>(sources_.size());
      sources_.push_back(bit != 0 ? Load::kOnes : Load::kZeros);
    }
    first_written_ = static_cast<std::int32_t>(sources_.size());
    values_.resize(sources_.size() + gates().size());
    reads_.resize(gates().size());
    for (std::size_t i = 0; i < gates().size(); ++i) {
      for (std::size_t j = 0; j < fan_in(i); ++j) {
        reads_[i][j] = holds(gates()[i].inputs[j]);
        Value& read = value(reads_[i][j]);
        ++read.uses;
        read.last = static_cast<std::int32_t>(i);
      }
      holds(gates()[i].output) = written(i);
    }
    for (const Port& port : program_.outputs()) {
      for (const std::int32_t column : port.columns) {
        outputs_.push_back(holds(column));
        value(outputs_.back()).output = true;
      }
    }
  }

  /// Adds the operation that begins with a gate; returns the first gate behind it.
  std::size_t add_operation(std::size_t first) {
    Operation operation{-1, static_cast<std::int32_t>(first), 1, {}, {}};
    for (std::size_t p = 0; p < kernels::kPatternCount && operation.pattern < 0; ++p) {
      if (!matches(kPatterns[p], first)) continue;
      operation.pattern = static_cast<std::int32_t>(p);
      operation.count = kPatterns[p].gates;
    }
    schedule.operations.push_back(operation);
    return first + static_cast<std::size_t>(operation.count);
  }

  bool matches(const Pattern& pattern, std::size_t first) const {
    const auto count = static_cast<std::size_t>(pattern.gates);
    const auto inputs = static_cast<std::size_t>(pattern.inputs);
    if (first + count > gates().size()) return false;
    std::array<std::int32_t, kernels::kPatternInputs + kernels::kPatternGates> held{};  // values
    std::array<std::int32_t, held.size()> uses{};
    held.fill(-1);
    double quiet = 1.0;
    for (std::size_t g = 0; g < count; ++g) {
      if (gates()[first + g].gate != pattern.gate[g].gate) return false;
      for (std::size_t j = 0; j < fan_in(first + g); ++j) {
        const auto reg = static_cast<std::size_t>(pattern.gate[g].inputs[j]);
        if (held[reg] < 0) held[reg] = reads_[first + g][j];
        if (held[reg] != reads_[first + g][j]) return false;
        ++uses[reg];
      }
      held[inputs + g] = written(first + g);
      const Noise& noise = noise_[static_cast<std::size_t>(noise_of_[first + g])];
      quiet *= 1.0 - static_cast<double>(noise.quiet) * 0x1p-32;
    }
    for (std::size_t g = 0; g < count; ++g) {
      const Value& inner = values_[static_cast<std::size_t>(held[inputs + g])];
      const bool named = std::find(pattern.output, pattern.output + pattern.outputs, static_cast<int>(g)) !=
                         pattern.output + pattern.outputs;
      if (!named && (inner.output || inner.uses != uses[inputs + g])) return false;
    }
    return quiet >= kWorthwhile;
  }

  void cut_parts() {
    std::int32_t steps = 0;
    schedule.parts.push_back({});
    for (std::size_t o = 0; o < schedule.operations.size(); ++o) {
      const Operation& operation = schedule.operations[o];
      if (steps + operation.count > kernels::kChunkSteps) {
        schedule.parts.push_back({{}, static_cast<std::int32_t>(o), 0, false});
        steps = 0;
      }
      ++schedule.parts.back().count;
      steps += operation.count;
    }
  }

  /// A slot for every value from its making to its last use; the one freed last is taken first. Operands are
  /// loaded before the part that reads them first.
  void allocate() {
    for (Part& part : schedule.parts) {
      if (&part == &schedule.parts.back()) {  // outputs that are operands
        for (const std::int32_t number : outputs_) load(number, part);
      }
      if (part.count > 0) {
        const Operation& last = schedule.operations[static_cast<std::size_t>(part.first + part.count - 1)];
        const auto begin =
            static_cast<std::size_t>(schedule.operations[static_cast<std::size_t>(part.first)].first);
        const auto end = static_cast<std::size_t>(last.first + last.count);
        for (std::size_t i = begin; i < end; ++i) {
          for (std::size_t j = 0; j < fan_in(i); ++j) load(reads_[i][j], part);
        }
        for (std::size_t i = begin; i < end; ++i) add_step(i, part);
      }
      for (std::int32_t o = part.first; o < part.first + part.count; ++o) {
        bind(schedule.operations[static_cast<std::size_t>(o)]);
      }
    }
    for (const std::int32_t number : outputs_) schedule.outputs.push_back(value(number).slot);
  }

  void load(std::int32_t number, Part& part) {
    if (number >= first_written_ || value(number).slot >= 0) return;
    value(number).slot = take();
    part.loads.push_back({value(number).slot, sources_[static_cast<std::size_t>(number)]});
  }

  void add_step(std::size_t i, Part& part) {
    Step step{};
    step.gate = static_cast<std::uint8_t>(gates()[i].gate);
    step.noise = noise_of_[i];
    const Method method = noise_[static_cast<std::size_t>(step.noise)].method;
    step.sparse = method == Method::uniform || method == Method::state || method == Method::cells_sparse;
    part.sparse |= step.sparse;
    for (std::size_t j = 0; j < kMaxFanIn; ++j) {
      step.inputs[j] = value(reads_[i][j < fan_in(i) ? j : 0]).slot;
    }
    Value& result = value(written(i));
    result.slot = step.output = take();
    for (std::size_t j = 0; j < fan_in(i); ++j) {
      const Value& read = value(reads_[i][j]);
      if (read.last == static_cast<std::int32_t>(i) && !read.output) free_.push_back(read.slot);
    }
    if (result.uses == 0 && !result.output) free_.push_back(result.slot);
    schedule.steps.push_back(step);
  }

  /// Slots of a pattern's operands and results.
  void bind(Operation& operation) {
    if (operation.pattern < 0) return;
    const Pattern& pattern = kPatterns[operation.pattern];
    for (int g = 0; g < pattern.gates; ++g) {
      const Step& step = schedule.steps[static_cast<std::size_t>(operation.first + g)];
      for (int j = 0; j < spec(pattern.gate[g].gate).fan_in; ++j) {
        const int reg = pattern.gate[g].inputs[j];
        if (reg < pattern.inputs) operation.inputs[reg] = step.inputs[j];
      }
    }
    for (int i = pattern.inputs; i < kernels::kPatternInputs; ++i) operation.inputs[i] = operation.inputs[0];
    for (int o = 0; o < kernels::kPatternOutputs; ++o) {
      const int gate = pattern.output[o < pattern.outputs ? o : 0];
      operation.outputs[o] = schedule.steps[static_cast<std::size_t>(operation.first + gate)].output;
    }
  }

  std::int32_t take() {
    if (free_.empty()) return schedule.slots++;
    const std::int32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }

  const Program& program_;
  std::span<const std::int32_t> noise_of_;
  std::span<const Noise> noise_;
  std::vector<std::int32_t> sources_;                       ///< of the values that are loaded
  std::int32_t first_written_ = 0;                          ///< value
  std::vector<std::array<std::int32_t, kMaxFanIn>> reads_;  ///< values, per instruction
  std::vector<Value> values_;
  std::vector<std::int32_t> outputs_;  ///< values
  std::vector<std::int32_t> free_;
};

}  // namespace

Schedule compile(const Program& program, std::span<const std::int32_t> noise_of,
                 std::span<const Noise> noise) {
  return std::move(Compiler(program, noise_of, noise).schedule);
}

}  // namespace nonideal::cram
