#include <algorithm>
#include <cmath>
#include <cstdint>
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
constexpr double kUnsolved =
    1e-6;                       ///< |b - A x| / |b| that shows a singular matrix, where pivots were replaced
constexpr double kBad = 1e-10;  ///< backward error that is refused
constexpr double kFlopsPerThread = 1e7;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Right-hand sides of the factors, `width` numbers for each row by elimination: 1, or a multiple of 8.
/// Several are the rows of column-major matrices, so that vectors run over right-hand sides.
class Substitution {
 public:
  Substitution(const detail::Factors& lu, std::int64_t width) : lu_(lu), d_(lu.d), width_(width) {
    const auto size = [&](std::int64_t rows) { return kernels::padded(width * kernels::padded(rows)); };
    const std::int64_t n = size(static_cast<std::int64_t>(d_.order.size()));
    memory_.reserve(n + size(d_.largest_k) + size(d_.largest_m) + kernels::kWork);
    x_ = memory_.data();
    rest_ = x_ + n;
    own_ = rest_ + size(d_.largest_m);
    work_ = own_ + size(d_.largest_k);
  }

  double* row(std::int64_t position) { return x_ + position * width_; }

  void run(bool transpose) {
    const auto forward = [&](const Front& f) {
      width_ == 1 ? one_forward(f, transpose) : some_forward(f, transpose);
    };
    const auto backward = [&](const Front& f) {
      width_ == 1 ? one_backward(f, transpose) : some_backward(f, transpose);
    };
    for (const Front& front : d_.fronts) {
      if (front.k > 0) forward(front);
    }
    for (auto front = d_.fronts.rbegin(); front != d_.fronts.rend(); ++front) {
      if (front->k > 0) backward(*front);
    }
  }

 private:
  const double* pivots(const Front& f) const { return lu_.factors.data() + f.factors; }
  const double* lower(const Front& f) const { return lu_.factors.data() + f.lower(); }
  const double* upper(const Front& f) const { return lu_.factors.data() + f.upper(); }

  /// Copies the boundary's numbers to rest_.
  void gather(const Front& f) {
    const std::int32_t* const boundary = d_.boundary.data() + f.boundary;
    for (std::int64_t i = 0; i < f.m; ++i) std::copy_n(row(boundary[i]), width_, rest_ + i * width_);
  }

  void scatter(const Front& f) {
    const std::int32_t* const boundary = d_.boundary.data() + f.boundary;
    for (std::int64_t i = 0; i < f.m; ++i) std::copy_n(rest_ + i * width_, width_, row(boundary[i]));
  }

  /// The pivot rows as the front's factors have them.
  void exchange(const Front& f) {
    const std::int32_t* const rows = lu_.rows.data() + f.first;
    for (std::int64_t i = 0; i < f.k; ++i) std::copy_n(row(f.first + rows[i]), width_, own_ + i * width_);
  }

  void exchange_back(const Front& f) {
    const std::int32_t* const rows = lu_.rows.data() + f.first;
    for (std::int64_t i = 0; i < f.k; ++i) std::copy_n(own_ + i * width_, width_, row(f.first + rows[i]));
  }

  kernels::FrontSolve one(const Front& f) {
    std::fill(own_ + f.k, own_ + kernels::padded(f.k), 0.0);
    std::fill(rest_ + f.m, rest_ + kernels::padded(f.m), 0.0);
    return {f.k, f.m, pivots(f), lower(f), upper(f), f.k_ld, f.m_ld, own_, rest_};
  }

  void one_forward(const Front& f, bool transpose) {
    gather(f);
    if (transpose) {
      std::copy_n(row(f.first), f.k, own_);
      lu_.kernels.forward_transposed(one(f));
    } else {
      exchange(f);
      lu_.kernels.forward(one(f));
    }
    std::copy_n(own_, f.k, row(f.first));
    scatter(f);
  }

  void one_backward(const Front& f, bool transpose) {
    gather(f);
    std::copy_n(row(f.first), f.k, own_);
    if (transpose) {
      lu_.kernels.backward_transposed(one(f));
      exchange_back(f);
    } else {
      lu_.kernels.backward(one(f));
      std::copy_n(own_, f.k, row(f.first));
    }
  }

  /// rest_ -= own x, or own -= rest_ x: `a` (width x k) times the factors (k x m).
  void subtract(std::int64_t m, std::int64_t k, const double* a, const double* b, std::int64_t row_step,
                std::int64_t column_step, double* c) {
    lu_.kernels.subtract_product({width_, m, k, a, width_, b, row_step, column_step, c, width_, work_});
  }

  void some_forward(const Front& f, bool transpose) {
    double* const x = row(f.first);
    gather(f);
    if (transpose) {
      lu_.kernels.solve_right({width_, f.k, x, width_, pivots(f), 1, f.k_ld, false, work_});
      subtract(f.m, f.k, x, upper(f), 1, f.k_ld, rest_);
    } else {
      exchange(f);
      std::copy_n(own_, f.k * width_, x);
      lu_.kernels.solve_right({width_, f.k, x, width_, pivots(f), f.k_ld, 1, true, work_});
      subtract(f.m, f.k, x, lower(f), f.m_ld, 1, rest_);
    }
    scatter(f);
  }

