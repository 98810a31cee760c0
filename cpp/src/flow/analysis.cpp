#include "flow/analysis.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/check.hpp"

namespace nonideal::flow {

using nonideal::detail::bracketed;

namespace detail {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

void expect_index(const char* argument, std::int64_t i, std::int64_t index, std::int64_t n) {
  if (index < 0 || index >= n) {
    throw InvalidArgument(bracketed(argument, i) + " = " + std::to_string(index) + " is outside [0, " +
                          std::to_string(n) + ")");
  }
}

/// Returns how many elements there are.
std::int64_t check(const Layout& layout, std::int64_t n_rows) {
  nonideal::detail::expect_within("dim", layout.dim, 1, 3);
  nonideal::detail::expect_at_least("nodes per element", layout.nodes_per_element, layout.dim + 1);
  const auto size = static_cast<std::int64_t>(layout.elements.size());
  if (size % layout.nodes_per_element != 0) {
    throw InvalidArgument("elements: " + std::to_string(size) + " numbers are not a multiple of " +
                          std::to_string(layout.nodes_per_element));
  }
  const auto n_coordinates = static_cast<std::int64_t>(layout.coordinates.size());
  if (n_coordinates % layout.dim != 0) {
    throw InvalidArgument("coordinates: " + std::to_string(n_coordinates) +
                          " numbers are not a multiple of " + std::to_string(layout.dim));
  }
  const std::int64_t n_nodes = n_coordinates / layout.dim;
  for (std::int64_t i = 0; i < size; ++i) expect_index("elements", i, layout.elements[at(i)], n_nodes);
  for (std::int64_t i = 0; i < n_coordinates; ++i) {
    if (!std::isfinite(layout.coordinates[at(i)])) {
      throw InvalidArgument(bracketed("coordinates", i) + " is not finite");
    }
  }
  nonideal::detail::expect_count("node_of_row", "numbers",
                                 static_cast<std::int64_t>(layout.node_of_row.size()), n_rows);
  for (std::int64_t i = 0; i < n_rows; ++i)
    expect_index("node_of_row", i, layout.node_of_row[at(i)], n_nodes);
  return size / layout.nodes_per_element;
}

/// For each value (i, j) the place of (j, i).
std::vector<std::int32_t> transposed_places(const AnalysisData& d) {
  const auto n = static_cast<std::int64_t>(d.indptr.size()) - 1;
  std::vector<std::int32_t> next(d.indptr.begin(), d.indptr.end() - 1), place(d.indices.size());
  const auto missing = [](std::int64_t i, std::int64_t j) {
    return InvalidArgument("indices: the pattern is not symmetric, row " + std::to_string(i) +
                           " holds column " + std::to_string(j) + " but row " + std::to_string(j) +
                           " lacks column " + std::to_string(i));
  };
  // Column j of all rows above is met in the order in which row j holds them, if it holds the same.
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int32_t e = d.indptr[at(i)]; e < d.indptr[at(i + 1)]; ++e) {
      const std::int32_t j = d.indices[at(e)];
      const std::int32_t f = next[at(j)]++;
      if (f >= d.indptr[at(j + 1)] || d.indices[at(f)] > i) throw missing(i, j);
      if (d.indices[at(f)] < i) throw missing(j, d.indices[at(f)]);
      place[at(e)] = f;
    }
  }
  for (std::int64_t j = 0; j < n; ++j) {
    if (next[at(j)] != d.indptr[at(j + 1)]) throw missing(j, d.indices[at(next[at(j)])]);
  }
  return place;
}

/// Leading dimension of m rows. Columns a multiple of 4 KiB apart would share few places of the first cache.
std::int64_t leading(std::int64_t m) {
  const std::int64_t rows = kernels::padded(m);
  return rows > 0 && rows % 512 == 0 ? rows + kernels::kPadding : rows;
}

double front_flops(std::int64_t k, std::int64_t m) {
  double flops = 0.0;
  for (std::int64_t p = 0; p < k; ++p) {
    const auto rest = static_cast<double>(k + m - p - 1);
    flops += rest + 2.0 * rest * rest;
  }
  return flops;
}

