#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "nonideal/cram/program.hpp"

namespace nonideal::cram {
namespace {

constexpr std::int64_t kNever = -1;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Who makes and who reads the values of a program. A value is an instruction's output; what inputs and
/// constants hold is none: their cells are never free.
struct Values {
  /// Per instruction and operand: the instruction whose value is read, or kNever for a source.
  std::vector<std::array<std::int64_t, kMaxFanIn>> operands;
  /// Per instruction: its value's last reader; kNever where there is none, the number of instructions where
  /// an output port reads it.
  std::vector<std::int64_t> last_read;

  explicit Values(const Program& program)
      : operands(program.instructions().size()), last_read(program.instructions().size(), kNever) {
    const auto& instructions = program.instructions();
    std::vector<std::int64_t> maker(index(program.columns()), kNever);
    for (std::size_t i = 0; i < instructions.size(); ++i) {
      operands[i].fill(kNever);
      const auto columns = instructions[i].operands();
      for (std::size_t j = 0; j < columns.size(); ++j) {
        operands[i][j] = maker[index(columns[j])];
        if (operands[i][j] != kNever) last_read[index(operands[i][j])] = static_cast<std::int64_t>(i);
      }
      maker[index(instructions[i].output)] = static_cast<std::int64_t>(i);
    }
    for (const Port& port : program.outputs()) {
      for (const std::int32_t column : port.columns) {
        if (maker[index(column)] != kNever) last_read[index(maker[index(column)])] = program.num_gates();
      }
    }
  }

  /// Values that are alive before each instruction: made earlier, and read by it or later.
  std::vector<std::int64_t> alive() const {
    std::vector<std::int64_t> count(last_read.size() + 1, 0);
    for (std::size_t i = 0; i < last_read.size(); ++i) {
      if (last_read[i] == kNever) continue;
      ++count[i + 1];
      if (index(last_read[i]) < last_read.size()) --count[index(last_read[i]) + 1];
    }
    for (std::size_t i = 1; i < count.size(); ++i) count[i] += count[i - 1];
    return count;
  }
};

/// What decides between gates after which equally many values are alive.
enum class Tie {
  first,    ///< the first as written
  deepest,  ///< the one farthest from the inputs: what was begun is finished
  newest,   ///< the one whose operands were complete last
};
constexpr std::array kTies{Tie::first, Tie::deepest, Tie::newest};

/// A list schedule: of the gates whose operands are made, the one after which the fewest values are alive.
class ListSchedule {
 public:
  ListSchedule(const Program& program, const Values& values, Tie tie)
      : values_(values), tie_(tie), gates_(index(program.num_gates())) {
    const std::int64_t count = program.num_gates();
    for (std::int64_t i = 0; i < count; ++i) {
      for (const std::int64_t operand : values.operands[index(i)]) {
        if (operand == kNever) continue;
        gates_[index(operand)].readers.push_back(i);
        ++gates_[index(i)].missing;
        gates_[index(i)].depth = std::max(gates_[index(i)].depth, gates_[index(operand)].depth + 1);
      }
    }
    for (std::int64_t i = 0; i < count; ++i) {
      GateState& gate = gates_[index(i)];
      // A reader that never comes keeps an output's value alive.
      const bool is_output = values.last_read[index(i)] == count;
      gate.readers_left = static_cast<std::int64_t>(gate.readers.size()) + (is_output ? 1 : 0);
      if (gate.readers_left > 0) ++gate.growth;
      if (gate.readers_left == 1 && !is_output) --gates_[index(gate.readers.front())].growth;
    }
  }

  /// The instructions' numbers in their new order.
  std::vector<std::int64_t> run() {
    std::vector<std::int64_t> order;
    order.reserve(gates_.size());
    for (std::size_t i = 0; i < gates_.size(); ++i) {
      if (gates_[i].missing == 0) enable(static_cast<std::int64_t>(i), 0);
    }
    while (!ready_.empty()) {
      const std::int64_t gate = std::get<2>(*ready_.begin());
      ready_.erase(ready_.begin());
      gates_[index(gate)].is_done = true;
      order.push_back(gate);
      for (const std::int64_t operand : values_.operands[index(gate)]) {
        if (operand != kNever && --gates_[index(operand)].readers_left == 1) one_reader_left(operand);
      }
      for (const std::int64_t reader : gates_[index(gate)].readers) {
        if (--gates_[index(reader)].missing == 0) enable(reader, static_cast<std::int64_t>(order.size()));
      }
    }
    return order;
  }

