#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Reference simplices: the triangle (0, 0), (1, 0), (0, 1) and the tetrahedron with (0, 0, 1) beside them.
/// Everything that tells one dimension from the other stands in two tables, Reference<2> and Reference<3>.
namespace nonideal::flow {

template <int Dim>
struct QuadraturePoint {
  double weight;  ///< the weights of a rule add up to the volume of the simplex
  std::array<double, Dim> at;
};

template <int Dim, std::size_t N>
using Rule = std::array<QuadraturePoint<Dim>, N>;

namespace rules {

/// Points (a, a), (a, 1 - 2a), (1 - 2a, a) from `at` on.
template <std::size_t N>
constexpr void three(Rule<2, N>& rule, std::size_t at, double weight, double a) {
  const double b = 1.0 - 2.0 * a;
  rule[at] = {weight / 2, {a, a}};
  rule[at + 1] = {weight / 2, {a, b}};
  rule[at + 2] = {weight / 2, {b, a}};
}

constexpr Rule<2, 7> triangle_five() {
  constexpr double root = 3.8729833462074168852;  // sqrt(15)
  Rule<2, 7> rule{};
  rule[0] = {0.1125, {1.0 / 3, 1.0 / 3}};
  three(rule, 1, (155.0 - root) / 1200, (6.0 - root) / 21);
  three(rule, 4, (155.0 + root) / 1200, (6.0 + root) / 21);
  return rule;
}

constexpr Rule<2, 12> triangle_six() {
  Rule<2, 12> rule{};
  three(rule, 0, 0.11678627572637851, 0.24928674517091087);
  three(rule, 3, 0.05084490637020662, 0.06308901449150204);
  constexpr double weight = 0.08285107561837386 / 2;
  constexpr double c[3] = {0.05314504984481732, 0.31035245103378402, 0.63650249912139867};
  constexpr int order[6][2] = {{0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 2}, {2, 1}};
  for (std::size_t k = 0; k < 6; ++k) rule[6 + k] = {weight, {c[order[k][0]], c[order[k][1]]}};
  return rule;
}

/// The points whose barycentric coordinates are the arrangements of (a, b, c, d), from `at` on; returns how
/// many there are.
template <std::size_t N>
constexpr std::size_t orbit(Rule<3, N>& rule, std::size_t at, double weight, std::array<double, 4> c) {
  std::size_t n = 0;
  constexpr std::size_t kCorners = 4;
  for (std::size_t i = 0; i < kCorners; ++i) {
    for (std::size_t j = 0; j < kCorners; ++j) {
      for (std::size_t k = 0; k < kCorners; ++k) {
        if (i == j || j == k || i == k) continue;
        const QuadraturePoint<3> point{weight, {c[i], c[j], c[k]}};
        bool known = false;
        for (std::size_t m = at; m < at + n; ++m) known = known || rule[m].at == point.at;
        if (!known) rule[at + n++] = point;
      }
    }
  }
  return n;
}

constexpr Rule<3, 14> tetrahedron_five() {
  constexpr double a = 0.31088591926330060980, b = 0.092735250310891226402, c = 0.45449629587435035051;
  Rule<3, 14> rule{};
  std::size_t at = orbit(rule, 0, 0.018781320953002641800, {a, a, a, 1.0 - 3.0 * a});
  at += orbit(rule, at, 0.012248840519393658257, {b, b, b, 1.0 - 3.0 * b});
  orbit(rule, at, 0.0070910034628469110730, {c, c, 0.5 - c, 0.5 - c});
  return rule;
}

constexpr Rule<3, 38> tetrahedron_seven() {
  constexpr double a = 0.189, b = 0.060799563281142146694;
  constexpr double c = 0.23337564090041347221, d = 0.50361387775394668305;
  constexpr double e = 0.043439520269906401339, f = 0.29942548452088072402, g = 0.37466342887261879317;
  Rule<3, 38> rule{};
  std::size_t at = orbit(rule, 0, 0.0077698277756503825441, {a, a, a, 1.0 - 3.0 * a});
  at += orbit(rule, at, 0.0035724890755062397473, {b, b, b, 1.0 - 3.0 * b});
  at += orbit(rule, at, 0.0048198619198602762324, {c, c, d, 1.0 - 2.0 * c - d});
  at += orbit(rule, at, 0.0036778001383668550795, {e, e, f, 1.0 - 2.0 * e - f});
  orbit(rule, at, 0.0032209090938857669599, {g, g, 0.5 - g, 0.5 - g});
  return rule;
}

}  // namespace rules

template <int Dim>
struct Reference;

template <>
struct Reference<2> {
  static constexpr std::size_t kVertices = 3, kEdges = 3, kNodes = 6, kFacets = 3;
  /// Ends of edge k: its node is number kVertices + k. As meshio's triangle6.
  static constexpr std::size_t kEdgeFrom[kEdges] = {0, 1, 2};
  static constexpr std::size_t kEdgeTo[kEdges] = {1, 2, 0};
  /// Vertices of each facet, the cell on its left.
  static constexpr std::size_t kFacet[kFacets][2] = {{0, 1}, {1, 2}, {2, 0}};
  /// Exact for polynomials of degree 5 (Radon): all integrals over straight cells.
  static constexpr auto kStraight = rules::triangle_five();
  /// Exact for degree 6 (Dunavant, Int. J. Numer. Methods Eng. 21, 1129, 1985; digits refined): over curved
  /// cells all but the viscous integral, which is no polynomial there.
  static constexpr auto kCurved = rules::triangle_six();
  /// Local matrices are addressed by 32 bits.
  static constexpr std::int64_t kMaxCells = std::int64_t{1} << 25;
};

template <>
struct Reference<3> {
  static constexpr std::size_t kVertices = 4, kEdges = 6, kNodes = 10, kFacets = 4;
  /// As meshio's tetra10.
  static constexpr std::size_t kEdgeFrom[kEdges] = {0, 1, 2, 0, 1, 2};
  static constexpr std::size_t kEdgeTo[kEdges] = {1, 2, 0, 3, 3, 3};
  /// Counter-clockwise for who looks from outside.
  static constexpr std::size_t kFacet[kFacets][3] = {{0, 2, 1}, {0, 1, 3}, {0, 3, 2}, {1, 2, 3}};
  /// Exact for degree 5: all integrals over straight cells. The structure is that of N. J. Walkington
  /// (Quadrature on simplices of arbitrary dimension, 2000); digits are from the moment equations.
  static constexpr auto kStraight = rules::tetrahedron_five();
  /// Exact for degree 7: over curved cells all but the viscous integral. Orbits of 4, 4, 12, 12 and 6 points;
  /// the moment equations leave one free number, a = 0.189, for which all weights are positive and all points
  /// inside.
  static constexpr auto kCurved = rules::tetrahedron_seven();
  static constexpr std::int64_t kMaxCells = std::int64_t{1} << 24;
};

/// Barycentric coordinates, the vertex at the origin first.
template <int Dim>
constexpr std::array<double, Dim + 1> barycentric(const std::array<double, Dim>& at) {
  std::array<double, Dim + 1> l{1.0};
  for (std::size_t d = 0; d < Dim; ++d) {
    l[0] -= at[d];
    l[d + 1] = at[d];
  }
  return l;
}

/// P2 shape functions: vertices, then edges.
template <int Dim>
constexpr std::array<double, Reference<Dim>::kNodes> shape(const std::array<double, Dim>& at) {
  using R = Reference<Dim>;
  const auto l = barycentric<Dim>(at);
  std::array<double, R::kNodes> s{};
  for (std::size_t k = 0; k < R::kVertices; ++k) s[k] = l[k] * (2 * l[k] - 1);
  for (std::size_t e = 0; e < R::kEdges; ++e) {
    s[R::kVertices + e] = 4 * l[R::kEdgeFrom[e]] * l[R::kEdgeTo[e]];
  }
  return s;
}

/// Their derivatives along one axis of the reference simplex.
template <int Dim>
constexpr std::array<double, Reference<Dim>::kNodes> slope(const std::array<double, Dim>& at,
                                                           std::size_t axis) {
  using R = Reference<Dim>;
  const auto l = barycentric<Dim>(at);
  std::array<double, Dim + 1> dl{-1.0};
  dl[axis + 1] = 1.0;
  std::array<double, R::kNodes> s{};
  for (std::size_t k = 0; k < R::kVertices; ++k) s[k] = (4 * l[k] - 1) * dl[k];
  for (std::size_t e = 0; e < R::kEdges; ++e) {
    const std::size_t a = R::kEdgeFrom[e], b = R::kEdgeTo[e];
    s[R::kVertices + e] = 4 * (l[a] * dl[b] + l[b] * dl[a]);
  }
  return s;
}

/// Place of a node on the reference simplex.
template <int Dim>
constexpr std::array<double, Dim> node_place(std::size_t k) {
  using R = Reference<Dim>;
  std::array<double, Dim> at{};
  const auto add = [&](std::size_t vertex, double share) {
    if (vertex > 0) at[vertex - 1] += share;
  };
  if (k < R::kVertices) {
    add(k, 1.0);
  } else {
    add(R::kEdgeFrom[k - R::kVertices], 0.5);
    add(R::kEdgeTo[k - R::kVertices], 0.5);
  }
  return at;
}

/// Coordinates of a cell's nodes, node by node.
template <int Dim>
using Places = std::array<double, Dim * Reference<Dim>::kNodes>;

/// The transposed adjugate of a Jacobian: the determinant times d f / d x_c is the sum over the reference's
/// axes r of g[Dim r + c] df/dr.
template <int Dim>
struct Adjugate {
  std::array<double, Dim * Dim> g;
  double determinant;
};

/// From the derivatives of the map, t[r][c] = d x_c / d r.
constexpr Adjugate<2> adjugate_of(const std::array<std::array<double, 2>, 2>& t) {
  const std::array<double, 4> g{t[1][1], -t[1][0], -t[0][1], t[0][0]};
  return {g, g[0] * g[3] - g[1] * g[2]};
}

constexpr Adjugate<3> adjugate_of(const std::array<std::array<double, 3>, 3>& t) {
  Adjugate<3> found{};
  for (std::size_t r = 0; r < 3; ++r) {
    const auto &a = t[(r + 1) % 3], &b = t[(r + 2) % 3];
    for (std::size_t c = 0; c < 3; ++c) {
      found.g[3 * r + c] = a[(c + 1) % 3] * b[(c + 2) % 3] - a[(c + 2) % 3] * b[(c + 1) % 3];
    }
  }
  found.determinant = t[0][0] * found.g[0] + t[0][1] * found.g[1] + t[0][2] * found.g[2];
  return found;
}

/// Of the map that takes the reference nodes to `places`, at one point.
template <int Dim>
constexpr Adjugate<Dim> adjugate(const Places<Dim>& places, const std::array<double, Dim>& at) {
  std::array<std::array<double, Dim>, Dim> t{};
  for (std::size_t r = 0; r < Dim; ++r) {
    const auto s = slope<Dim>(at, r);
    for (std::size_t k = 0; k < s.size(); ++k) {
      for (std::size_t c = 0; c < Dim; ++c) t[r][c] += places[Dim * k + c] * s[k];
    }
  }
  return adjugate_of(t);
}

/// Of a straight cell: from its vertices alone, without rounding from the edges' nodes.
template <int Dim>
constexpr Adjugate<Dim> adjugate(const Places<Dim>& places) {
  std::array<std::array<double, Dim>, Dim> t{};
  for (std::size_t r = 0; r < Dim; ++r) {
    for (std::size_t c = 0; c < Dim; ++c) t[r][c] = places[Dim * (r + 1) + c] - places[c];
  }
  return adjugate_of(t);
}

}  // namespace nonideal::flow