class Builder {
 public:
  Builder(AnalysisData& data, const Layout& layout, int leaf_elements) : d_(data), layout_(layout) {
    const auto n_rows = static_cast<std::int64_t>(d_.indptr.size()) - 1;
    const std::int64_t n_elements = check(layout, n_rows);
    transposed_ = transposed_places(d_);
    std::vector<std::int32_t> rows_of_node(layout.coordinates.size() / at(layout.dim));
    for (const std::int32_t node : layout.node_of_row) ++rows_of_node[at(node)];
    const ElementTree tree = bisect(layout, n_elements, leaf_elements);
    const Ownership ownership = own(layout, tree, rows_of_node);
    d_.stats.moved_nodes = ownership.moved;
    order_rows(ownership, rows_of_node);
    make_fronts(tree, ownership);
    map_entries();
    sizes();
  }

 private:
  /// Numbers the rows by elimination; those of a node stay together.
  void order_rows(const Ownership& ownership, std::span<const std::int32_t> rows_of_node) {
    const auto n_rows = static_cast<std::int64_t>(layout_.node_of_row.size());
    std::vector<std::int32_t> next(rows_of_node.size(), -1);
    first_of_rank_.push_back(0);
    for (const std::int32_t node : ownership.order) {
      if (ownership.owner[at(node)] < 0) {
        const auto row = std::find(layout_.node_of_row.begin(), layout_.node_of_row.end(), node);
        throw InvalidArgument(bracketed("node_of_row", row - layout_.node_of_row.begin()) + " = " +
                              std::to_string(node) + " is a node of no element");
      }
      next[at(node)] = static_cast<std::int32_t>(first_of_rank_.back());
      first_of_rank_.push_back(first_of_rank_.back() + rows_of_node[at(node)]);
    }
    d_.order.resize(at(n_rows));
    d_.position.resize(at(n_rows));
    for (std::int64_t row = 0; row < n_rows; ++row) {
      const std::int32_t position = next[at(layout_.node_of_row[at(row)])]++;
      d_.order[at(position)] = static_cast<std::int32_t>(row);
      d_.position[at(row)] = position;
    }
  }

  void make_fronts(const ElementTree& tree, const Ownership& ownership) {
    const auto n_fronts = static_cast<std::int64_t>(tree.nodes.size());
    std::vector<std::int32_t> rank(ownership.owner.size(), -1);
    for (std::size_t r = 0; r < ownership.order.size(); ++r)
      rank[at(ownership.order[r])] = static_cast<std::int32_t>(r);
    std::vector<std::vector<std::int32_t>> boundaries(at(n_fronts));  // ranks, ascending
    d_.fronts.resize(at(n_fronts));
    local_.assign(d_.order.size(), -1);
    std::int64_t next_rank = 0;
    std::vector<std::int32_t> found;
    for (std::int64_t t = 0; t < n_fronts; ++t) {
      const ElementTree::Node& node = tree.nodes[at(t)];
      Front& front = d_.fronts[at(t)];
      front.left = node.left;
      front.right = node.right;
      front.first_in_tree = node.first;
      const std::int64_t first_rank = next_rank;
      const auto n_ranks = static_cast<std::int64_t>(ownership.order.size());
      while (next_rank < n_ranks && ownership.owner[at(ownership.order[at(next_rank)])] == t) ++next_rank;
      front.first = first_of_rank_[at(first_rank)];
      front.k = first_of_rank_[at(next_rank)] - front.first;

      found.clear();
      if (node.left < 0) {
        for (std::int32_t i = node.begin; i < node.end; ++i) {
          const auto per_element = static_cast<std::int64_t>(layout_.nodes_per_element);
          for (std::int64_t v = 0; v < per_element; ++v) {
            const std::int32_t r = rank[at(layout_.elements[at(tree.elements[at(i)] * per_element + v)])];
            if (r >= next_rank) found.push_back(r);
          }
        }
        std::sort(found.begin(), found.end());
        found.erase(std::unique(found.begin(), found.end()), found.end());
      } else {
        std::set_union(boundaries[at(node.left)].begin(), boundaries[at(node.left)].end(),
                       boundaries[at(node.right)].begin(), boundaries[at(node.right)].end(),
                       std::back_inserter(found));
        found.erase(found.begin(), std::lower_bound(found.begin(), found.end(), next_rank));
      }
      front.boundary = static_cast<std::int64_t>(d_.boundary.size());
      for (const std::int32_t r : found) {
        for (std::int64_t p = first_of_rank_[at(r)]; p < first_of_rank_[at(r + 1)]; ++p) {
          d_.boundary.push_back(static_cast<std::int32_t>(p));
        }
      }
      front.m = static_cast<std::int64_t>(d_.boundary.size()) - front.boundary;
      for (const std::int32_t child : {node.left, node.right}) {
        if (child < 0) continue;
        number(front);
        map_child(d_.fronts[at(child)], front.k);
        boundaries[at(child)] = {};
      }
      boundaries[at(t)] = found;
    }
  }

