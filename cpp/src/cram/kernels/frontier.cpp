#include "cram/kernels/frontier.hpp"

namespace nonideal::cram::kernels::NONIDEAL_KERNEL_ISA {
namespace {

inline int ones_of(const Transition& gate, std::int64_t state) {
  int ones = 0;
  for (int i = 0; i < gate.count; ++i) ones += static_cast<int>(state >> gate.slots[i] & 1);
  return ones;
}

/// State number h of those whose bit `slot` is 0.
inline std::int64_t without(std::int64_t h, int slot) {
  return (h >> slot << (slot + 1)) | (h & ((std::int64_t{1} << slot) - 1));
}

/// Calls body(first, last, ones) for runs of states that agree above the lowest of the gate's slots.
template <class Body>
inline void for_runs(const Transition& gate, const Body& body) {
  const bool replaces = gate.slot >= 0;
  int low = replaces ? gate.slot : 62;
  for (int i = 0; i < gate.count; ++i) low = gate.slots[i] < low ? gate.slots[i] : low;
  const std::int64_t states = replaces ? gate.states / 2 : gate.states;
  const std::int64_t run = low < 62 && (std::int64_t{1} << low) < states ? std::int64_t{1} << low : states;
  for (std::int64_t h = 0; h < states; h += run) {
    const std::int64_t first = replaces ? without(h, gate.slot) : h;
    body(first, run, ones_of(gate, first));
  }
}

template <int kNumbers>
void transit_any(const Transition& gate, double* payload) {
  const std::int64_t other = (gate.slot >= 0 ? std::int64_t{1} << gate.slot : gate.states) * kNumbers;
  for_runs(gate, [&](std::int64_t first, std::int64_t run, int ones) {
    double* const low = payload + first * kNumbers;
    double* const high = low + other;
    const double w00 = gate.weight[ones][0], w01 = gate.weight[ones][1];
    if (gate.slot < 0) {
#pragma GCC ivdep
      for (std::int64_t i = 0; i < run * kNumbers; ++i) {
        const double a = low[i];
        low[i] = a * w00;
        high[i] = a * w01;
      }
      return;
    }
    const double w10 = gate.weight[ones + 1][0], w11 = gate.weight[ones + 1][1];
#pragma GCC ivdep
    for (std::int64_t i = 0; i < run * kNumbers; ++i) {
      const double a = low[i], b = high[i];
      low[i] = a * w00 + b * w10;
      high[i] = a * w01 + b * w11;
    }
  });
}

template <int kNumbers>
void fold_any(std::int64_t states, int slot, double* payload) {
  const std::int64_t run = (std::int64_t{1} << slot) * kNumbers;
  for (std::int64_t h = 0; h < states / 2; h += std::int64_t{1} << slot) {
    const double* const low = payload + without(h, slot) * kNumbers;
    double* const out = payload + h * kNumbers;  // at or below `low`
    for (std::int64_t i = 0; i < run; ++i) out[i] = low[i] + low[i + run];
  }
}

inline std::int64_t larger(std::int64_t a, std::int64_t b) { return a > b ? a : b; }
inline std::int64_t where(double weight, std::int64_t value) { return weight > 0.0 ? value : kNever; }

}  // namespace

void transit(const Transition& gate, double* payload) { transit_any<1>(gate, payload); }
void transit_moments(const Transition& gate, double* payload) { transit_any<kPayload>(gate, payload); }

void transit_range(const Transition& gate, std::int64_t* range) {
  const std::int64_t other = (gate.slot >= 0 ? std::int64_t{1} << gate.slot : gate.states) * 2;
  for_runs(gate, [&](std::int64_t first, std::int64_t run, int ones) {
    std::int64_t* const low = range + first * 2;
    std::int64_t* const high = low + other;
    const double* const w0 = gate.weight[ones];
    const double* const w1 = gate.weight[gate.slot >= 0 ? ones + 1 : ones];
    for (std::int64_t i = 0; i < run * 2; ++i) {
      const std::int64_t a = low[i], b = gate.slot >= 0 ? high[i] : kNever;
      low[i] = larger(where(w0[0], a), where(w1[0], b));
      high[i] = larger(where(w0[1], a), where(w1[1], b));
    }
  });
}

void fold(std::int64_t states, int slot, double* payload) { fold_any<1>(states, slot, payload); }
void fold_moments(std::int64_t states, int slot, double* payload) {
  fold_any<kPayload>(states, slot, payload);
}

void fold_range(std::int64_t states, int slot, std::int64_t* range) {
  for (std::int64_t h = 0; h < states / 2; ++h) {
    const std::int64_t low = without(h, slot), high = low | std::int64_t{1} << slot;
    for (int i = 0; i < 2; ++i) range[2 * h + i] = larger(range[2 * low + i], range[2 * high + i]);
  }
}

}  // namespace nonideal::cram::kernels::NONIDEAL_KERNEL_ISA
