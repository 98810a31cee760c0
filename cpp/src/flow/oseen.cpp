#include "nonideal/flow/oseen.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "flow/space.hpp"
#include "nonideal/base/threads.hpp"

namespace nonideal::flow {

namespace {

constexpr std::int64_t kNodesTogether = 1024;      ///< a thread's piece of work
constexpr std::int64_t kNodesPerThread = 1 << 12;  ///< at least
constexpr std::int64_t kMaxEntries = (std::int64_t{1} << 31) - 1;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

void check_coefficient(const char* name, double value) {
  if (!(std::isfinite(value) && value >= 0.0)) {
    throw InvalidArgument(std::string(name) + " = " + detail::shortest(value) +
                          " is not a finite number >= 0");
  }
}

}  // namespace

struct OseenOperator::State {
  TaylorHood handle;  ///< keeps the space
  const TaylorHood::Space& space;
  std::vector<std::uint8_t> constrained;
  std::vector<std::int32_t> free, indptr, indices;
  std::vector<double> values, rhs;
  std::vector<std::int32_t> row_of_node;      ///< of its first component; -1: constrained
  std::vector<std::int32_t> row_of_pressure;  ///< -1: pinned
  /// The transposed divergence by node: pressures and entries of the divergence.
  std::vector<std::int32_t> first_pressure, pressures, divergence_entry;
  Aligned local, local_gradient;

  explicit State(const TaylorHood& owner) : handle(owner), space(owner.space()) {}

