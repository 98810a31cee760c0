#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cram/kernels/tile.hpp"
#include "nonideal/cram/program.hpp"

/// From a program to what the kernels run: its columns in few slots of scratch memory, which hold operands
/// only while they are needed, and its gates in operations.
namespace nonideal::cram {

/// An operand or constant that is brought into a slot.
struct Load {
  std::int32_t slot;
  std::int32_t source;  ///< input column of the program, in the order of its ports; or:
  static constexpr std::int32_t kZeros = -1, kOnes = -2;
};

/// Operations that run together, after their loads.
struct Part {
  std::vector<Load> loads;
  std::int32_t first;  ///< operation
  std::int32_t count;
  bool sparse;
};

struct Schedule {
  std::int32_t slots = 0;
  std::vector<kernels::Step> steps;
  std::vector<kernels::Operation> operations;
  std::vector<Part> parts;            ///< at least one, which may be empty
  std::vector<std::int32_t> outputs;  ///< slots of the output columns, in the order of the ports
};

/// `noise_of[i]`: index into `noise` of instruction i. Patterns are used where `noise` leaves most blocks
/// without a point. O(instructions).
Schedule compile(const Program& program, std::span<const std::int32_t> noise_of,
                 std::span<const kernels::Noise> noise);

}  // namespace nonideal::cram