  /// local_[position] becomes the row of the front; stale numbers of other fronts stay, see row_in().
  void number(const Front& front) {
    for (std::int64_t i = 0; i < front.k; ++i) local_[at(front.first + i)] = static_cast<std::int32_t>(i);
    for (std::int64_t i = 0; i < front.m; ++i) {
      local_[at(d_.boundary[at(front.boundary + i)])] = static_cast<std::int32_t>(front.k + i);
    }
  }

  /// The front's row that a position has, -1 if none; number(front) was called.
  std::int64_t row_in(const Front& front, std::int64_t position) const {
    if (position < front.first) return -1;
    if (position < front.first + front.k) return position - front.first;
    const std::int64_t row = local_[at(position)];
    const bool there = row >= front.k && row < front.k + front.m &&
                       d_.boundary[at(front.boundary + row - front.k)] == position;
    return there ? row : -1;
  }

  void map_child(Front& child, std::int64_t k) {
    child.runs = static_cast<std::int64_t>(d_.runs.size());
    for (std::int64_t i = 0; i < child.m; ++i) {
      const std::int32_t to = local_[at(d_.boundary[at(child.boundary + i)])];
      const bool begins = static_cast<std::int64_t>(d_.runs.size()) == child.runs || to == k ||
                          d_.runs.back().to + d_.runs.back().length != to;
      if (begins) {
        d_.runs.push_back({static_cast<std::int32_t>(i), to, 0});
        child.n_own += to < k;
      }
      ++d_.runs.back().length;
    }
    child.n_runs = static_cast<std::int64_t>(d_.runs.size()) - child.runs;
  }

  void map_entries() {
    d_.entries.reserve(d_.indices.size());
    for (Front& front : d_.fronts) {
      front.k_ld = leading(front.k);
      front.m_ld = leading(front.m);
      const std::int64_t lower = front.k_ld * front.k, upper = lower + front.m_ld * front.k;
      if (upper + front.k_ld * front.m > std::numeric_limits<std::int32_t>::max()) {
        throw InvalidArgument("a front of " + std::to_string(front.k + front.m) +
                              " rows has more than 2^31 numbers");
      }
      front.entries = static_cast<std::int64_t>(d_.entries.size());
      number(front);
      const auto put = [&](std::int32_t from, std::int64_t to) {
        d_.entries.push_back({from, static_cast<std::int32_t>(to)});
      };
      for (std::int64_t i = 0; i < front.k; ++i) {
        const std::int32_t row = d_.order[at(front.first + i)];
        for (std::int32_t e = d_.indptr[at(row)]; e < d_.indptr[at(row + 1)]; ++e) {
          const std::int64_t position = d_.position[at(d_.indices[at(e)])];
          if (position < front.first) continue;  // in the front of that column
          const std::int64_t j = row_in(front, position);
          if (j < 0) {
            throw InvalidArgument("indices: row " + std::to_string(row) + " holds column " +
                                  std::to_string(d_.indices[at(e)]) + ", but their nodes share no element");
          }
          if (j < front.k) {
            put(e, i + j * front.k_ld);
          } else {
            put(e, upper + i + (j - front.k) * front.k_ld);
            put(transposed_[at(e)], lower + (j - front.k) + i * front.m_ld);
          }
        }
      }
      front.n_entries = static_cast<std::int64_t>(d_.entries.size()) - front.entries;
    }
  }

