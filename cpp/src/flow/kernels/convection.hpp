#pragma once

#include <cstdint>

/// What taylor_hood.cpp and its kernel share: plain structs of raw pointers, no member functions.
namespace nonideal::flow::kernels {

inline constexpr int kLanes = 8;  ///< cells that are done together

/// A quadrature rule's tables, row by point.
struct Rule {
  std::int64_t n_points;
  const double* shape;           ///< (n_points, 6)
  const double* weighted_shape;  ///< times the point's weight
  const double* xi;              ///< derivatives
  const double* eta;
  const double* weighted_pairs;  ///< (n_points, 36): weight * shape_i * shape_j
};

/// Blocks of kLanes cells; geometry and local values are aligned to 64 bytes.
struct Cells {
  Rule rule;
  const std::int32_t* nodes;          ///< (block, 6, kLanes)
  const double* geometry;             ///< (block, 1 or n_points, 4, kLanes)
  std::int64_t points_with_geometry;  ///< 1: straight cells
  const double* velocity;             ///< (n_nodes, 2)
  double* local;                      ///< (block, 36, kLanes)
  std::int64_t stride;                ///< of the four matrices of gradient(): numbers between them
};

#define NONIDEAL_FLOW_ENTRIES                                                             \
  void convection(const Cells& cells, std::int64_t first_block, std::int64_t last_block); \
  void gradient(const Cells& cells, std::int64_t first_block, std::int64_t last_block);

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
