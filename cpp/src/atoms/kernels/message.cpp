#include "atoms/kernels/message.hpp"

#include "atoms/kernels/passes.hpp"

// Everything here has internal linkage but the entry points.
namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA {
namespace {

template <class T>
inline void backward_wanted(const MessageArgs<T>& args, std::int64_t begin, std::int64_t end) {
  const bool vectors = args.edge_gradients != nullptr, weights = args.filter_gradients != nullptr;
  if (vectors && weights) return backward_rows<T, false, true, true>(args, begin, end);
  if (vectors) return backward_rows<T, false, true, false>(args, begin, end);
  if (weights) return backward_rows<T, false, false, true>(args, begin, end);
  return backward_rows<T, false, false, false>(args, begin, end);
}

template <class T>
inline MessagePasses<T> passes() {
  return {kLanes<T>, forward_rows<T, false>, forward_rows<T, true>, backward_wanted<T>,
          backward_rows<T, true, true, true>};
}

}  // namespace

MessagePasses<float> float_passes() { return passes<float>(); }
MessagePasses<double> double_passes() { return passes<double>(); }

}  // namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA
