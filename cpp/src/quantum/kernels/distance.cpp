#include "quantum/kernels/distance.hpp"

#include "base/philox_batch.hpp"
#include "quantum/kernels/binomial.hpp"
#include "quantum/kernels/frequency.hpp"
#include "quantum/kernels/interpreter.hpp"

namespace nonideal::quantum::kernels::NONIDEAL_KERNEL_ISA {

namespace {

static inline void fill(const Pairs& p, const ScaleCode& scale) {
  for (std::int64_t f = 0; f < scale.n_fills; ++f) {
    const Fill& fill = scale.fills[f];
    double* const cosine = p.registers + 2 * fill.slot * kLanes;
    double* const sine = cosine + kLanes;
    if (fill.source < 0) {
      for (int i = 0; i < kLanes; i += kWidth) {
        const Doubles b = load(p.norm_point + i), a2 = Doubles{} + p.norm_query * p.norm_query, b2 = b * b;
        const Doubles total = a2 + b2;
        store(cosine + i, (a2 - b2) / total);
        store(sine + i, (2.0 * p.norm_query * p.head_sine * fill.sine) * b / total);
      }
      continue;
    }
    const Doubles ca = Doubles{} + p.cosine_query[fill.source];
    const Doubles sa = Doubles{} + p.sine_query[fill.source];
    const double* const cb = p.cosine_point + fill.source * p.stride;
    const double* const sb = p.sine_point + fill.source * p.stride;
    for (int i = 0; i < kLanes; i += kWidth) {
      const Doubles c = load(cb + i), s = fill.point * load(sb + i);
      store(cosine + i, ca * c - sa * s);
      store(sine + i, fill.sine * (sa * c + ca * s));
    }
  }
}

static inline Doubles whole_part(Doubles x) {
  const Doubles near = nearest(x);
  return near - (Doubles)((Integers)(near > x) & (Integers)(Doubles{} + 1.0));
}

/// 53 random bits to [0, 1); the high halves of the words are garbage.
static inline Doubles uniform(const std::uint64_t* high, const std::uint64_t* low) {
  const Integers magic = (Integers)(Doubles{} + 0x1p52);
  const Integers a = *reinterpret_cast<const Integers*>(high) & 0xFFFFFFFF;
  const Integers b = *reinterpret_cast<const Integers*>(low) & 0xFFFFFFFF;
  const Doubles h = (Doubles)(a >> 5 | magic) - 0x1p52;
  const Doubles l = (Doubles)(b >> 6 | magic) - 0x1p52;
  return (h * 67108864.0 + l) * 0x1p-53;
}

static inline Doubles square_root(Doubles x) {
  Doubles out;
  for (int i = 0; i < kWidth; ++i) out[i] = __builtin_sqrt(x[i]);
  return out;
}

/// Turns probabilities into frequencies. The first attempt of BTRS runs across lanes with the arithmetic of
/// binomial(); who isn't accepted at once, or has a rare outcome, goes there.
static inline void draw(const Pairs& p, std::int64_t scale, double* values) {
  alignas(64) std::uint64_t words[4][detail::kPhiloxCalls];
  alignas(64) double counts[kWidth];
  const double n = p.shots;
  const std::uint32_t word2 = p.word2 | static_cast<std::uint32_t>(scale) << 16;
  for (int first = 0; first < kLanes; first += detail::kPhiloxCalls) {
    const auto base = static_cast<std::uint32_t>(first);
    detail::philox_batch<detail::kPhiloxCalls>({{p.point + base, p.query, word2, p.stream}}, 1, 0, p.seed,
                                               words);
    for (int v = 0; v < detail::kPhiloxCalls; v += kWidth) {
      double* const at = values + first + v;
      Doubles probability = load(at);
      probability = (Doubles)((Integers)probability & (probability > 0.0));  // cut what rounding left outside
      const Integers above = probability > 1.0;
      probability = (Doubles)(((Integers)probability & ~above) | ((Integers)(Doubles{} + 1.0) & above));
      const Integers flipped = probability > 0.5;
      const Doubles rare =
          (Doubles)(((Integers)(1.0 - probability) & flipped) | ((Integers)probability & ~flipped));
      const Doubles b = 1.15 + 2.53 * square_root(n * rare * (1.0 - rare));
      const Doubles a = -0.0873 + 0.0248 * b + 0.01 * rare;
      const Doubles u = uniform(words[0] + v, words[1] + v) - 0.5;
      const Doubles w = uniform(words[2] + v, words[3] + v) + 0x1p-54;
      const Doubles size = (Doubles)((Integers)u & INT64_MAX);
      const Doubles us = 0.5 - size;
      const Doubles k = whole_part((2.0 * a / us + b) * u + (n * rare + 0.5));
      const Integers accepted = (n * rare >= kInversionMean) & (us >= 0.07) & (w <= 0.92 - 4.2 / b);
      const Doubles successes = (Doubles)(((Integers)(n - k) & flipped) | ((Integers)k & ~flipped));
      store(counts, successes);
      for (int i = 0; i < kWidth; ++i) {
        if (!accepted[i]) {
          counts[i] = binomial(
              n, probability[i],
              {{p.point + base + static_cast<std::uint32_t>(v + i), p.query, word2, p.stream}}, p.seed);
        }
      }
      store(at, load(counts) / n);
    }
  }
}

static inline Doubles choose(Integers which, Doubles yes, Doubles no) {
  return (Doubles)(((Integers)yes & which) | ((Integers)no & ~which));
}

/// Half of an angle in (-2 pi, 2 pi), given by cosine and sine: in (-pi, pi).
static inline void halve(Doubles& c, Doubles& s) {
  const Integers right = c >= 0.0;
  const Doubles large = square_root(0.5 * (1.0 + choose(right, c, -c)));  // cosine or size of the sine
  const Integers sign = (Integers)s & INT64_MIN;
  const Doubles signed_large = (Doubles)((Integers)large | sign);
  const Doubles small = s / (2.0 * choose(right, large, signed_large));
  c = choose(right, large, small);
  s = choose(right, small, signed_large);
}

}  // namespace

void tabulate(const Columns& columns) {
  const int size = 1 << columns.data_qubits;
  double* const entries = columns.entries;
  double* const cosine = columns.scratch;
  double* const sine = cosine + size * kLanes;
  // Blocks from the leaves up: `entries` holds signed leaves, then norms.
  for (int level = columns.data_qubits; level >= 1; --level) {
    const int blocks = 1 << (level - 1);
    for (int j = 0; j < blocks; ++j) {
      for (int i = 0; i < kLanes; i += kWidth) {
        const Doubles left = load(entries + 2 * j * kLanes + i);
        const Doubles right = load(entries + (2 * j + 1) * kLanes + i);
        const Doubles norm = square_root(left * left + right * right);
        const Integers some = norm > 0.0;
        const Doubles divisor = choose(some, norm, Doubles{} + 1.0);
        Doubles c = choose(some, left / divisor, Doubles{} + 1.0);  // of theta / 2
        Doubles s = right / divisor;
        for (int k = 1; k < level; ++k) halve(c, s);  // of theta / 2^level
        store(entries + j * kLanes + i, norm);
        store(cosine + j * kLanes + i, c);
        store(sine + j * kLanes + i, s);
      }
    }
    // Sums and differences of angles: a Walsh transform.
    for (int half = 1; half < blocks; half *= 2) {
      for (int j = 0; j < blocks; ++j) {
        if ((j & half) != 0) continue;
        for (int i = 0; i < kLanes; i += kWidth) {
          const int x = j * kLanes + i, y = (j + half) * kLanes + i;
          const Doubles cx = load(cosine + x), sx = load(sine + x), cy = load(cosine + y),
                        sy = load(sine + y);
          store(cosine + x, cx * cy - sx * sy);
          store(sine + x, sx * cy + cx * sy);
          store(cosine + y, cx * cy + sx * sy);
          store(sine + y, sx * cy - cx * sy);
        }
      }
    }
    for (int w = 0; w < blocks; ++w) {
      const std::int64_t row = (blocks - 1 + w) * columns.stride;
      for (int i = 0; i < kLanes; i += kWidth) {
        store(columns.cosine + row + i, load(cosine + w * kLanes + i));
        store(columns.sine + row + i, load(sine + w * kLanes + i));
      }
    }
  }
  for (int i = 0; i < kLanes; i += kWidth) store(columns.norm + i, load(entries + i));
}

void decay(const Decays& d) {
  for (int i = 0; i < kLanes; i += kWidth) {
    const Doubles above = load(d.values + i) - d.asymptote;  // all must have this sign
    Integers usable = Integers{} - 1;
    Doubles weights{}, scales{}, logs{};  // sums
    for (std::int64_t s = 0; s < d.n_scales; ++s) {
      const Doubles y = load(d.values + s * kLanes + i), rest = y - d.asymptote;
      const Integers same_side = rest * above > 0.0;
      usable &= same_side;
      const Doubles size = choose(same_side, (Doubles)((Integers)rest & INT64_MAX), Doubles{} + 1.0);
      const Doubles w = d.shots > 0.0 ? size * size / frequency_variance(y, d.shots) : Doubles{} + 1.0;
      weights += w;
      scales += w * d.scales[s];
      logs += w * log_lanes(size);
    }
    // The line through the weighted mean.
    const Doubles mean_scale = scales / weights, mean_log = logs / weights;
    Doubles spread{}, slope{};
    for (std::int64_t s = 0; s < d.n_scales; ++s) {
      const Doubles y = load(d.values + s * kLanes + i), rest = y - d.asymptote;
      const Doubles size = choose(rest * above > 0.0, (Doubles)((Integers)rest & INT64_MAX), Doubles{} + 1.0);
      const Doubles w = d.shots > 0.0 ? size * size / frequency_variance(y, d.shots) : Doubles{} + 1.0;
      const Doubles x = d.scales[s] - mean_scale;
      spread += w * x * x;
      slope += w * x * (log_lanes(size) - mean_log);
    }
    const Doubles intercept = mean_log - mean_scale * slope / spread;
    usable &= (intercept < 700.0) & (intercept > -700.0);
    const Doubles size = exp_lanes(choose(usable, intercept, Doubles{}));
    const Doubles signed_size = (Doubles)((Integers)size | ((Integers)above & INT64_MIN));
    Doubles variance{};
    if (d.shots > 0.0) {
      for (std::int64_t s = 0; s < d.n_scales; ++s) {
        const Doubles y = load(d.values + s * kLanes + i), rest = y - d.asymptote;
        const Doubles own = frequency_variance(y, d.shots);
        const Doubles lever = 1.0 / weights - mean_scale * (d.scales[s] - mean_scale) / spread;
        const Doubles derivative = size * (rest / own) * lever;
        variance += derivative * derivative * own;
      }
    }
    store(d.extrapolated + i, d.asymptote + signed_size);
    store(d.variance + i, variance);
    store(d.usable + i, (Doubles)(usable & (Integers)(Doubles{} + 1.0)));
  }
}

void measure(const Pairs& pairs) {
  for (std::int64_t s = 0; s < pairs.n_scales; ++s) {
    const ScaleCode& scale = pairs.scales[s];
    fill(pairs, scale);
    interpret({scale.steps, scale.n_steps, pairs.registers});
    double* const values = pairs.values + s * kLanes;
    const double* const from = pairs.registers + scale.at * kLanes;
    for (int i = 0; i < kLanes; i += kWidth) store(values + i, scale.base + scale.factor * load(from + i));
    if (pairs.shots > 0.0) draw(pairs, s, values);
  }
}

}  // namespace nonideal::quantum::kernels::NONIDEAL_KERNEL_ISA
