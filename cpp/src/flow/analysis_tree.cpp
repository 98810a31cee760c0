#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "flow/analysis.hpp"

namespace nonideal::flow::detail {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

class Bisection {
 public:
  Bisection(const Layout& layout, std::int64_t n_elements, int leaf_elements)
      : dim_(layout.dim), leaf_(leaf_elements), centroids_(at(n_elements * layout.dim)) {
    const auto per_element = static_cast<std::int64_t>(layout.nodes_per_element);
    for (std::int64_t e = 0; e < n_elements; ++e) {
      double* const centre = &centroids_[at(e * dim_)];
      for (std::int64_t v = 0; v <= dim_;
           ++v) {  // of the vertices: mid-nodes of curved elements don't matter
        const std::int64_t node = layout.elements[at(e * per_element + v)];
        for (std::int64_t d = 0; d < dim_; ++d) centre[d] += layout.coordinates[at(node * dim_ + d)];
      }
    }
    tree_.elements.resize(at(n_elements));
    std::iota(tree_.elements.begin(), tree_.elements.end(), 0);
    keyed_.resize(at(n_elements));
  }

  ElementTree run() {
    if (!tree_.elements.empty()) split(0, static_cast<std::int32_t>(tree_.elements.size()));
    return std::move(tree_);
  }

 private:
  /// Makes the subtree of a range of elements and returns its root. Each part holds 3/8 of the whole at
  /// least, so the depth is below 3 log2(n).
  std::int32_t split(std::int32_t begin, std::int32_t end) {
    const auto first = static_cast<std::int32_t>(tree_.nodes.size());
    ElementTree::Node node{.first = first, .begin = begin, .end = end};
    if (end - begin > leaf_) {
      const std::int32_t middle = begin + cut(begin, end);
      node.left = split(begin, middle);
      node.right = split(middle, end);
    }
    const auto self = static_cast<std::int32_t>(tree_.nodes.size());
    if (node.left >= 0) tree_.nodes[at(node.left)].parent = tree_.nodes[at(node.right)].parent = self;
    tree_.nodes.push_back(node);
    return self;
  }

  /// Sorts the range along its longest side; returns the size of the first part: near the middle, where the
  /// gap between neighbours is wide, so that cuts follow the lines of a grid.
  std::int32_t cut(std::int32_t begin, std::int32_t end) {
    double longest = -1.0;
    std::int64_t axis = 0;
    for (std::int64_t d = 0; d < dim_; ++d) {
      double low = HUGE_VAL, high = -HUGE_VAL;
      for (std::int32_t i = begin; i < end; ++i) {
        const double x = centroids_[at(tree_.elements[at(i)] * dim_ + d)];
        low = std::min(low, x);
        high = std::max(high, x);
      }
      if (high - low > longest * (1.0 + 1e-12)) {  // sides that are equal but for round-off: the first
        longest = high - low;
        axis = d;
      }
    }
    const auto keys = std::span(keyed_).subspan(at(begin), at(end - begin));
    for (std::int32_t i = begin; i < end; ++i) {
      const std::int32_t element = tree_.elements[at(i)];
      keys[at(i - begin)] = {centroids_[at(element * dim_ + axis)], element};
    }
    std::sort(keys.begin(), keys.end());
    for (std::int32_t i = begin; i < end; ++i) tree_.elements[at(i)] = keys[at(i - begin)].second;
    const std::int32_t size = end - begin, middle = size / 2, reach = size / 8;
    std::int32_t best = middle;
    double widest = -1.0;
    for (std::int32_t q = std::max(1, middle - reach); q <= std::min(size - 1, middle + reach); ++q) {
      const double gap = keys[at(q)].first - keys[at(q - 1)].first;
      const double weighted = gap / (1.0 + 2.0 * std::abs(q - middle) / static_cast<double>(size));
      if (weighted > widest) {
        widest = weighted;
        best = q;
      }
    }
    return best;
  }

  std::int64_t dim_;
  std::int32_t leaf_;
  std::vector<double> centroids_;
  std::vector<std::pair<double, std::int32_t>> keyed_;
  ElementTree tree_;
};

/// What the elements that hold a node say of it.
struct NodeFacts {
  std::int32_t owner = -1;           ///< lowest common ancestor of the leaves
  std::int32_t leaf = -1, far = -1;  ///< first and last of these leaves
  bool vertex = false;
};

}  // namespace

