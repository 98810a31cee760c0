#include "atoms/lattice.hpp"

#include <cmath>
#include <cstddef>

#include "base/check.hpp"
#include "nonideal/base/error.hpp"

namespace nonideal::atoms {
namespace {

using Vector = std::array<double, 3>;

/// Volume of a cell over that of a box with the same edges. Rounding alone makes about 1e-16.
constexpr double kFlattest = 1e-10;

Vector row(const std::array<double, 9>& rows, std::size_t axis) {
  return {rows[3 * axis], rows[3 * axis + 1], rows[3 * axis + 2]};
}

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double length(const Vector& a) { return std::sqrt(dot(a, a)); }

Vector scaled(const Vector& a, double factor) { return {a[0] * factor, a[1] * factor, a[2] * factor}; }

/// Of unit length; scaled first, so that no square overflows or vanishes.
Vector unit(const Vector& a) {
  const double largest = std::fmax(std::fabs(a[0]), std::fmax(std::fabs(a[1]), std::fabs(a[2])));
  const Vector moderate = {a[0] / largest, a[1] / largest, a[2] / largest};
  return scaled(moderate, 1.0 / length(moderate));
}

/// Any unit vector perpendicular to a.
Vector perpendicular(const Vector& a) {
  std::size_t least = 0;
  for (std::size_t axis = 1; axis < 3; ++axis) {
    if (std::fabs(a[axis]) < std::fabs(a[least])) least = axis;
  }
  Vector other{};
  other[least] = 1.0;
  return unit(cross(a, other));
}

void put(std::array<double, 9>& rows, std::size_t axis, const Vector& vector) {
  for (std::size_t x = 0; x < 3; ++x) rows[3 * axis + x] = vector[x];
}

}  // namespace

void check_cell(const std::string& name, const Cell& cell) {
  for (std::size_t i = 0; i < 9; ++i) {
    if (!std::isfinite(cell.rows[i])) {
      throw InvalidArgument(name + "[" + std::to_string(i / 3) + ", " + std::to_string(i % 3) +
                            "] = " + detail::shortest(cell.rows[i]) + " is not finite");
    }
  }
  std::array<Vector, 3> units{};
  std::size_t n_units = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const Vector vector = row(cell.rows, axis);
    const bool zero = vector[0] == 0.0 && vector[1] == 0.0 && vector[2] == 0.0;
    if (zero && cell.periodic[axis]) {
      throw InvalidArgument(name + "[" + std::to_string(axis) + "] is zero, but this axis is periodic");
    }
    if (!zero) units[n_units++] = unit(vector);
  }
  double share = 1.0;
  if (n_units == 2) share = length(cross(units[0], units[1]));
  if (n_units == 3) share = std::fabs(dot(units[0], cross(units[1], units[2])));
  if (share < kFlattest) {
    throw InvalidArgument(name + " is singular: its vectors span " + detail::shortest(share) +
                          " of a box of such edges, below 1e-10");
  }
}

Lattice make_lattice(const Cell& cell) {
  Lattice lattice{.rows = cell.rows, .inverse = {}, .heights = {}, .periodic = cell.periodic};
  std::array<std::size_t, 3> kept{}, missing{};
  std::size_t n_kept = 0, n_missing = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (cell.periodic[axis]) {
      kept[n_kept++] = axis;
    } else {
      missing[n_missing++] = axis;
    }
  }
  if (n_kept == 0) {
    lattice.rows = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  } else if (n_kept == 1) {
    const Vector along = unit(row(cell.rows, kept[0]));
    const Vector first = perpendicular(along);
    put(lattice.rows, missing[0], first);
    put(lattice.rows, missing[1], unit(cross(along, first)));
  } else if (n_kept == 2) {
    put(lattice.rows, missing[0], unit(cross(unit(row(cell.rows, kept[0])), unit(row(cell.rows, kept[1])))));
  }
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const Vector normal =
        unit(cross(unit(row(lattice.rows, (axis + 1) % 3)), unit(row(lattice.rows, (axis + 2) % 3))));
    const double height = dot(row(lattice.rows, axis), normal);  // negative in left-handed cells
    lattice.heights[axis] = std::fabs(height);
    for (std::size_t x = 0; x < 3; ++x) lattice.inverse[3 * x + axis] = normal[x] / height;
  }
  return lattice;
}

}  // namespace nonideal::atoms
