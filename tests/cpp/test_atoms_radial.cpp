// The engine's tabulated filters, as its messages along an edge show them, against the formula: by the number
// of knots between the radial functions' centres.
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "atoms/network.hpp"
#include "check.hpp"
#include "leignn_file.hpp"

namespace {

using namespace nonideal::atoms;
using detail::AlignedVector;
using detail::Model;
using detail::Network;

constexpr double kCutoff = 5.0;

Model model_of(int n_rbf, bool smooth, int exponent = 5) {
  Model sizes = leignn_file::sizes(detail::Variant::v1, detail::GlobalMode::sum);
  sizes.cutoff = kCutoff;
  sizes.channels = 8;
  sizes.layers = 2;
  sizes.n_rbf = n_rbf;
  sizes.smooth_cutoff = smooth;
  sizes.envelope_exponent = exponent;
  return detail::parse_model(leignn_file::make(sizes), "file");
}

/// Step 4's filter with its constant factors: parts a, b, c of every channel.
std::vector<double> filter_of(const Model& model, int layer, double d) {
  const double s = d / kCutoff;
  const double p = model.envelope_exponent;
  const double envelope = 1 - (p + 1) * (p + 2) / 2 * std::pow(s, p) + p * (p + 2) * std::pow(s, p + 1) -
                          p * (p + 1) / 2 * std::pow(s, p + 2);
  const std::string name = "layers." + std::to_string(layer) + ".message.filter.";
  const auto weight = model[name + "weight"], bias = model[name + "bias"];
  std::vector<double> w;
  for (std::size_t row = 0; row < bias.size(); ++row) {
    double sum = bias[row];
    for (int k = 0; k < model.n_rbf; ++k) {
      const double z = s * (model.n_rbf - 1) - k;
      sum += weight[row * static_cast<std::size_t>(model.n_rbf) + static_cast<std::size_t>(k)] * envelope *
             std::exp(-0.5 * z * z);
    }
    if (model.smooth_cutoff) sum *= envelope;
    sum /= std::sqrt(3.0);
    w.push_back(row < 2 * bias.size() / 3 ? sum / std::sqrt(static_cast<double>(model.channels)) : sum);
  }
  return w;
}

struct Radial {
  std::vector<double> value, slope;
};

/// One edge along y: with q = 1 and v = (1, 0, 0) the sums dv_x, dv_y and dx are the parts a, b and c.
template <class T>
Radial message_of(const Network<T>& net, int layer, double d) {
  const std::int64_t f = net.f;
  const auto wide = static_cast<std::size_t>(f);
  const double per = static_cast<double>(net.n_knots) / kCutoff;
  const auto knot = std::min(static_cast<std::int64_t>(d * per), net.n_knots - 1);
  const kernels::Edge<T> edge{0,
                              static_cast<std::int32_t>(knot),
                              static_cast<T>(d * per - static_cast<double>(knot)),
                              {T(0), T(1), T(0)}};
  const std::int64_t indptr[2] = {0, 1};
  const std::int32_t species = 0;
  AlignedVector<T> features(6 * wide, T(0)), sums(6 * wide), gradients(4 * wide);
  AlignedVector<T> derivatives(4);
  std::fill_n(features.begin(), (layer == 0 ? 3 : 4) * f, T(1));
  const kernels::FilterRows<T> filter{net.layers[static_cast<std::size_t>(layer)].filter.table.data(),
                                      net.n_knots, 0};
  const std::int32_t* const kind = layer == 0 ? &species : nullptr;
  net.k.message_forward({.begin = 0,
                         .end = 1,
                         .channels = f,
                         .indptr = indptr,
                         .edges = &edge,
                         .species = kind,
                         .features = features.data(),
                         .filter = filter,
                         .sums = sums.data()});
  const AlignedVector<T> received = sums;
  Radial found;
  for (const std::int64_t row : {1, 2, 0}) {  // of dx, dv_x, dv_y
    for (std::int64_t c = 0; c < net.channels; ++c) {
      const auto at = static_cast<std::size_t>(row * f + c);
      found.value.push_back(static_cast<double>(received[at]));
      gradients.assign(4 * wide, T(0));
      gradients[at] = T(1);
      derivatives.assign(4, T(0));
      net.k.message_backward({.begin = 0,
                              .end = 1,
                              .channels = f,
                              .indptr = indptr,
                              .edges = &edge,
                              .species = kind,
                              .features = features.data(),
                              .gradients = gradients.data(),
                              .filter = filter,
                              .sign = T(1),
                              .sums = sums.data(),
                              .derivatives = derivatives.data()});
      found.slope.push_back(static_cast<double>(derivatives[0]) * per);
    }
  }
  return found;
}

struct Bound {
  double value, slope;
};

/// Of the default table, of one of four times as many knots, and of the default one in float32.
constexpr Bound kDefault{2e-7, 4e-6}, kFine{6e-11, 5e-9}, kSingle{4e-7, 5e-6};

/// Errors relative to the largest value and slope, over all parts or, in layer 0, those but a. The bounds are
/// two to three times what many channels show, since of few the largest value may be small.
template <class T>
void expect_errors(const Model& model, const Network<T>& net, const Bound& bound) {
  for (const int layer : {0, 1}) {
    double value = 0.0, slope = 0.0, value_error = 0.0, slope_error = 0.0;
    for (int step = 0; step < 300; ++step) {
      const double d = 0.3 + 4.69 * (step + 0.5) / 300, h = 3e-4;
      const std::vector<double> want = filter_of(model, layer, d);
      const std::vector<double> near[4] = {filter_of(model, layer, d + h), filter_of(model, layer, d - h),
                                           filter_of(model, layer, d + 2 * h),
                                           filter_of(model, layer, d - 2 * h)};
      const Radial got = message_of(net, layer, d);
      for (std::size_t c = layer == 0 ? want.size() / 3 : 0; c < want.size(); ++c) {
        const double want_slope = (8 * (near[0][c] - near[1][c]) - (near[2][c] - near[3][c])) / (12 * h);
        value = std::fmax(value, std::fabs(want[c]));
        slope = std::fmax(slope, std::fabs(want_slope));
        value_error = std::fmax(value_error, std::fabs(want[c] - got.value[c]));
        slope_error = std::fmax(slope_error, std::fabs(want_slope - got.slope[c]));
      }
    }
    std::printf("layer %d, R = %d, p = %d, %d knots: value %.1e, slope %.1e\n", layer, model.n_rbf,
                model.envelope_exponent, static_cast<int>(net.n_knots), value_error / value,
                slope_error / slope);
    CHECK(value_error < bound.value * value);
    CHECK(slope_error < bound.slope * slope);
  }
}

void test_knots_per_spacing() {
  for (const bool smooth : {true, false}) {
    for (const int n_rbf : {16, 32, 128}) {
      const Model model = model_of(n_rbf, smooth);
      for (const auto& [per, bound] : {std::pair{2, Bound{1.5e-5, 1.5e-4}}, std::pair{4, kDefault},
                                       std::pair{8, Bound{4e-9, 1.2e-7}}, std::pair{16, kFine}}) {
        expect_errors(model, Network<double>(model, true, per * (n_rbf - 1)), bound);
      }
      CHECK_EQUAL(Network<float>(model, true, 0).n_knots, 4 * (std::int64_t{n_rbf} - 1));
      expect_errors(model, Network<float>(model, true, 0), kSingle);
    }
  }
}

/// Few wide functions, or a steep envelope: the table follows what bends most.
void test_default_table() {
  for (const bool smooth : {true, false}) {
    for (const int n_rbf : {2, 4, 8, 16, 32}) {
      for (const int exponent : {1, 2, 5, 12, 30, 64}) {
        const Model model = model_of(n_rbf, smooth, exponent);
        const Network<double> net(model, true, 0);
        CHECK_EQUAL(model.envelope_exponent, exponent);
        expect_errors(model, net, kDefault);
        expect_errors(model, Network<double>(model, true, 4 * static_cast<int>(net.n_knots)), kFine);
        expect_errors(model, Network<float>(model, true, 0), kSingle);
      }
    }
  }
}

/// The last knot stands at the cutoff: the bias, or zero, and no slope.
void test_cutoff() {
  for (const bool smooth : {true, false}) {
    const Model model = model_of(16, smooth);
    const Network<double> net(model, true, 60);
    const std::vector<double> want = filter_of(model, 1, kCutoff);
    const Radial got = message_of(net, 1, kCutoff);
    for (std::size_t c = 0; c < want.size(); ++c) {
      CHECK(std::fabs(got.value[c] - want[c]) < 1e-14);
      CHECK(std::fabs(got.slope[c]) < 1e-13);
    }
  }
}

void test_refusals() {
  Model sizes = leignn_file::sizes(detail::Variant::v1, detail::GlobalMode::sum);
  sizes.channels = 4096;
  sizes.layers = 1023;
  std::string found;
  try {
    const Network<double> net(sizes, true, 1 << 20);
  } catch (const nonideal::InvalidArgument& refusal) {
    found = refusal.what();
  }
  CHECK_EQUAL(found.substr(0, found.find(',')), "knots = 1048576 needs 575.2 TiB");
}

}  // namespace

int main() {
  return check::run([] {
    test_knots_per_spacing();
    test_default_table();
    test_cutoff();
    test_refusals();
  });
}
