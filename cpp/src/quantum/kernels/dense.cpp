#include "quantum/kernels/dense.hpp"

// Everything here has internal linkage but the entry points: see cpp/CMakeLists.txt, which lets this file
// fuse multiplications with additions: results differ between instruction sets by rounding.
namespace nonideal::quantum::kernels::NONIDEAL_KERNEL_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif

template <class Real>
struct Types;
template <>
struct Types<double> {
  typedef double Vector __attribute__((vector_size(kBytes), may_alias));
  typedef double Loose __attribute__((vector_size(kBytes), may_alias, aligned(8)));
  typedef std::int64_t Mask __attribute__((vector_size(kBytes), may_alias));
};
template <>
struct Types<float> {
  typedef float Vector __attribute__((vector_size(kBytes), may_alias));
  typedef float Loose __attribute__((vector_size(kBytes), may_alias, aligned(4)));
  typedef std::int32_t Mask __attribute__((vector_size(kBytes), may_alias));
};

template <class Real>
constexpr int kNumbers = kBytes / static_cast<int>(sizeof(Real));

constexpr int log2_of(int n) { return n <= 1 ? 0 : 1 + log2_of(n / 2); }

/// Numbers per element of the vector, as bits: 1 where they are complex.
template <class Real, bool kComplex>
constexpr int kLaneBits = log2_of(kNumbers<Real>) - (kComplex ? 1 : 0);

template <class Real>
[[gnu::always_inline]] inline typename Types<Real>::Vector load(const Real* from) {
  return *reinterpret_cast<const typename Types<Real>::Loose*>(from);
}
template <class Real>
[[gnu::always_inline]] inline void store(Real* to, typename Types<Real>::Vector value) {
  *reinterpret_cast<typename Types<Real>::Loose*>(to) = value;
}

/// Where lane i comes from: element i ^ flip, real and imaginary part exchanged where `swap` is 1.
template <class Real, bool kComplex>
typename Types<Real>::Mask source(int flip, int swap) {
  typename Types<Real>::Mask mask = {};
  for (int i = 0; i < kNumbers<Real>; ++i) {
    mask[i] = kComplex ? ((((i >> 1) ^ flip) << 1) | ((i & 1) ^ swap)) : (i ^ flip);
  }
  return mask;
}

struct Plan {
  int bits;
  int high;             // targets beyond the lanes
  int lanes;            // targets within
  int positions[5];     // of the high targets, counted in vectors
  int lane_targets[5];  // positions within the lanes
};

/// Matrix index of (row of high bits, lane): low bits of the index are the targets within the lanes.
inline int lane_part(const Plan& plan, int element) {
  int part = 0;
  for (int b = 0; b < plan.lanes; ++b) part |= ((element >> plan.lane_targets[b]) & 1) << b;
  return part;
}

/// Vector g of those whose bits at these positions are 0.
[[gnu::always_inline]] inline std::int64_t vector_of(std::int64_t g, const Plan& plan) {
  for (int b = 0; b < plan.high; ++b) {
    const std::int64_t low = g & ((std::int64_t{1} << plan.positions[b]) - 1);
    g = ((g - low) << 1) | low;
  }
  return g;
}

/// Rows that are somebody else's, where the matrix only moves elements, none of them within the lanes; -1
/// otherwise. Row to[i] becomes row from[i].
int moved_rows(const Plan& plan, const double* matrix, int parts, int* to, int* from) {
  const int rows = 1 << plan.high;
  int moved = 0;
  for (int r = 0; r < rows; ++r) {
    int source = -1;
    for (int c = 0; c < rows; ++c) {
      const double* const entry = matrix + parts * (r * rows + c);
      if (parts == 2 && entry[1] != 0.0) return -1;
      if (entry[0] == 0.0) continue;
      if (entry[0] != 1.0 || source >= 0) return -1;
      source = c;
    }
    if (source < 0) return -1;
    if (source == r) continue;
    to[moved] = r;
    from[moved++] = source;
  }
  return moved;
}

template <class Real, bool kComplex>
void move_rows(Real* state, const Plan& plan, int moved, const int* to, const int* from) {
  using Vector = typename Types<Real>::Vector;
  const auto offset = [&](int row) {
    std::int64_t at = 0;
    for (int b = 0; b < plan.high; ++b) {
      at += static_cast<std::int64_t>((row >> b) & 1) << plan.positions[b];
    }
    return at * kNumbers<Real>;
  };
  std::int64_t target[32], source[32];
  for (int i = 0; i < moved; ++i) {
    target[i] = offset(to[i]);
    source[i] = offset(from[i]);
  }
  const std::int64_t groups = std::int64_t{1} << (plan.bits - kLaneBits<Real, kComplex> - plan.high);
  for (std::int64_t g = 0; g < groups; ++g) {
    Real* const base = state + vector_of(g, plan) * kNumbers<Real>;
    Vector values[32];
    for (int i = 0; i < moved; ++i) values[i] = load(base + source[i]);
    for (int i = 0; i < moved; ++i) store(base + target[i], values[i]);
  }
}

