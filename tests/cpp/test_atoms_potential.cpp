// The engine: several processes' parts of a structure against the whole, and threads.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>

#include "check.hpp"
#include "leignn_file.hpp"
#include "nonideal/atoms/potential.h"
#include "nonideal/atoms/potential.hpp"

namespace {

using namespace nonideal::atoms;
using detail::GlobalMode;
using detail::Variant;

struct Structure {
  std::vector<double> positions;
  std::vector<std::int32_t> numbers;
  Cell cell;
};

/// Atoms on a disturbed lattice in a tilted, periodic cell.
Structure crystal(int cells) {
  Structure s;
  const double a = 2.9;
  std::uint64_t draw = 0;
  for (int x = 0; x < cells; ++x) {
    for (int y = 0; y < cells; ++y) {
      for (int z = 0; z < cells; ++z) {
        const double place[3] = {a * x + 0.4 * y, a * y, a * z};
        for (const double p : place) s.positions.push_back(p + 0.3 * leignn_file::uniform(99, draw++));
        s.numbers.push_back(leignn_file::uniform(98, draw) > 0 ? 29 : 1);
      }
    }
  }
  const double l = a * cells;
  s.cell = {{l, 0, 0, 0.4 * cells, l, 0, 0, 0, l}, {true, true, true}};
  return s;
}

/// What one of several processes has: its atoms, and ghosts, each an image of somebody's atom.
struct Rank {
  std::vector<std::int32_t> owned, numbers;
  std::vector<std::int32_t> ghost_owner, ghost_row;  ///< whose, and where it stands there
  std::vector<std::int64_t> indptr{0};
  std::vector<std::int32_t> neighbors;
  std::vector<double> vectors;
};

std::vector<Rank> split(const Structure& s, double cutoff, int n_ranks) {
  const auto n = static_cast<std::int32_t>(s.numbers.size());
  const NeighborTable table = find_neighbors(s.positions, s.cell, {.cutoff = cutoff});
  std::vector<Rank> ranks(static_cast<std::size_t>(n_ranks));
  std::vector<std::int32_t> owner(s.numbers.size()), row(s.numbers.size());
  for (std::int32_t i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    owner[at] = std::min(n_ranks - 1, i * (n_ranks + 1) / n);  // the last one has more
    Rank& rank = ranks[static_cast<std::size_t>(owner[at])];
    row[at] = static_cast<std::int32_t>(rank.owned.size());
    rank.owned.push_back(i);
    rank.numbers.push_back(s.numbers[at]);
  }
  for (Rank& rank : ranks) {
    const auto self = static_cast<std::int32_t>(&rank - ranks.data());
    for (const std::int32_t i : rank.owned) {
      for (auto e = static_cast<std::size_t>(table.indptr[static_cast<std::size_t>(i)]);
           e < static_cast<std::size_t>(table.indptr[static_cast<std::size_t>(i) + 1]); ++e) {
        const auto j = static_cast<std::size_t>(table.neighbors[e]);
        const bool image =
            std::any_of(&table.shifts[3 * e], &table.shifts[3 * e] + 3, [](int k) { return k != 0; });
        std::int32_t to = row[j];
        if (owner[j] != self || image) {
          to = static_cast<std::int32_t>(rank.numbers.size());
          rank.numbers.push_back(s.numbers[j]);
          rank.ghost_owner.push_back(owner[j]);
          rank.ghost_row.push_back(row[j]);
        }
        rank.neighbors.push_back(to);
        for (std::size_t k = 0; k < 3; ++k) rank.vectors.push_back(table.vectors[3 * e + k]);
      }
      rank.indptr.push_back(static_cast<std::int64_t>(rank.neighbors.size()));
    }
  }
  return ranks;
}

void add_up(std::vector<LayeredEvaluation>& parts) {
  std::vector<double> total(parts[0].global().size(), 0.0);
  for (LayeredEvaluation& part : parts) {
    CHECK_EQUAL(part.global().size(), total.size());
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += part.global()[i];
  }
  for (LayeredEvaluation& part : parts) std::copy(total.begin(), total.end(), part.global().begin());
}

/// Copies rows of owned atoms to their ghosts; layer < 0: gradients.
void copy_to_ghosts(std::vector<LayeredEvaluation>& parts, const std::vector<Rank>& ranks, int layer) {
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const auto first = static_cast<std::int64_t>(ranks[r].owned.size());
    for (std::size_t g = 0; g < ranks[r].ghost_row.size(); ++g) {
      LayeredEvaluation& from = parts[static_cast<std::size_t>(ranks[r].ghost_owner[g])];
      const std::int32_t row[1] = {ranks[r].ghost_row[g]};
      const std::int64_t to = first + static_cast<std::int64_t>(g);
      if (layer >= 0) {
        std::vector<double> numbers(static_cast<std::size_t>(from.feature_size()));
        from.pack_features(layer, row, numbers);
        parts[r].unpack_features(layer, to, numbers);
      } else {
        std::vector<double> numbers(static_cast<std::size_t>(from.gradient_size()));
        from.pack_gradients(row, numbers);
        parts[r].unpack_gradients(to, numbers);
      }
    }
  }
}

