#pragma once

#include <cstdint>

#include "nonideal/base/export.hpp"
#include "nonideal/cram/program.hpp"

/// Arithmetic out of gates. Words are least significant bit first, unsigned unless `is_signed` (two's
/// complement). The wiring is part of the contract: gate counts and error figures follow from it. Every
/// function throws InvalidArgument where a number is outside the range that it states; cost is linear in the
/// gates.
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
  tree,    ///< neighbours are added pairwise, depth first
  chain,   ///< one running sum that is as wide as it must be
  csa,     ///< carry-save: full adders over the partial products of equal weight, ripple carry at the end
  hybrid,  ///< the products alone, see products(): their sum is taken in exact logic beside the array
};

namespace circuits {

/// Ports a, b, c -> sum, carry.
NONIDEAL_API Program full_adder(FullAdder design = FullAdder::nand9);

/// Ripple-carry adder: a, b -> sum (bits + 1 bits). bits in [1, 62].
NONIDEAL_API Program adder(int bits, FullAdder design = FullAdder::nand9, bool is_signed = false);

/// Ripple-borrow subtractor: a, b -> difference (bits + 1 bits, two's complement). bits in [1, 62].
NONIDEAL_API Program subtractor(int bits, FullAdder design = FullAdder::nand9, bool is_signed = false);

/// a, b -> y, 1 where a >= b: the carries of a subtraction. bits in [1, 62].
NONIDEAL_API Program greater_equal(int bits, FullAdder design = FullAdder::nand9, bool is_signed = false);

/// x (`bits` bits, in [1, 63]) -> count of its ones. n = 2^m - 1 bits take n - m full adders, no half adder.
NONIDEAL_API Program popcount(int bits, FullAdder design = FullAdder::nand9);

/// x, w (`length` words of one bit, in [1, 65536]) -> y, the number of equal bits.
NONIDEAL_API Program xnor_dot(std::int64_t length, FullAdder design = FullAdder::nand9);

/// Array multiplier: a, b -> product (bits_a + bits_b bits, one fewer where an unsigned operand has one bit).
/// Each in [1, 31]. Signed: Baugh and Wooley's, NAND instead of AND where one of the bits is a sign, and a
/// constant.
NONIDEAL_API Program multiplier(int bits_a, int bits_b, FullAdder design = FullAdder::nand9,
                                AndGate and_gate = AndGate::nand_not, bool is_signed = false);
inline Program multiplier(int bits) { return multiplier(bits, bits); }

/// sum_i x[i] * w[i]: ports x, w of `length` words -> y, as wide as the largest sum needs. bits_x, bits_w in
/// [1, 16], length in [1, 65536]. Signed: the constants of all products are added once, to the sum.
NONIDEAL_API Program dot(std::int64_t length, int bits_x, int bits_w,
                         Accumulate accumulate = Accumulate::tree, FullAdder design = FullAdder::nand9,
                         AndGate and_gate = AndGate::nand_not, bool is_signed = false);

/// x[i] * w[i]: ports x, w -> products, all of `length` words; ranges of dot().
NONIDEAL_API Program products(std::int64_t length, int bits_x, int bits_w,
                              FullAdder design = FullAdder::nand9, AndGate and_gate = AndGate::nand_not,
                              bool is_signed = false);

}  // namespace circuits
}  // namespace nonideal::cram
