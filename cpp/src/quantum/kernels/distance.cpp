#include "quantum/kernels/distance.hpp"

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

/// NaN becomes `least`.
static inline Doubles clipped(Doubles x, double least, double most) {
  const Doubles low = Doubles{} + least, high = Doubles{} + most;
  x = choose(x > low, x, low);
  return choose(x < high, x, high);
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

void extrapolate(const Estimates& e) {
  const double least = e.lowest, most = e.highest;
  for (int i = 0; i < kLanes; i += kWidth) {
    Doubles value{}, variance{};
    for (std::int64_t s = 0; s < e.n_scales; ++s) {
      const Doubles y = load(e.values + s * kLanes + i);
      value += e.weights[s] * y;
      if (e.shots > 0.0) variance += e.weights[s] * e.weights[s] * frequency_variance(y, e.shots);
    }
    store(e.extrapolated + i, clipped(value, least, most));
    store(e.variance + i, variance);
  }
}

bool decay(const Estimates& e, double asymptote, std::int64_t raw, double* done) {
  alignas(64) double weights[kMostScales * kLanes], logs[kMostScales * kLanes];
  alignas(64) std::int64_t one_sided[kLanes];
  for (int i = 0; i < kLanes; i += kWidth) {
    const Integers above = (Integers)(load(e.values + i) - asymptote);  // all must have this sign
    Integers all = Integers{} - 1;
    for (std::int64_t s = 0; s < e.n_scales; ++s) {
      const Doubles y = load(e.values + s * kLanes + i), rest = y - asymptote;
      Doubles size = (Doubles)((Integers)rest & INT64_MAX);
      const Integers here = (size >= 0x1p-1022) & ((((Integers)rest ^ above) >> 63) == 0);
      all &= here;
      size = choose(here, size, Doubles{} + 1.0);
      store(weights + s * kLanes + i,
            e.shots > 0.0 ? size * size / frequency_variance(y, e.shots) : Doubles{} + 1.0);
      store(logs + s * kLanes + i, log_lanes(size));
    }
    *reinterpret_cast<Integers*>(one_sided + i) = all;
  }
  Integers all_fitted = Integers{} - 1;
  for (int i = 0; i < kLanes; i += kWidth) {
    // The line through the weighted mean.
    Doubles total{}, mean_scale{}, mean_log{};
    for (std::int64_t s = 0; s < e.n_scales; ++s) {
      const Doubles weight = load(weights + s * kLanes + i);
      total += weight;
      mean_scale += weight * e.scales[s];
      mean_log += weight * load(logs + s * kLanes + i);
    }
    const Doubles one_weight = 1.0 / total;
    mean_scale *= one_weight;
    mean_log *= one_weight;
    Doubles spread{}, slope{};
    for (std::int64_t s = 0; s < e.n_scales; ++s) {
      const Doubles x = e.scales[s] - mean_scale, weighted = load(weights + s * kLanes + i) * x;
      spread += weighted * x;
      slope += weighted * (load(logs + s * kLanes + i) - mean_log);
    }
    const Doubles lever = mean_scale / spread;
    const Doubles intercept = mean_log - lever * slope;
    const Integers bounded = (intercept < 700.0) & (intercept > -700.0);
    const Doubles size = exp_lanes(choose(bounded, intercept, Doubles{}));
    const Integers above = (Integers)(load(e.values + i) - asymptote);
    const Doubles signed_size = (Doubles)((Integers)size | (above & INT64_MIN));
    Doubles value = clipped(asymptote + signed_size, e.lowest, e.highest), variance{};
    if (e.shots > 0.0) {
      // The derivative by y is size * (rest / variance of y) * share.
      for (std::int64_t s = 0; s < e.n_scales; ++s) {
        const Doubles share = one_weight - lever * (e.scales[s] - mean_scale);
        variance += load(weights + s * kLanes + i) * share * share;
      }
      variance *= size * size;
    }
    const Integers same_side = *reinterpret_cast<const Integers*>(one_sided + i);
    const Integers fitted = same_side & bounded;
    Doubles state = (Doubles)(fitted & (Integers)(Doubles{} + 1.0));
    if (raw >= 0) {
      const Doubles y = load(e.values + raw * kLanes + i);
      value = choose(same_side, value, y);
      variance = choose(same_side, variance, e.shots > 0.0 ? frequency_variance(y, e.shots) : Doubles{});
      state = choose(same_side, state, Doubles{} + 2.0);
    }
    store(e.extrapolated + i, value);
    store(e.variance + i, variance);
    store(done + i, state);
    all_fitted &= fitted;
  }
  std::int64_t all = -1;
  for (int i = 0; i < kWidth; ++i) all &= all_fitted[i];
  return all != 0;
}

void convert(const Conversion& c) {
  for (int i = 0; i < kLanes; i += kWidth) {
    const Doubles b = load(c.norm_point + i);
    const Doubles total = c.norm_query * c.norm_query + b * b, product = c.norm_query * b;
    const Doubles slope = c.slope_total * total + c.slope_product * product;
    const Doubles offset = c.offset_total * total + c.offset_product * product;
    const Doubles size = (Doubles)((Integers)slope & INT64_MAX);
    store(c.squared + i, offset + slope * load(c.extrapolated + i));
    store(c.standard_error + i, size * square_root(load(c.variance + i)));
  }
}

void measure(const Pairs& pairs) {
  Pairs p = pairs;  // of a block
  alignas(64) double trials[kDraws];
  for (std::int64_t block = 0; block < pairs.n_blocks; ++block) {
    for (std::int64_t s = 0; s < pairs.n_scales; ++s) {
      const ScaleCode& scale = pairs.scales[s];
      fill(p, scale);
      interpret({scale.steps, scale.n_steps, pairs.registers});
      const double* const from = pairs.registers + scale.at * kLanes;
      for (int i = 0; i < kLanes; i += kWidth) {
        Doubles value = scale.base + scale.factor * load(from + i);
        if (pairs.shots > 0.0) value = clipped(value, 0.0, 1.0);  // cut what rounding left outside
        store(p.values + s * kLanes + i, value);
      }
    }
    p.values += pairs.n_scales * kLanes;
    p.cosine_point += kLanes;
    p.sine_point += kLanes;
    p.norm_point += kLanes;
  }
  if (!(pairs.shots > 0.0)) return;
  for (double& n : trials) n = pairs.shots;
  Draws draws;
  draws.values = pairs.values;
  draws.counter = {{0, pairs.query, 0, pairs.stream}};
  draws.seed = pairs.seed;
  draws.again.count = draws.test.count = 0;
  std::int64_t at = 0;
  for (std::int64_t block = 0; block < pairs.n_blocks; ++block) {
    for (std::int64_t s = 0; s < pairs.n_scales; ++s) {
      for (std::uint32_t lane = 0; lane < kLanes; lane += kDraws, at += kDraws) {
        draw(draws, at, kDraws, trials, pairs.point + static_cast<std::uint32_t>(block * kLanes) + lane,
             pairs.word2 | static_cast<std::uint32_t>(s) << 16);
      }
    }
  }
  finish(draws);
  for (std::int64_t i = 0; i < at; i += kWidth) store(pairs.values + i, load(pairs.values + i) / pairs.shots);
}

}  // namespace nonideal::quantum::kernels::NONIDEAL_KERNEL_ISA
