#include "nonideal/flow/mesh.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <string>

#include "base/check.hpp"
#include "flow/mesh.hpp"
#include "flow/reference.hpp"

namespace nonideal::flow {

namespace {

/// Twice the area over the longest side squared: below, a cell is degenerate.
constexpr double kFlat = 1e-12;
/// A side node that is nearer to the middle, in lengths of the side, leaves the side straight.
constexpr double kStraight = 1e-12;
/// How near to a side a vertex counts as on it, in lengths of the side.
constexpr double kOnSide = 1e-9;
constexpr std::int64_t kMaxCells = std::int64_t{1} << 25;  ///< local matrices are addressed by 32 bits

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::string name_of(std::int64_t cell) { return detail::bracketed("cells", cell); }

void check_sizes(const MeshView& mesh) {
  if (mesh.dim != 2) throw InvalidArgument("dim = " + std::to_string(mesh.dim) + " is not 2");
  if (mesh.nodes_per_cell != 3 && mesh.nodes_per_cell != 6) {
    throw InvalidArgument("nodes_per_cell = " + std::to_string(mesh.nodes_per_cell) + " is not 3 or 6");
  }
  if (mesh.points.size() % 2 != 0 || mesh.cells.size() % at(mesh.nodes_per_cell) != 0) {
    throw InvalidArgument("points or cells: not a whole number of rows");
  }
  if (mesh.cells.empty()) throw InvalidArgument("cells: none given");
  detail::expect_within("number of cells",
                        static_cast<std::int64_t>(mesh.cells.size() / at(mesh.nodes_per_cell)), 1, kMaxCells);
  for (std::size_t i = 0; i < mesh.points.size(); ++i) {
    if (!std::isfinite(mesh.points[i])) {
      throw InvalidArgument("points[" + std::to_string(i / 2) + ", " + std::to_string(i % 2) +
                            "] is not finite");
    }
  }
}

void check_indices(const MeshView& mesh) {
  const auto n_points = static_cast<std::int64_t>(mesh.points.size() / 2);
  const std::size_t per_cell = at(mesh.nodes_per_cell);
  std::vector<std::uint8_t> role(at(n_points), 0);  // 1: vertex, 2: on a side
  for (std::size_t i = 0; i < mesh.cells.size(); ++i) {
    const std::int32_t point = mesh.cells[i];
    if (point < 0 || point >= n_points) {
      throw InvalidArgument("cells[" + std::to_string(i / per_cell) + ", " + std::to_string(i % per_cell) +
                            "] = " + std::to_string(point) + " is outside [0, " + std::to_string(n_points) +
                            ")");
    }
    const std::uint8_t mine = i % per_cell < 3 ? 1 : 2;
    std::uint8_t& known = role[at(point)];
    if (known != 0 && known != mine) {
      throw InvalidArgument("points[" + std::to_string(point) +
                            "] is a vertex of one cell and on a side of another");
    }
    known = mine;
  }
  for (std::int64_t p = 0; p < n_points; ++p) {
    if (role[at(p)] == 0) throw InvalidArgument(detail::bracketed("points", p) + " belongs to no cell");
    if (p > 0 && role[at(p)] == 1 && role[at(p - 1)] == 2) {
      throw InvalidArgument(detail::bracketed("points", p) +
                            " is a vertex behind points on sides; vertices come first");
    }
  }
}

void check_shape(const MeshView& mesh, std::int64_t cell) {
  const std::array<double, 12> xy = coordinates_of(mesh, cell);
  const double twice_area = adjugate(xy).determinant();
  double longest = 0.0;
  for (std::size_t k = 0; k < 3; ++k) {
    const double dx = xy[2 * kSideTo[k]] - xy[2 * kSideFrom[k]];
    const double dy = xy[2 * kSideTo[k] + 1] - xy[2 * kSideFrom[k] + 1];
    longest = std::max(longest, dx * dx + dy * dy);
  }
  if (!(std::abs(twice_area) > kFlat * longest)) {
    throw InvalidArgument(name_of(cell) + " is degenerate: area " + detail::shortest(twice_area / 2) +
                          ", longest side " + detail::shortest(std::sqrt(longest)));
  }
  if (twice_area < 0.0) {
    throw InvalidArgument(name_of(cell) + " is inverted: its vertices run clockwise");
  }
  if (!is_curved(mesh, cell)) return;
  const auto expect_positive = [&](double xi, double eta) {
    if (!(adjugate(xy, xi, eta).determinant() > kFlat * longest)) {
      throw InvalidArgument(name_of(cell) + " is folded: its sides' nodes are too far from the middle");
    }
  };
  for (const QuadraturePoint& q : kDegreeSix) expect_positive(q.xi, q.eta);
  for (std::size_t k = 0; k < 6; ++k) expect_positive(kNodeXi[k], kNodeEta[k]);
}

void check_sides(const MeshView& mesh, const std::vector<Side>& sides) {
  for (std::size_t i = 0; i < sides.size();) {
    std::size_t end = i + 1;
    while (end < sides.size() && sides[end].key == sides[i].key) ++end;
    const auto edge = [&] {
      return "edge (" + std::to_string(sides[i].key >> 32) + ", " +
             std::to_string(sides[i].key & 0xffffffff) + ")";
    };
    if (end - i > 2) {
      throw InvalidArgument(edge() + " belongs to " + std::to_string(end - i) + " cells, among them " +
                            name_of(sides[i].cell) + "; a side has at most 2");
    }
    if (end - i == 2) {
      const Side &a = sides[i], &b = sides[i + 1];
      if (from_of(mesh, a) == from_of(mesh, b)) {
        throw InvalidArgument(name_of(a.cell) + " and " + name_of(b.cell) +
                              " overlap: both lie to the left of " + edge());
      }
      if (mesh.nodes_per_cell == 6 && side_node(mesh, a) != side_node(mesh, b)) {
        throw InvalidArgument(name_of(a.cell) + " and " + name_of(b.cell) + " have different nodes on " +
                              edge());
      }
    }
    i = end;
  }
  if (mesh.nodes_per_cell != 6) return;
  // A node is of one side alone.
  std::vector<std::int64_t> key_of(mesh.points.size() / 2, -1);
  for (const Side& side : sides) {
    std::int64_t& key = key_of[at(side_node(mesh, side))];
    if (key >= 0 && key != side.key) {
      throw InvalidArgument(detail::bracketed("points", side_node(mesh, side)) +
                            " lies on two sides, one of " + name_of(side.cell));
    }
    key = side.key;
  }
}

/// Refuses a vertex within a straight side of the boundary: the cells there do not fit together.
void check_hanging(const MeshView& mesh, const Boundary& outer) {
  std::vector<std::int32_t> vertices(outer.facets.begin(), outer.facets.end());
  std::sort(vertices.begin(), vertices.end());
  vertices.erase(std::unique(vertices.begin(), vertices.end()), vertices.end());
  const auto coordinate = [&](std::int32_t v, std::size_t axis) { return mesh.points[2 * at(v) + axis]; };
  std::array<std::vector<std::int32_t>, 2> by{vertices, vertices};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    std::sort(by[axis].begin(), by[axis].end(),
              [&](std::int32_t a, std::int32_t b) { return coordinate(a, axis) < coordinate(b, axis); });
  }
  for (std::size_t k = 0; k < outer.cells.size(); ++k) {
    const std::int32_t a = outer.facets[2 * k], b = outer.facets[2 * k + 1];
    if (is_curved(mesh, outer.cells[k])) continue;
    // Candidates: vertices between the ends along the axis that leaves fewer of them.
    std::span<const std::int32_t> candidates;
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const double low = std::min(coordinate(a, axis), coordinate(b, axis));
      const double high = std::max(coordinate(a, axis), coordinate(b, axis));
      const auto first = std::lower_bound(by[axis].begin(), by[axis].end(), low,
                                          [&](std::int32_t v, double x) { return coordinate(v, axis) < x; });
      const auto last = std::upper_bound(first, by[axis].end(), high,
                                         [&](double x, std::int32_t v) { return x < coordinate(v, axis); });
      const auto count = static_cast<std::size_t>(last - first);
      if (axis == 0 || count < candidates.size()) {
        candidates = {by[axis].data() + (first - by[axis].begin()), count};
      }
    }
    const double x = coordinate(b, 0) - coordinate(a, 0), y = coordinate(b, 1) - coordinate(a, 1);
    const double square = x * x + y * y;
    for (const std::int32_t v : candidates) {
      const double dx = coordinate(v, 0) - coordinate(a, 0), dy = coordinate(v, 1) - coordinate(a, 1);
      const double along = (dx * x + dy * y) / square, off = std::abs(dx * y - dy * x) / square;
      if (off <= kOnSide && along > kOnSide && along < 1.0 - kOnSide) {
        throw InvalidArgument(detail::bracketed("points", v) + " lies within a side of " +
                              name_of(outer.cells[k]) + ", which ends at other vertices");
      }
    }
  }
}

