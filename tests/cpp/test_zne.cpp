// Zero-noise extrapolation from C++: weights, exact decays, folds that undo themselves, threads, refusals.
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "check.hpp"
#include "nonideal/quantum/circuit.hpp"
#include "nonideal/quantum/zne.hpp"

namespace q = nonideal::quantum;

namespace {

using Kind = q::Extrapolator::Kind;
using Numbers = std::vector<double>;

bool near(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance; }

q::Circuit brickwork() {
  q::Circuit circuit(3);
  circuit.add(q::Gate::h, {0}).add(q::Gate::ry, {1}, {0.7}).add(q::Gate::cx, {0, 1}).add(q::Gate::t, {2});
  circuit.add(q::Gate::barrier, {});
  circuit.add(q::Gate::u, {2}, {0.3, -1.2, 2.5}).add(q::Gate::cx, {1, 2}).add(q::Gate::sx, {0});
  const std::complex<double> i{0.0, 1.0};
  const double r = 1.0 / std::numbers::sqrt2;
  circuit.unitary({r, r * i, r * i, r}, std::array{1});
  return circuit;
}

/// The column of |0..0>: a plain state vector.
std::vector<std::complex<double>> state(const q::Circuit& circuit) {
  const std::size_t size = std::size_t{1} << circuit.n_qubits();
  std::vector<std::complex<double>> psi(size);
  psi[0] = 1.0;
  for (const q::Instruction& gate : circuit.instructions()) {
    if (gate.gate == q::Gate::barrier) continue;
    const q::Matrix m = q::matrix_of(circuit, gate);
    const std::size_t dim = std::size_t{1} << gate.n_qubits;
    std::vector<std::complex<double>> next(size);
    for (std::size_t from = 0; from < size; ++from) {
      std::size_t column = 0, rest = from;
      for (std::size_t k = 0; k < gate.n_qubits; ++k) {
        const std::size_t bit = std::size_t{1} << gate.qubits[k];
        if (from & bit) column |= std::size_t{1} << k;
        rest &= ~bit;
      }
      for (std::size_t row = 0; row < dim; ++row) {
        std::size_t to = rest;
        for (std::size_t k = 0; k < gate.n_qubits; ++k) to |= (row >> k & 1) << gate.qubits[k];
        next[to] += m[row * dim + column] * psi[from];
      }
    }
    psi = next;
  }
  return psi;
}

void test_folds() {
  q::Circuit circuit = brickwork();
  const auto want = state(circuit);
  const std::int64_t gates = 8;
  for (const q::Fold fold : {q::Fold::gate, q::Fold::global}) {
    for (const double scale : {1.0, 1.2, 1.5, 2.0, 3.0, 3.4, 4.0, 7.0}) {
      const q::Circuit more = q::folded(circuit, scale, fold, 5);
      const double realized = q::realized_scale(circuit, scale, fold);
      std::int64_t count = 0, barriers = 0;
      for (const q::Instruction& gate : more.instructions())
        (gate.gate == q::Gate::barrier ? barriers : count)++;
      CHECK_EQUAL(barriers, 1);
      CHECK(near(static_cast<double>(count), realized * static_cast<double>(gates), 1e-9));
      CHECK(near(realized, scale, 1.0 / static_cast<double>(gates) + 1e-12));
      const auto got = state(more);
      for (std::size_t i = 0; i < want.size(); ++i) CHECK(std::abs(got[i] - want[i]) < 1e-13);
    }
  }
  const std::array only{q::Gate::cx};
  CHECK_EQUAL(q::folded(circuit, 5.0, q::Fold::gate, 1, only).instructions().size(),
              std::size_t{9 + 2 * 2 * 2});
  CHECK_EQUAL(q::realized_scale(circuit, 2.0, q::Fold::gate, only), 2.0);  // one of the two gates
  CHECK_EQUAL(q::folded(circuit, 3.0, q::Fold::global, 1).depth(), 3 * circuit.depth());

  const auto measured = q::folded(circuit.measure(std::array{2, 0}), 3.0, q::Fold::gate, 1).measured();
  CHECK(std::vector<int>(measured.begin(), measured.end()) == std::vector<int>{2, 0});
}

/// A larger partial fold contains the smaller one, and seeds choose differently.
void test_realized_scales() {
  q::Circuit circuit(2);
  circuit.add(q::Gate::h, {0}).add(q::Gate::cx, {0, 1});
  CHECK(q::realized_scales(circuit, std::array{1.0, 2.0, 3.0}, q::Fold::gate) == Numbers{1, 2, 3});
  CHECK_REFUSED("scales[1] = 1.5 and scales[2] = 2 are both realised as 2: folds of 2 gates make steps of 1",
                q::realized_scales(circuit, std::array{1.0, 1.5, 2.0}, q::Fold::gate));
  CHECK_REFUSED("scales[0] = 1 and scales[1] = 1.9 are both realised as 1: folds of 1 gate make steps of 2",
                q::realized_scales(circuit, std::array{1.0, 1.9}, q::Fold::gate, std::array{q::Gate::cx}));
}

void test_obstacles() {
  q::Circuit circuit(1);
  circuit.add(q::Gate::z, {0});
  const q::Channel damping = q::Channel::amplitude_damping(0.1);
  const std::array whole{1.0, 3.0}, parts{1.0, 1.5};
  const auto obstacle = [&](const q::NoiseModel& noise, std::span<const double> scales) {
    return q::channel_obstacle(circuit, noise, scales, q::Fold::gate);
  };
  q::NoiseModel noise;
  noise.add(damping, q::Gate::z);
  CHECK_EQUAL(obstacle(noise, whole), "");
  CHECK_EQUAL(obstacle(noise, parts),
              "scale = 1.5 is not a whole number; only Pauli channels have other powers");
  q::NoiseModel elsewhere;
  elsewhere.add(damping, q::Gate::x);
  CHECK_EQUAL(obstacle(elsewhere, parts), "");
  CHECK_EQUAL(elsewhere.scaled(1.5, circuit).entries().size(), std::size_t{1});
  CHECK_EQUAL(q::channel_obstacle(circuit, noise, whole, q::Fold::global),
              "fold = 'global' repeats gates far from one another");
  CHECK_EQUAL(q::channel_obstacle(circuit, noise, whole, q::Fold::gate, std::array{q::Gate::z}),
              "fold_gates leaves gates as they are");
}

void test_subsets() {
  q::Circuit circuit(1);
  for (int i = 0; i < 64; ++i) circuit.add(q::Gate::rx, {0}, {0.01 * (i + 1)});
  const auto subset = [&](double scale, std::uint64_t seed) {
    std::vector<int> times(64, 0);
    const q::Circuit more = q::folded(circuit, scale, q::Fold::gate, seed);
    for (const q::Instruction& gate : more.instructions()) {
      ++times[static_cast<std::size_t>(std::lround(std::abs(gate.angles[0].offset) / 0.01)) - 1];
    }
    return times;
  };
  const auto few = subset(1.5, 3), many = subset(2.25, 3);
  for (std::size_t i = 0; i < 64; ++i) CHECK(few[i] <= many[i]);
  CHECK_EQUAL(std::accumulate(few.begin(), few.end(), 0), 96);
  CHECK(subset(1.5, 3) == few);
  CHECK(subset(1.5, 4) != few);
}

void test_weights() {
  const Numbers scales{1, 3, 5};
  const Numbers richardson = q::linear_weights({.kind = Kind::richardson}, scales);
  CHECK_EQUAL(richardson[0], 15.0 / 8);
  CHECK_EQUAL(richardson[1], -10.0 / 8);
  CHECK_EQUAL(richardson[2], 3.0 / 8);
  // least squares through (1, 3, 5): mean 3, sum of squares 8, so w = 1/3 + 3 (3 - s) / 8
  const Numbers linear = q::linear_weights({.kind = Kind::linear}, scales);
  for (std::size_t i = 0; i < 3; ++i) CHECK(near(linear[i], 1.0 / 3 + 3 * (3 - scales[i]) / 8, 1e-15));
  // reproduces polynomials up to its order, for any number of points
  for (int order = 1; order <= 5; ++order) {
    const Numbers many{1, 1.5, 2, 2.5, 3, 4, 5, 6};
    const Numbers w = q::linear_weights({.kind = Kind::polynomial, .order = order}, many);
    for (int power = 0; power <= order; ++power) {
      double sum = 0.0;
      for (std::size_t i = 0; i < many.size(); ++i) sum += w[i] * std::pow(many[i], power);
      CHECK(near(sum, power == 0 ? 1.0 : 0.0, 1e-9));
    }
  }
  const q::Extrapolated got =
      q::extrapolate({.kind = Kind::richardson}, scales, Numbers{0.5, 0.4, 0.3}, Numbers{1e-4, 1e-4, 1e-4});
  CHECK(near(got.value, 0.55, 1e-15));
  CHECK(near(got.gain, 334.0 / 64, 1e-15));
  CHECK(near(got.variance, 334.0 / 64 * 1e-4, 1e-18));
}

void test_decays() {
  for (const Numbers& scales :
       {Numbers{1, 3, 5}, Numbers{1, 2, 3, 4}, Numbers{5, 1, 2.5}, Numbers{1, 1.2, 2, 3, 6}}) {
    for (const double c : {-0.3, -1e-3, 1e-9, 1e-3, 0.1, 0.7, 2.0}) {
      for (const double b : {0.4, -0.2, 5.0}) {
        Numbers y;
        for (const double s : scales) y.push_back(0.5 + b * std::exp(-c * s));
        const double size = std::abs(b) * (1 + std::exp(-6 * c));
        const auto fixed = q::extrapolate({.kind = Kind::exponential, .asymptote = 0.5}, scales, y);
        // y is rounded relative to the asymptote, and its distance from it falls by exp(-6 c)
        CHECK(near(fixed.value, 0.5 + b, 1e-14 * size * std::exp(6 * std::max(c, 0.0))));
        const auto fitted = q::extrapolate({.kind = Kind::exponential}, scales, y);
        CHECK(near(fitted.value, 0.5 + b, 1e-9 * size));
        CHECK(!fitted.crossed);
      }
    }
  }
}

void test_poly_exponential() {
  const Numbers scales{1, 2, 3, 4};
  Numbers y;
  for (const double s : scales) y.push_back(0.5 - 0.3 * std::exp(-0.2 * s - 0.05 * s * s));
  const q::Extrapolator e{.kind = Kind::poly_exponential, .order = 2, .asymptote = 0.5};
  CHECK(near(q::extrapolate(e, scales, y).value, 0.2, 1e-14));
}

/// Weighted fits against the normal equations, written out for a straight line.
void test_weighted_line() {
  const Numbers scales{1, 2, 4, 5}, y{0.9, 0.75, 0.4, 0.37}, variances{1e-4, 4e-4, 2e-4, 9e-4};
  double w0 = 0, w1 = 0, w2 = 0, y0 = 0, y1 = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double w = 1 / variances[i];
    w0 += w, w1 += w * scales[i], w2 += w * scales[i] * scales[i], y0 += w * y[i], y1 += w * scales[i] * y[i];
  }
  const double det = w0 * w2 - w1 * w1;
  const auto got = q::extrapolate({.kind = Kind::linear}, scales, y, variances);
  CHECK(near(got.value, (w2 * y0 - w1 * y1) / det, 1e-14));
  CHECK(near(got.variance, w2 / det, 1e-17));
  // one variance of 0 cannot be a weight: all points weigh the same
  const Numbers some{0, 4e-4, 2e-4, 9e-4};
  CHECK_EQUAL(q::extrapolate({.kind = Kind::linear}, scales, y, some).value,
              q::extrapolate({.kind = Kind::linear}, scales, y).value);
}

