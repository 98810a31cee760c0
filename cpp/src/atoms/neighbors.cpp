#include "nonideal/atoms/neighbors.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <tuple>

#include "atoms/grid.hpp"
#include "atoms/kernels/neighbors.hpp"
#include "atoms/lattice.hpp"
#include "base/check.hpp"
#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/error.hpp"
#include "nonideal/base/memory.hpp"
#include "nonideal/base/threads.hpp"

namespace nonideal::atoms {
namespace {

using kernels::Hit;

constexpr std::int64_t kBlock = 64;      ///< atoms that one thread takes at once
constexpr std::int64_t kMinAtoms = 256;  ///< for each thread; fewer are not worth waking it
constexpr std::int64_t kMostPairs = std::int64_t{1} << 31;
constexpr double kTolerance = 0.01;  ///< of the tolerant rule, in squared distance (the authors' repository)
constexpr std::int64_t kRanked = 512;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::int64_t count_atoms(std::span<const double> positions) {
  return static_cast<std::int64_t>(positions.size() / 3);
}

void check_options(const NeighborOptions& options) {
  if (!(options.cutoff > 0.0) || !std::isfinite(options.cutoff)) {
    throw InvalidArgument("cutoff = " + detail::shortest(options.cutoff) + " is not finite and > 0");
  }
  if (options.max_neighbors < 0) {
    throw InvalidArgument("max_neighbors = " + std::to_string(options.max_neighbors) +
                          " is below 0 (0: all)");
  }
  if (options.max_neighbors > 0 && options.half) {
    throw InvalidArgument("max_neighbors = " + std::to_string(options.max_neighbors) +
                          " needs a full list: i may be among the nearest of j without j being so of i");
  }
}

void refuse_pairs() { throw InvalidArgument("the list has more than 2^31 pairs: lower the cutoff"); }

/// Pairs of a block of atoms, and a row's working space.
struct Scratch {
  std::vector<kernels::Segment> segments;
  std::vector<std::int32_t> neighbors, codes;
  std::vector<Hit> row;
  std::vector<std::tuple<double, std::int32_t, std::int64_t>> nearest;
};

}  // namespace

struct NeighborSearch::State {
  std::span<const double> positions;
  NeighborOptions options;
  Lattice lattice;
  Grid grid;
  std::int64_t n;
  int threads;
  float outside = 0, inside = 0, near = 0;
  std::vector<std::int64_t> indptr;
  std::vector<std::vector<Hit>> hits;  ///< of each block

  State(std::span<const double> places, const Cell& cell, const NeighborOptions& chosen)
      : positions(places),
        options(chosen),
        lattice(make_lattice(cell)),
        grid(places, lattice, chosen.cutoff),
        n(count_atoms(places)),
        threads(resolve_threads(chosen.num_threads, n, kMinAtoms)),
        indptr(at(n) + 1, 0),
        hits(at((n + kBlock - 1) / kBlock)) {
    // What single precision may be wrong by: two places are rounded, then their difference; with room to
    // spare.
    const double slack = 0x1p-21 * (grid.extent() + options.cutoff);
    const double least = std::max(0.0, options.cutoff - slack);
    const auto square = [](double x) {
      return static_cast<float>(std::min(x * x, double{std::numeric_limits<float>::max()}));
    };
    outside = square((options.cutoff + slack) * (1.0 + 1e-5));
    inside = square(least * (1.0 - 1e-5));
    near = square((kNearest + slack) * (1.0 + 1e-5));
  }

  /// D of a pair, and its shift.
  std::array<double, 3> vector(std::int64_t i, Hit hit, std::array<std::int64_t, 3>* shift) const {
    const std::array<std::int32_t, 3>& reach = grid.image_reach();
    const std::int64_t nz = 2 * reach[2] + 1, ny = 2 * reach[1] + 1;
    std::array<std::int64_t, 3> s = {hit.code / (nz * ny) - reach[0], hit.code / nz % ny - reach[1],
                                     hit.code % nz - reach[2]};
    if (!grid.wraps().empty()) {
      for (std::size_t k = 0; k < 3; ++k) {
        s[k] += std::int64_t{grid.wraps()[at(3 * i) + k]} - grid.wraps()[at(3 * hit.neighbor) + k];
      }
    }
    if (shift != nullptr) *shift = s;
    std::array<double, 3> d{};
    const std::array<double, 9>& h = lattice.rows;
    for (std::size_t x = 0; x < 3; ++x) {
      d[x] = (positions[at(3 * hit.neighbor) + x] - positions[at(3 * i) + x]) +
             ((static_cast<double>(s[0]) * h[x] + static_cast<double>(s[1]) * h[3 + x]) +
              static_cast<double>(s[2]) * h[6 + x]);
    }
    return d;
  }