void check_connected(const MeshView& mesh) {
  std::vector<std::int32_t> parent(mesh.points.size() / 2);
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](std::int32_t p) {
    while (parent[at(p)] != p) p = parent[at(p)] = parent[at(parent[at(p)])];
    return p;
  };
  const std::int64_t n_cells = number_of_cells(mesh);
  for (std::int64_t cell = 0; cell < n_cells; ++cell) {
    const std::int32_t a = root(vertex(mesh, cell, 0));
    for (std::size_t k = 1; k < 3; ++k) parent[at(root(vertex(mesh, cell, k)))] = a;
  }
  const std::int32_t first = root(vertex(mesh, 0, 0));
  for (std::int64_t cell = 1; cell < n_cells; ++cell) {
    if (root(vertex(mesh, cell, 0)) != first) {
      throw InvalidArgument(name_of(cell) + " is not connected with cells[0]");
    }
  }
}

}  // namespace

std::array<double, 12> coordinates_of(const MeshView& mesh, std::int64_t cell) {
  std::array<double, 12> xy{};
  const std::size_t per_cell = at(mesh.nodes_per_cell);
  for (std::size_t k = 0; k < per_cell; ++k) {
    const std::size_t point = at(mesh.cells[at(cell) * per_cell + k]);
    xy[2 * k] = mesh.points[2 * point];
    xy[2 * k + 1] = mesh.points[2 * point + 1];
  }
  if (per_cell == 3) {
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t c = 0; c < 2; ++c) {
        xy[2 * (3 + k) + c] = 0.5 * (xy[2 * kSideFrom[k] + c] + xy[2 * kSideTo[k] + c]);
      }
    }
  }
  return xy;
}

