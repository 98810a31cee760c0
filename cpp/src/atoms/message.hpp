#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "atoms/kernels/message.hpp"
#include "base/check.hpp"
#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "nonideal/atoms/message.hpp"
#include "nonideal/base/error.hpp"
#include "nonideal/base/threads.hpp"

/// Packing, checks and threads of the message passes.
namespace nonideal::atoms::detail {

using namespace nonideal::detail;

inline constexpr std::int64_t kMinWork = std::int64_t{1} << 17;  ///< edges times channels for a thread
inline constexpr std::int64_t kRows = 8;  ///< rows of the graph that a thread takes at once

inline std::size_t unsign(std::int64_t n) { return static_cast<std::size_t>(n); }

template <class T>
std::int64_t length(std::span<T> span) {
  return static_cast<std::int64_t>(span.size());
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
std::int64_t padded(std::int64_t channels) {
  const std::int64_t lanes = passes<T>().lanes;
  return (channels + lanes - 1) / lanes * lanes;
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
  std::int64_t lanes = passes<T>().lanes;

  std::int64_t tiles() const { return padded<T>(channels) / lanes; }
  std::int64_t size() const { return tiles() * rows * 3 * lanes; }

  /// Calls body(part * channels + c, place of row 0, distance between rows, factor).
  template <class Body>
  void each(const Body& body) const {
    const double third = 1.0 / std::sqrt(3.0), both = third / std::sqrt(static_cast<double>(channels));
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t part = 0; part < 3; ++part) {
        const std::int64_t tile = c / lanes;
        body(part * channels + c, (tile * rows * 3 + part) * lanes + c % lanes, 3 * lanes,
             part == 2 ? third : both);
      }
    }
  }
};

inline void expect_options(const MessageOptions& options) {
  expect_within("channels", options.channels, 1, std::int64_t{1} << 20);
  expect_within("n_rbf", options.n_rbf, 2, std::int64_t{1} << 16);
  expect_within("exponent", options.exponent, 1, 64);
  if (!(options.cutoff > 0.0 && std::isfinite(options.cutoff))) {
    throw InvalidArgument("cutoff = " + shortest(options.cutoff) + " is not > 0");
  }
}

template <class Span>
void expect_size(const char* name, const Span& span, std::int64_t expected) {
  expect_count(name, "numbers", static_cast<std::int64_t>(span.size()), expected);
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
      throw InvalidArgument(bracketed("vectors", e) + " has length " + shortest(std::sqrt(square)) +
                            ", not a finite one > 0");
    }
  }
}

inline std::int64_t n_rows(std::span<const std::int64_t> indptr) { return length(indptr) - 1; }

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
void run(Pass<T> pass, const kernels::MessageArgs<T>& args, std::int64_t rows, int num_threads) {
  const std::int64_t edges = rows > 0 ? args.indptr[rows] : 0;
  const int threads = resolve_threads(num_threads, edges * args.channels, kMinWork);
  for_blocks(rows, kRows, threads, [&](std::int64_t begin, std::int64_t end) { pass(args, begin, end); });
}

}  // namespace nonideal::atoms::detail
