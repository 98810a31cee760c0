#include "flow/hanging.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "flow/mesh.hpp"

namespace nonideal::flow {

namespace {

/// How near to a facet a point counts as on it, relative to the facet's size.
constexpr double kOn = 1e-9;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

template <int Dim>
using Point = std::array<double, Dim>;

template <int Dim>
Point<Dim> point_of(const MeshView& mesh, std::int32_t v) {
  Point<Dim> point{};
  for (std::size_t c = 0; c < Dim; ++c) point[c] = mesh.points[Dim * at(v) + c];
  return point;
}

template <int Dim>
Point<Dim> minus(const Point<Dim>& a, const Point<Dim>& b) {
  Point<Dim> difference{};
  for (std::size_t c = 0; c < Dim; ++c) difference[c] = a[c] - b[c];
  return difference;
}

template <int Dim>
double dot(const Point<Dim>& a, const Point<Dim>& b) {
  double sum = 0.0;
  for (std::size_t c = 0; c < Dim; ++c) sum += a[c] * b[c];
  return sum;
}

template <int Dim>
using Corners = std::array<Point<Dim>, Dim>;

/// Whether a point lies within a side, away from its ends.
bool within(const Corners<2>& side, const Point<2>& point) {
  const Point<2> along = minus<2>(side[1], side[0]), away = minus<2>(point, side[0]);
  const double square = dot<2>(along, along), place = dot<2>(away, along) / square;
  const double off = std::abs(away[0] * along[1] - away[1] * along[0]) / square;
  return off <= kOn && place > kOn && place < 1.0 - kOn;
}

/// Whether a point lies within a triangle or on its edges, away from its corners.
bool within(const Corners<3>& facet, const Point<3>& point) {
  const Point<3> u = minus<3>(facet[1], facet[0]), v = minus<3>(facet[2], facet[0]);
  const Point<3> away = minus<3>(point, facet[0]);
  const double uu = dot<3>(u, u), uv = dot<3>(u, v), vv = dot<3>(v, v);
  const double determinant = uu * vv - uv * uv, ua = dot<3>(u, away), va = dot<3>(v, away);
  const double s = (vv * ua - uv * va) / determinant, t = (uu * va - uv * ua) / determinant;
  double off = 0.0;
  for (std::size_t c = 0; c < 3; ++c) {
    const double rest = away[c] - s * u[c] - t * v[c];
    off += rest * rest;
  }
  const double least = std::min({s, t, 1.0 - s - t}), most = std::max({s, t, 1.0 - s - t});
  return off <= kOn * kOn * std::max(uu, vv) && least >= -kOn && most < 1.0 - kOn;
}

/// Points in the order of each coordinate, to find those in a box.
template <int Dim>
class Sorted {
 public:
  explicit Sorted(std::vector<Point<Dim>> points) : points_(std::move(points)) {
    for (std::size_t axis = 0; axis < Dim; ++axis) {
      by_[axis].resize(points_.size());
      for (std::size_t i = 0; i < points_.size(); ++i) by_[axis][i] = static_cast<std::int32_t>(i);
      std::sort(by_[axis].begin(), by_[axis].end(),
                [&](std::int32_t a, std::int32_t b) { return points_[at(a)][axis] < points_[at(b)][axis]; });
    }
  }

  const Point<Dim>& operator[](std::int32_t i) const { return points_[at(i)]; }

  /// Those between the facet's ends along the axis that leaves fewest of them.
  std::span<const std::int32_t> near(const Corners<Dim>& facet) const {
    std::span<const std::int32_t> found;
    for (std::size_t axis = 0; axis < Dim; ++axis) {
      double low = facet[0][axis], high = low;
      for (const Point<Dim>& corner : facet) {
        low = std::min(low, corner[axis]);
        high = std::max(high, corner[axis]);
      }
      const auto& order = by_[axis];
      const auto first = std::lower_bound(order.begin(), order.end(), low,
                                          [&](std::int32_t v, double x) { return points_[at(v)][axis] < x; });
      const auto last = std::upper_bound(first, order.end(), high,
                                         [&](double x, std::int32_t v) { return x < points_[at(v)][axis]; });
      const auto count = static_cast<std::size_t>(last - first);
      if (axis == 0 || count < found.size()) found = {order.data() + (first - order.begin()), count};
    }
    return found;
  }

