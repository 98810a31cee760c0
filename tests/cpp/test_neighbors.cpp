// Neighbour lists from C++: tables against all pairs of all images, reverse pairs, threads, lists with a
// skin, refusals.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

#include "check.hpp"
#include "nonideal/atoms/neighbors.hpp"
#include "nonideal/base/random.hpp"

namespace a = nonideal::atoms;

namespace {

using Numbers = std::vector<double>;
using Pair = std::tuple<std::int64_t, std::int32_t, std::int32_t, std::int32_t, std::int32_t>;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

double uniform(std::uint64_t stream, std::int64_t i) {
  const auto words = nonideal::philox(11, stream, static_cast<std::uint64_t>(i));
  return nonideal::uniform53(words.w[0], words.w[1]);
}

/// A tilted cell, left-handed for odd streams, and atoms in and around it.
struct System {
  a::Cell cell;
  Numbers positions;

  System(std::uint64_t stream, std::int64_t n, double side) {
    for (std::int64_t i = 0; i < 9; ++i) {
      cell.rows[at(i)] = side * (0.7 * uniform(stream, i) - 0.35 + (i % 4 == 0 ? 1.0 : 0.0));
    }
    if (stream % 2 == 1) {
      for (std::size_t x = 0; x < 3; ++x) std::swap(cell.rows[x], cell.rows[3 + x]);
    }
    cell.periodic = {(stream & 2) != 0, (stream & 4) != 0, (stream & 8) != 0};
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::size_t x = 0; x < 3; ++x) {
        double place = 0.0;
        for (std::int64_t k = 0; k < 3; ++k) {
          place += (2.0 * uniform(stream + 100, 3 * i + k) - 0.5) * cell.rows[at(3 * k) + x];
        }
        positions.push_back(place);
      }
    }
  }

  std::int64_t size() const { return static_cast<std::int64_t>(positions.size() / 3); }

  double distance(std::int64_t i, std::int64_t j, std::array<std::int32_t, 3> s) const {
    double square = 0.0;
    for (std::size_t x = 0; x < 3; ++x) {
      const double d = (positions[at(3 * j) + x] - positions[at(3 * i) + x]) +
                       ((s[0] * cell.rows[x] + s[1] * cell.rows[3 + x]) + s[2] * cell.rows[6 + x]);
      square += d * d;
    }
    return std::sqrt(square);
  }
};

std::vector<Pair> all_pairs(const System& system, double cutoff, bool half, std::int32_t reach) {
  std::vector<Pair> pairs;
  const auto most = [&](std::size_t k) { return system.cell.periodic[k] ? reach : 0; };
  for (std::int64_t i = 0; i < system.size(); ++i) {
    for (std::int32_t j = 0; j < system.size(); ++j) {
      for (std::int32_t x = -most(0); x <= most(0); ++x) {
        for (std::int32_t y = -most(1); y <= most(1); ++y) {
          for (std::int32_t z = -most(2); z <= most(2); ++z) {
            const std::array<std::int32_t, 3> shift = {x, y, z};
            if (i == j && shift == std::array<std::int32_t, 3>{}) continue;
            if (half && (j < i || (i == j && shift < std::array<std::int32_t, 3>{}))) continue;
            if (system.distance(i, j, shift) < cutoff) pairs.emplace_back(i, j, x, y, z);
          }
        }
      }
    }
  }
  return pairs;
}

std::vector<Pair> listed(const a::NeighborTable& table) {
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i + 1 < table.indptr.size(); ++i) {
    for (std::int64_t e = table.indptr[i]; e < table.indptr[i + 1]; ++e) {
      pairs.emplace_back(static_cast<std::int64_t>(i), table.neighbors[at(e)], table.shifts[at(3 * e)],
                         table.shifts[at(3 * e + 1)], table.shifts[at(3 * e + 2)]);
    }
  }
  return pairs;
}

void tables_hold_all_pairs() {
  for (std::uint64_t stream = 0; stream < 32; ++stream) {
    const System system(stream, 1 + static_cast<std::int64_t>(stream) % 7 * 3, stream < 16 ? 6.0 : 3.0);
    for (const double cutoff : {1.3, 4.1}) {
      for (const bool half : {false, true}) {
        a::NeighborTable table;
        try {
          table = a::find_neighbors(system.positions, system.cell, {.cutoff = cutoff, .half = half});
        } catch (const nonideal::InvalidArgument&) {
          continue;  // two atoms happen to be at one place
        }
        const std::vector<Pair> pairs = listed(table);
        CHECK(pairs == all_pairs(system, cutoff, half, 9));
        CHECK_EQUAL(table.reverse.size(), half ? 0 : pairs.size());
        for (std::size_t e = 0; e < table.reverse.size(); ++e) {
          const auto [i, j, x, y, z] = pairs[e];
          CHECK(pairs[at(table.reverse[e])] == Pair{j, static_cast<std::int32_t>(i), -x, -y, -z});
          const auto back = at(3 * table.reverse[e]);
          for (std::size_t k = 0; k < 3; ++k) CHECK(table.vectors[3 * e + k] == -table.vectors[back + k]);
        }
      }
    }
  }
}

