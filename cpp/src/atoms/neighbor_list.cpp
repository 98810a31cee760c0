#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "base/check.hpp"
#include "nonideal/atoms/neighbors.hpp"
#include "nonideal/base/error.hpp"

namespace nonideal::atoms {
namespace {

/// Whether an atom is further than `limit` from where it was; not a number counts as far.
bool any_moved(std::span<const double> positions, const std::vector<double>& reference, double limit) {
  double farthest = 0.0;
  for (std::size_t i = 0; i + 3 <= reference.size(); i += 3) {
    const double x = positions[i] - reference[i], y = positions[i + 1] - reference[i + 1],
                 z = positions[i + 2] - reference[i + 2];
    const double square = x * x + y * y + z * z;
    farthest = square <= farthest ? farthest : square;  // NaN stays
    if (!(farthest <= limit * limit)) return true;
  }
  return false;
}

}  // namespace

NeighborList::NeighborList(const NeighborOptions& options, double skin) : options_(options), skin_(skin) {
  if (!(skin >= 0.0) || !std::isfinite(skin)) {
    throw InvalidArgument("skin = " + detail::shortest(skin) + " is not finite and >= 0");
  }
  if (skin > 0.0 && options.max_neighbors > 0) {
    throw InvalidArgument("skin = " + detail::shortest(skin) +
                          " with max_neighbors = " + std::to_string(options.max_neighbors) +
                          ": the nearest atoms change before the list does; one of them must be 0");
  }
  // A search without atoms refuses what is wrong with the options.
  (void)NeighborSearch({}, Cell{}, options_);
}

bool NeighborList::update(std::span<const double> positions, const Cell& cell) {
  const bool same = n_rebuilds_ > 0 && skin_ > 0.0 && positions.size() == reference_.size() &&
                    cell.rows == cell_.rows && cell.periodic == cell_.periodic;
  if (same && !any_moved(positions, reference_, skin_ / 2.0)) return false;
  NeighborOptions wider = options_;
  wider.cutoff += skin_;
  const NeighborSearch search(positions, cell, wider);
  NeighborTable table;
  table.indptr = search.indptr();
  table.neighbors.resize(static_cast<std::size_t>(search.size()));
  table.shifts.resize(static_cast<std::size_t>(3 * search.size()));
  NeighborArrays out;
  out.short_neighbors = table.neighbors.data();
  out.short_shifts = table.shifts.data();
  search.write(out);
  std::vector<double> reference(positions.begin(), positions.end());
  table_ = std::move(table);
  reference_ = std::move(reference);
  cell_ = cell;
  ++n_rebuilds_;
  return true;
}

}  // namespace nonideal::atoms
