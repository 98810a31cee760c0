#pragma once

#include <array>

#include "nonideal/atoms/neighbors.hpp"

namespace nonideal::atoms {

/// A cell that can be divided by: axes that aren't periodic have got unit vectors, perpendicular to the
/// others.
struct Lattice {
  std::array<double, 9> rows{};     ///< vectors
  std::array<double, 9> inverse{};  ///< its column k gives an atom's place along axis k
  std::array<double, 3> heights{};  ///< distances between opposite faces
  std::array<bool, 3> periodic{};
};

/// Precondition: check_cell().
Lattice make_lattice(const Cell& cell);

}  // namespace nonideal::atoms
