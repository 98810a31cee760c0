#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "nonideal/base/export.hpp"
#include "nonideal/flow/taylor_hood.hpp"

namespace nonideal::flow {

/// Coefficients of one Oseen system.
struct OseenTerms {
  double viscosity = 1.0;
  double reaction = 0.0;  ///< factor of the mass matrix: 1 / time step, or 1 for a projection
  std::span<const double> convecting = {};  ///< (n_nodes, dim) velocities w; empty: none
  std::span<const double> boundary = {};    ///< (n_nodes, dim), read at constrained nodes; empty: zero
  bool newton = false;  ///< adds (v . grad) w to the matrix and (w . grad) w to the right-hand side
};

/// The saddle-point matrix of the Oseen problem over the free dofs, rewritten in place:
///
///   [ reaction M + viscosity K + C(w) (+ C'(w)),  B^T ]
///   [ B,                                           0   ]
///
/// Rows are the free velocity dofs (the components of a node side by side), then the pressures but the
/// pinned one, each in ascending order. The pattern is the same for all terms, structurally symmetric, and
/// couples all components of two nodes (zero without Newton), so that one analysis serves for all. The
/// right-hand side holds what constrained velocities and Newton's term put there; loads are the caller's to
/// add.
///
/// Determinism: as TaylorHood. Each thread needs its own operator; they may share a TaylorHood.
class NONIDEAL_API OseenOperator {
 public:
  /// `constrained`: 1 at nodes whose velocity is prescribed, (n_nodes). `pinned_pressure`: a vertex whose
  /// pressure is left out (enclosed flow), or -1. Throws InvalidArgument for sizes and vertices that do not
  /// fit, and where no velocity is free.
  OseenOperator(const TaylorHood& space, std::span<const std::uint8_t> constrained,
                std::int64_t pinned_pressure = -1);
  OseenOperator(OseenOperator&&) noexcept;
  OseenOperator& operator=(OseenOperator&&) noexcept;
  ~OseenOperator();

  std::int64_t n_free() const;
  /// Dofs of the rows: velocity dofs, and n_velocity + vertex for pressures.
  std::span<const std::int32_t> free() const;
  std::span<const std::int32_t> indptr() const;
  std::span<const std::int32_t> indices() const;
  std::span<const double> values() const;
  std::span<const double> rhs() const;

  /// Rewrites values and right-hand side. Throws InvalidArgument for sizes that do not fit and for
  /// coefficients that are negative or not finite. Allocates nothing after the first call of its kind.
  void update(const OseenTerms& terms, int num_threads = 0);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nonideal::flow
