#include "quantum/kernels/sampling.hpp"

#include "quantum/kernels/binomial.hpp"

namespace nonideal::quantum::kernels::NONIDEAL_KERNEL_ISA {

void count(const Binomials& b) {
  Draws draws;
  draws.values = b.values;
  draws.counter = b.counter;
  draws.seed = b.seed;
  draws.again.count = draws.test.count = 0;
  for (std::int64_t at = 0; at < b.count; at += kDraws) {
    draw(draws, at, static_cast<int>(b.count - at < kDraws ? b.count - at : kDraws), b.trials + at,
         b.counter.w[0] + static_cast<std::uint32_t>(at), b.counter.w[2]);
  }
  finish(draws);
}

}  // namespace nonideal::quantum::kernels::NONIDEAL_KERNEL_ISA
