#pragma once

#include <cstdint>

/// Gates on the distribution of a frontier. State s has payload[s * N .. s * N + N - 1], N numbers that are
/// added up when states are; bit `slot` of s is the cell that has that slot.
namespace nonideal::cram::kernels {

inline constexpr int kPayload = 8;  ///< numbers per state where error moments are tracked

struct Transition {
  std::int64_t states;  ///< before the gate
  int slot;             ///< of the input cell that the output replaces; -1: the output is a new top slot
  int count;            ///< other inputs that are not certain
  int slots[5];
  double weight[6][2];  ///< [ones among the uncertain inputs][output]: probability
};

/// What can happen at all: range[2s] the largest error, range[2s + 1] the largest negative error of state s.
inline constexpr std::int64_t kNever = INT64_MIN;

#define NONIDEAL_FRONTIER_ENTRIES                                                       \
  void transit(const Transition& gate, double* payload);         /* N = 1 */            \
  void transit_moments(const Transition& gate, double* payload); /* N = kPayload */     \
  void transit_range(const Transition& gate, std::int64_t* range);                      \
  void fold(std::int64_t states, int slot, double* payload);         /* N = 1 */        \
  void fold_moments(std::int64_t states, int slot, double* payload); /* N = kPayload */ \
  void fold_range(std::int64_t states, int slot, std::int64_t* range);
namespace baseline {
NONIDEAL_FRONTIER_ENTRIES
}
namespace avx2 {
NONIDEAL_FRONTIER_ENTRIES
}
namespace avx512 {
NONIDEAL_FRONTIER_ENTRIES
}
#undef NONIDEAL_FRONTIER_ENTRIES

}  // namespace nonideal::cram::kernels