  /// The same numbers as the kernel's.
  double distance(std::int64_t i, Hit hit) const {
    const auto d = vector(i, hit, nullptr);
    return std::sqrt((d[0] * d[0] + d[1] * d[1]) + d[2] * d[2]);
  }

  /// Makes room for what may be near atom i, and says what to look for.
  kernels::Filter prepare(std::int64_t i, Scratch& scratch) const {
    const std::int64_t most = grid.candidates(i, scratch.segments);
    if (static_cast<std::int64_t>(scratch.neighbors.size()) < most + kernels::kPadding) {
      const std::int64_t room = most + most / 2;
      expect_memory("a row of " + std::to_string(most) + " candidates", 8.0 * static_cast<double>(room));
      scratch.neighbors.resize(at(room) + kernels::kPadding);
      scratch.codes.resize(scratch.neighbors.size());
    }
    kernels::Filter filter{};
    for (int x = 0; x < 3; ++x) filter.sorted[x] = grid.sorted(x);
    filter.atoms = grid.atoms();
    filter.segments = scratch.segments.data();
    filter.n_segments = static_cast<std::int64_t>(scratch.segments.size());
    for (int x = 0; x < 3; ++x) filter.center[x] = grid.place(i)[x];
    filter.outside = outside;
    filter.inside = inside;
    filter.near = near;
    return filter;
  }

  /// Pairs of atom i before they are sorted and truncated; the first `result` entries of the scratch arrays.
  std::int64_t find_row(std::int64_t i, Scratch& scratch) const {
    const kernels::Filter filter = prepare(i, scratch);
    bool doubtful = false;
    std::int64_t found =
        NONIDEAL_PICK(atoms, filter)(filter, scratch.neighbors.data(), scratch.codes.data(), &doubtful);
    if (doubtful) {
      std::int64_t kept = 0;
      for (std::int64_t k = 0; k < found; ++k) {
        const Hit hit{scratch.neighbors[at(k)], scratch.codes[at(k)]};
        const double d = distance(i, hit);
        if (d < kNearest) refuse_near(i, hit, d);
        if (!(d < options.cutoff)) continue;
        scratch.neighbors[at(kept)] = hit.neighbor;
        scratch.codes[at(kept)] = hit.code;
        ++kept;
      }
      found = kept;
    }
    if (options.half) {
      std::int64_t kept = 0;
      for (std::int64_t k = 0; k < found; ++k) {
        const Hit hit{scratch.neighbors[at(k)], scratch.codes[at(k)]};
        if (hit.neighbor < i || (hit.neighbor == i && !is_positive(hit.code))) continue;
        scratch.neighbors[at(kept)] = hit.neighbor;
        scratch.codes[at(kept)] = hit.code;
        ++kept;
      }
      found = kept;
    }
    return found;
  }

  /// Of an atom's own image: the numbers of images are in lexicographic order of their shifts.
  bool is_positive(std::int32_t code) const {
    const std::array<std::int32_t, 3>& reach = grid.image_reach();
    const std::int32_t home = (reach[0] * (2 * reach[1] + 1) + reach[1]) * (2 * reach[2] + 1) + reach[2];
    return code > home;
  }

  void refuse_near(std::int64_t i, Hit hit, double distance) const {
    throw InvalidArgument("positions[" + std::to_string(std::min<std::int64_t>(i, hit.neighbor)) +
                          "] and positions[" + std::to_string(std::max<std::int64_t>(i, hit.neighbor)) +
                          "] are " + detail::shortest(distance) + " angstrom apart, below " +
                          detail::shortest(kNearest));
  }

