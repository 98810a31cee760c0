#pragma once

#include <cmath>

#include "nonideal/base/random.hpp"
#include "quantum/kernels/lanes.hpp"

/// One binomial number. For kernels and sampling.cpp (internal linkage).
namespace nonideal::quantum::kernels {
namespace {

/// Below this mean of the rarer outcome inversion is exact and quick; BTRS is made for what lies above.
inline constexpr double kInversionMean = 10.0;

/// ln k! minus Stirling's formula ln sqrt(2 pi) + (k + 1/2) ln(k + 1) - (k + 1).
static inline double stirling_rest(double k) {
  static const double table[10] = {0.08106146679532725822, 0.04134069595540929409, 0.02767792568499833915,
                                   0.02079067210376509311, 0.01664469118982119216, 0.013876128823070748,
                                   0.0118967099458917701,  0.0104112652619720965,  0.009255462182712732918,
                                   0.008330563433362871256};
  if (k < 10.0) return table[static_cast<int>(k)];
  const double x = 1.0 / (k + 1.0), t = x * x;
  return x * (1.0 / 12.0 - t * (1.0 / 360.0 - t * (1.0 / 1260.0 - t * (1.0 / 1680.0))));
}

/// What BTRS needs of n and p <= 1/2 (Hoermann's names).
struct Btrs {
  double b, a, c, vr;
};

static inline Btrs btrs(double n, double p) {
  const double spread = std::sqrt(n * p * (1.0 - p));
  const double b = 1.15 + 2.53 * spread;
  return {b, -0.0873 + 0.0248 * b + 0.01 * p, n * p + 0.5, 0.92 - 4.2 / b};
}

/// Successes in n trials of probability p in [0, 1]. `counter` belongs to this number, but for the lowest 16
/// bits of word 2, which count attempts.
static inline double binomial(double n, double p, Words4 counter, std::uint64_t seed) {
  const bool flipped = p > 0.5;
  const double rare = flipped ? 1.0 - p : p;
  double k = 0.0;
  if (rare <= 0.0) {
    k = 0.0;
  } else if (n * rare < kInversionMean) {
    const Words4 words = philox(counter, seed);
    double u = uniform53(words.w[0], words.w[1]);
    const double q = 1.0 - rare, odds = rare / q;
    double probability = 1.0, square = q;  // q^n by squaring
    for (auto left = static_cast<std::uint64_t>(n); left > 0; left >>= 1) {
      if (left & 1) probability *= square;
      square *= square;
    }
    while (u > probability && k < n) {
      u -= probability;
      probability *= (n - k) / (k + 1.0) * odds;
      k += 1.0;
      if (probability < 1e-30) break;  // beyond what 53 random bits can ask for
    }
  } else {
    const Btrs h = btrs(n, rare);
    const double spread = std::sqrt(n * rare * (1.0 - rare));
    const double ratio = rare / (1.0 - rare);
    const double alpha = (2.83 + 5.1 / h.b) * spread;
    const double m = std::floor((n + 1.0) * rare);
    for (;; ++counter.w[2]) {
      const Words4 words = philox(counter, seed);
      const double u = uniform53(words.w[0], words.w[1]) - 0.5;
      const double v = uniform53(words.w[2], words.w[3]) + 0x1p-54;  // never 0
      const double us = 0.5 - std::fabs(u);
      if (us <= 0.0) continue;  // u = -1/2 would divide by zero
      k = std::floor((2.0 * h.a / us + h.b) * u + h.c);
      if (us >= 0.07 && v <= h.vr) break;
      if (k < 0.0 || k > n) continue;
      const double bound = (m + 0.5) * log_of((m + 1.0) / (ratio * (n - m + 1.0))) +
                           (n + 1.0) * log_of((n - m + 1.0) / (n - k + 1.0)) +
                           (k + 0.5) * log_of(ratio * (n - k + 1.0) / (k + 1.0)) + stirling_rest(m) +
                           stirling_rest(n - m) - stirling_rest(k) - stirling_rest(n - k);
      if (log_of(v * alpha / (h.a / (us * us) + h.b)) <= bound) break;
    }
  }
  return flipped ? n - k : k;
}

}  // namespace
}  // namespace nonideal::quantum::kernels
