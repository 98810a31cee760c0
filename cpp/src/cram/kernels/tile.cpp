#include "cram/kernels/tile.hpp"

#include <utility>

#include "base/philox_batch.hpp"
#include "cram/counter.hpp"
#include "cram/kernels/patterns.hpp"
#include "nonideal/cram/gates.hpp"

// Everything here has internal linkage but the entry point: see cpp/CMakeLists.txt.
namespace nonideal::cram::kernels::NONIDEAL_KERNEL_ISA {
namespace {

using Word = std::uint64_t;
using Draws = std::uint64_t[4][detail::kPhiloxCalls];

constexpr std::uint32_t kPositionMask = (1u << kPositionBits) - 1;

// The draws of one (gate, block). 0: the number of points and the first of them; from 1 on: further points,
// or the random planes of the dense method; the last two decide ties, which occur once in 2^20 points or 2^32
// gates.
constexpr std::uint32_t kFurtherDraws = 1;
constexpr std::uint32_t kTieOfCount = 0x7FFF;
constexpr std::uint32_t kTieOfPoint = 0x8000;

// ---- the gates without errors ----

Word majority3(Word a, Word b, Word c) { return (a & b) | (c & (a | b)); }

// Three of five: with s, m the sum and majority of the first three, 2m + s + d + e >= 3.
Word majority5(Word a, Word b, Word c, Word d, Word e) {
  const Word s = a ^ b ^ c;
  return (majority3(a, b, c) & (s | d | e)) | (s & d & e);
}

[[gnu::always_inline]] inline Word logic(Gate gate, Word a, Word b, Word c, Word d, Word e) {
  switch (gate) {
    case Gate::NOT:
      return ~a;
    case Gate::BUF:
      return a;
    case Gate::NAND2:
      return ~(a & b);
    case Gate::NAND3:
      return ~(a & b & c);
    case Gate::NAND4:
      return ~(a & b & c & d);
    case Gate::NAND5:
      return ~(a & b & c & d & e);
    case Gate::NOR2:
      return ~(a | b);
    case Gate::NOR3:
      return ~(a | b | c);
    case Gate::NOR4:
      return ~(a | b | c | d);
    case Gate::NOR5:
      return ~(a | b | c | d | e);
    case Gate::AND2:
      return a & b;
    case Gate::AND3:
      return a & b & c;
    case Gate::AND4:
      return a & b & c & d;
    case Gate::AND5:
      return a & b & c & d & e;
    case Gate::OR2:
      return a | b;
    case Gate::OR3:
      return a | b | c;
    case Gate::OR4:
      return a | b | c | d;
    case Gate::OR5:
      return a | b | c | d | e;
    case Gate::MIN3:
      return ~majority3(a, b, c);
    case Gate::MAJ3:
      return majority3(a, b, c);
    case Gate::MIN5:
      return ~majority5(a, b, c, d, e);
    case Gate::MAJ5:
      return majority5(a, b, c, d, e);
  }
  return 0;
}

// Inner loops have a constant length and are unrolled, so that no branch at their end is mispredicted.
template <Gate kGate>
void evaluate(const Word* const (&pointers)[5], Word* __restrict__ out, std::int64_t words) {
  constexpr int fan_in = spec(kGate).fan_in;
  const Word* __restrict__ const in[5] = {pointers[0], pointers[1], pointers[2], pointers[3], pointers[4]};
  for (std::int64_t first = 0; first < words; first += kBlockWords) {
    _Pragma("GCC unroll 16") for (std::int64_t w = 0; w < kBlockWords; ++w) {
      const std::int64_t i = first + w;
      out[i] = logic(kGate, in[0][i], fan_in > 1 ? in[1][i] : 0, fan_in > 2 ? in[2][i] : 0,
                     fan_in > 3 ? in[3][i] : 0, fan_in > 4 ? in[4][i] : 0);
    }
  }
}

using Evaluate = void (*)(const Word* const (&in)[5], Word* out, std::int64_t words);

template <std::size_t... kGate>
void evaluate(Gate gate, const Word* const (&in)[5], Word* out, std::int64_t words,
              std::index_sequence<kGate...>) {
  static constexpr Evaluate entries[] = {&evaluate<static_cast<Gate>(kGate)>...};
  entries[static_cast<std::size_t>(gate)](in, out, words);
}

/// A pattern in one block, whose inputs and outputs may share memory.
template <std::size_t kPattern, std::size_t... kGate>
void fuse(const Word* const (&in)[kPatternInputs], Word* const (&out)[kPatternOutputs],
          std::index_sequence<kGate...>) {
  constexpr const Pattern& pattern = kPatterns[kPattern];
#pragma GCC ivdep
  for (int w = 0; w < kBlockWords; ++w) {
    Word r[kPatternInputs + kPatternGates];
    for (int i = 0; i < pattern.inputs; ++i) r[i] = in[i][w];
    ((r[pattern.inputs + static_cast<int>(kGate)] =
          logic(pattern.gate[kGate].gate, r[pattern.gate[kGate].inputs[0]], r[pattern.gate[kGate].inputs[1]],
                r[pattern.gate[kGate].inputs[2]], 0, 0)),
     ...);
    for (int o = 0; o < pattern.outputs; ++o) out[o][w] = r[pattern.inputs + pattern.output[o]];
  }
}

using Fuse = void (*)(const Word* const (&in)[kPatternInputs], Word* const (&out)[kPatternOutputs]);

template <std::size_t kPattern>
void fuse(const Word* const (&in)[kPatternInputs], Word* const (&out)[kPatternOutputs]) {
  fuse<kPattern>(in, out, std::make_index_sequence<kPatterns[kPattern].gates>());
}

template <std::size_t... kPattern>
void fuse(std::int32_t pattern, const Word* const (&in)[kPatternInputs], Word* const (&out)[kPatternOutputs],
          std::index_sequence<kPattern...>) {
  static constexpr Fuse entries[] = {&fuse<kPattern>...};
  entries[pattern](in, out);
}

/// masks[k]: the lanes of one word in which exactly k inputs are 1.
inline void state_masks(const Word* const (&in)[5], int fan_in, std::int64_t word, Word (&masks)[6]) {
  masks[0] = ~Word{0};
  for (int k = 1; k < 6; ++k) masks[k] = 0;
  for (int input = 0; input < fan_in; ++input) {
    const Word bit = in[input][word];
    for (int k = input + 1; k > 0; --k) masks[k] = (masks[k] & ~bit) | (masks[k - 1] & bit);
    masks[0] &= ~bit;
  }
}

// ---- errors ----

/// Where one (gate, block) stands in the random numbers.
struct Place {
  const Counter* counter;
  std::uint32_t gate;
  std::uint64_t seed;

