#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "flow/reference.hpp"
#include "nonideal/flow/mesh.hpp"

/// What the parts of nonideal::flow ask of a mesh that passed check(), or is being checked.
namespace nonideal::flow {

/// One side of one cell; key: lower vertex in the high half, higher vertex in the low half.
struct Side {
  std::int64_t key;
  std::int32_t cell;
  std::int32_t side;
};

inline std::int64_t number_of_cells(const MeshView& mesh) {
  return static_cast<std::int64_t>(mesh.cells.size()) / mesh.nodes_per_cell;
}

inline std::int32_t vertex(const MeshView& mesh, std::int64_t cell, std::size_t k) {
  return mesh.cells[static_cast<std::size_t>(cell * mesh.nodes_per_cell) + k];
}

inline std::int32_t from_of(const MeshView& mesh, const Side& side) {
  return vertex(mesh, side.cell, kSideFrom[static_cast<std::size_t>(side.side)]);
}

/// Point on a side; only where cells have 6 nodes.
inline std::int32_t side_node(const MeshView& mesh, const Side& side) {
  return vertex(mesh, side.cell, 3 + static_cast<std::size_t>(side.side));
}

/// x0, y0, x1, ... of the six nodes; of a cell with 3 nodes the middles of its sides.
std::array<double, 12> coordinates_of(const MeshView& mesh, std::int64_t cell);

/// Whether a side's node is off the middle of the side.
bool is_curved(const MeshView& mesh, std::int64_t cell);

/// All sides, those of one edge together, edges in lexicographic order of their vertices.
std::vector<Side> sorted_sides(const MeshView& mesh);

}  // namespace nonideal::flow