 private:
  std::vector<Point<Dim>> points_;
  std::array<std::vector<std::int32_t>, Dim> by_;
};

template <int Dim>
void check_vertices(const MeshView& mesh, const Boundary& outer, const auto& for_facets) {
  std::vector<std::int32_t> vertices(outer.facets.begin(), outer.facets.end());
  std::sort(vertices.begin(), vertices.end());
  vertices.erase(std::unique(vertices.begin(), vertices.end()), vertices.end());
  std::vector<Point<Dim>> points;
  for (const std::int32_t v : vertices) points.push_back(point_of<Dim>(mesh, v));
  const Sorted<Dim> sorted(std::move(points));
  for_facets([&](std::size_t k, const Corners<Dim>& facet) {
    for (const std::int32_t i : sorted.near(facet)) {
      if (within(facet, sorted[i])) {
        throw InvalidArgument(detail::bracketed("points", vertices[at(i)]) + " lies within a " +
                              (Dim == 2 ? "side" : "facet") + " of " +
                              detail::bracketed("cells", outer.cells[k]) + ", which ends at other vertices");
      }
    }
  });
}

/// Where two triangulations of one surface meet without a vertex in the wrong place, their edges cross: the
/// middle of an edge lies within a facet that does not have this edge.
void check_edges(const MeshView& mesh, const Boundary& outer, const auto& for_facets) {
  std::vector<std::array<std::int32_t, 2>> edges;
  for (std::size_t k = 0; k < outer.cells.size(); ++k) {
    for (std::size_t e = 0; e < 3; ++e) {
      const std::int32_t a = outer.facets[3 * k + e], b = outer.facets[3 * k + (e + 1) % 3];
      edges.push_back({std::min(a, b), std::max(a, b)});
    }
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<Point<3>> middles;
  for (const auto& [a, b] : edges) {
    const Point<3> from = point_of<3>(mesh, a), to = point_of<3>(mesh, b);
    middles.push_back({(from[0] + to[0]) / 2, (from[1] + to[1]) / 2, (from[2] + to[2]) / 2});
  }
  const Sorted<3> sorted(std::move(middles));
  for_facets([&](std::size_t k, const Corners<3>& facet) {
    for (const std::int32_t i : sorted.near(facet)) {
      if (!within(facet, sorted[i])) continue;
      // A crack has two copies of each vertex: what counts is where the ends lie.
      double size = 0.0;
      for (std::size_t e = 0; e < 3; ++e) {
        const Point<3> along = minus<3>(facet[(e + 1) % 3], facet[e]);
        size = std::max(size, dot<3>(along, along));
      }
      const auto is_corner = [&](std::int32_t v) {
        return std::any_of(facet.begin(), facet.end(), [&](const Point<3>& corner) {
          const Point<3> away = minus<3>(point_of<3>(mesh, v), corner);
          return dot<3>(away, away) <= kOn * kOn * size;
        });
      };
      const auto& [a, b] = edges[at(i)];
      if (is_corner(a) && is_corner(b)) continue;
      throw InvalidArgument("edge (" + std::to_string(a) + ", " + std::to_string(b) +
                            ") runs through a facet of " + detail::bracketed("cells", outer.cells[k]));
    }
  });
}

}  // namespace

template <int Dim>
void check_hanging(const MeshView& mesh, const Boundary& outer) {
  const auto for_facets = [&](const auto& visit) {
    for (std::size_t k = 0; k < outer.cells.size(); ++k) {
      if (is_curved<Dim>(mesh, outer.cells[k])) continue;
      Corners<Dim> facet{};
      for (std::size_t v = 0; v < Dim; ++v) facet[v] = point_of<Dim>(mesh, outer.facets[Dim * k + v]);
      visit(k, facet);
    }
  };
  check_vertices<Dim>(mesh, outer, for_facets);
  if constexpr (Dim == 3) check_edges(mesh, outer, for_facets);
}

template void check_hanging<2>(const MeshView&, const Boundary&);
template void check_hanging<3>(const MeshView&, const Boundary&);

}  // namespace nonideal::flow