void expect_parts_equal_whole(const Potential& potential, const Structure& s, Forces forces, int n_ranks,
                              double tolerance) {
  const Request request{forces, forces == Forces::gradient, forces == Forces::gradient};
  const Result whole = potential.compute(s.positions, s.numbers, s.cell, request);
  const std::vector<Rank> ranks = split(s, potential.cutoff(), n_ranks);
  std::vector<LayeredEvaluation> parts;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    parts.emplace_back(potential);
    parts[r].start({static_cast<std::int64_t>(ranks[r].owned.size()), ranks[r].numbers, ranks[r].indptr,
                    ranks[r].neighbors, ranks[r].vectors},
                   request);
  }
  const int layers = potential.layers();
  for (int l = 0; l < layers; ++l) {
    for (LayeredEvaluation& part : parts) part.begin_layer(l);
    if (l > 0) copy_to_ghosts(parts, ranks, l);
    for (LayeredEvaluation& part : parts) part.edges(l);
    add_up(parts);
    for (LayeredEvaluation& part : parts) part.end_layer(l);
  }
  for (LayeredEvaluation& part : parts) part.readout();
  for (int l = layers - 1; l >= 0 && forces == Forces::gradient; --l) {
    for (LayeredEvaluation& part : parts) part.backward_begin(l);
    add_up(parts);
    for (LayeredEvaluation& part : parts) part.backward_gradients(l);
    copy_to_ghosts(parts, ranks, -1);
    for (LayeredEvaluation& part : parts) part.backward_edges(l);
  }
  const double scale = tolerance * std::max(1.0, std::abs(whole.energy));
  double energy = 0.0, largest = 0.0;
  std::array<double, 9> virial{};
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const Result part = parts[r].result();
    energy += part.energy;
    for (std::size_t k = 0; k < 9; ++k) virial[k] += part.virial[k];
    CHECK_EQUAL(part.forces.size(), forces == Forces::none ? 0 : 3 * ranks[r].owned.size());
    for (std::size_t i = 0; i < part.forces.size(); ++i) {
      const auto atom = static_cast<std::size_t>(ranks[r].owned[i / 3]);
      largest = std::max(largest, std::abs(part.forces[i] - whole.forces[3 * atom + i % 3]));
    }
    CHECK_EQUAL(part.virials.size(), forces == Forces::gradient ? 9 * ranks[r].owned.size() : 0);
    for (std::size_t i = 0; i < part.virials.size(); ++i) {
      const auto atom = static_cast<std::size_t>(ranks[r].owned[i / 9]);
      largest = std::max(largest, std::abs(part.virials[i] - whole.virials[9 * atom + i % 9]));
    }
  }
  CHECK(std::abs(energy - whole.energy) < scale);
  CHECK(largest < scale);
  for (std::size_t k = 0; k < 9; ++k) CHECK(std::abs(virial[k] - whole.virial[k]) < scale);
}