 private:
  struct GateState {
    std::vector<std::int64_t> readers{};
    std::int64_t readers_left = 0;
    std::int64_t depth = 0;
    std::int64_t rank = 0;  ///< the lower, the earlier among equals
    int missing = 0;        ///< operands that aren't made yet
    int growth = 0;         ///< of the number of values alive, if the gate ran now
    bool is_done = false;
  };
  using Entry = std::tuple<int, std::int64_t, std::int64_t>;  // (growth, rank, gate)

  Entry entry(std::int64_t gate) const {
    return {gates_[index(gate)].growth, gates_[index(gate)].rank, gate};
  }

  void enable(std::int64_t gate, std::int64_t time) {
    if (tie_ == Tie::deepest) gates_[index(gate)].rank = -gates_[index(gate)].depth;
    if (tie_ == Tie::newest) gates_[index(gate)].rank = -time;
    ready_.insert(entry(gate));
  }

  /// The one reader that is left would end the value's life.
  void one_reader_left(std::int64_t value) {
    for (const std::int64_t reader : gates_[index(value)].readers) {
      if (gates_[index(reader)].is_done) continue;
      const bool is_ready = ready_.erase(entry(reader)) > 0;
      --gates_[index(reader)].growth;
      if (is_ready) ready_.insert(entry(reader));
      return;
    }
  }

  const Values& values_;
  Tie tie_;
  std::vector<GateState> gates_;
  std::set<Entry> ready_;
};

/// The program with its instructions in another order, every one writing a column of its own.
Program reordered(const Program& program, const Values& values, const std::vector<std::int64_t>& order) {
  const auto& before = program.instructions();
  const std::int32_t first = program.columns();
  const auto column_of = [&](std::int64_t value) { return first + static_cast<std::int32_t>(value); };
  std::vector<Instruction> instructions;
  instructions.reserve(before.size());
  for (const std::int64_t i : order) {
    Instruction instruction = before[index(i)];
    instruction.output = column_of(i);
    for (std::size_t j = 0; j < instruction.operands().size(); ++j) {
      const std::int64_t value = values.operands[index(i)][j];
      if (value != kNever) instruction.inputs[j] = column_of(value);
    }
    instructions.push_back(instruction);
  }
  std::vector<std::int64_t> maker(index(program.columns()), kNever);
  for (std::size_t i = 0; i < before.size(); ++i)
    maker[index(before[i].output)] = static_cast<std::int64_t>(i);
  std::vector<Port> outputs = program.outputs();
  for (Port& port : outputs) {
    for (std::int32_t& column : port.columns) {
      if (maker[index(column)] != kNever) column = column_of(maker[index(column)]);
    }
  }
  return {first + static_cast<std::int32_t>(before.size()), std::move(instructions), program.inputs(),
          std::move(outputs), program.constants()};
}

/// When columns are preset. A phase presets the next gates of its direction, up to that direction's next
/// phase.
struct Phases {
  std::vector<std::int64_t> before;   ///< per phase: the gate that it precedes
  std::vector<std::int64_t> of_gate;  ///< per gate: its phase
};

/// Chooses the phases. One takes place just before a gate that has no preset cell: an earlier one would hold
/// its cells for longer, and without a phase the number of taken cells never grows. How many gates it covers
/// is the choice.
class Gang {
 public:
  Gang(const Program& program, const Array& array, const std::vector<std::int64_t>& alive, std::int64_t cells)
      : alive_(alive), cells_(cells), count_(program.num_gates()), rank_(index(program.num_gates())) {
    for (std::int64_t i = 0; i < count_; ++i) {
      const int preset = spec(program.instructions()[index(i)].gate).preset;
      const auto direction = static_cast<std::size_t>(array.bipolar_presets ? 0 : preset);
      rank_[index(i)] = {direction, static_cast<std::int64_t>(gates_[direction].size())};
      gates_[direction].push_back(i);
    }
    for (std::vector<std::int64_t>& gates : gates_) gates.push_back(count_);
  }

