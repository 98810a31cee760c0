#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "flow/sparse_lu.hpp"
#include "nonideal/base/threads.hpp"

namespace nonideal::flow {
namespace {

using detail::AnalysisData;
using detail::Front;

constexpr std::int64_t kTogether = 16;  ///< right-hand sides that are solved together
constexpr double kGood = 1e-14;         ///< backward error that needs no refinement
constexpr double kBad = 1e-10;          ///< backward error that is refused
constexpr double kFlopsPerThread = 1e7;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Right-hand sides of the factors, `width` numbers for each row by elimination: column-major matrices whose
/// rows are the right-hand sides.
class Substitution {
 public:
  Substitution(const detail::Factors& lu, std::int64_t width) : lu_(lu), d_(lu.d), width_(width) {
    const auto n = static_cast<std::int64_t>(d_.order.size());
    memory_.reserve(width * (n + d_.largest_k + d_.largest_m) + kernels::kWork);
    x_ = memory_.data();
    rest_ = x_ + width * n;
    kept_ = rest_ + width * d_.largest_m;
    work_ = kept_ + width * d_.largest_k;
  }

  double* row(std::int64_t position) { return x_ + position * width_; }

  void run(bool transpose) {
    for (const Front& front : d_.fronts) {
      if (front.k > 0) forward(front, transpose);
    }
    for (auto front = d_.fronts.rbegin(); front != d_.fronts.rend(); ++front) {
      if (front->k > 0) backward(*front, transpose);
    }
  }

 private:
  void forward(const Front& f, bool transpose) {
    double* const x = row(f.first);
    const double* const pivots = lu_.factors.data() + f.factors;
    if (!transpose) {
      const std::int32_t* const rows = lu_.rows.data() + f.first;
      std::memcpy(kept_, x, at(f.k * width_) * sizeof(double));
      for (std::int64_t i = 0; i < f.k; ++i) std::copy_n(kept_ + rows[i] * width_, width_, x + i * width_);
      lu_.kernels.solve_right({width_, f.k, x, width_, pivots, f.k_ld, 1, true, work_});
    } else {
      lu_.kernels.solve_right({width_, f.k, x, width_, pivots, 1, f.k_ld, false, work_});
    }
    if (f.m == 0) return;
    gather(f);
    if (!transpose) {
      const double* const lower = lu_.factors.data() + f.lower();
      lu_.kernels.subtract_product({width_, f.m, f.k, x, width_, lower, f.m_ld, 1, rest_, width_, work_});
    } else {
      const double* const upper = lu_.factors.data() + f.upper();
      lu_.kernels.subtract_product({width_, f.m, f.k, x, width_, upper, 1, f.k_ld, rest_, width_, work_});
    }
    for (std::int64_t i = 0; i < f.m; ++i) {
      std::copy_n(rest_ + i * width_, width_, row(d_.boundary[at(f.boundary + i)]));
    }
  }

  void backward(const Front& f, bool transpose) {
    double* const x = row(f.first);
    double* const last = x + (f.k - 1) * width_;
    const double* const corner = lu_.factors.data() + f.factors + (f.k - 1) * (f.k_ld + 1);
    if (f.m > 0) gather(f);
    if (!transpose) {
      const double* const upper = lu_.factors.data() + f.upper();
      lu_.kernels.subtract_product({width_, f.k, f.m, rest_, width_, upper, f.k_ld, 1, x, width_, work_});
      lu_.kernels.solve_right({width_, f.k, last, -width_, corner, -f.k_ld, -1, false, work_});
      return;
    }
    const double* const lower = lu_.factors.data() + f.lower();
    lu_.kernels.subtract_product({width_, f.k, f.m, rest_, width_, lower, 1, f.m_ld, x, width_, work_});
    lu_.kernels.solve_right({width_, f.k, last, -width_, corner, -1, -f.k_ld, true, work_});
    const std::int32_t* const rows = lu_.rows.data() + f.first;
    std::memcpy(kept_, x, at(f.k * width_) * sizeof(double));
    for (std::int64_t i = 0; i < f.k; ++i) std::copy_n(kept_ + i * width_, width_, x + rows[i] * width_);
  }