  std::uint32_t tie(std::uint32_t draw) const { return philox(counter->words(gate, draw), seed).w[0]; }
};

/// The number of points of a block: the n with survival[n - 1] > u >= survival[n], u uniform in [0, 2^64).
/// The low half of u is drawn only where the high half leaves n open.
inline std::uint32_t count_points(const Noise& noise, std::uint32_t high, const Place& at) {
  std::uint32_t n = noise.guide[high >> 24];
  const std::uint64_t least = std::uint64_t{high} << 32;
  while ((least | 0xFFFFFFFFu) < noise.survival[n]) ++n;
  if (least < noise.survival[n]) [[unlikely]] {
    const std::uint64_t u = least | at.tie(kTieOfCount);
    while (u < noise.survival[n]) ++n;
  }
  return n;
}

// x86 is little-endian, and so are all machines that this is built for: byte p / 8 of a plane holds lane p.
// Bytes rather than words, so that few points of a block touch the same unit and wait for each other's store.
inline void flip(std::uint8_t* plane, std::uint32_t position, std::uint32_t bit) {
  plane[position >> 3] = static_cast<std::uint8_t>(plane[position >> 3] ^ (bit << (position & 7)));
}

inline std::uint64_t join(std::uint64_t low, std::uint64_t high) {
  return (low & 0xFFFFFFFFu) | (high << 32);
}

constexpr std::uint32_t kEagerMost = 7;  // positions that draw 0 holds beside the count
constexpr std::uint32_t kPerHalf = 5;    // positions in 64 bits
constexpr std::uint32_t kPerDraw = 2 * kPerHalf;

void scatter_uniform(const Noise& noise, const Draws& first, int call, const Place& at, std::uint8_t* plane) {
  const std::uint32_t n = count_points(noise, static_cast<std::uint32_t>(first[0][call]), at);
  std::uint64_t positions = join(first[1][call], first[2][call]);
  const auto eager = static_cast<std::uint32_t>(noise.eager);
  for (std::uint32_t i = 0; i < eager; ++i) {
    if (i == kPerHalf) positions = first[3][call];
    flip(plane, static_cast<std::uint32_t>(positions) & kPositionMask, n > i ? 1 : 0);
    positions >>= kPositionBits;
  }
  if (n <= eager) [[likely]]
    return;
  for (std::uint32_t i = eager; i < n && i < kEagerMost; ++i) {
    if (i == kPerHalf) positions = first[3][call];
    flip(plane, static_cast<std::uint32_t>(positions) & kPositionMask, 1);
    positions >>= kPositionBits;
  }
  if (n <= kEagerMost) return;
  alignas(64) Draws further;
  std::uint32_t left = n - kEagerMost;
  for (std::uint32_t draw = kFurtherDraws; left > 0;) {
    const bool few = left <= 8 * kPerDraw;
    if (few) {
      detail::philox_batch<8>(at.counter->words(at.gate, draw), 0, 1, at.seed, further);
    } else {
      detail::philox_batch<16>(at.counter->words(at.gate, draw), 0, 1, at.seed, further);
    }
    const int calls = few ? 8 : 16;
    for (int c = 0; c < calls && left > 0; ++c) {
      for (int half = 0; half < 4 && left > 0; half += 2) {
        positions = join(further[half][c], further[half + 1][c]);
        const std::uint32_t here = left < kPerHalf ? left : kPerHalf;
        for (std::uint32_t i = 0; i < here; ++i) {
          flip(plane, static_cast<std::uint32_t>(positions) & kPositionMask, 1);
          positions >>= kPositionBits;
        }
        left -= here;
      }
    }
    draw += static_cast<std::uint32_t>(calls);
  }
}

constexpr std::uint32_t kAlways = ~0u;  // of cells: probability or acceptance 1

constexpr std::uint32_t kStatePerFirst = 3;  // points that draw 0 holds beside the count
constexpr std::uint32_t kStatePerDraw = 4;

/// What a candidate is held against where all lanes err alike, in registers and on the stack: the plane's
/// byte stores may alias anything else.
template <int kFanIn>
struct Thinning {
  const Word* in[kFanIn];
  std::uint32_t accept[kFanIn + 1];

