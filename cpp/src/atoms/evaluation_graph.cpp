// The graph of an evaluation, and the forces on atoms from the derivatives by its edges.
#include <cmath>

#include "atoms/evaluation_inl.hpp"
#include "base/check.hpp"
#include "nonideal/atoms/neighbors.hpp"
#include "nonideal/base/error.hpp"

namespace nonideal::atoms::detail {

using std::size_t;

template <class T>
void Evaluation<T>::take_graph(const GraphView& graph) {
  const double cutoff2 = net_.cutoff * net_.cutoff, per = static_cast<double>(net_.n_knots) / net_.cutoff;
  const auto square = [&](std::int64_t e) {
    const double* const d = graph.vectors.data() + 3 * e;
    return d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
  };
  indptr_.assign(static_cast<size_t>(n_) + 1, 0);
  nonideal::detail::for_blocks(n_, 64, threads_, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::int64_t kept = 0;
      for (std::int64_t e = graph.indptr[static_cast<size_t>(i)];
           e < graph.indptr[static_cast<size_t>(i) + 1]; ++e) {
        kept += square(e) < cutoff2;
      }
      indptr_[static_cast<size_t>(i) + 1] = kept;
    }
  });
  most_edges_ = 1;
  for (size_t i = 1; i < indptr_.size(); ++i) {
    most_edges_ = std::max(most_edges_, indptr_[i]);
    indptr_[i] += indptr_[i - 1];
  }
  const auto n_edges = static_cast<size_t>(indptr_.back());
  edges_.resize(n_edges);
  distances_.resize(n_edges);
  vectors_.resize(3 * n_edges);
  std::vector<std::int64_t> place(backward() ? graph.neighbors.size() : 0, -1);
  nonideal::detail::for_blocks(n_, 64, threads_, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = indptr_[static_cast<size_t>(i)];
      std::int64_t to = first;
      for (std::int64_t e = graph.indptr[static_cast<size_t>(i)];
           e < graph.indptr[static_cast<size_t>(i) + 1]; ++e) {
        const double d2 = square(e);
        if (!(d2 < cutoff2)) continue;
        const double d = std::sqrt(d2), s = d * per;
        if (d < kNearest) {  // atoms may have met since a list was made
          throw InvalidArgument("positions[" + std::to_string(i) + "] and positions[" +
                                std::to_string(graph.neighbors[static_cast<size_t>(e)]) + "] are " +
                                nonideal::detail::shortest(d) + " angstrom apart, below " +
                                nonideal::detail::shortest(kNearest));
        }
        const auto knot = std::min(static_cast<std::int64_t>(s), net_.n_knots - 1);
        kernels::Edge<T>& edge = edges_[static_cast<size_t>(to)];
        edge.neighbor = graph.neighbors[static_cast<size_t>(e)];
        edge.knot = static_cast<std::int32_t>(net_.tabulated ? knot : to - first);
        edge.t = static_cast<T>(s - static_cast<double>(knot));
        for (std::int64_t k = 0; k < 3; ++k) {
          const double component = graph.vectors[static_cast<size_t>(3 * e + k)];
          edge.u[k] = static_cast<T>(-component / d);
          vectors_[static_cast<size_t>(3 * to + k)] = component;
        }
        distances_[static_cast<size_t>(to)] = d;
        if (!place.empty()) place[static_cast<size_t>(e)] = to;
        ++to;
      }
    }
  });
  if (backward()) take_reverse(graph, place);
}

template <class T>
void Evaluation<T>::take_reverse(const GraphView& graph, const std::vector<std::int64_t>& place) {
  reverse_.assign(edges_.size(), -1);
  complete_ = n_total_ == n_;
  symmetric_ = !graph.reverse.empty() || !complete_;
  if (!symmetric_) return transpose();
  if (!graph.reverse.empty()) {
    for (size_t e = 0; e < place.size(); ++e) {
      if (place[e] >= 0)
        reverse_[static_cast<size_t>(place[e])] = place[static_cast<size_t>(graph.reverse[e])];
    }
    return;
  }
  // Among several processes: an edge between owned atoms stands in both their rows.
  nonideal::detail::for_blocks(n_, 64, threads_, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t e = indptr_[static_cast<size_t>(i)]; e < indptr_[static_cast<size_t>(i) + 1]; ++e) {
        const std::int64_t j = edges_[static_cast<size_t>(e)].neighbor;
        if (j >= n_) continue;
        const double* const d = vectors_.data() + 3 * e;
        for (std::int64_t r = indptr_[static_cast<size_t>(j)]; r < indptr_[static_cast<size_t>(j) + 1]; ++r) {
          const double* const other = vectors_.data() + 3 * r;
          if (edges_[static_cast<size_t>(r)].neighbor == i && other[0] == -d[0] && other[1] == -d[1] &&
              other[2] == -d[2]) {
            reverse_[static_cast<size_t>(e)] = r;
            break;
          }
        }
      }
    }
  });
}

