#include <unistd.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "check.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/cram/gates.hpp"

namespace {

using namespace nonideal::cram;
namespace fs = std::filesystem;

class File {
 public:
  explicit File(std::string_view text)
      : path_(fs::temp_directory_path() / ("nonideal-gates-" + std::to_string(getpid()) + ".txt")) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { fs::remove(path_); }

  GateTable read() const { return read_gate_table(path_); }
  std::string at(int line) const { return path_.string() + ":" + std::to_string(line) + ": "; }

 private:
  fs::path path_;
};

std::string shortest(double value) {  // the digits of Python's repr()
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

void tables() {
  GateTable table;
  CHECK(!table.has(Gate::NAND2));
  CHECK_REFUSED("the gate table has no NAND2", table.error(Gate::NAND2));
  const double error[] = {0.0, 0.25, 1.0};
  table.set(Gate::NAND2, error);
  CHECK(table.has(Gate::NAND2) && table.error(Gate::NAND2).size() == 3 &&
        table.error(Gate::NAND2)[1] == 0.25);
  CHECK_REFUSED("error[NAND3]: expected 4 probabilities, got 3", table.set(Gate::NAND3, error));
  CHECK(!table.has(Gate::NAND3));
  const double bad[] = {0.0, 1.5, 0.0};
  CHECK_REFUSED("error[NAND2][1] = 1.5 is outside [0, 1]", table.set(Gate::NAND2, bad));
  const double nan[] = {std::numeric_limits<double>::quiet_NaN(), 0.0};
  CHECK_REFUSED("error[NOT][0] = nan is outside [0, 1]", table.set(Gate::NOT, nan));
  CHECK_EQUAL(table.error(Gate::NAND2)[1], 0.25);  // a refusal leaves the table as it was
  CHECK_REFUSED("probability = -0.1 is outside [0, 1]", GateTable::uniform(-0.1));
  CHECK_REFUSED("probability = inf is outside [0, 1]",
                GateTable::uniform(std::numeric_limits<double>::infinity()));
  CHECK(GateTable::ideal() == GateTable::uniform(0.0));
  CHECK(GateTable::ideal() != GateTable::uniform(1e-300));
  CHECK_EQUAL(GateTable::uniform(1.0).error(Gate::MAJ5).size(), std::size_t{6});
}

void reading() {
  GateTable want;
  const double nand2[] = {0.0, 0.0013, 0.0214};
  const double inverter[] = {1e-05, 5e-324};
  want.set(Gate::NAND2, nand2);
  want.set(Gate::NOT, inverter);
  CHECK(File("# a table\nNAND2 0.0 0.0013 0.0214\nNOT 1e-05 5e-324\n").read() == want);
  CHECK(File("\n\n  NOT\t1e-05  5e-324 # inverter\r\n#\nNAND2 0 0.0013 0.0214").read() == want);
  CHECK(File("").read() == GateTable());
  CHECK(File("# nothing\n").read() == GateTable());

  const auto refused = [](std::string_view text, int line, const std::string& message) {
    const File file(text);
    CHECK_REFUSED(file.at(line) + message, file.read());
  };
  refused("# first\nXOR2 0 0 0\n", 2, "unknown gate 'XOR2'");
  refused("nand2 0 0 0\n", 1, "unknown gate 'nand2'");
  refused("0.1 0.2\n", 1, "unknown gate '0.1'");
  refused("NOT 0 0\n\nNAND2 0 zero 0\n", 3, "'zero' is not a number");
  refused("NOT 0 0.1x\n", 1, "'0.1x' is not a number");
  refused("NOT 0 0,1\n", 1, "'0,1' is not a number");
  refused("NOT 0 1e999\n", 1, "'1e999' is not a number");
  refused("NOT 0\n", 1, "error[NOT]: expected 2 probabilities, got 1");
  refused("NOT\n", 1, "error[NOT]: expected 2 probabilities, got 0");
  refused("NAND2 0 0 0 0\n", 1, "error[NAND2]: expected 3 probabilities, got 4");
  refused("BUF 0 1.0000001\n", 1, "error[BUF][1] = 1.0000001 is outside [0, 1]");
  refused("BUF -1e-9 0\n", 1, "error[BUF][0] = -1e-09 is outside [0, 1]");
  refused("BUF nan 0\n", 1, "error[BUF][0] = nan is outside [0, 1]");
  refused("BUF 0 inf\n", 1, "error[BUF][1] = inf is outside [0, 1]");
  refused("NOT 0 0\nNOT 0 0\n", 2, "NOT stands here a second time");

  const fs::path missing = fs::temp_directory_path() / "nonideal-no-such-file";
  CHECK_REFUSED("path = " + missing.string() + " can't be read", read_gate_table(missing));
  const fs::path folder = fs::temp_directory_path();
  CHECK_REFUSED("path = " + folder.string() + " can't be read", read_gate_table(folder));
}

/// Whatever doubles a table holds come back bit by bit from the text that Python writes.
void round_trip() {
  for (std::uint64_t round = 0; round < 50; ++round) {
    GateTable table;
    std::string text =
        "# nonideal gate table: name, then P(output wrong | k inputs are 1) for k = 0 .. fan-in\n";
    for (const GateSpec& gate : kGates) {
      const std::uint64_t index = static_cast<std::uint64_t>(gate.gate) * 8;
      if (nonideal::philox(round, 1, index).w[0] % 4 == 0) continue;
      std::vector<double> error;
      text += gate.name;
      for (int k = 0; k <= gate.fan_in; ++k) {
        const auto words = nonideal::philox(round, 0, index + static_cast<std::uint64_t>(k));
        const int exponent = -static_cast<int>(words.w[2] % 1070);
        error.push_back(std::ldexp(nonideal::uniform53(words.w[0], words.w[1]), exponent));
        text += ' ';
        text += shortest(error.back());
      }
      text += "\n";
      table.set(gate.gate, error);
    }
    CHECK(File(text).read() == table);
  }
}

}  // namespace

int main() {
  return check::run([] {
    tables();
    reading();
    round_trip();
  });
}