template <class Real, bool kComplex, int kHigh, bool kInLanes>
void run(Real* state, const Plan& plan, const double* matrix) {
  using Vector = typename Types<Real>::Vector;
  using Mask = typename Types<Real>::Mask;
  constexpr int kRows = 1 << kHigh;
  constexpr int kWidth = kNumbers<Real>;
  constexpr int kFlips = kInLanes ? 1 << kLaneBits<Real, kComplex> : 1;
  constexpr int kParts = kComplex ? 2 : 1;
  const int flips = kInLanes ? 1 << plan.lanes : 1;
  const int size = kRows * (1 << plan.lanes);

  // Coefficients in the order of use: column (c, flip), row.
  constexpr int kSlots = kRows * kRows * kFlips;
  alignas(64) Real re[kSlots * (kInLanes ? kWidth : 1)];
  alignas(64) Real im[kComplex ? kSlots * (kInLanes ? kWidth : 1) : 1];
  Mask straight[kFlips], crossed[kFlips];
  for (int f = 0; f < flips; ++f) {
    int flip = 0;  // as a flip of lanes
    for (int b = 0; b < plan.lanes; ++b) flip |= ((f >> b) & 1) << plan.lane_targets[b];
    straight[f] = source<Real, kComplex>(flip, 0);
    crossed[f] = source<Real, kComplex>(flip, 1);
    for (int c = 0; c < kRows; ++c) {
      for (int r = 0; r < kRows; ++r) {
        const int slot = (c * flips + f) * kRows + r;
        for (int i = 0; i < (kInLanes ? kWidth : 1); ++i) {
          const int own = lane_part(plan, kComplex ? i >> 1 : i);
          const int row = (r << plan.lanes) | own, column = (c << plan.lanes) | (own ^ f);
          const double* const entry = matrix + kParts * (row * size + column);
          const int at = kInLanes ? slot * kWidth + i : slot;
          re[at] = static_cast<Real>(entry[0]);
          // i (x + i y) = -y + i x: the real lanes of the crossed vector carry a minus.
          if constexpr (kComplex) im[at] = static_cast<Real>(kInLanes && (i & 1) == 0 ? -entry[1] : entry[1]);
        }
      }
    }
  }
  Vector sign = {};
  for (int i = 0; i < kWidth; ++i) sign[i] = (i & 1) == 0 ? Real(-1) : Real(1);

  std::int64_t offsets[kRows];
  for (int c = 0; c < kRows; ++c) {
    offsets[c] = 0;
    for (int b = 0; b < kHigh; ++b) {
      offsets[c] += static_cast<std::int64_t>((c >> b) & 1) << plan.positions[b];
    }
    offsets[c] *= kWidth;
  }
  const std::int64_t groups = std::int64_t{1} << (plan.bits - kLaneBits<Real, kComplex> - kHigh);
  for (std::int64_t g = 0; g < groups; ++g) {
    Real* const base = state + vector_of(g, plan) * kWidth;
    Vector sum[kRows];
    for (int r = 0; r < kRows; ++r) sum[r] = Vector{};
    for (int c = 0; c < kRows; ++c) {
      const Vector value = load(base + offsets[c]);
      if constexpr (kInLanes) {
        for (int f = 0; f < flips; ++f) {
          const std::int64_t slot = (c * flips + f) * kRows;
          const Vector p = __builtin_shuffle(value, straight[f]);
          for (int r = 0; r < kRows; ++r) sum[r] += p * load(re + (slot + r) * kWidth);
          if constexpr (kComplex) {
            const Vector q = __builtin_shuffle(value, crossed[f]);
            for (int r = 0; r < kRows; ++r) sum[r] += q * load(im + (slot + r) * kWidth);
          }
        }
      } else {
        for (int r = 0; r < kRows; ++r) sum[r] += value * re[c * kRows + r];
        if constexpr (kComplex) {
          const Vector q = __builtin_shuffle(value, crossed[0]) * sign;
          for (int r = 0; r < kRows; ++r) sum[r] += q * im[c * kRows + r];
        }
      }
    }
    for (int r = 0; r < kRows; ++r) store(base + offsets[r], sum[r]);
  }
}

