// Compiled once per instruction set, as kernels are: the entries that test_random.cpp holds against the
// scalar code.
#include "base/philox_batch.hpp"

namespace philox_kernels::NONIDEAL_KERNEL_ISA {

void batch8(const nonideal::Words4& counter, std::uint32_t step0, std::uint32_t step2, std::uint64_t key,
            std::uint64_t (&out)[4][nonideal::detail::kPhiloxCalls]) {
  nonideal::detail::philox_batch<8>(counter, step0, step2, key, out);
}

void batch16(const nonideal::Words4& counter, std::uint32_t step0, std::uint32_t step2, std::uint64_t key,
             std::uint64_t (&out)[4][nonideal::detail::kPhiloxCalls]) {
  nonideal::detail::philox_batch<16>(counter, step0, step2, key, out);
}

void each(const std::uint64_t* word0, const std::uint64_t* word2, const nonideal::Words4& counter,
          std::uint64_t key, std::uint64_t (&out)[4][nonideal::detail::kPhiloxCalls]) {
  nonideal::detail::philox_each(word0, word2, counter, key, out);
}

}  // namespace philox_kernels::NONIDEAL_KERNEL_ISA
