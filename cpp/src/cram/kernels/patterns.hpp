#pragma once

#include <cstddef>
#include <cstdint>

#include "nonideal/cram/gates.hpp"

/// Sequences of gates that a kernel computes in registers, 3 loads and 2 stores instead of 18 and 9. They
/// are looked for in programs (compile.cpp), wherever they come from; here in the order in which circuits.cpp
/// emits them. A new one is one more entry of kPatterns.
namespace nonideal::cram::kernels {
namespace {  // internal linkage: the kernels leave no weak symbol

struct PatternGate {
  Gate gate;
  std::int8_t inputs[3];  ///< registers; as many as the gate reads
};

inline constexpr int kPatternGates = 9;
inline constexpr int kPatternInputs = 3;
inline constexpr int kPatternOutputs = 2;

/// Registers 0 .. inputs - 1 hold the operands; gate g writes register inputs + g. What no output names is
/// read within the pattern alone.
struct Pattern {
  int inputs;
  int gates;
  PatternGate gate[kPatternGates];
  int outputs;
  int output[kPatternOutputs];  ///< gates
};

constexpr Pattern kPatterns[] = {
    // full adder of nine NAND2: sum and carry of 0, 1, 2
    {3,
     9,
     {{Gate::NAND2, {0, 1}},
      {Gate::NAND2, {0, 3}},
      {Gate::NAND2, {1, 3}},
      {Gate::NAND2, {4, 5}},
      {Gate::NAND2, {6, 2}},
      {Gate::NAND2, {6, 7}},
      {Gate::NAND2, {2, 7}},
      {Gate::NAND2, {8, 9}},
      {Gate::NAND2, {3, 7}}},
     2,
     {7, 8}},
    // half adder
    {2,
     5,
     {{Gate::NAND2, {0, 1}},
      {Gate::NAND2, {0, 2}},
      {Gate::NAND2, {1, 2}},
      {Gate::NAND2, {3, 4}},
      {Gate::NOT, {2}}},
     2,
     {3, 4}},
    // AND
    {2, 2, {{Gate::NAND2, {0, 1}}, {Gate::NOT, {2}}}, 1, {1}},
};
constexpr std::size_t kPatternCount = sizeof(kPatterns) / sizeof(kPatterns[0]);

}  // namespace
}  // namespace nonideal::cram::kernels
