#pragma once

#include <cstdint>

/// The passes over the edges: plain pointers, channels padded to whole registers.
namespace nonideal::atoms::kernels {

/// Gaussians on either side of a distance, in spacings: beyond, they are below e^-18 (float) and e^-40.
template <class T>
inline constexpr int kHalfBand = sizeof(T) == 4 ? 6 : 9;

/// One pass. The edges of row r are [indptr[r], indptr[r + 1]); edge t has the vector of number edges[t] (t
/// itself where edges is null) and leads to nodes[t]. Rows are centres in `forward`, sources in `backward`.
///
/// The filter is packed by tiles, a register of channels each: tile, row, part a b c, lanes. Row k + half - 1
/// belongs to Gaussian k, zeros around, the bias comes last.
template <class T>
struct MessageArgs {
  std::int64_t channels;  ///< padded
  std::int64_t n_rbf;
  std::int64_t filter_rows;  ///< of a tile
  double cutoff;
  int exponent;
  bool smooth;
  const std::int64_t* indptr;
  const std::int32_t* nodes;
  const std::int32_t* edges;
  const T *q, *v, *vectors, *filter;
  const T *direction_q, *direction_v, *direction_vectors;  ///< of the tangent passes alone
  const T* direction_filter;                               ///< null: zero
  const T *gx, *gv;                                        ///< incoming gradients
  T *x, *y;             ///< results per row: dx and dv, or the gradients by q and v
  T* edge_gradients;    ///< by vectors; null where not wanted
  T* filter_gradients;  ///< packed as `filter` is, added to; null where not wanted
};

/// Each treats the rows [begin, end).
template <class T>
struct MessagePasses {
  using Pass = void (*)(const MessageArgs<T>& args, std::int64_t begin, std::int64_t end);
  std::int64_t lanes;     ///< channels of a tile
  Pass forward;           ///< dx and dv
  Pass forward_tangent;   ///< their derivative along the direction
  Pass backward;          ///< the gradients of <gx, dx> + <gv, dv>
  Pass backward_tangent;  ///< their derivative along the direction; both optional results are wanted
};

#define NONIDEAL_MESSAGE_KERNELS(isa)    \
  namespace isa {                        \
  MessagePasses<float> float_passes();   \
  MessagePasses<double> double_passes(); \
  }
NONIDEAL_MESSAGE_KERNELS(baseline)
NONIDEAL_MESSAGE_KERNELS(avx2)
NONIDEAL_MESSAGE_KERNELS(avx512)
#undef NONIDEAL_MESSAGE_KERNELS

}  // namespace nonideal::atoms::kernels
