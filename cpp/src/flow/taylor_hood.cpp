#include "nonideal/flow/taylor_hood.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/aligned.hpp"
#include "base/check.hpp"
#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "flow/mesh.hpp"
#include "flow/reference.hpp"
#include "flow/space.hpp"
#include "nonideal/base/threads.hpp"

namespace nonideal::flow {

namespace {

using kernels::kLanes;

constexpr std::int64_t kBlocksTogether = 64;    ///< of kLanes cells, a thread's piece of work
constexpr std::int64_t kBlocksPerThread = 256;  ///< at least
constexpr std::int64_t kEntriesTogether = 1 << 14;
constexpr std::int64_t kEntriesPerThread = 1 << 16;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Shape functions at the points of a rule.
template <std::size_t N>
struct Tables {
  std::array<double, 6 * N> shape, weighted_shape, xi, eta;
  std::array<double, 36 * N> weighted_pairs;

  constexpr explicit Tables(const std::array<QuadraturePoint, N>& rule)
      : shape{}, weighted_shape{}, xi{}, eta{}, weighted_pairs{} {
    for (std::size_t q = 0; q < N; ++q) {
      const auto s = flow::shape(rule[q].xi, rule[q].eta);
      const auto dxi = shape_xi(rule[q].xi, rule[q].eta), deta = shape_eta(rule[q].xi, rule[q].eta);
      for (std::size_t k = 0; k < 6; ++k) {
        shape[6 * q + k] = s[k];
        weighted_shape[6 * q + k] = rule[q].weight * s[k];
        xi[6 * q + k] = dxi[k];
        eta[6 * q + k] = deta[k];
        for (std::size_t j = 0; j < 6; ++j) weighted_pairs[36 * q + 6 * k + j] = rule[q].weight * s[k] * s[j];
      }
    }
  }

