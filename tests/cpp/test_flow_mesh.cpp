// Meshes and Taylor-Hood's numbering from C++: refusals, boundary, constants, threads.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "check.hpp"
#include "flow/reference.hpp"
#include "nonideal/flow/mesh.hpp"
#include "nonideal/flow/taylor_hood.hpp"

namespace flow = nonideal::flow;

namespace {

struct Mesh {
  std::vector<double> points;
  std::vector<std::int32_t> cells;
  int per_cell = 3;
  int dim = 2;

  flow::MeshView view() const {
    return {.points = points, .cells = cells, .dim = dim, .nodes_per_cell = per_cell};
  }
};

/// [0, 1]^2 in n x n squares, two triangles each.
Mesh square(std::int32_t n) {
  Mesh mesh;
  for (std::int32_t j = 0; j <= n; ++j) {
    for (std::int32_t i = 0; i <= n; ++i) {
      mesh.points.push_back(static_cast<double>(i) / n);
      mesh.points.push_back(static_cast<double>(j) / n);
    }
  }
  for (std::int32_t j = 0; j < n; ++j) {
    for (std::int32_t i = 0; i < n; ++i) {
      const std::int32_t a = j * (n + 1) + i, b = a + 1, c = a + n + 2, d = a + n + 1;
      mesh.cells.insert(mesh.cells.end(), {a, b, c, a, c, d});
    }
  }
  return mesh;
}

/// [0, 1]^3 in n^3 cubes, six tetrahedra around a diagonal each.
Mesh cube(std::int32_t n) {
  Mesh mesh{.points = {}, .cells = {}, .per_cell = 4, .dim = 3};
  const std::int32_t line = n + 1, step[3] = {1, line, line * line};
  for (std::int32_t i = 0; i < line * line * line; ++i) {
    for (const std::int32_t along : step) mesh.points.push_back(static_cast<double>(i / along % line) / n);
  }
  constexpr int kOrders[6][3] = {{0, 1, 2}, {1, 2, 0}, {2, 0, 1}, {0, 2, 1}, {2, 1, 0}, {1, 0, 2}};
  for (std::int32_t i = 0; i < line * line * line; ++i) {
    if (i % line == n || i / line % line == n || i / (line * line) == n) continue;
    for (int k = 0; k < 6; ++k) {
      const std::int32_t a = i + step[kOrders[k][0]], b = a + step[kOrders[k][1]],
                         c = b + step[kOrders[k][2]];
      mesh.cells.insert(mesh.cells.end(), {i, k < 3 ? a : b, k < 3 ? b : a, c});
    }
  }
  return mesh;
}

double power(double x, int n) {
  double product = 1.0;
  for (int i = 0; i < n; ++i) product *= x;
  return product;
}

/// Every monomial up to a degree: its integral over the simplex is i! j! k! / (i + j + k + dim)!.
template <int Dim>
void integrates(const auto& rule, int degree) {
  double factorial[20] = {1.0};
  for (int i = 1; i < 20; ++i) factorial[i] = factorial[i - 1] * i;
  for (const auto& point : rule) {
    CHECK(point.weight > 0.0);
    for (const double l : flow::barycentric<Dim>(point.at)) CHECK(l > 0.0);
  }
  for (int i = 0; i <= degree; ++i) {
    for (int j = 0; i + j <= degree; ++j) {
      for (int k = 0; i + j + k <= (Dim == 3 ? degree : i + j); ++k) {
        const double exact = factorial[i] * factorial[j] * factorial[k] / factorial[i + j + k + Dim];
        double sum = 0.0;
        for (const auto& point : rule) {
          double value = point.weight * power(point.at[0], i) * power(point.at[1], j);
          if constexpr (Dim == 3) value *= power(point.at[2], k);
          sum += value;
        }
        CHECK(std::abs(sum / exact - 1.0) < 1e-14);
      }
    }
  }
}

void rules() {
  integrates<2>(flow::Reference<2>::kStraight, 5);
  integrates<2>(flow::Reference<2>::kCurved, 6);
  integrates<3>(flow::Reference<3>::kStraight, 5);
  integrates<3>(flow::Reference<3>::kCurved, 7);
}

/// Shape functions are 1 at their own node and 0 at others; facets and edges fit together.
template <int Dim>
void tables() {
  using R = flow::Reference<Dim>;
  for (std::size_t k = 0; k < R::kNodes; ++k) {
    const auto s = flow::shape<Dim>(flow::node_place<Dim>(k));
    for (std::size_t j = 0; j < R::kNodes; ++j) CHECK_EQUAL(s[j], j == k ? 1.0 : 0.0);
  }
  int edges_of_facets[R::kEdges] = {};
  for (const auto& facet : R::kFacet) {
    for (std::size_t e = 0; e < R::kEdges; ++e) {
      const bool from = std::find(std::begin(facet), std::end(facet), R::kEdgeFrom[e]) != std::end(facet);
      const bool to = std::find(std::begin(facet), std::end(facet), R::kEdgeTo[e]) != std::end(facet);
      edges_of_facets[e] += from && to;
    }
  }
  for (const int count : edges_of_facets) CHECK_EQUAL(count, Dim - 1);
}

void refusals_3d() {
  const Mesh good = cube(1);
  const auto refuse = [&](const char* text, const auto& change) {
    Mesh mesh = good;
    change(mesh);
    CHECK_REFUSED(text, flow::check(mesh.view()));
  };
  refuse("cells[0] is inverted: its volume is negative", [](Mesh& m) { std::swap(m.cells[1], m.cells[2]); });
  refuse("cells[0] is degenerate: volume 0, longest edge 1.7320508075688772",
         [](Mesh& m) { m.cells[2] = m.cells[1]; });
  refuse("nodes_per_cell = 6 is not 4 or 10", [](Mesh& m) { m.per_cell = 6; });
  refuse("cells[0] and cells[6] overlap: both lie on the same side of facet (0, 1, 3)", [](Mesh& m) {
    m.points.insert(m.points.end(), {0.9, 0.5, 2.0});
    m.cells.insert(m.cells.end(), {0, 1, 3, 8});
  });
  refuse("facet (0, 1, 7) belongs to 3 cells, among them cells[0]; a facet has at most 2", [](Mesh& m) {
    m.points.insert(m.points.end(), {0.5, -1.0, 1.0});
    m.cells.insert(m.cells.end(), {0, 1, 7, 8});
  });
  // A tetrahedron beyond x = 1 that ends in the middle of the face's diagonal.
  refuse("points[8] lies within a facet of cells[0], which ends at other vertices", [](Mesh& m) {
    m.points.insert(m.points.end(), {1.0, 0.5, 0.5, 2.0, 0.5, 0.5});
    m.cells.insert(m.cells.end(), {1, 3, 8, 9});
  });
  // Two that cut the face along its other diagonal.
  refuse("edge (3, 5) runs through a facet of cells[0]", [](Mesh& m) {
    m.points.insert(m.points.end(), {2.0, 0.5, 0.5});
    m.cells.insert(m.cells.end(), {1, 3, 5, 8, 3, 7, 5, 8});
  });
  flow::check(good.view());
}

/// Volume by the divergence theorem: facets run counter-clockwise for who is outside.
void boundaries_3d() {
  const Mesh mesh = cube(2);
  const flow::Boundary found = flow::boundary(mesh.view());
  CHECK_EQUAL(found.cells.size(), std::size_t{48});
  double volume = 0.0;
  for (std::size_t k = 0; k < found.cells.size(); ++k) {
    const auto corner = [&](std::size_t v) {
      return &mesh.points[3 * static_cast<std::size_t>(found.facets[3 * k + v])];
    };
    const double *a = corner(0), *b = corner(1), *c = corner(2);
    volume += (a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) +
               a[2] * (b[0] * c[1] - b[1] * c[0])) /
              6.0;
  }
  CHECK(std::abs(volume - 1.0) < 1e-15);
  const flow::TaylorHood space(mesh.view());
  CHECK_EQUAL(space.dim(), 3);
  CHECK_EQUAL(space.n_nodes(), std::int64_t{125});
  CHECK_EQUAL(space.n_velocity(), std::int64_t{375});
  CHECK_EQUAL(space.nodes_per_cell(), std::int64_t{10});
}

