#pragma once

#include <cstdint>

#include "nonideal/base/export.hpp"
#include "nonideal/cram/program.hpp"

/// Arithmetic out of gates. Words are unsigned, least significant bit first. The wiring is part of the
/// contract: gate counts and error figures follow from it.
namespace nonideal::cram {

enum class FullAdder : std::uint8_t {
  nand9,     ///< nine NAND2
  maj5_buf,  ///< MIN3, BUF, MAJ5, NOT
  maj5_not,  ///< MAJ3, two NOT, MAJ5
  min5,      ///< two MIN3, MIN5, two NOT: every preset is 0
};
enum class AndGate : std::uint8_t {
  nand_not,  ///< NAND2, then NOT
  and2,      ///< one AND2: fewer gates, less reliable ones
};
enum class Accumulate : std::uint8_t {
  tree,   ///< neighbours are added pairwise, depth first
  chain,  ///< one running sum that is as wide as it must be
};

namespace circuits {

/// Ports a, b, c -> sum, carry.
NONIDEAL_API Program full_adder(FullAdder design = FullAdder::nand9);

/// Ripple-carry adder: a, b -> sum (bits + 1 bits). bits in [1, 62].
NONIDEAL_API Program adder(int bits, FullAdder design = FullAdder::nand9);

/// Array multiplier: a, b -> product (bits_a + bits_b bits, one fewer where an operand has one bit). Each in
/// [1, 31].
NONIDEAL_API Program multiplier(int bits_a, int bits_b, FullAdder design = FullAdder::nand9,
                                AndGate and_gate = AndGate::nand_not);
inline Program multiplier(int bits) { return multiplier(bits, bits); }

/// sum_i x[i] * w[i]: ports x, w of `length` words -> y. bits_x, bits_w in [1, 16], length in [1, 65536].
NONIDEAL_API Program dot(std::int64_t length, int bits_x, int bits_w,
                         Accumulate accumulate = Accumulate::tree, FullAdder design = FullAdder::nand9,
                         AndGate and_gate = AndGate::nand_not);

}  // namespace circuits
}  // namespace nonideal::cram