bool is_curved(const MeshView& mesh, std::int64_t cell) {
  if (mesh.nodes_per_cell == 3) return false;
  const std::array<double, 12> xy = coordinates_of(mesh, cell);
  for (std::size_t k = 0; k < 3; ++k) {
    const double *a = &xy[2 * kSideFrom[k]], *b = &xy[2 * kSideTo[k]], *m = &xy[2 * (3 + k)];
    const double off = std::hypot(m[0] - 0.5 * (a[0] + b[0]), m[1] - 0.5 * (a[1] + b[1]));
    if (off > kStraight * std::hypot(b[0] - a[0], b[1] - a[1])) return true;
  }
  return false;
}

std::vector<Side> sorted_sides(const MeshView& mesh) {
  const std::int64_t n_cells = number_of_cells(mesh);
  std::vector<Side> sides;
  sides.reserve(at(3 * n_cells));
  for (std::int64_t cell = 0; cell < n_cells; ++cell) {
    for (std::size_t k = 0; k < 3; ++k) {
      const std::int64_t a = vertex(mesh, cell, kSideFrom[k]), b = vertex(mesh, cell, kSideTo[k]);
      sides.push_back({std::min(a, b) << 32 | std::max(a, b), static_cast<std::int32_t>(cell),
                       static_cast<std::int32_t>(k)});
    }
  }
  std::sort(sides.begin(), sides.end(),
            [](const Side& a, const Side& b) { return a.key != b.key ? a.key < b.key : a.cell < b.cell; });
  return sides;
}

void check(const MeshView& mesh) {
  check_sizes(mesh);
  check_indices(mesh);
  const std::int64_t n_cells = number_of_cells(mesh);
  for (std::int64_t cell = 0; cell < n_cells; ++cell) check_shape(mesh, cell);
  check_sides(mesh, sorted_sides(mesh));
  check_connected(mesh);
  check_hanging(mesh, boundary(mesh));
}

Boundary boundary(const MeshView& mesh) {
  const std::vector<Side> sides = sorted_sides(mesh);
  std::vector<Side> outer;
  for (std::size_t i = 0; i < sides.size();) {
    const bool shared = i + 1 < sides.size() && sides[i + 1].key == sides[i].key;
    if (!shared) outer.push_back(sides[i]);
    i += shared ? 2 : 1;
  }
  std::sort(outer.begin(), outer.end(), [](const Side& a, const Side& b) {
    return a.cell != b.cell ? a.cell < b.cell : a.side < b.side;
  });
  Boundary found;
  for (const Side& side : outer) {
    found.facets.push_back(from_of(mesh, side));
    found.facets.push_back(vertex(mesh, side.cell, kSideTo[at(side.side)]));
    found.cells.push_back(side.cell);
  }
  return found;
}

}  // namespace nonideal::flow
