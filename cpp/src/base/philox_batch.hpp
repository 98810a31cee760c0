#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "nonideal/base/random.hpp"

/// Sixteen Philox4x32-10 calls at once, for kernels (included per instruction set; static, so no weak
/// symbol). Every 32-bit word sits in a 64-bit lane of its own: the 32x32->64 bit multiplication of all
/// instruction sets reads the low half of a lane and ignores the high one, which may hold anything.

namespace nonideal::detail {
namespace {  // internal linkage: every instruction set keeps its own copy

inline constexpr int kPhiloxCalls = 16;

#if defined(__AVX512F__)
typedef std::uint64_t PhiloxLanes __attribute__((vector_size(64), may_alias));
#elif defined(__AVX2__)
typedef std::uint64_t PhiloxLanes __attribute__((vector_size(32), may_alias));
#else
typedef std::uint64_t PhiloxLanes __attribute__((vector_size(16), may_alias));
#endif

static inline PhiloxLanes philox_multiply(PhiloxLanes a, std::uint32_t multiplier) {
#if defined(__AVX512F__)
  // The unmasked intrinsic makes gcc 12 warn of its own header ("may be used uninitialized").
  return (PhiloxLanes)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, _mm512_set1_epi64(multiplier));
#elif defined(__AVX2__)
  return (PhiloxLanes)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(multiplier));
#elif defined(__SSE2__)
  return (PhiloxLanes)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(multiplier));
#else
  return (a & 0xFFFFFFFFu) * static_cast<std::uint64_t>(multiplier);
#endif
}

/// The rounds for kVectors vectors of counters, whose words go to out[word][first + lane]; independent chains
/// hide the multiplier's latency.
template <int kVectors>
[[gnu::always_inline]] static inline void philox_rounds(PhiloxLanes (&c0)[kVectors],
                                                        PhiloxLanes (&c1)[kVectors],
                                                        PhiloxLanes (&c2)[kVectors],
                                                        PhiloxLanes (&c3)[kVectors], std::uint64_t key,
                                                        std::uint64_t (&out)[4][kPhiloxCalls], int first) {
  auto k0 = static_cast<std::uint32_t>(key);
  auto k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int v = 0; v < kVectors; ++v) {
      const PhiloxLanes p0 = philox_multiply(c0[v], nonideal::kPhiloxMultiplier[0]);
      const PhiloxLanes p1 = philox_multiply(c2[v], nonideal::kPhiloxMultiplier[1]);
      c0[v] = (p1 >> 32) ^ c1[v] ^ static_cast<std::uint64_t>(k0);
      c2[v] = (p0 >> 32) ^ c3[v] ^ static_cast<std::uint64_t>(k1);
      c1[v] = p1;
      c3[v] = p0;
    }
    k0 += nonideal::kPhiloxWeyl[0];
    k1 += nonideal::kPhiloxWeyl[1];
  }
  for (int v = 0; v < kVectors; ++v) {
    const int at = first + v * static_cast<int>(sizeof(PhiloxLanes) / sizeof(std::uint64_t));
    *reinterpret_cast<PhiloxLanes*>(&out[0][at]) = c0[v];
    *reinterpret_cast<PhiloxLanes*>(&out[1][at]) = c1[v];
    *reinterpret_cast<PhiloxLanes*>(&out[2][at]) = c2[v];
    *reinterpret_cast<PhiloxLanes*>(&out[3][at]) = c3[v];
  }
}

/// out[word][call]: word `word` of philox({counter.w[0] + call * step0, counter.w[1], counter.w[2] + call *
/// step2, counter.w[3]}, key) in the low 32 bits of a 64-bit lane; the high bits hold garbage. `out` is
/// 64-byte aligned. kCalls is 8 or 16.
template <int kCalls>
static inline void philox_batch(nonideal::Words4 counter, std::uint32_t step0, std::uint32_t step2,
                                std::uint64_t key, std::uint64_t (&out)[4][kPhiloxCalls]) {
  constexpr int kLanes = sizeof(PhiloxLanes) / sizeof(std::uint64_t);
  constexpr int kVectors = kCalls / kLanes;
  constexpr int kTogether = kVectors < 4 ? kVectors : 4;
  PhiloxLanes call;
  for (int lane = 0; lane < kLanes; ++lane) call[lane] = static_cast<std::uint64_t>(lane);
  for (int v0 = 0; v0 < kVectors; v0 += kTogether) {
    PhiloxLanes c0[kTogether], c1[kTogether], c2[kTogether], c3[kTogether];
    for (int v = 0; v < kTogether; ++v) {
      c0[v] = counter.w[0] + call * step0;
      c1[v] = counter.w[1] + (call ^ call);
      c2[v] = counter.w[2] + call * step2;
      c3[v] = counter.w[3] + (call ^ call);
      call += static_cast<std::uint64_t>(kLanes);
    }
    philox_rounds(c0, c1, c2, c3, key, out, v0 * kLanes);
  }
}

/// As philox_batch() for sixteen counters {word0[call], counter.w[1], word2[call], counter.w[3]}; the arrays
/// are aligned to 64 bytes, and the high bits of their numbers are ignored.
[[maybe_unused]] static inline void philox_each(const std::uint64_t* word0, const std::uint64_t* word2,
                                                nonideal::Words4 counter, std::uint64_t key,
                                                std::uint64_t (&out)[4][kPhiloxCalls]) {
  constexpr int kLanes = sizeof(PhiloxLanes) / sizeof(std::uint64_t);
  constexpr int kTogether = kPhiloxCalls / kLanes < 4 ? kPhiloxCalls / kLanes : 4;
  for (int first = 0; first < kPhiloxCalls; first += kTogether * kLanes) {
    PhiloxLanes c0[kTogether], c1[kTogether], c2[kTogether], c3[kTogether];
    for (int v = 0; v < kTogether; ++v) {
      c0[v] = *reinterpret_cast<const PhiloxLanes*>(word0 + first + v * kLanes);
      c2[v] = *reinterpret_cast<const PhiloxLanes*>(word2 + first + v * kLanes);
      c1[v] = PhiloxLanes{} + counter.w[1];
      c3[v] = PhiloxLanes{} + counter.w[3];
    }
    philox_rounds(c0, c1, c2, c3, key, out, first);
  }
}

}  // namespace
}  // namespace nonideal::detail