  void gather(const Front& f) {
    for (std::int64_t i = 0; i < f.m; ++i) {
      std::copy_n(row(d_.boundary[at(f.boundary + i)]), width_, rest_ + i * width_);
    }
  }

  const detail::Factors& lu_;
  const AnalysisData& d_;
  std::int64_t width_;
  detail::Memory memory_;
  double *x_, *rest_, *kept_, *work_;
};

/// residual <- b - A x, or b - A^T x; all (n, count).
void residual(const AnalysisData& d, const std::vector<double>& values, bool transpose, std::int64_t count,
              const std::vector<double>& b, const std::vector<double>& x, std::vector<double>& residual) {
  const auto n = static_cast<std::int64_t>(d.order.size());
  residual = b;
  for (std::int64_t i = 0; i < n; ++i) {
    if (count == 1 && !transpose) {
      double sum = 0.0;
      for (std::int64_t e = d.indptr[at(i)]; e < d.indptr[at(i + 1)]; ++e)
        sum += values[at(e)] * x[at(d.indices[at(e)])];
      residual[at(i)] -= sum;
      continue;
    }
    for (std::int64_t e = d.indptr[at(i)]; e < d.indptr[at(i + 1)]; ++e) {
      const double value = values[at(e)];
      const std::int64_t j = d.indices[at(e)];
      double* const to = &residual[at((transpose ? j : i) * count)];
      const double* const from = &x[at((transpose ? i : j) * count)];
      for (std::int64_t r = 0; r < count; ++r) to[r] -= value * from[r];
    }
  }
}

/// Largest column sum of |A|.
double transposed_norm(const AnalysisData& d, const std::vector<double>& values,
                       const std::vector<double>& scale) {
  std::vector<double> sums(scale.size());
  for (std::size_t i = 0; i < scale.size(); ++i) {
    for (std::int64_t e = d.indptr[i]; e < d.indptr[i + 1]; ++e) {
      sums[at(d.indices[at(e)])] += std::abs(values[at(e)]) / scale[i];
    }
  }
  double norm = 0.0;
  for (std::size_t j = 0; j < scale.size(); ++j) norm = std::max(norm, sums[j] / scale[j]);
  return norm;
}

struct Outcome {
  int refinements = 0;
  std::vector<double> history;  ///< largest backward error after each step
};

/// Solves for the right-hand sides first .. first + count - 1 of x (n, n_rhs).
///
/// With A' = D A D, x' = D^-1 x and b' = D b the system is A' x' = b'; as D holds powers of two, all of its
/// numbers are those of A x = b, to the last bit.
Outcome solve_block(const detail::Factors& lu, double norm, std::span<double> x, std::int64_t n_rhs,
                    std::int64_t first, std::int64_t count, bool transpose) {
  const AnalysisData& d = lu.d;
  const auto n = static_cast<std::int64_t>(d.order.size());
  const std::int64_t width = kernels::padded(count);
  Substitution substitution(lu, width);
  std::vector<double> b(at(n * count)), solution(at(n * count)), rest, best;
  std::vector<double> b_norm(at(count)), error(at(count), HUGE_VAL);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t r = 0; r < count; ++r) {
      const double value = x[at(i * n_rhs + first + r)];
      b_norm[at(r)] = std::max(b_norm[at(r)], std::abs(value));
      b[at(i * count + r)] = value * lu.scale[at(i)];
    }
  }
  rest = b;
  Outcome outcome;
  for (int step = 0;; ++step) {
    for (std::int64_t p = 0; p < n; ++p) {
      double* const row = substitution.row(p);
      std::copy_n(&rest[at(d.order[at(p)] * count)], count, row);
      std::fill(row + count, row + width, 0.0);
    }
    substitution.run(transpose);
    if (step > 0) best = solution;
    for (std::int64_t p = 0; p < n; ++p) {
      const double* const row = substitution.row(p);
      double* const to = &solution[at(d.order[at(p)] * count)];
      for (std::int64_t r = 0; r < count; ++r) to[r] += row[r];
    }
    residual(d, lu.values, transpose, count, b, solution, rest);

    std::vector<double> r_norm(at(count)), x_norm(at(count));
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t r = 0; r < count; ++r) {
        const double left = std::abs(rest[at(i * count + r)]) / lu.scale[at(i)];
        r_norm[at(r)] = left <= r_norm[at(r)] ? r_norm[at(r)] : left;  // a NaN stays
        x_norm[at(r)] = std::max(x_norm[at(r)], std::abs(solution[at(i * count + r)]) * lu.scale[at(i)]);
      }
    }
    bool again = false;
    double worst = 0.0;
    for (std::int64_t r = 0; r < count; ++r) {
      const double size = norm * x_norm[at(r)] + b_norm[at(r)];
      double now = size > 0.0 ? r_norm[at(r)] / size : r_norm[at(r)];
      if (!std::isfinite(x_norm[at(r)]) || std::isnan(now)) now = HUGE_VAL;
      const double before = error[at(r)];
      if (now < before || step == 0) {
        error[at(r)] = now;
      } else {  // worse than before: back, and no further
        for (std::int64_t i = 0; i < n; ++i) solution[at(i * count + r)] = best[at(i * count + r)];
      }
      const bool goes_on = now > kGood && now <= 0.5 * before && std::isfinite(now);
      again = again || goes_on;
      if (!goes_on) {
        for (std::int64_t i = 0; i < n; ++i) rest[at(i * count + r)] = 0.0;
      }
      worst = std::max(worst, error[at(r)]);
    }
    outcome.history.push_back(worst);
    outcome.refinements = step;
    if (!again || step == lu.options.refinement) break;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t r = 0; r < count; ++r) {
      x[at(i * n_rhs + first + r)] = solution[at(i * count + r)] * lu.scale[at(i)];
    }
  }
  return outcome;
}

}  // namespace