void test_parts() {
  const Structure s = crystal(4);
  const std::pair<Variant, GlobalMode> kinds[] = {
      {Variant::v1, GlobalMode::sum},          {Variant::v1, GlobalMode::mean},
      {Variant::v1, GlobalMode::none},         {Variant::vn, GlobalMode::mean},
      {Variant::vn, GlobalMode::sum},          {Variant::vanilla, GlobalMode::none},
      {Variant::vanilla_nmu, GlobalMode::none}};
  for (const auto& [variant, mode] : kinds) {
    const leignn_file::Temporary file("parts", leignn_file::make(leignn_file::sizes(variant, mode)));
    const Potential twice(file.path(), {.precision = Precision::float64});
    for (const int n_ranks : {1, 2, 3}) {
      for (const Forces forces : {Forces::gradient, Forces::direct, Forces::none}) {
        expect_parts_equal_whole(twice, s, forces, n_ranks, 1e-11);
      }
    }
    expect_parts_equal_whole(Potential(file.path()), s, Forces::gradient, 2, 1e-5);
  }
  // More processes than atoms
  Structure few = crystal(1);
  few.cell.periodic = {false, false, false};
  const leignn_file::Temporary file("few",
                                    leignn_file::make(leignn_file::sizes(Variant::vn, GlobalMode::mean)));
  expect_parts_equal_whole(Potential(file.path(), {.precision = Precision::float64}), few, Forces::gradient,
                           3, 1e-11);
}

/// The atoms' virials add up to the whole one.
void expect_sum(const Result& result) {
  std::array<double, 9> sum{};
  double largest = 0.0;
  for (std::size_t i = 0; i < result.virials.size(); ++i) {
    sum[i % 9] += result.virials[i];
    largest = std::max(largest, std::abs(result.virials[i]));
  }
  CHECK(largest > 1e-3);
  for (std::size_t k = 0; k < 9; ++k) CHECK(std::abs(sum[k] - result.virial[k]) < 1e-12 * 9 * largest);
}

void test_threads() {
  const Structure s = crystal(5);
  for (const Variant variant : {Variant::v1, Variant::vn}) {
    const leignn_file::Temporary file(
        "threads", leignn_file::make(leignn_file::sizes(
                       variant, variant == Variant::v1 ? GlobalMode::sum : GlobalMode::mean)));
    for (const Precision precision : {Precision::float32, Precision::float64}) {
      const Result one = Potential(file.path(), {.precision = precision, .num_threads = 1})
                             .compute(s.positions, s.numbers, s.cell, {Forces::gradient, true, true});
      expect_sum(one);
      for (const int threads : {2, 3}) {
        const Result more = Potential(file.path(), {.precision = precision, .num_threads = threads})
                                .compute(s.positions, s.numbers, s.cell, {Forces::gradient, true, true});
        CHECK(one.energies == more.energies && one.forces == more.forces && one.virial == more.virial);
        CHECK(one.virials == more.virials);
      }
    }
  }
}

/// Several systems at once: the same bits as one by one, and the first error in their order.
void test_batches() {
  const leignn_file::Temporary file("batches",
                                    leignn_file::make(leignn_file::sizes(Variant::vn, GlobalMode::mean)));
  std::vector<Structure> structures;
  for (const int cells : {2, 1, 3, 9, 2, 1, 4, 3}) {  // 9: more than 512 atoms
    structures.push_back(crystal(cells));
    structures.back().positions[0] += 0.01 * static_cast<double>(structures.size());
  }
  structures.emplace_back();
  std::vector<System> systems;
  for (const Structure& s : structures) systems.push_back({s.positions, s.numbers, s.cell});
  const Request request{Forces::gradient, true, true};
  for (const int threads : {1, 2, 3}) {
    const Potential potential(file.path(), {.num_threads = threads});
    const std::vector<Result> found = potential.compute(systems, request);
    CHECK_EQUAL(found.size(), systems.size());
    for (std::size_t k = 0; k < systems.size(); ++k) {
      const Structure& s = structures[k];
      const Result one = potential.compute(s.positions, s.numbers, s.cell, request);
      CHECK(found[k].energies == one.energies && found[k].forces == one.forces &&
            found[k].virial == one.virial && found[k].virials == one.virials &&
            found[k].energy == one.energy);
    }
    CHECK(potential.compute(std::span<const System>{}).empty());
    std::vector<System> wrong = systems;
    const std::vector<std::int32_t> gold(structures[4].numbers.size(), 79);
    wrong[4].numbers = gold;
    wrong[7].positions = {};
    CHECK_REFUSED("systems[4]: numbers[0] = 79 is not among the model's species, 1, 29",
                  potential.compute(wrong));
    wrong[3].cell.rows[0] = std::numeric_limits<double>::quiet_NaN();
    CHECK_REFUSED("systems[3]: cell[0, 0] = nan is not finite", potential.compute(wrong));
  }
}

