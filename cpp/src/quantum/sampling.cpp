#include "nonideal/quantum/sampling.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/threads.hpp"
#include "quantum/kernels/binomial.hpp"
#include "quantum/kernels/frequency.hpp"

namespace nonideal::quantum {

namespace {

constexpr double kRounding = 1e-9;

void check(const SamplingOptions& options, std::int64_t rows) {
  detail::expect_within("shots", options.shots, 1, kMaxShots);
  if (options.stream >> 32 != 0) {
    throw InvalidArgument("stream = " + std::to_string(options.stream) + " is outside [0, 4294967295]");
  }
  detail::expect_within("offset", options.offset, 0, (std::int64_t{1} << 40) - rows);
}

void check_probabilities(std::span<const double> probabilities) {
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    if (!(probabilities[i] >= -kRounding && probabilities[i] <= 1.0 + kRounding)) {
      detail::expect_probability(detail::bracketed("probabilities", static_cast<std::int64_t>(i)),
                                 probabilities[i]);
    }
  }
}

Words4 counter_of(std::uint64_t row, std::uint32_t outcome, std::uint64_t stream) {
  return {{static_cast<std::uint32_t>(row), outcome,
           static_cast<std::uint32_t>(Purpose::kCounts) << 24 | static_cast<std::uint32_t>(row >> 32) << 16,
           static_cast<std::uint32_t>(stream)}};
}

}  // namespace

void sample_binomial(std::span<const double> probabilities, const SamplingOptions& options,
                     std::span<std::int64_t> counts) {
  const auto rows = static_cast<std::int64_t>(probabilities.size());
  detail::expect_count("counts", "numbers", static_cast<std::int64_t>(counts.size()), rows);
  check(options, rows);
  check_probabilities(probabilities);
  const int threads = resolve_threads(options.num_threads, rows, 4096);
  detail::for_blocks(rows, 2048, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const double p = std::clamp(probabilities[at], 0.0, 1.0);
      const Words4 counter = counter_of(static_cast<std::uint64_t>(options.offset + i), 0, options.stream);
      counts[at] = static_cast<std::int64_t>(
          kernels::binomial(static_cast<double>(options.shots), p, counter, options.seed));
    }
  });
}

void sample_multinomial(std::span<const double> probabilities, std::int64_t n_outcomes,
                        const SamplingOptions& options, std::span<std::int64_t> counts) {
  detail::expect_within("n_outcomes", n_outcomes, 1, std::int64_t{1} << 31);
  const auto size = static_cast<std::int64_t>(probabilities.size());
  const std::int64_t rows = size / n_outcomes;
  detail::expect_count("probabilities", "numbers", size, rows * n_outcomes);
  detail::expect_count("counts", "numbers", static_cast<std::int64_t>(counts.size()), size);
  check(options, rows);
  check_probabilities(probabilities);
  for (std::int64_t i = 0; i < rows; ++i) {
    double sum = 0.0;
    for (std::int64_t o = 0; o < n_outcomes; ++o)
      sum += probabilities[static_cast<std::size_t>(i * n_outcomes + o)];
    if (!(sum >= 1.0 - kRounding && sum <= 1.0 + kRounding)) {
      throw InvalidArgument(detail::bracketed("probabilities", i) + " sums to " + detail::shortest(sum) +
                            ", not to 1");
    }
  }
  const int threads = resolve_threads(options.num_threads, size, 4096);
  const std::int64_t block = std::max<std::int64_t>(1, 2048 / n_outcomes);
  detail::for_blocks(rows, block, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const double* const p = probabilities.data() + i * n_outcomes;
      std::int64_t* const out = counts.data() + i * n_outcomes;
      double shots = static_cast<double>(options.shots), left = 0.0;
      std::int64_t last = 0;  // the last possible outcome takes what is left
      for (std::int64_t o = 0; o < n_outcomes; ++o) {
        left += std::max(0.0, p[o]);
        if (p[o] > 0.0) last = o;
        out[o] = 0;
      }
      for (std::int64_t o = 0; o < last && shots > 0.0; ++o) {
        const double mine = std::max(0.0, p[o]);
        const Words4 counter = counter_of(static_cast<std::uint64_t>(options.offset + i),
                                          static_cast<std::uint32_t>(o), options.stream);
        const double drawn = kernels::binomial(shots, left > 0.0 ? std::clamp(mine / left, 0.0, 1.0) : 0.0,
                                               counter, options.seed);
        out[o] = static_cast<std::int64_t>(drawn);
        shots -= drawn;
        left -= mine;
      }
      out[last] = static_cast<std::int64_t>(shots);
    }
  });
}

double frequency_variance(double frequency, std::int64_t shots) {
  detail::expect_probability("frequency", frequency);
  detail::expect_at_least("shots", shots, 1);
  return kernels::frequency_variance(frequency, static_cast<double>(shots));
}

}  // namespace nonideal::quantum
