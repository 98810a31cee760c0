#include "nonideal/flow/reduced.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/check.hpp"
#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "flow/kernels/reduced.hpp"
#include "nonideal/base/threads.hpp"
#include "nonideal/flow/taylor_hood.hpp"

namespace nonideal::flow {
namespace {

std::size_t unsign(std::int64_t n) { return static_cast<std::size_t>(n); }

std::vector<double> checked(const char* name, std::span<const double> values, std::int64_t expected) {
  detail::expect_count(name, "numbers", static_cast<std::int64_t>(values.size()), expected);
  const auto bad = std::ranges::find_if_not(values, [](double value) { return std::isfinite(value); });
  if (bad != values.end()) {
    throw InvalidArgument(detail::bracketed(name, bad - values.begin()) + " = " + std::to_string(*bad) +
                          " is not finite");
  }
  return {values.begin(), values.end()};
}

void expect_positive(const char* name, double value) {
  if (!(value > 0.0 && std::isfinite(value))) {
    throw InvalidArgument(std::string(name) + " = " + detail::shortest(value) + " is not > 0");
  }
}

/// sqrt(v^T G v) over the indices [first, r) of a Gram matrix with rows of length `stride`.
double norm(const std::vector<double>& gram, std::int64_t stride, const std::vector<double>& v,
            std::int64_t first, std::int64_t r) {
  double square = 0.0;
  for (std::int64_t i = first; i < r; ++i) {
    double sum = 0.0;
    for (std::int64_t j = first; j < r; ++j) sum += gram[unsign(i * stride + j)] * v[unsign(j)];
    square += v[unsign(i)] * sum;
  }
  return std::sqrt(std::max(square, 0.0));
}

}  // namespace

ReducedModel::ReducedModel(std::int64_t n_lifts, std::int64_t n_modes, std::span<const double> viscous,
                           std::span<const double> convection, std::span<const double> gram)
    : n_lifts_(n_lifts), n_modes_(n_modes) {
  constexpr std::int64_t kMost = 1 << 15;  // r^3 stays far below 2^63
  detail::expect_within("n_lifts", n_lifts, 0, kMost);
  detail::expect_within("n_modes", n_modes, 1, kMost);
  const std::int64_t r = n_lifts + n_modes;
  viscous_ = checked("viscous", viscous, n_modes * r);
  convection_ = checked("convection", convection, r * n_modes * r);
  gram_ = checked("gram", gram, r * r);
  symmetric_.resize(convection_.size());
  for (std::int64_t m = 0; m < r; ++m) {
    for (std::int64_t i = 0; i < n_modes; ++i) {
      for (std::int64_t j = 0; j < r; ++j) {
        symmetric_[unsign((m * n_modes + i) * r + j)] =
            convection_[unsign((m * n_modes + i) * r + j)] + convection_[unsign((j * n_modes + i) * r + m)];
      }
    }
  }
}

ReducedState ReducedModel::solve(std::span<const double> theta, double viscosity,
                                 std::span<const double> load, const ReducedOptions& options) const {
  const std::vector<double> lift = checked("theta", theta, n_lifts_);
  const std::vector<double> b = checked("load", load, n_modes_);
  expect_positive("viscosity", viscosity);
  expect_positive("tolerance", options.tolerance);
  detail::expect_at_least("max_iterations", options.max_iterations, 1);
  detail::expect_within("n_modes", options.n_modes, 0, n_modes_);
  const std::int64_t k = options.n_modes == 0 ? n_modes_ : options.n_modes;
  const std::int64_t q = n_lifts_, r = q + k, stride = q + n_modes_;
  static const auto contract = NONIDEAL_PICK(flow, contract);
  static const auto solve_dense = NONIDEAL_PICK(flow, solve_dense);

  ReducedState state;
  std::vector<double>& z = state.coefficients;
  z.assign(unsign(r), 0.0);
  std::ranges::copy(lift, z.begin());
  std::vector<double> next = z, step(unsign(r), 0.0);
  std::vector<double> full(unsign(k * r)), matrix(unsign(k * k)), rhs(unsign(k));
  double relative = 1.0;
  for (std::int64_t iteration = 0; iteration < options.max_iterations; ++iteration) {
    // Stokes at first: z holds the lifts alone then, and convecting with them would not be Picard's start.
    const bool stokes = iteration == 0, newton = !stokes && relative < options.newton_below;
    if (stokes) {
      std::ranges::fill(full, 0.0);
    } else {
      contract((newton ? symmetric_ : convection_).data(), r, n_modes_ * stride, k, stride, r, z.data(),
               full.data());
    }
    for (std::int64_t i = 0; i < k; ++i) {
      double sum = b[unsign(i)];
      // Newton: (N + N') z_next = load + N(z) z, and N(z) z = (N + N') z / 2.
      if (newton) {
        for (std::int64_t j = 0; j < r; ++j) sum += 0.5 * full[unsign(i * r + j)] * z[unsign(j)];
      }
      for (std::int64_t j = 0; j < r; ++j) {
        const double entry = full[unsign(i * r + j)] + viscosity * viscous_[unsign(i * stride + j)];
        if (j < q) {
          sum -= entry * z[unsign(j)];
        } else {
          matrix[unsign(i * k + j - q)] = entry;
        }
      }
      rhs[unsign(i)] = sum;
    }
    if (!solve_dense(matrix.data(), k, rhs.data())) break;
    if (!std::ranges::all_of(rhs, [](double value) { return std::isfinite(value); })) break;
    for (std::int64_t i = 0; i < k; ++i) {
      next[unsign(q + i)] = rhs[unsign(i)];
      step[unsign(q + i)] = rhs[unsign(i)] - z[unsign(q + i)];
    }
    const double size = norm(gram_, stride, next, 0, r);
    const double length = norm(gram_, stride, step, q, r);
    z = next;
    relative = size > 0.0 ? length / size : 0.0;
    if (stokes) relative = 1.0;  // it is the start, not a step
    state.steps.push_back(relative);
    if (relative < options.tolerance) {
      state.converged = true;
      break;
    }
  }
  return state;
}

void convection_tensor(const TaylorHood& space, std::span<const double> tests, std::span<const double> trial,
                       std::span<double> out, int num_threads) {
  const std::int64_t n = space.n_velocity();
  const auto columns = [n](const char* name, std::size_t size) {
    const auto count = static_cast<std::int64_t>(size);
    if (count == 0 || count % n != 0) {
      throw InvalidArgument(std::string(name) + ": " + std::to_string(count) + " numbers are not fields of " +
                            std::to_string(n) + " velocity dofs");
    }
    return count / n;
  };
  const std::int64_t p = columns("tests", tests.size()), r = columns("trial", trial.size());
  detail::expect_count("out", "numbers", static_cast<std::int64_t>(out.size()), r * p * r);
  static const auto sparse_rows = NONIDEAL_PICK(flow, sparse_rows);
  static const auto project_add = NONIDEAL_PICK(flow, project_add);
  const std::int64_t dim = space.dim();
  const std::int64_t together = kernels::kProjectRows / dim;  // a node's dofs stand side by side
  const std::int64_t n_nodes = space.n_nodes(), entries = static_cast<std::int64_t>(space.indices().size());
  const int threads = resolve_threads(num_threads, r * n * p, std::int64_t{1} << 18);
  detail::for_blocks(r, 1, threads, [&](std::int64_t m, std::int64_t) {
    std::vector<double> convecting(unsign(n)), values(unsign(entries)), rows(unsign(dim * together * r));
    for (std::int64_t i = 0; i < n; ++i) convecting[unsign(i)] = trial[unsign(i * r + m)];
    space.convection(convecting, values, 1);
    double* slice = out.data() + m * p * r;
    std::fill(slice, slice + p * r, 0.0);
    for (std::int64_t begin = 0; begin < n_nodes; begin += together) {
      const std::int64_t end = std::min(n_nodes, begin + together);
      sparse_rows(space.indptr().data(), space.indices().data(), values.data(), trial.data(), dim * r, begin,
                  end, rows.data());
      project_add(tests.data() + dim * begin * p, rows.data(), dim * (end - begin), p, r, slice);
    }
  });
}

}  // namespace nonideal::flow
