#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "atoms/evaluation.hpp"

namespace nonideal::atoms::detail {

/// Whether neighbours lie far apart in memory: on average by more than a sixth of it (a third, where the
/// order is random).
bool is_scattered(const GraphView& graph);

/// The atoms along a space-filling curve through cubes of this width: place -> atom.
std::vector<std::int32_t> spatial_order(std::span<const double> positions, double width);

/// A graph with its atoms in another order. O(edges).
struct OrderedGraph {
  OrderedGraph(const GraphView& graph, std::span<const std::int32_t> order);
  GraphView view() const;

  std::int64_t n;
  std::vector<std::int64_t> indptr, reverse;
  std::vector<std::int32_t> neighbors;
  std::vector<double> vectors;
};

}  // namespace nonideal::atoms::detail