  Phases best() const {
    // One direction: every free cell is taken. That is the least, because the block that starts at gate t
    // ends at t + cells - alive(t), which doesn't decrease with t.
    if (gates_[0].size() == 1 || gates_[1].size() == 1) return shared(0);
    if (count_ * cells_ * cells_ <= kExactWork) return exact();
    Phases least = shared(kWeights[0]);
    for (const double weight : kWeights) {
      if (Phases other = shared(weight); other.before.size() < least.before.size()) least = std::move(other);
    }
    return least;
  }

 private:
  static constexpr std::int64_t kExactWork = 1'000'000'000;  // steps: about half a second
  static constexpr std::array<double, 7> kWeights{1.0, 0.0, 0.25, 0.5, 2.0, 4.0, 1e18};

  /// Walks through the gates; take(gate, free, held) says how many gates of its direction the phase before
  /// `gate` covers, where `free` cells are free and `held` are preset to the other direction. Beyond `free`
  /// they are taken from the latter, as if those had never been preset.
  template <class Take>
  Phases walk(const Take& take) const {
    std::array<std::int64_t, 2> done{0, 0}, end{0, 0};  // gates executed and covered, per direction
    std::array<std::vector<std::pair<std::int64_t, std::int64_t>>, 2> starts;  // (first rank, phase)
    Phases phases;
    for (std::int64_t gate = 0; gate < count_; ++gate) {
      const std::size_t mine = rank_[index(gate)].first, other = 1 - mine;
      if (done[mine] == end[mine]) {
        const std::int64_t held = end[other] - done[other];
        const std::int64_t free = cells_ - alive_[index(gate)] - held;
        end[mine] = std::min(done[mine] + take(gate, free, held), total(mine));
        end[other] -= std::clamp<std::int64_t>(end[mine] - done[mine] - free, 0, held);
        starts[mine].emplace_back(done[mine], static_cast<std::int64_t>(phases.before.size()));
        phases.before.push_back(gate);
      }
      ++done[mine];
    }
    phases.of_gate.resize(index(count_));
    for (const std::size_t direction : {0U, 1U}) {
      for (std::size_t i = 0; i < starts[direction].size(); ++i) {
        const auto [first, phase] = starts[direction][i];
        const std::int64_t next =
            i + 1 < starts[direction].size() ? starts[direction][i + 1].first : total(direction);
        for (std::int64_t rank = first; rank < next; ++rank) {
          phases.of_gate[index(gates_[direction][index(rank)])] = phase;
        }
      }
    }
    return phases;
  }

  /// Every free cell at least, and as many of the other direction's as make the two last equally long, where
  /// a gate of the other direction counts `weight` times.
  Phases shared(double weight) const {
    return walk([&](std::int64_t gate, std::int64_t free, std::int64_t held) {
      const auto [mine, rank] = rank_[index(gate)];
      std::int64_t low = 1, high = std::max<std::int64_t>(1, std::min(free + held, total(mine) - rank));
      while (low < high) {
        const std::int64_t middle = (low + high + 1) / 2;
        const std::int64_t others = gates_[mine][index(rank + middle - 1)] - gate + 1 - middle;
        const double weighted = static_cast<double>(middle) + weight * static_cast<double>(others);
        if (weighted <= static_cast<double>(free + held)) {
          low = middle;
        } else {
          high = middle - 1;
        }
      }
      return std::max(free, low);
    });
  }

