#include "nonideal/cram/macrospin.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "cram/counter.hpp"
#include "cram/kernels/macrospin.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/base/threads.hpp"

namespace nonideal::cram {
namespace {

using kernels::kSpins;

constexpr std::int64_t kMinSpinSteps = std::int64_t{1} << 16;  ///< per thread: some 0.3 ms
constexpr std::int64_t kMaxSteps = kernels::kStepsPerDraw * (std::int64_t{1} << 31);
constexpr std::int64_t kMaxTrajectories = std::int64_t{1} << 56;
constexpr std::uint32_t kInitialDraws = 0x80000000u;

// Squares of the two absolute values of an increment of variance 1: a / 4 + 3 b / 4 = 1 and
// a^2 / 4 + 3 b^2 / 4 = 3 (the fourth moment of a normal number), so b = 1 - sqrt(2 / 3) and a = 4 - 3 b.
constexpr double kSmallSquare = 0.18350341907227397;
constexpr double kLargeSquare = 3.449489742783178;

std::string text(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.9g", value);
  return buffer;
}

void expect_number(const char* argument, double value, double low, double high, const char* range) {
  if (!(value >= low && value <= high)) {  // catches NaN
    throw InvalidArgument(std::string(argument) + " = " + text(value) + " is outside " + range);
  }
}

/// One stretch of equal steps, up to one of the durations.
struct Stretch {
  std::int64_t steps;
  double step;  // second
};

/// Stretches that end at the durations. A stretch of a whole number of steps gets just that number.
std::vector<Stretch> plan(std::span<const double> durations, double max_step) {
  std::vector<Stretch> stretches;
  double before = 0.0;
  double total = 0.0;
  for (std::size_t j = 0; j < durations.size(); ++j) {
    const double duration = durations[j];
    if (!(duration >= before && std::isfinite(duration))) {
      throw InvalidArgument(detail::bracketed("durations", static_cast<std::int64_t>(j)) + " = " +
                            text(duration) + " is not >= " + text(before) + " and finite");
    }
    const double length = duration - before;
    const double steps = std::ceil(length / max_step * (1.0 - 1e-9));
    total += steps;
    if (total > static_cast<double>(kMaxSteps)) {
      throw InvalidArgument(detail::bracketed("durations", static_cast<std::int64_t>(j)) + " = " +
                            text(duration) + " takes more than " + std::to_string(kMaxSteps) + " steps");
    }
    stretches.push_back({static_cast<std::int64_t>(steps), steps > 0.0 ? length / steps : 0.0});
    before = duration;
  }
  return stretches;
}

/// Uniform numbers in [0, 1) for the initial state of one trajectory, and what follows from them by
/// comparisons and + - * / sqrt alone, which round alike everywhere.
class InitialDraws {
 public:
  InitialDraws(Words4 counter, std::uint64_t seed) : counter_(counter), seed_(seed) {
    counter_.w[1] = kInitialDraws;
  }

  double uniform() {
    if (left_ == 0) {
      words_ = philox(counter_, seed_);
      ++counter_.w[1];
      left_ = 4;
    }
    left_ -= 2;
    return uniform53(words_.w[left_], words_.w[left_ + 1]);
  }

  /// Exponentially distributed with mean 1, by von Neumann's comparisons: a falling run that starts at u has
  /// odd length with probability exp(-u).
  double exponential() {
    for (double whole = 0.0;; whole += 1.0) {
      const double first = uniform();
      double last = first;
      bool odd = true;
      for (double next = uniform(); next < last; next = uniform()) {
        last = next;
        odd = !odd;
      }
      if (odd) return whole + first;
    }
  }

  /// A moment in thermal equilibrium around +z. v = 1 - m_z has a density proportional to
  /// exp(-delta v (2 - v)) on [0, 1]: exponential with rate delta, accepted with exp(-delta v (1 - v)).
  void moment(double delta, float& x, float& y, float& z) {
    double v = 0.0;
    do {
      v = exponential() / delta;
    } while (v > 1.0 || exponential() < delta * v * (1.0 - v));
    double a = 0.0, b = 0.0, square = 0.0;
    do {  // a point in the unit disc: its doubled angle is uniform, and needs no sine
      a = 2.0 * uniform() - 1.0;
      b = 2.0 * uniform() - 1.0;
      square = a * a + b * b;
    } while (square > 1.0 || square == 0.0);
    const double sine = std::sqrt(v * (2.0 - v));
    x = static_cast<float>(sine * ((a * a - b * b) / square));
    y = static_cast<float>(sine * (2.0 * a * b / square));
    z = static_cast<float>(1.0 - v);
  }

