#include "flow/sparse_lu.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/check.hpp"
#include "nonideal/base/threads.hpp"

namespace nonideal::flow {
namespace {

using detail::AnalysisData;
using detail::Front;

constexpr double kLeastPivot = 1e-10;    ///< of the largest entry
constexpr double kFlopsPerThread = 3e7;  ///< fewer don't pay for waking a thread
constexpr std::int64_t kTile = 256;      ///< columns or rows of a front that one thread works on
constexpr int kEquilibrations = 3;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// body(begin, end) on all of [0, n), in tiles by the threads of the region where `shared`.
template <class Body>
void for_tiles(std::int64_t n, bool shared, const Body& body) {
  if (!shared || n <= kTile) {
    if (n > 0) body(std::int64_t{0}, n);
    return;
  }
  const std::int64_t tiles = (n + kTile - 1) / kTile;
#pragma omp taskloop grainsize(1) default(none) shared(body) firstprivate(tiles, n)
  for (std::int64_t t = 0; t < tiles; ++t) body(t * kTile, std::min(n, (t + 1) * kTile));
}

}  // namespace

namespace detail {

/// The rests lie on two stacks, for fronts at even and at odd depth: those of two children are on top of one
/// when their parent puts its own on the other. Every task has a pair of its own.
Schedule schedule(const AnalysisData& data, int threads) {
  const auto n = static_cast<std::int64_t>(data.fronts.size());
  Schedule plan{
      .threads = threads, .rest = std::vector<std::int64_t>(at(n)), .whole = std::vector<bool>(at(n))};
  if (n == 0) return plan;
  const double most = threads == 1 ? HUGE_VAL : data.fronts.back().tree_flops / (8.0 * threads);
  std::vector<std::int32_t> depth(at(n));
  std::vector<std::int64_t> parent(at(n), -1);
  for (std::int64_t t = n - 1; t >= 0; --t) {
    for (const std::int32_t child : {data.fronts[at(t)].left, data.fronts[at(t)].right}) {
      if (child < 0) continue;
      depth[at(child)] = depth[at(t)] + 1;
      parent[at(child)] = t;
    }
  }
  const auto size = [&](std::int64_t t) {
    const Front& front = data.fronts[at(t)];
    return front.m_ld * front.m;
  };
  for (std::int64_t root = 0; root < n; ++root) {
    const bool small = data.fronts[at(root)].tree_flops <= most;
    const bool parent_small = parent[at(root)] >= 0 && data.fronts[at(parent[at(root)])].tree_flops <= most;
    if (!small) {  // above all tasks: a place for itself
      plan.rest[at(root)] = plan.size;
      plan.size += size(root);
    }
    if (!small || parent_small) continue;
    plan.whole[at(root)] = true;
    std::int64_t top[2] = {0, 0}, peak[2] = {0, 0};
    for (std::int64_t t = data.fronts[at(root)].first_in_tree; t <= root; ++t) {
      const int stack = depth[at(t)] % 2;
      plan.rest[at(t)] = top[stack];
      top[stack] += size(t);
      peak[stack] = std::max(peak[stack], top[stack]);
      for (const std::int32_t child : {data.fronts[at(t)].left, data.fronts[at(t)].right}) {
        if (child >= 0) top[1 - stack] -= size(child);
      }
    }
    for (std::int64_t t = data.fronts[at(root)].first_in_tree; t <= root; ++t) {
      plan.rest[at(t)] += plan.size + (depth[at(t)] % 2 == 0 ? 0 : peak[0]);
    }
    plan.size += peak[0] + peak[1];
  }
  return plan;
}

}  // namespace detail

detail::Factors::Factors(std::shared_ptr<const Analysis> shared, LuOptions chosen)
    : analysis(std::move(shared)), d(analysis->data()), options(chosen) {
  nonideal::detail::expect_within("refinement", options.refinement, 0, 100);
  resolve_threads(options.num_threads, 1, 1);  // refuses what is out of range
  scratch_step = std::max(kernels::kWork, kernels::padded(d.largest_k));
  stats.fill = d.stats.fill;
  stats.flops = d.stats.flops;
}

/// A single thread may be any one of a caller's parallel region.
double* detail::Factors::work() const {
  return scratch.data() + (plan.threads == 1 ? 0 : scratch_step * omp_get_thread_num());
}

/// Finds D: each pass divides rows and columns by the square root of their largest entries; those of A are
/// known.
void detail::Factors::equilibrate(std::span<const double> given) {
  const std::int64_t n = analysis->n_rows();
  std::vector<double>& dd = scale;
  std::vector<double>& columns = in_column;
  for (int pass = 0; pass < kEquilibrations; ++pass) {
    if (pass > 0) {
      columns.assign(at(n), 0.0);
      for (std::int64_t i = 0; i < n; ++i) {
        double row = 0.0;
        const double own = dd[at(i)];
        for (std::int64_t e = d.indptr[at(i)]; e < d.indptr[at(i + 1)]; ++e) {
          const double size = std::abs(given[at(e)]);
          const auto j = at(d.indices[at(e)]);
          row = std::max(row, size * dd[j]);
          columns[j] = std::max(columns[j], size * own);
        }
        most[at(i)] = row;
      }
      for (std::int64_t i = 0; i < n; ++i) most[at(i)] = dd[at(i)] * std::max(most[at(i)], columns[at(i)]);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      if (most[at(i)] > 0.0) dd[at(i)] /= std::sqrt(most[at(i)]);
    }
  }
  for (double& x : dd)
    x = std::ldexp(1.0, static_cast<int>(std::lround(std::clamp(std::log2(x), -500.0, 500.0))));
}

/// Checks, scales and keeps the values.
void detail::Factors::take(std::span<const double> given) {
  const std::int64_t n = analysis->n_rows();
  values.resize(given.size());
  scale.assign(at(n), 1.0);
  rows.resize(at(n));
  most.assign(at(n), 0.0);
  norm = 0.0;
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0.0, row = 0.0;
    for (std::int64_t e = d.indptr[at(i)]; e < d.indptr[at(i + 1)]; ++e) {
      const double size = std::abs(given[at(e)]);
      sum += size;
      row = std::max(row, size);
      double& column = most[at(d.indices[at(e)])];
      column = std::max(column, size);
    }
    if (!std::isfinite(sum)) {
      for (std::int64_t e = d.indptr[at(i)]; e < d.indptr[at(i + 1)]; ++e) {
        if (!std::isfinite(given[at(e)])) {
          throw InvalidArgument(nonideal::detail::bracketed("values", e) + " = " +
                                nonideal::detail::shortest(given[at(e)]) + " is not finite");
        }
      }
      throw NumericalError("the sum of row " + std::to_string(i) + " of the matrix overflows");
    }
    most[at(i)] = std::max(most[at(i)], row);
    norm = std::max(norm, sum);
  }
  if (n > 0 && norm == 0.0) throw NumericalError("the matrix is singular: all its values are zero");
  if (options.scaling == Scaling::ruiz) equilibrate(given);
  double largest = 0.0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t e = d.indptr[at(i)]; e < d.indptr[at(i + 1)]; ++e) {
      const double value = given[at(e)] * scale[at(i)] * scale[at(d.indices[at(e)])];
      values[at(e)] = value;
      largest = std::max(largest, std::abs(value));
    }
  }
  least = kLeastPivot * largest;
}

