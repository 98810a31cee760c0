#include "nonideal/flow/mesh.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <string>

#include "base/check.hpp"
#include "flow/hanging.hpp"
#include "flow/mesh.hpp"
#include "flow/reference.hpp"

namespace nonideal::flow {

namespace {

/// The determinant over the longest edge to the power of the dimension: below, a cell is degenerate.
constexpr double kFlat = 1e-12;
/// An edge's node that is nearer to the middle, in lengths of the edge, leaves the edge straight.
constexpr double kStraight = 1e-12;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::string name_of(std::int64_t cell) { return detail::bracketed("cells", cell); }

/// How messages call things; `factorial`: the determinant over the measure of a cell.
struct Words {
  const char *edge, *facet, *measure, *inverted, *overlap;
  double factorial;
};

template <int Dim>
constexpr Words kWords{};
template <>
constexpr Words kWords<2>{"side", "edge", "area", "its vertices run clockwise", "both lie to the left of ",
                          2.0};
template <>
constexpr Words kWords<3>{
    "edge", "facet", "volume", "its volume is negative", "both lie on the same side of ", 6.0};

template <int Dim>
void check_sizes(const MeshView& mesh) {
  constexpr auto vertices = static_cast<int>(Reference<Dim>::kVertices);
  constexpr auto nodes = static_cast<int>(Reference<Dim>::kNodes);
  if (mesh.nodes_per_cell != vertices && mesh.nodes_per_cell != nodes) {
    throw InvalidArgument("nodes_per_cell = " + std::to_string(mesh.nodes_per_cell) + " is not " +
                          std::to_string(vertices) + " or " + std::to_string(nodes));
  }
  if (mesh.points.size() % Dim != 0 || mesh.cells.size() % at(mesh.nodes_per_cell) != 0) {
    throw InvalidArgument("points or cells: not a whole number of rows");
  }
  if (mesh.cells.empty()) throw InvalidArgument("cells: none given");
  detail::expect_within("number of cells", number_of_cells(mesh), 1, Reference<Dim>::kMaxCells);
  for (std::size_t i = 0; i < mesh.points.size(); ++i) {
    if (!std::isfinite(mesh.points[i])) {
      throw InvalidArgument("points[" + std::to_string(i / Dim) + ", " + std::to_string(i % Dim) +
                            "] is not finite");
    }
  }
}

template <int Dim>
void check_indices(const MeshView& mesh) {
  const auto n_points = static_cast<std::int64_t>(mesh.points.size() / Dim);
  const std::size_t per_cell = at(mesh.nodes_per_cell);
  const std::string on = std::string(Dim == 2 ? "a " : "an ") + kWords<Dim>.edge;
  std::vector<std::uint8_t> role(at(n_points), 0);  // 1: vertex, 2: on an edge
  for (std::size_t i = 0; i < mesh.cells.size(); ++i) {
    const std::int32_t point = mesh.cells[i];
    if (point < 0 || point >= n_points) {
      throw InvalidArgument("cells[" + std::to_string(i / per_cell) + ", " + std::to_string(i % per_cell) +
                            "] = " + std::to_string(point) + " is outside [0, " + std::to_string(n_points) +
                            ")");
    }
    const std::uint8_t mine = i % per_cell < Reference<Dim>::kVertices ? 1 : 2;
    std::uint8_t& known = role[at(point)];
    if (known != 0 && known != mine) {
      throw InvalidArgument("points[" + std::to_string(point) + "] is a vertex of one cell and on " + on +
                            " of another");
    }
    known = mine;
  }
  for (std::int64_t p = 0; p < n_points; ++p) {
    if (role[at(p)] == 0) throw InvalidArgument(detail::bracketed("points", p) + " belongs to no cell");
    if (p > 0 && role[at(p)] == 1 && role[at(p - 1)] == 2) {
      throw InvalidArgument(detail::bracketed("points", p) + " is a vertex behind points on " +
                            kWords<Dim>.edge + "s; vertices come first");
    }
  }
}

template <int Dim>
void check_shape(const MeshView& mesh, std::int64_t cell) {
  using R = Reference<Dim>;
  const Places<Dim> places = places_of<Dim>(mesh, cell);
  const double determinant = adjugate<Dim>(places).determinant;
  double square = 0.0;
  for (std::size_t e = 0; e < R::kEdges; ++e) {
    double mine = 0.0;
    for (std::size_t c = 0; c < Dim; ++c) {
      const double along = places[Dim * R::kEdgeTo[e] + c] - places[Dim * R::kEdgeFrom[e] + c];
      mine += along * along;
    }
    square = std::max(square, mine);
  }
  const double longest = std::sqrt(square), flat = kFlat * (Dim == 2 ? square : square * longest);
  if (!(std::abs(determinant) > flat)) {
    throw InvalidArgument(name_of(cell) + " is degenerate: " + kWords<Dim>.measure + " " +
                          detail::shortest(determinant / kWords<Dim>.factorial) + ", longest " +
                          kWords<Dim>.edge + " " + detail::shortest(longest));
  }
  if (determinant < 0.0) {
    throw InvalidArgument(name_of(cell) + " is inverted: " + kWords<Dim>.inverted);
  }
  if (!is_curved<Dim>(mesh, cell)) return;
  const auto expect_positive = [&](const std::array<double, Dim>& place) {
    if (!(adjugate<Dim>(places, place).determinant > flat)) {
      throw InvalidArgument(name_of(cell) + " is folded: its " + kWords<Dim>.edge +
                            "s' nodes are too far from the middle");
    }
  };
  for (const auto& point : R::kCurved) expect_positive(point.at);
  for (std::size_t k = 0; k < R::kNodes; ++k) expect_positive(node_place<Dim>(k));
}

template <class Vertices>
std::string listed(const Vertices& vertices) {
  std::string text = "(";
  for (std::size_t i = 0; i < vertices.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(vertices[i]);
  return text + ")";
}

/// The facets of all cells, those with the same vertices together.
template <int Dim>
std::vector<Facet<Dim>> sorted_facets(const MeshView& mesh) {
  using R = Reference<Dim>;
  const std::int64_t n_cells = number_of_cells(mesh);
  std::vector<Facet<Dim>> facets;
  facets.reserve(at(n_cells) * R::kFacets);
  for (std::int64_t cell = 0; cell < n_cells; ++cell) {
    for (std::size_t k = 0; k < R::kFacets; ++k) {
      Facet<Dim> facet{{}, static_cast<std::int32_t>(cell), static_cast<std::int32_t>(k)};
      for (std::size_t v = 0; v < Dim; ++v) facet.key[v] = vertex(mesh, cell, R::kFacet[k][v]);
      std::sort(facet.key.begin(), facet.key.end());
      facets.push_back(facet);
    }
  }
  std::sort(facets.begin(), facets.end(), [](const Facet<Dim>& a, const Facet<Dim>& b) {
    return a.key != b.key ? a.key < b.key : a.cell < b.cell;
  });
  return facets;
}

/// Its vertices as the cell has them: the cell on the left, or counter-clockwise from outside.
template <int Dim>
std::array<std::int32_t, Dim> turned(const MeshView& mesh, const Facet<Dim>& facet) {
  std::array<std::int32_t, Dim> vertices{};
  for (std::size_t v = 0; v < Dim; ++v) {
    vertices[v] = vertex(mesh, facet.cell, Reference<Dim>::kFacet[at(facet.facet)][v]);
  }
  return vertices;
}

/// Whether these are an even permutation of their ascending order.
template <std::size_t N>
bool is_even(const std::array<std::int32_t, N>& vertices) {
  bool even = true;
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t j = i + 1; j < N; ++j) even = even != (vertices[i] > vertices[j]);
  }
  return even;
}

template <int Dim>
void check_facets(const MeshView& mesh, const std::vector<Facet<Dim>>& facets) {
  for (std::size_t i = 0; i < facets.size();) {
    std::size_t end = i + 1;
    while (end < facets.size() && facets[end].key == facets[i].key) ++end;
    const auto name = [&] { return std::string(kWords<Dim>.facet) + " " + listed(facets[i].key); };
    if (end - i > 2) {
      throw InvalidArgument(name() + " belongs to " + std::to_string(end - i) + " cells, among them " +
                            name_of(facets[i].cell) + "; a " +
                            (Dim == 2 ? kWords<Dim>.edge : kWords<Dim>.facet) + " has at most 2");
    }
    if (end - i == 2 && is_even(turned(mesh, facets[i])) == is_even(turned(mesh, facets[i + 1]))) {
      throw InvalidArgument(name_of(facets[i].cell) + " and " + name_of(facets[i + 1].cell) +
                            " overlap: " + kWords<Dim>.overlap + name());
    }
    i = end;
  }
}

/// Refuses edges that have different nodes in two cells, and nodes that lie on two edges.
template <int Dim>
void check_edge_nodes(const MeshView& mesh, const std::vector<Edge>& edges) {
  const auto node = [&](const Edge& edge) {
    return vertex(mesh, edge.cell, Reference<Dim>::kVertices + at(edge.edge));
  };
  std::vector<std::int64_t> key_of(mesh.points.size() / Dim, -1);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (i > 0 && edges[i].key == edges[i - 1].key && node(edges[i]) != node(edges[i - 1])) {
      const std::array<std::int64_t, 2> ends{edges[i].key >> 32, edges[i].key & 0xffffffff};
      throw InvalidArgument(name_of(edges[i - 1].cell) + " and " + name_of(edges[i].cell) +
                            " have different nodes on edge " + listed(ends));
    }
    std::int64_t& key = key_of[at(node(edges[i]))];
    if (key >= 0 && key != edges[i].key) {
      throw InvalidArgument(detail::bracketed("points", node(edges[i])) + " lies on two " + kWords<Dim>.edge +
                            "s, one of " + name_of(edges[i].cell));
    }
    key = edges[i].key;
  }
}

