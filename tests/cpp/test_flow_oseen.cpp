// The Oseen operator from C++: an exact flow, Newton's matrix as a derivative, updates in place, threads.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "check.hpp"
#include "nonideal/flow/oseen.hpp"
#include "nonideal/flow/sparse_lu.hpp"
#include "nonideal/flow/taylor_hood.hpp"

namespace flow = nonideal::flow;

namespace {

using Numbers = std::vector<double>;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// [0, 1]^2 in n x n squares, two triangles each.
flow::TaylorHood square(std::int32_t n) {
  Numbers points;
  std::vector<std::int32_t> cells;
  for (std::int32_t j = 0; j <= n; ++j) {
    for (std::int32_t i = 0; i <= n; ++i) {
      points.push_back(static_cast<double>(i) / n);
      points.push_back(static_cast<double>(j) / n);
    }
  }
  for (std::int32_t j = 0; j < n; ++j) {
    for (std::int32_t i = 0; i < n; ++i) {
      const std::int32_t a = j * (n + 1) + i, b = a + 1, c = a + n + 2, d = a + n + 1;
      cells.insert(cells.end(), {a, b, c, a, c, d});
    }
  }
  return flow::TaylorHood({.points = points, .cells = cells});
}

/// [0, 1]^3 in n^3 cubes, six tetrahedra around a diagonal each.
flow::TaylorHood cube(std::int32_t n) {
  Numbers points;
  std::vector<std::int32_t> cells;
  const std::int32_t line = n + 1, step[3] = {1, line, line * line};
  constexpr int kOrders[6][3] = {{0, 1, 2}, {1, 2, 0}, {2, 0, 1}, {0, 2, 1}, {2, 1, 0}, {1, 0, 2}};
  for (std::int32_t i = 0; i < line * line * line; ++i) {
    for (const std::int32_t along : step) points.push_back(static_cast<double>(i / along % line) / n);
    if (i % line == n || i / line % line == n || i / (line * line) == n) continue;
    for (int k = 0; k < 6; ++k) {
      const std::int32_t a = i + step[kOrders[k][0]], b = a + step[kOrders[k][1]],
                         c = b + step[kOrders[k][2]];
      cells.insert(cells.end(), {i, k < 3 ? a : b, k < 3 ? b : a, c});
    }
  }
  return flow::TaylorHood({.points = points, .cells = cells, .dim = 3, .nodes_per_cell = 4});
}

/// 1 on the walls and at the inlet x = 0; on x = 1 too where the flow is enclosed.
std::vector<std::uint8_t> walls(const flow::TaylorHood& space, bool enclosed) {
  std::vector<std::uint8_t> constrained(at(space.n_nodes()));
  const auto dim = at(space.dim());
  for (std::size_t i = 0; i < constrained.size(); ++i) {
    const std::span<const double> x = space.nodes().subspan(dim * i, dim);
    constrained[i] = x[0] == 0.0 || (enclosed && x[0] == 1.0);
    for (std::size_t c = 1; c < dim; ++c) constrained[i] |= x[c] == 0.0 || x[c] == 1.0;
  }
  return constrained;
}

Numbers waves(const flow::TaylorHood& space, double frequency) {
  Numbers field(at(space.n_velocity()));
  for (std::size_t i = 0; i < field.size(); ++i) field[i] = std::sin(frequency * static_cast<double>(i + 1));
  return field;
}

/// Between plates y = 0 and y = 1, along x.
Numbers poiseuille(const flow::TaylorHood& space) {
  Numbers field(at(space.n_velocity()));
  const auto dim = at(space.dim());
  for (std::size_t i = 0; i < field.size() / dim; ++i) {
    const double y = space.nodes()[dim * i + 1];
    field[dim * i] = 4.0 * y * (1.0 - y);
  }
  return field;
}

/// rows of matrix * x.
Numbers times(const flow::OseenOperator& oseen, const Numbers& x) {
  Numbers out(x.size());
  for (std::size_t row = 0; row < x.size(); ++row) {
    for (auto e = at(oseen.indptr()[row]); e < at(oseen.indptr()[row + 1]); ++e) {
      out[row] += oseen.values()[e] * x[at(oseen.indices()[e])];
    }
  }
  return out;
}

double largest(const Numbers& x) {
  double most = 0.0;
  for (const double value : x) most = std::max(most, std::abs(value));
  return most;
}

/// The flow between plates solves Oseen's equations with itself as convecting velocity, exactly.
void exact_flow(const flow::TaylorHood& space) {
  const double viscosity = 0.0625;
  const Numbers exact = poiseuille(space);
  flow::OseenOperator oseen(space, walls(space, false));
  for (const bool newton : {false, true}) {
    oseen.update({.viscosity = viscosity, .convecting = exact, .boundary = exact, .newton = newton});
    const auto n_velocity = static_cast<std::int32_t>(space.n_velocity());
    Numbers x;
    for (const std::int32_t dof : oseen.free()) {
      x.push_back(dof < n_velocity
                      ? exact[at(dof)]
                      : 8.0 * viscosity * (1.0 - space.nodes()[at(space.dim() * (dof - n_velocity))]));
    }
    Numbers off = times(oseen, x);
    for (std::size_t row = 0; row < off.size(); ++row) off[row] -= oseen.rhs()[row];
    CHECK(largest(off) < 1e-14);

    std::vector<std::int32_t> node_of_row;
    for (const std::int32_t dof : oseen.free()) {
      node_of_row.push_back(dof < n_velocity ? dof / space.dim() : dof - n_velocity);
    }
    const flow::Layout layout{.elements = space.cell_nodes(),
                              .nodes_per_element = static_cast<int>(space.nodes_per_cell()),
                              .coordinates = space.nodes(),
                              .dim = space.dim(),
                              .node_of_row = node_of_row};
    flow::SparseLu lu(std::make_shared<flow::Analysis>(oseen.indptr(), oseen.indices(), layout));
    lu.factorize(oseen.values());
    CHECK_EQUAL(lu.stats().perturbed_pivots, std::int64_t{0});
    Numbers solution(oseen.rhs().begin(), oseen.rhs().end());
    lu.solve(solution);
    for (std::size_t row = 0; row < x.size(); ++row) solution[row] -= x[row];
    CHECK(largest(solution) < 1e-12);
  }
}

/// Newton's matrix is the derivative of the convective residual, which is quadratic: no error of order h^2.
void derivative(const flow::TaylorHood& space) {
  flow::OseenOperator oseen(space, walls(space, true), 0);
  const Numbers w = waves(space, 0.7);
  Numbers v = waves(space, 1.3);
  const auto n_velocity = static_cast<std::int32_t>(space.n_velocity());
  Numbers direction;
  std::vector<std::uint8_t> is_free(at(n_velocity));
  for (const std::int32_t dof : oseen.free()) {
    if (dof < n_velocity) is_free[at(dof)] = 1;
  }
  for (std::size_t i = 0; i < v.size(); ++i) v[i] *= is_free[i];
  for (const std::int32_t dof : oseen.free()) direction.push_back(dof < n_velocity ? v[at(dof)] : 0.0);
  // Newton's right-hand side is (w . grad) w: that of shifted fields is the residual.
  const auto residual = [&](double h) {
    Numbers shifted = w;
    for (std::size_t i = 0; i < v.size(); ++i) shifted[i] += h * v[i];
    oseen.update({.viscosity = 0.0, .convecting = shifted, .newton = true});
    return Numbers(oseen.rhs().begin(), oseen.rhs().end());
  };
  const Numbers ahead = residual(0.5), behind = residual(-0.5);
  oseen.update({.viscosity = 0.0, .convecting = w, .newton = true});
  const Numbers change = times(oseen, direction);
  for (std::size_t row = 0; row < change.size(); ++row) {
    if (oseen.free()[row] >= n_velocity) continue;
    CHECK(std::abs(change[row] - (ahead[row] - behind[row])) < 1e-13);
  }
}

void in_place(const flow::TaylorHood& space) {
  const std::vector<std::uint8_t> constrained = walls(space, true);
  const Numbers w = waves(space, 0.7), g = waves(space, 1.1);
  flow::OseenOperator oseen(space, constrained, 5), other(space, constrained, 5);
  const double* const data = oseen.values().data();
  oseen.update({.viscosity = 0.1, .reaction = 2.0, .convecting = w, .boundary = g, .newton = true});
  oseen.update({.viscosity = 0.3});
  other.update({.viscosity = 0.3});
  CHECK(std::equal(oseen.values().begin(), oseen.values().end(), other.values().begin()));
  CHECK(std::equal(oseen.rhs().begin(), oseen.rhs().end(), other.rhs().begin()));
  CHECK(oseen.values().data() == data);
  for (const bool newton : {false, true}) {
    const flow::OseenTerms terms{.viscosity = 0.1, .convecting = w, .boundary = g, .newton = newton};
    oseen.update(terms, 1);
    for (const int threads : {2, 3, 4}) {
      other.update(terms, threads);
      CHECK(std::equal(oseen.values().begin(), oseen.values().end(), other.values().begin()));
      CHECK(std::equal(oseen.rhs().begin(), oseen.rhs().end(), other.rhs().begin()));
    }
  }
  flow::OseenOperator moved = std::move(other);  // keeps its space
  moved.update({.viscosity = 1.0});
  CHECK_EQUAL(moved.n_free(), oseen.n_free());
  CHECK(!std::binary_search(moved.free().begin(), moved.free().end(),
                            static_cast<std::int32_t>(space.n_velocity()) + 5));
}

void refusals() {
  const flow::TaylorHood space = square(2);
  const std::vector<std::uint8_t> constrained = walls(space, true);
  CHECK_REFUSED("constrained: expected 25 numbers, got 2",
                flow::OseenOperator(space, std::span(constrained).first(2)));
  CHECK_REFUSED("constrained: no velocity is free",
                flow::OseenOperator(space, std::vector<std::uint8_t>(25, 1)));
  CHECK_REFUSED("pinned_pressure = 9 is outside [-1, 8]", flow::OseenOperator(space, constrained, 9));
  flow::OseenOperator oseen(space, constrained, 0);
  const Numbers wrong(3);
  CHECK_REFUSED("viscosity = -1 is not a finite number >= 0", oseen.update({.viscosity = -1.0}));
  CHECK_REFUSED("reaction = nan is not a finite number >= 0",
                oseen.update({.reaction = std::numeric_limits<double>::quiet_NaN()}));
  CHECK_REFUSED("convecting: expected 50 numbers, got 3", oseen.update({.convecting = wrong}));
  CHECK_REFUSED("boundary: expected 50 numbers, got 3", oseen.update({.boundary = wrong}));
  CHECK_REFUSED("num_threads = -1 is below 0 (0 means the default)", oseen.update({}, -1));
}

}  // namespace

int main() {
  return check::run([] {
    exact_flow(square(4));
    exact_flow(cube(3));
    derivative(square(3));
    derivative(cube(3));
    in_place(square(40));
    in_place(cube(10));
    refusals();
  });
}
