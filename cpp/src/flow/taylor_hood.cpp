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
template <int Dim, std::size_t N>
struct Tables {
  static constexpr std::size_t n = Reference<Dim>::kNodes;
  static_assert(N <= kernels::kMaxPoints[Dim]);
  std::array<double, n * N> shape, weighted_shape;
  std::array<std::array<double, n * N>, Dim> slope;
  std::array<double, n * n * N> weighted_pairs;

  constexpr explicit Tables(const Rule<Dim, N>& rule) : shape{}, weighted_shape{}, slope{}, weighted_pairs{} {
    for (std::size_t q = 0; q < N; ++q) {
      const auto s = flow::shape<Dim>(rule[q].at);
      for (std::size_t k = 0; k < n; ++k) {
        shape[n * q + k] = s[k];
        weighted_shape[n * q + k] = rule[q].weight * s[k];
        for (std::size_t j = 0; j < n; ++j)
          weighted_pairs[n * n * q + n * k + j] = rule[q].weight * s[k] * s[j];
      }
      for (std::size_t r = 0; r < Dim; ++r) {
        const auto along = flow::slope<Dim>(rule[q].at, r);
        for (std::size_t k = 0; k < n; ++k) slope[r][n * q + k] = along[k];
      }
    }
  }

  kernels::Rule view() const {
    kernels::Rule rule{
        static_cast<std::int64_t>(N), shape.data(), weighted_shape.data(), {}, weighted_pairs.data()};
    for (std::size_t r = 0; r < Dim; ++r) rule.slope[r] = slope[r].data();
    return rule;
  }
};

template <int Dim, std::size_t N>
constexpr Tables<Dim, N> tables_of(const Rule<Dim, N>& rule) {
  return Tables<Dim, N>(rule);
}

template <int Dim>
constexpr auto kStraightTables = tables_of<Dim>(Reference<Dim>::kStraight);
template <int Dim>
constexpr auto kCurvedTables = tables_of<Dim>(Reference<Dim>::kCurved);

/// Integrals over one cell that do not depend on a velocity.
template <int Dim>
struct CellMatrices {
  static constexpr std::size_t n = Reference<Dim>::kNodes;
  std::array<double, n * n> mass{}, stiffness{};
  std::array<std::array<double, Reference<Dim>::kVertices * n>, Dim> divergence{};  ///< -int q d phi_j / dx_c
};