  /// A candidate's 12 low bits say where it lies; its 20 high bits (and 32 more at a tie) are held against
  /// the acceptance of its lane's state.
  Thinning(const Noise& noise, const Word* const (&inputs)[5]) {
    for (int i = 0; i < kFanIn; ++i) in[i] = inputs[i];
    for (int k = 0; k <= kFanIn; ++k) accept[k] = noise.accept[k];
  }

  [[gnu::always_inline]] std::uint32_t accepts(std::uint32_t bits, std::uint32_t index, const Noise& noise,
                                               const Place& at) const {
    const std::uint32_t position = bits & kPositionMask;
    std::uint32_t ones = 0;
    for (int input = 0; input < kFanIn; ++input) {
      ones += static_cast<std::uint32_t>(in[input][position >> 6] >> (position & 63)) & 1;
    }
    const std::uint32_t draw = bits >> kPositionBits;
    if (draw == accept[ones]) [[unlikely]]
      return at.tie(kTieOfPoint | index) < noise.accept_rest[ones] ? 1 : 0;
    return draw < accept[ones] ? 1 : 0;
  }
};

/// What a candidate is held against where every row has its own acceptances: 32 bits, of which 12 at a tie.
struct CellThinning {
  const Word* const (&in)[5];
  std::uint32_t row;  ///< of the block's first lane
  std::uint32_t rows;

