#pragma once

#include <omp.h>

#include <algorithm>

#include "atoms/evaluation.hpp"
#include "base/parallel.hpp"

/// What the files that define Evaluation share.
namespace nonideal::atoms::detail {

inline constexpr std::int64_t kBlock = 32;  ///< atoms whose rows are worked on while they are in the cache

template <class T>
template <class Body>
void Evaluation<T>::blocks(const Body& body) {
  nonideal::detail::for_blocks(n_, kBlock, threads_, [&](std::int64_t begin, std::int64_t end) {
    Arena& arena = arenas_[threads_ == 1 ? 0 : static_cast<std::size_t>(omp_get_thread_num())];
    arena.reset();
    body(begin, end, arena);
  });
}

template <class T>
template <class Body>
void Evaluation<T>::with_filter(int l, std::int64_t begin, std::int64_t end,
                                const std::vector<std::int64_t>& indptr, const std::vector<double>& distances,
                                Arena& arena, const Body& body) {
  const RadialFilter<T>& filter = weights(l).filter;
  if (net_.tabulated) {
    body(kernels::FilterRows<T>{filter.table.data(), true}, begin, end);
    return;
  }
  const std::int64_t terms = filter.weights.k, width = filter.weights.n;
  T* const basis = arena.take(2 * most_edges_ * terms);
  T* const rows = arena.take(2 * most_edges_ * width);
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t first = indptr[static_cast<std::size_t>(i)];
    const std::int64_t n = indptr[static_cast<std::size_t>(i) + 1] - first;
    for (std::int64_t e = 0; e < n; ++e) {
      T* const values = basis + 2 * e * terms;
      radial_functions(distances[static_cast<std::size_t>(first + e)], net_.cutoff, net_.n_rbf, net_.exponent,
                       net_.smooth, values, values + terms);
    }
    multiply<T>(k_, filter.weights, nullptr, 2 * n, basis, terms, rows, width);
    body(kernels::FilterRows<T>{rows, false}, i, i + 1);
  }
}

/// The sum of a[i] b[i], in sixteen partial sums.
template <class T>
inline T dot(const T* a, const T* b, std::int64_t n) {
  T sums[16] = {};
  for (std::int64_t i = 0; i < n; i += 16) {
    for (int j = 0; j < 16; ++j) sums[j] += a[i + j] * b[i + j];
  }
  for (int half = 8; half > 0; half /= 2) {
    for (int j = 0; j < half; ++j) sums[j] += sums[j + half];
  }
  return sums[0];
}

}  // namespace nonideal::atoms::detail