template <int Dim>
void check_connected(const MeshView& mesh) {
  std::vector<std::int32_t> parent(mesh.points.size() / Dim);
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](std::int32_t p) {
    while (parent[at(p)] != p) p = parent[at(p)] = parent[at(parent[at(p)])];
    return p;
  };
  const std::int64_t n_cells = number_of_cells(mesh);
  for (std::int64_t cell = 0; cell < n_cells; ++cell) {
    const std::int32_t a = root(vertex(mesh, cell, 0));
    for (std::size_t k = 1; k < Reference<Dim>::kVertices; ++k) parent[at(root(vertex(mesh, cell, k)))] = a;
  }
  const std::int32_t first = root(vertex(mesh, 0, 0));
  for (std::int64_t cell = 1; cell < n_cells; ++cell) {
    if (root(vertex(mesh, cell, 0)) != first) {
      throw InvalidArgument(name_of(cell) + " is not connected with cells[0]");
    }
  }
}

template <int Dim>
Boundary boundary_of(const MeshView& mesh, const std::vector<Facet<Dim>>& facets) {
  std::vector<Facet<Dim>> outer;
  for (std::size_t i = 0; i < facets.size();) {
    const bool shared = i + 1 < facets.size() && facets[i + 1].key == facets[i].key;
    if (!shared) outer.push_back(facets[i]);
    i += shared ? 2 : 1;
  }
  std::sort(outer.begin(), outer.end(), [](const Facet<Dim>& a, const Facet<Dim>& b) {
    return a.cell != b.cell ? a.cell < b.cell : a.facet < b.facet;
  });
  Boundary found;
  for (const Facet<Dim>& facet : outer) {
    for (const std::int32_t v : turned(mesh, facet)) found.facets.push_back(v);
    found.cells.push_back(facet.cell);
  }
  return found;
}