  void sizes() {
    AnalysisStats& stats = d_.stats;
    stats.tree_nodes = static_cast<std::int64_t>(d_.fronts.size());
    for (Front& front : d_.fronts) {
      front.factors = d_.factors;
      d_.factors = front.end();
      front.tree_flops = front_flops(front.k, front.m);
      stats.flops += front.tree_flops;
      for (const std::int32_t child : {front.left, front.right}) {
        if (child >= 0) front.tree_flops += d_.fronts[at(child)].tree_flops;
      }
      stats.fill += front.k * (front.k + 2 * front.m);
      stats.largest_front = std::max(stats.largest_front, front.k + front.m);
      d_.largest_k = std::max(d_.largest_k, front.k);
      d_.largest_m = std::max(d_.largest_m, front.m);
    }
    if (!d_.fronts.empty()) stats.root_pivots = d_.fronts.back().k;
  }

  AnalysisData& d_;
  const Layout& layout_;
  std::vector<std::int32_t> transposed_;
  std::vector<std::int64_t> first_of_rank_;  ///< position of the first row of each mesh node, by elimination
  std::vector<std::int32_t> local_;
};

}  // namespace
}  // namespace detail

void check_pattern(std::span<const std::int32_t> indptr, std::span<const std::int32_t> indices) {
  const auto n = static_cast<std::int64_t>(indptr.size()) - 1;
  const auto text = [](const char* name, std::int64_t i, std::int32_t value) {
    return bracketed(name, i) + " = " + std::to_string(value);
  };
  const auto value = [](std::span<const std::int32_t> of, std::int64_t i) {
    return of[static_cast<std::size_t>(i)];
  };
  if (n < 0) throw InvalidArgument("indptr: expected at least 1 number, got 0");
  if (indptr[0] != 0) throw InvalidArgument(text("indptr", 0, indptr[0]) + " is not 0");
  for (std::int64_t i = 0; i < n; ++i) {
    if (value(indptr, i + 1) < value(indptr, i)) {
      throw InvalidArgument(text("indptr", i + 1, value(indptr, i + 1)) + " is below " +
                            text("indptr", i, value(indptr, i)));
    }
  }
  if (value(indptr, n) != static_cast<std::int64_t>(indices.size())) {
    throw InvalidArgument(text("indptr", n, value(indptr, n)) + " is not the number of indices, " +
                          std::to_string(indices.size()));
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t e = value(indptr, i); e < value(indptr, i + 1); ++e) {
      detail::expect_index("indices", e, value(indices, e), n);
      if (e > value(indptr, i) && value(indices, e) <= value(indices, e - 1)) {
        throw InvalidArgument(text("indices", e, value(indices, e)) + " is not above " +
                              text("indices", e - 1, value(indices, e - 1)) + " in the same row");
      }
    }
  }
}

Analysis::Analysis(std::span<const std::int32_t> indptr, std::span<const std::int32_t> indices,
                   const Layout& layout, int leaf_elements) {
  nonideal::detail::expect_at_least("leaf_elements", leaf_elements, 1);
  check_pattern(indptr, indices);
  auto data = std::make_unique<detail::AnalysisData>();
  data->indptr.assign(indptr.begin(), indptr.end());
  data->indices.assign(indices.begin(), indices.end());
  detail::Builder(*data, layout, leaf_elements);
  data_ = std::move(data);
}

Analysis::~Analysis() = default;

std::int64_t Analysis::n_rows() const { return static_cast<std::int64_t>(data_->order.size()); }
std::int64_t Analysis::n_values() const { return static_cast<std::int64_t>(data_->indices.size()); }
const AnalysisStats& Analysis::stats() const { return data_->stats; }
std::span<const std::int32_t> Analysis::order() const { return data_->order; }

}  // namespace nonideal::flow
