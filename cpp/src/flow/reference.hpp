#pragma once

#include <array>
#include <cstddef>

/// The reference triangle (0, 0), (1, 0), (0, 1): quadrature and shape functions.
namespace nonideal::flow {

struct QuadraturePoint {
  double weight;  ///< the weights of a rule add up to 1/2
  double xi, eta;
};

namespace rules {

/// Points (a, a), (a, 1 - 2a), (1 - 2a, a) from `at` on.
template <std::size_t N>
constexpr void three(std::array<QuadraturePoint, N>& rule, std::size_t at, double weight, double a) {
  const double b = 1.0 - 2.0 * a;
  rule[at] = {weight / 2, a, a};
  rule[at + 1] = {weight / 2, a, b};
  rule[at + 2] = {weight / 2, b, a};
}

constexpr std::array<QuadraturePoint, 7> degree_five() {
  constexpr double root = 3.8729833462074168852;  // sqrt(15)
  std::array<QuadraturePoint, 7> rule{};
  rule[0] = {0.1125, 1.0 / 3, 1.0 / 3};
  three(rule, 1, (155.0 - root) / 1200, (6.0 - root) / 21);
  three(rule, 4, (155.0 + root) / 1200, (6.0 + root) / 21);
  return rule;
}

constexpr std::array<QuadraturePoint, 12> degree_six() {
  std::array<QuadraturePoint, 12> rule{};
  three(rule, 0, 0.11678627572637851, 0.24928674517091087);
  three(rule, 3, 0.05084490637020662, 0.06308901449150204);
  constexpr double weight = 0.08285107561837386 / 2;
  constexpr double c[3] = {0.05314504984481732, 0.31035245103378402, 0.63650249912139867};
  constexpr int order[6][2] = {{0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 2}, {2, 1}};
  for (std::size_t k = 0; k < 6; ++k) rule[6 + k] = {weight, c[order[k][0]], c[order[k][1]]};
  return rule;
}

}  // namespace rules

/// Exact for polynomials of degree 5 (Radon): all integrals over straight cells.
inline constexpr std::array<QuadraturePoint, 7> kDegreeFive = rules::degree_five();
/// Exact for degree 6 (Dunavant, Int. J. Numer. Methods Eng. 21, 1129, 1985; digits refined): over curved
/// cells all but the viscous integral, which is no polynomial there.
inline constexpr std::array<QuadraturePoint, 12> kDegreeSix = rules::degree_six();

/// P2 shape functions: vertices, then sides 0-1, 1-2, 2-0.
constexpr std::array<double, 6> shape(double xi, double eta) {
  const double l = 1.0 - xi - eta;
  return {l * (2 * l - 1), xi * (2 * xi - 1), eta * (2 * eta - 1), 4 * l * xi, 4 * xi * eta, 4 * eta * l};
}

constexpr std::array<double, 6> shape_xi(double xi, double eta) {
  const double l = 1.0 - xi - eta;
  return {1 - 4 * l, 4 * xi - 1, 0.0, 4 * (l - xi), 4 * eta, -4 * eta};
}

constexpr std::array<double, 6> shape_eta(double xi, double eta) {
  const double l = 1.0 - xi - eta;
  return {1 - 4 * l, 0.0, 4 * eta - 1, -4 * xi, 4 * xi, 4 * (l - eta)};
}

/// Nodes on the reference triangle.
inline constexpr double kNodeXi[6] = {0.0, 1.0, 0.0, 0.5, 0.5, 0.0};
inline constexpr double kNodeEta[6] = {0.0, 0.0, 1.0, 0.0, 0.5, 0.5};

/// Ends of side k: its node is number 3 + k.
inline constexpr std::size_t kSideFrom[3] = {0, 1, 2};
inline constexpr std::size_t kSideTo[3] = {1, 2, 0};

/// The transposed adjugate of the Jacobian: the determinant times the gradient of a function f is
/// (g0 f_xi + g2 f_eta, g1 f_xi + g3 f_eta).
struct Adjugate {
  double g0, g1, g2, g3;  ///< y_eta, -x_eta, -y_xi, x_xi
  constexpr double determinant() const { return g0 * g3 - g1 * g2; }
};

/// Of the map that takes the 6 reference nodes to `xy` (x0, y0, x1, ...).
constexpr Adjugate adjugate(const std::array<double, 12>& xy, double xi, double eta) {
  const std::array<double, 6> dxi = shape_xi(xi, eta), deta = shape_eta(xi, eta);
  double x_xi = 0.0, x_eta = 0.0, y_xi = 0.0, y_eta = 0.0;
  for (std::size_t k = 0; k < 6; ++k) {
    x_xi += xy[2 * k] * dxi[k];
    x_eta += xy[2 * k] * deta[k];
    y_xi += xy[2 * k + 1] * dxi[k];
    y_eta += xy[2 * k + 1] * deta[k];
  }
  return {y_eta, -x_eta, -y_xi, x_xi};
}

/// Of a straight cell: from its vertices alone, without rounding from the side nodes.
constexpr Adjugate adjugate(const std::array<double, 12>& xy) {
  return {xy[5] - xy[1], -(xy[4] - xy[0]), -(xy[3] - xy[1]), xy[2] - xy[0]};
}

}  // namespace nonideal::flow