std::int64_t detail::Factors::factorize_front(const Front& front, bool shared) {
  const auto index = &front - d.fronts.data();
  double* const pivots = factors.data() + front.factors;
  double* const lower = factors.data() + front.lower();
  double* const upper = factors.data() + front.upper();
  double* const rest = rests.data() + plan.rest[at(index)];
  std::fill_n(pivots, front.end() - front.factors, 0.0);
  std::fill_n(rest, front.m_ld * front.m, 0.0);
  for (std::int64_t e = front.entries; e < front.entries + front.n_entries; ++e) {
    pivots[d.entries[at(e)].to] += values[at(d.entries[at(e)].from)];
  }
  for (const std::int32_t child : {front.left, front.right}) {
    if (child < 0) continue;
    const Front& c = d.fronts[at(child)];
    kernels.assemble({rests.data() + plan.rest[at(child)], c.m_ld, d.runs.data() + c.runs, c.n_own, c.n_runs,
                      front.k, pivots, lower, upper, rest, front.k_ld, front.m_ld});
  }
  if (front.k == 0) return 0;
  std::int32_t* const order = rows.data() + front.first;
  const std::int64_t replaced = kernels.factorize({front.k, pivots, front.k_ld, order, least, work()});
  const auto triangles = [&](bool of_lower, std::int64_t begin, std::int64_t end) {
    double* const scratch_memory = work();
    if (of_lower) {
      kernels.solve_right(
          {end - begin, front.k, lower + begin, front.m_ld, pivots, 1, front.k_ld, false, scratch_memory});
      return;
    }
    double* const columns = upper + begin * front.k_ld;
    kernels.order_rows({front.k, end - begin, order, columns, front.k_ld, scratch_memory});
    kernels.solve_left({front.k, end - begin, pivots, front.k_ld, columns, front.k_ld, scratch_memory});
  };
  for_tiles(front.m, shared, [&](std::int64_t begin, std::int64_t end) { triangles(true, begin, end); });
  for_tiles(front.m, shared, [&](std::int64_t begin, std::int64_t end) { triangles(false, begin, end); });
  for_tiles(front.m, shared, [&](std::int64_t begin, std::int64_t end) {
    kernels.subtract_product({front.m, end - begin, front.k, lower, front.m_ld, upper + begin * front.k_ld, 1,
                              front.k_ld, rest + begin * front.m_ld, front.m_ld, work()});
  });
  return replaced;
}

