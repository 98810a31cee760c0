// The steady flow in a square cavity whose lid moves with speed 1, by Picard's iteration: the pattern is
// analysed once, then every step rewrites the matrix in place, factorises and solves.
//   flow_host [squares per side [Reynolds number]]
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <numbers>
#include <string_view>
#include <vector>

#include "nonideal/base/error.hpp"
#include "nonideal/flow/oseen.hpp"
#include "nonideal/flow/sparse_lu.hpp"
#include "nonideal/flow/taylor_hood.hpp"

namespace flow = nonideal::flow;

constexpr double kTolerance = 1e-8;  // of the relative step
constexpr int kMaxSteps = 60;

/// The unit square in n x n squares, finer towards the walls, two triangles each.
flow::TaylorHood cavity(std::int32_t n) {
  std::vector<double> line, points;
  std::vector<std::int32_t> cells;
  for (std::int32_t i = 0; i <= n; ++i) line.push_back((1.0 - std::cos(std::numbers::pi * i / n)) / 2.0);
  for (const double y : line) {
    for (const double x : line) points.insert(points.end(), {x, y});
  }
  for (std::int32_t j = 0; j < n; ++j) {
    for (std::int32_t i = 0; i < n; ++i) {
      const std::int32_t a = j * (n + 1) + i, b = a + 1, c = a + n + 2, d = a + n + 1;
      cells.insert(cells.end(), {a, b, c, a, c, d});
    }
  }
  return flow::TaylorHood({.points = points, .cells = cells});
}

/// v M v, of a velocity at the nodes.
double square_of(const flow::CsrMatrix& mass, const std::vector<double>& v) {
  double sum = 0.0;
  for (std::size_t i = 0; i + 1 < mass.indptr.size(); ++i) {
    for (auto e = static_cast<std::size_t>(mass.indptr[i]); e < static_cast<std::size_t>(mass.indptr[i + 1]);
         ++e) {
      const auto j = static_cast<std::size_t>(mass.indices[e]);
      sum += mass.values[e] * (v[2 * i] * v[2 * j] + v[2 * i + 1] * v[2 * j + 1]);
    }
  }
  return sum;
}

bool read(const char* name, std::string_view text, std::int32_t least, std::int32_t most,
          std::int32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= least && value <= most)
    return true;
  std::fprintf(stderr, "%s = %s is not a whole number in [%d, %d]\n", name, text.data(), least, most);
  return false;
}

int main(int count, char** arguments) try {
  std::int32_t squares = 32, reynolds = 100;
  if (count > 3) return std::fputs("usage: flow_host [squares per side [Reynolds number]]\n", stderr), 2;
  if (count > 1 && !read("squares per side", arguments[1], 2, 500, squares)) return 2;
  if (count > 2 && !read("Reynolds number", arguments[2], 1, 1000, reynolds)) return 2;

  const flow::TaylorHood space = cavity(squares);
  const auto n_nodes = static_cast<std::size_t>(space.n_nodes());
  std::vector<std::uint8_t> constrained(n_nodes);
  std::vector<double> velocity(2 * n_nodes), boundary(2 * n_nodes);
  for (std::size_t i = 0; i < n_nodes; ++i) {
    const double x = space.nodes()[2 * i], y = space.nodes()[2 * i + 1];
    const bool side = x == 0.0 || x == 1.0;
    constrained[i] = side || y == 0.0 || y == 1.0;
    if (y == 1.0 && !side) boundary[2 * i] = 1.0;  // the corners are at rest
  }
  flow::OseenOperator oseen(space, constrained, 0);

  const auto n_velocity = static_cast<std::int32_t>(space.n_velocity());
  std::vector<std::int32_t> node_of_row;
  for (const std::int32_t dof : oseen.free()) {
    node_of_row.push_back(dof < n_velocity ? dof / 2 : dof - n_velocity);
  }
  const flow::Layout layout{.elements = space.cell_nodes(),
                            .nodes_per_element = 6,
                            .coordinates = space.nodes(),
                            .dim = 2,
                            .node_of_row = node_of_row};
  flow::SparseLu lu(std::make_shared<flow::Analysis>(oseen.indptr(), oseen.indices(), layout));

  const flow::CsrMatrix mass = space.mass();
  double step = 1.0;
  int solves = 0;
  for (; solves < kMaxSteps && step > kTolerance; ++solves) {
    oseen.update({.viscosity = 1.0 / reynolds,
                  .convecting = solves == 0 ? std::span<const double>{} : velocity,
                  .boundary = boundary});
    lu.factorize(oseen.values());
    std::vector<double> x(oseen.rhs().begin(), oseen.rhs().end());
    lu.solve(x);
    std::vector<double> next = boundary;
    for (std::size_t row = 0; row < x.size() && oseen.free()[row] < n_velocity; ++row) {
      next[static_cast<std::size_t>(oseen.free()[row])] = x[row];
    }
    std::vector<double> moved(next.size());
    for (std::size_t i = 0; i < next.size(); ++i) moved[i] = next[i] - velocity[i];
    step = std::sqrt(square_of(mass, moved) / square_of(mass, next));
    velocity = std::move(next);
  }
  if (step > kTolerance) {
    std::fprintf(stderr, "relative step %.1e after %d solves\n", step, solves);
    return 1;
  }
  std::printf("cavity at Re %d, %lld unknowns: %d solves, kinetic energy %.10f\n", reynolds,
              static_cast<long long>(oseen.n_free()), solves, square_of(mass, velocity) / 2.0);
  return 0;
} catch (const nonideal::InvalidArgument& refusal) {  // for example an unknown NONIDEAL_ISA
  std::fprintf(stderr, "%s\n", refusal.what());
  return 2;
}
