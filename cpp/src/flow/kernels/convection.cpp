#include "flow/kernels/convection.hpp"

namespace nonideal::flow::kernels::NONIDEAL_KERNEL_ISA {

namespace {

/// One number of each of kLanes cells; narrower instruction sets take several registers.
typedef double Lanes __attribute__((vector_size(8 * kLanes), may_alias));

constexpr int kMaxPoints = 12;

/// Velocities of the six nodes of a block's cells.
struct Nodal {
  Lanes x[6], y[6];
};

static inline void load(const Cells& cells, std::int64_t block, Nodal& w) {
  const std::int32_t* const nodes = cells.nodes + block * 6 * kLanes;
  for (int k = 0; k < 6; ++k) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double* const velocity = cells.velocity + 2 * static_cast<std::int64_t>(nodes[k * kLanes + lane]);
      w.x[k][lane] = velocity[0];
      w.y[k][lane] = velocity[1];
    }
  }
}

/// By reference: how such vectors are returned depends on the instruction set.
static inline void dot(const double* table, const Lanes* nodal, Lanes& sum) {
  sum = table[0] * nodal[0];
  for (int k = 1; k < 6; ++k) sum += table[k] * nodal[k];
}

static inline const Lanes* geometry(const Cells& cells, std::int64_t block, std::int64_t point) {
  const std::int64_t row = block * cells.points_with_geometry + (cells.points_with_geometry == 1 ? 0 : point);
  return reinterpret_cast<const Lanes*>(cells.geometry + row * 4 * kLanes);
}

}  // namespace

void convection(const Cells& cells, std::int64_t first_block, std::int64_t last_block) {
  const Rule& rule = cells.rule;
  const int n_points = static_cast<int>(rule.n_points);
  Nodal w;
  Lanes along[kMaxPoints][6];  // (w . grad) phi_j times the Jacobian's determinant
  for (std::int64_t block = first_block; block < last_block; ++block) {
    load(cells, block, w);
    for (int q = 0; q < n_points; ++q) {
      Lanes x, y;
      dot(rule.shape + 6 * q, w.x, x);
      dot(rule.shape + 6 * q, w.y, y);
      const Lanes* const g = geometry(cells, block, q);
      const Lanes a = x * g[0] + y * g[1], b = x * g[2] + y * g[3];
      for (int j = 0; j < 6; ++j) along[q][j] = a * rule.xi[6 * q + j] + b * rule.eta[6 * q + j];
    }
    Lanes* const out = reinterpret_cast<Lanes*>(cells.local + block * 36 * kLanes);
    for (int i = 0; i < 6; ++i) {
      Lanes row[6];
      for (int j = 0; j < 6; ++j) row[j] = rule.weighted_shape[i] * along[0][j];
      for (int q = 1; q < n_points; ++q) {
        const double factor = rule.weighted_shape[6 * q + i];
        for (int j = 0; j < 6; ++j) row[j] += factor * along[q][j];
      }
      for (int j = 0; j < 6; ++j) out[6 * i + j] = row[j];
    }
  }
}

void gradient(const Cells& cells, std::int64_t first_block, std::int64_t last_block) {
  const Rule& rule = cells.rule;
  const int n_points = static_cast<int>(rule.n_points);
  Nodal w;
  Lanes slope[4][kMaxPoints];  // d w_a / d x_b times the determinant
  for (std::int64_t block = first_block; block < last_block; ++block) {
    load(cells, block, w);
    for (int q = 0; q < n_points; ++q) {
      const Lanes* const g = geometry(cells, block, q);
      const double *const xi = rule.xi + 6 * q, *const eta = rule.eta + 6 * q;
      Lanes x_xi, x_eta, y_xi, y_eta;
      dot(xi, w.x, x_xi);
      dot(eta, w.x, x_eta);
      dot(xi, w.y, y_xi);
      dot(eta, w.y, y_eta);
      slope[0][q] = g[0] * x_xi + g[2] * x_eta;
      slope[1][q] = g[1] * x_xi + g[3] * x_eta;
      slope[2][q] = g[0] * y_xi + g[2] * y_eta;
      slope[3][q] = g[1] * y_xi + g[3] * y_eta;
    }
    for (int i = 0; i < 6; ++i) {
      for (int j = i; j < 6; ++j) {
        Lanes sum[4] = {};
        for (int q = 0; q < n_points; ++q) {
          const double factor = rule.weighted_pairs[36 * q + 6 * i + j];
          for (int m = 0; m < 4; ++m) sum[m] += factor * slope[m][q];
        }
        for (int m = 0; m < 4; ++m) {
          Lanes* const out = reinterpret_cast<Lanes*>(cells.local + m * cells.stride + block * 36 * kLanes);
          out[6 * i + j] = sum[m];
          out[6 * j + i] = sum[m];
        }
      }
    }
  }
}

}  // namespace nonideal::flow::kernels::NONIDEAL_KERNEL_ISA
