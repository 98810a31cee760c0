#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "flow/kernels/dense.hpp"
#include "nonideal/flow/sparse_lu.hpp"

namespace nonideal::flow::detail {

/// Nested dissection: a binary tree over the elements, its nodes in postorder (children before parents).
struct ElementTree {
  struct Node {
    std::int32_t left = -1, right = -1;  ///< children; -1 in a leaf
    std::int32_t parent = -1;
    std::int32_t first = 0;           ///< first node of the subtree: those in [first, this] belong to it
    std::int32_t begin = 0, end = 0;  ///< into `elements`
  };
  std::vector<Node> nodes;
  std::vector<std::int32_t> elements;  ///< leaf after leaf
};

ElementTree bisect(const Layout& layout, std::int64_t n_elements, int leaf_elements);

/// Where each mesh node is eliminated.
struct Ownership {
  std::vector<std::int32_t> owner;  ///< tree node of each mesh node; -1 without rows
  std::vector<std::int32_t> order;  ///< mesh nodes that have rows, as they are eliminated
  std::int64_t moved = 0;
};

/// `rows_of_node` (n_nodes): how many rows sit there.
Ownership own(const Layout& layout, const ElementTree& tree, std::span<const std::int32_t> rows_of_node);

/// A dense matrix of k + m rows. The first k are eliminated in it; their factors are stored as pivots (k x k,
/// leading dimension k_ld), lower (m x k, m_ld) and upper (k x m, k_ld), one after the other. What is left
/// (m x m, m_ld) is added to the parent.
struct Front {
  std::int32_t left = -1, right = -1;
  std::int32_t first_in_tree = 0;  ///< first front of the subtree
  std::int64_t first = 0;          ///< row (by elimination) of the first pivot
  std::int64_t k = 0, m = 0;
  std::int64_t k_ld = 0, m_ld = 0;
  std::int64_t factors = 0;   ///< offset of the factors
  std::int64_t boundary = 0;  ///< into `boundary`, m of them
  std::int64_t entries = 0, n_entries = 0;
  std::int64_t runs = 0, n_own = 0, n_runs = 0;  ///< into `runs`: where this front's rest goes in its parent
  double tree_flops = 0.0;                       ///< of the subtree

  std::int64_t lower() const { return factors + k_ld * k; }
  std::int64_t upper() const { return lower() + m_ld * k; }
  std::int64_t end() const { return upper() + k_ld * m; }
};

/// Value `from` of the matrix is added to number `to` of the front's factors.
struct Entry {
  std::int32_t from, to;
};

struct AnalysisData {
  std::vector<std::int32_t> indptr, indices;
  std::vector<std::int32_t> order;     ///< row by elimination
  std::vector<std::int32_t> position;  ///< elimination by row
  std::vector<Front> fronts;           ///< in postorder
  std::vector<std::int32_t> boundary;  ///< rows by elimination, ascending within a front
  std::vector<Entry> entries;
  std::vector<kernels::Run> runs;
  std::int64_t factors = 0;  ///< numbers of all factors
  std::int64_t largest_k = 0, largest_m = 0;
  AnalysisStats stats;
};

}  // namespace nonideal::flow::detail
