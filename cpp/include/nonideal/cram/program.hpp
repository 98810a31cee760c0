#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/cram/gates.hpp"

/// Programs: what one row of the array does, gate after gate. Every row (lane) runs the same program on its
/// own data.
namespace nonideal::cram {

/// One gate: presets `output`, then computes it from the first spec(gate).fan_in columns of `inputs`.
struct Instruction {
  Gate gate = Gate::NOT;
  std::int32_t output = 0;
  std::array<std::int32_t, kMaxFanIn> inputs{-1, -1, -1, -1, -1};

  std::span<const std::int32_t> operands() const {
    return {inputs.data(), static_cast<std::size_t>(spec(gate).fan_in)};
  }
  bool operator==(const Instruction&) const = default;
};

/// A named operand or result: one word per lane (`length` 0) or `length` words per lane, each of `bits` bits.
struct Port {
  std::string name;
  int bits = 1;                       ///< 1 .. 63
  std::int64_t length = 0;            ///< 0: a single word; n >= 1: n words
  bool is_signed = false;             ///< two's complement
  std::vector<std::int32_t> columns;  ///< bits * max(length, 1), word after word, least significant bit first

  std::int64_t words() const { return length == 0 ? 1 : length; }
  bool operator==(const Port&) const = default;
};

using Word = std::vector<std::int32_t>;  ///< columns of a word, least significant bit first

/// An immutable, checked program.
class NONIDEAL_API Program {
 public:
  /// Throws InvalidArgument, naming the instruction or port, unless: all columns are in [0, columns); input
  /// and constant columns are distinct; a gate reads distinct columns that are set (by an input, a constant
  /// or an earlier gate) and doesn't write one of them; output ports read set columns; port names are
  /// distinct and not empty; the number of a port's columns is bits * max(length, 1). O(instructions +
  /// columns).
  Program(std::int32_t columns, std::vector<Instruction> instructions, std::vector<Port> inputs,
          std::vector<Port> outputs, std::vector<std::pair<std::int32_t, int>> constants = {});

  std::int32_t columns() const { return columns_; }
  const std::vector<Instruction>& instructions() const { return instructions_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  const std::vector<std::pair<std::int32_t, int>>& constants() const { return constants_; }
  std::int64_t num_gates() const { return static_cast<std::int64_t>(instructions_.size()); }

  /// How many gates of each kind, indexed by Gate.
  std::array<std::int64_t, kGates.size()> gate_counts() const;

  /// Gates on the longest path from an input to any gate.
  std::int64_t depth() const;

  bool operator==(const Program&) const = default;

 private:
  std::int32_t columns_;
  std::vector<Instruction> instructions_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<std::pair<std::int32_t, int>> constants_;
};

/// The same program without the gates that no output depends on. Columns keep their numbers.
NONIDEAL_API Program prune(const Program& program);

/// Builds a program in which every gate writes a fresh column.
class NONIDEAL_API ProgramBuilder {
 public:
  /// One word. Throws InvalidArgument for an empty or used name or bits outside [1, 63].
  Word input(std::string name, int bits, bool is_signed = false);

  /// `length` words. Throws as input() does, and for length < 1.
  std::vector<Word> input_words(std::string name, int bits, std::int64_t length, bool is_signed = false);

  /// A column that holds `bit` from the start. Throws InvalidArgument unless bit is 0 or 1.
  std::int32_t constant(int bit);

  /// A gate on existing columns; returns the column of its output. Throws InvalidArgument for a wrong number
  /// of columns, an unknown column, or one that is repeated.
  std::int32_t gate(Gate gate, std::span<const std::int32_t> columns);
  template <std::same_as<std::int32_t>... Columns>
  std::int32_t gate(Gate kind, Columns... columns) {
    const std::array<std::int32_t, sizeof...(columns)> list{columns...};
    return gate(kind, std::span<const std::int32_t>(list));
  }

  /// A second cell with the same value (a BUF gate).
  std::int32_t copy(std::int32_t column) { return gate(Gate::BUF, column); }

  /// Names a result of one word. Throws InvalidArgument as input() does and for unknown columns.
  void output(std::string name, Word word, bool is_signed = false);

  /// Names a result of several words of equal width. Throws as output() does, and where there are none.
  void output_words(std::string name, const std::vector<Word>& words, bool is_signed = false);

  Program build() const;

 private:
  std::int32_t fresh();
  const Port& add_input(Port port);
  void add_output(Port port);

  std::int32_t columns_ = 0;
  std::vector<Instruction> instructions_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<std::pair<std::int32_t, int>> constants_;
};

/// The geometry of a memory array; one lane runs in one row.
struct Array {
  std::int64_t rows = 1024;
  std::int64_t columns = 1024;
  bool bipolar_presets = false;  ///< a preset phase may write P to some columns and AP to others

  bool operator==(const Array&) const = default;
};

enum class Presets : std::uint8_t {
  per_gate,  ///< a preset phase before every gate
  ganged,    ///< many columns at once: as few phases as the columns allow
};
enum class Allocate : std::uint8_t {
  lowest,  ///< the lowest free column: the fewest columns
  level,   ///< the free column that was written least, of the whole array: wear is spread
};
enum class Order : std::uint8_t {
  as_written,  ///< gates keep their order
  compact,     ///< gates that end the lives of values come early, where that saves columns (or phases)
};

struct PlaceOptions {
  Presets presets = Presets::per_gate;
  Allocate allocate = Allocate::lowest;
  Order order = Order::as_written;
};

/// A program whose columns are reused once their value is no longer needed.
struct Placement {
  Program program;
  Array array;
  std::int64_t columns_used;
  std::int64_t preset_phases;               ///< times at which columns are preset, of one run
  std::vector<std::int64_t> cell_writes;    ///< columns_used: presets of each column in one run (endurance)
  std::vector<std::int64_t> phase_before;   ///< preset_phases: the gate before which each phase takes place
  std::vector<std::int64_t> phase_of_gate;  ///< num_gates: the phase that presets each gate's output
  std::vector<std::int64_t> order;          ///< num_gates: each gate's place in the program as written
};

/// Inputs and constants keep cells of their own; a gate's cell is taken from the phase that presets it to the
/// last reader of its value, and is then free. Throws InvalidArgument where the array is too narrow for a
/// phase before every gate, with the number of columns that are short. Cost: O(n log n) for n instructions.
///
/// Presets::ganged: a phase drives one direction (all its columns become P, or all AP) unless
/// array.bipolar_presets. The number of phases is the least that this order of gates allows in so many
/// columns: found greedily where there is one direction (gates of one preset alone, or bipolar presets), else
/// by dynamic programming in O(n c^2), c columns without inputs, which holds 8 n c bytes. Beyond n c^2 = 1e9
/// the best of a few rules for sharing the free columns is taken (up to 14 % above the least in programs that
/// both can do).
///
/// Order::compact changes which random numbers a gate draws, so noisy results differ bit by bit, not in
/// distribution. The order as written is kept where it is at least as good.
NONIDEAL_API Placement place(const Program& program, const Array& array = {},
                             const PlaceOptions& options = {});

}  // namespace nonideal::cram
