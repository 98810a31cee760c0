#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

#include "nonideal/base/export.hpp"

/// The gates of a computational random-access memory, and how they err.
///
/// A gate presets its output cell and puts a voltage across "inputs in parallel, in series with the output".
/// The output switches away from its preset if and only if at most `threshold` inputs are 1. So a gate
/// depends on the number of 1-inputs alone, and so does its error probability.
namespace nonideal::cram {

inline constexpr int kMaxFanIn = 5;
inline constexpr int kMaxStates = kMaxFanIn + 1;  ///< numbers of 1-inputs a gate can see: 0 .. fan_in

// clang-format off
enum class Gate : std::uint8_t {
  NOT, BUF,
  NAND2, NAND3, NAND4, NAND5,
  NOR2, NOR3, NOR4, NOR5,
  AND2, AND3, AND4, AND5,
  OR2, OR3, OR4, OR5,
  MIN3, MAJ3, MIN5, MAJ5,
};
// clang-format on

struct GateSpec {
  Gate gate;
  std::string_view name;
  int fan_in;
  int threshold;  ///< the output switches away from `preset` iff at most this many inputs are 1
  int preset;     ///< 0: parallel (low resistance), 1: antiparallel

  /// The correct output for `ones` inputs that are 1.
  constexpr int output(int ones) const { return (ones <= threshold) == (preset == 0) ? 1 : 0; }
};

/// The one declaration of the gate algebra; everything else about gates is derived from it.
inline constexpr std::array kGates = {
    GateSpec{Gate::NOT, "NOT", 1, 0, 0},     GateSpec{Gate::BUF, "BUF", 1, 0, 1},
    GateSpec{Gate::NAND2, "NAND2", 2, 1, 0}, GateSpec{Gate::NAND3, "NAND3", 3, 2, 0},
    GateSpec{Gate::NAND4, "NAND4", 4, 3, 0}, GateSpec{Gate::NAND5, "NAND5", 5, 4, 0},
    GateSpec{Gate::NOR2, "NOR2", 2, 0, 0},   GateSpec{Gate::NOR3, "NOR3", 3, 0, 0},
    GateSpec{Gate::NOR4, "NOR4", 4, 0, 0},   GateSpec{Gate::NOR5, "NOR5", 5, 0, 0},
    GateSpec{Gate::AND2, "AND2", 2, 1, 1},   GateSpec{Gate::AND3, "AND3", 3, 2, 1},
    GateSpec{Gate::AND4, "AND4", 4, 3, 1},   GateSpec{Gate::AND5, "AND5", 5, 4, 1},
    GateSpec{Gate::OR2, "OR2", 2, 0, 1},     GateSpec{Gate::OR3, "OR3", 3, 0, 1},
    GateSpec{Gate::OR4, "OR4", 4, 0, 1},     GateSpec{Gate::OR5, "OR5", 5, 0, 1},
    GateSpec{Gate::MIN3, "MIN3", 3, 1, 0},   GateSpec{Gate::MAJ3, "MAJ3", 3, 1, 1},
    GateSpec{Gate::MIN5, "MIN5", 5, 2, 0},   GateSpec{Gate::MAJ5, "MAJ5", 5, 2, 1},
};
inline constexpr int kGateCount = static_cast<int>(kGates.size());

constexpr const GateSpec& spec(Gate gate) { return kGates[static_cast<std::size_t>(gate)]; }

/// The gate of that name, or nothing.
NONIDEAL_API std::optional<Gate> find_gate(std::string_view name);

/// Error probabilities: for every gate that it holds, P(output wrong | k inputs are 1), k = 0 .. fan_in.
class NONIDEAL_API GateTable {
 public:
  /// Holds no gate yet.
  GateTable() = default;

  /// Every gate, without errors.
  static GateTable ideal();

  /// Every gate errs with the same probability in every state. Throws InvalidArgument outside [0, 1].
  static GateTable uniform(double probability);

  /// Sets or replaces a gate. Throws InvalidArgument unless `error` holds fan_in + 1 values within [0, 1].
  void set(Gate gate, std::span<const double> error);

  bool has(Gate gate) const { return present_[static_cast<std::size_t>(gate)]; }

  /// The fan_in + 1 probabilities. Throws InvalidArgument where the table lacks the gate.
  std::span<const double> error(Gate gate) const;

  bool operator==(const GateTable&) const = default;

 private:
  std::array<std::array<double, kMaxStates>, kGates.size()> error_{};
  std::array<bool, kGates.size()> present_{};
};

/// Reads the text form that Python's `GateLibrary.save` writes: a line per gate, its name and its fan_in + 1
/// probabilities; `#` starts a comment. Throws InvalidArgument with path and line where the text is anything
/// else.
NONIDEAL_API GateTable read_gate_table(const std::filesystem::path& path);

}  // namespace nonideal::cram