  kernels::Rule view() const {
    return {static_cast<std::int64_t>(N), shape.data(), weighted_shape.data(), xi.data(), eta.data(),
            weighted_pairs.data()};
  }
};

constexpr Tables<7> kStraightTables(kDegreeFive);
constexpr Tables<12> kCurvedTables(kDegreeSix);

/// Integrals over one cell that do not depend on a velocity.
struct CellMatrices {
  std::array<double, 36> mass{}, stiffness{};
  std::array<double, 18> x{}, y{};  ///< -int q d phi_j / dx and dy, (3, 6)
};

template <std::size_t N, class Geometry>
CellMatrices integrate(const std::array<QuadraturePoint, N>& rule, const Geometry& geometry) {
  CellMatrices m;
  for (const QuadraturePoint& q : rule) {
    const Adjugate g = geometry(q);
    const double det = g.determinant(), lambda[3] = {1.0 - q.xi - q.eta, q.xi, q.eta};
    const auto s = shape(q.xi, q.eta), dxi = shape_xi(q.xi, q.eta), deta = shape_eta(q.xi, q.eta);
    std::array<double, 6> dx{}, dy{};  // times the determinant
    for (std::size_t k = 0; k < 6; ++k) {
      dx[k] = g.g0 * dxi[k] + g.g2 * deta[k];
      dy[k] = g.g1 * dxi[k] + g.g3 * deta[k];
    }
    for (std::size_t i = 0; i < 6; ++i) {
      for (std::size_t j = 0; j < 6; ++j) {
        m.mass[6 * i + j] += q.weight * det * (s[i] * s[j]);
        m.stiffness[6 * i + j] += q.weight / det * (dx[i] * dx[j] + dy[i] * dy[j]);
      }
    }
    for (std::size_t v = 0; v < 3; ++v) {
      for (std::size_t j = 0; j < 6; ++j) {
        m.x[6 * v + j] -= q.weight * lambda[v] * dx[j];
        m.y[6 * v + j] -= q.weight * lambda[v] * dy[j];
      }
    }
  }
  return m;
}

}  // namespace

void Aligned::resize(std::size_t n) {
  memory_ = std::make_unique<double[]>(n + 8);
  data_ = detail::aligned(memory_.get());
  size_ = n;
}

namespace {

using Entry = void (*)(const kernels::Cells&, std::int64_t, std::int64_t);

/// Runs a kernel over all blocks, straight ones first.
void run(const TaylorHood::Space& space, Entry entry, std::span<const double> w, double* local,
         std::int64_t stride, int threads) {
  const std::int64_t straight = space.straight_blocks, curved = space.curved_blocks;
  const std::int32_t* const nodes = space.lane_nodes.data();
  const kernels::Cells parts[2] = {
      {kStraightTables.view(), nodes, space.straight_geometry.data(), 1, w.data(), local, stride},
      {kCurvedTables.view(), nodes + straight * 6 * kLanes, space.curved_geometry.data(),
       static_cast<std::int64_t>(kDegreeSix.size()), w.data(), local + straight * 36 * kLanes, stride}};
  const std::int64_t counts[2] = {straight, curved};
  for (std::size_t part = 0; part < 2; ++part) {
    detail::for_blocks(counts[part], kBlocksTogether, threads,
                       [&](std::int64_t first, std::int64_t last) { entry(parts[part], first, last); });
  }
}

}  // namespace

void TaylorHood::Space::local_convection(std::span<const double> w, double* local, int threads) const {
  run(*this, NONIDEAL_PICK(flow, convection), w, local, 0, threads);
}

void TaylorHood::Space::local_gradient(std::span<const double> w, double* local, int threads) const {
  run(*this, NONIDEAL_PICK(flow, gradient), w, local, static_cast<std::int64_t>(local_size()), threads);
}

namespace {

/// Nodes: vertices, then edges in the order of sorted_sides().
void number(const MeshView& mesh, TaylorHood::Space& space) {
  const std::vector<Side> sides = sorted_sides(mesh);
  space.n_cells = number_of_cells(mesh);
  std::int32_t last_vertex = 0;
  for (std::int64_t cell = 0; cell < space.n_cells; ++cell) {
    for (std::size_t k = 0; k < 3; ++k) last_vertex = std::max(last_vertex, vertex(mesh, cell, k));
  }
  space.n_vertices = last_vertex + 1;
  space.nodes.assign(mesh.points.begin(), mesh.points.begin() + 2 * space.n_vertices);
  space.cell_nodes.resize(at(6 * space.n_cells));
  for (std::int64_t cell = 0; cell < space.n_cells; ++cell) {
    for (std::size_t k = 0; k < 3; ++k) space.cell_nodes[at(6 * cell) + k] = vertex(mesh, cell, k);
  }
  std::int64_t node = space.n_vertices - 1;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const Side& side = sides[i];
    if (i == 0 || side.key != sides[i - 1].key) {
      ++node;
      space.edges.push_back(static_cast<std::int32_t>(side.key >> 32));
      space.edges.push_back(static_cast<std::int32_t>(side.key & 0xffffffff));
      const std::array<double, 12> xy = coordinates_of(mesh, side.cell);
      space.nodes.push_back(xy[at(6 + 2 * side.side)]);
      space.nodes.push_back(xy[at(7 + 2 * side.side)]);
    }
    space.cell_nodes[at(6 * side.cell + 3 + side.side)] = static_cast<std::int32_t>(node);
  }
  space.n_nodes = node + 1;
}

/// Puts the cells into blocks, and their geometry with them. Returns each cell's place, block * kLanes +
/// lane.
std::vector<std::int64_t> arrange(const MeshView& mesh, TaylorHood::Space& space) {
  std::vector<std::int64_t> place(at(space.n_cells)), straight, curved;
  for (std::int64_t cell = 0; cell < space.n_cells; ++cell) {
    (is_curved(mesh, cell) ? curved : straight).push_back(cell);
  }
  const auto blocks_of = [](const std::vector<std::int64_t>& cells) {
    return (static_cast<std::int64_t>(cells.size()) + kLanes - 1) / kLanes;
  };
  space.n_curved = static_cast<std::int64_t>(curved.size());
  space.straight_blocks = blocks_of(straight);
  space.curved_blocks = blocks_of(curved);
  space.lane_nodes.assign(at(space.blocks() * 6 * kLanes), 0);
  constexpr std::size_t n_points = kDegreeSix.size();
  space.straight_geometry.resize(at(space.straight_blocks * 4 * kLanes));
  space.curved_geometry.resize(at(space.curved_blocks * 4 * kLanes) * n_points);
  const auto put = [](Aligned& geometry, std::size_t row, std::size_t lane, const Adjugate& g) {
    double* const out = geometry.data() + row * 4 * kLanes + lane;
    out[0] = g.g0;
    out[kLanes] = g.g1;
    out[2 * kLanes] = g.g2;
    out[3 * kLanes] = g.g3;
  };
  const auto settle = [&](std::int64_t cell, std::int64_t where) {
    place[at(cell)] = where;
    for (std::int64_t k = 0; k < 6; ++k) {
      space.lane_nodes[at((where / kLanes * 6 + k) * kLanes + where % kLanes)] =
          space.cell_nodes[at(6 * cell + k)];
    }
  };
  for (std::size_t i = 0; i < straight.size(); ++i) {
    put(space.straight_geometry, i / kLanes, i % kLanes, adjugate(coordinates_of(mesh, straight[i])));
    settle(straight[i], static_cast<std::int64_t>(i));
  }
  for (std::size_t i = 0; i < curved.size(); ++i) {
    const std::array<double, 12> xy = coordinates_of(mesh, curved[i]);
    for (std::size_t q = 0; q < n_points; ++q) {
      put(space.curved_geometry, i / kLanes * n_points + q, i % kLanes,
          adjugate(xy, kDegreeSix[q].xi, kDegreeSix[q].eta));
    }
    settle(curved[i], space.straight_blocks * kLanes + static_cast<std::int64_t>(i));
  }
  return place;
}

/// Pattern of the scalar matrices, and from which local entries each of theirs is the sum.
void connect(const std::vector<std::int64_t>& place, TaylorHood::Space& space) {
  std::vector<std::int32_t> first(at(space.n_nodes) + 1, 0);
  for (const std::int32_t node : space.cell_nodes) ++first[at(node) + 1];
  for (std::size_t i = 1; i < first.size(); ++i) first[i] += first[i - 1];
  std::vector<std::int32_t> around(space.cell_nodes.size());  // cell * 6 + local node, by node and cell
  {
    std::vector<std::int32_t> next(first.begin(), first.end() - 1);
    for (std::size_t i = 0; i < space.cell_nodes.size(); ++i) {
      around[at(next[at(space.cell_nodes[i])]++)] = static_cast<std::int32_t>(i);
    }
  }
  space.indptr.assign(1, 0);
  space.sources.reserve(at(36 * space.n_cells));
  struct Source {
    std::int32_t node, local;
  };
  std::vector<Source> row;
  for (std::int64_t i = 0; i < space.n_nodes; ++i) {
    row.clear();
    for (std::int32_t a = first[at(i)]; a < first[at(i) + 1]; ++a) {
      const std::int64_t cell = around[at(a)] / 6, mine = around[at(a)] % 6;
      const std::int64_t block = place[at(cell)] / kLanes, lane = place[at(cell)] % kLanes;
      for (std::int64_t j = 0; j < 6; ++j) {
        row.push_back({space.cell_nodes[at(6 * cell + j)],
                       static_cast<std::int32_t>((block * 36 + 6 * mine + j) * kLanes + lane)});
      }
    }
    std::stable_sort(row.begin(), row.end(),
                     [](const Source& a, const Source& b) { return a.node < b.node; });
    for (std::size_t s = 0; s < row.size(); ++s) {
      if (s == 0 || row[s].node != row[s - 1].node) {
        space.indices.push_back(row[s].node);
        space.first_source.push_back(static_cast<std::int32_t>(space.sources.size()));
      }
      space.sources.push_back(row[s].local);
    }
    space.indptr.push_back(static_cast<std::int32_t>(space.indices.size()));
  }
  space.first_source.push_back(static_cast<std::int32_t>(space.sources.size()));
}

/// Mass, stiffness and divergence.
void integrate(const MeshView& mesh, TaylorHood::Space& space) {
  space.mass.assign(space.indices.size(), 0.0);
  space.stiffness.assign(space.indices.size(), 0.0);
  const std::size_t of_vertices = at(space.indptr[at(space.n_vertices)]);
  space.divergence_x.assign(of_vertices, 0.0);
  space.divergence_y.assign(of_vertices, 0.0);
  for (std::int64_t cell = 0; cell < space.n_cells; ++cell) {
    const std::array<double, 12> xy = coordinates_of(mesh, cell);
    const CellMatrices m =
        is_curved(mesh, cell)
            ? integrate(kDegreeSix, [&](const QuadraturePoint& q) { return adjugate(xy, q.xi, q.eta); })
            : integrate(kDegreeFive, [&](const QuadraturePoint&) { return adjugate(xy); });
    const std::int32_t* const nodes = space.cell_nodes.data() + 6 * cell;
    for (std::size_t i = 0; i < 6; ++i) {
      const auto begin = space.indices.begin() + space.indptr[at(nodes[i])];
      const auto end = space.indices.begin() + space.indptr[at(nodes[i]) + 1];
      for (std::size_t j = 0; j < 6; ++j) {
        const std::size_t entry = at(std::lower_bound(begin, end, nodes[j]) - space.indices.begin());
        space.mass[entry] += m.mass[6 * i + j];
        space.stiffness[entry] += m.stiffness[6 * i + j];
        if (i < 3) {
          space.divergence_x[entry] += m.x[6 * i + j];
          space.divergence_y[entry] += m.y[6 * i + j];
        }
      }
    }
  }
}

}  // namespace