  /// Dynamic programming from the last gate to the first. State: a gate that needs a phase, and how many
  /// cells are preset to the other direction by then.
  Phases exact() const {
    constexpr std::int32_t never = 1 << 30;
    const std::size_t width = index(cells_) + 1;
    std::vector<std::int32_t> fewest(index(count_ + 1) * width, never), choice(fewest.size(), 0);
    std::fill_n(fewest.begin() + count_ * static_cast<std::ptrdiff_t>(width), width, 0);
    for (std::int64_t gate = count_ - 1; gate >= 0; --gate) {
      const auto [mine, rank] = rank_[index(gate)];
      const std::int64_t others = gate - rank;  // executed before this gate
      const std::int64_t most_held = std::min(cells_ - alive_[index(gate)] - 1, total(1 - mine) - others);
      for (std::int64_t held = 0; held <= most_held; ++held) {
        const std::int64_t other_next = gates_[1 - mine][index(others + held)];
        const std::int64_t most = std::min(cells_ - alive_[index(gate)] - held, total(mine) - rank);
        const std::size_t state = index(gate) * width + index(held);
        for (std::int64_t take = 1; take <= most; ++take) {
          const std::int64_t next = std::min(gates_[mine][index(rank + take)], other_next);
          const std::int64_t executed = next - gate;  // of both directions
          const std::int64_t left = next == count_ ? 0 : take + held - executed;
          const std::int32_t phases = 1 + fewest[index(next) * width + index(left)];
          if (phases < fewest[state]) {
            fewest[state] = phases;
            choice[state] = static_cast<std::int32_t>(take);
          }
        }
      }
    }
    return walk([&](std::int64_t gate, std::int64_t, std::int64_t held) {
      return static_cast<std::int64_t>(choice[index(gate) * width + index(held)]);
    });
  }

  std::int64_t total(std::size_t direction) const {
    return static_cast<std::int64_t>(gates_[direction].size()) - 1;
  }

  const std::vector<std::int64_t>& alive_;
  std::int64_t cells_;
  std::int64_t count_;
  std::array<std::vector<std::int64_t>, 2> gates_;          ///< per direction; then the end of the program
  std::vector<std::pair<std::size_t, std::int64_t>> rank_;  ///< per gate: direction, number among its gates
};

Phases preset_phases(const Program& program, const Array& array, Presets presets,
                     const std::vector<std::int64_t>& alive, std::int64_t cells) {
  if (presets == Presets::per_gate) {
    Phases each;
    for (std::int64_t i = 0; i < program.num_gates(); ++i) each.before.push_back(i);
    each.of_gate = each.before;
    return each;
  }
  return Gang(program, array, alive, cells).best();
}

/// Free columns, in the order in which they are taken.
class FreeColumns {
 public:
  FreeColumns(Allocate allocate, std::int32_t first, std::int32_t end) : allocate_(allocate), next_(first) {
    writes_.resize(index(end), 0);
    if (allocate == Allocate::level) {
      for (; next_ < end; ++next_) give(next_);
    }
  }

  std::int32_t take() {
    std::int32_t column = next_;
    if (free_.empty()) {
      ++next_;
    } else {
      column = free_.top().second;
      free_.pop();
    }
    ++writes_[index(column)];
    return column;
  }
  void give(std::int32_t column) {
    free_.emplace(allocate_ == Allocate::level ? writes_[index(column)] : 0, column);
  }

  std::int32_t used() const { return next_; }
  std::vector<std::int64_t> writes() const { return {writes_.begin(), writes_.begin() + next_}; }

 private:
  using Entry = std::pair<std::int64_t, std::int32_t>;  // (writes, column)

