#pragma once

#include <vector>

#include "nonideal/quantum/program.hpp"
#include "quantum/kernels/batch.hpp"

namespace nonideal::quantum {

/// What a program is made of. Registers 2 s and 2 s + 1 hold cosine and sine of slot s when it starts.
struct Program::Code {
  std::vector<Angle> slots;  ///< the distinct angles that depend on a parameter
  std::vector<kernels::Step> steps;
  int n_registers = 0;
  int n_parameters = 0;
  /// Output o is base + sum of factor * register.
  struct Output {
    double base = 0.0;
    double factor = 0.0;
    int at = 0;  ///< register; read only where factor is not 0
  };
  std::vector<Output> outputs;
};

}  // namespace nonideal::quantum
