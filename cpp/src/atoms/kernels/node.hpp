#pragma once

#include <cstdint>

/// Work on atoms alone: products with packed weights and activations. What the library and its kernels share:
/// plain structs of raw pointers, T = float or double.
///
/// These kernels are compiled with -ffp-contract=fast: they multiply and add in one instruction where the
/// processor can. A number of a result depends on its own row and column alone, never on where blocks or
/// threads begin, so one instruction set gives the same bits always; different ones differ by round-off.
namespace nonideal::atoms::kernels {

/// Columns of a panel of packed weights: 128 bytes of them.
template <class T>
inline constexpr std::int64_t kPanel = 128 / static_cast<std::int64_t>(sizeof(T));

/// c (m x n) = start + a (m x k) w (k x n), row-major. The weights are packed in panels of kPanel columns,
/// each row after row, zeros beyond column n; they begin at a multiple of 64 bytes.
template <class T>
struct NodeProduct {
  std::int64_t m, n, k;
  const T* a;
  std::int64_t a_ld;
  const T* packed;
  std::int64_t panel;  ///< numbers from one panel to the next; kPanel * k unless a part of the rows is taken
  const T* bias;       ///< n numbers added to every row, or null
  T* c;
  std::int64_t c_ld;
  bool accumulate;  ///< add to what c holds
};

/// out = sigma(y) = y / (1 + exp(-y)) / 0.6 of n numbers; relative error below 3 units in the last place
/// where it isn't tiny. That of the slope, below 4, is absolute.
template <class T>
struct Activation {
  std::int64_t n;
  const T* y;
  T* out;
};

/// out = g sigma'(y); out may be g.
template <class T>
struct ActivationSlope {
  std::int64_t n;
  const T* y;
  const T* g;
  T* out;
};

#define NONIDEAL_ATOMS_NODE(T)                    \
  void multiply(const NodeProduct<T>& product);   \
  void activate(const Activation<T>& activation); \
  void activate_slope(const ActivationSlope<T>& activation);
#define NONIDEAL_ATOMS_KERNELS(isa) \
  namespace isa {                   \
  NONIDEAL_ATOMS_NODE(float)        \
  NONIDEAL_ATOMS_NODE(double)       \
  }
NONIDEAL_ATOMS_KERNELS(baseline)
NONIDEAL_ATOMS_KERNELS(avx2)
NONIDEAL_ATOMS_KERNELS(avx512)
#undef NONIDEAL_ATOMS_KERNELS
#undef NONIDEAL_ATOMS_NODE

}  // namespace nonideal::atoms::kernels
