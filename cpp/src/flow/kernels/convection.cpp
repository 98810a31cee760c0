#include "flow/kernels/convection.hpp"

// Templates here stand in an unnamed namespace: no symbol of theirs may leave the file.
namespace nonideal::flow::kernels::NONIDEAL_KERNEL_ISA {

namespace {

/// One number of each of kLanes cells; narrower instruction sets take several registers.
typedef double Lanes __attribute__((vector_size(8 * kLanes), may_alias));

constexpr int nodes_of(int dim) { return (dim + 1) * (dim + 2) / 2; }

/// Velocities of the nodes of a block's cells, component by component.
template <int Dim>
struct Nodal {
  Lanes w[Dim][nodes_of(Dim)];
};

template <int Dim>
inline void load(const Cells& cells, std::int64_t block, Nodal<Dim>& nodal) {
  constexpr int n = nodes_of(Dim);
  const std::int32_t* const nodes = cells.nodes + block * n * kLanes;
  for (int k = 0; k < n; ++k) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double* const velocity =
          cells.velocity + Dim * static_cast<std::int64_t>(nodes[k * kLanes + lane]);
      for (int c = 0; c < Dim; ++c) nodal.w[c][k][lane] = velocity[c];
    }
  }
}

/// By reference: how such vectors are returned depends on the instruction set.
template <int N>
inline void dot(const double* table, const Lanes* nodal, Lanes& sum) {
  sum = table[0] * nodal[0];
  for (int k = 1; k < N; ++k) sum += table[k] * nodal[k];
}

template <int Dim>
inline const Lanes* geometry(const Cells& cells, std::int64_t block, std::int64_t point) {
  const std::int64_t row = block * cells.points_with_geometry + (cells.points_with_geometry == 1 ? 0 : point);
  return reinterpret_cast<const Lanes*>(cells.geometry + row * Dim * Dim * kLanes);
}

template <int Dim>
inline void convection(const Cells& cells, std::int64_t first_block, std::int64_t last_block) {
  constexpr int n = nodes_of(Dim);
  const Rule& rule = cells.rule;
  const int n_points = static_cast<int>(rule.n_points);
  Nodal<Dim> nodal;
  Lanes along[kMaxPoints[Dim]][n];  // (w . grad) phi_j times the Jacobian's determinant
  for (std::int64_t block = first_block; block < last_block; ++block) {
    load<Dim>(cells, block, nodal);
    for (int q = 0; q < n_points; ++q) {
      const Lanes* const g = geometry<Dim>(cells, block, q);
      Lanes w[Dim], speed[Dim];
      for (int c = 0; c < Dim; ++c) dot<n>(rule.shape + n * q, nodal.w[c], w[c]);
      for (int r = 0; r < Dim; ++r) {
        speed[r] = w[0] * g[Dim * r];
        for (int c = 1; c < Dim; ++c) speed[r] += w[c] * g[Dim * r + c];
      }
      for (int j = 0; j < n; ++j) {
        Lanes sum = speed[0] * rule.slope[0][n * q + j];
        for (int r = 1; r < Dim; ++r) sum += speed[r] * rule.slope[r][n * q + j];
        along[q][j] = sum;
      }
    }
    Lanes* const out = reinterpret_cast<Lanes*>(cells.local + block * n * n * kLanes);
    for (int i = 0; i < n; ++i) {
      Lanes row[n];
      for (int j = 0; j < n; ++j) row[j] = rule.weighted_shape[i] * along[0][j];
      for (int q = 1; q < n_points; ++q) {
        const double factor = rule.weighted_shape[n * q + i];
        for (int j = 0; j < n; ++j) row[j] += factor * along[q][j];
      }
      for (int j = 0; j < n; ++j) out[n * i + j] = row[j];
    }
  }
}

template <int Dim>
inline void gradient(const Cells& cells, std::int64_t first_block, std::int64_t last_block) {
  constexpr int n = nodes_of(Dim);
  const Rule& rule = cells.rule;
  const int n_points = static_cast<int>(rule.n_points);
  Nodal<Dim> nodal;
  Lanes slope[Dim * Dim][kMaxPoints[Dim]];  // d w_a / d x_b times the determinant
  for (std::int64_t block = first_block; block < last_block; ++block) {
    load<Dim>(cells, block, nodal);
    for (int q = 0; q < n_points; ++q) {
      const Lanes* const g = geometry<Dim>(cells, block, q);
      for (int a = 0; a < Dim; ++a) {
        Lanes along[Dim];
        for (int r = 0; r < Dim; ++r) dot<n>(rule.slope[r] + n * q, nodal.w[a], along[r]);
        for (int b = 0; b < Dim; ++b) {
          Lanes sum = g[b] * along[0];
          for (int r = 1; r < Dim; ++r) sum += g[Dim * r + b] * along[r];
          slope[Dim * a + b][q] = sum;
        }
      }
    }
    for (int i = 0; i < n; ++i) {
      for (int j = i; j < n; ++j) {
        Lanes sum[Dim * Dim] = {};
        for (int q = 0; q < n_points; ++q) {
          const double factor = rule.weighted_pairs[n * n * q + n * i + j];
          for (int m = 0; m < Dim * Dim; ++m) sum[m] += factor * slope[m][q];
        }
        for (int m = 0; m < Dim * Dim; ++m) {
          Lanes* const out =
              reinterpret_cast<Lanes*>(cells.local + m * cells.stride + block * n * n * kLanes);
          out[n * i + j] = sum[m];
          out[n * j + i] = sum[m];
        }
      }
    }
  }
}

}  // namespace

void convection_2d(const Cells& cells, std::int64_t first_block, std::int64_t last_block) {
  convection<2>(cells, first_block, last_block);
}

void convection_3d(const Cells& cells, std::int64_t first_block, std::int64_t last_block) {
  convection<3>(cells, first_block, last_block);
}

void gradient_2d(const Cells& cells, std::int64_t first_block, std::int64_t last_block) {
  gradient<2>(cells, first_block, last_block);
}

void gradient_3d(const Cells& cells, std::int64_t first_block, std::int64_t last_block) {
  gradient<3>(cells, first_block, last_block);
}

}  // namespace nonideal::flow::kernels::NONIDEAL_KERNEL_ISA