  [[gnu::always_inline]] std::uint32_t accepts(std::uint32_t bits, std::uint32_t index, const Noise& noise,
                                               const Place& at) const {
    const std::uint32_t position = bits & kPositionMask;
    std::uint32_t state = 0;
    for (int input = 0; input < noise.fan_in; ++input) {
      state |= (static_cast<std::uint32_t>(in[input][position >> 6] >> (position & 63)) & 1) << input;
    }
    const std::uint64_t cell = (row + position) % rows;
    const std::uint32_t accept = noise.cells[cell << noise.fan_in | state];
    const std::uint32_t draw = bits >> kPositionBits;
    if (draw == accept >> 12) [[unlikely]] {
      return accept == kAlways || at.tie(kTieOfPoint | index) >> 20 < (accept & 0xFFF) ? 1 : 0;
    }
    return draw < accept >> 12 ? 1 : 0;
  }
};

template <class Thinning>
void scatter_candidates(const Noise& noise, const Thinning& thinning, const Draws& first, int call,
                        const Place& at, Word* out) {
  const std::uint32_t n = count_points(noise, static_cast<std::uint32_t>(first[0][call]), at);
  auto* const plane = reinterpret_cast<std::uint8_t*>(out);
  for (std::uint32_t i = 0; i < n && i < kStatePerFirst; ++i) {
    const auto bits = static_cast<std::uint32_t>(first[i + 1][call]);
    flip(plane, bits & kPositionMask, thinning.accepts(bits, i, noise, at));
  }
  alignas(64) Draws further;
  constexpr std::uint32_t kBatch = detail::kPhiloxCalls * kStatePerDraw;
  std::uint32_t accepted[kBatch];
  for (std::uint32_t done = kStatePerFirst, draw = kFurtherDraws; done < n; draw += detail::kPhiloxCalls) {
    detail::philox_batch<16>(at.counter->words(at.gate, draw), 0, 1, at.seed, further);
    const std::uint32_t here = n - done < kBatch ? n - done : kBatch;
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < here; ++i) {  // no branch on whether a candidate is accepted
      const auto bits = static_cast<std::uint32_t>(further[i % kStatePerDraw][i / kStatePerDraw]);
      accepted[count] = bits & kPositionMask;
      count += thinning.accepts(bits, done + i, noise, at);
    }
    for (std::uint32_t i = 0; i < count; ++i) flip(plane, accepted[i], 1);
    done += here;
  }
}

void scatter_state(const Noise& noise, const Word* const (&in)[5], const Draws& first, int call,
                   const Place& at, Word* out) {
  switch (noise.fan_in) {
    case 1:
      return scatter_candidates(noise, Thinning<1>(noise, in), first, call, at, out);
    case 2:
      return scatter_candidates(noise, Thinning<2>(noise, in), first, call, at, out);
    case 3:
      return scatter_candidates(noise, Thinning<3>(noise, in), first, call, at, out);
    case 4:
      return scatter_candidates(noise, Thinning<4>(noise, in), first, call, at, out);
    default:
      return scatter_candidates(noise, Thinning<5>(noise, in), first, call, at, out);
  }
}

/// Every lane compares 32 random bits with the probability of its own cell and state.
void compare_cells(const Noise& noise, const Word* const (&in)[5], std::uint32_t row, std::uint32_t rows,
                   const Place& at, Word* out) {
  alignas(64) Draws random;
  for (int w = 0; w < kBlockWords; ++w) {
    const std::uint32_t draw = kFurtherDraws + static_cast<std::uint32_t>(w * detail::kPhiloxCalls);
    detail::philox_batch<16>(at.counter->words(at.gate, draw), 0, 1, at.seed, random);
    Word wrong = 0;
    for (int lane = 0; lane < 64; ++lane) {
      std::uint32_t state = 0;
      for (int input = 0; input < noise.fan_in; ++input) {
        state |= (static_cast<std::uint32_t>(in[input][w] >> lane) & 1) << input;
      }
      const std::uint32_t limit = noise.cells[std::uint64_t{row} << noise.fan_in | state];
      const auto drawn =
          static_cast<std::uint32_t>(random[lane / detail::kPhiloxCalls][lane % detail::kPhiloxCalls]);
      wrong |= static_cast<Word>(drawn < limit || limit == kAlways) << lane;
      row = row + 1 == rows ? 0 : row + 1;
    }
    out[w] ^= wrong;
  }
}

/// Every lane compares a random number with the probability of its state, 512 lanes at a time, most
/// significant bit first, until no lane is undecided: 10.3 of 32 planes on average.
void compare_planes(const Noise& noise, const Word* const (&in)[5], const Place& at, Word* out) {
  constexpr int kGroup = 8;  // words
  constexpr int kPlanesPerBatch = 4;
  constexpr int kBatches = 32 / kPlanesPerBatch;
  const int states = noise.fan_in + 1;
  alignas(64) Draws random;
  for (int group = 0; group < kBlockWords / kGroup; ++group) {
    const std::int64_t base = group * kGroup;
    Word masks[6][kGroup] = {};
    Word undecided[kGroup];
    Word wrong[kGroup] = {};
    for (int w = 0; w < kGroup; ++w) masks[0][w] = ~Word{0};
    for (int input = 0; input < noise.fan_in; ++input) {
      const Word* const bits = in[input] + base;
      for (int k = input + 1; k > 0; --k) {
        for (int w = 0; w < kGroup; ++w) masks[k][w] = (masks[k][w] & ~bits[w]) | (masks[k - 1][w] & bits[w]);
      }
      for (int w = 0; w < kGroup; ++w) masks[0][w] &= ~bits[w];
    }
    for (int k = 0; k < states; ++k) {
      for (int w = 0; w < kGroup && noise.always[k]; ++w) wrong[w] |= masks[k][w];
    }
    for (int w = 0; w < kGroup; ++w) undecided[w] = ~wrong[w];
    Word any = 1;
    for (int batch = 0; batch < kBatches && any != 0; ++batch) {
      const auto draw =
          kFurtherDraws + static_cast<std::uint32_t>((group * kBatches + batch) * detail::kPhiloxCalls);
      detail::philox_batch<16>(at.counter->words(at.gate, draw), 0, 1, at.seed, random);
      for (int plane = 0; plane < kPlanesPerBatch; ++plane) {
        const int bit = 31 - (batch * kPlanesPerBatch + plane);
        Word threshold[kGroup] = {};
        for (int k = 0; k < states; ++k) {
          const Word selected = Word{0} - (noise.probability[k] >> bit & 1);
          for (int w = 0; w < kGroup; ++w) threshold[w] |= masks[k][w] & selected;
        }
        std::uint32_t halves[2 * kGroup];
        for (int h = 0; h < 2 * kGroup; ++h) halves[h] = static_cast<std::uint32_t>(random[plane][h]);
        Word drawn[kGroup];
        __builtin_memcpy(drawn, halves, sizeof(drawn));
        any = 0;
        for (int w = 0; w < kGroup; ++w) {
          wrong[w] |= undecided[w] & ~drawn[w] & threshold[w];
          undecided[w] &= ~(drawn[w] ^ threshold[w]);
          any |= undecided[w];
        }
      }
    }
    for (int w = 0; w < kGroup; ++w) out[base + w] ^= wrong[w];
  }
}

void count_activity(const Tile& tile, std::int64_t step, const Noise& kind, const Word* const (&in)[5],
                    const Word* out, std::int64_t words) {
  std::int64_t* const seen = tile.lanes_seen + step * 6;
  std::int64_t* const flips = tile.flips + step * 6;
  for (std::int64_t w = 0; w < words; ++w) {
    Word masks[6];
    state_masks(in, kind.fan_in, w, masks);
    for (int k = 0; k <= kind.fan_in; ++k) {
      const Word lanes = masks[k] & tile.valid[w];
      const bool correct = (k <= kind.threshold) == (kind.preset == 0);
      seen[k] += __builtin_popcountll(lanes);
      flips[k] += __builtin_popcountll(lanes & (correct ? ~out[w] : out[w]));
    }
  }
}

/// One part of a program on one tile.
class Run {
 public:
  explicit Run(const Tile& tile) : tile_(tile), first_(tile.operations[0].first) {}

