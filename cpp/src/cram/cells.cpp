#include "nonideal/cram/cells.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/check.hpp"
#include "cram/noise.hpp"
#include "nonideal/cram/simulate.hpp"

namespace nonideal::cram {

CellErrors::CellErrors(std::int64_t rows) : rows_(rows) {
  if (rows < 1 || rows >> 31 != 0) {
    throw InvalidArgument("rows = " + std::to_string(rows) + " is outside [1, 2^31)");
  }
}

std::int32_t CellErrors::add(Gate gate, std::span<const double> error) {
  const std::int64_t states = std::int64_t{1} << spec(gate).fan_in;
  detail::expect_count("error", "probabilities", static_cast<std::int64_t>(error.size()), rows_ * states);
  Table table{gate, 0.0, std::vector<std::uint32_t>(error.size())};
  for (std::size_t i = 0; i < error.size(); ++i) {
    if (!(error[i] >= 0.0 && error[i] <= 1.0)) {
      const auto at = static_cast<std::int64_t>(i);
      detail::expect_probability(
          "error[" + std::to_string(at / states) + ", " + std::to_string(at % states) + "]", error[i]);
    }
    table.largest = std::max(table.largest, error[i]);
  }
  const bool sparse = table.largest <= kSparseLimitState;
  const double unit = sparse ? point_rate(table.largest) : 1.0;
  for (std::size_t i = 0; i < error.size() && table.largest > 0.0; ++i) {
    const double share = !sparse ? error[i] : error[i] == table.largest ? 1.0 : point_rate(error[i]) / unit;
    table.threshold[i] =
        static_cast<std::uint32_t>(std::min(std::nearbyint(std::ldexp(share, 32)), 0x1p32 - 1.0));
  }
  tables_.push_back(std::make_shared<const Table>(std::move(table)));
  return static_cast<std::int32_t>(tables_.size() - 1);
}

}  // namespace nonideal::cram
