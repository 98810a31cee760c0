// Analysis and factorisation of Taylor-Hood patterns on the unit square: maps, bits, memory, refusals.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"
#include "flow/analysis.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/flow/sparse_lu.hpp"

namespace {
std::atomic<std::int64_t> g_allocations{0};
}

void* operator new(std::size_t size) {
  ++g_allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace nonideal::flow;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// The enclosed square of n x n squares, two triangles each; the nodes lie on a grid of twice as many lines.
struct Cavity {
  std::vector<std::int32_t> elements, node_of_row, indptr{0}, indices;
  std::vector<double> coordinates, values;

  explicit Cavity(int n) {
    const int lines = 2 * n + 1;
    const auto node = [&](int i, int j) { return j * lines + i; };
    for (int j = 0; j < lines; ++j) {
      for (int i = 0; i < lines; ++i) coordinates.insert(coordinates.end(), {i / (2.0 * n), j / (2.0 * n)});
    }
    for (int j = 0; j < 2 * n; j += 2) {
      for (int i = 0; i < 2 * n; i += 2) {
        elements.insert(elements.end(), {node(i, j), node(i + 2, j), node(i + 2, j + 2), node(i + 1, j),
                                         node(i + 2, j + 1), node(i + 1, j + 1)});
        elements.insert(elements.end(), {node(i, j), node(i + 2, j + 2), node(i, j + 2), node(i + 1, j + 1),
                                         node(i + 1, j + 2), node(i, j + 1)});
      }
    }
    std::vector<std::vector<std::int32_t>> rows(at(lines * lines));
    for (int j = 0; j < lines; ++j) {
      for (int i = 0; i < lines; ++i) {
        const bool inside = i > 0 && j > 0 && i < lines - 1 && j < lines - 1,
                   vertex = i % 2 == 0 && j % 2 == 0;
        const int count = (inside ? 2 : 0) + (vertex && i + j > 0 ? 1 : 0);  // one pressure is pinned
        for (int c = 0; c < count; ++c) {
          rows[at(node(i, j))].push_back(static_cast<std::int32_t>(node_of_row.size()));
          node_of_row.push_back(node(i, j));
        }
      }
    }
    std::vector<std::set<std::int32_t>> beside(at(lines * lines));
    for (std::size_t e = 0; e < elements.size(); e += 6) {
      for (std::size_t a = 0; a < 36; ++a) beside[at(elements[e + a / 6])].insert(elements[e + a % 6]);
    }
    std::uint64_t index = 0;
    for (std::size_t row = 0; row < node_of_row.size(); ++row) {
      std::vector<std::int32_t> columns;
      for (const std::int32_t other : beside[at(node_of_row[row])]) {
        columns.insert(columns.end(), rows[at(other)].begin(), rows[at(other)].end());
      }
      std::sort(columns.begin(), columns.end());
      for (const std::int32_t column : columns) {
        const nonideal::Words4 words = nonideal::philox({{static_cast<std::uint32_t>(index++), 0, 0, 0}}, 1);
        const double value = nonideal::uniform53(words.w[0], words.w[1]) - 0.5;
        values.push_back(column == static_cast<std::int32_t>(row) ? 20.0 + value : value);
      }
      indices.insert(indices.end(), columns.begin(), columns.end());
      indptr.push_back(static_cast<std::int32_t>(indices.size()));
    }
  }

  Layout layout() const {
    return {.elements = elements,
            .nodes_per_element = 6,
            .coordinates = coordinates,
            .dim = 2,
            .node_of_row = node_of_row};
  }
  std::shared_ptr<const Analysis> analyse(int leaf_elements = 16) const {
    return std::make_shared<Analysis>(indptr, indices, layout(), leaf_elements);
  }
  std::int64_t n() const { return static_cast<std::int64_t>(node_of_row.size()); }
};

/// Every row is eliminated once, every value is mapped once to where it belongs, every child's boundary lies
/// in its parent's rows.
void maps() {
  for (const int n : {1, 2, 3, 5, 12}) {
    const Cavity cavity(n);
    for (const int leaf : {1, 3, 16, 1000}) {
      const auto analysis = cavity.analyse(leaf);
      const detail::AnalysisData& d = analysis->data();
      std::vector<int> eliminated(at(cavity.n())), mapped(cavity.values.size());
      std::int64_t next = 0, factors = 0;
      bool good = true;
      for (const detail::Front& front : d.fronts) {
        good = good && front.first == next && front.factors == factors;
        next += front.k;
        factors = front.end();
        std::vector<std::int64_t> rows;  // of the front, by elimination
        for (std::int64_t i = 0; i < front.k; ++i) rows.push_back(front.first + i);
        for (std::int64_t i = 0; i < front.m; ++i) rows.push_back(d.boundary[at(front.boundary + i)]);
        good = good && std::is_sorted(rows.begin(), rows.end());
        good = good && std::adjacent_find(rows.begin(), rows.end()) == rows.end();
        for (std::int64_t i = 0; i < front.k; ++i) ++eliminated[at(d.order[at(front.first + i)])];
        const auto row_of = [&](std::int64_t value) {
          return std::upper_bound(d.indptr.begin(), d.indptr.end(), value) - d.indptr.begin() - 1;
        };
        for (std::int64_t e = front.entries; e < front.entries + front.n_entries; ++e) {
          const detail::Entry entry = d.entries[at(e)];
          ++mapped[at(entry.from)];
          std::int64_t to = entry.to, i = 0, j = 0;
          if (to < front.k_ld * front.k) {
            i = to % front.k_ld, j = to / front.k_ld;
          } else if ((to -= front.k_ld * front.k) < front.m_ld * front.k) {
            i = front.k + to % front.m_ld, j = to / front.m_ld;
          } else {
            to -= front.m_ld * front.k;
            i = to % front.k_ld, j = front.k + to / front.k_ld;
          }
          good = good && rows[at(i)] == d.position[at(row_of(entry.from))];
          good = good && rows[at(j)] == d.position[at(d.indices[at(entry.from)])];
        }
        for (const std::int32_t child : {front.left, front.right}) {
          if (child < 0) continue;
          const detail::Front& c = d.fronts[at(child)];
          std::int64_t covered = 0;
          for (std::int64_t r = 0; r < c.n_runs; ++r) {
            const kernels::Run& run = d.runs[at(c.runs + r)];
            good = good && run.from == covered && run.length > 0;
            good = good && (r < c.n_own ? run.to + run.length <= front.k : run.to >= front.k);
            for (std::int64_t i = 0; i < run.length; ++i) {
              good = good && rows[at(run.to + i)] == d.boundary[at(c.boundary + covered + i)];
            }
            covered += run.length;
          }
          good = good && covered == c.m;
        }
      }
      CHECK(good);
      CHECK_EQUAL(next, cavity.n());
      CHECK(std::all_of(eliminated.begin(), eliminated.end(), [](int times) { return times == 1; }));
      CHECK(std::all_of(mapped.begin(), mapped.end(), [](int times) { return times == 1; }));
      CHECK(d.fronts.empty() || d.fronts.back().m == 0);
    }
  }
}

std::vector<double> some(std::int64_t n) {
  std::vector<double> x(at(n));
  for (std::int64_t i = 0; i < n; ++i) x[at(i)] = std::sin(static_cast<double>(i));
  return x;
}

/// Solutions x fulfil A x = b, or A^T x = b.
void solutions() {
  for (const int n : {2, 3, 9, 30}) {
    const Cavity cavity(n);
    for (const Scaling scaling : {Scaling::ruiz, Scaling::none}) {
      SparseLu lu(cavity.analyse(), {.scaling = scaling});
      lu.factorize(cavity.values);
      for (const int n_rhs : {1, 3, 16, 21}) {
        for (const bool transpose : {false, true}) {
          const std::vector<double> b = some(cavity.n() * n_rhs);
          std::vector<double> x = b, left = b;
          const SolveReport report = lu.solve(x, n_rhs, transpose);
          CHECK(report.backward_error <= 1e-14);
          CHECK_EQUAL(lu.backward_error(x, b, n_rhs, transpose), report.backward_error);
          for (std::int64_t i = 0; i < cavity.n(); ++i) {
            for (std::int32_t e = cavity.indptr[at(i)]; e < cavity.indptr[at(i + 1)]; ++e) {
              const std::int64_t j = cavity.indices[at(e)];
              for (std::int64_t r = 0; r < n_rhs; ++r) {
                left[at((transpose ? j : i) * n_rhs + r)] -=
                    cavity.values[at(e)] * x[at((transpose ? i : j) * n_rhs + r)];
              }
            }
          }
          for (const double value : left) CHECK(std::abs(value) < 1e-12);
        }
      }
      std::vector<double> kept(cavity.values.size());
      lu.values(kept);
      CHECK(kept == cavity.values);
      CHECK_EQUAL(lu.stats().perturbed_pivots, 0);
    }
  }
}

void threads_and_memory() {
  const Cavity cavity(40);
  const auto analysis = cavity.analyse();
  std::vector<std::vector<double>> results;
  for (const int threads : {1, 2, 3, 5, 16}) {
    SparseLu lu(analysis, {.num_threads = threads});
    lu.factorize(cavity.values);
    results.push_back(some(cavity.n() * 20));
    lu.solve(results.back(), 20);
    const std::int64_t memory = lu.stats().memory, before = g_allocations;
    lu.factorize(cavity.values);
    if (threads == 1) CHECK_EQUAL(g_allocations - before, 0);  // OpenMP's tasks are its own affair
    CHECK_EQUAL(lu.stats().memory, memory);
    CHECK_EQUAL(lu.stats().factorizations, 2);
    results.push_back(some(cavity.n() * 20));
    lu.solve(results.back(), 20);
  }
  for (const auto& result : results) CHECK(result == results.front());

  // Several factors share one analysis from several threads.
  std::vector<std::vector<double>> shared(4, some(cavity.n() * 20));
  std::vector<std::thread> workers;
  for (auto& x : shared) {
    workers.emplace_back([&x, &cavity, analysis] {
      SparseLu lu(analysis, {.num_threads = 1});
      lu.factorize(cavity.values);
      lu.solve(x, 20);
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const auto& result : shared) CHECK(result == results.front());

  // So do the threads of a caller's own parallel region: there each factorisation is by one thread, whose
  // number is the region's. A pair of fresh and one of used factors, with the default number of threads.
  std::vector<SparseLu> used;
  for (int i = 0; i < 2; ++i) used.emplace_back(analysis);
  for (SparseLu& lu : used) lu.factorize(cavity.values);
  shared.assign(4, some(cavity.n() * 20));
#pragma omp parallel for num_threads(4) schedule(static, 1) default(none) \
    shared(shared, used, cavity, analysis)
  for (std::size_t i = 0; i < 4; ++i) {
    SparseLu fresh(analysis);
    SparseLu& lu = i % 2 == 0 ? fresh : used[i / 2];
    for (int repeat = 0; repeat < 3; ++repeat) lu.factorize(cavity.values);
    lu.solve(shared[i], 20);
  }
  for (const auto& result : shared) CHECK(result == results.front());
}

void refusals() {
  const Cavity cavity(2);
  const auto analysis = cavity.analyse();
  CHECK_REFUSED("leaf_elements = 0 is below 1", cavity.analyse(0));
  CHECK_REFUSED("analysis: none given", SparseLu(nullptr));
  CHECK_REFUSED("refinement = 101 is outside [0, 100]", SparseLu(analysis, {.refinement = 101}));
  CHECK_REFUSED("num_threads = -1 is below 0 (0 means the default)", SparseLu(analysis, {.num_threads = -1}));
  SparseLu lu(analysis);
  std::vector<double> x = some(cavity.n());
  CHECK_REFUSED("solve was called before factorize", lu.solve(x));
  CHECK_REFUSED("backward_error was called before factorize", lu.backward_error(x, x));
  CHECK_REFUSED("values was called before factorize", lu.values(x));
  const std::string count = std::to_string(cavity.values.size());
  CHECK_REFUSED("values: expected " + count + " numbers, got 26", lu.factorize(x));
  std::vector<double> values = cavity.values;
  values[5] = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED("values[5] = nan is not finite", lu.factorize(values));
  lu.factorize(cavity.values);
  CHECK_REFUSED("x: expected 52 numbers, got 26", lu.solve(x, 2));
  CHECK_REFUSED("n_rhs = -1 is below 0", lu.solve(x, -1));
  CHECK_REFUSED("out: expected " + count + " numbers, got 26", lu.values(x));
  x[3] = std::numeric_limits<double>::infinity();
  CHECK_REFUSED("x[3] = inf is not finite", lu.solve(x));
  CHECK_REFUSED("values[5] = nan is not finite", lu.factorize(values));
  CHECK_REFUSED("solve was called before factorize", lu.solve(x));

  Layout layout = cavity.layout();
  layout.nodes_per_element = 7;
  CHECK_REFUSED("elements: 48 numbers are not a multiple of 7",
                Analysis(cavity.indptr, cavity.indices, layout));
  layout = cavity.layout();
  layout.coordinates = layout.coordinates.subspan(1);
  CHECK_REFUSED("coordinates: 49 numbers are not a multiple of 2",
                Analysis(cavity.indptr, cavity.indices, layout));
  std::vector<double> coordinates = cavity.coordinates;
  coordinates[4] = std::numeric_limits<double>::quiet_NaN();
  layout.coordinates = coordinates;
  CHECK_REFUSED("coordinates[4] is not finite", Analysis(cavity.indptr, cavity.indices, layout));

  // A matrix that is singular: the history is handed on.
  std::fill(values.begin(), values.end(), 1.0);
  lu.factorize(values);
  x = some(cavity.n());
  try {
    lu.solve(x);
    CHECK(false);
  } catch (const nonideal::ConvergenceError& error) {
    CHECK(!error.history.empty() && error.history.back() > 1e-10);
  }
}

/// Cut, moved and exchanged numbers of a pattern are refused, or the analysis stands on its own feet.
void damaged_patterns() {
  const Cavity cavity(3);
  int refused = 0;
  for (std::uint32_t trial = 0; trial < 2000; ++trial) {
    Cavity damaged = cavity;
    const nonideal::Words4 words = nonideal::philox({{trial, 0, 0, 0}}, 9);
    std::vector<std::int32_t>* const arrays[] = {&damaged.indptr, &damaged.indices, &damaged.elements,
                                                 &damaged.node_of_row};
    std::vector<std::int32_t>& array = *arrays[words.w[0] % 4];
    const std::size_t where = words.w[1] % array.size();
    switch (words.w[2] % 4) {
      case 0:
        array[where] = static_cast<std::int32_t>(words.w[3]);
        break;
      case 1:
        array.resize(where);
        break;
      case 2:
        array[where] += 1;
        break;
      default:
        std::swap(array[where], array[words.w[3] % array.size()]);
    }
    try {
      SparseLu lu(damaged.analyse(2));
      std::vector<double> values = damaged.values, x = some(damaged.n());
      values.resize(damaged.indices.size());
      lu.factorize(values);
      lu.solve(x);
    } catch (const nonideal::InvalidArgument&) {
      ++refused;
    } catch (const nonideal::NumericalError&) {  // what is left is singular
    }
  }
  CHECK(refused > 1000);
}

}  // namespace

int main() {
  return check::run([] {
    maps();
    solutions();
    threads_and_memory();
    refusals();
    damaged_patterns();
  });
}
