#pragma once

#include <cstdint>

/// The elementwise parts of the update blocks (steps 5, 6 and 8), T = float or double, plain structs of raw
/// pointers. Rows of channels are a multiple of 32 long. Compiled with -ffp-contract=fast: as in node.hpp.
namespace nonideal::atoms::kernels {

enum class UpdateKind { v1, gated, vanilla };  ///< gated: step 6, of vn and vanilla-nmu

/// n atoms. The layer's vectors v are projected on [first, second] (or on second alone in a layer whose
/// vectors nobody needs any more); a network mixes [x, m, norm] into [p, q, (r)], m with a global vector
/// alone.
template <class T>
struct Update {
  UpdateKind kind;
  std::int64_t n, channels;
  bool clamp;               ///< norm = sqrt(max(square, 1e-8)), else sqrt(square + 1e-8)
  bool vectors;             ///< the vectors are updated too
  const T* x;               ///< (n, F)
  const T* y;               ///< (n, F), v1: lin(x)
  const T *first, *second;  ///< (3 n, projected_ld)
  std::int64_t projected_ld;
  const T* global;     ///< 3 numbers, or null
  const T *p, *q, *r;  ///< (n, mixed_ld); what the kind or the layer does not have is null
  std::int64_t mixed_ld;
};

/// inputs = [x, m, norm], (n, 2 F) or (n, 3 F).
template <class T>
struct UpdateInputs {
  Update<T> u;
  T* inputs;
};

/// out_x = the new scalars; out_v = v + gate first, where vectors are updated.
template <class T>
struct UpdateOutputs {
  Update<T> u;
  const T* v;  ///< (n, 3 F)
  T* out_x;    ///< (n, F), may be x
  T* out_v;
  std::int64_t out_v_ld;  ///< from atom to atom
};

/// From the gradients by out_x and out_v (null where vectors aren't updated): those by p, q, r, where there
/// are any, and v1: by y; else by x as far as it is not an input of the network.
template <class T>
struct UpdatePull {
  Update<T> u;
  const T* gx;  ///< (n, F)
  const T* gv;  ///< (n, 3 F)
  T *gp, *gq, *gr;
  std::int64_t mixed_ld;
  T* direct;  ///< (n, F)
};

/// From the gradient by the network's inputs: those by first and second, (3 n, projected_ld); and, where
/// there is a global vector, each atom's part of the gradient by it.
template <class T>
struct UpdateSpread {
  Update<T> u;
  const T* inputs;  ///< (n, 2 F) or (n, 3 F)
  const T* gx;
  const T* gv;
  T *gfirst, *gsecond;  ///< gfirst may be null
  std::int64_t projected_ld;
  T* gglobal;  ///< (n, 3)
};

#define NONIDEAL_ATOMS_UPDATE(T)                \
  void update_inputs(const UpdateInputs<T>& a); \
  void update_apply(const UpdateOutputs<T>& a); \
  void update_pull(const UpdatePull<T>& a);     \
  void update_spread(const UpdateSpread<T>& a);
#define NONIDEAL_ATOMS_KERNELS(isa) \
  namespace isa {                   \
  NONIDEAL_ATOMS_UPDATE(float)      \
  NONIDEAL_ATOMS_UPDATE(double)     \
  }
NONIDEAL_ATOMS_KERNELS(baseline)
NONIDEAL_ATOMS_KERNELS(avx2)
NONIDEAL_ATOMS_KERNELS(avx512)
#undef NONIDEAL_ATOMS_KERNELS
#undef NONIDEAL_ATOMS_UPDATE

}  // namespace nonideal::atoms::kernels