/// The gradient of every kind is what differences say.
void test_gradient() {
  const Numbers scales{1, 1.5, 3, 5}, y{0.31, 0.35, 0.42, 0.47}, unit(4, 1.0),
      variances{1e-4, 2e-4, 3e-4, 1e-4};
  for (const q::Extrapolator& e :
       {q::Extrapolator{.kind = Kind::linear}, q::Extrapolator{.kind = Kind::polynomial, .order = 2},
        q::Extrapolator{.kind = Kind::exponential, .asymptote = 0.5},
        q::Extrapolator{.kind = Kind::exponential},
        q::Extrapolator{.kind = Kind::poly_exponential, .order = 3, .asymptote = 0.6}}) {
    double gain = 0.0;
    for (std::size_t i = 0; i < 4; ++i) {
      const double step = 1e-6;
      Numbers up = y, down = y;
      up[i] += step;
      down[i] -= step;
      const double slope =
          (q::extrapolate(e, scales, up).value - q::extrapolate(e, scales, down).value) / (2 * step);
      gain += slope * slope;
    }
    // a fit that leaves residuals has second-order terms that the delta method leaves out
    const bool linear_model = e.kind != Kind::exponential || e.asymptote;
    CHECK(near(q::extrapolate(e, scales, y).gain / gain, 1.0, linear_model ? 1e-6 : 0.2));
  }
}