/// Sorts the edges by the atoms that they leave, those of one atom by the atoms that they reach.
template <class T>
void Evaluation<T>::transpose() {
  pull_indptr_.assign(static_cast<size_t>(n_) + 1, 0);
  for (const kernels::Edge<T>& edge : edges_) ++pull_indptr_[static_cast<size_t>(edge.neighbor) + 1];
  for (size_t i = 1; i < pull_indptr_.size(); ++i) {
    most_edges_ = std::max(most_edges_, pull_indptr_[i]);
    pull_indptr_[i] += pull_indptr_[i - 1];
  }
  pull_edges_.resize(edges_.size());
  pull_distances_.resize(edges_.size());
  std::vector<std::int64_t> next(pull_indptr_.begin(), pull_indptr_.end() - 1);
  for (std::int64_t i = 0; i < n_; ++i) {
    for (std::int64_t e = indptr_[static_cast<size_t>(i)]; e < indptr_[static_cast<size_t>(i) + 1]; ++e) {
      const kernels::Edge<T>& edge = edges_[static_cast<size_t>(e)];
      const auto j = static_cast<size_t>(edge.neighbor);
      const std::int64_t p = next[j]++;
      kernels::Edge<T>& pulled = pull_edges_[static_cast<size_t>(p)];
      pulled = edge;
      pulled.neighbor = static_cast<std::int32_t>(i);
      if (!net_.tabulated) pulled.knot = static_cast<std::int32_t>(p - pull_indptr_[j]);
      pull_distances_[static_cast<size_t>(p)] = distances_[static_cast<size_t>(e)];
      reverse_[static_cast<size_t>(e)] = p;
    }
  }
}

template <class T>
void Evaluation<T>::forces(bool virials) {
  forces_.assign(static_cast<size_t>(3 * n_), 0.0);
  virials_.assign(static_cast<size_t>(virials ? 9 * n_ : 0), 0.0);
  // dE/dD = (D/d) dE/dd - (1 - u u^T)/d dE/du with u = -D/d, of an edge whose message goes along sign * u_e.
  const double per = net_.tabulated ? static_cast<double>(net_.n_knots) / net_.cutoff : 1.0;
  const auto slope = [&](const T* by, const double* vector, double d, double sign, double* to) {
    const double u[3] = {-sign * vector[0] / d, -sign * vector[1] / d, -sign * vector[2] / d};
    const double gu[3] = {static_cast<double>(by[1]), static_cast<double>(by[2]), static_cast<double>(by[3])};
    const double along = u[0] * gu[0] + u[1] * gu[1] + u[2] * gu[2];
    for (int k = 0; k < 3; ++k) {
      to[k] = -u[k] * static_cast<double>(by[0]) * per - (gu[k] - u[k] * along) / d;
    }
  };
  // Half of D (x) (-dE/dD) to an end of an edge; `by` is dE/dD.
  const auto share = [&](std::int64_t atom, const double* vector, const double* by) {
    if (!virials) return;
    double* const to = virials_.data() + 9 * atom;
    for (int m = 0; m < 3; ++m) {
      for (int k = 0; k < 3; ++k) to[3 * m + k] -= 0.5 * net_.energy_scale * (vector[m] * by[k]);
    }
  };
  const std::int64_t n_blocks = (n_ + kBlock - 1) / kBlock;
  std::vector<double> sums(static_cast<size_t>(9 * n_blocks), 0.0);
  blocks([&](std::int64_t begin, std::int64_t end, Arena&) {
    double* const virial = sums.data() + begin / kBlock * 9;
    for (std::int64_t i = begin; i < end; ++i) {
      double total[3] = {};
      for (std::int64_t e = indptr_[static_cast<size_t>(i)]; e < indptr_[static_cast<size_t>(i) + 1]; ++e) {
        const double* const vector = vectors_.data() + 3 * e;
        const double d = distances_[static_cast<size_t>(e)];
        const std::int64_t reverse = reverse_[static_cast<size_t>(e)];
        double in[3];
        slope(reverse >= 0 ? derivatives_.data() + 4 * reverse : own_derivatives_.data() + 4 * e, vector, d,
              1.0, in);
        for (int k = 0; k < 3; ++k) {
          total[k] += in[k];
          for (int m = 0; m < 3; ++m) virial[3 * m + k] -= vector[m] * in[k];
        }
        share(i, vector, in);
        if (!symmetric_) continue;
        double out[3];
        slope(derivatives_.data() + 4 * e, vector, d, -1.0, out);
        for (int k = 0; k < 3; ++k) total[k] -= out[k];
        const double turned[3] = {-vector[0], -vector[1], -vector[2]};
        share(i, turned, out);
      }
      for (size_t k = 0; k < 3; ++k) forces_[3 * static_cast<size_t>(i) + k] = total[k] * net_.energy_scale;
    }
  });
  if (!symmetric_) {  // what leaves an atom, edge by edge in the order of the centres
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t e = indptr_[static_cast<size_t>(i)]; e < indptr_[static_cast<size_t>(i) + 1]; ++e) {
        double in[3];
        slope(derivatives_.data() + 4 * reverse_[static_cast<size_t>(e)], vectors_.data() + 3 * e,
              distances_[static_cast<size_t>(e)], 1.0, in);
        const auto j = static_cast<size_t>(edges_[static_cast<size_t>(e)].neighbor);
        for (size_t k = 0; k < 3; ++k) forces_[3 * j + k] -= in[k] * net_.energy_scale;
        share(static_cast<std::int64_t>(j), vectors_.data() + 3 * e, in);
      }
    }
  }
  virial_ = {};
  for (size_t b = 0; b < sums.size(); ++b) virial_[b % 9] += sums[b] * net_.energy_scale;
  check_finite();
}

template <class T>
void Evaluation<T>::check_finite() {
  for (size_t i = 0; i < energies_.size(); ++i) {
    if (!std::isfinite(energies_[i])) {
      throw NumericalError("the energy of atom " + std::to_string(i) +
                           " is not finite: the network's numbers exceed its precision");
    }
  }
  for (size_t i = 0; i < forces_.size(); ++i) {
    if (!std::isfinite(forces_[i])) {
      throw NumericalError("the force on atom " + std::to_string(i / 3) +
                           " is not finite: the network's numbers exceed its precision");
    }
  }
}

template class Evaluation<float>;
template class Evaluation<double>;

}  // namespace nonideal::atoms::detail