  void operator()() {
    for (int o = 0; o < tile_.count; ++o) {
      const Operation& operation = tile_.operations[o];
      if (tile_.sparse) draw(operation.first + operation.count - 1);
      if (operation.pattern < 0 || tile_.valid != nullptr) {
        for (int s = 0; s < operation.count; ++s) step(operation.first + s, 0, tile_.blocks);
        continue;
      }
      for (int b = 0; b < tile_.blocks; ++b) {
        if (tile_.sparse && !quiet(operation, b)) {
          for (int s = 0; s < operation.count; ++s) step(operation.first + s, b, b + 1);
          continue;
        }
        const Word* in[kPatternInputs];
        Word* out[kPatternOutputs];
        for (int i = 0; i < kPatternInputs; ++i) in[i] = at(operation.inputs[i], b);
        for (int i = 0; i < kPatternOutputs; ++i) out[i] = at(operation.outputs[i], b);
        fuse(operation.pattern, in, out, std::make_index_sequence<kPatternCount>());
      }
    }
  }

 private:
  /// Makes the first draws of all blocks up to those of a step, a batch of steps at a time. An operation lies
  /// in two batches at most, so no more are kept: all of a part would crowd the columns out of the cache.
  void draw(std::int32_t step) {
    for (; drawn_ <= (step - first_) / detail::kPhiloxCalls; ++drawn_) {
      const auto gate = static_cast<std::uint32_t>(first_ + drawn_ * detail::kPhiloxCalls);
      for (int b = 0; b < tile_.blocks; ++b) {
        const Counter counter(Purpose::kGateError, tile_.stream, tile_.first_block + b);
        detail::philox_batch<16>(counter.words(gate, 0), 1, 0, tile_.seed, draws_[b][drawn_ % 2]);
      }
    }
  }
  const Draws& draws(std::int32_t step, int block) const {
    return draws_[block][(step - first_) / detail::kPhiloxCalls % 2];
  }
  int call(std::int32_t step) const { return (step - first_) % detail::kPhiloxCalls; }