void refusals() {
  const Mesh good = square(1);  // cells 0 1 3 and 0 3 2
  const auto refuse = [&](const char* text, const auto& change) {
    Mesh mesh = good;
    change(mesh);
    CHECK_REFUSED(text, flow::check(mesh.view()));
  };
  refuse("cells[0] is inverted: its vertices run clockwise",
         [](Mesh& m) { std::swap(m.cells[1], m.cells[2]); });
  refuse("cells[0] is degenerate: area 0, longest side 1", [](Mesh& m) { m.cells[2] = 1; });
  refuse("cells[1, 2] = 4 is outside [0, 4)", [](Mesh& m) { m.cells[5] = 4; });
  refuse("points[0, 1] is not finite",
         [](Mesh& m) { m.points[1] = std::numeric_limits<double>::quiet_NaN(); });
  refuse("points[4] belongs to no cell", [](Mesh& m) { m.points.insert(m.points.end(), {2.0, 2.0}); });
  refuse("cells: none given", [](Mesh& m) { m.cells.clear(); });
  refuse("points or cells: not a whole number of rows", [](Mesh& m) { m.cells.pop_back(); });
  refuse("nodes_per_cell = 4 is not 3 or 6", [](Mesh& m) { m.per_cell = 4; });
  refuse("cells[0] and cells[2] overlap: both lie to the left of edge (0, 1)",
         [](Mesh& m) { m.cells.insert(m.cells.end(), {0, 1, 3}); });
  // Beside the square a cell with half its side, and one that fills the other half with a vertex in between.
  refuse("points[4] lies within a side of cells[0], which ends at other vertices", [](Mesh& m) {
    m.points.insert(m.points.end(), {1.0, 0.5, 2.0, 0.5});
    m.cells.insert(m.cells.end(), {1, 5, 4, 4, 5, 3});
  });
  CHECK_REFUSED("dim = 4 is not 2 or 3",
                flow::check({.points = good.points, .cells = good.cells, .dim = 4, .nodes_per_cell = 3}));
  flow::check(good.view());
}

