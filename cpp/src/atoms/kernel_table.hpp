#pragma once

#include "atoms/kernels/edges.hpp"
#include "atoms/kernels/node.hpp"
#include "atoms/kernels/update.hpp"
#include "base/dispatch.hpp"

namespace nonideal::atoms::detail {

/// The engine's kernels of the active instruction set for T = float or double.
template <class T>
struct KernelTable {
  template <class Arguments>
  using Entry = void (*)(const Arguments&);

  Entry<kernels::NodeProduct<T>> multiply;
  Entry<kernels::Activation<T>> activate;
  Entry<kernels::ActivationSlope<T>> activate_slope;
  Entry<kernels::MessageForward<T>> message_forward;
  Entry<kernels::MessageBackward<T>> message_backward;
  Entry<kernels::EdgeDerivatives<T>> edge_derivatives;
  Entry<kernels::UpdateInputs<T>> update_inputs;
  Entry<kernels::UpdateOutputs<T>> update_apply;
  Entry<kernels::UpdatePull<T>> update_pull;
  Entry<kernels::UpdateSpread<T>> update_spread;
};

#define NONIDEAL_ATOMS_TABLE(isa)                                                                      \
  KernelTable<T> {                                                                                     \
    kernels::isa::multiply, kernels::isa::activate, kernels::isa::activate_slope,                      \
        kernels::isa::message_forward, kernels::isa::message_backward, kernels::isa::edge_derivatives, \
        kernels::isa::update_inputs, kernels::isa::update_apply, kernels::isa::update_pull,            \
        kernels::isa::update_spread                                                                    \
  }

template <class T>
const KernelTable<T>& kernel_table() {
#if defined(NONIDEAL_HAVE_avx2) && defined(NONIDEAL_HAVE_avx512)
  static const KernelTable<T> table = nonideal::detail::pick(
      NONIDEAL_ATOMS_TABLE(baseline), NONIDEAL_ATOMS_TABLE(avx2), NONIDEAL_ATOMS_TABLE(avx512));
#else
  static const KernelTable<T> table = NONIDEAL_ATOMS_TABLE(baseline);
#endif
  return table;
}

#undef NONIDEAL_ATOMS_TABLE

}  // namespace nonideal::atoms::detail