  Word* at(std::int32_t slot, int block) const {
    return tile_.slots[slot] + std::int64_t{block} * kBlockWords;
  }

  /// Whether no gate of a pattern has a point in the block (a tie is left to the gates themselves).
  bool quiet(const Operation& operation, int block) const {
    bool result = true;
    for (int s = operation.first; s < operation.first + operation.count; ++s) {
      const auto high = static_cast<std::uint32_t>(draws(s, block)[0][call(s)]);
      result &= high >= tile_.noise[tile_.steps[s].noise].quiet;
    }
    return result;
  }

  void step(std::int32_t index, int first_block, int end_block) {
    const Step& gate = tile_.steps[index];
    const Noise& noise = tile_.noise[gate.noise];
    Word* const out = at(gate.output, first_block);
    const Word* in[5];
    for (int i = 0; i < 5; ++i) in[i] = at(gate.inputs[i], first_block);
    const std::int64_t words = std::int64_t{end_block - first_block} * kBlockWords;
    evaluate(static_cast<Gate>(gate.gate), in, out, words, std::make_index_sequence<kGateCount>());
    if (noise.method != Method::none) {
      const std::int32_t batch = (index - first_) / detail::kPhiloxCalls % 2;
      const int which = call(index);
      for (int b = first_block; b < end_block; ++b) {
        const Counter counter(Purpose::kGateError, tile_.stream, tile_.first_block + b);
        const Place place{&counter, static_cast<std::uint32_t>(index), tile_.seed};
        Word* const block = out + std::int64_t{b - first_block} * kBlockWords;
        if (noise.method == Method::uniform) {
          scatter_uniform(noise, draws_[b][batch], which, place, reinterpret_cast<std::uint8_t*>(block));
        } else {
          err(gate, noise, draws_[b][batch], which, place, b, block);
        }
      }
    }
    if (tile_.valid != nullptr) count_activity(tile_, index, noise, in, out, words);
  }

  /// Errors that depend on what the gate read.
  void err(const Step& gate, const Noise& noise, const Draws& first, int which, const Place& place, int block,
           Word* out) {
    const Word* in[5];
    for (int i = 0; i < 5; ++i) in[i] = at(gate.inputs[i], block);
    if (noise.method == Method::state) return scatter_state(noise, in, first, which, place, out);
    if (noise.method == Method::dense) return compare_planes(noise, in, place, out);
    const std::int64_t lane = (tile_.first_block + block) % tile_.rows << kPositionBits;
    const auto row = static_cast<std::uint32_t>(lane % tile_.rows);
    const auto rows = static_cast<std::uint32_t>(tile_.rows);
    if (noise.method == Method::cells_sparse) {
      return scatter_candidates(noise, CellThinning{in, row, rows}, first, which, place, out);
    }
    compare_cells(noise, in, row, rows, place, out);
  }

  const Tile& tile_;
  std::int32_t first_;
  std::int32_t drawn_ = 0;  ///< batches
  alignas(64) Draws draws_[kMaxTileBlocks][2];
  static_assert(kPatternGates <= detail::kPhiloxCalls);
};

}  // namespace

void run_tile(const Tile& tile) {
  Run run(tile);
  run();
}

}  // namespace nonideal::cram::kernels::NONIDEAL_KERNEL_ISA
