#include "nonideal/atoms/message.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "atoms/kernels/message.hpp"
#include "base/check.hpp"
#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/error.hpp"
#include "nonideal/base/threads.hpp"

namespace nonideal::atoms {
namespace {

constexpr std::int64_t kMinWork = std::int64_t{1} << 17;  ///< edges times channels for a thread
constexpr std::int64_t kRows = 8;                         ///< rows of the graph that a thread takes at once
constexpr std::int64_t kPartials = 32;                    ///< sums of the filter's gradient, at most

std::size_t unsign(std::int64_t n) { return static_cast<std::size_t>(n); }

template <class T>
std::int64_t length(std::span<T> span) {
  return static_cast<std::int64_t>(span.size());
}

template <class T>
constexpr std::int64_t kWidth = 64 / sizeof(T);  ///< channels of a tile

template <class T>
std::int64_t padded(std::int64_t channels) {
  return (channels + kWidth<T> - 1) / kWidth<T> * kWidth<T>;
}

/// Rows of channels, copied only where tiles do not fit.
template <class T>
class Rows {
 public:
  Rows(std::span<const T> from, std::int64_t channels) : at_(from.data()) {
    const std::int64_t wide = padded<T>(channels);
    if (wide == channels) return;
    const std::int64_t rows = length(from) / channels;
    copy_.assign(unsign(rows * wide), T(0));
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy_n(from.data() + r * channels, channels, copy_.data() + r * wide);
    }
    at_ = copy_.data();
  }
  const T* data() const { return at_; }

 private:
  std::vector<T> copy_;
  const T* at_;
};

/// Rows of results.
template <class T>
class ResultRows {
 public:
  ResultRows(std::span<T> to, std::int64_t channels) : to_(to), channels_(channels) {
    const std::int64_t wide = padded<T>(channels);
    if (wide != channels) copy_.assign(unsign(length(to) / channels * wide), T(0));
  }
  T* data() { return copy_.empty() ? to_.data() : copy_.data(); }
  void finish() const {
    const std::int64_t wide = padded<T>(channels_);
    for (std::int64_t r = 0; !copy_.empty() && r < length(to_) / channels_; ++r) {
      std::copy_n(copy_.data() + r * wide, channels_, to_.data() + r * channels_);
    }
  }

 private:
  std::vector<T> copy_;
  std::span<T> to_;
  std::int64_t channels_;
};

/// Where a filter's number stands among the packed ones, and the factor of the sums that belongs to it.
template <class T>
struct Packing {
  std::int64_t channels, rows;

  std::int64_t tiles() const { return padded<T>(channels) / kWidth<T>; }
  std::int64_t size() const { return tiles() * rows * 3 * kWidth<T>; }

  /// Calls body(part * channels + c, place of row 0, distance between rows, factor).
  template <class Body>
  void each(const Body& body) const {
    const double third = 1.0 / std::sqrt(3.0), both = third / std::sqrt(static_cast<double>(channels));
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t part = 0; part < 3; ++part) {
        const std::int64_t tile = c / kWidth<T>;
        body(part * channels + c, (tile * rows * 3 + part) * kWidth<T> + c % kWidth<T>, 3 * kWidth<T>,
             part == 2 ? third : both);
      }
    }
  }
};

