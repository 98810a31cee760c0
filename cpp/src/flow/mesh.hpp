#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "flow/reference.hpp"
#include "nonideal/flow/mesh.hpp"

/// What the parts of nonideal::flow ask of a mesh that passed check(), or is being checked.
namespace nonideal::flow {

/// One edge of one cell; key: lower vertex in the high half, higher vertex in the low half.
struct Edge {
  std::int64_t key;
  std::int32_t cell;
  std::int32_t edge;
};

/// One facet of one cell; key: its vertices, ascending.
template <int Dim>
struct Facet {
  std::array<std::int32_t, Dim> key;
  std::int32_t cell;
  std::int32_t facet;
};

inline std::int64_t number_of_cells(const MeshView& mesh) {
  return static_cast<std::int64_t>(mesh.cells.size()) / mesh.nodes_per_cell;
}

inline std::int32_t vertex(const MeshView& mesh, std::int64_t cell, std::size_t k) {
  return mesh.cells[static_cast<std::size_t>(cell * mesh.nodes_per_cell) + k];
}

/// Whether cells have nodes on their edges.
inline bool is_quadratic(const MeshView& mesh) { return mesh.nodes_per_cell > mesh.dim + 1; }

/// Of all nodes; of a cell without nodes on its edges the edges' middles.
template <int Dim>
Places<Dim> places_of(const MeshView& mesh, std::int64_t cell);

/// Whether an edge's node is off the middle of the edge.
template <int Dim>
bool is_curved(const MeshView& mesh, std::int64_t cell);

/// The edges of all cells, those with the same vertices together, in lexicographic order of their vertices.
template <int Dim>
std::vector<Edge> sorted_edges(const MeshView& mesh);

}  // namespace nonideal::flow
