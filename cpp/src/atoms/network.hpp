#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "atoms/kernel_table.hpp"
#include "atoms/model_file.hpp"
#include "base/aligned.hpp"

namespace nonideal::atoms::detail {

using nonideal::detail::AlignedVector;

/// Rows of features are padded to a multiple of this many channels, with zeros that stay zeros.
inline constexpr std::int64_t kChannelPadding = 32;

/// A matrix (k x n) packed for the kernel of products.
template <class T>
struct Packed {
  std::int64_t k = 0, n = 0;
  AlignedVector<T> panels;
};

/// lin(x) = W x + b with features padded; `backward` takes the gradient by lin(x) to that by x.
template <class T>
struct Linear {
  Packed<T> forward, backward;
  AlignedVector<T> bias;  ///< empty without
};

/// lin after sigma after lin
template <class T>
struct Perceptron {
  Linear<T> hidden, out;
};

/// The filter of a layer: as a table (kernels/edges.hpp), or as weights of the radial functions.
template <class T>
struct RadialFilter {
  std::int64_t parts = 3;  ///< a, b, c; in layer 0, where v = 0: b, c
  AlignedVector<T> table;
  Packed<T>
      weights;  ///< (R + 1) x (parts F): the last row is the bias, columns are grouped as the kernel reads
};

/// A part of the virtual node's exchange with atoms: sigma(mlp([x, X])) and lin0(v + V).
template <class T>
struct Exchange {
  Linear<T> from_x, from_global;  ///< the hidden layer's two halves; the bias is in the second
  Linear<T> out, vector;
};

template <class T>
struct Layer {
  Perceptron<T> node;
  RadialFilter<T> filter;
  Linear<T> vector;
  Perceptron<T> mix;
  Linear<T> scalar;                           ///< v1
  Linear<T> pool_hidden;                      ///< v1
  AlignedVector<T> pool_scalar, pool_vector;  ///< v1
  T pool_bias = 0;
  Exchange<T> distribute, aggregate;  ///< vn
};

/// Intervals of the filter's table: by the width of the radial functions, and by the envelope, which is as
/// steep as p + 4 of them where they are few. The error is below 2e-7 of the filter's largest value and 4e-6
/// of its largest slope; n times as many intervals divide it by n^6 and n^5.
int default_knots(const Model& model);

/// A model ready to be evaluated: weights packed, constant factors folded in, tables made.
template <class T>
struct Network {
  Network(const Model& model, bool tabulate, int knots);

  Variant variant;
  kernels::UpdateKind kind;
  bool virtual_node, global_vector, mean, clamp, smooth, tabulated;
  std::int64_t f, h, m;          ///< channels, width of hidden layers of q and of the mixing, padded
  std::int64_t channels, mixed;  ///< channels; parts that come out of the mixing
  std::int64_t n_layers, n_rbf, n_knots, n_species;
  int exponent;
  double cutoff, energy_scale;
  std::vector<double> energy_reference;
  std::vector<Layer<T>> layers;
  Linear<T> readout;
  AlignedVector<T> readout_weight, force_weight;
  T readout_bias;
  AlignedVector<T> virtual_x;         ///< the virtual node's start
  AlignedVector<T> start_x, start_q;  ///< by species: x after layer 0's distribution, and q

  const KernelTable<T>& k = kernel_table<T>();
};

/// The radial functions times the envelope (and, where smooth, times it again) followed by what multiplies
/// the bias: R + 1 numbers, and their first and, where asked for, second derivatives by the distance.
template <class T>
void radial_functions(double distance, double cutoff, std::int64_t n_rbf, int exponent, bool smooth,
                      T* values, T* slopes, T* curvatures = nullptr);

/// c = a w, or c += a w; a column range of the weights where n >= 0.
template <class T>
inline void multiply(const KernelTable<T>& k, const Packed<T>& w, const T* bias, std::int64_t m, const T* a,
                     std::int64_t a_ld, T* c, std::int64_t c_ld, bool accumulate = false,
                     std::int64_t first = 0, std::int64_t n = -1) {
  k.multiply({.m = m,
              .n = n < 0 ? w.n : n,
              .k = w.k,
              .a = a,
              .a_ld = a_ld,
              .packed = w.panels.data() + first / kernels::kPanel<T> * kernels::kPanel<T> * w.k,
              .panel = kernels::kPanel<T> * w.k,
              .bias = bias == nullptr ? nullptr : bias + first,
              .c = c,
              .c_ld = c_ld,
              .accumulate = accumulate});
}

/// The same with rows [first, first + k) of the weights alone.
template <class T>
inline void multiply_rows(const KernelTable<T>& k, const Packed<T>& w, std::int64_t first, std::int64_t rows,
                          std::int64_t m, const T* a, std::int64_t a_ld, T* c, std::int64_t c_ld,
                          bool accumulate = false) {
  k.multiply({.m = m,
              .n = w.n,
              .k = rows,
              .a = a,
              .a_ld = a_ld,
              .packed = w.panels.data() + first * kernels::kPanel<T>,
              .panel = kernels::kPanel<T> * w.k,
              .bias = nullptr,
              .c = c,
              .c_ld = c_ld,
              .accumulate = accumulate});
}

extern template struct Network<float>;
extern template struct Network<double>;

}  // namespace nonideal::atoms::detail