void test_order() {
  const leignn_file::Temporary file("order",
                                    leignn_file::make(leignn_file::sizes(Variant::v1, GlobalMode::sum)));
  const Potential potential(file.path());
  LayeredEvaluation part(potential);
  CHECK_REFUSED("begin_layer(0) before start()", part.begin_layer(0));
  const std::vector<std::int32_t> numbers{29, 29}, neighbors{1, 0};
  const std::vector<std::int64_t> indptr{0, 1, 2};
  const std::vector<double> vectors{0, 0, 2, 0, 0, -2}, close{0, 0, 2, 0, 0, 0};
  CHECK_REFUSED("vectors: pair 1 is 0 angstrom long, below 0.01 or not finite",
                part.start({2, numbers, indptr, neighbors, close}, {}));
  CHECK_REFUSED("n_owned = 3 is outside [0, 2]", part.start({3, numbers, indptr, neighbors, vectors}, {}));
  CHECK_REFUSED("request.virials needs gradient forces",
                part.start({2, numbers, indptr, neighbors, vectors}, {Forces::direct, false, true}));
  CHECK_REFUSED("request.virial needs gradient forces",
                part.start({2, numbers, indptr, neighbors, vectors}, {Forces::none, true}));
  const std::vector<std::int32_t> outside{1, 2};
  CHECK_REFUSED("neighbors[1] = 2 is outside [0, 1]", part.start({2, numbers, indptr, outside, vectors}, {}));
  const std::vector<std::int32_t> strangers{29, 79};
  CHECK_REFUSED("numbers[1] = 79 is not among the model's species, 1, 29",
                part.start({2, strangers, indptr, neighbors, vectors}, {}));
  part.start({2, numbers, indptr, neighbors, vectors}, {});
  part.begin_layer(0);
  CHECK_REFUSED("end_layer(0) does not follow begin_layer(0)", part.end_layer(0));
  CHECK_REFUSED("result() before the last step", part.result());
}

/// All steps of one process that has everything; `before()` comes ahead of each.
template <class Before>
Result all_steps(const Potential& potential, LayeredEvaluation& part, const LayeredInput& input,
                 const Before& before) {
  const auto step = [&](auto&& body) {
    before();
    body();
  };
  step([&] { part.start(input, {Forces::gradient, true}); });
  for (int l = 0; l < potential.layers(); ++l) {
    step([&] { part.begin_layer(l); });
    step([&] { part.edges(l); });
    step([&] { part.end_layer(l); });
  }
  step([&] { part.readout(); });
  for (int l = potential.layers() - 1; l >= 0; --l) {
    step([&] { part.backward_begin(l); });
    step([&] { part.backward_gradients(l); });
    step([&] { part.backward_edges(l); });
  }
  return part.result();
}

/// What is refused changes nothing; what fails ends the evaluation.
void test_failures() {
  const leignn_file::Bytes bytes = leignn_file::make(leignn_file::sizes(Variant::v1, GlobalMode::sum));
  const leignn_file::Temporary file("failures", bytes);
  const Potential potential(file.path());
  const std::vector<std::int32_t> numbers{29, 1}, neighbors{1, 0};
  const std::vector<std::int64_t> indptr{0, 1, 2};
  const std::vector<double> vectors{0, 0, 2, 0, 0, -2}, close{0, 0, 2, 0, 0, 0};
  const LayeredInput input{2, numbers, indptr, neighbors, vectors};
  LayeredEvaluation alone(potential), disturbed(potential);
  const Result want = all_steps(potential, alone, input, [] {});
  int refusals = 0;
  const auto disturb = [&] {  // whatever step is due, these are not
    const std::vector<std::int32_t> stranger{79, 1};
    CHECK_REFUSED("vectors: pair 1 is 0 angstrom long, below 0.01 or not finite",
                  disturbed.start({2, numbers, indptr, neighbors, close}, {}));
    CHECK_REFUSED("numbers[0] = 79 is not among the model's species, 1, 29",
                  disturbed.start({2, stranger, indptr, neighbors, vectors}, {Forces::none, false}));
    for (const int layer : {-1, 7}) {
      try {
        disturbed.edges(layer);
      } catch (const nonideal::InvalidArgument&) {
        ++refusals;
      }
    }
  };
  const Result found = all_steps(potential, disturbed, input, disturb);
  CHECK_EQUAL(refusals, 2 * (2 + 6 * potential.layers()));
  CHECK(found.energies == want.energies && found.forces == want.forces && found.virial == want.virial);

  leignn_file::Bytes huge = bytes;  // the bias of the energy stands before the force head's 12 weights
  const double bias = 1e300;
  std::memcpy(huge.data() + huge.size() - 192, &bias, sizeof bias);
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, huge.data() + 16, 8);
  const auto payload = huge.begin() + 64 + static_cast<std::ptrdiff_t>(header_bytes);
  const leignn_file::Temporary other(
      "huge", leignn_file::framed(std::string(huge.begin() + 64, payload), {payload, huge.end()}));
  const Potential overflowing(other.path());
  LayeredEvaluation part(overflowing);
  part.start(input, {Forces::none, false});
  for (int l = 0; l < overflowing.layers(); ++l) {
    part.begin_layer(l);
    part.edges(l);
    part.end_layer(l);
  }
  bool failed = false;
  try {
    part.readout();
  } catch (const nonideal::NumericalError&) {
    failed = true;
  }
  CHECK(failed);
  CHECK_REFUSED("result() before the last step", part.result());
  CHECK_REFUSED("readout(2) before start()", part.readout());
  part.start(input, {Forces::none, false});
  part.begin_layer(0);
}

