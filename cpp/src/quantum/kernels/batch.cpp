#include "quantum/kernels/batch.hpp"

#include "quantum/kernels/interpreter.hpp"

namespace nonideal::quantum::kernels::NONIDEAL_KERNEL_ISA {

void run_block(const Block& block) { interpret(block); }

void turn(const Turns& turns) {
  for (int s = 0; s < turns.n_slots; ++s) {
    for (int lane = 0; lane < kLanes; lane += kWidth) {
      Doubles sine, cosine;
      sine_cosine(load(turns.angles + s * kLanes + lane), sine, cosine);
      store(turns.registers + (2 * s) * kLanes + lane, cosine);
      store(turns.registers + (2 * s + 1) * kLanes + lane, sine);
    }
  }
}

}  // namespace nonideal::quantum::kernels::NONIDEAL_KERNEL_ISA