void boundaries() {
  const flow::Boundary found = flow::boundary(square(2).view());
  CHECK_EQUAL(found.cells.size(), std::size_t{8});
  double area = 0.0;  // the cells lie on the left: Green's formula counts the square once
  const Mesh mesh = square(2);
  for (std::size_t k = 0; k < found.cells.size(); ++k) {
    const double* a = &mesh.points[2 * static_cast<std::size_t>(found.facets[2 * k])];
    const double* b = &mesh.points[2 * static_cast<std::size_t>(found.facets[2 * k + 1])];
    area += 0.5 * (a[0] * b[1] - a[1] * b[0]);
  }
  CHECK(std::abs(area - 1.0) < 1e-15);
}

void numbering() {
  const std::int32_t n = 3;
  const flow::TaylorHood space(square(n).view());
  CHECK_EQUAL(space.n_cells(), std::int64_t{2 * n * n});
  CHECK_EQUAL(space.n_vertices(), std::int64_t{(n + 1) * (n + 1)});
  CHECK_EQUAL(space.n_nodes(), std::int64_t{(2 * n + 1) * (2 * n + 1)});
  CHECK_EQUAL(space.n_velocity(), 2 * space.n_nodes());
  CHECK_EQUAL(space.n_curved_cells(), std::int64_t{0});
  const auto nodes = space.nodes();
  for (std::size_t e = 0; e < space.edges().size() / 2; ++e) {
    const auto a = static_cast<std::size_t>(space.edges()[2 * e]);
    const auto b = static_cast<std::size_t>(space.edges()[2 * e + 1]);
    const std::size_t middle = static_cast<std::size_t>(space.n_vertices()) + e;
    for (std::size_t c = 0; c < 2; ++c) {
      CHECK_EQUAL(nodes[2 * middle + c], 0.5 * (nodes[2 * a + c] + nodes[2 * b + c]));
    }
  }
}

/// Of matrices: rows of mass add up to integrals, rows of stiffness and convection to zero.
void sums(const Mesh& mesh, double rounding) {
  const flow::TaylorHood space(mesh.view());
  const flow::CsrMatrix mass = space.mass(), stiffness = space.stiffness();
  double area = 0.0, largest = 0.0;
  for (const double value : mass.values) area += value;
  CHECK(std::abs(area - 1.0) < rounding);
  std::vector<double> w(static_cast<std::size_t>(space.n_velocity())), values(mass.values.size());
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = std::sin(3.0 * static_cast<double>(i));
  space.convection(w, values, 1);
  for (std::size_t row = 0; row + 1 < mass.indptr.size(); ++row) {
    double sum = 0.0, convected = 0.0;
    for (auto e = static_cast<std::size_t>(mass.indptr[row]);
         e < static_cast<std::size_t>(mass.indptr[row + 1]); ++e) {
      sum += stiffness.values[e];
      convected += values[e];
    }
    largest = std::max({largest, std::abs(sum), std::abs(convected)});
  }
  CHECK(largest < 1e-13);
  // div x = dim: minus that many times each vertex's integral, which is the measure in all.
  const flow::CsrMatrix divergence = space.divergence();
  double total = 0.0;
  for (std::size_t q = 0; q + 1 < divergence.indptr.size(); ++q) {
    for (auto e = static_cast<std::size_t>(divergence.indptr[q]);
         e < static_cast<std::size_t>(divergence.indptr[q + 1]); ++e) {
      total += divergence.values[e] * space.nodes()[static_cast<std::size_t>(divergence.indices[e])];
    }
  }
  CHECK(std::abs(total + space.dim()) < 1e-13);
}

void threads(const Mesh& mesh) {
  const flow::TaylorHood space(mesh.view());
  std::vector<double> w(static_cast<std::size_t>(space.n_velocity()));
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = std::cos(static_cast<double>(i));
  std::vector<double> one(space.indices().size()), many(one.size());
  space.convection(w, one, 1);
  for (const int count : {2, 3, 4}) {
    space.convection(w, many, count);
    CHECK(one == many);
  }
  const std::vector<double> wrong(3);
  CHECK_REFUSED("convecting: expected " + std::to_string(w.size()) + " numbers, got 3",
                space.convection(wrong, one, 1));
  CHECK_REFUSED("values: expected " + std::to_string(one.size()) + " numbers, got 2",
                space.convection(w, std::span(one).first(2), 1));
}

}  // namespace

int main() {
  return check::run([] {
    rules();
    tables<2>();
    tables<3>();
    refusals();
    refusals_3d();
    boundaries();
    boundaries_3d();
    numbering();
    sums(square(5), 1e-14);
    sums(cube(3), 1e-13);  // 16,200 terms
    threads(square(60));
    threads(cube(9));
  });
}