  void some_backward(const Front& f, bool transpose) {
    double* const x = row(f.first);
    double* const last = x + (f.k - 1) * width_;
    const double* const corner = pivots(f) + (f.k - 1) * (f.k_ld + 1);
    gather(f);
    if (transpose) {
      subtract(f.k, f.m, rest_, lower(f), 1, f.m_ld, x);
      lu_.kernels.solve_right({width_, f.k, last, -width_, corner, -1, -f.k_ld, true, work_});
      std::copy_n(x, f.k * width_, own_);
      exchange_back(f);
    } else {
      subtract(f.k, f.m, rest_, upper(f), f.k_ld, 1, x);
      lu_.kernels.solve_right({width_, f.k, last, -width_, corner, -f.k_ld, -1, false, work_});
    }
  }

  const detail::Factors& lu_;
  const AnalysisData& d_;
  std::int64_t width_;
  detail::Memory memory_;
  double *x_, *rest_, *own_, *work_;
};

/// A x = b for some right-hand sides, (n, count) each, as A' x' = b' with A' = D A D, x' = D^-1 x, b' = D b:
/// as D holds powers of two, the numbers are those of A x = b to the last bit.
class System {
 public:
  /// `single`: whether it is the only right-hand side; several give the same bits in whatever blocks.
  System(const detail::Factors& lu, double norm, bool transpose, std::int64_t count, bool single)
      : lu_(lu),
        d_(lu.d),
        n_(static_cast<std::int64_t>(lu.d.order.size())),
        count_(count),
        norm_(norm),
        transpose_(transpose),
        single_(single),
        b_norm_(at(count)) {}

  /// Takes columns first .. first + count - 1 of b (n, n_rhs).
  void take(std::span<const double> b, std::int64_t n_rhs, std::int64_t first) {
    b_.resize(at(n_ * count_));
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t r = 0; r < count_; ++r) {
        const double value = b[at(i * n_rhs + first + r)];
        b_norm_[at(r)] = std::max(b_norm_[at(r)], std::abs(value));
        b_[at(i * count_ + r)] = value * lu_.scale[at(i)];
      }
    }
  }

  const std::vector<double>& b() const { return b_; }

  /// rest <- b' - A' x'; returns the normwise backward error of each right-hand side, infinite where it is no
  /// number. The replaced pivots of a singular matrix give an enormous x, whose backward error is small:
  /// there |b - A x| / |b| tells.
  std::vector<double> residual(const std::vector<double>& x, std::vector<double>& rest) const {
    rest = b_;
    for (std::int64_t i = 0; i < n_; ++i) {
      const std::int64_t begin = d_.indptr[at(i)], end = d_.indptr[at(i + 1)];
      if (single_ && !transpose_) {
        double sum = 0.0;
        for (std::int64_t e = begin; e < end; ++e) sum += lu_.values[at(e)] * x[at(d_.indices[at(e)])];
        rest[at(i)] -= sum;
        continue;
      }
      for (std::int64_t e = begin; e < end; ++e) {
        const double value = lu_.values[at(e)];
        const std::int64_t j = d_.indices[at(e)];
        double* const to = &rest[at((transpose_ ? j : i) * count_)];
        const double* const from = &x[at((transpose_ ? i : j) * count_)];
        for (std::int64_t r = 0; r < count_; ++r) to[r] -= value * from[r];
      }
    }
    std::vector<double> r_norm(at(count_)), x_norm(at(count_)), errors(at(count_));
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t r = 0; r < count_; ++r) {
        const double left = std::abs(rest[at(i * count_ + r)]) / lu_.scale[at(i)];
        const double size = std::abs(x[at(i * count_ + r)]) * lu_.scale[at(i)];
        r_norm[at(r)] = left <= r_norm[at(r)] ? r_norm[at(r)] : left;  // a NaN is taken
        x_norm[at(r)] = size <= x_norm[at(r)] ? x_norm[at(r)] : size;
      }
    }
    for (std::int64_t r = 0; r < count_; ++r) {
      const double size = norm_ * x_norm[at(r)] + b_norm_[at(r)];
      double error = r_norm[at(r)] == 0.0 ? 0.0 : r_norm[at(r)] / size;
      const double left = r_norm[at(r)] / b_norm_[at(r)];
      if (lu_.stats.perturbed_pivots > 0 && left > kUnsolved) error = std::max(error, left);
      errors[at(r)] = std::isfinite(error) && std::isfinite(size) ? error : HUGE_VAL;
    }
    return errors;
  }

 private:
  const detail::Factors& lu_;
  const AnalysisData& d_;
  std::int64_t n_, count_;
  double norm_;
  bool transpose_, single_;
  std::vector<double> b_, b_norm_;
};

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
Outcome solve_block(const detail::Factors& lu, double norm, std::span<double> x, std::int64_t n_rhs,
                    std::int64_t first, std::int64_t count, bool transpose) {
  const auto n = static_cast<std::int64_t>(lu.d.order.size());
  const std::int64_t width = n_rhs == 1 ? 1 : kernels::padded(count);
  Substitution substitution(lu, width);
  System system(lu, norm, transpose, count, n_rhs == 1);
  system.take(x, n_rhs, first);
  std::vector<double> solution(at(n * count)), rest = system.b(), before, errors(at(count), HUGE_VAL);
  Outcome outcome;
  for (int step = 0;; ++step) {
    for (std::int64_t p = 0; p < n; ++p) {
      double* const row = substitution.row(p);
      std::copy_n(&rest[at(lu.d.order[at(p)] * count)], count, row);
      std::fill(row + count, row + width, 0.0);
    }
    substitution.run(transpose);
    if (step > 0) before = solution;
    for (std::int64_t p = 0; p < n; ++p) {
      const double* const row = substitution.row(p);
      double* const to = &solution[at(lu.d.order[at(p)] * count)];
      for (std::int64_t r = 0; r < count; ++r) to[r] += row[r];
    }
    const std::vector<double> now = system.residual(solution, rest);
    bool again = false;
    double worst = 0.0;
    for (std::int64_t r = 0; r < count; ++r) {
      const bool better = step == 0 || now[at(r)] < errors[at(r)];
      const bool goes_on =
          now[at(r)] > kGood && now[at(r)] < HUGE_VAL && (step == 0 || now[at(r)] <= 0.5 * errors[at(r)]);
      for (std::int64_t i = 0; i < n && !(better && goes_on); ++i) {
        if (!better) solution[at(i * count + r)] = before[at(i * count + r)];
        if (!goes_on) rest[at(i * count + r)] = 0.0;
      }
      if (better) errors[at(r)] = now[at(r)];
      again = again || goes_on;
      worst = std::max(worst, errors[at(r)]);
    }
    outcome.history.push_back(worst);
    outcome.refinements = step;
    if (!again || step == lu.options.refinement) break;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t r = 0; r < count; ++r)
      x[at(i * n_rhs + first + r)] = solution[at(i * count + r)] * lu.scale[at(i)];
  }
  return outcome;
}

