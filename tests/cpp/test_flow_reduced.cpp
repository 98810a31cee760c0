// The reduced Navier-Stokes model from C++: projected products against a triple loop, a quadratic system
// whose solution is known, truncation, refusals.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "check.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/flow/reduced.hpp"
#include "nonideal/flow/taylor_hood.hpp"

namespace f = nonideal::flow;

namespace {

using Numbers = std::vector<double>;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Numbers in [-1, 1).
Numbers random(std::int64_t n, std::uint64_t stream) {
  Numbers numbers(index(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const auto words = nonideal::philox(7, stream, static_cast<std::uint64_t>(i));
    numbers[index(i)] = 2 * nonideal::uniform53(words.w[0], words.w[1]) - 1;
  }
  return numbers;
}

/// A model of q lifts and k modes: convection that does no work, so that a solution exists for every load.
struct Model {
  std::int64_t q, k, r;
  Numbers viscous, convection, gram;

  Model(std::int64_t lifts, std::int64_t modes)
      : q(lifts), k(modes), r(lifts + modes), viscous(random(k * r, 1)), convection(random(r * k * r, 2)) {
    gram.assign(index(r * r), 0.0);
    for (std::int64_t i = 0; i < r; ++i) gram[index(i * r + i)] = 1.0;
    for (std::int64_t i = 0; i < k; ++i) viscous[index(i * r + q + i)] += static_cast<double>(k);
  }

  f::ReducedModel reduced() const { return {q, k, viscous, convection, gram}; }

  /// nu A z + N(z) z, the plain sums.
  Numbers residual(const Numbers& z, double nu) const {
    Numbers sums(index(k), 0.0);
    for (std::int64_t i = 0; i < k; ++i) {
      for (std::int64_t j = 0; j < r; ++j) {
        sums[index(i)] += nu * viscous[index(i * r + j)] * z[index(j)];
        for (std::int64_t m = 0; m < r; ++m) {
          sums[index(i)] += z[index(m)] * convection[index((m * k + i) * r + j)] * z[index(j)];
        }
      }
    }
    return sums;
  }
};

void solves_what_it_should() {
  for (const std::int64_t k : {1, 2, 3, 5, 8, 17, 33}) {
    const Model model(2, k);
    Numbers z = random(model.r, 3);
    for (double& value : z) value *= 0.3;
    const Numbers load = model.residual(z, 5.0);
    const Numbers theta(z.begin(), z.begin() + 2);
    const f::ReducedState found = model.reduced().solve(theta, 5.0, load);
    CHECK(found.converged);
    CHECK_EQUAL(found.coefficients.size(), index(model.r));
    double worst = 0.0;
    const Numbers again = model.residual(found.coefficients, 5.0);
    for (std::int64_t i = 0; i < k; ++i)
      worst = std::fmax(worst, std::fabs(again[index(i)] - load[index(i)]));
    CHECK(worst < 1e-11 * static_cast<double>(k));
    CHECK(found.steps.size() > 2);
    CHECK_EQUAL(found.steps.front(), 1.0);
    // Newton's steps fall quadratically at the end.
    const double last = found.steps.back(), before = found.steps[found.steps.size() - 2];
    CHECK(last < 100 * before * before + 1e-15);
  }
}

void leading_modes() {
  const Model model(1, 9);
  const f::ReducedModel whole = model.reduced();
  for (const std::int64_t k : {1, 4, 8}) {
    Model part(1, k);  // its arrays are overwritten by the leading parts
    for (std::int64_t i = 0; i < k; ++i) {
      for (std::int64_t j = 0; j < part.r; ++j) {
        part.viscous[index(i * part.r + j)] = model.viscous[index(i * model.r + j)];
        for (std::int64_t m = 0; m < part.r; ++m) {
          part.convection[index((m * k + i) * part.r + j)] =
              model.convection[index((m * model.k + i) * model.r + j)];
        }
      }
    }
    const Numbers load = random(9, 4);
    f::ReducedOptions options;
    options.n_modes = k;
    const f::ReducedState a = whole.solve(Numbers{0.4}, 6.0, load, options);
    const f::ReducedState b =
        part.reduced().solve(Numbers{0.4}, 6.0, Numbers(load.begin(), load.begin() + k));
    CHECK(a.coefficients == b.coefficients);
    CHECK(a.steps == b.steps);
  }
}

void gives_up() {
  const Model model(1, 4);
  f::ReducedOptions options;
  options.max_iterations = 2;
  const f::ReducedState found = model.reduced().solve(Numbers{1.0}, 1e-3, random(4, 5), options);
  CHECK(!found.converged);
  CHECK_EQUAL(found.steps.size(), std::size_t{2});
  // A singular matrix: no coefficient is lost to infinity.
  const f::ReducedModel singular(1, 1, Numbers{1.0, 0.0}, Numbers(4, 0.0), Numbers{1.0, 0.0, 0.0, 1.0});
  const f::ReducedState kept = singular.solve(Numbers{1.0}, 1.0, Numbers{1.0});
  CHECK(!kept.converged);
  CHECK((kept.coefficients == Numbers{1.0, 0.0}));
}

void refusals() {
  const Model model(2, 3);
  const f::ReducedModel reduced = model.reduced();
  const Numbers theta(2, 0.0), load(3, 0.0);
  CHECK_REFUSED("viscous: expected 15 numbers, got 14",
                f::ReducedModel(2, 3, Numbers(14), model.convection, model.gram));
  Numbers bad = model.gram;
  bad[3] = std::numeric_limits<double>::infinity();
  CHECK_REFUSED("gram[3] = inf is not finite", f::ReducedModel(2, 3, model.viscous, model.convection, bad));
  CHECK_REFUSED("n_modes = 0 is outside [1, 32768]", f::ReducedModel(2, 0, {}, {}, {}));
  CHECK_REFUSED("theta: expected 2 numbers, got 3", reduced.solve(load, 1.0, load));
  CHECK_REFUSED("load: expected 3 numbers, got 2", reduced.solve(theta, 1.0, theta));
  CHECK_REFUSED("viscosity = 0 is not > 0", reduced.solve(theta, 0.0, load));
  CHECK_REFUSED("viscosity = nan is not > 0",
                reduced.solve(theta, std::numeric_limits<double>::quiet_NaN(), load));
  f::ReducedOptions options;
  options.n_modes = 4;
  CHECK_REFUSED("n_modes = 4 is outside [0, 3]", reduced.solve(theta, 1.0, load, options));
  options = {};
  options.max_iterations = 0;
  CHECK_REFUSED("max_iterations = 0 is below 1", reduced.solve(theta, 1.0, load, options));
  options = {};
  options.tolerance = -1.0;
  CHECK_REFUSED("tolerance = -1 is not > 0", reduced.solve(theta, 1.0, load, options));
}

/// A square of n x n squares, two triangles each.
struct Square {
  Numbers points;
  std::vector<std::int32_t> cells;

  explicit Square(std::int32_t n) {
    for (std::int32_t j = 0; j <= n; ++j) {
      for (std::int32_t i = 0; i <= n; ++i) points.insert(points.end(), {double(i) / n, double(j) / n});
    }
    for (std::int32_t j = 0; j < n; ++j) {
      for (std::int32_t i = 0; i < n; ++i) {
        const std::int32_t a = j * (n + 1) + i, b = a + 1, c = b + n + 1, d = a + n + 1;
        cells.insert(cells.end(), {a, b, c, a, c, d});
      }
    }
  }
  f::TaylorHood space() const { return f::TaylorHood({points, cells, 2, 3}); }
};

void tensor() {
  const f::TaylorHood space = Square(7).space();
  const std::int64_t n = space.n_velocity();
  for (const auto& [p, r] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {3, 5}, {4, 16}, {9, 19}}) {
    const Numbers tests = random(n * p, 6), trial = random(n * r, 7);
    Numbers out(index(r * p * r)), other(out.size());
    f::convection_tensor(space, tests, trial, out, 1);
    for (const int threads : {2, 3}) {
      f::convection_tensor(space, tests, trial, other, threads);
      CHECK(other == out);
    }
    double worst = 0.0;
    for (std::int64_t m = 0; m < r; ++m) {
      Numbers w(index(n)), values(space.indices().size());
      for (std::int64_t i = 0; i < n; ++i) w[index(i)] = trial[index(i * r + m)];
      space.convection(w, values, 1);
      for (std::int64_t a = 0; a < p; ++a) {
        for (std::int64_t b = 0; b < r; ++b) {
          double sum = 0.0;
          for (std::int64_t i = 0; i < space.n_nodes(); ++i) {
            for (auto e = space.indptr()[index(i)]; e < space.indptr()[index(i + 1)]; ++e) {
              const std::int64_t j = space.indices()[index(e)];
              for (std::int64_t c = 0; c < 2; ++c) {
                sum +=
                    tests[index((2 * i + c) * p + a)] * values[index(e)] * trial[index((2 * j + c) * r + b)];
              }
            }
          }
          worst = std::fmax(worst, std::fabs(sum - out[index((m * p + a) * r + b)]));
        }
      }
    }
    CHECK(worst < 1e-13);
  }
  Numbers out(3);
  CHECK_REFUSED("tests: 5 numbers are not fields of 450 velocity dofs",
                f::convection_tensor(space, Numbers(5), Numbers(index(n)), out));
  CHECK_REFUSED("out: expected 1 numbers, got 3",
                f::convection_tensor(space, Numbers(index(n)), Numbers(index(n)), out));
}

}  // namespace

int main() {
  return check::run([] {
    solves_what_it_should();
    leading_modes();
    gives_up();
    refusals();
    tensor();
  });
}
