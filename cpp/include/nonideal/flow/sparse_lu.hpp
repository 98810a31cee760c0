#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"

namespace nonideal::flow {

/// Where the rows of a matrix sit on a mesh of simplices. It is read while an Analysis is made, not kept.
struct Layout {
  std::span<const std::int32_t> elements;  ///< (n_elements, nodes_per_element), the dim + 1 vertices first
  int nodes_per_element = 0;
  std::span<const double> coordinates;  ///< (n_nodes, dim)
  int dim = 0;
  std::span<const std::int32_t> node_of_row;  ///< the node that each row (and column) belongs to
};

/// What factorising a pattern takes; known before any matrix is.
struct AnalysisStats {
  std::int64_t tree_nodes = 0;     ///< fronts
  std::int64_t largest_front = 0;  ///< its rows
  std::int64_t root_pivots = 0;    ///< rows of the last front
  std::int64_t moved_nodes = 0;  ///< nodes with a pressure alone that are eliminated later than they could be
  std::int64_t fill = 0;         ///< entries of L + U
  double flops = 0.0;            ///< additions, multiplications and divisions
};

namespace detail {
struct AnalysisData;
struct Factors;
}  // namespace detail

/// Order of elimination and maps for all matrices of one pattern; read-only, so that several SparseLu may
/// share one from several threads.
///
/// The rows are eliminated by nested dissection of the elements: recursive bisection of their centroids. It
/// fits matrices whose rows sit on mesh nodes and couple nodes of one element only, such as those of Stokes,
/// Oseen and Newton steps with an inf-sup stable pair: a vertex keeps its pressure with its velocities, so
/// that every pivot block is nonsingular and no row has to leave its front.
///
/// Deterministic. Cost: O(elements log^2 elements + values).
class Analysis {
 public:
  /// Checks and analyses the pattern of a square matrix in compressed rows. Throws InvalidArgument unless the
  /// columns ascend within each row, the pattern is symmetric, and every value couples nodes of one element
  /// (or nodes that meet in a front all the same).
  NONIDEAL_API Analysis(std::span<const std::int32_t> indptr, std::span<const std::int32_t> indices,
                        const Layout& layout, int leaf_elements = 16);
  NONIDEAL_API ~Analysis();
  Analysis(const Analysis&) = delete;
  Analysis& operator=(const Analysis&) = delete;

  NONIDEAL_API std::int64_t n_rows() const;
  NONIDEAL_API std::int64_t n_values() const;
  NONIDEAL_API const AnalysisStats& stats() const;
  /// The rows in the order of their elimination.
  NONIDEAL_API std::span<const std::int32_t> order() const;
  const detail::AnalysisData& data() const { return *data_; }

 private:
  std::unique_ptr<const detail::AnalysisData> data_;
};

/// Throws InvalidArgument unless this is the pattern of a square matrix with ascending columns in each row.
NONIDEAL_API void check_pattern(std::span<const std::int32_t> indptr, std::span<const std::int32_t> indices);

enum class Scaling {
  none,
  ruiz,  ///< three passes of symmetric equilibration, by powers of two: nothing is rounded
};

struct LuOptions {
  Scaling scaling = Scaling::ruiz;
  int refinement = 3;   ///< most steps of iterative refinement
  int num_threads = 0;  ///< 0: the default
};

struct LuStats {
  std::int64_t factorizations = 0;
  std::int64_t perturbed_pivots = 0;  ///< of the last factorisation
  std::int64_t fill = 0;              ///< entries of L + U
  double flops = 0.0;
  std::int64_t memory = 0;  ///< bytes of factors, contributions and scratch memory
};

struct SolveReport {
  double backward_error =
      0.0;              ///< largest |b - A x| / (|A| |x| + |b|) in maximum norms, over right-hand sides
  int refinements = 0;  ///< steps of iterative refinement; most of any block
};

/// LU factors of matrices of one pattern: multifrontal, partial pivoting within the front, iterative
/// refinement.
///
/// The first factorize() takes the memory, later ones take none. One thread at a time may factorize; solve()
/// may run in several.
///
/// Deterministic: the same bits for every number of threads, and for a right-hand side whatever others come
/// with it (but alone it goes another, faster way). Different instruction sets give solutions that differ by
/// a relative 1e-10 at most, for matrices whose condition number is below 1e5.
class SparseLu {
 public:
  NONIDEAL_API explicit SparseLu(std::shared_ptr<const Analysis> analysis, LuOptions options = {});
  NONIDEAL_API ~SparseLu();
  NONIDEAL_API SparseLu(SparseLu&&) noexcept;
  NONIDEAL_API SparseLu& operator=(SparseLu&&) noexcept;

  /// Factorises the matrix with these values, in the order of the analysed pattern; they are copied. A pivot
  /// below 1e-10 of the largest entry of the scaled matrix is replaced by that number. Throws InvalidArgument
  /// where a value is not finite, NumericalError where all are zero. Cost: stats().flops.
  NONIDEAL_API void factorize(std::span<const double> values);

  /// x (n_rows, n_rhs), row-major: right-hand sides on entry, solutions of A x = b on return, or of A^T x =
  /// b. Refines while the backward error is above 1e-14 and halves at least. Throws InvalidArgument where
  /// factorize() has not succeeded or b is not finite; ConvergenceError, with the backward errors, where one
  /// stays above 1e-10 (x then holds what was reached).
  NONIDEAL_API SolveReport solve(std::span<double> x, int n_rhs = 1, bool transpose = false) const;

  /// SolveReport::backward_error of somebody's solution; x and b (n_rows, n_rhs).
  NONIDEAL_API double backward_error(std::span<const double> x, std::span<const double> b, int n_rhs = 1,
                                     bool transpose = false) const;

  /// The values that were factorised.
  NONIDEAL_API void values(std::span<double> out) const;

  NONIDEAL_API LuStats stats() const;

 private:
  std::unique_ptr<detail::Factors> factors_;
};

}  // namespace nonideal::flow
