#pragma once

#include <cmath>

#include "base/philox_batch.hpp"
#include "quantum/kernels/lanes.hpp"

/// Binomial numbers across lanes. For kernels (included per instruction set; internal linkage).
///
/// Where the mean of the rarer outcome is below 10, inversion: one number after the other. Else Hoermann's
/// transformed rejection (BTRS): most first attempts are accepted by a comparison, and the others wait until
/// there are enough of them to fill vectors for the test with logarithms. A number does not depend on who
/// waits beside it.
namespace nonideal::quantum::kernels {
namespace {

inline constexpr int kDraws = detail::kPhiloxCalls;  ///< numbers that are drawn together
inline constexpr double kInversionMean = 10.0;

/// Numbers that need the test with logarithms, or another attempt.
struct Waiting {
  int count;
  alignas(64) std::uint64_t word0[2 * kDraws];
  alignas(64) std::uint64_t word2[2 * kDraws];  ///< the lowest 16 bits count attempts
  alignas(64) double trials[2 * kDraws];
  std::int64_t at[2 * kDraws];
};

struct Draws {
  double* values;  ///< probabilities in [0, 1] become successes; aligned to 64 bytes
  Words4 counter;  ///< words 1 and 3 of all numbers
  std::uint64_t seed;
  Waiting waiting;
};

/// 53 random bits to [0, 1); the high halves of the words are garbage.
static inline Doubles uniform(const std::uint64_t* high, const std::uint64_t* low) {
  const Integers magic = (Integers)(Doubles{} + 0x1p52);
  const Integers a = *reinterpret_cast<const Integers*>(high) & 0xFFFFFFFF;
  const Integers b = *reinterpret_cast<const Integers*>(low) & 0xFFFFFFFF;
  const Doubles h = (Doubles)(a >> 5 | magic) - 0x1p52;
  const Doubles l = (Doubles)(b >> 6 | magic) - 0x1p52;
  return (h * 67108864.0 + l) * 0x1p-53;
}

static inline Doubles rarer(Doubles probability) {
  return choose(probability > 0.5, 1.0 - probability, probability);
}

/// The smallest k with P(X <= k) > u.
static inline double inversion(double n, double rare, double u) {
  if (!(rare > 0.0)) return 0.0;
  const double q = 1.0 - rare, odds = rare / q;
  double probability = 1.0, square = q;  // q^n by squaring
  for (auto left = static_cast<std::uint64_t>(n); left > 0; left >>= 1) {
    if (left & 1) probability *= square;
    square *= square;
  }
  double k = 0.0;
  while (u > probability && k < n) {
    u -= probability;
    probability *= (n - k) / (k + 1.0) * odds;
    k += 1.0;
    if (probability < 1e-30) break;  // beyond what 53 random bits can ask for
  }
  return k;
}

/// One attempt of BTRS (Hoermann's names); means of at least kInversionMean.
struct Attempt {
  Doubles spread, b, a, us, v, k;
  Integers at_once;  ///< accepted without a further test
};

static inline Attempt attempt(Doubles n, Doubles rare, const std::uint64_t (&words)[4][kDraws], int lane) {
  Attempt t;
  t.spread = square_root(n * rare * (1.0 - rare));
  t.b = 1.15 + 2.53 * t.spread;
  t.a = -0.0873 + 0.0248 * t.b + 0.01 * rare;
  const Doubles u = uniform(words[0] + lane, words[1] + lane) - 0.5;
  t.v = uniform(words[2] + lane, words[3] + lane) + 0x1p-54;  // never 0
  t.us = 0.5 - (Doubles)((Integers)u & INT64_MAX);
  t.k = whole_part((2.0 * t.a / t.us + t.b) * u + (n * rare + 0.5));
  t.at_once = (t.us >= 0.07) & (t.v <= 0.92 - 4.2 / t.b);
  return t;
}

/// ln k! minus Stirling's formula ln sqrt(2 pi) + (k + 1/2) ln(k + 1) - (k + 1), for k >= 10.
static inline Doubles stirling_rest(Doubles k) {
  const Doubles x = 1.0 / (k + 1.0), t = x * x;
  return x * (1.0 / 12.0 - t * (1.0 / 360.0 - t * (1.0 / 1260.0 - t * (1.0 / 1680.0))));
}

/// The same for all k >= 0.
static inline Doubles stirling_rest_of_any(Doubles k) {
  static constexpr double kTable[10] = {
      0.08106146679532725822,  0.04134069595540929409, 0.02767792568499833915, 0.02079067210376509311,
      0.01664469118982119216,  0.013876128823070748,   0.0118967099458917701,  0.0104112652619720965,
      0.009255462182712732918, 0.008330563433362871256};
  Doubles rest = stirling_rest(k);
  const Integers few = (k < 10.0) & (k >= 0.0);
  std::int64_t some = 0;
  for (int i = 0; i < kWidth; ++i) some |= few[i];
  if (some != 0) {
    for (int i = 0; i < kWidth; ++i) {
      if (few[i]) rest[i] = kTable[static_cast<int>(k[i])];
    }
  }
  return rest;
}

/// Whether an attempt is accepted, by either test.
static inline Integers accepted(Doubles n, Doubles rare, const Attempt& t) {
  const Doubles ratio = rare / (1.0 - rare);
  const Doubles alpha = (2.83 + 5.1 / t.b) * t.spread;
  const Doubles m = whole_part((n + 1.0) * rare);  // m and n - m are at least 10
  const Doubles bound = (m + 0.5) * log_lanes((m + 1.0) / (ratio * (n - m + 1.0))) +
                        (n + 1.0) * log_lanes((n - m + 1.0) / (n - t.k + 1.0)) +
                        (t.k + 0.5) * log_lanes(ratio * (n - t.k + 1.0) / (t.k + 1.0)) + stirling_rest(m) +
                        stirling_rest(n - m) - stirling_rest_of_any(t.k) - stirling_rest_of_any(n - t.k);
  const Integers below = log_lanes(t.v * alpha / (t.a / (t.us * t.us) + t.b)) <= bound;
  // us = 0 (u = -1/2) divides by zero; the logarithms of a k outside mean nothing.
  return t.at_once | (below & (t.us > 0.0) & (t.k >= 0.0) & (t.k <= n));
}

/// Tests and draws again until at most `most` numbers wait.
static inline void settle(Draws& d, int most) {
  alignas(64) std::uint64_t words[4][kDraws];
  alignas(64) std::uint64_t word0[kDraws], word2[kDraws];
  alignas(64) double trials[kDraws], probabilities[kDraws], successes[kDraws];
  alignas(64) std::int64_t done[kDraws];
  Waiting& w = d.waiting;
  while (w.count > most) {
    const int taken = w.count < kDraws ? w.count : kDraws, first = w.count - taken;
    for (int i = 0; i < kDraws; ++i) {
      const int from = first + (i < taken ? i : 0);  // copies fill the vectors up
      word0[i] = w.word0[from];
      word2[i] = w.word2[from];
      trials[i] = w.trials[from];
      probabilities[i] = d.values[w.at[from]];
    }
    detail::philox_each(word0, word2, d.counter, d.seed, words);
    for (int i = 0; i < kDraws; i += kWidth) {
      const Doubles n = load(trials + i), probability = load(probabilities + i), rare = rarer(probability);
      const Attempt t = attempt(n, rare, words, i);
      store(successes + i, choose(probability > 0.5, n - t.k, t.k));
      *reinterpret_cast<Integers*>(done + i) = accepted(n, rare, t);
    }
    w.count = first;
    for (int i = 0; i < taken; ++i) {
      const std::int64_t at = w.at[first + i];
      if (done[i] != 0) {
        d.values[at] = successes[i];
      } else {
        w.word0[w.count] = word0[i];
        w.word2[w.count] = word2[i] + 1;
        w.trials[w.count] = trials[i];
        w.at[w.count++] = at;
      }
    }
  }
}

/// values[at + i] with i < kDraws: successes in trials[i] trials, with counter words word0 + i and word2.
/// What waits after it is drawn by settle(d, 0).
static inline void draw(Draws& d, std::int64_t at, const double* trials, std::uint32_t word0,
                        std::uint32_t word2) {
  alignas(64) std::uint64_t words[4][kDraws];
  alignas(64) double successes[kDraws];
  alignas(64) std::int64_t done[kDraws];
  settle(d, kDraws - 1);
  detail::philox_batch<kDraws>({{word0, d.counter.w[1], word2, d.counter.w[3]}}, 1, 0, d.seed, words);
  double* const values = d.values + at;
  for (int i = 0; i < kDraws; i += kWidth) {
    const Doubles n = load(trials + i), probability = load(values + i), rare = rarer(probability);
    const Attempt t = attempt(n, rare, words, i);
    store(successes + i, choose(probability > 0.5, n - t.k, t.k));
    *reinterpret_cast<Integers*>(done + i) = (n * rare >= kInversionMean) & t.at_once;
  }
  int left[kDraws], n_left = 0;
  for (int i = 0; i < kDraws; ++i) {
    left[n_left] = i;
    n_left += done[i] == 0 ? 1 : 0;
  }
  Waiting& w = d.waiting;
  for (int j = 0; j < n_left; ++j) {
    const int i = left[j];
    const double p = values[i], rare = p > 0.5 ? 1.0 - p : p;
    if (trials[i] * rare >= kInversionMean) {
      successes[i] = p;
      w.word0[w.count] = word0 + static_cast<std::uint32_t>(i);
      w.word2[w.count] = word2;
      w.trials[w.count] = trials[i];
      w.at[w.count++] = at + i;
    } else {
      const double k = inversion(
          trials[i], rare,
          uniform53(static_cast<std::uint32_t>(words[0][i]), static_cast<std::uint32_t>(words[1][i])));
      successes[i] = p > 0.5 ? trials[i] - k : k;
    }
  }
  for (int i = 0; i < kDraws; i += kWidth) store(values + i, load(successes + i));
}

}  // namespace
}  // namespace nonideal::quantum::kernels