template <class T>
Packing<T> band_packing(const MessageOptions& options) {
  return {options.channels, options.n_rbf + 2 * kernels::kHalfBand<T> - 1};
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

void expect_options(const MessageOptions& options) {
  detail::expect_within("channels", options.channels, 1, std::int64_t{1} << 20);
  detail::expect_within("n_rbf", options.n_rbf, 2, std::int64_t{1} << 16);
  detail::expect_within("exponent", options.exponent, 1, 64);
  if (!(options.cutoff > 0.0 && std::isfinite(options.cutoff))) {
    throw InvalidArgument("cutoff = " + detail::shortest(options.cutoff) + " is not > 0");
  }
}

template <class Span>
void expect_size(const char* name, const Span& span, std::int64_t expected) {
  detail::expect_count(name, "numbers", static_cast<std::int64_t>(span.size()), expected);
}

template <class Q, class V, class D>
void expect_inputs(const MessageOptions& options, const Q& q, const V& v, const D& vectors,
                   std::int64_t n_nodes, std::int64_t n_edges) {
  expect_size("q", q, n_nodes * 3 * options.channels);
  expect_size("v", v, n_nodes * 3 * options.channels);
  expect_size("vectors", vectors, n_edges * 3);
}

template <class X, class Y>
void expect_centers(const MessageOptions& options, const X& x, const Y& y, std::int64_t n_centers,
                    const char* x_name, const char* y_name) {
  expect_size(x_name, x, n_centers * options.channels);
  expect_size(y_name, y, n_centers * 3 * options.channels);
}

template <class W, class B>
void expect_filter(const MessageOptions& options, const W& weight, const B& bias) {
  expect_size("weight", weight, 3 * options.channels * options.n_rbf);
  expect_size("bias", bias, 3 * options.channels);
}

/// An edge without a direction has no message.
template <class T>
void expect_directions(std::span<const T> vectors) {
  for (std::int64_t e = 0; e < length(vectors) / 3; ++e) {
    const double x = vectors[unsign(3 * e)], y = vectors[unsign(3 * e + 1)], z = vectors[unsign(3 * e + 2)];
    const double square = x * x + y * y + z * z;
    if (!(square > 0.0 && square < HUGE_VAL)) {
      throw InvalidArgument(detail::bracketed("vectors", e) + " has length " +
                            detail::shortest(std::sqrt(square)) + ", not a finite one > 0");
    }
  }
}

std::int64_t n_rows(std::span<const std::int64_t> indptr) { return length(indptr) - 1; }

/// What the passes by centre and by source have in common.
template <class T>
kernels::MessageArgs<T> arguments(const MessageOptions& options, std::int64_t filter_rows,
                                  std::span<const std::int64_t> indptr, std::span<const std::int32_t> nodes) {
  kernels::MessageArgs<T> args{};
  args.channels = padded<T>(options.channels);
  args.n_rbf = options.n_rbf;
  args.filter_rows = filter_rows;
  args.cutoff = options.cutoff;
  args.exponent = options.exponent;
  args.smooth = options.smooth;
  args.indptr = indptr.data();
  args.nodes = nodes.data();
  return args;
}

template <class T>
using Pass = typename kernels::MessagePasses<T>::Pass;

template <class T>
const kernels::MessagePasses<T>& passes() {
  static const kernels::MessagePasses<T> all = [] {
    if constexpr (sizeof(T) == 4) {
      return NONIDEAL_PICK(atoms, float_passes)();
    } else {
      return NONIDEAL_PICK(atoms, double_passes)();
    }
  }();
  return all;
}

template <class T>
void run(Pass<T> pass, const kernels::MessageArgs<T>& args, std::int64_t rows, int num_threads) {
  const std::int64_t edges = rows > 0 ? args.indptr[rows] : 0;
  const int threads = resolve_threads(num_threads, edges * args.channels, kMinWork);
  detail::for_blocks(rows, kRows, threads,
                     [&](std::int64_t begin, std::int64_t end) { pass(args, begin, end); });
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
  detail::for_blocks(rows, block, threads, [&](std::int64_t begin, std::int64_t end) {
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
  detail::expect_within("indptr[0]", indptr.front(), 0, 0);
  for (std::size_t i = 1; i < indptr.size(); ++i) {
    detail::expect_at_least(detail::bracketed("indptr", static_cast<std::int64_t>(i)), indptr[i],
                            indptr[i - 1]);
  }
  detail::expect_count("neighbors", "edges", length(csr.neighbors), indptr.back());
  for (std::size_t e = 0; e < csr.neighbors.size(); ++e) {
    const std::int32_t j = csr.neighbors[e];
    if (j < 0 || j >= csr.n_nodes) {
      throw InvalidArgument(detail::bracketed("neighbors", static_cast<std::int64_t>(e)) + " = " +
                            std::to_string(j) + " is outside [0, " + std::to_string(csr.n_nodes) + ")");
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
