#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/dispatch.hpp"
#include "flow/analysis.hpp"
#include "flow/kernels/dense.hpp"
#include "flow/kernels/substitution.hpp"
#include "flow/memory.hpp"
#include "nonideal/flow/sparse_lu.hpp"

namespace nonideal::flow::detail {

/// The dense kernels of the active instruction set.
struct Kernels {
  void (*subtract_product)(const kernels::Product&) = NONIDEAL_PICK(flow, subtract_product);
  void (*solve_right)(const kernels::RightSolve&) = NONIDEAL_PICK(flow, solve_right);
  void (*solve_left)(const kernels::LeftSolve&) = NONIDEAL_PICK(flow, solve_left);
  std::int64_t (*factorize)(const kernels::Factorization&) = NONIDEAL_PICK(flow, factorize);
  void (*order_rows)(const kernels::RowOrder&) = NONIDEAL_PICK(flow, order_rows);
  void (*assemble)(const kernels::Assembly&) = NONIDEAL_PICK(flow, assemble);
  void (*forward)(const kernels::FrontSolve&) = NONIDEAL_PICK(flow, forward);
  void (*backward)(const kernels::FrontSolve&) = NONIDEAL_PICK(flow, backward);
  void (*forward_transposed)(const kernels::FrontSolve&) = NONIDEAL_PICK(flow, forward_transposed);
  void (*backward_transposed)(const kernels::FrontSolve&) = NONIDEAL_PICK(flow, backward_transposed);
};

/// Who factorises what: a subtree of fronts is one task, the fronts above are worked on by all threads.
struct Schedule {
  int threads = 0;
  std::vector<std::int64_t> rest;  ///< where each front leaves what its parent adds, in doubles
  std::vector<bool> whole;         ///< the subtree of this front is one task
  std::int64_t size = 0;           ///< doubles of all rests
};

Schedule schedule(const AnalysisData& data, int threads);

/// The numbers behind a SparseLu.
struct Factors {
  std::shared_ptr<const Analysis> analysis;
  const AnalysisData& d;
  LuOptions options;
  Kernels kernels;
  Schedule plan;
  Memory factors, rests, scratch;
  std::int64_t scratch_step = 0;        ///< doubles for each thread
  std::vector<std::int32_t> rows;       ///< by position: which row of the front the pivot came from
  std::vector<double> values;           ///< of the scaled matrix D A D
  std::vector<double> scale;            ///< D, powers of two, by row
  std::vector<double> most, in_column;  ///< scratch of the scaling: largest entries in row or column i
  double norm = 0.0;                    ///< largest row sum of |A|
  double least = 0.0;                   ///< smallest pivot
  bool factorized = false;
  LuStats stats;

  Factors(std::shared_ptr<const Analysis> shared, LuOptions chosen);

  void take(std::span<const double> given);
  void equilibrate(std::span<const double> given);
  void factorize_tree(int threads);
  /// Factorises one front; returns how many pivots were replaced. `shared`: by all threads of the region.
  std::int64_t factorize_front(const Front& front, bool shared);
  std::int64_t factorize_subtree(std::int64_t root, bool shared);
  double* work() const;  ///< scratch of the calling thread

  void expect_factorized(const char* what) const;
  SolveReport solve(std::span<double> x, int n_rhs, bool transpose) const;
  double backward_error(std::span<const double> x, std::span<const double> b, int n_rhs,
                        bool transpose) const;
  void give_back(std::span<double> out) const;
};

}  // namespace nonideal::flow::detail
