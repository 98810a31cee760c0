#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"

/// Meshes of triangles or tetrahedra as arrays: what the finite elements of nonideal::flow stand on.
namespace nonideal::flow {

/// Cells with straight edges (3 or 4 nodes, the vertices) or with a node on each edge too: 6 nodes in the
/// order v0, v1, v2, v0-v1, v1-v2, v2-v0, or 10 nodes in the order v0, ..., v3, v0-v1, v1-v2, v2-v0, v0-v3,
/// v1-v3, v2-v3. Points that are vertices come first, edges' nodes after all of them.
struct MeshView {
  std::span<const double> points;       ///< (n_points, dim)
  std::span<const std::int32_t> cells;  ///< (n_cells, nodes_per_cell)
  int dim = 2;
  int nodes_per_cell = 3;
};

/// Facets (sides of triangles, faces of tetrahedra) that no two cells share, by cell and facet.
struct Boundary {
  std::vector<std::int32_t>
      facets;  ///< (n, dim) vertices, the cell on the left; counter-clockwise from outside
  std::vector<std::int32_t> cells;  ///< (n) the cell
};

/// Throws InvalidArgument, naming the cell or point, unless the mesh is one to compute on: sizes that fit,
/// finite coordinates, indices in range, no point unused, every cell of positive measure (triangles run
/// counter-clockwise) and not degenerate (its Jacobian positive at all quadrature points and nodes), each
/// facet in at most two cells and on opposite sides of it, one node on each edge, all cells connected through
/// vertices, no vertex of the boundary within one of its facets. O(n log n).
NONIDEAL_API void check(const MeshView& mesh);

/// The boundary of a mesh that passes check().
NONIDEAL_API Boundary boundary(const MeshView& mesh);

}  // namespace nonideal::flow