TaylorHood::TaylorHood(const MeshView& mesh) {
  check(mesh);
  auto space = std::make_shared<Space>();
  number(mesh, *space);
  connect(arrange(mesh, *space), *space);
  integrate(mesh, *space);
  space_ = std::move(space);
}

TaylorHood::TaylorHood(const TaylorHood&) = default;
TaylorHood::TaylorHood(TaylorHood&&) noexcept = default;
TaylorHood& TaylorHood::operator=(const TaylorHood&) = default;
TaylorHood& TaylorHood::operator=(TaylorHood&&) noexcept = default;
TaylorHood::~TaylorHood() = default;

std::int64_t TaylorHood::n_cells() const { return space_->n_cells; }
std::int64_t TaylorHood::n_curved_cells() const { return space_->n_curved; }
std::int64_t TaylorHood::n_nodes() const { return space_->n_nodes; }
std::int64_t TaylorHood::n_vertices() const { return space_->n_vertices; }
std::span<const double> TaylorHood::nodes() const { return space_->nodes; }
std::span<const std::int32_t> TaylorHood::edges() const { return space_->edges; }
std::span<const std::int32_t> TaylorHood::cell_nodes() const { return space_->cell_nodes; }
std::span<const std::int32_t> TaylorHood::indptr() const { return space_->indptr; }
std::span<const std::int32_t> TaylorHood::indices() const { return space_->indices; }
std::span<const double> TaylorHood::mass_values() const { return space_->mass; }
std::span<const double> TaylorHood::stiffness_values() const { return space_->stiffness; }

