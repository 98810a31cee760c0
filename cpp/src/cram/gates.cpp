#include "nonideal/cram/gates.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.hpp"

namespace nonideal::cram {
namespace {

constexpr bool table_is_in_enum_order() {
  for (std::size_t i = 0; i < kGates.size(); ++i) {
    if (static_cast<std::size_t>(kGates[i].gate) != i || kGates[i].fan_in > kMaxFanIn) return false;
  }
  return true;
}
static_assert(table_is_in_enum_order());

}  // namespace

std::optional<Gate> find_gate(std::string_view name) {
  for (const GateSpec& gate : kGates) {
    if (gate.name == name) return gate.gate;
  }
  return std::nullopt;
}

GateTable GateTable::ideal() { return uniform(0.0); }

GateTable GateTable::uniform(double probability) {
  detail::expect_probability("probability", probability);
  GateTable table;
  for (auto& states : table.error_) states.fill(probability);
  table.present_.fill(true);
  return table;
}

void GateTable::set(Gate gate, std::span<const double> error) {
  const GateSpec& kind = spec(gate);
  const std::string argument = "error[" + std::string(kind.name) + "]";
  detail::expect_count(argument.c_str(), "probabilities", static_cast<std::int64_t>(error.size()),
                       kind.fan_in + 1);
  for (std::size_t k = 0; k < error.size(); ++k) {
    detail::expect_probability(detail::bracketed(argument.c_str(), static_cast<std::int64_t>(k)), error[k]);
  }
  const auto index = static_cast<std::size_t>(gate);
  error_[index].fill(0.0);
  std::copy(error.begin(), error.end(), error_[index].begin());
  present_[index] = true;
}

std::span<const double> GateTable::error(Gate gate) const {
  if (!has(gate)) throw InvalidArgument("the gate table has no " + std::string(spec(gate).name));
  return {error_[static_cast<std::size_t>(gate)].data(), static_cast<std::size_t>(spec(gate).fan_in) + 1};
}

GateTable read_gate_table(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw InvalidArgument("path = " + path.string() + " can't be read");
  GateTable table;
  std::string line;
  for (std::int64_t number = 1; std::getline(file, line); ++number) {
    const std::string where = path.string() + ":" + std::to_string(number) + ": ";
    std::istringstream words(line.substr(0, line.find('#')));
    std::string name;
    if (!(words >> name)) continue;
    const std::optional<Gate> gate = find_gate(name);
    if (!gate) throw InvalidArgument(where + "unknown gate '" + name + "'");
    if (table.has(*gate)) throw InvalidArgument(where + name + " stands here a second time");
    std::vector<double> error;
    for (std::string text; words >> text;) {
      double value = 0.0;
      const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (problem != std::errc{} || end != text.data() + text.size()) {
        throw InvalidArgument(where + "'" + text + "' is not a number");
      }
      error.push_back(value);
    }
    try {
      table.set(*gate, error);
    } catch (const InvalidArgument& refusal) {
      throw InvalidArgument(where + refusal.what());
    }
  }
  if (file.bad()) throw InvalidArgument("path = " + path.string() + " can't be read");  // a folder opens, too
  return table;
}

}  // namespace nonideal::cram
