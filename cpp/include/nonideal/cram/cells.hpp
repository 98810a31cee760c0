#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/cram/gates.hpp"

/// Error probabilities that differ from cell to cell and stay: static variation between devices. Errors of
/// one cell are then correlated over time, which no table of averages shows.
namespace nonideal::cram {

/// Tables of P(output wrong | row, state of the inputs), one for every combination of gate and columns that a
/// program uses.
class NONIDEAL_API CellErrors {
 public:
  /// One combination, as the simulator draws with it.
  struct Table {
    Gate gate;
    double largest;                        ///< of the probabilities
    std::vector<std::uint32_t> threshold;  ///< rows * 2^fan_in: see simulate.hpp, "Cells"
  };

  /// Throws InvalidArgument unless `rows` is in [1, 2^31).
  explicit CellErrors(std::int64_t rows);

  std::int64_t rows() const { return rows_; }

  /// Adds a table and returns its number. `error` holds rows * 2^fan_in probabilities, row after row; bit i
  /// of the state is input i. Kept as 4 bytes each, exact to 2^-32 (relative to the largest one where that is
  /// small). Throws InvalidArgument for another size or a value outside [0, 1].
  std::int32_t add(Gate gate, std::span<const double> error);

  const std::vector<std::shared_ptr<const Table>>& tables() const { return tables_; }

 private:
  std::int64_t rows_;
  std::vector<std::shared_ptr<const Table>> tables_;
};

}  // namespace nonideal::cram
