#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "flow/kernels/convection.hpp"
#include "nonideal/flow/taylor_hood.hpp"

/// The inside of TaylorHood, for what assembles on it.
namespace nonideal::flow {

/// A vector whose data begins at a multiple of 64 bytes.
class Aligned {
 public:
  void resize(std::size_t n);
  double* data() { return data_; }
  const double* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::unique_ptr<double[]> memory_;
  double* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Local matrices stand in blocks of kLanes cells, straight cells first, then curved ones: entry (i, j) of
/// the cell in `lane` of `block` is number ((block * n * n) + n i + j) * kLanes + lane, n nodes a cell.
struct TaylorHood::Space {
  int dim = 2;
  std::int64_t nodes_per_cell = 6;
  std::int64_t n_cells = 0, n_curved = 0, n_vertices = 0, n_nodes = 0;
  std::vector<double> nodes;
  std::vector<std::int32_t> edges, cell_nodes;

  std::int64_t straight_blocks = 0, curved_blocks = 0;
  std::vector<std::int32_t> lane_nodes;  ///< (block, n, kLanes); 0 in lanes without a cell
  Aligned straight_geometry;  ///< (block, dim * dim, kLanes): the adjugate; 0 in lanes without a cell
  Aligned curved_geometry;    ///< (block, point of the rule, dim * dim, kLanes)

  std::vector<std::int32_t> indptr, indices;  ///< scalar pattern
  std::vector<std::int32_t> first_source;     ///< of each entry, (n_entries + 1)
  std::vector<std::int32_t> sources;          ///< numbers of local entries, by cell
  std::vector<double> mass, stiffness;
  /// -int q d phi_j / d x_c in the rows of the pattern that are vertices' (q = row, j = column); the
  /// components c of an entry side by side.
  std::vector<double> divergence;

  std::int64_t blocks() const { return straight_blocks + curved_blocks; }
  std::size_t local_size() const {
    return static_cast<std::size_t>(blocks() * nodes_per_cell * nodes_per_cell * kernels::kLanes);
  }

  /// Local convection matrices of w, or with `gradient` the dim^2 matrices int phi_i phi_j d w_a / d x_b, one
  /// after the other (a, b) = (0, 0), (0, 1), ...
  void local_convection(std::span<const double> w, double* local, int threads) const;
  void local_gradient(std::span<const double> w, double* local, int threads) const;

  /// Sum of an entry's local values, in the order of cells.
  double gather(const double* local, std::size_t entry) const {
    double sum = 0.0;
    const auto end = static_cast<std::size_t>(first_source[entry + 1]);
    for (auto s = static_cast<std::size_t>(first_source[entry]); s < end; ++s) {
      sum += local[static_cast<std::size_t>(sources[s])];
    }
    return sum;
  }
};

}  // namespace nonideal::flow