CsrMatrix TaylorHood::mass() const {
  return {n_nodes(), n_nodes(), space_->indptr, space_->indices, space_->mass};
}

CsrMatrix TaylorHood::stiffness() const {
  return {n_nodes(), n_nodes(), space_->indptr, space_->indices, space_->stiffness};
}

CsrMatrix TaylorHood::divergence() const {
  const Space& space = *space_;
  CsrMatrix matrix{n_pressure(), n_velocity(), {}, {}, {}};
  for (std::int64_t q = 0; q <= space.n_vertices; ++q) matrix.indptr.push_back(2 * space.indptr[at(q)]);
  for (std::size_t entry = 0; entry < space.divergence_x.size(); ++entry) {
    matrix.indices.push_back(2 * space.indices[entry]);
    matrix.indices.push_back(2 * space.indices[entry] + 1);
    matrix.values.push_back(space.divergence_x[entry]);
    matrix.values.push_back(space.divergence_y[entry]);
  }
  return matrix;
}

void TaylorHood::convection(std::span<const double> convecting, std::span<double> values,
                            int num_threads) const {
  const Space& space = *space_;
  detail::expect_count("convecting", "numbers", static_cast<std::int64_t>(convecting.size()), n_velocity());
  detail::expect_count("values", "numbers", static_cast<std::int64_t>(values.size()),
                       static_cast<std::int64_t>(space.indices.size()));
  Aligned local;
  local.resize(space.local_size());
  const int threads = resolve_threads(num_threads, space.blocks(), kBlocksPerThread);
  space.local_convection(convecting, local.data(), threads);
  detail::for_blocks(
      static_cast<std::int64_t>(values.size()), kEntriesTogether,
      resolve_threads(num_threads, static_cast<std::int64_t>(values.size()), kEntriesPerThread),
      [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t e = first; e < last; ++e) values[at(e)] = space.gather(local.data(), at(e));
      });
}

}  // namespace nonideal::flow