std::int64_t detail::Factors::factorize_subtree(std::int64_t root, bool shared) {
  const Front& front = d.fronts[at(root)];
  if (!shared || plan.whole[at(root)]) {
    std::int64_t replaced = 0;
    for (std::int64_t t = front.first_in_tree; t <= root; ++t)
      replaced += factorize_front(d.fronts[at(t)], false);
    return replaced;
  }
  std::int64_t replaced = 0, of_left = 0;
  if (front.left >= 0) {
#pragma omp task default(none) shared(front, of_left)
    of_left = factorize_subtree(front.left, true);
    replaced = factorize_subtree(front.right, true);
#pragma omp taskwait
  }
  return replaced + of_left + factorize_front(front, true);
}

void detail::Factors::factorize_tree(int threads) {
  const std::int64_t root = static_cast<std::int64_t>(d.fronts.size()) - 1;
  if (root < 0) return;
  if (plan.threads != threads) plan = detail::schedule(d, threads);
  factors.reserve(d.factors);
  rests.reserve(plan.size);
  scratch.reserve(scratch_step * threads);
  std::int64_t replaced = 0;
  if (threads == 1) {
    replaced = factorize_subtree(root, false);
  } else {
#pragma omp parallel num_threads(threads) default(none) shared(replaced) firstprivate(root)
#pragma omp single
    replaced = factorize_subtree(root, true);
  }
  stats.perturbed_pivots = replaced;
  stats.memory = static_cast<std::int64_t>(sizeof(double)) * (factors.size() + rests.size() + scratch.size());
}

SparseLu::SparseLu(std::shared_ptr<const Analysis> analysis, LuOptions options) {
  if (analysis == nullptr) throw InvalidArgument("analysis: none given");
  factors_ = std::make_unique<detail::Factors>(std::move(analysis), options);
}

SparseLu::~SparseLu() = default;
SparseLu::SparseLu(SparseLu&&) noexcept = default;
SparseLu& SparseLu::operator=(SparseLu&&) noexcept = default;

void SparseLu::factorize(std::span<const double> values) {
  detail::Factors& self = *factors_;
  nonideal::detail::expect_count("values", "numbers", static_cast<std::int64_t>(values.size()),
                                 self.analysis->n_values());
  self.factorized = false;
  const auto flops = static_cast<std::int64_t>(self.d.stats.flops);
  const int threads =
      resolve_threads(self.options.num_threads, flops, static_cast<std::int64_t>(kFlopsPerThread));
  self.take(values);
  self.factorize_tree(threads);
  self.factorized = true;
  ++self.stats.factorizations;
}

SolveReport SparseLu::solve(std::span<double> x, int n_rhs, bool transpose) const {
  return factors_->solve(x, n_rhs, transpose);
}

double SparseLu::backward_error(std::span<const double> x, std::span<const double> b, int n_rhs,
                                bool transpose) const {
  return factors_->backward_error(x, b, n_rhs, transpose);
}

void SparseLu::values(std::span<double> out) const { factors_->give_back(out); }

LuStats SparseLu::stats() const { return factors_->stats; }

}  // namespace nonideal::flow