/// A file and its content are the same; default_knots() is what 0 knots are.
void test_content() {
  detail::Model sizes = leignn_file::sizes(Variant::vn, GlobalMode::mean);
  const Structure s = crystal(3);
  for (const auto& [n_rbf, exponent, knots] :
       std::vector<std::array<int, 3>>{{8, 5, 36}, {8, 1, 28}, {2, 64, 272}, {32, 5, 124}}) {
    sizes.n_rbf = n_rbf;
    sizes.envelope_exponent = exponent;
    const leignn_file::Bytes bytes = leignn_file::make(sizes);
    const leignn_file::Temporary file("content", bytes);
    const Potential potential(file.path()), other(bytes, "bytes", {.knots = knots});
    CHECK_EQUAL(potential.default_knots(), knots);
    CHECK_EQUAL(potential.n_rbf(), n_rbf);
    const Result want = potential.compute(s.positions, s.numbers, s.cell);
    const Result found = other.compute(s.positions, s.numbers, s.cell);
    CHECK(found.energies == want.energies && found.forces == want.forces);
    CHECK_REFUSED("bytes: 7 bytes are less than the 64 that a model file begins with",
                  Potential(std::span(bytes).first(7), "bytes"));
  }
}

/// Lists of one's own are checked before they are used, and atoms may meet while a list lasts.
void test_own_lists() {
  const leignn_file::Temporary file("lists",
                                    leignn_file::make(leignn_file::sizes(Variant::v1, GlobalMode::sum)));
  const Potential potential(file.path());
  Structure s = crystal(3);
  const NeighborTable table = find_neighbors(s.positions, s.cell, {.cutoff = 4.5});
  const Result whole = potential.compute(s.positions, s.numbers, s.cell);
  const Result same = potential.compute(s.positions, s.numbers, s.cell, table, table.reverse);
  CHECK(whole.forces == same.forces && whole.energies == same.energies);
  CHECK(whole.forces == potential.compute(s.positions, s.numbers, s.cell, table, {}).forces);
  const auto with = [&](const NeighborTable& changed, std::span<const std::int64_t> reverse) {
    potential.compute(s.positions, s.numbers, s.cell, changed, reverse);
  };
  NeighborTable changed = table;
  changed.neighbors[7] = 27;
  CHECK_REFUSED("table.neighbors[7] = 27 is outside [0, 26]", with(changed, table.reverse));
  changed = table;
  changed.indptr[0] = 1;
  CHECK_REFUSED("table.indptr[0] = 1 is outside [0, 0]", with(changed, table.reverse));
  changed = table;
  changed.shifts.pop_back();
  const std::string pairs = std::to_string(table.neighbors.size()),
                    shifts = std::to_string(table.shifts.size());
  CHECK_REFUSED(
      "table.shifts: expected " + shifts + " numbers, got " + std::to_string(table.shifts.size() - 1),
      with(changed, table.reverse));
  CHECK_REFUSED("reverse: expected " + pairs + " numbers, got 1", with(table, std::vector<std::int64_t>{0}));
  const auto no_reverse = [&](const NeighborTable& list, std::size_t pair, std::int64_t atom) {
    CHECK_REFUSED("table: pair " + std::to_string(pair) + " (atom " + std::to_string(atom) + ", neighbour " +
                      std::to_string(list.neighbors[pair]) +
                      ") has no reverse one; the list must be full, sorted and without a limit",
                  with(list, {}));
  };
  no_reverse(find_neighbors(s.positions, s.cell, {.cutoff = 4.5, .half = true}), 0, 0);
  changed = table;
  changed.shifts[0] += 1;
  no_reverse(changed, 0, 0);
  Cell odd = s.cell;
  odd.rows[4] = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED("cell[1, 1] = nan is not finite",
                potential.compute(s.positions, s.numbers, odd, table, table.reverse));
  for (std::size_t k = 0; k < 3; ++k) s.positions[k] = s.positions[3 + k] + (k == 0 ? 0x1p-8 : 0.0);
  CHECK_REFUSED("positions[0] and positions[1] are 0.00390625 angstrom apart, below 0.01",
                with(table, table.reverse));
}

