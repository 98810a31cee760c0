#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nonideal/quantum/distance.hpp"
#include "nonideal/quantum/program.hpp"
#include "quantum/kernels/distance.hpp"

namespace nonideal::quantum {

struct DistanceProgram::Code {
  int dimension;
  int data_qubits;
  DistanceMethod method;
  std::int64_t shots;
  Realization realization = Realization::circuit;
  int n_qubits;
  std::vector<double> scales;
  std::optional<Extrapolator> extrapolator;
  double read_base = 0.0, read_slope = 1.0;  ///< P(1) read = base + slope * P(1), where that is to be undone
  std::vector<double> weights;  ///< value = sum w_s y_s where they are the same for all pairs, else empty

  std::vector<Program> programs;
  std::vector<std::vector<kernels::Fill>> fills;
  std::vector<kernels::ScaleCode> scale_codes;  ///< point into the two above
  int n_registers = 0;

  std::int64_t n_angles() const { return (std::int64_t{1} << data_qubits) - 1; }
};

}  // namespace nonideal::quantum