void test_batch() {
  const std::int64_t n = 20'000;
  const Numbers scales{1, 3, 5};
  Numbers values, variances;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      values.push_back(0.5 - 0.4 * std::exp(-scales[i] * 1e-4 * static_cast<double>(j % 997 + 1)) +
                       1e-3 * std::sin(static_cast<double>(3 * j) + scales[i]));
      variances.push_back(1e-5 * (1.0 + static_cast<double>((j + static_cast<std::int64_t>(i)) % 7)));
    }
  }
  for (const Kind kind : {Kind::linear, Kind::polynomial, Kind::richardson, Kind::exponential}) {
    for (const bool fitted : {false, true}) {
      if (fitted && kind != Kind::exponential) continue;
      q::Extrapolator e{.kind = kind, .order = 1, .asymptote = 0.55};
      if (fitted) e.asymptote.reset();
      e.on_crossing = q::Extrapolator::OnCrossing::raw;
      for (const bool weighted : {false, true}) {
        const Numbers var = weighted ? variances : Numbers{};
        Numbers one(n), two(n), gain(n), spread(n);
        std::vector<std::uint8_t> crossed(n);
        q::extrapolate_many(e, scales, values, var, one, {}, {}, {}, 1);
        q::extrapolate_many(e, scales, values, var, two, spread, gain, crossed, 4);
        CHECK(one == two);
        for (const std::size_t j :
             {std::size_t{0}, std::size_t{1023}, std::size_t{1024}, std::size_t{19'999}}) {
          const auto at = [&](const Numbers& a) { return Numbers{a[j], a[n + j], a[2 * n + j]}; };
          const auto single = q::extrapolate(e, scales, at(values), weighted ? at(var) : Numbers{});
          CHECK_EQUAL(single.value, one[j]);
          CHECK_EQUAL(single.variance, spread[j]);
          CHECK_EQUAL(single.gain, gain[j]);
          CHECK_EQUAL(single.crossed, crossed[j] != 0);
        }
      }
    }
  }
}

template <class Call>
std::string numerical_error(const Call& call) {
  try {
    call();
  } catch (const nonideal::NumericalError& error) {
    return error.what();
  }
  return "";
}

void test_crossings() {
  const Numbers scales{1, 3, 5}, y{0.45, 0.49, 0.51}, variances{1e-4, 2e-4, 3e-4};
  q::Extrapolator e{.kind = Kind::exponential, .asymptote = 0.5};
  CHECK_EQUAL(
      numerical_error([&] { q::extrapolate(e, scales, y); }),
      "exponential extrapolation of 0.45, 0.49, 0.51: the values are not on one side of the asymptote 0.5, "
      "or their curve grows beyond all numbers");
  const Numbers two{0.4, 0.45, 0.45, 0.49, 0.47, 0.5};
  Numbers out(2);
  CHECK_EQUAL(numerical_error([&] { q::extrapolate_many(e, scales, two, {}, out, {}, {}, {}); }),
              "column 1: exponential extrapolation of 0.45, 0.49, 0.5: the values are not on one side of the "
              "asymptote 0.5, or their curve grows beyond all numbers");
  e.on_crossing = q::Extrapolator::OnCrossing::raw;
  const auto raw = q::extrapolate(e, Numbers{3, 1, 5}, Numbers{0.49, 0.45, 0.51}, variances);
  CHECK(raw.crossed);
  CHECK_EQUAL(raw.value, 0.45);
  CHECK_EQUAL(raw.variance, 2e-4);
  e = {.kind = Kind::exponential};
  CHECK_EQUAL(numerical_error([&] { q::extrapolate(e, scales, Numbers{0.4, 0.5, 0.45}); }),
              "exponential extrapolation of 0.4, 0.5, 0.45: no exponential fits");
  const auto flat = q::extrapolate(e, scales, Numbers{0.4, 0.4, 0.4});
  CHECK_EQUAL(flat.value, 0.4);
  const q::Extrapolator clipped{.kind = Kind::richardson, .lowest = 0.0, .highest = 1.0};
  CHECK_EQUAL(q::extrapolate(clipped, scales, Numbers{0.9, 0.6, 0.4}).value, 1.0);
}

void test_refusals() {
  const double inf = std::numeric_limits<double>::infinity();
  const Numbers scales{1, 3, 5}, y{0.4, 0.45, 0.47};
  const q::Extrapolator line{.kind = Kind::linear};
  CHECK_REFUSED("scales[1] = 0.5 is not a finite number >= 1", q::extrapolate(line, Numbers{1, 0.5, 3}, y));
  CHECK_REFUSED("scales[0] = inf is not a finite number >= 1", q::extrapolate(line, Numbers{inf, 1, 3}, y));
  CHECK_REFUSED("scales[2] = 1 is there already", q::extrapolate(line, Numbers{1, 3, 1}, y));
  CHECK_REFUSED("scales: linear extrapolation needs 2, got 1",
                q::extrapolate(line, Numbers{1}, Numbers{0.4}));
  CHECK_REFUSED("scales: exponential extrapolation needs 3, got 2",
                q::extrapolate({.kind = Kind::exponential}, Numbers{1, 3}, Numbers{0.4, 0.5}));
  CHECK_REFUSED("scales: polynomial extrapolation needs 4, got 3",
                q::extrapolate({.kind = Kind::polynomial, .order = 3}, scales, y));
  CHECK_REFUSED("len(scales) = 0 is outside [1, 32]", q::extrapolate({}, {}, {}));
  CHECK_REFUSED("order = 0 is outside [1, 31]",
                q::extrapolate({.kind = Kind::polynomial, .order = 0}, scales, y));
  CHECK_REFUSED("asymptote: poly_exponential needs one",
                q::extrapolate({.kind = Kind::poly_exponential}, scales, y));
  CHECK_REFUSED("asymptote = inf is not finite",
                q::extrapolate({.kind = Kind::exponential, .asymptote = inf}, scales, y));
  CHECK_REFUSED("lowest = 1 is not <= highest = 0",
                q::extrapolate({.kind = Kind::linear, .lowest = 1.0, .highest = 0.0}, scales, y));
  CHECK_REFUSED("values[1] = inf is not finite", q::extrapolate(line, scales, Numbers{0.4, inf, 0.5}));
  CHECK_REFUSED("variances[2] = -1 is not a finite number >= 0",
                q::extrapolate(line, scales, y, Numbers{1, 1, -1}));
  CHECK_REFUSED("variances: expected 3 numbers, got 2", q::extrapolate(line, scales, y, Numbers{1, 1}));
  CHECK_REFUSED("values: 4 numbers are not a multiple of 3 scales",
                q::extrapolate(line, scales, Numbers{1, 2, 3, 4}));
  CHECK_REFUSED("extrapolator = exponential is not linear in the values",
                q::linear_weights({.kind = Kind::exponential, .asymptote = 0.5}, scales));

  const q::Circuit circuit = brickwork();
  const std::array none{q::Gate::cz}, barrier{q::Gate::barrier};
  CHECK_REFUSED("scale = 0.9 is not a finite number >= 1", q::folded(circuit, 0.9, q::Fold::gate, 1));
  CHECK_REFUSED("scale = nan is not a finite number >= 1",
                q::folded(circuit, std::numeric_limits<double>::quiet_NaN(), q::Fold::gate, 1));
  CHECK_REFUSED("only: a global fold has no choice of gates",
                q::folded(circuit, 3, q::Fold::global, 1, none));
  CHECK_REFUSED("only: a barrier cannot be folded", q::folded(circuit, 3, q::Fold::gate, 1, barrier));
  CHECK_REFUSED("scale = 3: the circuit has no gate that may be folded",
                q::folded(circuit, 3, q::Fold::gate, 1, none));
  CHECK_REFUSED("scale = 1e+09 makes 8 gates more than 67108864", q::folded(circuit, 1e9, q::Fold::gate, 1));
}

}  // namespace

int main() {
  return check::run([] {
    test_folds();
    test_realized_scales();
    test_obstacles();
    test_subsets();
    test_weights();
    test_decays();
    test_poly_exponential();
    test_weighted_line();
    test_gradient();
    test_batch();
    test_crossings();
    test_refusals();
  });
}