void expect_finite(const char* argument, std::span<const double> x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) {
      throw InvalidArgument(nonideal::detail::bracketed(argument, static_cast<std::int64_t>(i)) + " = " +
                            nonideal::detail::shortest(x[i]) + " is not finite");
    }
  }
}

}  // namespace

void detail::Factors::expect_factorized(const char* what) const {
  if (!factorized) throw InvalidArgument(std::string(what) + " was called before factorize");
}

SolveReport detail::Factors::solve(std::span<double> x, int n_rhs, bool transpose) const {
  expect_factorized("solve");
  nonideal::detail::expect_at_least("n_rhs", n_rhs, 0);
  nonideal::detail::expect_count("x", "numbers", static_cast<std::int64_t>(x.size()),
                                 analysis->n_rows() * n_rhs);
  expect_finite("x", x);
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
  const Outcome* worst = &outcomes.front();
  for (const Outcome& outcome : outcomes) {
    report.refinements = std::max(report.refinements, outcome.refinements);
    if (outcome.history.back() > worst->history.back()) worst = &outcome;
  }
  report.backward_error = worst->history.back();
  if (!(report.backward_error <= kBad)) {
    throw ConvergenceError("the backward error stays at " +
                               nonideal::detail::shortest(report.backward_error) +
                               ": the matrix is singular or close to it, " +
                               std::to_string(stats.perturbed_pivots) + " pivots were replaced",
                           worst->history);
  }
  return report;
}

double detail::Factors::backward_error(std::span<const double> x, std::span<const double> b, int n_rhs,
                                       bool transpose) const {
  expect_factorized("backward_error");
  nonideal::detail::expect_at_least("n_rhs", n_rhs, 0);
  const std::int64_t n = analysis->n_rows();
  nonideal::detail::expect_count("x", "numbers", static_cast<std::int64_t>(x.size()), n * n_rhs);
  nonideal::detail::expect_count("b", "numbers", static_cast<std::int64_t>(b.size()), n * n_rhs);
  if (x.empty()) return 0.0;
  System system(*this, transpose ? transposed_norm(d, values, scale) : norm, transpose, n_rhs, n_rhs == 1);
  system.take(b, n_rhs, 0);
  std::vector<double> scaled(x.begin(), x.end()), rest;
  for (std::size_t i = 0; i < scaled.size(); ++i) scaled[i] /= scale[i / static_cast<std::size_t>(n_rhs)];
  const std::vector<double> errors = system.residual(scaled, rest);
  return *std::max_element(errors.begin(), errors.end());
}

void detail::Factors::give_back(std::span<double> out) const {
  expect_factorized("values");
  nonideal::detail::expect_count("out", "numbers", static_cast<std::int64_t>(out.size()),
                                 analysis->n_values());
  for (std::size_t i = 0; i < scale.size(); ++i) {
    for (std::int64_t e = d.indptr[i]; e < d.indptr[i + 1]; ++e) {
      out[at(e)] = values[at(e)] / scale[i] / scale[at(d.indices[at(e)])];
    }
  }
}

}  // namespace nonideal::flow