  Allocate allocate_;
  std::int32_t next_;  ///< columns from here on were never used
  std::vector<std::int64_t> writes_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> free_;
};

Placement place_in_order(const Program& program, const Array& array, const PlaceOptions& options) {
  const auto& instructions = program.instructions();
  const std::int64_t count = program.num_gates();
  const Values values(program);
  const std::vector<std::int64_t> alive = values.alive();

  // Inputs and constants first, in order: they keep cells of their own.
  std::vector<std::int32_t> source(index(program.columns()), -1);
  std::int32_t sources = 0;
  std::vector<Port> inputs = program.inputs();
  for (Port& port : inputs) {
    for (std::int32_t& column : port.columns) column = source[index(column)] = sources++;
  }
  std::vector<std::pair<std::int32_t, int>> constants = program.constants();
  for (auto& [column, bit] : constants) column = source[index(column)] = sources++;

  std::int64_t needed = sources;
  for (std::int64_t i = 0; i < count; ++i) needed = std::max(needed, sources + alive[index(i)] + 1);
  if (needed > array.columns) {
    throw InvalidArgument("array.columns = " + std::to_string(array.columns) + ": the program needs " +
                          std::to_string(needed) + " columns, " + std::to_string(needed - array.columns) +
                          " more than the array has");
  }
  const std::int64_t widest = std::min(array.columns, sources + count);
  Phases phases = preset_phases(program, array, options.presets, alive, widest - sources);
  std::vector<std::vector<std::int64_t>> gates_of(phases.before.size());
  for (std::int64_t i = 0; i < count; ++i) gates_of[index(phases.of_gate[index(i)])].push_back(i);

  // Forward: a phase takes the cells of its gates, the last reader of a value sets its cell free.
  FreeColumns columns(options.allocate, sources, static_cast<std::int32_t>(widest));
  std::vector<std::int32_t> cell(instructions.size());
  std::vector<std::vector<std::int32_t>> expires(instructions.size() + 1);
  std::vector<Instruction> placed;
  placed.reserve(instructions.size());
  std::size_t phase = 0;
  for (std::size_t i = 0; i < instructions.size(); ++i) {
    for (; phase < phases.before.size() && index(phases.before[phase]) == i; ++phase) {
      for (const std::int64_t gate : gates_of[phase]) cell[index(gate)] = columns.take();
    }
    Instruction instruction = instructions[i];
    for (std::size_t j = 0; j < instruction.operands().size(); ++j) {
      const std::int64_t value = values.operands[i][j];
      std::int32_t& column = instruction.inputs[j];
      column = value == kNever ? source[index(column)] : cell[index(value)];
    }
    instruction.output = cell[i];
    placed.push_back(instruction);
    const std::int64_t last = values.last_read[i];
    expires[last == kNever ? i : index(last)].push_back(cell[i]);
    // The cells whose value was read here for the last time; this gate's own, where nothing reads it.
    for (const std::int32_t expired : expires[i]) columns.give(expired);
  }
  std::vector<std::int64_t> maker(index(program.columns()), kNever);
  for (std::size_t i = 0; i < instructions.size(); ++i)
    maker[index(instructions[i].output)] = static_cast<std::int64_t>(i);
  std::vector<Port> outputs = program.outputs();
  for (Port& port : outputs) {
    for (std::int32_t& column : port.columns) {
      const std::int64_t value = maker[index(column)];
      column = value == kNever ? source[index(column)] : cell[index(value)];
    }
  }
  std::vector<std::int64_t> order(instructions.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  return {
      Program(columns.used(), std::move(placed), std::move(inputs), std::move(outputs), std::move(constants)),
      array,
      columns.used(),
      static_cast<std::int64_t>(phases.before.size()),
      columns.writes(),
      std::move(phases.before),
      std::move(phases.of_gate),
      std::move(order)};
}

}  // namespace

Placement place(const Program& program, const Array& array, const PlaceOptions& options) {
  detail::expect_at_least("rows", array.rows, 1);
  detail::expect_at_least("columns", array.columns, 1);
  if (options.order == Order::as_written) return place_in_order(program, array, options);

  const Values values(program);
  std::optional<Placement> best;
  const auto consider = [&](Placement placement) {
    const auto price = [](const Placement& p) { return std::pair(p.preset_phases, p.columns_used); };
    if (!best || price(placement) < price(*best)) best = std::move(placement);
  };
  std::string refusal;
  const auto attempt = [&](const auto& make) {  // an order may be too wide where another one fits
    try {
      consider(make());
    } catch (const InvalidArgument& error) {
      if (refusal.empty()) refusal = error.what();
    }
  };
  attempt([&] { return place_in_order(program, array, options); });
  for (const Tie tie : kTies) {
    attempt([&] {
      std::vector<std::int64_t> order = ListSchedule(program, values, tie).run();
      Placement placement = place_in_order(reordered(program, values, order), array, options);
      placement.order = std::move(order);
      return placement;
    });
  }
  if (!best) throw InvalidArgument(refusal);
  return *std::move(best);
}

}  // namespace nonideal::cram