  /// The row of atom i, appended to `out`.
  void append_row(std::int64_t i, Scratch& scratch, std::vector<Hit>& out) const {
    const std::int64_t n_found = find_row(i, scratch);
    std::int32_t* neighbors = scratch.neighbors.data();
    const std::int32_t* codes = scratch.codes.data();
    const std::size_t begin = out.size();
    out.resize(begin + at(n_found));
    Hit* row = out.data() + begin;
    if (grid.is_one_bin()) {  // sorted as it is
      for (std::int64_t k = 0; k < n_found; ++k) row[k] = {neighbors[k], codes[k]};
    } else if (n_found <= kRanked) {
      NONIDEAL_PICK(atoms, sort_row)(neighbors, codes, n_found, grid.repeats(), row);
    } else {
      for (std::int64_t k = 0; k < n_found; ++k) row[k] = {neighbors[k], codes[k]};
      std::stable_sort(row, row + n_found, [](Hit a, Hit b) { return a.neighbor < b.neighbor; });
    }
    if (options.max_neighbors > 0 && n_found > options.max_neighbors) {
      out.resize(begin + at(truncate(i, row, n_found, scratch)));
    }
  }

  /// Keeps the nearest of a sorted row, in their order; returns how many.
  std::int64_t truncate(std::int64_t i, Hit* row, std::int64_t n_row, Scratch& scratch) const {
    auto& order = scratch.nearest;  // (distance, position in the row): by (d, j, S)
    order.clear();
    for (std::int64_t k = 0; k < n_row; ++k) order.emplace_back(distance(i, row[k]), row[k].neighbor, k);
    auto last = order.begin() + (options.max_neighbors - 1);
    std::nth_element(order.begin(), last, order.end());
    const auto bound = *last;
    const double limit = std::get<0>(bound) * std::get<0>(bound) + kTolerance;
    std::int64_t kept = 0;
    for (std::int64_t k = 0; k < n_row; ++k) {
      const std::tuple<double, std::int32_t, std::int64_t> mine{distance(i, row[k]), row[k].neighbor, k};
      const double d = std::get<0>(mine);
      if (options.tolerant ? d * d <= limit : mine <= bound) row[kept++] = row[k];
    }
    return kept;
  }

  /// Refuses more pairs than can be stored before they are: counts those that surely are.
  void count_pairs() const {
    std::atomic<std::int64_t> total = 0;
    detail::for_blocks(n, kBlock, threads, [&](std::int64_t begin, std::int64_t end) {
      Scratch scratch;
      for (std::int64_t i = begin; i < end; ++i) {
        kernels::Filter filter = prepare(i, scratch);
        filter.outside = inside;
        bool doubtful = false;
        std::int64_t found =
            NONIDEAL_PICK(atoms, filter)(filter, scratch.neighbors.data(), scratch.codes.data(), &doubtful);
        if (options.max_neighbors > 0) found = std::min<std::int64_t>(found, options.max_neighbors);
        const std::int64_t most = options.half ? 2 * kMostPairs : kMostPairs;
        if (total.fetch_add(found) + found > most) refuse_pairs();
      }
    });
    const std::int64_t pairs = options.half ? total / 2 : total.load();
    expect_memory(std::to_string(pairs) + " pairs of neighbours", static_cast<double>(pairs) * sizeof(Hit));
  }

