#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"

/// The message step of an equivariant network: a radial filter, products along the edges, sums per centre.
///
/// Edge e leads from its neighbour j to its centre i and has a vector D (angstrom, from i to j), d = |D|,
/// u = -D / d, s = d / cutoff. With F channels and R Gaussians phi (centres linspace(0, 1, R), as wide as
/// their spacing) and the envelope env(s) = 1 - (p+1)(p+2)/2 s^p + p(p+2) s^(p+1) - p(p+1)/2 s^(p+2):
///     w = weight (env phi) + bias                 (3F numbers; times env once more where smooth)
///     (a, b, c) = split(q_j w) / sqrt 3
///     dx_i = sum_e c,   dv_i = sum_e (a v_j + u (x) b) / sqrt F.
/// Edges of the cutoff's length and longer contribute nothing.
///
/// Source: Z. Yang et al., arXiv 2311.02869 (2023).
///
/// Arrays are row-major, the channel runs fastest: q n x 3F, v n x 3 x F, vectors E x 3, weight 3F x R, bias
/// 3F, dx n x F, dv n x 3 x F. T is float or double. No array of edges times channels is stored.
///
/// Deterministic: the same bits for every number of threads. Instruction sets differ by rounding, since some
/// multiply and add in one instruction: relative to the largest result, 1e-13 (double) and 1e-5 (float).
/// Gaussians beyond 6 spacings (float: below 2e-8) or 9 (double: below 3e-18) are left out.
namespace nonideal::atoms {

/// Edges by centre: those of centre i are [indptr[i], indptr[i + 1]).
struct CsrView {
  std::span<const std::int64_t> indptr;     ///< n_centers + 1 numbers, from 0, not falling
  std::span<const std::int32_t> neighbors;  ///< each in [0, n_nodes)
  std::int64_t n_nodes = 0;
};

/// Throws InvalidArgument unless the graph is one of less than 2^31 edges and nodes, naming `indptr`,
/// `neighbors` or `n_nodes`. O(centers + edges).
NONIDEAL_API void validate(const CsrView& csr);

/// The same edges by source: those of node j are [indptr[j], indptr[j + 1]); entry t stands for edge
/// edges[t], whose centre is centers[t]. A symmetric list with a map of reverse edges already is its own
/// transpose: {indptr, reverse, neighbors}.
struct SourceView {
  std::span<const std::int64_t> indptr;
  std::span<const std::int32_t> edges, centers;
};

struct Transposed {
  std::vector<std::int64_t> indptr;
  std::vector<std::int32_t> edges, centers;
  SourceView view() const { return {indptr, edges, centers}; }
};

/// Precondition: validate(csr). Entries of a node in the order of the edges. Cost: two sweeps over the edges.
NONIDEAL_API Transposed transpose(const CsrView& csr);

struct MessageOptions {
  std::int64_t channels = 0;  ///< F >= 1
  std::int64_t n_rbf = 0;     ///< R >= 2
  double cutoff = 0.0;        ///< angstrom
  int exponent = 5;           ///< p of the envelope, 1 to 64
  bool smooth = true;
};

template <class T>
struct MessageInputs {
  std::span<const T> q, v, vectors, weight, bias;
};

/// An empty span: that gradient is not wanted (it saves time for `vectors`, and for `weight` with `bias`).
template <class T>
struct MessageGradients {
  std::span<T> q, v, vectors, weight, bias;
};

/// dx and dv. Precondition: validate(csr).
/// Cost per edge and channel: 6 x 2 `half band` + 16 flops, half band = 6 or 9 Gaussians.
/// Throws InvalidArgument for sizes that do not fit, and vectors that are zero or not finite.
template <class T>
NONIDEAL_API void message_forward(const CsrView& csr, const MessageOptions& options,
                                  const MessageInputs<T>& inputs, std::span<T> dx, std::span<T> dv,
                                  int num_threads = 0);

/// The gradients of sum(gx dx) + sum(gv dv), gx (n_centers x F), gv (n_centers x 3 x F). Every gradient has
/// its input's size; all of them are overwritten. Precondition: `sources` is the transposed graph.
template <class T>
NONIDEAL_API void message_backward(const SourceView& sources, const MessageOptions& options,
                                   const MessageInputs<T>& inputs, std::span<const T> gx,
                                   std::span<const T> gv, const MessageGradients<T>& gradients,
                                   int num_threads = 0);

/// The vector-Jacobian product of the backward pass: the gradients of <direction, message_backward(...)> by
/// all inputs and by gx and gv. `direction` is shaped as the inputs; its weight and bias may both be empty,
/// which means zero. All gradients are wanted.
template <class T>
NONIDEAL_API void message_second(const CsrView& csr, const SourceView& sources, const MessageOptions& options,
                                 const MessageInputs<T>& inputs, std::span<const T> gx, std::span<const T> gv,
                                 const MessageInputs<T>& direction, const MessageGradients<T>& gradients,
                                 std::span<T> by_gx, std::span<T> by_gv, int num_threads = 0);

}  // namespace nonideal::atoms