template <int Dim>
void check_mesh(const MeshView& mesh) {
  check_sizes<Dim>(mesh);
  check_indices<Dim>(mesh);
  const std::int64_t n_cells = number_of_cells(mesh);
  for (std::int64_t cell = 0; cell < n_cells; ++cell) check_shape<Dim>(mesh, cell);
  const std::vector<Facet<Dim>> facets = sorted_facets<Dim>(mesh);
  check_facets(mesh, facets);
  if (is_quadratic(mesh)) check_edge_nodes<Dim>(mesh, sorted_edges<Dim>(mesh));
  check_connected<Dim>(mesh);
  check_hanging<Dim>(mesh, boundary_of(mesh, facets));
}

void check_dimension(const MeshView& mesh) {
  if (mesh.dim != 2 && mesh.dim != 3) {
    throw InvalidArgument("dim = " + std::to_string(mesh.dim) + " is not 2 or 3");
  }
}

}  // namespace

template <int Dim>
Places<Dim> places_of(const MeshView& mesh, std::int64_t cell) {
  using R = Reference<Dim>;
  Places<Dim> places{};
  const std::size_t per_cell = at(mesh.nodes_per_cell);
  for (std::size_t k = 0; k < per_cell; ++k) {
    const std::size_t point = at(mesh.cells[at(cell) * per_cell + k]);
    for (std::size_t c = 0; c < Dim; ++c) places[Dim * k + c] = mesh.points[Dim * point + c];
  }
  if (!is_quadratic(mesh)) {
    for (std::size_t e = 0; e < R::kEdges; ++e) {
      for (std::size_t c = 0; c < Dim; ++c) {
        places[Dim * (R::kVertices + e) + c] =
            0.5 * (places[Dim * R::kEdgeFrom[e] + c] + places[Dim * R::kEdgeTo[e] + c]);
      }
    }
  }
  return places;
}