  void search() {
    if (grid.total_candidates() > static_cast<double>(kMostPairs) / 8) count_pairs();
    detail::for_blocks(n, kBlock, threads, [&](std::int64_t begin, std::int64_t end) {
      Scratch scratch;
      std::vector<Hit>& out = hits[at(begin / kBlock)];
      for (std::int64_t i = begin; i < end; ++i) {
        append_row(i, scratch, out);
        indptr[at(i) + 1] = static_cast<std::int64_t>(out.size());
        if (i == begin) out.reserve(out.size() * at(end - begin) * 5 / 4 + 64);
      }
    });
    for (std::int64_t begin = 0, before = 0; begin < n; begin += kBlock) {  // of the block to of the table
      const std::int64_t end = std::min(n, begin + kBlock);
      for (std::int64_t i = begin; i < end; ++i) indptr[at(i) + 1] += before;
      before = indptr[at(end)];
    }
    if (indptr.back() > kMostPairs) refuse_pairs();
  }
};

NeighborSearch::NeighborSearch(std::span<const double> positions, const Cell& cell,
                               const NeighborOptions& options) {
  check_options(options);
  check_positions("positions", positions);
  check_cell("cell", cell);
  state_ = std::make_unique<State>(positions, cell, options);
  state_->search();
}

NeighborSearch::NeighborSearch(NeighborSearch&&) noexcept = default;
NeighborSearch& NeighborSearch::operator=(NeighborSearch&&) noexcept = default;
NeighborSearch::~NeighborSearch() = default;

std::int64_t NeighborSearch::size() const { return state_->indptr.back(); }

const std::vector<std::int64_t>& NeighborSearch::indptr() const { return state_->indptr; }

void NeighborSearch::write(const NeighborArrays& out) const {
  const State& s = *state_;
  kernels::Rows rows{};
  rows.positions = s.positions.data();
  rows.indptr = s.indptr.data();
  rows.wraps = s.grid.wraps().empty() ? nullptr : s.grid.wraps().data();
  std::copy(s.lattice.rows.begin(), s.lattice.rows.end(), rows.cell);
  std::copy(s.grid.image_reach().begin(), s.grid.image_reach().end(), rows.image_reach);
  rows.centers = out.centers;
  rows.neighbors = out.neighbors;
  rows.shifts = out.shifts;
  rows.short_neighbors = out.short_neighbors;
  rows.short_shifts = out.short_shifts;
  rows.vectors = out.vectors;
  rows.distances = out.distances;
  const auto write_rows = NONIDEAL_PICK(atoms, write_rows);
  detail::for_blocks(s.n, kBlock, s.threads, [&](std::int64_t begin, std::int64_t end) {
    kernels::Rows block = rows;
    block.hits = s.hits[at(begin / kBlock)].data();
    block.begin = begin;
    block.end = end;
    write_rows(block);
  });
}

void check_positions(const std::string& name, std::span<const double> positions) {
  if (positions.size() % 3 != 0) {
    throw InvalidArgument(name + " has " + std::to_string(positions.size()) + " numbers, not three per atom");
  }
  if (positions.size() / 3 > at(std::numeric_limits<std::int32_t>::max())) {
    throw InvalidArgument(name + " has " + std::to_string(positions.size() / 3) +
                          " atoms, more than 2^31 - 1");
  }
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (!std::isfinite(positions[i])) {
      throw InvalidArgument(name + "[" + std::to_string(i / 3) + ", " + std::to_string(i % 3) +
                            "] = " + detail::shortest(positions[i]) + " is not finite");
    }
  }
}

NeighborTable find_neighbors(std::span<const double> positions, const Cell& cell,
                             const NeighborOptions& options) {
  const NeighborSearch search(positions, cell, options);
  NeighborTable table;
  table.indptr = search.indptr();
  table.neighbors.resize(at(search.size()));
  table.shifts.resize(at(3 * search.size()));
  table.vectors.resize(at(3 * search.size()));
  NeighborArrays out;
  out.short_neighbors = table.neighbors.data();
  out.short_shifts = table.shifts.data();
  out.vectors = table.vectors.data();
  search.write(out);
  if (!options.half && options.max_neighbors == 0) {
    table.reverse = reverse_pairs(table.indptr, table.neighbors);
  }
  return table;
}

std::vector<std::int64_t> reverse_pairs(std::span<const std::int64_t> indptr,
                                        std::span<const std::int32_t> neighbors) {
  // Row j meets the atoms i in ascending order, as its own entries stand; of several images of one atom the
  // reverse ones stand in opposite order.
  std::vector<std::int64_t> reverse(neighbors.size());
  std::vector<std::int64_t> next(indptr.begin(), indptr.end());
  const auto n = static_cast<std::int64_t>(indptr.size()) - 1;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t e = indptr[at(i)], end = indptr[at(i) + 1]; e < end;) {
      const std::int32_t j = neighbors[at(e)];
      std::int64_t after = e + 1;
      while (after < end && neighbors[at(after)] == j) ++after;
      const std::int64_t first = next[at(j)], images = after - e;
      next[at(j)] += images;
      for (std::int64_t k = 0; k < images; ++k) reverse[at(e + k)] = first + images - 1 - k;
      e = after;
    }
  }
  return reverse;
}

}  // namespace nonideal::atoms
