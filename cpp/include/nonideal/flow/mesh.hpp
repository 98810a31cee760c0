#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"

/// Triangle meshes as arrays: what the finite elements of nonideal::flow stand on.
namespace nonideal::flow {

/// A mesh of triangles with straight sides (3 nodes) or with a node on each side (6 nodes, in the order v0,
/// v1, v2, v0-v1, v1-v2, v2-v0). Points that are vertices come first, side nodes after all of them.
struct MeshView {
  std::span<const double> points;       ///< (n_points, dim)
  std::span<const std::int32_t> cells;  ///< (n_cells, nodes_per_cell)
  int dim = 2;
  int nodes_per_cell = 3;
};

/// Sides of cells that no other cell shares, by cell and side.
struct Boundary {
  std::vector<std::int32_t> facets;  ///< (n, 2) vertices, with the cell on the left
  std::vector<std::int32_t> cells;   ///< (n) the cell
};

/// Throws InvalidArgument, naming the cell or point, unless the mesh is one to compute on: sizes that fit,
/// finite coordinates, indices in range, no point unused, every cell counter-clockwise and not degenerate
/// (its Jacobian positive at all quadrature points and nodes), each side in at most two cells and in opposite
/// directions, all cells connected through vertices. O(n log n).
NONIDEAL_API void check(const MeshView& mesh);

/// The boundary of a mesh that passes check().
NONIDEAL_API Boundary boundary(const MeshView& mesh);

}  // namespace nonideal::flow
