#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cram/kernels/tile.hpp"
#include "nonideal/cram/cells.hpp"
#include "nonideal/cram/gates.hpp"

/// From error probabilities to the tables that the kernels draw with. Everything here uses + - * / and sqrt
/// alone, which round alike everywhere. The C library picks its exp and log by processor, and their last bits
/// may differ: then so would, once in a while, a bit of a result.
namespace nonideal::cram {

/// -log(1 - 2p) / 2 = artanh(p / (1 - p)), by its series; p is at most 0.32, z at most 0.48.
double point_rate(double probability);

/// Draws of one kind of gate, with the tables behind the kernel's pointers.
struct NoiseTables {
  kernels::Noise noise{};
  std::vector<std::uint64_t> survival;
  std::vector<std::uint16_t> guide;

  /// All lanes err alike: P(wrong | k ones).
  NoiseTables(const GateSpec& gate, std::span<const double> error);

  /// Every row has probabilities of its own; `cells` must outlive this.
  explicit NoiseTables(const CellErrors::Table& cells);

  /// The noise, with pointers to the tables where they lie now.
  kernels::Noise bound() const;

 private:
  void expect_points(double rate);
};

}  // namespace nonideal::cram
