// Random input from fixed seeds for what reads other people's input: it throws InvalidArgument, or returns
// something that everything behind it accepts. `test_fuzz N` runs N cases of each instead of the usual
// number.
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>

#include "check.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/cram/gates.hpp"
#include "nonideal/cram/program.hpp"
#include "planes.hpp"

namespace {

using namespace nonideal::cram;

/// A stretch of random choices.
class Dice {
 public:
  Dice(std::uint64_t purpose, std::uint64_t number) : purpose_(purpose), number_(number) {}
  std::uint32_t word() { return nonideal::philox(purpose_, number_, draw_++).w[0]; }
  int below(int n) { return static_cast<int>(word() % static_cast<std::uint32_t>(n)); }
  bool one_in(int n) { return below(n) == 0; }

 private:
  std::uint64_t purpose_, number_, draw_ = 0;
};

std::string random_text(Dice& dice) {
  static const std::string tokens[] = {"NAND2",    "NOT",    "MAJ5",  "BUF",    "#",   "\n",
                                       "\n",       " ",      "\t",    "\r\n",   "0",   "0.5",
                                       "1",        "1e-300", "nan",   "-inf",   "2",   ".",
                                       "e",        "+1",     "0x1p3", "1e9999", "XOR", std::string(1, '\0'),
                                       "\xff\xfe", "-0.0"};
  std::string text;
  const int length = dice.below(40);
  const bool raw = dice.one_in(3);
  for (int i = 0; i < length; ++i) {
    if (raw) {
      text += static_cast<char>(dice.word());
    } else if (dice.one_in(3)) {  // a whole, correct line
      const GateSpec& gate = kGates[static_cast<std::size_t>(dice.below(kGateCount))];
      text += gate.name;
      for (int k = 0; k <= gate.fan_in; ++k) text += " 0." + std::to_string(dice.below(1000));
      text += "\n";
    } else if (dice.one_in(8)) {
      text += tokens[static_cast<std::size_t>(dice.below(static_cast<int>(std::size(tokens))))];
    }
  }
  return text;
}

void gate_tables(int cases) {
  const auto path = std::filesystem::temp_directory_path() / ("nonideal-fuzz-" + std::to_string(getpid()));
  int valid = 0;
  for (int i = 0; i < cases; ++i) {
    Dice dice(1, static_cast<std::uint64_t>(i));
    std::ofstream(path, std::ios::binary) << random_text(dice);
    try {
      const GateTable table = read_gate_table(path);
      for (const GateSpec& gate : kGates) {
        if (!table.has(gate.gate)) continue;
        for (const double p : table.error(gate.gate)) CHECK(p >= 0.0 && p <= 1.0);
      }
      ++valid;
    } catch (const nonideal::InvalidArgument& refusal) {
      CHECK(std::string_view(refusal.what()).starts_with(path.string() + ":"));
    }
  }
  std::filesystem::remove(path);
  CHECK(valid > cases / 20 && valid < cases);
  std::printf("gate tables: %d of %d valid\n", valid, cases);
}

struct Parts {
  std::int32_t columns = 0;
  std::vector<Instruction> instructions;
  std::vector<Port> inputs, outputs;
  std::vector<std::pair<std::int32_t, int>> constants;
};

/// A valid program of up to 12 gates ...
Parts valid_parts(Dice& dice) {
  Parts parts;
  std::vector<std::int32_t> known;
  const int ports = 1 + dice.below(3);
  for (int i = 0; i < ports; ++i) {
    Port port{"in" + std::to_string(i), 1 + dice.below(3), dice.below(3), dice.one_in(4), {}};
    for (std::int64_t c = 0; c < port.bits * port.words(); ++c) {
      port.columns.push_back(parts.columns);
      known.push_back(parts.columns++);
    }
    parts.inputs.push_back(port);
  }
  if (dice.one_in(3)) {
    parts.constants.emplace_back(parts.columns, dice.below(2));
    known.push_back(parts.columns++);
  }
  const int gates = dice.below(13);
  for (int i = 0; i < gates; ++i) {
    Instruction instruction;
    instruction.gate = static_cast<Gate>(dice.below(kGateCount));
    const int fan_in = spec(instruction.gate).fan_in;
    if (static_cast<int>(known.size()) < fan_in) continue;
    for (int k = 0; k < fan_in; ++k) {  // a partial shuffle: distinct operands
      const auto at = static_cast<std::size_t>(k);
      const auto other = at + static_cast<std::size_t>(dice.below(static_cast<int>(known.size() - at)));
      std::swap(known[at], known[other]);
      instruction.inputs[at] = known[at];
    }
    const bool again = static_cast<int>(known.size()) > fan_in && dice.one_in(3);
    instruction.output = again ? known.back() : parts.columns++;  // cells may be written again
    if (!again) known.push_back(instruction.output);
    parts.instructions.push_back(instruction);
  }
  Port port{"out", 1 + dice.below(4), dice.below(2), dice.one_in(4), {}};
  for (std::int64_t c = 0; c < port.bits * port.words(); ++c) {
    port.columns.push_back(known[static_cast<std::size_t>(dice.below(static_cast<int>(known.size())))]);
  }
  parts.outputs.push_back(port);
  return parts;
}

/// ... and what is done to it.
void damage(Parts& parts, Dice& dice) {
  static constexpr std::int32_t kColumns[] = {-1, 0, 1, 5, 1000, INT32_MAX, INT32_MIN};
  static constexpr std::int64_t kLengths[] = {-1,        0,         1,         3,
                                              INT32_MAX, INT64_MAX, INT64_MIN, std::int64_t{1} << 62};
  static constexpr int kBits[] = {-1, 0, 1, 63, 64, INT32_MAX};
  const auto any = [&](auto& list) -> auto& {
    return list[static_cast<std::size_t>(dice.below(static_cast<int>(std::size(list))))];
  };
  switch (dice.below(9)) {
    case 0:
      parts.columns += dice.below(5) - 3;
      break;
    case 1:
      any(parts.inputs).bits = any(kBits);
      break;
    case 2:
      any(parts.inputs).length = any(kLengths);
      break;
    case 3:
      parts.outputs[0].length = any(kLengths);
      break;
    case 4:
      any(parts.outputs[0].columns) = any(kColumns);
      break;
    case 5:
      parts.constants.emplace_back(any(kColumns), dice.below(4) - 1);
      break;
    case 6:
      parts.inputs.push_back(parts.inputs[0]);
      break;
    default:
      if (parts.instructions.empty()) break;
      Instruction& instruction = any(parts.instructions);
      if (dice.one_in(3)) instruction.gate = static_cast<Gate>(dice.below(256));
      if (dice.one_in(3)) instruction.output = any(kColumns);
      if (dice.one_in(3)) any(instruction.inputs) = any(kColumns);
  }
}

/// One lane, one gate after the other.
std::vector<int> interpret(const Program& program, const std::vector<int>& inputs) {
  std::vector<int> cells(static_cast<std::size_t>(program.columns()), 0);
  std::size_t next = 0;
  for (const Port& port : program.inputs()) {
    for (const auto column : port.columns) cells[static_cast<std::size_t>(column)] = inputs[next++];
  }
  for (const auto& [column, bit] : program.constants()) cells[static_cast<std::size_t>(column)] = bit;
  for (const Instruction& instruction : program.instructions()) {
    int ones = 0;
    for (const auto column : instruction.operands()) ones += cells[static_cast<std::size_t>(column)];
    cells[static_cast<std::size_t>(instruction.output)] = spec(instruction.gate).output(ones);
  }
  std::vector<int> outputs;
  for (const Port& port : program.outputs()) {
    for (const auto column : port.columns) outputs.push_back(cells[static_cast<std::size_t>(column)]);
  }
  return outputs;
}

/// A valid program runs; placed, pruned and interpreted, it computes the same.
void run_everything(const Program& program) {
  constexpr std::int64_t kLanes = 70;
  constexpr std::size_t kWords = 2;
  const Simulator ideal(program, GateTable::ideal());
  const auto inputs = uniform_inputs(ideal, kLanes);
  const auto outputs = simulate(ideal, inputs, kLanes, {});
  CHECK(simulate(Simulator(place(program).program, GateTable::ideal()), inputs, kLanes, {}) == outputs);
  CHECK(simulate(Simulator(prune(program), GateTable::ideal()), inputs, kLanes, {}) == outputs);
  for (const std::size_t lane : {0, 63, 64, 69}) {
    const auto bit = [&](const auto& planes, std::size_t row) {
      return static_cast<int>(planes[row * kWords + lane / 64] >> (lane % 64) & 1);
    };
    std::vector<int> in, out;
    for (std::size_t row = 0; row < inputs.size() / kWords; ++row) in.push_back(bit(inputs, row));
    for (std::size_t row = 0; row < outputs.size() / kWords; ++row) out.push_back(bit(outputs, row));
    CHECK(interpret(program, in) == out);
  }
  for (const double p : {0.01, 0.3, 0.9}) {  // sparse, many points, dense
    const auto noisy = simulate(Simulator(program, GateTable::uniform(p)), inputs, kLanes, {.seed = 1});
    for (std::size_t row = 0; row < noisy.size() / kWords; ++row) {
      CHECK_EQUAL(noisy[row * kWords + 1] >> (kLanes - 64), std::uint64_t{0});
    }
  }
}

void programs(int cases) {
  int valid = 0;
  for (int i = 0; i < cases; ++i) {
    Dice dice(2, static_cast<std::uint64_t>(i));
    Parts parts = valid_parts(dice);
    const int faults = dice.below(3);
    for (int f = 0; f < faults; ++f) damage(parts, dice);
    try {
      const Program program(parts.columns, parts.instructions, parts.inputs, parts.outputs, parts.constants);
      ++valid;
      run_everything(program);
    } catch (const nonideal::InvalidArgument& refusal) {
      if (!CHECK(faults > 0)) std::printf("case %d: %s\n", i, refusal.what());
    }
  }
  CHECK(valid > cases / 3 && valid < cases);
  std::printf("programs: %d of %d valid\n", valid, cases);
}

}  // namespace

int main(int count, char** arguments) {
  int cases = 1500;
  if (count == 2) {
    const std::string_view text(arguments[1]);
    if (std::from_chars(text.data(), text.data() + text.size(), cases).ec != std::errc{} || cases < 20) {
      std::fprintf(stderr, "cases = %s is not a whole number >= 20\n", arguments[1]);
      return 2;
    }
  }
  return check::run([&] {
    gate_tables(cases);
    programs(cases);
  });
}
