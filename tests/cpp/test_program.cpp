#include <limits>

#include "check.hpp"
#include "nonideal/cram/circuits.hpp"
#include "nonideal/cram/program.hpp"

namespace {

using namespace nonideal::cram;

Instruction gate(Gate kind, std::int32_t output, std::initializer_list<std::int32_t> inputs) {
  Instruction instruction{kind, output, {-1, -1, -1, -1, -1}};
  std::copy(inputs.begin(), inputs.end(), instruction.inputs.begin());
  return instruction;
}

Port port(std::string name, std::vector<std::int32_t> columns) {
  const int bits = static_cast<int>(columns.size());
  return {std::move(name), bits, 0, false, std::move(columns)};
}

const Port kA = port("a", {0});
const Port kB = port("b", {1});
const Port kY = port("y", {2});

Program two_inputs(std::vector<Instruction> instructions, std::vector<Port> outputs = {kY}) {
  return {4, std::move(instructions), {kA, kB}, std::move(outputs), {}};
}

void gate_algebra() {
  for (const GateSpec& kind : kGates) {
    CHECK(find_gate(kind.name) == kind.gate);
    const std::string name(kind.name);
    for (int ones = 0; ones <= kind.fan_in; ++ones) {
      bool want = ones > kind.fan_in / 2;  // MAJ; MIN below
      if (name == "BUF") want = ones == 1;
      if (name.starts_with("AND")) want = ones == kind.fan_in;
      if (name.starts_with("OR")) want = ones > 0;
      if (name.starts_with("NAND")) want = ones < kind.fan_in;
      if (name.starts_with("NO")) want = ones == 0;  // NOT, NOR
      if (name.starts_with("MIN")) want = ones < (kind.fan_in + 1) / 2;
      CHECK_EQUAL(kind.output(ones), want ? 1 : 0);
    }
  }
  CHECK(!find_gate("XOR2") && !find_gate("") && !find_gate("nand2"));
}

void refusals() {
  CHECK_REFUSED("columns = -1 is below 0", Program(-1, {}, {}, {}));
  CHECK_REFUSED("instructions[0]: gate code 22 is outside [0, 22)",
                two_inputs({gate(static_cast<Gate>(22), 2, {0, 1})}));
  CHECK_REFUSED("instructions[0] (NAND2): column 4 is outside [0, 4)",
                two_inputs({gate(Gate::NAND2, 4, {0, 1})}));
  CHECK_REFUSED("instructions[0] (NAND2): column -1 is outside [0, 4)",
                two_inputs({gate(Gate::NAND2, 2, {0})}));
  CHECK_REFUSED("instructions[1] (NOT): column 9 is outside [0, 4)",
                two_inputs({gate(Gate::NOT, 2, {0}), gate(Gate::NOT, 3, {9})}));
  CHECK_REFUSED(
      "instructions[0] (NAND2): output column 1 is among the inputs; a gate can't write a cell that it reads",
      two_inputs({gate(Gate::NAND2, 1, {0, 1})}));
  CHECK_REFUSED("instructions[0] (NAND2) reads column 3, which nothing has set",
                two_inputs({gate(Gate::NAND2, 2, {0, 3})}));
  CHECK_REFUSED(
      "instructions[0] (MAJ3) reads column 1 twice; a cell can be an input once: insert a BUF (copy) and "
      "read both "
      "cells",
      two_inputs({gate(Gate::MAJ3, 2, {1, 0, 1})}));
  CHECK_REFUSED("outputs[y] reads column 2, which nothing has set", two_inputs({}));
  CHECK_REFUSED("outputs[y]: column 4 is outside [0, 4)", two_inputs({}, {port("y", {4})}));
  CHECK_REFUSED("outputs[y]: the name is used twice",
                two_inputs({gate(Gate::NOT, 2, {0})}, {kY, port("y", {0})}));
  CHECK_REFUSED("inputs: a port has an empty name", Program(1, {}, {port("", {0})}, {}));
  CHECK_REFUSED("inputs[a]: the name is used twice", Program(2, {}, {kA, port("a", {1})}, {}));
  CHECK_REFUSED("inputs[b]: column 0 is already an input or a constant",
                Program(2, {}, {kA, port("b", {0})}, {}));
  CHECK_REFUSED("inputs[a]: column 0 is already an input or a constant",
                Program(2, {}, {port("a", {0, 0})}, {}));
  CHECK_REFUSED("inputs[a]: column 7 is outside [0, 1)", Program(1, {}, {port("a", {7})}, {}));
  CHECK_REFUSED("inputs[a].bits = 0 is outside [1, 63]", Program(1, {}, {{"a", 0, 0, false, {}}}, {}));
  CHECK_REFUSED("inputs[a].bits = 64 is outside [1, 63]",
                Program(64, {}, {{"a", 64, 0, false, std::vector<std::int32_t>(64)}}, {}));
  CHECK_REFUSED("inputs[a].length = -1 is below 0", Program(1, {}, {{"a", 1, -1, false, {0}}}, {}));
  CHECK_REFUSED("inputs[a].length = 9223372036854775807 is outside [0, 2147483647]",
                Program(1, {}, {{"a", 3, INT64_MAX, false, {0}}}, {}));
  CHECK_REFUSED("inputs[a].columns: expected 6 columns, got 1",
                Program(1, {}, {{"a", 3, 2, false, {0}}}, {}));
  CHECK_REFUSED("constants: column 0 is already an input or a constant", Program(1, {}, {kA}, {}, {{0, 1}}));
  CHECK_REFUSED("constants[0] = 2 is outside [0, 1]", Program(1, {}, {}, {}, {{0, 2}}));
  CHECK_REFUSED("constants: column -3 is outside [0, 1)", Program(1, {}, {}, {}, {{-3, 1}}));
}

void builder() {
  ProgramBuilder build;
  const Word a = build.input("a", 2);
  CHECK_REFUSED("inputs[a]: the name is used twice", build.input("a", 1));
  CHECK_REFUSED("inputs: a port has an empty name", build.input("", 1));
  CHECK_REFUSED("bits = 0 is outside [1, 63]", build.input("b", 0));
  CHECK_REFUSED("bits = 64 is outside [1, 63]", build.input_words("b", 64, 1));
  CHECK_REFUSED("length = 0 is below 1", build.input_words("b", 1, 0));
  CHECK_REFUSED("columns: more than 2^31 - 1", build.input_words("b", 63, std::int64_t{1} << 40));
  CHECK_REFUSED("bit = 2 is outside [0, 1]", build.constant(2));
  CHECK_REFUSED("NAND2 takes 2 columns, got 1", build.gate(Gate::NAND2, a[0]));
  CHECK_REFUSED("NOT: column 99 is outside [0, 2)", ProgramBuilder(build).gate(Gate::NOT, 99));
  CHECK_REFUSED(
      "NAND2 reads column 0 twice; a cell can be an input once: insert a BUF (copy) and read both cells",
      build.gate(Gate::NAND2, a[0], a[0]));
  CHECK_REFUSED("outputs[y].bits = 0 is outside [1, 63]", build.output("y", {}));
  CHECK_REFUSED("outputs[y]: column -1 is outside [0, 2)", build.output("y", {-1}));
  build.output("y", {build.gate(Gate::NAND2, a[0], build.copy(a[0]))});
  CHECK_REFUSED("outputs[y]: the name is used twice", build.output("y", {a[0]}));
  const Program program = build.build();
  CHECK_EQUAL(program.num_gates(), 2);
  CHECK_EQUAL(program.depth(), 2);
  CHECK_EQUAL(program.gate_counts()[static_cast<std::size_t>(Gate::BUF)], 1);
  CHECK(program == build.build());
  CHECK_EQUAL(ProgramBuilder().build().num_gates(), 0);  // the empty program is one
}

void pruning() {
  // Column 2 is written twice; only the second value reaches the output. Column 3's reader is dead.
  const Program program =
      two_inputs({gate(Gate::NAND2, 2, {0, 1}), gate(Gate::NOT, 3, {2}), gate(Gate::NOR2, 2, {0, 1})});
  const Program kept = prune(program);
  CHECK(kept.instructions() == std::vector{gate(Gate::NOR2, 2, {0, 1})});
  CHECK_EQUAL(kept.columns(), 4);
  CHECK(prune(kept) == kept);
  const Program chain =
      two_inputs({gate(Gate::NOT, 2, {0}), gate(Gate::NAND2, 3, {1, 2}), gate(Gate::NOT, 2, {3})});
  CHECK(prune(chain) == chain);
  CHECK_EQUAL(prune(two_inputs({gate(Gate::NOT, 2, {0})}, {})).num_gates(), 0);
}

void placing() {
  const Program chain(6,
                      {gate(Gate::NOT, 1, {0}), gate(Gate::NOT, 2, {1}), gate(Gate::NOT, 3, {2}),
                       gate(Gate::NOT, 4, {3}), gate(Gate::NAND2, 5, {4, 0})},
                      {kA}, {port("y", {5})}, {});
  const Placement placed = place(chain);
  CHECK_EQUAL(placed.columns_used, 3);  // the input, and two that alternate
  CHECK_EQUAL(placed.preset_phases, 5);
  CHECK(placed.cell_writes == std::vector<std::int64_t>{0, 3, 2});
  CHECK_EQUAL(placed.program.columns(), 3);
  CHECK_EQUAL(placed.program.depth(), chain.depth());
  CHECK(place(placed.program).program == placed.program);
  CHECK(placed.array == Array{});
  CHECK_REFUSED("array.columns = 2: the program needs 3 columns, 1 more than the array has",
                place(chain, {.rows = 1, .columns = 2}));
  CHECK_REFUSED("rows = 0 is below 1", place(chain, {.rows = 0, .columns = 2}));
  CHECK_REFUSED("columns = 0 is below 1", place(chain, {.rows = 1, .columns = 0}));

  CHECK(placed.phase_before == std::vector<std::int64_t>{0, 1, 2, 3, 4});
  CHECK(placed.phase_of_gate == placed.phase_before);

  // Ganged: five columns hold all gates at once; four hold the first three, then the last two.
  const PlaceOptions ganged{.presets = Presets::ganged};
  const Placement wide = place(chain, {.rows = 1, .columns = 6}, ganged);
  CHECK_EQUAL(wide.preset_phases, 1);
  CHECK_EQUAL(wide.columns_used, 6);
  CHECK(wide.phase_of_gate == std::vector<std::int64_t>(5, 0));
  const Placement narrow = place(chain, {.rows = 1, .columns = 4}, ganged);
  CHECK(narrow.phase_before == std::vector<std::int64_t>{0, 3});
  CHECK(narrow.phase_of_gate == std::vector<std::int64_t>{0, 0, 0, 1, 1});
  CHECK_EQUAL(narrow.columns_used, 4);
  // Two directions: AND2 starts from AP.
  const Program mixed(6, {gate(Gate::NOT, 1, {0}), gate(Gate::AND2, 2, {0, 1}), gate(Gate::NOT, 3, {2})},
                      {kA}, {port("y", {3})}, {});
  CHECK_EQUAL(place(mixed, {}, ganged).preset_phases, 2);
  CHECK_EQUAL(place(mixed, {.bipolar_presets = true}, ganged).preset_phases, 1);
  const Placement level = place(chain, {.rows = 1, .columns = 6}, {.allocate = Allocate::level});
  CHECK(level.cell_writes == std::vector<std::int64_t>{0, 1, 1, 1, 1, 1});

  // systems figures: a multiplier of 600 gates in at most 41 columns; a dot product in at most 588.
  const Program multiplier = circuits::multiplier(8);
  CHECK_EQUAL(multiplier.num_gates(), 600);
  CHECK(place(multiplier).columns_used <= 41);
  CHECK(place(multiplier, {}, {.order = Order::compact}).columns_used <= 35);
  const Program dot = circuits::dot(64, 4, 4);
  CHECK_EQUAL(dot.num_gates(), 12733);
  const std::int64_t used = place(dot).columns_used;
  CHECK(used <= 588);
  CHECK_REFUSED("array.columns = 512: the program needs " + std::to_string(used) + " columns, " +
                    std::to_string(used - 512) + " more than the array has",
                place(dot, {.rows = 1024, .columns = 512}));
}

void circuit_refusals() {
  CHECK_REFUSED("bits = 0 is outside [1, 62]", circuits::adder(0));
  CHECK_REFUSED("bits = 63 is outside [1, 62]", circuits::adder(63));
  CHECK_REFUSED("bits_a = 32 is outside [1, 31]", circuits::multiplier(32));
  CHECK_REFUSED("bits_b = 0 is outside [1, 31]", circuits::multiplier(4, 0));
  CHECK_REFUSED("length = 0 is outside [1, 65536]", circuits::dot(0, 4, 4));
  CHECK_REFUSED("bits_x = 17 is outside [1, 16]", circuits::dot(1, 17, 4));
  CHECK_REFUSED("bits_w = -1 is outside [1, 16]", circuits::dot(1, 4, -1));
}

}  // namespace

int main() {
  return check::run([] {
    gate_algebra();
    refusals();
    builder();
    pruning();
    placing();
    circuit_refusals();
  });
}
