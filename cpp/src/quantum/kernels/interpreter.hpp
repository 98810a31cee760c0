#pragma once

#include "quantum/kernels/batch.hpp"
#include "quantum/kernels/lanes.hpp"

/// Runs the steps of a program on kLanes circuits. For kernels (included per instruction set; internal
/// linkage).
namespace nonideal::quantum::kernels {
namespace {

static inline void interpret(const Block& block) {
  double* const r = block.registers;
  for (const Step* step = block.steps; step != block.steps + block.n_steps; ++step) {
    double* const d = r + step->d * kLanes;
    double* const e = r + step->e * kLanes;
    const double* const a = r + step->a * kLanes;
    const double* const b = r + step->b * kLanes;
    const double* const c = r + 2 * step->slot * kLanes;
    const double* const s = c + kLanes;
    const double k = step->k;
    switch (step->op) {
      case Op::one:
        for (int i = 0; i < kLanes; i += kWidth) store(d + i, Doubles{} + 1.0);
        break;
      case Op::multiply:
        for (int i = 0; i < kLanes; i += kWidth) store(d + i, load(a + i) * load(b + i));
        break;
      case Op::scale:
        for (int i = 0; i < kLanes; i += kWidth) store(d + i, k * load(a + i));
        break;
      case Op::add:
        for (int i = 0; i < kLanes; i += kWidth) store(d + i, load(a + i) + load(b + i));
        break;
      case Op::subtract:
        for (int i = 0; i < kLanes; i += kWidth) store(d + i, load(a + i) - load(b + i));
        break;
      case Op::axpy:
        for (int i = 0; i < kLanes; i += kWidth) store(d + i, load(a + i) + k * load(b + i));
        break;
      case Op::minus:
        for (int i = 0; i < kLanes; i += kWidth) {
          store(d + i, load(c + i) * load(a + i) - load(s + i) * load(b + i));
        }
        break;
      case Op::plus:
        for (int i = 0; i < kLanes; i += kWidth) {
          store(d + i, load(c + i) * load(a + i) + load(s + i) * load(b + i));
        }
        break;
      case Op::split:
        for (int i = 0; i < kLanes; i += kWidth) {
          const Doubles x = load(a + i);
          store(d + i, load(c + i) * x);
          store(e + i, load(s + i) * x);
        }
        break;
      case Op::rotate:
        for (int i = 0; i < kLanes; i += kWidth) {
          const Doubles x = load(a + i), y = load(b + i), cosine = load(c + i), sine = load(s + i);
          store(d + i, cosine * x - sine * y);
          store(e + i, cosine * y + sine * x);
        }
        break;
    }
  }
}

}  // namespace
}  // namespace nonideal::quantum::kernels
