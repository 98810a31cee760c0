#include "cram/kernels/macrospin.hpp"

#include "base/philox_batch.hpp"

// Everything here has internal linkage but the entry point: see cpp/CMakeLists.txt. Operations are written in
// the one order in which all instruction sets do them, and none is fused: results are bitwise equal.
namespace nonideal::cram::kernels::NONIDEAL_KERNEL_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
typedef float Floats __attribute__((vector_size(kBytes), may_alias));
typedef std::uint32_t Bits __attribute__((vector_size(kBytes), may_alias));
constexpr int kWidth = kBytes / static_cast<int>(sizeof(float));

struct Vector {
  Floats x, y, z;
};

[[gnu::always_inline]] inline Vector cross(const Vector& a, const Vector& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

[[gnu::always_inline]] inline Vector add(const Vector& a, const Vector& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}

/// What one step adds to m: m x (a + m x (alpha a + torque)), a = -(field's angle).
[[gnu::always_inline]] inline Vector slope(const Vector& m, const Vector& noise, const SpinStretch& s) {
  const Vector a = {noise.x, noise.y, noise.z - (s.anisotropy * m.z - s.field)};
  const Vector b = {s.damping * a.x, s.damping * a.y, s.damping * a.z + s.torque};
  return cross(m, add(a, cross(m, b)));
}

/// Three bits to a noise increment: the lowest is the sign; where both others are set, the value is large.
[[gnu::always_inline]] inline Floats increment(Bits bits, const SpinStretch& s) {
  const Floats zero = {};
  const Floats value = (bits & 6u) == 6u ? zero + s.large : zero + s.small;
  return (Floats)((Bits)value ^ (bits << 31));
}

[[gnu::always_inline]] inline Vector heun(const Vector& m, Bits bits, const SpinStretch& s) {
  const Vector noise = {increment(bits, s), increment(bits >> kBitsPerComponent, s),
                        increment(bits >> 2 * kBitsPerComponent, s)};
  const Vector first = slope(m, noise, s);
  const Vector second = slope(add(m, first), noise, s);
  const Vector sum = add(first, second);
  const Vector moved = {m.x + 0.5f * sum.x, m.y + 0.5f * sum.y, m.z + 0.5f * sum.z};
  // 1 / sqrt(1 + e) to second order: e is small, and what is left of it is taken off in the next step.
  const Floats e = (moved.x * moved.x + moved.y * moved.y + moved.z * moved.z) - 1.0f;
  const Floats scale = 1.0f - e * (0.5f - 0.375f * e);
  return {moved.x * scale, moved.y * scale, moved.z * scale};
}

}  // namespace

void advance_spins(const SpinStretch& stretch) {
  const SpinStretch s = stretch;
  const std::int64_t end = s.first_step + s.steps;
  alignas(64) std::uint32_t words[4][kSpins];
  for (std::int64_t step = s.first_step; step < end;) {
    const std::int64_t draw = step / kStepsPerDraw;
    Words4 counter = s.counter;
    counter.w[1] = static_cast<std::uint32_t>(draw);
    for (int spin = 0; spin < kSpins; spin += detail::kPhiloxCalls) {
      alignas(64) std::uint64_t batch[4][detail::kPhiloxCalls];
      detail::philox_batch<detail::kPhiloxCalls>(counter, 1, 0, s.seed, batch);
      for (int w = 0; w < 4; ++w) {
        for (int c = 0; c < detail::kPhiloxCalls; ++c) {
          words[w][spin + c] = static_cast<std::uint32_t>(batch[w][c]);
        }
      }
      counter.w[0] += detail::kPhiloxCalls;
    }
    const std::int64_t base = draw * kStepsPerDraw;
    const auto from = static_cast<int>(step - base);
    const auto to = static_cast<int>(end - base < kStepsPerDraw ? end - base : kStepsPerDraw);
    for (int spin = 0; spin < kSpins; spin += kWidth) {
      auto* const x = reinterpret_cast<Floats*>(s.m[0] + spin);
      auto* const y = reinterpret_cast<Floats*>(s.m[1] + spin);
      auto* const z = reinterpret_cast<Floats*>(s.m[2] + spin);
      Vector m = {*x, *y, *z};
      for (int t = from; t < to; ++t) {
        const Bits bits = *reinterpret_cast<const Bits*>(&words[t / kStepsPerWord][spin]);
        m = heun(m, bits >> (t % kStepsPerWord * 3 * kBitsPerComponent), s);
      }
      *x = m.x;
      *y = m.y;
      *z = m.z;
    }
    step = base + to;
  }
}

}  // namespace nonideal::cram::kernels::NONIDEAL_KERNEL_ISA