void threads_change_nothing() {
  System system(14, 3000, 30.0);
  for (std::int64_t i = 0; i < system.size(); ++i) {  // a lattice, so that no two are at one place
    system.positions[at(3 * i)] = 1.9 * static_cast<double>(i % 15) + 0.3 * uniform(5, i);
    system.positions[at(3 * i) + 1] = 1.9 * static_cast<double>(i / 15 % 15) + 0.3 * uniform(6, i);
    system.positions[at(3 * i) + 2] = 1.9 * static_cast<double>(i / 225) + 0.3 * uniform(7, i);
  }
  system.cell = {.rows = {28.5, 0, 0, 0, 28.5, 0, 0, 0, 28.5}, .periodic = {true, true, true}};
  const a::NeighborTable one =
      a::find_neighbors(system.positions, system.cell, {.cutoff = 4.5, .num_threads = 1});
  for (const int threads : {2, 3}) {
    const a::NeighborTable more =
        a::find_neighbors(system.positions, system.cell, {.cutoff = 4.5, .num_threads = threads});
    CHECK(one.indptr == more.indptr);
    CHECK(one.neighbors == more.neighbors);
    CHECK(one.shifts == more.shifts);
    CHECK(one.vectors == more.vectors);
  }
}

void lists_are_made_again_when_needed() {
  Numbers positions = {0, 0, 0, 1.5, 0, 0, 3.2, 0, 0};
  a::Cell cell{.rows = {9, 0, 0, 0, 9, 0, 0, 0, 9}, .periodic = {true, true, true}};
  a::NeighborList list({.cutoff = 1.6}, 0.4);
  CHECK(list.update(positions, cell));
  CHECK_EQUAL(list.table().neighbors.size(), 4u);  // 1.5 and 1.7, both ways
  positions[3] += 0.2;
  CHECK(!list.update(positions, cell));
  positions[3] += 0.01;
  CHECK(list.update(positions, cell));
  positions[0] += 9.0;  // as if it had been wrapped
  CHECK(list.update(positions, cell));
  cell.rows[0] = 9.5;
  CHECK(list.update(positions, cell));
  CHECK_EQUAL(list.n_rebuilds(), 4);
  positions[4] = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED("positions[1, 1] = nan is not finite", list.update(positions, cell));
  CHECK_EQUAL(list.n_rebuilds(), 4);
}

void refuses_what_is_wrong() {
  const Numbers pair = {0, 0, 0, 1, 0, 0};
  const a::Cell open{};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED("cutoff = 0 is not finite and > 0", a::find_neighbors(pair, open, {}));
  CHECK_REFUSED("cutoff = nan is not finite and > 0", a::find_neighbors(pair, open, {.cutoff = nan}));
  CHECK_REFUSED("max_neighbors = -1 is below 0 (0: all)",
                a::find_neighbors(pair, open, {.cutoff = 1, .max_neighbors = -1}));
  CHECK_REFUSED(
      "max_neighbors = 2 needs a full list: i may be among the nearest of j without j being so of i",
      a::find_neighbors(pair, open, {.cutoff = 1, .half = true, .max_neighbors = 2}));
  CHECK_REFUSED("num_threads = -1 is below 0 (0 means the default)",
                a::find_neighbors(pair, open, {.cutoff = 1, .num_threads = -1}));
  CHECK_REFUSED("positions has 5 numbers, not three per atom",
                a::find_neighbors(std::span(pair).first(5), open, {.cutoff = 1}));
  CHECK_REFUSED("positions[0] and positions[1] are 0.005 angstrom apart, below 0.01",
                a::find_neighbors(Numbers{0, 0, 0, 0.005, 0, 0}, open, {.cutoff = 1}));
  a::Cell cell{.rows = {1, 0, 0, 0, 1, 0, 0, 0, 0}, .periodic = {true, true, true}};
  CHECK_REFUSED("cell[2] is zero, but this axis is periodic", a::find_neighbors(pair, cell, {.cutoff = 1}));
  cell.rows[6] = nan;
  CHECK_REFUSED("cell[2, 0] = nan is not finite", a::find_neighbors(pair, cell, {.cutoff = 1}));
  cell.rows[6] = 2.0;
  CHECK_REFUSED("cell is singular: its vectors span 0 of a box of such edges, below 1e-10",
                a::find_neighbors(pair, cell, {.cutoff = 1}));
  const Numbers far = {0, 0, 0, 1e12, 0, 0};
  cell = {.rows = {1, 0, 0, 0, 1, 0, 0, 0, 1}, .periodic = {true, false, false}};
  // As far as atoms may be: differences of shifts and images fit in 32 bits.
  const a::NeighborTable farthest =
      a::find_neighbors(Numbers{0x1p29, 0, 0, 0.5 - 0x1p29, 0, 0}, cell, {.cutoff = 2.25});
  CHECK_EQUAL(farthest.neighbors.size(), 16U);
  CHECK_EQUAL(*std::max_element(farthest.shifts.begin(), farthest.shifts.end()), (1 << 30) + 1);
  CHECK_EQUAL(*std::min_element(farthest.shifts.begin(), farthest.shifts.end()), -(1 << 30) - 1);
  CHECK_REFUSED("positions[1] is 1e+12 cells away along axis 0, more than 2^29",
                a::find_neighbors(far, cell, {.cutoff = 1}));
  CHECK_REFUSED("skin = -1 is not finite and >= 0", a::NeighborList({.cutoff = 1}, -1.0));
  CHECK_EQUAL(a::find_neighbors({}, open, {.cutoff = 1}).indptr.size(), 1u);
}

}  // namespace

int main() {
  return check::run([] {
    tables_hold_all_pairs();
    threads_change_nothing();
    lists_are_made_again_when_needed();
    refuses_what_is_wrong();
  });
}