/// The C interface: what is asked for and what is written.
void test_c() {
  const leignn_file::Temporary file("c", leignn_file::make(leignn_file::sizes(Variant::v1, GlobalMode::sum)));
  const Structure s = crystal(2);
  const auto n = static_cast<std::int64_t>(s.numbers.size());
  const Result want = Potential(file.path(), {.precision = Precision::float64})
                          .compute(s.positions, s.numbers, s.cell, {Forces::gradient, true});
  nonideal_atoms* model = nullptr;
  CHECK_EQUAL(nonideal_atoms_open(file.path().c_str(), 64, 1, &model), NONIDEAL_ATOMS_OK);
  CHECK_EQUAL(nonideal_atoms_cutoff(model), 4.0);
  const int periodic[3] = {1, 1, 1};
  double energy = 7.0, virial[9] = {7.0};
  std::vector<double> forces(s.positions.size(), 7.0);
  const auto compute = [&](int kind, double* e, double* f, double* w) {
    return nonideal_atoms_compute(model, n, s.positions.data(), s.numbers.data(), s.cell.rows.data(),
                                  periodic, kind, e, f, w);
  };
  CHECK_EQUAL(compute(NONIDEAL_ATOMS_NO_FORCES, &energy, forces.data(), virial),
              NONIDEAL_ATOMS_INVALID_ARGUMENT);
  CHECK_EQUAL(std::string(nonideal_atoms_error()), "forces_out is not null, but forces = 0 asks for none");
  CHECK_EQUAL(energy, 7.0);
  CHECK_EQUAL(virial[0], 7.0);
  CHECK_EQUAL(forces[0], 7.0);
  CHECK_EQUAL(compute(3, &energy, forces.data(), virial), NONIDEAL_ATOMS_INVALID_ARGUMENT);
  CHECK_EQUAL(std::string(nonideal_atoms_error()), "forces = 3 is outside [0, 2]");
  CHECK_EQUAL(compute(NONIDEAL_ATOMS_GRADIENT, &energy, forces.data(), virial), NONIDEAL_ATOMS_OK);
  CHECK_EQUAL(energy, want.energy);
  CHECK(forces == want.forces);
  CHECK(std::equal(virial, virial + 9, want.virial.begin()));
  energy = 0.0;
  CHECK_EQUAL(compute(NONIDEAL_ATOMS_GRADIENT, &energy, nullptr, nullptr), NONIDEAL_ATOMS_OK);
  CHECK(std::abs(energy - want.energy) < 1e-12 * std::abs(want.energy));
  CHECK_EQUAL(compute(NONIDEAL_ATOMS_NO_FORCES, nullptr, nullptr, virial), NONIDEAL_ATOMS_OK);
  CHECK(std::equal(virial, virial + 9, want.virial.begin()));
  CHECK_EQUAL(compute(NONIDEAL_ATOMS_DIRECT, nullptr, forces.data(), nullptr), NONIDEAL_ATOMS_OK);
  CHECK(forces != want.forces);
  nonideal_atoms_close(model);
  nonideal_atoms_close(nullptr);
}

}  // namespace

int main() {
  return check::run([] {
    test_parts();
    test_threads();
    test_batches();
    test_order();
    test_failures();
    test_content();
    test_own_lists();
    test_c();
  });
}
