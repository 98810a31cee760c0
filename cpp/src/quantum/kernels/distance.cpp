#include "quantum/kernels/distance.hpp"

#include "base/philox_batch.hpp"
#include "quantum/kernels/binomial.hpp"
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

}  // namespace

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
