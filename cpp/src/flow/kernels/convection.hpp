#pragma once

#include <cstdint>

/// What taylor_hood.cpp and its kernel share: plain structs of raw pointers, no member functions.
namespace nonideal::flow::kernels {

inline constexpr int kLanes = 8;                      ///< cells that are done together
inline constexpr int kMaxPoints[4] = {0, 0, 12, 38};  ///< most points of a rule, by dimension

/// A quadrature rule's tables, row by point; n is the number of a cell's nodes, 6 or 10.
struct Rule {
  std::int64_t n_points;
  const double* shape;           ///< (n_points, n)
  const double* weighted_shape;  ///< times the point's weight
  const double* slope[3];        ///< derivatives along each axis of the reference simplex
  const double* weighted_pairs;  ///< (n_points, n * n): weight * shape_i * shape_j
};

/// Blocks of kLanes cells; geometry and local values are aligned to 64 bytes.
struct Cells {
  Rule rule;
  const std::int32_t* nodes;          ///< (block, n, kLanes)
  const double* geometry;             ///< (block, 1 or n_points, dim * dim, kLanes)
  std::int64_t points_with_geometry;  ///< 1: straight cells
  const double* velocity;             ///< (n_nodes, dim)
  double* local;                      ///< (block, n * n, kLanes)
  std::int64_t stride;                ///< of the dim * dim matrices of a gradient: numbers between them
};

#define NONIDEAL_FLOW_ENTRIES                                                                \
  void convection_2d(const Cells& cells, std::int64_t first_block, std::int64_t last_block); \
  void convection_3d(const Cells& cells, std::int64_t first_block, std::int64_t last_block); \
  void gradient_2d(const Cells& cells, std::int64_t first_block, std::int64_t last_block);   \
  void gradient_3d(const Cells& cells, std::int64_t first_block, std::int64_t last_block);

namespace baseline {
NONIDEAL_FLOW_ENTRIES
}
namespace avx2 {
NONIDEAL_FLOW_ENTRIES
}
namespace avx512 {
NONIDEAL_FLOW_ENTRIES
}
#undef NONIDEAL_FLOW_ENTRIES

}  // namespace nonideal::flow::kernels
