#include "cram/kernels/faults.hpp"

namespace nonideal::cram::kernels::NONIDEAL_KERNEL_ISA {
namespace {

using Word = std::uint64_t;

template <class Switches>
inline void write(const Threshold& gate, const Switches& stays) {
  const Word invert = gate.preset == 0 ? ~Word{0} : 0;  // the output is its preset where it does not switch
#pragma GCC ivdep
  for (int w = 0; w < kFaultWords; ++w) gate.out[w] = stays(w) ^ invert;
}

}  // namespace

/// The output switches iff at most `threshold` inputs are 1; `stays` is more than that.
void evaluate(const Threshold& gate) {
  const Word* const a = gate.in[0];
  const Word* const b = gate.in[1];
  const Word* const c = gate.in[2];
  const Word* const d = gate.in[3];
  const Word* const e = gate.in[4];
  const bool all = gate.threshold == gate.fan_in - 1;
  switch (gate.fan_in) {
    case 1:
      return write(gate, [=](int w) { return a[w]; });
    case 2:
      if (all) return write(gate, [=](int w) { return a[w] & b[w]; });
      return write(gate, [=](int w) { return a[w] | b[w]; });
    case 3:
      if (all) return write(gate, [=](int w) { return a[w] & b[w] & c[w]; });
      if (gate.threshold == 0) return write(gate, [=](int w) { return a[w] | b[w] | c[w]; });
      return write(gate, [=](int w) { return (a[w] & b[w]) | (c[w] & (a[w] | b[w])); });
    case 4:
      if (all) return write(gate, [=](int w) { return a[w] & b[w] & c[w] & d[w]; });
      return write(gate, [=](int w) { return a[w] | b[w] | c[w] | d[w]; });
    default:
      if (all) return write(gate, [=](int w) { return a[w] & b[w] & c[w] & d[w] & e[w]; });
      if (gate.threshold == 0) return write(gate, [=](int w) { return a[w] | b[w] | c[w] | d[w] | e[w]; });
      return write(gate, [=](int w) {  // three or more: of a, b, c as a number, then of that and d, e
        const Word odd = a[w] ^ b[w] ^ c[w], two = (a[w] & b[w]) | (c[w] & (a[w] | b[w]));
        return (two & (odd | d[w] | e[w])) | (odd & d[w] & e[w]);
      });
  }
}

void add_distances(const Words& words, DistanceSums& sums) {
  for (int w = 0; w < kFaultWords; ++w) {
    Word masks[6] = {words.valid[w]};
    for (int input = 0; input < words.fan_in; ++input) {
      const Word bit = words.in[input][w];
      for (int k = input + 1; k > 0; --k) masks[k] = (masks[k] & ~bit) | (masks[k - 1] & bit);
      masks[0] &= ~bit;
    }
    Word wrong = 0;
    for (int i = 0; i < words.bits; ++i) wrong |= words.noisy[i][w] ^ words.exact[i][w];
    for (int k = 0; k <= words.fan_in; ++k) sums.lanes[k] += __builtin_popcountll(masks[k]);
    wrong &= words.valid[w];
    if (wrong == 0) continue;
    std::int64_t error[64] = {};
    for (int i = 0; i < words.bits; ++i) {
      const Word y = words.noisy[i][w], right = words.exact[i][w];
      const int minus = words.is_signed && i == words.bits - 1;
      for (int lane = 0; lane < 64; ++lane) {
        const auto bit =
            static_cast<std::int64_t>(y >> lane & 1) - static_cast<std::int64_t>(right >> lane & 1);
        error[lane] += (minus ? -bit : bit) * (std::int64_t{1} << i);
      }
    }
    for (int k = 0; k <= words.fan_in; ++k) {
      Word left = wrong & masks[k];
      sums.wrong[k] += __builtin_popcountll(left);
      for (; left != 0; left &= left - 1) {
        const auto e = static_cast<double>(error[__builtin_ctzll(left)]);
        sums.signed_error[k] += e;
        sums.distance[k] += e < 0.0 ? -e : e;
        sums.square[k] += e * e;
        sums.fourth[k] += (e * e) * (e * e);
      }
    }
  }
}

}  // namespace nonideal::cram::kernels::NONIDEAL_KERNEL_ISA