  void number_rows(std::int64_t pinned_pressure);
  void transpose_divergence();
  void make_pattern();
  template <int Dim>
  void momentum_rows(const OseenTerms& terms, std::int64_t first, std::int64_t last);
  void mass_rows(const OseenTerms& terms);
};

void OseenOperator::State::number_rows(std::int64_t pinned_pressure) {
  row_of_node.assign(at(space.n_nodes), -1);
  for (std::int64_t i = 0; i < space.n_nodes; ++i) {
    if (constrained[at(i)] != 0) continue;
    row_of_node[at(i)] = static_cast<std::int32_t>(free.size());
    for (int c = 0; c < space.dim; ++c) free.push_back(static_cast<std::int32_t>(space.dim * i + c));
  }
  if (free.empty()) throw InvalidArgument("constrained: no velocity is free");
  row_of_pressure.assign(at(space.n_vertices), -1);
  for (std::int64_t q = 0; q < space.n_vertices; ++q) {
    if (q == pinned_pressure) continue;
    row_of_pressure[at(q)] = static_cast<std::int32_t>(free.size());
    free.push_back(static_cast<std::int32_t>(space.dim * space.n_nodes + q));
  }
}

void OseenOperator::State::transpose_divergence() {
  first_pressure.assign(at(space.n_nodes) + 1, 0);
  const std::size_t n_entries = space.divergence.size() / static_cast<std::size_t>(space.dim);
  for (std::size_t e = 0; e < n_entries; ++e) ++first_pressure[at(space.indices[e]) + 1];
  for (std::size_t i = 1; i < first_pressure.size(); ++i) first_pressure[i] += first_pressure[i - 1];
  pressures.resize(n_entries);
  divergence_entry.resize(n_entries);
  std::vector<std::int32_t> next(first_pressure.begin(), first_pressure.end() - 1);
  for (std::int32_t q = 0; q < space.n_vertices; ++q) {
    for (std::int32_t e = space.indptr[at(q)]; e < space.indptr[at(q) + 1]; ++e) {
      const std::size_t to = at(next[at(space.indices[at(e)])]++);
      pressures[to] = q;
      divergence_entry[to] = e;
    }
  }
}

/// The pattern, and the divergence's values, which stay.
void OseenOperator::State::make_pattern() {
  const std::int64_t dim = space.dim;
  // Counted first: int32 must hold it.
  std::int64_t n_entries = 0;
  for (std::int64_t i = 0; i < space.n_nodes; ++i) {
    if (row_of_node[at(i)] < 0) continue;
    for (std::int32_t e = space.indptr[at(i)]; e < space.indptr[at(i) + 1]; ++e) {
      n_entries += row_of_node[at(space.indices[at(e)])] < 0 ? 0 : dim * dim;
    }
    for (std::int32_t e = first_pressure[at(i)]; e < first_pressure[at(i) + 1]; ++e) {
      n_entries += row_of_pressure[at(pressures[at(e)])] < 0 ? 0 : 2 * dim;
    }
  }
  detail::expect_within("entries of the matrix", n_entries, 0, kMaxEntries);
  indices.reserve(at(n_entries));
  values.reserve(at(n_entries));
  indptr.reserve(free.size() + 1);
  indptr.push_back(0);
  const auto add = [&](std::int64_t column, double value) {
    indices.push_back(static_cast<std::int32_t>(column));
    values.push_back(value);
  };
  for (std::int64_t i = 0; i < space.n_nodes; ++i) {
    if (row_of_node[at(i)] < 0) continue;
    for (std::int64_t component = 0; component < dim; ++component) {
      for (std::int32_t e = space.indptr[at(i)]; e < space.indptr[at(i) + 1]; ++e) {
        const std::int32_t column = row_of_node[at(space.indices[at(e)])];
        for (std::int64_t c = 0; column >= 0 && c < dim; ++c) add(column + c, 0.0);
      }
      for (std::int32_t e = first_pressure[at(i)]; e < first_pressure[at(i) + 1]; ++e) {
        const std::int32_t column = row_of_pressure[at(pressures[at(e)])];
        if (column >= 0) add(column, space.divergence[at(dim * divergence_entry[at(e)] + component)]);
      }
      indptr.push_back(static_cast<std::int32_t>(indices.size()));
    }
  }
  for (std::int64_t q = 0; q < space.n_vertices; ++q) {
    if (row_of_pressure[at(q)] < 0) continue;
    for (std::int32_t e = space.indptr[at(q)]; e < space.indptr[at(q) + 1]; ++e) {
      const std::int32_t column = row_of_node[at(space.indices[at(e)])];
      for (std::int64_t c = 0; column >= 0 && c < dim; ++c)
        add(column + c, space.divergence[at(dim * e + c)]);
    }
    indptr.push_back(static_cast<std::int32_t>(indices.size()));
  }
  rhs.assign(free.size(), 0.0);
}

/// All rows of the nodes in [first, last), and their right-hand side.
template <int Dim>
void OseenOperator::State::momentum_rows(const OseenTerms& terms, std::int64_t first, std::int64_t last) {
  const bool convects = !terms.convecting.empty(), newton = terms.newton && convects;
  const double *const w = terms.convecting.data(), *const g = terms.boundary.data();
  const std::size_t stride = space.local_size();
  for (std::int64_t i = first; i < last; ++i) {
    const std::int32_t row = row_of_node[at(i)];
    if (row < 0) continue;
    double* rows[Dim];
    for (std::int32_t a = 0; a < Dim; ++a) rows[a] = values.data() + indptr[at(row + a)];
    double right[Dim] = {};
    for (std::int32_t e = space.indptr[at(i)]; e < space.indptr[at(i) + 1]; ++e) {
      const std::size_t entry = at(e), j = at(space.indices[entry]);
      double diagonal = terms.viscosity * space.stiffness[entry];  // the same for all components
      if (terms.reaction != 0.0) diagonal += terms.reaction * space.mass[entry];
      double block[Dim][Dim] = {};
      if (convects) {
        const double convected = space.gather(local.data(), entry);
        diagonal += convected;
        if (newton) {
          // As space.gather(), all matrices at once.
          const auto end = at(space.first_source[entry + 1]);
          for (auto s = at(space.first_source[entry]); s < end; ++s) {
            const double* const values_of_cell = local_gradient.data() + space.sources[s];
            for (std::size_t a = 0; a < Dim; ++a) {
              for (std::size_t b = 0; b < Dim; ++b) block[a][b] += values_of_cell[(Dim * a + b) * stride];
            }
          }
          for (std::size_t a = 0; a < Dim; ++a) right[a] += convected * w[Dim * j + a];
        }
      }
      for (std::size_t a = 0; a < Dim; ++a) block[a][a] += diagonal;
      if (row_of_node[j] >= 0) {
        for (std::size_t a = 0; a < Dim; ++a) {
          for (std::size_t b = 0; b < Dim; ++b) rows[a][b] = block[a][b];
          rows[a] += Dim;
        }
      } else if (g != nullptr) {
        for (std::size_t a = 0; a < Dim; ++a) {
          double known = block[a][0] * g[Dim * j];
          for (std::size_t b = 1; b < Dim; ++b) known += block[a][b] * g[Dim * j + b];
          right[a] -= known;
        }
      }
    }
    for (std::int32_t a = 0; a < Dim; ++a) rhs[at(row + a)] = right[a];
  }
}

void OseenOperator::State::mass_rows(const OseenTerms& terms) {
  for (std::int64_t q = 0; q < space.n_vertices; ++q) {
    if (row_of_pressure[at(q)] >= 0) rhs[at(row_of_pressure[at(q)])] = 0.0;
  }
  if (terms.boundary.empty()) return;
  const auto dim = static_cast<std::size_t>(space.dim);
  for (std::int64_t i = 0; i < space.n_nodes; ++i) {
    if (row_of_node[at(i)] >= 0) continue;
    const double* const g = terms.boundary.data() + at(i) * dim;
    for (std::int32_t e = first_pressure[at(i)]; e < first_pressure[at(i) + 1]; ++e) {
      const std::int32_t row = row_of_pressure[at(pressures[at(e)])];
      if (row < 0) continue;
      const double* const divergence = space.divergence.data() + at(divergence_entry[at(e)]) * dim;
      double flux = divergence[0] * g[0];
      for (std::size_t c = 1; c < dim; ++c) flux += divergence[c] * g[c];
      rhs[at(row)] -= flux;
    }
  }
}

OseenOperator::OseenOperator(const TaylorHood& space, std::span<const std::uint8_t> constrained,
                             std::int64_t pinned_pressure)
    : state_(std::make_unique<State>(space)) {
  detail::expect_count("constrained", "numbers", static_cast<std::int64_t>(constrained.size()),
                       space.n_nodes());
  detail::expect_within("pinned_pressure", pinned_pressure, -1, space.n_pressure() - 1);
  state_->constrained.assign(constrained.begin(), constrained.end());
  state_->number_rows(pinned_pressure);
  state_->transpose_divergence();
  state_->make_pattern();
}

OseenOperator::OseenOperator(OseenOperator&&) noexcept = default;
OseenOperator& OseenOperator::operator=(OseenOperator&&) noexcept = default;
OseenOperator::~OseenOperator() = default;

std::int64_t OseenOperator::n_free() const { return static_cast<std::int64_t>(state_->free.size()); }
std::span<const std::int32_t> OseenOperator::free() const { return state_->free; }
std::span<const std::int32_t> OseenOperator::indptr() const { return state_->indptr; }
std::span<const std::int32_t> OseenOperator::indices() const { return state_->indices; }
std::span<const double> OseenOperator::values() const { return state_->values; }
std::span<const double> OseenOperator::rhs() const { return state_->rhs; }

void OseenOperator::update(const OseenTerms& terms, int num_threads) {
  State& state = *state_;
  const TaylorHood::Space& space = state.space;
  check_coefficient("viscosity", terms.viscosity);
  check_coefficient("reaction", terms.reaction);
  for (const auto& [name, field] :
       {std::pair{"convecting", terms.convecting}, {"boundary", terms.boundary}}) {
    if (!field.empty()) {
      detail::expect_count(name, "numbers", static_cast<std::int64_t>(field.size()),
                           space.dim * space.n_nodes);
    }
  }
  const int threads = resolve_threads(num_threads, space.n_nodes, kNodesPerThread);
  if (!terms.convecting.empty()) {
    if (state.local.size() == 0) state.local.resize(space.local_size());
    space.local_convection(terms.convecting, state.local.data(), threads);
    if (terms.newton) {
      if (state.local_gradient.size() == 0) {
        state.local_gradient.resize(at(space.dim * space.dim) * space.local_size());
      }
      space.local_gradient(terms.convecting, state.local_gradient.data(), threads);
    }
  }
  detail::for_blocks(space.n_nodes, kNodesTogether, threads, [&](std::int64_t first, std::int64_t last) {
    space.dim == 2 ? state.momentum_rows<2>(terms, first, last) : state.momentum_rows<3>(terms, first, last);
  });
  state.mass_rows(terms);
}

}  // namespace nonideal::flow
