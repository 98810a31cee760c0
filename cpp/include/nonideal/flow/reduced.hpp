#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/flow/taylor_hood.hpp"

/// The online stage of a reduced basis for the steady incompressible Navier-Stokes equations.
///
/// A velocity is u = Z z with Z = [lifts, modes], z = [theta, y]: theta follows from the boundary data, the k
/// coefficients y from the Galerkin equations
///     viscosity * A z + sum_m z_m N_m z = load,
/// with A = modes^T K Z at unit viscosity and N_m = modes^T C(z_m) Z. r = n_lifts + n_modes.
namespace nonideal::flow {

struct ReducedOptions {
  double tolerance = 1e-11;  ///< of the relative step, in the norm of the Gram matrix
  std::int64_t max_iterations = 100;
  double newton_below = 0.02;  ///< Picard's iteration until the relative step is below, then Newton's
  std::int64_t n_modes = 0;    ///< use the leading modes only; 0: all
};

struct ReducedState {
  std::vector<double> coefficients;  ///< z: the given theta, then the modes'
  std::vector<double> steps;         ///< the relative step of every iteration
  bool converged = false;            ///< if not, `coefficients` are the last finite iterate's
};

/// Immutable; one object serves any number of threads.
class NONIDEAL_API ReducedModel {
 public:
  /// viscous: A, n_modes x r. convection: the slices N_m, r x (n_modes x r). gram: Z^T M Z, r x r, the inner
  /// product in which steps are measured. All row-major, copied. Throws InvalidArgument for sizes that do not
  /// fit and numbers that are not finite.
  ReducedModel(std::int64_t n_lifts, std::int64_t n_modes, std::span<const double> viscous,
               std::span<const double> convection, std::span<const double> gram);

  std::int64_t n_lifts() const { return n_lifts_; }
  std::int64_t n_modes() const { return n_modes_; }

  /// Solves from z = [theta, 0], whose first step is the Stokes solution. A basis of fewer modes is the
  /// leading part of the same arrays: `options.n_modes` costs nothing. `load` has n_modes() entries.
  /// Deterministic; the same bits on every instruction set. Cost per iteration: r n_modes r multiply-adds and
  /// a dense factorisation of order n_modes. Throws InvalidArgument; a solve that does not converge is
  /// returned as such.
  ReducedState solve(std::span<const double> theta, double viscosity, std::span<const double> load,
                     const ReducedOptions& options = {}) const;

 private:
  std::int64_t n_lifts_;
  std::int64_t n_modes_;
  std::vector<double> viscous_;
  std::vector<double> convection_;  ///< N_m[i][j]
  std::vector<double> symmetric_;   ///< N_m[i][j] + N_j[i][m]: the slope of the quadratic term
  std::vector<double> gram_;
};

/// The convective tensor of fields z_m, the columns of `trial` (n_velocity x r), tested with the columns of
/// `tests` (n_velocity x p): out[m] = tests^T C(z_m) trial, r slices of p x r, all row-major.
/// Deterministic: each entry is summed in the order of the dofs, for every thread count and instruction set.
/// Cost: r assemblies of C and r p r n_velocity multiply-adds. Throws InvalidArgument for sizes that do not
/// fit.
NONIDEAL_API void convection_tensor(const TaylorHood& space, std::span<const double> tests,
                                    std::span<const double> trial, std::span<double> out,
                                    int num_threads = 0);

}  // namespace nonideal::flow