template <class Real, bool kComplex>
void dense(Real* state, int bits, int k, const int* targets, const double* matrix) {
  constexpr int kLanes = kLaneBits<Real, kComplex>;
  Plan plan{bits, 0, 0, {}, {}};
  for (int b = 0; b < k; ++b) {
    if (targets[b] < kLanes) {
      plan.lane_targets[plan.lanes++] = targets[b];
    } else {
      plan.positions[plan.high++] = targets[b] - kLanes;
    }
  }
  if (plan.lanes == 0) {
    int to[32], from[32];
    const int moved = moved_rows(plan, matrix, kComplex ? 2 : 1, to, from);
    if (moved >= 0) return move_rows<Real, kComplex>(state, plan, moved, to, from);
    switch (plan.high) {
      case 1:
        return run<Real, kComplex, 1, false>(state, plan, matrix);
      case 2:
        return run<Real, kComplex, 2, false>(state, plan, matrix);
      case 3:
        return run<Real, kComplex, 3, false>(state, plan, matrix);
      case 4:
        return run<Real, kComplex, 4, false>(state, plan, matrix);
      default:
        return run<Real, kComplex, 5, false>(state, plan, matrix);
    }
  }
  if constexpr (kLanes > 0) {
    switch (plan.high) {
      case 0:
        return run<Real, kComplex, 0, true>(state, plan, matrix);
      case 1:
        return run<Real, kComplex, 1, true>(state, plan, matrix);
      case 2:
        return run<Real, kComplex, 2, true>(state, plan, matrix);
      case 3:
        return run<Real, kComplex, 3, true>(state, plan, matrix);
      default:
        return run<Real, kComplex, 4, true>(state, plan, matrix);
    }
  }
}

/// to[i] *= by[i], complex.
template <class Real>
[[gnu::always_inline]] inline void multiply(Real* to, const Real* by, int elements) {
  int i = 0;
  using Vector = typename Types<Real>::Vector;
  constexpr int kWidth = kNumbers<Real>;
  Vector sign = {};
  typename Types<Real>::Mask real = {}, imaginary = {};
  for (int j = 0; j < kWidth; ++j) {
    sign[j] = (j & 1) == 0 ? Real(-1) : Real(1);
    real[j] = j & ~1;
    imaginary[j] = j | 1;
  }
  const auto crossed = source<Real, true>(0, 1);
  for (; i + kWidth <= 2 * elements; i += kWidth) {
    const Vector a = load(to + i), b = load(by + i);
    const Vector re = __builtin_shuffle(b, real), im = __builtin_shuffle(b, imaginary);
    store(to + i, a * re + (__builtin_shuffle(a, crossed) * sign) * im);
  }
  for (; i < 2 * elements; i += 2) {
    const Real x = to[i], y = to[i + 1];
    to[i] = x * by[i] - y * by[i + 1];
    to[i + 1] = x * by[i + 1] + y * by[i];
  }
}

template <class Real>
void turn(Real* state, int bits, const double* scale, const double* turns, const double* table) {
  alignas(64) Real factors[2 << kChunkBits];
  factors[0] = static_cast<Real>(scale[0]);
  factors[1] = static_cast<Real>(scale[1]);
  for (int b = 0; b < bits; ++b) {
    const int half = 1 << b;
    const auto c = static_cast<Real>(turns[2 * b]), s = static_cast<Real>(turns[2 * b + 1]);
    for (int i = 0; i < half; ++i) {
      const Real x = factors[2 * i], y = factors[2 * i + 1];
      factors[2 * (half + i)] = x * c - y * s;
      factors[2 * (half + i) + 1] = x * s + y * c;
    }
  }
  if (table != nullptr) {
    for (int i = 0; i < 1 << bits; ++i) {
      const Real x = factors[2 * i], y = factors[2 * i + 1];
      const auto c = static_cast<Real>(table[2 * i]), s = static_cast<Real>(table[2 * i + 1]);
      factors[2 * i] = x * c - y * s;
      factors[2 * i + 1] = x * s + y * c;
    }
  }
  multiply(state, factors, 1 << bits);
}

}  // namespace

void dense_complex_f64(double* state, int bits, int k, const int* targets, const double* matrix) {
  dense<double, true>(state, bits, k, targets, matrix);
}
void dense_complex_f32(float* state, int bits, int k, const int* targets, const double* matrix) {
  dense<float, true>(state, bits, k, targets, matrix);
}
void dense_real_f64(double* state, int bits, int k, const int* targets, const double* matrix) {
  dense<double, false>(state, bits, k, targets, matrix);
}
void dense_real_f32(float* state, int bits, int k, const int* targets, const double* matrix) {
  dense<float, false>(state, bits, k, targets, matrix);
}
void phases_f64(double* state, int bits, const double* scale, const double* turns, const double* table) {
  turn(state, bits, scale, turns, table);
}
void phases_f32(float* state, int bits, const double* scale, const double* turns, const double* table) {
  turn(state, bits, scale, turns, table);
}

}  // namespace nonideal::quantum::kernels::NONIDEAL_KERNEL_ISA