SolveReport detail::Factors::solve(std::span<double> x, int n_rhs, bool transpose) const {
  if (!factorized) throw InvalidArgument("solve was called before factorize");
  nonideal::detail::expect_at_least("n_rhs", n_rhs, 0);
  const std::int64_t n = analysis->n_rows();
  nonideal::detail::expect_count("x", "numbers", static_cast<std::int64_t>(x.size()), n * n_rhs);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) {
      throw InvalidArgument(nonideal::detail::bracketed("x", static_cast<std::int64_t>(i)) + " = " +
                            nonideal::detail::shortest(x[i]) + " is not finite");
    }
  }
  if (x.empty()) return {};
  const double used = transpose ? transposed_norm(d, values, scale) : norm;
  const std::int64_t blocks = (n_rhs + kTogether - 1) / kTogether;
  const auto flops = static_cast<std::int64_t>(2.0 * static_cast<double>(d.stats.fill) * n_rhs);
  const int threads = resolve_threads(options.num_threads, flops, static_cast<std::int64_t>(kFlopsPerThread));
  std::vector<Outcome> outcomes(at(blocks));
  nonideal::detail::for_blocks(n_rhs, kTogether, threads, [&](std::int64_t first, std::int64_t end) {
    outcomes[at(first / kTogether)] = solve_block(*this, used, x, n_rhs, first, end - first, transpose);
  });
  SolveReport report;
  const Outcome* worst = nullptr;
  for (const Outcome& outcome : outcomes) {
    report.refinements = std::max(report.refinements, outcome.refinements);
    if (worst == nullptr || outcome.history.back() > worst->history.back()) worst = &outcome;
  }
  report.backward_error = worst->history.back();
  if (!(report.backward_error <= kBad)) {
    throw ConvergenceError("the backward error stays at " +
                               nonideal::detail::shortest(report.backward_error) +
                               ": the matrix is singular, or too close to it (" +
                               std::to_string(stats.perturbed_pivots) + " pivots were replaced)",
                           worst->history);
  }
  return report;
}

}  // namespace nonideal::flow
