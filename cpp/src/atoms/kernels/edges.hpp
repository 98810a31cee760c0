#pragma once

#include <cstdint>

/// Messages along edges with the radial filter from a table, or given per edge. What the library and its
/// kernels share: plain structs of raw pointers, T = float or double.
///
/// A row of channels is a multiple of kGroup long and begins at a multiple of 64 bytes. Features of an atom
/// are one row of 6 F numbers, [q_a, q_b, q_c, v_x, v_y, v_z]; incoming gradients one of 4 F, [G_x, G_vx,
/// G_vy, G_vz]. Every output belongs to one centre and is summed in the order of its edges.
///
/// Compiled with -ffp-contract=fast: one instruction set gives the same bits always, others differ by
/// round-off.
namespace nonideal::atoms::kernels {

template <class T>
inline constexpr std::int64_t kGroup = 64 / static_cast<std::int64_t>(sizeof(T));

/// An edge of a centre's row: its unit vector, which points from the neighbour to the centre, and its place
/// in the table.
template <class T>
struct Edge {
  std::int32_t neighbor;
  std::int32_t knot;  ///< interval of the table; of a given filter: row
  T t;                ///< place within the interval, in [0, 1]
  T u[3];
};

/// Filters w(d) of the parts a, b, c, or of b and c alone. A table holds, for every knot and group of
/// channels, for every part kGroup values and kGroup slopes (per interval). A given filter holds for every
/// edge a row of values and a row of slopes (per angstrom): for every group and part kGroup numbers.
template <class T>
struct FilterRows {
  const T* rows;
  bool tabulated;
};

/// For every centre i in [begin, end): dx_i = sum_e c_e and dv_i = sum_e (a_e v_j + u_e b_e); in layer 0 v =
/// 0 and features are one row of 3 F per species, indexed by the neighbours' `species`.
template <class T>
struct MessageForward {
  std::int64_t begin, end, channels;
  const std::int64_t* indptr;
  const Edge<T>* edges;
  const std::int32_t* species;  ///< of every atom; null beyond layer 0
  const T* features;
  FilterRows<T> filter;
  T* sums;  ///< (end - begin, 4 F): dx, dv
};

/// For every atom i in [begin, end), which the messages of its row LEAVE: edge p of the row carries one from
/// i to its neighbour j, along sign * u; sums_i = dE/dq_i, dE/dv_i from the incoming gradients of the
/// neighbours, and, per edge, derivatives[4 p] += dE/dd (per interval of a table) and dE/du. In layer 0 only
/// the latter.
template <class T>
struct MessageBackward {
  std::int64_t begin, end, channels;
  const std::int64_t* indptr;
  const Edge<T>* edges;
  const std::int32_t* species;  ///< as above
  const T* features;
  const T* gradients;
  FilterRows<T> filter;
  T sign;   ///< -1 where the row holds edges to i, which are those from i turned round
  T* sums;  ///< (end - begin, 6 F)
  T* derivatives;
  T* work;  ///< 3 F numbers
};

/// For every centre i in [begin, end) and edge e, from neighbours with features to i with gradients:
/// derivatives[4 e] += dE/dd and dE/du.
template <class T>
struct EdgeDerivatives {
  std::int64_t begin, end, channels;
  const std::int64_t* indptr;
  const Edge<T>* edges;
  const std::int32_t* species;
  const std::int64_t* reverse;  ///< edges where this is not negative are left out
  const T* features;
  const T* gradients;
  FilterRows<T> filter;
  T* derivatives;
};

#define NONIDEAL_ATOMS_EDGES(T)                       \
  void message_forward(const MessageForward<T>& m);   \
  void message_backward(const MessageBackward<T>& m); \
  void edge_derivatives(const EdgeDerivatives<T>& m);
#define NONIDEAL_ATOMS_KERNELS(isa) \
  namespace isa {                   \
  NONIDEAL_ATOMS_EDGES(float)       \
  NONIDEAL_ATOMS_EDGES(double)      \
  }
NONIDEAL_ATOMS_KERNELS(baseline)
NONIDEAL_ATOMS_KERNELS(avx2)
NONIDEAL_ATOMS_KERNELS(avx512)
#undef NONIDEAL_ATOMS_KERNELS
#undef NONIDEAL_ATOMS_EDGES

}  // namespace nonideal::atoms::kernels
