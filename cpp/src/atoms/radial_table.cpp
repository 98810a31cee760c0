#include "atoms/message.hpp"

namespace nonideal::atoms {
namespace {

using namespace detail;

constexpr std::int64_t kKnotsPerSpacing = 16;
constexpr double kBand = 9.0;  ///< spacings beyond which a Gaussian is below e^-40

/// The envelope at s = d / cutoff, and its slope by s.
struct Envelope {
  double value = 0.0, slope = 0.0;

  Envelope(double s, int exponent) {
    if (s >= 1.0) return;
    const double p = exponent, last = std::pow(s, p - 1.0);
    value = 1.0 - last * s * (0.5 * (p + 1.0) * (p + 2.0) - s * (p * (p + 2.0) - s * 0.5 * p * (p + 1.0)));
    slope = -0.5 * p * (p + 1.0) * (p + 2.0) * last * (1.0 - s) * (1.0 - s);
  }
};

void expect_finite(const char* name, std::span<const double> values) {
  const auto bad = std::ranges::find_if_not(values, [](double value) { return std::isfinite(value); });
  if (bad != values.end()) {
    throw InvalidArgument(bracketed(name, bad - values.begin()) + " = " + shortest(*bad) + " is not finite");
  }
}

}  // namespace

template <class T>
RadialTable<T>::RadialTable(const MessageOptions& options, std::span<const double> weight,
                            std::span<const double> bias, std::int64_t knots)
    : options_(options), knots_(knots == 0 ? kKnotsPerSpacing * (options.n_rbf - 1) : knots) {
  expect_options(options);
  expect_within("knots", knots_, 1, std::int64_t{1} << 22);
  expect_filter(options, weight, bias);
  expect_finite("weight", weight);
  expect_finite("bias", bias);
  const std::int64_t n = options.n_rbf, width = 3 * options.channels, rows = 2 * (knots_ + 1);
  std::vector<double> by_gaussian(unsign(n * width)), values(unsign(rows * width));
  for (std::int64_t c = 0; c < width; ++c) {
    for (std::int64_t k = 0; k < n; ++k) by_gaussian[unsign(k * width + c)] = weight[unsign(c * n + k)];
  }
  const double spacings = static_cast<double>(n - 1), step = 1.0 / static_cast<double>(knots_);
  for (std::int64_t knot = 0; knot <= knots_; ++knot) {
    const double s = static_cast<double>(knot) * step, x = s * spacings;
    const Envelope e(s, options.exponent);
    const double scale = options.smooth ? e.value * e.value : e.value;
    const double scale_slope = options.smooth ? 2.0 * e.value * e.slope : e.slope;
    const double constant = options.smooth ? e.value : 1.0, constant_slope = options.smooth ? e.slope : 0.0;
    double* const value = values.data() + 2 * knot * width;
    double* const slope = value + width;
    for (std::int64_t c = 0; c < width; ++c) {
      value[c] = constant * bias[unsign(c)];
      slope[c] = constant_slope * bias[unsign(c)] * step;
    }
    const auto first = static_cast<std::int64_t>(std::max(0.0, std::ceil(x - kBand)));
    const auto last = static_cast<std::int64_t>(std::min(spacings, std::floor(x + kBand)));
    for (std::int64_t k = first; k <= last; ++k) {
      const double z = x - static_cast<double>(k), gaussian = std::exp(-0.5 * z * z);
      const double f = scale * gaussian, g = (scale_slope - scale * spacings * z) * gaussian * step;
      const double* const row = by_gaussian.data() + k * width;
      for (std::int64_t c = 0; c < width; ++c) {
        value[c] += f * row[c];
        slope[c] += g * row[c];
      }
    }
  }
  const Packing<T> packing{.channels = options.channels, .rows = rows};
  packed_.assign(unsign(packing.size()), T(0));
  packing.each([&](std::int64_t channel, std::int64_t at, std::int64_t distance, double factor) {
    for (std::int64_t row = 0; row < rows; ++row) {
      packed_[unsign(at + row * distance)] = static_cast<T>(values[unsign(row * width + channel)] * factor);
    }
  });
}

template <class T>
void RadialTable<T>::forward(const CsrView& csr, std::span<const T> q, std::span<const T> v,
                             std::span<const T> vectors, std::span<T> dx, std::span<T> dv,
                             int num_threads) const {
  const std::int64_t rows = n_rows(csr.indptr), channels = options_.channels;
  expect_inputs(options_, q, v, vectors, csr.n_nodes, length(csr.neighbors));
  expect_centers(options_, dx, dv, rows, "dx", "dv");
  const Rows<T> all_q(q, channels), all_v(v, channels);
  ResultRows<T> x(dx, channels), y(dv, channels);
  auto args = arguments<T>(options_, 2 * (knots_ + 1), csr.indptr, csr.neighbors);
  args.n_rbf = knots_;
  args.filter = packed_.data();
  args.q = all_q.data();
  args.v = all_v.data();
  args.vectors = vectors.data();
  args.x = x.data();
  args.y = y.data();
  run(passes<T>().table_forward, args, rows, num_threads);
  x.finish();
  y.finish();
}

template <class T>
void RadialTable<T>::backward(const SourceView& sources, std::span<const T> q, std::span<const T> v,
                              std::span<const T> vectors, std::span<const T> gx, std::span<const T> gv,
                              std::span<T> by_q, std::span<T> by_v, std::span<T> by_vectors,
                              int num_threads) const {
  const std::int64_t rows = n_rows(sources.indptr), channels = options_.channels;
  expect_inputs(options_, q, v, vectors, rows, length(vectors) / 3);
  expect_centers(options_, gx, gv, length(gx) / channels, "gx", "gv");
  expect_size("by_q", by_q, length(q));
  expect_size("by_v", by_v, length(v));
  if (!by_vectors.empty()) expect_size("by_vectors", by_vectors, length(vectors));
  const Rows<T> all_q(q, channels), all_v(v, channels), x(gx, channels), y(gv, channels);
  ResultRows<T> out_q(by_q, channels), out_v(by_v, channels);
  auto args = arguments<T>(options_, 2 * (knots_ + 1), sources.indptr, sources.centers);
  args.n_rbf = knots_;
  args.edges = sources.edges.data();
  args.filter = packed_.data();
  args.q = all_q.data();
  args.v = all_v.data();
  args.vectors = vectors.data();
  args.gx = x.data();
  args.gv = y.data();
  args.x = out_q.data();
  args.y = out_v.data();
  args.edge_gradients = by_vectors.empty() ? nullptr : by_vectors.data();
  run(passes<T>().table_backward, args, rows, num_threads);
  out_q.finish();
  out_v.finish();
}

template class NONIDEAL_API RadialTable<float>;
template class NONIDEAL_API RadialTable<double>;

}  // namespace nonideal::atoms
