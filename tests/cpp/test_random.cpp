#include <array>
#include <cmath>

#include "base/dispatch.hpp"
#include "check.hpp"
#include "nonideal/base/random.hpp"

namespace {

using nonideal::philox;
using nonideal::Words4;
using Batch = std::uint64_t[4][16];

}  // namespace

#define DECLARE(isa)                                                                            \
  namespace philox_kernels::isa {                                                               \
  void batch8(const nonideal::Words4&, std::uint32_t, std::uint32_t, std::uint64_t,             \
              std::uint64_t (&)[4][16]);                                                        \
  void batch16(const nonideal::Words4&, std::uint32_t, std::uint32_t, std::uint64_t,            \
               std::uint64_t (&)[4][16]);                                                       \
  void each(const std::uint64_t*, const std::uint64_t*, const nonideal::Words4&, std::uint64_t, \
            std::uint64_t (&)[4][16]);                                                          \
  }
DECLARE(baseline)
DECLARE(avx2)
DECLARE(avx512)

#if defined(NONIDEAL_HAVE_avx2) && defined(NONIDEAL_HAVE_avx512)
#define PICK(entry)                                                                      \
  nonideal::detail::pick(&philox_kernels::baseline::entry, &philox_kernels::avx2::entry, \
                         &philox_kernels::avx512::entry)
#else
#define PICK(entry)                                                                          \
  nonideal::detail::pick(&philox_kernels::baseline::entry, &philox_kernels::baseline::entry, \
                         &philox_kernels::baseline::entry)
#endif

namespace {

/// Random123's known-answer vectors (kat_vectors, philox4x32 with 10 rounds).
void known_answers() {
  struct Case {
    Words4 counter;
    std::uint64_t key;
    Words4 want;
  };
  const Case cases[] = {
      {{{0, 0, 0, 0}}, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
      {{{~0u, ~0u, ~0u, ~0u}}, ~std::uint64_t{0}, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
      {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
       0x299f31d0'a4093822,
       {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
  };
  for (const Case& c : cases) {
    const Words4 got = philox(c.counter, c.key);
    for (int word = 0; word < 4; ++word) CHECK_EQUAL(got.w[word], c.want.w[word]);
    const std::uint64_t index = c.counter.w[0] | std::uint64_t{c.counter.w[1]} << 32;
    const std::uint64_t stream = c.counter.w[2] | std::uint64_t{c.counter.w[3]} << 32;
    const Words4 packed = philox(c.key, stream, index);
    for (int word = 0; word < 4; ++word) CHECK_EQUAL(packed.w[word], c.want.w[word]);
  }
}

/// The vectorised calls against the scalar ones, with counters that wrap around.
void batches() {
  for (std::uint64_t round = 0; round < 200; ++round) {
    const Words4 random = philox(2, 0, round);
    Words4 counter = philox(3, 0, round);
    if (round % 4 == 1) counter.w[0] = ~0u - 5;
    if (round % 4 == 2) counter.w[2] = ~0u - 5;
    const std::uint32_t step0 = round % 3 == 0 ? 1 : round % 3 == 1 ? 0 : random.w[0];
    const std::uint32_t step2 = round % 3 == 0 ? 0 : round % 3 == 1 ? 1 : random.w[1];
    const std::uint64_t key = random.w[2] | std::uint64_t{random.w[3]} << 32;
    for (const int calls : {8, 16}) {
      alignas(64) Batch out = {};
      (calls == 8 ? PICK(batch8) : PICK(batch16))(counter, step0, step2, key, out);
      for (int call = 0; call < calls; ++call) {
        Words4 at = counter;
        at.w[0] += static_cast<std::uint32_t>(call) * step0;
        at.w[2] += static_cast<std::uint32_t>(call) * step2;
        const Words4 want = philox(at, key);
        for (int word = 0; word < 4; ++word) {
          CHECK_EQUAL(static_cast<std::uint32_t>(out[word][call]), want.w[word]);
        }
      }
    }
    alignas(64) Batch words = {}, out = {};  // high halves are ignored
    for (std::uint64_t call = 0; call < 16; ++call) {
      const Words4 drawn = philox(4, round, call);
      for (int word = 0; word < 2; ++word) {
        words[word][call] = drawn.w[2 * word] | std::uint64_t{drawn.w[2 * word + 1]} << 32;
      }
    }
    PICK(each)(words[0], words[1], counter, key, out);
    for (int call = 0; call < 16; ++call) {
      const Words4 want = philox({{static_cast<std::uint32_t>(words[0][call]), counter.w[1],
                                   static_cast<std::uint32_t>(words[1][call]), counter.w[3]}},
                                 key);
      for (int word = 0; word < 4; ++word) {
        CHECK_EQUAL(static_cast<std::uint32_t>(out[word][call]), want.w[word]);
      }
    }
  }
}

void uniform() {
  CHECK_EQUAL(nonideal::uniform53(0, 0), 0.0);
  CHECK_EQUAL(nonideal::uniform53(~0u, ~0u), 1.0 - 0x1p-53);
  CHECK_EQUAL(nonideal::uniform53(1u << 31, 0), 0.5);
  CHECK_EQUAL(nonideal::uniform53(0, 1u << 6), 0x1p-53);
  CHECK_EQUAL(nonideal::uniform53(31, 63), 0.0);  // the low 5 and 6 bits are not used
  double sum = 0.0;
  constexpr int kSamples = 1 << 16;
  for (std::uint64_t i = 0; i < kSamples; ++i) {
    const Words4 words = philox(5, 7, i);
    sum += nonideal::uniform53(words.w[0], words.w[1]);
  }
  // Five standard errors, sqrt(1/12/n) each: would catch a shift of 0.006.
  CHECK(std::abs(sum / kSamples - 0.5) < 5 * std::sqrt(1.0 / 12 / kSamples));
}

}  // namespace

int main() {
  return check::run([] {
    known_answers();
    batches();
    uniform();
  });
}
