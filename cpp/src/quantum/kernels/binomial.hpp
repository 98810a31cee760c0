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
inline constexpr int kFew = 4;                       ///< from here on a batch of random words pays
inline constexpr double kInversionMean = 10.0;

/// Numbers that wait for an attempt, or for the second test of one.
struct Waiting {
  int count;
  std::uint64_t word0[2 * kDraws];
  std::uint64_t word2[2 * kDraws];  ///< the lowest 16 bits count attempts
  double trials[2 * kDraws];
  double u[2 * kDraws], v[2 * kDraws];  ///< random numbers of the attempt
  std::int64_t at[2 * kDraws];
};

struct Draws {
  double* values;  ///< probabilities in [0, 1] become successes; aligned to 64 bytes
  Words4 counter;  ///< words 1 and 3 of all numbers
  std::uint64_t seed;
  Waiting again;  ///< for an attempt
  Waiting test;   ///< for the test with logarithms
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

/// u in [-1/2, 1/2), v in (0, 1].
static inline Attempt attempt(Doubles n, Doubles rare, Doubles u, Doubles v) {
  Attempt t;
  t.v = v;
  t.spread = square_root(n * rare * (1.0 - rare));
  t.b = 1.15 + 2.53 * t.spread;
  t.a = -0.0873 + 0.0248 * t.b + 0.01 * rare;
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

/// The second test, with the logarithms of what the first one only bounds.
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
  return below & (t.us > 0.0) & (t.k >= 0.0) & (t.k <= n);
}

/// The first attempt of values[at + i], i < count; rare outcomes by inversion.
static inline void begin(Draws& d, std::int64_t at, int count, const double* trials, std::uint32_t word0,
                         std::uint32_t word2) {
  alignas(64) std::uint64_t words[4][kDraws];
  alignas(64) double successes[kDraws], us[kDraws], vs[kDraws];
  alignas(64) std::int64_t done[kDraws];
  detail::philox_batch<kDraws>({{word0, d.counter.w[1], word2, d.counter.w[3]}}, 1, 0, d.seed, words);
  double* const values = d.values + at;
  for (int i = 0; i < count; i += kWidth) {
    const Doubles n = load(trials + i), probability = load(values + i), rare = rarer(probability);
    const Doubles u = uniform(words[0] + i, words[1] + i) - 0.5;
    const Doubles v = uniform(words[2] + i, words[3] + i) + 0x1p-54;  // never 0
    const Attempt t = attempt(n, rare, u, v);
    store(us + i, u);
    store(vs + i, v);
    store(successes + i, choose(probability > 0.5, n - t.k, t.k));
    *reinterpret_cast<Integers*>(done + i) = (n * rare >= kInversionMean) & t.at_once;
  }
  int left[kDraws], n_left = 0;
  for (int i = 0; i < count; ++i) {
    left[n_left] = i;
    n_left += done[i] == 0 ? 1 : 0;
  }
  Waiting& w = d.test;
  for (int j = 0; j < n_left; ++j) {
    const int i = left[j];
    const double p = values[i], rare = p > 0.5 ? 1.0 - p : p;
    if (trials[i] * rare >= kInversionMean) {
      successes[i] = p;
      w.word0[w.count] = word0 + static_cast<std::uint32_t>(i);
      w.word2[w.count] = word2;
      w.trials[w.count] = trials[i];
      w.u[w.count] = us[i];
      w.v[w.count] = vs[i];
      w.at[w.count++] = at + i;
    } else {
      const double k = inversion(trials[i], rare, us[i] + 0.5);
      successes[i] = p > 0.5 ? trials[i] - k : k;
    }
  }
  for (int i = 0; i < count; i += kWidth) store(values + i, load(successes + i));
}

/// begin() for numbers too few to be worth a batch of random words.
static inline void begin_few(Draws& d, std::int64_t at, int count, const double* trials, std::uint32_t word0,
                             std::uint32_t word2) {
  for (int i = 0; i < count; ++i) {
    const std::uint32_t mine = word0 + static_cast<std::uint32_t>(i);
    double& value = d.values[at + i];
    const double rare = value > 0.5 ? 1.0 - value : value;
    if (trials[i] * rare >= kInversionMean) {
      Waiting& w = d.again;
      w.word0[w.count] = mine;
      w.word2[w.count] = word2;
      w.trials[w.count] = trials[i];
      w.u[w.count] = w.v[w.count] = 0.0;
      w.at[w.count++] = at + i;
    } else {
      const Words4 words = philox({{mine, d.counter.w[1], word2, d.counter.w[3]}}, d.seed);
      const double k = inversion(trials[i], rare, uniform53(words.w[0], words.w[1]));
      value = value > 0.5 ? trials[i] - k : k;
    }
  }
}

/// Takes up to kDraws numbers off a list and fills vectors up with copies of the first one.
struct Taken {
  int count;
  alignas(64) std::uint64_t word0[kDraws], word2[kDraws];
  alignas(64) double trials[kDraws], u[kDraws], v[kDraws], probabilities[kDraws], successes[kDraws];
  alignas(64) std::int64_t done[kDraws];
  std::int64_t at[kDraws];
};

static inline void take(const Draws& d, Waiting& from, Taken& to) {
  to.count = from.count < kDraws ? from.count : kDraws;
  from.count -= to.count;
  for (int i = 0; i < kDraws; ++i) {
    const int w = from.count + (i < to.count ? i : 0);
    to.word0[i] = from.word0[w];
    to.word2[i] = from.word2[w];
    to.trials[i] = from.trials[w];
    to.u[i] = from.u[w];
    to.v[i] = from.v[w];
    to.at[i] = from.at[w];
    to.probabilities[i] = d.values[from.at[w]];
  }
}

/// Keeps the successes of those that are done and hands the others on.
static inline void give(const Draws& d, const Taken& from, Waiting& to, std::uint64_t next_word2) {
  for (int i = 0; i < from.count; ++i) {
    d.values[from.at[i]] = from.done[i] != 0 ? from.successes[i] : from.probabilities[i];
    to.word0[to.count] = from.word0[i];
    to.word2[to.count] = from.word2[i] + next_word2;
    to.trials[to.count] = from.trials[i];
    to.u[to.count] = from.u[i];
    to.v[to.count] = from.v[i];
    to.at[to.count] = from.at[i];
    to.count += from.done[i] == 0 ? 1 : 0;
  }
}

static inline void attempt_again(Draws& d) {
  alignas(64) std::uint64_t words[4][kDraws];
  Taken x;
  take(d, d.again, x);
  detail::philox_each(x.word0, x.word2, d.counter, d.seed, words);
  for (int i = 0; i < x.count; i += kWidth) {
    const Doubles n = load(x.trials + i), probability = load(x.probabilities + i), rare = rarer(probability);
    const Doubles u = uniform(words[0] + i, words[1] + i) - 0.5;
    const Doubles v = uniform(words[2] + i, words[3] + i) + 0x1p-54;
    const Attempt t = attempt(n, rare, u, v);
    store(x.u + i, u);
    store(x.v + i, v);
    store(x.successes + i, choose(probability > 0.5, n - t.k, t.k));
    *reinterpret_cast<Integers*>(x.done + i) = t.at_once;
  }
  give(d, x, d.test, 0);
}

static inline void test(Draws& d) {
  Taken x;
  take(d, d.test, x);
  for (int i = 0; i < x.count; i += kWidth) {
    const Doubles n = load(x.trials + i), probability = load(x.probabilities + i), rare = rarer(probability);
    const Attempt t = attempt(n, rare, load(x.u + i), load(x.v + i));
    store(x.successes + i, choose(probability > 0.5, n - t.k, t.k));
    *reinterpret_cast<Integers*>(x.done + i) = accepted(n, rare, t);
  }
  give(d, x, d.again, 1);
}

/// values[at + i] with i < count <= kDraws: successes in trials[i] trials, with counter words word0 + i and
/// word2. Some are there only after finish(); numbers up to the end of a vector are overwritten.
static inline void draw(Draws& d, std::int64_t at, int count, const double* trials, std::uint32_t word0,
                        std::uint32_t word2) {
  if (count < kFew) return begin_few(d, at, count, trials, word0, word2);
  begin(d, at, count, trials, word0, word2);
  while (d.test.count >= kDraws) {  // full vectors only
    test(d);
    if (d.again.count >= kDraws) attempt_again(d);
  }
}

static inline void finish(Draws& d) {
  while (d.test.count > 0 || d.again.count > 0) {
    if (d.again.count > 0) attempt_again(d);
    if (d.test.count > 0) test(d);
  }
}

}  // namespace
}  // namespace nonideal::quantum::kernels
