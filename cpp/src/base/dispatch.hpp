#pragma once

#include "nonideal/base/cpu.hpp"

/// NONIDEAL_PICK(topic, entry): the active instruction set's version of a kernel entry. The kernel's private
/// header declares the entry in the namespaces nonideal::topic::kernels::{baseline, avx2, avx512}.
#if defined(NONIDEAL_HAVE_avx2) && defined(NONIDEAL_HAVE_avx512)
#define NONIDEAL_PICK(topic, entry)                                      \
  ::nonideal::detail::pick(&::nonideal::topic::kernels::baseline::entry, \
                           &::nonideal::topic::kernels::avx2::entry,     \
                           &::nonideal::topic::kernels::avx512::entry)
#else
#define NONIDEAL_PICK(topic, entry)                                      \
  ::nonideal::detail::pick(&::nonideal::topic::kernels::baseline::entry, \
                           &::nonideal::topic::kernels::baseline::entry, \
                           &::nonideal::topic::kernels::baseline::entry)
#endif

namespace nonideal::detail {

/// The entry of the active instruction set, capped at `highest` where a benchmark shows that more does not
/// pay.
template <class Entry>
Entry pick(Entry baseline, Entry avx2, Entry avx512, Isa highest = Isa::avx512) {
  const Isa isa = active_isa() < highest ? active_isa() : highest;
  switch (isa) {
    case Isa::baseline:
      return baseline;
    case Isa::avx2:
      return avx2;
    case Isa::avx512:
      return avx512;
  }
  return baseline;
}

}  // namespace nonideal::detail
