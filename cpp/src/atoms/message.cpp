#include "nonideal/atoms/message.hpp"

#include <limits>

#include "atoms/message.hpp"

namespace nonideal::atoms {
namespace {

using namespace detail;

constexpr std::int64_t kPartials = 32;  ///< sums of the filter's gradient, at most
constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();  ///< edges, centres, nodes

template <class T>
Packing<T> band_packing(const MessageOptions& options) {
  return {.channels = options.channels, .rows = options.n_rbf + 2 * kernels::kHalfBand<T> - 1};
}

template <class T>
std::vector<T> pack_band(const MessageOptions& options, std::span<const T> weight, std::span<const T> bias) {
  const Packing<T> packing = band_packing<T>(options);
  constexpr std::int64_t kBefore = kernels::kHalfBand<T> - 1;
  std::vector<T> packed(unsign(packing.size()), T(0));
  packing.each([&](std::int64_t channel, std::int64_t at, std::int64_t step, double factor) {
    const T* const from = weight.data() + channel * options.n_rbf;
    T* const to = packed.data() + at;
    const T scale = static_cast<T>(factor);
    for (std::int64_t k = 0; k < options.n_rbf; ++k) to[(k + kBefore) * step] = from[k] * scale;
    to[(packing.rows - 1) * step] = bias[unsign(channel)] * scale;
  });
  return packed;
}

template <class T>
void unpack_band(const MessageOptions& options, const std::vector<T>& packed, std::span<T> weight,
                 std::span<T> bias) {
  const Packing<T> packing = band_packing<T>(options);
  constexpr std::int64_t kBefore = kernels::kHalfBand<T> - 1;
  packing.each([&](std::int64_t channel, std::int64_t at, std::int64_t step, double factor) {
    T* const to = weight.data() + channel * options.n_rbf;
    const T* const from = packed.data() + at;
    const T scale = static_cast<T>(factor);
    for (std::int64_t k = 0; k < options.n_rbf; ++k) to[k] = from[(k + kBefore) * step] * scale;
    bias[unsign(channel)] = from[(packing.rows - 1) * step] * scale;
  });
}

/// A pass with the filter's gradient: blocks of rows that do not depend on the threads have their own sums,
/// which are added in order.
template <class T>
std::vector<T> run_with_sums(Pass<T> pass, const kernels::MessageArgs<T>& args, std::int64_t rows,
                             std::int64_t size, int num_threads) {
  const std::int64_t edges = rows > 0 ? args.indptr[rows] : 0;
  const std::int64_t most = std::clamp<std::int64_t>(edges / 512, 1, kPartials);
  const std::int64_t block = std::max<std::int64_t>(1, (rows + most - 1) / most);
  const std::int64_t blocks = std::max<std::int64_t>(1, (rows + block - 1) / block);
  std::vector<T> sums(unsign(blocks * size), T(0));
  const int threads = resolve_threads(num_threads, edges * args.channels, kMinWork);
  for_blocks(rows, block, threads, [&](std::int64_t begin, std::int64_t end) {
    kernels::MessageArgs<T> own = args;
    own.filter_gradients = sums.data() + begin / block * size;
    pass(own, begin, end);
  });
  for (std::int64_t b = 1; b < blocks; ++b) {
    const T* const from = sums.data() + b * size;
    for (std::int64_t k = 0; k < size; ++k) sums[unsign(k)] += from[k];
  }
  sums.resize(unsign(size));
  return sums;
}

}  // namespace

void validate(const CsrView& csr) {
  const auto& indptr = csr.indptr;
  if (indptr.empty()) throw InvalidArgument("indptr: expected at least 1 number, got 0");
  expect_within("n_nodes", csr.n_nodes, 0, kMost);
  expect_within("centres of indptr", n_rows(indptr), 0, kMost);
  expect_within("indptr[0]", indptr.front(), 0, 0);
  for (std::size_t i = 1; i < indptr.size(); ++i) {
    expect_at_least(bracketed("indptr", static_cast<std::int64_t>(i)), indptr[i], indptr[i - 1]);
  }
  expect_within(bracketed("indptr", n_rows(indptr)), indptr.back(), 0, kMost);
  expect_count("neighbors", "edges", length(csr.neighbors), indptr.back());
  for (std::size_t e = 0; e < csr.neighbors.size(); ++e) {
    const std::int32_t j = csr.neighbors[e];
    if (j < 0 || j >= csr.n_nodes) {
      throw InvalidArgument(bracketed("neighbors", static_cast<std::int64_t>(e)) + " = " + std::to_string(j) +
                            " is outside [0, " + std::to_string(csr.n_nodes) + ")");
    }
  }
}

Transposed transpose(const CsrView& csr) {
  Transposed result;
  const std::size_t edges = csr.neighbors.size();
  result.indptr.assign(unsign(csr.n_nodes + 1), 0);
  result.edges.resize(edges);
  result.centers.resize(edges);
  for (const std::int32_t j : csr.neighbors) ++result.indptr[unsign(j) + 1];
  for (std::size_t j = 1; j < result.indptr.size(); ++j) result.indptr[j] += result.indptr[j - 1];
  std::vector<std::int64_t> next(result.indptr.begin(), result.indptr.end() - 1);
  for (std::int64_t i = 0; i < n_rows(csr.indptr); ++i) {
    for (std::int64_t e = csr.indptr[unsign(i)]; e < csr.indptr[unsign(i + 1)]; ++e) {
      const std::int64_t t = next[unsign(csr.neighbors[unsign(e)])]++;
      result.edges[unsign(t)] = static_cast<std::int32_t>(e);
      result.centers[unsign(t)] = static_cast<std::int32_t>(i);
    }
  }
  return result;
}

template <class T>
void message_forward(const CsrView& csr, const MessageOptions& options, const MessageInputs<T>& inputs,
                     std::span<T> dx, std::span<T> dv, int num_threads) {
  expect_options(options);
  const std::int64_t rows = n_rows(csr.indptr), channels = options.channels;
  expect_inputs(options, inputs.q, inputs.v, inputs.vectors, csr.n_nodes, length(csr.neighbors));
  expect_filter(options, inputs.weight, inputs.bias);
  expect_centers(options, dx, dv, rows, "dx", "dv");
  expect_directions(inputs.vectors);
  const std::vector<T> filter = pack_band<T>(options, inputs.weight, inputs.bias);
  const Rows<T> q(inputs.q, channels), v(inputs.v, channels);
  ResultRows<T> x(dx, channels), y(dv, channels);
  auto args = arguments<T>(options, band_packing<T>(options).rows, csr.indptr, csr.neighbors);
  args.filter = filter.data();
  args.q = q.data();
  args.v = v.data();
  args.vectors = inputs.vectors.data();
  args.x = x.data();
  args.y = y.data();
  run(passes<T>().forward, args, rows, num_threads);
  x.finish();
  y.finish();
}

template <class T>
void message_backward(const SourceView& sources, const MessageOptions& options,
                      const MessageInputs<T>& inputs, std::span<const T> gx, std::span<const T> gv,
                      const MessageGradients<T>& gradients, int num_threads) {
  expect_options(options);
  const std::int64_t rows = n_rows(sources.indptr), channels = options.channels;
  const std::int64_t edges = length(sources.edges);
  expect_inputs(options, inputs.q, inputs.v, inputs.vectors, rows, edges);
  expect_filter(options, inputs.weight, inputs.bias);
  expect_centers(options, gx, gv, length(gx) / channels, "gx", "gv");
  const bool vectors = !gradients.vectors.empty(), weights = !gradients.weight.empty();
  expect_size("gradients.q", gradients.q, length(inputs.q));
  expect_size("gradients.v", gradients.v, length(inputs.v));
  if (vectors) expect_size("gradients.vectors", gradients.vectors, length(inputs.vectors));
  if (weights) expect_filter(options, gradients.weight, gradients.bias);
  const std::vector<T> filter = pack_band<T>(options, inputs.weight, inputs.bias);
  const Rows<T> q(inputs.q, channels), v(inputs.v, channels), x(gx, channels), y(gv, channels);
  ResultRows<T> by_q(gradients.q, channels), by_v(gradients.v, channels);
  auto args = arguments<T>(options, band_packing<T>(options).rows, sources.indptr, sources.centers);
  args.edges = sources.edges.data();
  args.filter = filter.data();
  args.q = q.data();
  args.v = v.data();
  args.vectors = inputs.vectors.data();
  args.gx = x.data();
  args.gv = y.data();
  args.x = by_q.data();
  args.y = by_v.data();
  args.edge_gradients = vectors ? gradients.vectors.data() : nullptr;
  if (weights) {
    const auto sums = run_with_sums(passes<T>().backward, args, rows, length(std::span(filter)), num_threads);
    unpack_band(options, sums, gradients.weight, gradients.bias);
  } else {
    run(passes<T>().backward, args, rows, num_threads);
  }
  by_q.finish();
  by_v.finish();
}

template <class T>
void message_second(const CsrView& csr, const SourceView& sources, const MessageOptions& options,
                    const MessageInputs<T>& inputs, std::span<const T> gx, std::span<const T> gv,
                    const MessageInputs<T>& direction, const MessageGradients<T>& gradients,
                    std::span<T> by_gx, std::span<T> by_gv, int num_threads) {
  expect_options(options);
  const std::int64_t centers = n_rows(csr.indptr), rows = n_rows(sources.indptr);
  const std::int64_t channels = options.channels, edges = length(csr.neighbors);
  expect_inputs(options, inputs.q, inputs.v, inputs.vectors, rows, edges);
  expect_inputs(options, direction.q, direction.v, direction.vectors, rows, edges);
  expect_inputs(options, gradients.q, gradients.v, gradients.vectors, rows, edges);
  expect_filter(options, inputs.weight, inputs.bias);
  expect_filter(options, gradients.weight, gradients.bias);
  const bool moves = !(direction.weight.empty() && direction.bias.empty());
  if (moves) expect_filter(options, direction.weight, direction.bias);
  expect_centers(options, gx, gv, centers, "gx", "gv");
  expect_centers(options, by_gx, by_gv, centers, "by_gx", "by_gv");
  const std::vector<T> filter = pack_band<T>(options, inputs.weight, inputs.bias);
  const std::vector<T> moved =
      moves ? pack_band<T>(options, direction.weight, direction.bias) : std::vector<T>();
  const Rows<T> q(inputs.q, channels), v(inputs.v, channels), x(gx, channels), y(gv, channels);
  const Rows<T> moved_q(direction.q, channels), moved_v(direction.v, channels);
  ResultRows<T> by_q(gradients.q, channels), by_v(gradients.v, channels);
  ResultRows<T> by_x(by_gx, channels), by_y(by_gv, channels);
  auto args = arguments<T>(options, band_packing<T>(options).rows, csr.indptr, csr.neighbors);
  args.filter = filter.data();
  args.q = q.data();
  args.v = v.data();
  args.vectors = inputs.vectors.data();
  args.direction_q = moved_q.data();
  args.direction_v = moved_v.data();
  args.direction_vectors = direction.vectors.data();
  args.direction_filter = moves ? moved.data() : nullptr;
  args.x = by_x.data();
  args.y = by_y.data();
  run(passes<T>().forward_tangent, args, centers, num_threads);
  args.indptr = sources.indptr.data();
  args.nodes = sources.centers.data();
  args.edges = sources.edges.data();
  args.gx = x.data();
  args.gv = y.data();
  args.x = by_q.data();
  args.y = by_v.data();
  args.edge_gradients = gradients.vectors.data();
  const auto sums =
      run_with_sums(passes<T>().backward_tangent, args, rows, length(std::span(filter)), num_threads);
  unpack_band(options, sums, gradients.weight, gradients.bias);
  by_q.finish();
  by_v.finish();
  by_x.finish();
  by_y.finish();
}

#define NONIDEAL_MESSAGE(T)                                                                             \
  template void message_forward<T>(const CsrView&, const MessageOptions&, const MessageInputs<T>&,      \
                                   std::span<T>, std::span<T>, int);                                    \
  template void message_backward<T>(const SourceView&, const MessageOptions&, const MessageInputs<T>&,  \
                                    std::span<const T>, std::span<const T>, const MessageGradients<T>&, \
                                    int);                                                               \
  template void message_second<T>(const CsrView&, const SourceView&, const MessageOptions&,             \
                                  const MessageInputs<T>&, std::span<const T>, std::span<const T>,      \
                                  const MessageInputs<T>&, const MessageGradients<T>&, std::span<T>,    \
                                  std::span<T>, int);
NONIDEAL_MESSAGE(float)
NONIDEAL_MESSAGE(double)
#undef NONIDEAL_MESSAGE

}  // namespace nonideal::atoms
