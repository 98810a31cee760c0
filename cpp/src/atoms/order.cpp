#include "atoms/order.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <numeric>

namespace nonideal::atoms::detail {
namespace {

using std::size_t;

/// The low 21 bits with two zeros after each.
std::uint64_t spread(std::uint64_t x) {
  x &= 0x1fffff;
  x = (x | x << 32) & 0x001f00000000ffff;
  x = (x | x << 16) & 0x001f0000ff0000ff;
  x = (x | x << 8) & 0x100f00f00f00f00f;
  x = (x | x << 4) & 0x10c30c30c30c30c3;
  return (x | x << 2) & 0x1249249249249249;
}

}  // namespace

bool is_scattered(const GraphView& graph) {
  std::int64_t distance = 0, count = 0;
  const std::int64_t step = std::max<std::int64_t>(1, graph.n_owned / 256);
  for (std::int64_t i = 0; i < graph.n_owned; i += step) {
    for (auto e = static_cast<size_t>(graph.indptr[static_cast<size_t>(i)]);
         e < static_cast<size_t>(graph.indptr[static_cast<size_t>(i) + 1]); ++e) {
      distance += std::abs(graph.neighbors[e] - i);
      ++count;
    }
  }
  return distance > count * (graph.n_owned / 6);
}

std::vector<std::int32_t> spatial_order(std::span<const double> positions, double width) {
  std::array<double, 3> low;
  low.fill(std::numeric_limits<double>::infinity());
  for (size_t c = 0; c < positions.size(); ++c) low[c % 3] = std::min(low[c % 3], positions[c]);
  const size_t n = positions.size() / 3;
  std::vector<std::uint64_t> keys(n, 0);
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < 3; ++k) {
      const double cube = std::min((positions[3 * i + k] - low[k]) / width, 2097151.0);
      keys[i] |= spread(static_cast<std::uint64_t>(cube)) << k;
    }
  }
  std::vector<std::int32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    const std::uint64_t left = keys[static_cast<size_t>(a)], right = keys[static_cast<size_t>(b)];
    return left != right ? left < right : a < b;
  });
  return order;
}

OrderedGraph::OrderedGraph(const GraphView& graph, std::span<const std::int32_t> order)
    : n(graph.n_owned),
      reverse(graph.reverse.size()),
      neighbors(graph.neighbors.size()),
      vectors(graph.vectors.size()) {
  std::vector<std::int32_t> place_of(order.size());
  for (size_t i = 0; i < order.size(); ++i)
    place_of[static_cast<size_t>(order[i])] = static_cast<std::int32_t>(i);
  std::vector<std::int64_t> moved(reverse.size());
  indptr.reserve(order.size() + 1);
  indptr.push_back(0);
  size_t to = 0;
  for (const std::int32_t atom : order) {
    const auto at = static_cast<size_t>(atom);
    for (auto e = static_cast<size_t>(graph.indptr[at]); e < static_cast<size_t>(graph.indptr[at + 1]);
         ++e, ++to) {
      neighbors[to] = place_of[static_cast<size_t>(graph.neighbors[e])];
      for (size_t k = 0; k < 3; ++k) vectors[3 * to + k] = graph.vectors[3 * e + k];
      if (!moved.empty()) moved[e] = static_cast<std::int64_t>(to);
    }
    indptr.push_back(static_cast<std::int64_t>(to));
  }
  for (size_t e = 0; e < moved.size(); ++e) {
    reverse[static_cast<size_t>(moved[e])] = moved[static_cast<size_t>(graph.reverse[e])];
  }
}

GraphView OrderedGraph::view() const { return {n, n, indptr, neighbors, vectors, reverse}; }

}  // namespace nonideal::atoms::detail