ElementTree bisect(const Layout& layout, std::int64_t n_elements, int leaf_elements) {
  return Bisection(layout, n_elements, leaf_elements).run();
}

Ownership own(const Layout& layout, const ElementTree& tree, std::span<const std::int32_t> rows_of_node) {
  const auto per_element = static_cast<std::int64_t>(layout.nodes_per_element);
  std::vector<NodeFacts> facts(rows_of_node.size());
  const auto holds = [&](std::int32_t subtree, std::int32_t node) {
    return tree.nodes[at(subtree)].first <= node && node <= subtree;
  };
  const auto members = [&](std::int32_t leaf, const auto& visit) {
    const ElementTree::Node& node = tree.nodes[at(leaf)];
    for (std::int32_t i = node.begin; i < node.end; ++i) visit(tree.elements[at(i)]);
  };
  for (std::int32_t t = 0; t < static_cast<std::int32_t>(tree.nodes.size()); ++t) {
    if (tree.nodes[at(t)].left >= 0) continue;
    members(t, [&](std::int32_t element) {
      for (std::int64_t v = 0; v < per_element; ++v) {
        NodeFacts& fact = facts[at(layout.elements[at(element * per_element + v)])];
        fact.vertex |= v <= layout.dim;
        if (fact.owner < 0) fact.owner = fact.leaf = t;
        while (!holds(fact.owner, t)) fact.owner = tree.nodes[at(fact.owner)].parent;
        fact.far = t;
      }
    });
  }

  // A pressure alone (a vertex with a prescribed velocity) is determined by velocities beside it only:
  // without one that is eliminated in the same subtree its pivot would be zero.
  const auto alone = [&](std::int32_t node) { return facts[at(node)].vertex && rows_of_node[at(node)] == 1; };
  const auto has_velocity = [&](std::int32_t node) {
    return rows_of_node[at(node)] > (facts[at(node)].vertex ? 1 : 0);
  };
  std::vector<std::pair<std::int32_t, std::int32_t>> lonely;  // (node, element)
  for (std::int32_t e = 0; e < static_cast<std::int32_t>(tree.elements.size()); ++e) {
    for (std::int64_t v = 0; v <= layout.dim; ++v) {
      const std::int32_t node = layout.elements[at(e * per_element + v)];
      if (alone(node)) lonely.emplace_back(node, e);
    }
  }
  std::sort(lonely.begin(), lonely.end());
  const auto root = static_cast<std::int32_t>(tree.nodes.size()) - 1;
  Ownership result;
  for (std::size_t i = 0; i < lonely.size();) {
    const std::int32_t node = lonely[i].first;
    std::size_t end = i;
    while (end < lonely.size() && lonely[end].first == node) ++end;
    std::int32_t& owner = facts[at(node)].owner;
    // Whether a velocity beside it is eliminated in a subtree; in the whole tree: whether there is one.
    const auto determined = [&](std::int32_t subtree) {
      for (std::size_t j = i; j < end; ++j) {
        for (std::int64_t v = 0; v < per_element; ++v) {
          const std::int32_t other = layout.elements[at(lonely[j].second * per_element + v)];
          if (has_velocity(other) && holds(subtree, facts[at(other)].owner)) return true;
        }
      }
      return false;
    };
    bool moved = false;
    if (determined(root)) {  // otherwise it isn't a pressure
      for (; !determined(owner); moved = true) owner = tree.nodes[at(owner)].parent;
    }
    result.moved += moved;
    i = end;
  }

  // Within a front, nodes of one leaf come together: a child's boundary is then a few runs of the parent's
  // rows.
  std::vector<std::array<std::int32_t, 4>> keys;
  result.owner.assign(rows_of_node.size(), -1);
  for (std::size_t node = 0; node < rows_of_node.size(); ++node) {
    if (rows_of_node[node] == 0) continue;
    const NodeFacts& fact = facts[node];
    result.owner[node] = fact.owner;
    keys.push_back({fact.owner, fact.leaf, fact.far, static_cast<std::int32_t>(node)});
  }
  std::sort(keys.begin(), keys.end());
  result.order.reserve(keys.size());
  for (const auto& key : keys) result.order.push_back(key[3]);
  return result;
}

}  // namespace nonideal::flow::detail
