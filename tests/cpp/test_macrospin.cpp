#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "check.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/cram/macrospin.hpp"

namespace {

namespace cram = nonideal::cram;

struct Run {
  std::vector<std::int64_t> switched;
  std::vector<float> states;
};

Run run(const cram::Macrospin& spin, double overdrive, const std::vector<double>& durations, std::int64_t n,
        const cram::MacrospinOptions& options = {}) {
  Run out{std::vector<std::int64_t>(durations.size()), std::vector<float>(durations.size() * 3 * n)};
  cram::run_macrospins(spin, overdrive, durations, n, options, out.switched, out.states);
  return out;
}

/// One step of the header's equations, in double and with the header's bits, from the state before it.
std::array<double, 3> step(const std::array<double, 3>& m, const cram::Macrospin& spin, double overdrive,
                           double dt, std::uint32_t bits) {
  const double alpha = spin.damping;
  const double x = cram::kGyromagneticRatio * spin.anisotropy_field * dt;
  const double shrink = 1.0 / (1.0 + alpha * alpha);
  std::array<double, 3> noise{};
  for (int c = 0; c < 3; ++c) {
    const std::uint32_t own = bits >> 3 * c;
    const double size = (own & 6) == 6 ? std::sqrt(1 + std::sqrt(6.0)) : std::sqrt(1 - std::sqrt(2.0 / 3));
    noise[static_cast<std::size_t>(c)] =
        std::sqrt(alpha * x / spin.delta) * shrink * ((own & 1) != 0 ? -size : size);
  }
  const auto cross = [](const std::array<double, 3>& a, const std::array<double, 3>& b) {
    return std::array<double, 3>{a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                                 a[0] * b[1] - a[1] * b[0]};
  };
  const auto slope = [&](const std::array<double, 3>& at) {
    // -m x h - alpha m x (m x h) + alpha i m x (m x e); noise stands for -h_th.
    std::array<double, 3> minus_h = noise;
    minus_h[2] -= x * shrink * (at[2] - spin.field_like * alpha * overdrive);
    const auto first = cross(at, minus_h);
    const auto second = cross(at, first);
    const auto spin_torque = cross(at, cross(at, {0.0, 0.0, 1.0}));
    std::array<double, 3> sum{};
    for (std::size_t c = 0; c < 3; ++c) {
      sum[c] = first[c] + alpha * second[c] + x * shrink * alpha * overdrive * spin_torque[c];
    }
    return sum;
  };
  const auto k1 = slope(m);
  const auto k2 = slope({m[0] + k1[0], m[1] + k1[1], m[2] + k1[2]});
  std::array<double, 3> moved{};
  for (std::size_t c = 0; c < 3; ++c) moved[c] = m[c] + 0.5 * (k1[c] + k2[c]);
  const double length = std::sqrt(moved[0] * moved[0] + moved[1] * moved[1] + moved[2] * moved[2]);
  return {moved[0] / length, moved[1] / length, moved[2] / length};
}

/// Every step of the first ones, against the equations with the random bits that the header promises.
void steps_follow_the_header() {
  const cram::Macrospin spin{.delta = 5.0, .damping = 0.05, .anisotropy_field = 0.4, .field_like = 0.7};
  constexpr double kStep = 1e-12;
  constexpr std::uint64_t kSeed = 77;
  constexpr std::int64_t kFirst = (std::int64_t{1} << 32) - 3;  // crosses into the high part of the number
  std::vector<double> times;
  for (int t = 0; t <= 30; ++t) times.push_back(t * kStep);
  const std::int64_t n = 70;
  const Run out = run(spin, 2.0, times, n, {.seed = kSeed, .stream = 5, .first_trajectory = kFirst});
  for (std::int64_t i = 0; i < n; ++i) {
    const auto number = static_cast<std::uint64_t>(kFirst + i);
    for (std::uint32_t t = 0; t < 30; ++t) {
      const auto at = [&](std::uint32_t time, int c) {
        return static_cast<double>(
            out.states[static_cast<std::size_t>((static_cast<std::int64_t>(time) * n + i) * 3 + c)]);
      };
      const nonideal::Words4 words =
          nonideal::philox({{static_cast<std::uint32_t>(number), t / 12,
                             static_cast<std::uint32_t>(number >> 32) |
                                 static_cast<std::uint32_t>(nonideal::Purpose::kMacrospin) << 24,
                             5}},
                           kSeed);
      const std::uint32_t bits = words.w[t % 12 / 3] >> 9 * (t % 3);
      const auto want = step({at(t, 0), at(t, 1), at(t, 2)}, spin, 2.0, kStep, bits);
      for (int c = 0; c < 3; ++c) {
        CHECK(std::abs(at(t + 1, c) - want[static_cast<std::size_t>(c)]) <
              1e-6);  // float32, a dozen roundings
      }
    }
  }
}

void same_bits_for_threads_and_shards() {
  const std::vector<double> times = {0.0, 1.5e-10, 1e-9};
  const Run whole = run({.delta = 20.0}, 1.5, times, 500, {.seed = 3, .num_threads = 1});
  const Run threads = run({.delta = 20.0}, 1.5, times, 500, {.seed = 3, .num_threads = 3});
  CHECK(whole.states == threads.states);
  CHECK(whole.switched == threads.switched);
  const Run part = run({.delta = 20.0}, 1.5, times, 101, {.seed = 3, .first_trajectory = 99});
  for (std::size_t j = 0; j < times.size(); ++j) {
    for (std::size_t k = 0; k < 303; ++k) {
      CHECK_EQUAL(part.states[j * 303 + k], whole.states[j * 1500 + 297 + k]);
    }
  }
  CHECK(run({.delta = 20.0}, 1.5, times, 500, {.seed = 4}).states != whole.states);
  CHECK(run({.delta = 20.0}, 1.5, times, 0).switched == std::vector<std::int64_t>(3, 0));
}

/// Delta 60, i = 3, 4 ns: 1.948 % fail (the Fokker-Planck equation; tests/oracles/macrospin.py).
void probability_of_the_reference_case() {
  std::vector<std::int64_t> switched(1);
  const std::array<double, 1> time = {4e-9};
  constexpr std::int64_t kCount = 8192;
  cram::run_macrospins({}, 3.0, time, kCount, {.seed = 1}, switched);
  const double held = 1.0 - static_cast<double>(switched[0]) / kCount;
  CHECK(std::abs(held - 0.01948) < 5 * std::sqrt(0.01948 / kCount));
}

void refusals() {
  const std::vector<double> time = {1e-9};
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED("delta = 0 is outside [1, 1e12]", run({.delta = 0.0}, 1.0, time, 1));
  CHECK_REFUSED("delta = nan is outside [1, 1e12]", run({.delta = kNan}, 1.0, time, 1));
  CHECK_REFUSED("damping = 2 is outside [1e-06, 1]", run({.damping = 2.0}, 1.0, time, 1));
  CHECK_REFUSED("anisotropy_field = 0 is outside [1e-06, 1000]",
                run({.anisotropy_field = 0.0}, 1.0, time, 1));
  CHECK_REFUSED("field_like = 2000 is outside [-1000, 1000]", run({.field_like = 2e3}, 1.0, time, 1));
  CHECK_REFUSED("overdrive = nan is outside [-1000, 1000]", run({}, kNan, time, 1));
  CHECK_REFUSED("max_step = 2e-12 is outside (0, 1e-12] s, where the scheme is accurate",
                run({}, 1.0, time, 1, {.max_step = 2e-12}));
  CHECK_REFUSED("max_step = nan is outside (0, 1e-12] s, where the scheme is accurate",
                run({}, 1.0, time, 1, {.max_step = kNan}));
  CHECK_REFUSED("durations[1] = 1e-09 is not >= 2e-09 and finite", run({}, 1.0, {2e-9, 1e-9}, 1));
  CHECK_REFUSED("durations[0] = nan is not >= 0 and finite", run({}, 1.0, {kNan}, 1));
  CHECK_REFUSED("durations[0] = 1 takes more than 25769803776 steps", run({}, 1.0, {1.0}, 1));
  CHECK_REFUSED("stream = 4294967296 is outside [0, 2^32)",
                run({}, 1.0, time, 1, {.stream = std::uint64_t{1} << 32}));
  CHECK_REFUSED("first_trajectory = -1 is outside [0, 72057594037927935]",
                run({}, 1.0, time, 1, {.first_trajectory = -1}));
  std::vector<std::int64_t> counts(2);
  CHECK_REFUSED("switched: expected 1 numbers, got 2", cram::run_macrospins({}, 1.0, time, 1, {}, counts));
  std::vector<float> states(4);
  CHECK_REFUSED("states: expected 3 numbers, got 4",
                cram::run_macrospins({}, 1.0, time, 1, {}, std::span(counts).first(1), states));
}

}  // namespace

int main() {
  return check::run([] {
    steps_follow_the_header();
    same_bits_for_threads_and_shards();
    probability_of_the_reference_case();
    refusals();
  });
}
