#include "atoms/kernels/update.hpp"

#include "atoms/kernels/sigma.hpp"
#include "base/lanes.hpp"

namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA {

namespace {

using detail::logistic;
using detail::sigma;
using detail::sigma_slope;
using nonideal::detail::kLanes;
using nonideal::detail::load;
using nonideal::detail::store;
using nonideal::detail::sum_of;
using nonideal::detail::Vector;

template <class T>
constexpr T kTiny = T(1e-8);

/// Calls body(i, c) for every atom and every vector of channels.
template <class T, class Body>
static inline void each(const Update<T>& u, const Body& body) {
  for (std::int64_t i = 0; i < u.n; ++i) {
    for (std::int64_t c = 0; c < u.channels; c += kLanes<T>) body(i, c);
  }
}

static inline float root(float x) { return __builtin_sqrtf(x); }
static inline double root(double x) { return __builtin_sqrt(x); }

template <class T>
static inline Vector<T> roots(Vector<T> x) {
  Vector<T> result;
  for (int lane = 0; lane < kLanes<T>; ++lane) result[lane] = root(x[lane]);
  return result;
}

template <class T>
static inline Vector<T> square_of(const T* at, std::int64_t ld) {
  const Vector<T> x = load(at), y = load(at + ld), z = load(at + 2 * ld);
  return x * x + y * y + z * z;
}

template <class T>
static inline Vector<T> norm_of(Vector<T> square, bool clamp) {
  if (!clamp) return roots<T>(square + kTiny<T>);
  return roots<T>(square > kTiny<T> ? square : Vector<T>{} + kTiny<T>);
}

/// tanh x, absolute error below 2e-7 (1e-15 in double).
template <class T>
static inline Vector<T> tanh_of(Vector<T> x) {
  return 2 * logistic<T>(2 * x) - 1;
}

/// first . second
template <class T>
static inline Vector<T> dot_of(const Update<T>& u, std::int64_t i, std::int64_t c) {
  Vector<T> dot{};
  for (int k = 0; k < 3; ++k) {
    const std::int64_t at = (3 * i + k) * u.projected_ld + c;
    dot += load(u.first + at) * load(u.second + at);
  }
  return dot;
}

template <class T>
static inline void inputs(const UpdateInputs<T>& a) {
  const Update<T>& u = a.u;
  const std::int64_t f = u.channels, ld = u.global == nullptr ? 2 * f : 3 * f;
  each(u, [&](std::int64_t i, std::int64_t c) {
    T* const to = a.inputs + i * ld + c;
    const T* const second = u.second + 3 * i * u.projected_ld + c;
    store(to, load(u.x + i * f + c));
    if (u.global != nullptr) {
      store<T>(to + f, load(second) * u.global[0] + load(second + u.projected_ld) * u.global[1] +
                           load(second + 2 * u.projected_ld) * u.global[2]);
    }
    store<T>(to + ld - f, norm_of<T>(square_of(second, u.projected_ld), u.clamp));
  });
}

/// What multiplies `first` in the update of the vectors.
template <class T>
static inline const T* gate_of(const Update<T>& u) {
  return u.kind == UpdateKind::v1 ? u.q : u.kind == UpdateKind::gated ? u.p : u.r;
}

template <class T>
static inline void apply(const UpdateOutputs<T>& a) {
  const Update<T>& u = a.u;
  const std::int64_t f = u.channels;
  const T* const gate = gate_of(u);
  each(u, [&](std::int64_t i, std::int64_t c) {
    const std::int64_t at = i * f + c, mixed = i * u.mixed_ld + c;
    const Vector<T> x = load(u.x + at);
    if (u.kind == UpdateKind::v1) {
      store<T>(a.out_x + at, x + (sigma<T>(load(u.y + at)) + load(u.p + mixed)) * T(0.5));
    } else if (u.kind == UpdateKind::gated) {
      store<T>(a.out_x + at, x + load(u.q + mixed) + x * tanh_of<T>(load(u.r + mixed)));
    } else {
      store<T>(a.out_x + at, x + load(u.p + mixed) + load(u.q + mixed) * dot_of(u, i, c));
    }
    if (!u.vectors) return;
    const Vector<T> factor = load(gate + mixed);
    for (int k = 0; k < 3; ++k) {
      store<T>(a.out_v + i * a.out_v_ld + k * f + c,
               load(a.v + (3 * i + k) * f + c) + factor * load(u.first + (3 * i + k) * u.projected_ld + c));
    }
  });
}

template <class T>
static inline void pull(const UpdatePull<T>& a) {
  const Update<T>& u = a.u;
  const std::int64_t f = u.channels;
  T* const ggate = u.kind == UpdateKind::v1 ? a.gq : u.kind == UpdateKind::gated ? a.gp : a.gr;
  each(u, [&](std::int64_t i, std::int64_t c) {
    const std::int64_t at = i * f + c, to = i * a.mixed_ld + c;
    const Vector<T> gx = load(a.gx + at);
    if (u.kind == UpdateKind::v1) {
      const Vector<T> half = gx * T(0.5);
      store<T>(a.gp + to, half);
      store<T>(a.direct + at, half * sigma_slope<T>(load(u.y + at)));
    } else if (u.kind == UpdateKind::gated) {
      const Vector<T> t = tanh_of<T>(load(u.r + i * u.mixed_ld + c));
      store<T>(a.gq + to, gx);
      store<T>(a.gr + to, gx * load(u.x + at) * (1 - t * t));
      store<T>(a.direct + at, gx * (1 + t));
    } else {
      store<T>(a.gp + to, gx);
      store<T>(a.gq + to, gx * dot_of(u, i, c));
      store<T>(a.direct + at, gx);
    }
    if (!u.vectors) return;
    Vector<T> along{};
    for (int k = 0; k < 3; ++k) {
      along += load(a.gv + (3 * i + k) * f + c) * load(u.first + (3 * i + k) * u.projected_ld + c);
    }
    store<T>(ggate + to, along);
  });
}

template <class T>
static inline void spread(const UpdateSpread<T>& a) {
  const Update<T>& u = a.u;
  const std::int64_t f = u.channels, ld = u.global == nullptr ? 2 * f : 3 * f;
  const T* const gate = gate_of(u);
  for (std::int64_t i = 0; i < u.n; ++i) {
    Vector<T> by_global[3] = {};
    for (std::int64_t c = 0; c < f; c += kLanes<T>) {
      const T* const second = u.second + 3 * i * u.projected_ld + c;
      const Vector<T> square = square_of(second, u.projected_ld);
      Vector<T> per = load(a.inputs + i * ld + ld - f + c) / norm_of<T>(square, u.clamp);
      if (u.clamp) per = square < kTiny<T> ? Vector<T>{} : per;
      Vector<T> gm{}, gdot{};
      if (u.global != nullptr) gm = load(a.inputs + i * ld + f + c);
      if (u.kind == UpdateKind::vanilla) gdot = load(a.gx + i * f + c) * load(u.q + i * u.mixed_ld + c);
      for (int k = 0; k < 3; ++k) {
        const std::int64_t row = (3 * i + k) * u.projected_ld + c, to = (3 * i + k) * a.projected_ld + c;
        const Vector<T> v2 = load(u.second + row);
        Vector<T> g2 = per * v2;
        if (u.global != nullptr) {
          g2 += gm * u.global[k];
          by_global[k] += gm * v2;
        }
        if (u.kind == UpdateKind::vanilla) g2 += gdot * load(u.first + row);
        store<T>(a.gsecond + to, g2);
        if (a.gfirst == nullptr) continue;
        Vector<T> g1{};
        if (u.vectors) g1 = load(gate + i * u.mixed_ld + c) * load(a.gv + (3 * i + k) * f + c);
        if (u.kind == UpdateKind::vanilla) g1 += gdot * v2;
        store<T>(a.gfirst + to, g1);
      }
    }
    if (u.global == nullptr) continue;
    for (int k = 0; k < 3; ++k) a.gglobal[3 * i + k] = sum_of<T>(by_global[k]);
  }
}

}  // namespace

#define NONIDEAL_ATOMS_UPDATE(T)                              \
  void update_inputs(const UpdateInputs<T>& a) { inputs(a); } \
  void update_apply(const UpdateOutputs<T>& a) { apply(a); }  \
  void update_pull(const UpdatePull<T>& a) { pull(a); }       \
  void update_spread(const UpdateSpread<T>& a) { spread(a); }
NONIDEAL_ATOMS_UPDATE(float)
NONIDEAL_ATOMS_UPDATE(double)
#undef NONIDEAL_ATOMS_UPDATE

}  // namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA
