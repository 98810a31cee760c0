#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/flow/mesh.hpp"

/// Taylor-Hood elements on triangles and tetrahedra: velocities are quadratic (P2) and pressures linear (P1),
/// both continuous.
///
/// Nodes: the vertices as the mesh numbers them, then one node per edge, edges in lexicographic order of
/// their (lower, higher) vertex. Velocity dof dim i + c is component c at node i; pressure dof q sits at
/// vertex q. Integrals over straight cells are exact; over curved ones (isoparametric) all but the viscous
/// one.
///
/// Determinism: the same bits for every thread count and instruction set.
namespace nonideal::flow {

/// Compressed rows; columns ascend in each row.
struct CsrMatrix {
  std::int64_t rows = 0, cols = 0;
  std::vector<std::int32_t> indptr;   ///< rows + 1
  std::vector<std::int32_t> indices;  ///< of the entries' columns
  std::vector<double> values;
};

/// Numbering, geometry and integrals of a mesh. Copies share one read-only state, as do threads.
class NONIDEAL_API TaylorHood {
 public:
  /// Throws what check(mesh) throws. O(n log n); the mesh may go afterwards.
  explicit TaylorHood(const MeshView& mesh);
  TaylorHood(const TaylorHood&);
  TaylorHood(TaylorHood&&) noexcept;
  TaylorHood& operator=(const TaylorHood&);
  TaylorHood& operator=(TaylorHood&&) noexcept;
  ~TaylorHood();

  int dim() const;
  std::int64_t nodes_per_cell() const;  ///< 6 or 10
  std::int64_t n_cells() const;
  std::int64_t n_curved_cells() const;
  std::int64_t n_nodes() const;
  std::int64_t n_vertices() const;
  std::int64_t n_velocity() const { return dim() * n_nodes(); }
  std::int64_t n_pressure() const { return n_vertices(); }
  std::span<const double> nodes() const;             ///< (n_nodes, dim)
  std::span<const std::int32_t> edges() const;       ///< (n_nodes - n_vertices, 2)
  std::span<const std::int32_t> cell_nodes() const;  ///< (n_cells, nodes_per_cell), vertices first

  /// Pattern of the scalar matrices over nodes: which nodes share a cell. Mass, stiffness and convection are
  /// block-diagonal, the same scalar block for all components.
  std::span<const std::int32_t> indptr() const;
  std::span<const std::int32_t> indices() const;
  /// int phi_i phi_j and int grad phi_i . grad phi_j in that pattern.
  std::span<const double> mass_values() const;
  std::span<const double> stiffness_values() const;
  CsrMatrix mass() const;
  CsrMatrix stiffness() const;
  /// -int q div phi: (n_pressure, n_velocity).
  CsrMatrix divergence() const;

  /// values = int phi_i (w . grad) phi_j in the scalar pattern, w of (n_nodes, dim) velocities. Rows add up
  /// to zero. Throws InvalidArgument for sizes that do not fit. Cost: 60 ns per triangle.
  void convection(std::span<const double> convecting, std::span<double> values, int num_threads = 0) const;

  struct Space;  ///< the library's own
  const Space& space() const { return *space_; }

 private:
  std::shared_ptr<const Space> space_;
};

}  // namespace nonideal::flow
