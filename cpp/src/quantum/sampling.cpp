#include "nonideal/quantum/sampling.hpp"

#include <algorithm>
#include <vector>

#include "base/aligned.hpp"
#include "base/check.hpp"
#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/threads.hpp"
#include "quantum/kernels/frequency.hpp"
#include "quantum/kernels/sampling.hpp"

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

constexpr std::int64_t kRows = 2048;  ///< drawn together

/// Numbers aligned to 64 bytes, with room up to the next multiple of 16.
class Column {
 public:
  explicit Column(std::int64_t size) : memory_(static_cast<std::size_t>(size + 24)) {}
  double* data() { return detail::aligned(memory_.data()); }
  double& operator[](std::int64_t i) { return data()[i]; }

 private:
  std::vector<double> memory_;
};

/// body(begin, end) for blocks of rows whose counters differ in word 0 alone.
template <class Body>
void for_rows(std::int64_t rows, std::int64_t block, std::int64_t offset, int threads, const Body& body) {
  const std::int64_t carry = (std::int64_t{1} << 32) - (offset & 0xFFFFFFFF);  // rows until word 2 changes
  detail::for_blocks(rows, block, threads, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t left =
          begin < carry ? carry - begin : (std::int64_t{1} << 32) - ((begin - carry) & 0xFFFFFFFF);
      const std::int64_t next = std::min(end, begin + left);
      body(begin, next);
      begin = next;
    }
  });
}

}  // namespace

void sample_binomial(std::span<const double> probabilities, const SamplingOptions& options,
                     std::span<std::int64_t> counts) {
  const auto rows = static_cast<std::int64_t>(probabilities.size());
  detail::expect_count("counts", "numbers", static_cast<std::int64_t>(counts.size()), rows);
  check(options, rows);
  check_probabilities(probabilities);
  const auto count = NONIDEAL_PICK(quantum, count);
  const int threads = resolve_threads(options.num_threads, rows, 4096);
  for_rows(rows, kRows, options.offset, threads, [&](std::int64_t begin, std::int64_t end) {
    Column values(end - begin), trials(end - begin);
    std::fill_n(trials.data(), end - begin, static_cast<double>(options.shots));
    for (std::int64_t i = begin; i < end; ++i) {
      values[i - begin] = std::clamp(probabilities[static_cast<std::size_t>(i)], 0.0, 1.0);
    }
    count({values.data(), trials.data(), end - begin,
           counter_of(static_cast<std::uint64_t>(options.offset + begin), 0, options.stream), options.seed});
    for (std::int64_t i = begin; i < end; ++i) {
      counts[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(values[i - begin]);
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
  const auto count = NONIDEAL_PICK(quantum, count);
  const int threads = resolve_threads(options.num_threads, size, 4096);
  const std::int64_t block = std::max<std::int64_t>(1, kRows / n_outcomes);
  for_rows(rows, block, options.offset, threads, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t n = end - begin;
    const double* const p = probabilities.data() + begin * n_outcomes;
    std::int64_t* const out = counts.data() + begin * n_outcomes;
    Column drawn(n), shots(n), left(n);                           // left: of the probability
    std::vector<std::int64_t> last(static_cast<std::size_t>(n));  // possible outcomes take what is left
    for (std::int64_t i = 0; i < n; ++i) {
      shots[i] = static_cast<double>(options.shots);
      for (std::int64_t o = 0; o < n_outcomes; ++o) {
        left[i] += std::max(0.0, p[i * n_outcomes + o]);
        if (p[i * n_outcomes + o] > 0.0) last[static_cast<std::size_t>(i)] = o;
      }
    }
    for (std::int64_t o = 0; o < n_outcomes; ++o) {
      for (std::int64_t i = 0; i < n; ++i) {
        const double mine = std::max(0.0, p[i * n_outcomes + o]);
        const bool open = o < last[static_cast<std::size_t>(i)] && left[i] > 0.0;
        drawn[i] = open ? std::clamp(mine / left[i], 0.0, 1.0) : 0.0;
        left[i] -= mine;
      }
      count({drawn.data(), shots.data(), n,
             counter_of(static_cast<std::uint64_t>(options.offset + begin), static_cast<std::uint32_t>(o),
                        options.stream),
             options.seed});
      for (std::int64_t i = 0; i < n; ++i) {
        const double mine = o == last[static_cast<std::size_t>(i)] ? shots[i] : drawn[i];
        out[i * n_outcomes + o] = static_cast<std::int64_t>(mine);
        shots[i] -= mine;
      }
    }
  });
}

double frequency_variance(double frequency, std::int64_t shots) {
  detail::expect_probability("frequency", frequency);
  detail::expect_at_least("shots", shots, 1);
  return kernels::frequency_variance(frequency, static_cast<double>(shots));
}

}  // namespace nonideal::quantum