template <int Dim>
bool is_curved(const MeshView& mesh, std::int64_t cell) {
  using R = Reference<Dim>;
  if (!is_quadratic(mesh)) return false;
  const Places<Dim> places = places_of<Dim>(mesh, cell);
  for (std::size_t e = 0; e < R::kEdges; ++e) {
    const double* a = &places[Dim * R::kEdgeFrom[e]];
    const double* b = &places[Dim * R::kEdgeTo[e]];
    const double* m = &places[Dim * (R::kVertices + e)];
    double off = 0.0, length = 0.0;  // hypot: no overflow, and the bits of earlier versions
    for (std::size_t c = 0; c < Dim; ++c) {
      off = std::hypot(off, m[c] - 0.5 * (a[c] + b[c]));
      length = std::hypot(length, b[c] - a[c]);
    }
    if (off > kStraight * length) return true;
  }
  return false;
}

template <int Dim>
std::vector<Edge> sorted_edges(const MeshView& mesh) {
  using R = Reference<Dim>;
  const std::int64_t n_cells = number_of_cells(mesh);
  std::vector<Edge> edges;
  edges.reserve(at(n_cells) * R::kEdges);
  for (std::int64_t cell = 0; cell < n_cells; ++cell) {
    for (std::size_t k = 0; k < R::kEdges; ++k) {
      const std::int64_t a = vertex(mesh, cell, R::kEdgeFrom[k]), b = vertex(mesh, cell, R::kEdgeTo[k]);
      edges.push_back({std::min(a, b) << 32 | std::max(a, b), static_cast<std::int32_t>(cell),
                       static_cast<std::int32_t>(k)});
    }
  }
  std::sort(edges.begin(), edges.end(),
            [](const Edge& a, const Edge& b) { return a.key != b.key ? a.key < b.key : a.cell < b.cell; });
  return edges;
}

template Places<2> places_of<2>(const MeshView&, std::int64_t);
template Places<3> places_of<3>(const MeshView&, std::int64_t);
template bool is_curved<2>(const MeshView&, std::int64_t);
template bool is_curved<3>(const MeshView&, std::int64_t);
template std::vector<Edge> sorted_edges<2>(const MeshView&);
template std::vector<Edge> sorted_edges<3>(const MeshView&);

void check(const MeshView& mesh) {
  check_dimension(mesh);
  mesh.dim == 2 ? check_mesh<2>(mesh) : check_mesh<3>(mesh);
}

Boundary boundary(const MeshView& mesh) {
  check_dimension(mesh);
  return mesh.dim == 2 ? boundary_of(mesh, sorted_facets<2>(mesh))
                       : boundary_of(mesh, sorted_facets<3>(mesh));
}

}  // namespace nonideal::flow