 private:
  Words4 counter_;
  std::uint64_t seed_;
  Words4 words_{};
  int left_ = 0;
};

Words4 counter_of(std::int64_t trajectory, std::uint64_t stream) {
  return {
      {static_cast<std::uint32_t>(trajectory), 0,
       static_cast<std::uint32_t>(trajectory >> 32) | (static_cast<std::uint32_t>(Purpose::kMacrospin) << 24),
       static_cast<std::uint32_t>(stream)}};
}

}  // namespace

double longest_macrospin_step(const Macrospin& spin, double overdrive) {
  expect_number("delta", spin.delta, 1.0, 1e12, "[1, 1e12]");
  expect_number("damping", spin.damping, 1e-6, 1.0, "[1e-06, 1]");
  expect_number("anisotropy_field", spin.anisotropy_field, 1e-6, 1e3, "[1e-06, 1000]");
  expect_number("field_like", spin.field_like, -1e3, 1e3, "[-1000, 1000]");
  expect_number("overdrive", overdrive, -1e3, 1e3, "[-1000, 1000]");
  const double drive = std::max(1.0, std::abs(overdrive) * std::max(1.0, std::abs(spin.field_like)));
  const double angle = std::min(
      {std::cbrt(0.4 * spin.damping), 0.01 * spin.delta / spin.damping, 0.1 / (spin.damping * drive)});
  return std::min(1e-12, angle / (kGyromagneticRatio * spin.anisotropy_field));
}

void run_macrospins(const Macrospin& spin, double overdrive, std::span<const double> durations,
                    std::int64_t trajectories, const MacrospinOptions& options,
                    std::span<std::int64_t> switched, std::span<float> states) {
  const double longest = longest_macrospin_step(spin, overdrive);
  if (!(options.max_step > 0.0 && options.max_step <= longest)) {
    throw InvalidArgument("max_step = " + text(options.max_step) + " is outside (0, " + text(longest) +
                          "] s, where the scheme is accurate");
  }
  const std::vector<Stretch> stretches = plan(durations, options.max_step);
  detail::expect_within("trajectories", trajectories, 0, kMaxTrajectories);
  detail::expect_within("first_trajectory", options.first_trajectory, 0, kMaxTrajectories - trajectories);
  expect_stream(options.stream);
  const auto count = static_cast<std::int64_t>(durations.size());
  detail::expect_count("switched", "numbers", static_cast<std::int64_t>(switched.size()), count);
  if (!states.empty()) {
    detail::expect_count("states", "numbers", static_cast<std::int64_t>(states.size()),
                         count * trajectories * 3);
  }
  std::int64_t steps = 1;
  for (const Stretch& stretch : stretches) steps += stretch.steps;
  const auto work = static_cast<std::int64_t>(
      std::min(static_cast<double>(trajectories) * static_cast<double>(steps), 9e18));
  const int threads = resolve_threads(options.num_threads, work, kMinSpinSteps);
  const auto kernel = NONIDEAL_PICK(cram, advance_spins);
  // All refusals are above, all writing is below.
  std::fill(switched.begin(), switched.end(), 0);
  if (trajectories == 0 || count == 0) return;

  const double alpha = spin.damping;
  const double shrink = 1.0 / (1.0 + alpha * alpha);
  const auto block_of = [&](std::int64_t block) {
    alignas(64) float m[3][kSpins];
    const std::int64_t first = block * kSpins;  // absolute
    for (int i = 0; i < kSpins; ++i) {
      InitialDraws(counter_of(first + i, options.stream), options.seed)
          .moment(spin.delta, m[0][i], m[1][i], m[2][i]);
    }
    const std::int64_t offset = first - options.first_trajectory;
    const auto begin = static_cast<int>(std::max<std::int64_t>(0, -offset));
    const auto end = static_cast<int>(std::min<std::int64_t>(kSpins, trajectories - offset));
    std::int64_t done = 0;
    for (std::int64_t j = 0; j < count; ++j) {
      const Stretch& stretch = stretches[static_cast<std::size_t>(j)];
      const double angle = kGyromagneticRatio * spin.anisotropy_field * stretch.step;
      const double kick = std::sqrt(alpha * angle / spin.delta) * shrink;
      kernels::SpinStretch run{};
      for (int c = 0; c < 3; ++c) run.m[c] = m[c];
      run.first_step = done;
      run.steps = stretch.steps;
      run.anisotropy = static_cast<float>(angle * shrink);
      run.torque = static_cast<float>(angle * shrink * alpha * overdrive);
      run.field = static_cast<float>(angle * shrink * alpha * overdrive * spin.field_like);
      run.damping = static_cast<float>(alpha);
      run.small = static_cast<float>(kick * std::sqrt(kSmallSquare));
      run.large = static_cast<float>(kick * std::sqrt(kLargeSquare));
      run.counter = counter_of(first, options.stream);
      run.seed = options.seed;
      kernel(run);
      done += stretch.steps;
      std::int64_t below = 0;
      for (int i = begin; i < end; ++i) below += m[2][i] < 0.0f ? 1 : 0;
      std::atomic_ref<std::int64_t>(switched[static_cast<std::size_t>(j)])
          .fetch_add(below, std::memory_order_relaxed);
      for (int i = begin; i < end && !states.empty(); ++i) {
        for (int c = 0; c < 3; ++c) {
          states[static_cast<std::size_t>(((j * trajectories) + offset + i) * 3 + c)] = m[c][i];
        }
      }
    }
  };
  const std::int64_t first_block = options.first_trajectory / kSpins;
  const std::int64_t blocks = (options.first_trajectory + trajectories + kSpins - 1) / kSpins - first_block;
  detail::for_blocks(blocks, 1, threads,
                     [&](std::int64_t block, std::int64_t) { block_of(first_block + block); });
}

}  // namespace nonideal::cram