template <int Dim, std::size_t N, class Geometry>
CellMatrices<Dim> integrate(const Rule<Dim, N>& rule, const Geometry& geometry) {
  constexpr std::size_t n = Reference<Dim>::kNodes;
  CellMatrices<Dim> m;
  for (const QuadraturePoint<Dim>& q : rule) {
    const Adjugate<Dim> g = geometry(q.at);
    const double det = g.determinant;
    const auto lambda = barycentric<Dim>(q.at);
    const auto s = shape<Dim>(q.at);
    std::array<std::array<double, n>, Dim> along{}, d{};  // d: derivatives times the determinant
    for (std::size_t r = 0; r < Dim; ++r) along[r] = slope<Dim>(q.at, r);
    for (std::size_t c = 0; c < Dim; ++c) {
      for (std::size_t k = 0; k < n; ++k) {
        d[c][k] = g.g[c] * along[0][k];
        for (std::size_t r = 1; r < Dim; ++r) d[c][k] += g.g[Dim * r + c] * along[r][k];
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        double product = d[0][i] * d[0][j];
        for (std::size_t c = 1; c < Dim; ++c) product += d[c][i] * d[c][j];
        m.mass[n * i + j] += q.weight * det * (s[i] * s[j]);
        m.stiffness[n * i + j] += q.weight / det * product;
      }
    }
    for (std::size_t c = 0; c < Dim; ++c) {
      for (std::size_t v = 0; v < lambda.size(); ++v) {
        for (std::size_t j = 0; j < n; ++j) m.divergence[c][n * v + j] -= q.weight * lambda[v] * d[c][j];
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
template <int Dim>
void run(const TaylorHood::Space& space, Entry entry, std::span<const double> w, double* local,
         std::int64_t stride, int threads) {
  constexpr auto n = static_cast<std::int64_t>(Reference<Dim>::kNodes);
  const std::int64_t straight = space.straight_blocks, curved = space.curved_blocks;
  const std::int32_t* const nodes = space.lane_nodes.data();
  const kernels::Cells parts[2] = {
      {kStraightTables<Dim>.view(), nodes, space.straight_geometry.data(), 1, w.data(), local, stride},
      {kCurvedTables<Dim>.view(), nodes + straight * n * kLanes, space.curved_geometry.data(),
       static_cast<std::int64_t>(Reference<Dim>::kCurved.size()), w.data(), local + straight * n * n * kLanes,
       stride}};
  const std::int64_t counts[2] = {straight, curved};
  for (std::size_t part = 0; part < 2; ++part) {
    detail::for_blocks(counts[part], kBlocksTogether, threads,
                       [&](std::int64_t first, std::int64_t last) { entry(parts[part], first, last); });
  }
}

}  // namespace

void TaylorHood::Space::local_convection(std::span<const double> w, double* local, int threads) const {
  if (dim == 2) return run<2>(*this, NONIDEAL_PICK(flow, convection_2d), w, local, 0, threads);
  run<3>(*this, NONIDEAL_PICK(flow, convection_3d), w, local, 0, threads);
}

void TaylorHood::Space::local_gradient(std::span<const double> w, double* local, int threads) const {
  const auto stride = static_cast<std::int64_t>(local_size());
  if (dim == 2) return run<2>(*this, NONIDEAL_PICK(flow, gradient_2d), w, local, stride, threads);
  run<3>(*this, NONIDEAL_PICK(flow, gradient_3d), w, local, stride, threads);
}

namespace {

/// Nodes: vertices, then edges in the order of sorted_edges().
template <int Dim>
void number(const MeshView& mesh, TaylorHood::Space& space) {
  using R = Reference<Dim>;
  constexpr auto n = static_cast<std::int64_t>(R::kNodes);
  const std::vector<Edge> edges = sorted_edges<Dim>(mesh);
  space.dim = Dim;
  space.nodes_per_cell = n;
  space.n_cells = number_of_cells(mesh);
  std::int32_t last_vertex = 0;
  for (std::int64_t cell = 0; cell < space.n_cells; ++cell) {
    for (std::size_t k = 0; k < R::kVertices; ++k) last_vertex = std::max(last_vertex, vertex(mesh, cell, k));
  }
  space.n_vertices = last_vertex + 1;
  space.nodes.assign(mesh.points.begin(), mesh.points.begin() + Dim * space.n_vertices);
  space.cell_nodes.resize(at(n * space.n_cells));
  for (std::int64_t cell = 0; cell < space.n_cells; ++cell) {
    for (std::size_t k = 0; k < R::kVertices; ++k) space.cell_nodes[at(n * cell) + k] = vertex(mesh, cell, k);
  }
  std::int64_t node = space.n_vertices - 1;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const Edge& edge = edges[i];
    const std::size_t local = R::kVertices + at(edge.edge);
    if (i == 0 || edge.key != edges[i - 1].key) {
      ++node;
      space.edges.push_back(static_cast<std::int32_t>(edge.key >> 32));
      space.edges.push_back(static_cast<std::int32_t>(edge.key & 0xffffffff));
      const Places<Dim> places = places_of<Dim>(mesh, edge.cell);
      for (std::size_t c = 0; c < Dim; ++c) space.nodes.push_back(places[Dim * local + c]);
    }
    space.cell_nodes[at(n * edge.cell) + local] = static_cast<std::int32_t>(node);
  }
  space.n_nodes = node + 1;
}

/// Puts the cells into blocks, and their geometry with them. Returns each cell's place, block * kLanes +
/// lane.
template <int Dim>
std::vector<std::int64_t> arrange(const MeshView& mesh, TaylorHood::Space& space) {
  using R = Reference<Dim>;
  constexpr auto n = static_cast<std::int64_t>(R::kNodes);
  std::vector<std::int64_t> place(at(space.n_cells)), straight, curved;
  for (std::int64_t cell = 0; cell < space.n_cells; ++cell) {
    (is_curved<Dim>(mesh, cell) ? curved : straight).push_back(cell);
  }
  const auto blocks_of = [](const std::vector<std::int64_t>& cells) {
    return (static_cast<std::int64_t>(cells.size()) + kLanes - 1) / kLanes;
  };
  space.n_curved = static_cast<std::int64_t>(curved.size());
  space.straight_blocks = blocks_of(straight);
  space.curved_blocks = blocks_of(curved);
  space.lane_nodes.assign(at(space.blocks() * n * kLanes), 0);
  constexpr std::size_t n_points = R::kCurved.size();
  space.straight_geometry.resize(at(space.straight_blocks * Dim * Dim * kLanes));
  space.curved_geometry.resize(at(space.curved_blocks * Dim * Dim * kLanes) * n_points);
  const auto put = [](Aligned& geometry, std::size_t row, std::size_t lane, const Adjugate<Dim>& g) {
    double* const out = geometry.data() + row * Dim * Dim * kLanes + lane;
    for (std::size_t m = 0; m < g.g.size(); ++m) out[m * kLanes] = g.g[m];
  };
  const auto settle = [&](std::int64_t cell, std::int64_t where) {
    place[at(cell)] = where;
    for (std::int64_t k = 0; k < n; ++k) {
      space.lane_nodes[at((where / kLanes * n + k) * kLanes + where % kLanes)] =
          space.cell_nodes[at(n * cell + k)];
    }
  };
  for (std::size_t i = 0; i < straight.size(); ++i) {
    put(space.straight_geometry, i / kLanes, i % kLanes, adjugate<Dim>(places_of<Dim>(mesh, straight[i])));
    settle(straight[i], static_cast<std::int64_t>(i));
  }
  for (std::size_t i = 0; i < curved.size(); ++i) {
    const Places<Dim> places = places_of<Dim>(mesh, curved[i]);
    for (std::size_t q = 0; q < n_points; ++q) {
      put(space.curved_geometry, i / kLanes * n_points + q, i % kLanes,
          adjugate<Dim>(places, R::kCurved[q].at));
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
  const std::int64_t n = space.nodes_per_cell;
  std::vector<std::int32_t> around(space.cell_nodes.size());  // cell * n + local node, by node and cell
  {
    std::vector<std::int32_t> next(first.begin(), first.end() - 1);
    for (std::size_t i = 0; i < space.cell_nodes.size(); ++i) {
      around[at(next[at(space.cell_nodes[i])]++)] = static_cast<std::int32_t>(i);
    }
  }
  space.indptr.assign(1, 0);
  space.sources.reserve(at(n * n * space.n_cells));
  struct Source {
    std::int32_t node, local;
  };
  std::vector<Source> row;
  for (std::int64_t i = 0; i < space.n_nodes; ++i) {
    row.clear();
    for (std::int32_t a = first[at(i)]; a < first[at(i) + 1]; ++a) {
      const std::int64_t cell = around[at(a)] / n, mine = around[at(a)] % n;
      const std::int64_t block = place[at(cell)] / kLanes, lane = place[at(cell)] % kLanes;
      for (std::int64_t j = 0; j < n; ++j) {
        row.push_back({space.cell_nodes[at(n * cell + j)],
                       static_cast<std::int32_t>((block * n * n + n * mine + j) * kLanes + lane)});
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
template <int Dim>
void integrate(const MeshView& mesh, TaylorHood::Space& space) {
  using R = Reference<Dim>;
  constexpr std::size_t n = R::kNodes;
  space.mass.assign(space.indices.size(), 0.0);
  space.stiffness.assign(space.indices.size(), 0.0);
  space.divergence.assign(Dim * at(space.indptr[at(space.n_vertices)]), 0.0);
  for (std::int64_t cell = 0; cell < space.n_cells; ++cell) {
    const Places<Dim> places = places_of<Dim>(mesh, cell);
    const CellMatrices<Dim> m =
        is_curved<Dim>(mesh, cell)
            ? integrate<Dim>(R::kCurved, [&](const auto& point) { return adjugate<Dim>(places, point); })
            : integrate<Dim>(R::kStraight, [&](const auto&) { return adjugate<Dim>(places); });
    const std::int32_t* const nodes = space.cell_nodes.data() + at(cell) * n;
    for (std::size_t i = 0; i < n; ++i) {
      const auto begin = space.indices.begin() + space.indptr[at(nodes[i])];
      const auto end = space.indices.begin() + space.indptr[at(nodes[i]) + 1];
      for (std::size_t j = 0; j < n; ++j) {
        const std::size_t entry = at(std::lower_bound(begin, end, nodes[j]) - space.indices.begin());
        space.mass[entry] += m.mass[n * i + j];
        space.stiffness[entry] += m.stiffness[n * i + j];
        if (i >= R::kVertices) continue;
        for (std::size_t c = 0; c < Dim; ++c) space.divergence[Dim * entry + c] += m.divergence[c][n * i + j];
      }
    }
  }
}

template <int Dim>
void build(const MeshView& mesh, TaylorHood::Space& space) {
  number<Dim>(mesh, space);
  connect(arrange<Dim>(mesh, space), space);
  integrate<Dim>(mesh, space);
}

}  // namespace

TaylorHood::TaylorHood(const MeshView& mesh) {
  check(mesh);
  auto space = std::make_shared<Space>();
  mesh.dim == 2 ? build<2>(mesh, *space) : build<3>(mesh, *space);
  space_ = std::move(space);
}

TaylorHood::TaylorHood(const TaylorHood&) = default;
TaylorHood::TaylorHood(TaylorHood&&) noexcept = default;
TaylorHood& TaylorHood::operator=(const TaylorHood&) = default;
TaylorHood& TaylorHood::operator=(TaylorHood&&) noexcept = default;
TaylorHood::~TaylorHood() = default;

int TaylorHood::dim() const { return space_->dim; }
std::int64_t TaylorHood::nodes_per_cell() const { return space_->nodes_per_cell; }
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
  for (std::int64_t q = 0; q <= space.n_vertices; ++q) {
    matrix.indptr.push_back(space.dim * space.indptr[at(q)]);
  }
  for (std::size_t i = 0; i < space.divergence.size(); ++i) {
    const auto dim = static_cast<std::size_t>(space.dim);
    matrix.indices.push_back(space.dim * space.indices[i / dim] + static_cast<std::int32_t>(i % dim));
  }
  matrix.values = space.divergence;
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
