#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <thread>

#include "check.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/cram/circuits.hpp"
#include "nonideal/cram/simulate.hpp"
#include "planes.hpp"

namespace {

using namespace nonideal::cram;
using Words = std::vector<std::uint64_t>;
using Integers = std::vector<std::int64_t>;

/// Runs a program on integers, a row-major (lanes, words) table for each input port; the first output port.
Integers run_integers(const Program& program, const GateTable& table, const std::vector<Integers>& operands,
                      std::int64_t lanes, const RunOptions& options = {}) {
  const Simulator simulator(program, table);
  Words inputs;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Port& port = program.inputs()[i];
    Words planes(static_cast<std::size_t>(port.words() * port.bits * plane_words(lanes)));
    pack(port.name, operands[i], lanes, port.words(), port.bits, port.is_signed, planes);
    inputs.insert(inputs.end(), planes.begin(), planes.end());
  }
  const Words outputs = simulate(simulator, inputs, lanes, options);
  const Port& port = program.outputs().front();
  Integers values(static_cast<std::size_t>(lanes * port.words()));
  unpack(std::span(outputs).first(static_cast<std::size_t>(port.bits * port.words() * plane_words(lanes))),
         lanes, port.words(), port.bits, port.is_signed, values);
  return values;
}

// ---- against integer arithmetic ----

constexpr FullAdder kDesigns[] = {FullAdder::nand9, FullAdder::maj5_buf, FullAdder::maj5_not,
                                  FullAdder::min5};

void arithmetic() {
  for (const int bits : {1, 3, 8}) {
    const std::int64_t size = std::int64_t{1} << bits;
    Integers a, b, sum, product;
    for (std::int64_t i = 0; i < size * size; ++i) {
      a.push_back(i % size);
      b.push_back(i / size);
      sum.push_back(a.back() + b.back());
      product.push_back(a.back() * b.back());
    }
    for (const FullAdder design : kDesigns) {
      CHECK(run_integers(circuits::adder(bits, design), GateTable::ideal(), {a, b}, size * size) == sum);
      for (const AndGate and_gate : {AndGate::nand_not, AndGate::and2}) {
        const Program multiplier = circuits::multiplier(bits, bits, design, and_gate);
        CHECK(run_integers(multiplier, GateTable::ideal(), {a, b}, size * size) == product);
        CHECK(run_integers(place(multiplier).program, GateTable::ideal(), {a, b}, size * size) == product);
      }
    }
  }
  // Wide words: the largest ones, and what lies beside them.
  const std::int64_t wide = (std::int64_t{1} << 62) - 1, factor = (std::int64_t{1} << 31) - 1;
  CHECK(run_integers(circuits::adder(62), GateTable::ideal(), {{wide, wide, 0}, {wide, 1, 0}}, 3) ==
        Integers{2 * wide, wide + 1, 0});
  CHECK(run_integers(circuits::multiplier(31), GateTable::ideal(), {{factor, factor, 1}, {factor, 2, 0}},
                     3) == Integers{factor * factor, 2 * factor, 0});
}

void dot_products() {
  constexpr std::int64_t kLanes = 300;
  for (const std::int64_t length : {1, 2, 5, 16}) {
    Integers x, w, want(kLanes, 0);
    for (std::int64_t i = 0; i < kLanes * length; ++i) {
      const auto random = nonideal::philox(1, 2, static_cast<std::uint64_t>(i));
      const bool largest = i < length;  // the first lane holds the largest words
      x.push_back(largest ? 15 : random.w[0] % 16);
      w.push_back(largest ? 7 : random.w[1] % 8);
      want[static_cast<std::size_t>(i / length)] += x.back() * w.back();
    }
    for (const Accumulate accumulate : {Accumulate::tree, Accumulate::chain}) {
      for (const FullAdder design : kDesigns) {
        CHECK(run_integers(circuits::dot(length, 4, 3, accumulate, design), GateTable::ideal(), {x, w},
                           kLanes) == want);
      }
    }
  }
}

// ---- every gate, every state ----

/// All gates, fed with inputs and with each other's outputs, so that every state occurs; `layers` times over.
Program zoo(int layers) {
  ProgramBuilder build;
  Word known = build.input("x", 8);
  known.push_back(build.constant(1));
  std::uint64_t draw = 0;
  for (int layer = 0; layer < layers; ++layer) {
    Word made;
    for (const GateSpec& gate : kGates) {
      Word operands = known;
      for (std::size_t i = 0; i < static_cast<std::size_t>(gate.fan_in); ++i) {
        std::swap(operands[i], operands[i + nonideal::philox(4, 0, draw++).w[0] % (operands.size() - i)]);
      }
      operands.resize(static_cast<std::size_t>(gate.fan_in));
      made.push_back(build.gate(gate.gate, operands));
    }
    std::string name = "y";
    build.output(name.append(std::to_string(layer)), made);
    known.insert(known.end(), made.begin(), made.end());
  }
  return build.build();
}

void truth_tables() {
  for (const GateSpec& gate : kGates) {
    ProgramBuilder build;
    build.output("y", {build.gate(gate.gate, build.input("x", gate.fan_in))});
    Integers x, right, wrong;
    for (std::int64_t value = 0; value < std::int64_t{1} << gate.fan_in; ++value) {
      x.push_back(value);
      right.push_back(gate.output(__builtin_popcountll(static_cast<unsigned long long>(value))));
      wrong.push_back(1 - right.back());
    }
    const auto lanes = static_cast<std::int64_t>(x.size());
    CHECK(run_integers(build.build(), GateTable::ideal(), {x}, lanes) == right);
    CHECK(run_integers(build.build(), GateTable::uniform(1.0), {x}, lanes) == wrong);
    GateTable state;  // always wrong where all inputs are 1, never elsewhere
    std::vector<double> error(static_cast<std::size_t>(gate.fan_in) + 1, 0.0);
    error.back() = 1.0;
    state.set(gate.gate, error);
    Integers mixed = right;
    mixed.back() = wrong.back();
    CHECK(run_integers(build.build(), state, {x}, lanes) == mixed);
  }
}

// ---- error tables that between them use every method ----

GateTable by_state(double first, double second, double third) {
  GateTable table;
  const std::array values{first, second, third};
  for (const GateSpec& gate : kGates) {
    std::vector<double> error;
    for (int k = 0; k <= gate.fan_in; ++k) error.push_back(values[static_cast<std::size_t>(k) % 3]);
    table.set(gate.gate, error);
  }
  return table;
}

GateTable mixed() {
  GateTable table = by_state(0.0, 0.0013, 0.0214);
  for (const GateSpec& gate : kGates) {
    const std::vector<double> uniform(static_cast<std::size_t>(gate.fan_in) + 1,
                                      0.002 * (static_cast<int>(gate.gate) % 5));
    if (static_cast<int>(gate.gate) % 3 == 0) table.set(gate.gate, uniform);
  }
  const double dense[] = {0.3, 0.6, 0.0};
  table.set(Gate::NOR2, dense);
  return table;
}

struct Case {
  const char* name;
  GateTable table;
  std::uint64_t golden;  ///< hash of the output words
};

/// Golden hashes: made by `test_simulate --print`, gcc 12.2, x86-64, nonideal 0.1.0. They hold the promise
/// that a seed gives the same bits on every machine of a version; where the order of the random numbers is
/// changed on purpose, print them again and say so in the changelog.
std::vector<Case> cases() {
  return {
      {"ideal", GateTable::ideal(), 0x39462b0091be7c03},
      {"uniform 1e-9", GateTable::uniform(1e-9), 0x39462b0091be7c03},
      {"uniform 1e-3: few points", GateTable::uniform(1e-3), 0x1b6a7c6d558b17b7},
      {"uniform 0.02: a batch of 8 more", GateTable::uniform(0.02), 0xcf7ea84e82f78090},
      {"uniform 0.3: batches of 16 more", GateTable::uniform(0.3), 0x9b03000c01ca2bcb},
      {"uniform 0.45: dense", GateTable::uniform(0.45), 0x3207a92f599ebb7f},
      {"uniform 1: dense, always", GateTable::uniform(1.0), 0xcdd5020af6abe87b},
      {"state, few points", by_state(0.0, 0.0013, 0.0214), 0x95003a65cffc9425},
      {"state, many points", by_state(0.15, 0.0, 0.04), 0x6fed77e9f33bda14},
      {"state, dense", by_state(0.5, 1.0, 0.01), 0xc2d8788415ddcf46},
      {"all methods", mixed(), 0xe120e737375e6ff8},
  };
}

void golden(bool print) {
  const Program program = zoo(3);
  constexpr std::int64_t kLanes = 3 * kBlockLanes + 77, kFirst = 12345;
  for (const Case& c : cases()) {
    const Simulator simulator(program, c.table);
    const Words inputs = uniform_inputs(simulator, kLanes, 5, kFirst);
    const RunOptions options{.seed = 0x0123456789abcdef, .stream = 3, .first_lane = kFirst};
    const std::uint64_t got = hash(simulate(simulator, inputs, kLanes, options));
    if (print) {
      std::printf("0x%016llx  %s\n", static_cast<unsigned long long>(got), c.name);
    } else if (got != c.golden) {
      CHECK_EQUAL(got, c.golden);
      std::printf("the golden case is '%s'\n", c.name);
    }
  }
}

// ---- the same bits however the work is cut ----

void cuts() {
  const Program program = zoo(2);
  constexpr std::int64_t kLanes = 9 * kBlockLanes + 100;
  for (const Case& c : cases()) {
    const Simulator simulator(program, c.table);
    const Words inputs = uniform_inputs(simulator, kLanes);
    Activity activity;
    const Words want = simulate(simulator, inputs, kLanes, {.seed = 7, .num_threads = 1}, &activity);
    for (const std::int64_t blocks : {1, 2, 4, 16, 100}) {
      Activity other;
      const RunOptions options{.seed = 7, .tile_lanes = blocks * kBlockLanes, .num_threads = 2};
      CHECK(simulate(simulator, inputs, kLanes, options, &other) == want);
      CHECK(other.lanes == activity.lanes && other.flips == activity.flips);
    }
    // Shards: lanes [first, first + count) of the run, computed alone, at awkward places.
    for (const auto& [first, count] : {std::pair<std::int64_t, std::int64_t>{0, 1},
                                       {0, 63},
                                       {1, 64},
                                       {63, 2},
                                       {64, 128},
                                       {4095, 2},
                                       {4096, 4096},
                                       {5000, 9001},
                                       {kLanes - 1, 1}}) {
      const std::int64_t width = plane_words(count), whole = plane_words(kLanes);
      const auto shard = [&](const Words& planes) {
        Words part;
        for (std::int64_t row = 0; row < static_cast<std::int64_t>(planes.size()) / whole; ++row) {
          for (std::int64_t word = 0; word < width; ++word) {
            std::uint64_t bits = 0;
            for (std::int64_t lane = word * 64; lane < std::min(count, word * 64 + 64); ++lane) {
              const std::int64_t at = first + lane;
              bits |= (planes[static_cast<std::size_t>(row * whole + at / 64)] >> (at % 64) & 1)
                      << (lane % 64);
            }
            part.push_back(bits);
          }
        }
        return part;
      };
      CHECK(simulate(simulator, shard(inputs), count, {.seed = 7, .first_lane = first}) == shard(want));
    }
    if (c.table != GateTable::ideal() && c.table != GateTable::uniform(1.0) &&
        c.table != GateTable::uniform(1e-9)) {
      CHECK(simulate(simulator, inputs, kLanes, {.seed = 8}) != want);
      CHECK(simulate(simulator, inputs, kLanes, {.seed = 7, .stream = 1}) != want);
      CHECK(simulate(simulator, inputs, kLanes, {.seed = 7, .first_lane = kBlockLanes}) != want);
    }
  }
}

/// With enough work for several threads, and unaligned lanes, where two tiles share a word of the output.
void thread_counts() {
  const Simulator simulator(circuits::multiplier(8), mixed());
  constexpr std::int64_t kLanes = (1 << 17) + 1000;
  const Words inputs = uniform_inputs(simulator, kLanes);
  for (const std::int64_t first : {std::int64_t{0}, std::int64_t{37}, std::int64_t{1} << 51}) {
    RunOptions options{.seed = 3, .first_lane = first, .num_threads = 1};
    const Words want = simulate(simulator, inputs, kLanes, options);
    for (const int threads : {2, 3, 7}) {
      options.num_threads = threads;
      CHECK(simulate(simulator, inputs, kLanes, options) == want);
    }
  }
}

/// One const Simulator, several host threads, each with options of its own.
void host_threads() {
  const Simulator simulator(circuits::multiplier(8), mixed());
  constexpr std::int64_t kLanes = 1 << 16;
  const Words inputs = uniform_inputs(simulator, kLanes);
  std::vector<Words> want(4), got(4);
  for (std::size_t t = 0; t < want.size(); ++t) {
    want[t] = simulate(simulator, inputs, kLanes, {.seed = t, .num_threads = 1});
  }
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < want.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) got[t] = simulate(simulator, inputs, kLanes, {.seed = t, .num_threads = 2});
    });
  }
  threads.clear();
  CHECK(got == want);
}

// ---- input planes ----

void shared_entries() {
  const Simulator simulator(circuits::adder(4), GateTable::uniform(0.05));
  for (const std::int64_t lanes : {1, 64, 1000, 5000}) {
    for (const std::int64_t first_lane : {0, 1, 4096, 6000}) {
      for (const std::int64_t repeat : {1, 2, 63, 64, 65, 700}) {
        for (const std::int64_t entries : {1, 3, 64, 100, 6001}) {
          std::vector<Words> words;
          Words expanded;
          std::vector<InputPlane> planes;
          for (std::uint64_t row = 0; row < 8; ++row) {
            Words& plane = words.emplace_back(static_cast<std::size_t>(plane_words(entries)));
            uniform_planes(row, 0, 0, entries, 1, plane);
            for (std::int64_t word = 0; word < plane_words(lanes); ++word) {
              std::uint64_t bits = 0;
              for (std::int64_t lane = word * 64; lane < std::min(lanes, word * 64 + 64); ++lane) {
                const std::int64_t entry = lane / repeat % entries;
                bits |= (plane[static_cast<std::size_t>(entry / 64)] >> (entry % 64) & 1) << (lane % 64);
              }
              expanded.push_back(bits);
            }
          }
          for (const Words& plane : words) planes.push_back({plane.data(), repeat, entries});
          Words got(static_cast<std::size_t>(5 * plane_words(lanes)));
          const RunOptions options{.seed = 2, .first_lane = first_lane};
          simulator.run(std::span<const InputPlane>(planes), rows(std::span(got), 5, lanes), lanes, options);
          CHECK(got == simulate(simulator, expanded, lanes, options));
        }
      }
    }
  }
}

/// Planes need no alignment beyond that of a word, what lies behind them stays as it is, and set bits beyond
/// the last lane of an input change nothing.
void surroundings() {
  constexpr std::int64_t kLanes = kBlockLanes + 70;
  constexpr auto kWidth = static_cast<std::size_t>(plane_words(kLanes));
  constexpr std::uint64_t kGuard = 0x5555555555555555;
  const Simulator simulator(circuits::full_adder(), GateTable::uniform(0.1));
  Words inputs = uniform_inputs(simulator, kLanes);
  for (const std::int64_t first : {0, 5}) {
    const RunOptions options{.seed = 1, .first_lane = first};
    const Words want = simulate(simulator, inputs, kLanes, options);
    Words shifted(1 + 3 * kWidth);
    std::copy(inputs.begin(), inputs.end(), shifted.begin() + 1);
    for (std::size_t row = 0; row < 3; ++row)
      shifted[(row + 1) * kWidth] |= ~std::uint64_t{0} << (kLanes % 64);
    Words outputs(3 + 2 * kWidth, kGuard);
    std::uint64_t* const out[] = {outputs.data() + 1, outputs.data() + 2 + kWidth};
    simulator.run(rows(std::span<const std::uint64_t>(shifted).subspan(1), 3, kLanes), out, kLanes, options);
    CHECK(std::equal(out[0], out[0] + kWidth, want.begin()));
    CHECK(std::equal(out[1], out[1] + kWidth, want.begin() + static_cast<std::ptrdiff_t>(kWidth)));
    for (const std::size_t at : {std::size_t{0}, 1 + kWidth, 2 + 2 * kWidth})
      CHECK_EQUAL(outputs[at], kGuard);
  }
}

// ---- statistics ----

/// Flips per gate and state lie within 5 standard deviations of the table (two-sided p = 6e-7 each, some 300
/// of them): on 2^21 lanes it would catch an error rate that is off by 4 % at 0.0214 and by 0.4 % at 0.5.
void flips() {
  const Program program = zoo(1);
  constexpr std::int64_t kLanes = 1 << 21;
  for (const Case& c : cases()) {
    const Simulator simulator(program, c.table);
    const Words inputs = uniform_inputs(simulator, kLanes);
    Activity activity;
    simulate(simulator, inputs, kLanes, {.seed = 11}, &activity);
    for (std::size_t i = 0; i < program.instructions().size(); ++i) {
      const Gate gate = program.instructions()[i].gate;
      std::int64_t total = 0;
      for (std::size_t k = 0; k < kMaxStates; ++k) {
        const auto lanes = static_cast<double>(activity.lanes[i * kMaxStates + k]);
        const auto wrong = static_cast<double>(activity.flips[i * kMaxStates + k]);
        total += activity.lanes[i * kMaxStates + k];
        const double p = k < c.table.error(gate).size() ? c.table.error(gate)[k] : 0.0;
        CHECK(std::abs(wrong - lanes * p) <= 5 * std::sqrt(lanes * p * (1 - p)) + (p == 1e-9 ? 2 : 0));
      }
      CHECK_EQUAL(total, kLanes);
    }
  }
}

// ---- cells that differ ----

/// Row 1 of 3 is always wrong where the input is 0, the others never.
void cells() {
  ProgramBuilder build;
  build.output("y", {build.gate(Gate::BUF, build.input("x", 1))});
  const Program program = build.build();
  CellErrors errors(3);
  const double table[] = {0, 0, 1, 0, 0, 0};
  const std::int32_t numbers[] = {errors.add(Gate::BUF, table)};
  const Simulator simulator(program, errors, numbers);
  constexpr std::int64_t kLanes = 9000, kFirst = 5;
  const Words zeros(static_cast<std::size_t>(plane_words(kLanes)), 0);
  const Words outputs = simulate(simulator, zeros, kLanes, {.seed = 1, .first_lane = kFirst});
  bool expected = true;
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    const std::uint64_t bit = outputs[static_cast<std::size_t>(lane / 64)] >> (lane % 64) & 1;
    expected &= bit == ((lane + kFirst) % 3 == 1 ? 1U : 0U);
  }
  CHECK(expected);
  CHECK_REFUSED("rows = 0 is outside [1, 2^31)", CellErrors(0));
  CHECK_REFUSED("rows = 2147483648 is outside [1, 2^31)", CellErrors(std::int64_t{1} << 31));
  CHECK_REFUSED("error: expected 6 probabilities, got 5", errors.add(Gate::BUF, std::span(table).first(5)));
  const double high[] = {0, 0, 0, 1.5, 0, 0};
  CHECK_REFUSED("error[1, 1] = 1.5 is outside [0, 1]", errors.add(Gate::BUF, high));
  const std::int32_t unknown[] = {1};
  CHECK_REFUSED("table_of_instruction[0] = 1 is outside [0, 1)", Simulator(program, errors, unknown));
  CHECK_REFUSED("table_of_instruction: expected 1 numbers, got 0", Simulator(program, errors, {}));
  const std::int32_t inverter[] = {errors.add(Gate::NOT, table)};
  CHECK_REFUSED("table_of_instruction[0] = 1 is a table of NOT, the instruction is BUF",
                Simulator(program, errors, inverter));
}

// ---- refusals ----

void refusals() {
  CHECK_REFUSED("the gate table has no NAND2", Simulator(circuits::adder(2), GateTable()));
  const Simulator simulator(circuits::adder(2), GateTable::uniform(0.1));
  constexpr std::int64_t kLanes = 100;
  const Words inputs = uniform_inputs(simulator, kLanes);
  const auto in = rows(std::span(inputs), 4, kLanes);
  Words outputs(6, 42);
  const auto out = rows(std::span(outputs), 3, kLanes);
  Activity activity{{1, 2, 3}, {4}};
  const auto refused = [&](const std::string& message, const std::function<void()>& call) {
    CHECK_REFUSED(message, call());
    CHECK(outputs == Words(6, 42));  // nothing was written
    CHECK(activity.lanes == (Integers{1, 2, 3}) && activity.flips == Integers{4});
  };
  const auto run = [&](auto input, auto output, std::int64_t lanes, const RunOptions& options) {
    return [&simulator, &activity, input, output, lanes, options] {
      simulator.run(input, output, lanes, options, &activity);
    };
  };
  constexpr std::int64_t kMost = std::int64_t{1} << 52;
  refused("input_planes: expected 4 planes, got 3", run(std::span(in).first(3), std::span(out), kLanes, {}));
  refused("output_planes: expected 3 planes, got 2", run(std::span(in), std::span(out).first(2), kLanes, {}));
  const auto at = [&](std::int64_t lanes, const RunOptions& options) {
    return run(std::span(in), std::span(out), lanes, options);
  };
  refused("lanes = -1 is below 0", at(-1, {}));
  refused("first_lane = -1 is below 0", at(kLanes, {.first_lane = -1}));
  refused("first_lane + lanes = 4503599627370400 + 100 is above 2^52",
          at(kLanes, {.first_lane = kMost - 96}));
  refused("first_lane + lanes = 0 + 9223372036854775807 is above 2^52", at(INT64_MAX, {}));
  refused("first_lane + lanes = 9223372036854775807 + 100 is above 2^52",
          at(kLanes, {.first_lane = INT64_MAX}));
  refused("stream = 4294967296 is outside [0, 2^32)", at(kLanes, {.stream = std::uint64_t{1} << 32}));
  refused("tile_lanes = 100 is no multiple of 4096 (0 means the default)", at(kLanes, {.tile_lanes = 100}));
  refused("tile_lanes = -4096 is no multiple of 4096 (0 means the default)",
          at(kLanes, {.tile_lanes = -4096}));
  refused("num_threads = -1 is below 0 (0 means the default)",
          at(kLanes, {.first_lane = 1, .num_threads = -1}));
  refused("num_threads = 1025 is above 1024", at(kLanes, {.first_lane = 1, .num_threads = 1025}));
  auto some_in = in;
  some_in[2] = nullptr;
  refused("input_planes[2] is null",
          run(std::span<const std::uint64_t* const>(some_in), std::span(out), kLanes, {}));
  auto some_out = out;
  some_out[1] = nullptr;
  refused("output_planes[1] is null",
          run(std::span(in), std::span<std::uint64_t* const>(some_out), kLanes, {}));
  std::vector<InputPlane> planes(4, InputPlane{inputs.data()});
  planes[1].repeat = 0;
  refused("input_planes[1].repeat = 0 is below 1",
          run(std::span<const InputPlane>(planes), std::span(out), kLanes, {}));
  planes[1] = {inputs.data(), 1, -1};
  refused("input_planes[1].entries = -1 is below 0",
          run(std::span<const InputPlane>(planes), std::span(out), kLanes, {}));

  at(kLanes, {.first_lane = kMost - kLanes})();  // the last lanes that there are
  CHECK(outputs != Words(6, 42));
  activity = {};
  const std::vector<const std::uint64_t*> no_input(4, nullptr);
  const std::vector<std::uint64_t*> no_output(3, nullptr);
  simulator.run(no_input, no_output, 0, {}, &activity);  // no lanes: nothing to read or write
  CHECK_EQUAL(activity.lanes.size(), std::size_t{18 * kMaxStates});
}

void packing() {
  Words plane(1), planes_of_two(2), planes_of_64(64);
  CHECK_REFUSED("x[1] = 4 is outside [0, 3]", pack("x", Integers{1, 4}, 2, 1, 2, false, planes_of_two));
  CHECK_REFUSED("x[0] = -1 is outside [0, 3]", pack("x", Integers{-1, 4}, 2, 1, 2, false, planes_of_two));
  CHECK_REFUSED("x[0] = 2 is outside [-2, 1]", pack("x", Integers{2}, 1, 1, 2, true, planes_of_two));
  CHECK_REFUSED("x[1, 0] = 9 is outside [0, 1]",
                pack("x", Integers{0, 1, 9, 1}, 2, 2, 1, false, planes_of_two));
  CHECK_REFUSED("bits = 64 is outside [1, 63]", pack("x", Integers{0}, 1, 1, 64, false, planes_of_64));
  CHECK_REFUSED("values: expected 2 values, got 1", pack("x", Integers{0}, 2, 1, 1, false, plane));
  CHECK_REFUSED("planes: expected 3 words, got 1", pack("x", Integers{0}, 1, 1, 3, false, plane));
  for (const int bits : {1, 7, 8, 9, 33, 63}) {
    for (const bool is_signed : {false, true}) {
      for (const std::int64_t lanes : {0, 1, 64, 65, 70000}) {
        const std::int64_t low = is_signed ? -(std::int64_t{1} << (bits - 1)) : 0;
        Integers values;
        for (std::int64_t i = 0; i < 2 * lanes; ++i) {
          const auto random = nonideal::philox(9, 9, static_cast<std::uint64_t>(i));
          const std::uint64_t word = random.w[0] | std::uint64_t{random.w[1]} << 32;
          values.push_back(low + static_cast<std::int64_t>(word & ((std::uint64_t{1} << bits) - 1)));
        }
        Words planes(static_cast<std::size_t>(2 * bits * plane_words(lanes)), ~std::uint64_t{0});
        pack("x", values, lanes, 2, bits, is_signed, planes, 2);
        Integers back(values.size());
        unpack(planes, lanes, 2, bits, is_signed, back, 2);
        CHECK(back == values);
        for (std::size_t row = 0; lanes % 64 != 0 && row < static_cast<std::size_t>(2 * bits); ++row) {
          CHECK_EQUAL(planes[(row + 1) * static_cast<std::size_t>(plane_words(lanes)) - 1] >> (lanes % 64),
                      std::uint64_t{0});
        }
      }
    }
  }
}

void uniform_operands() {
  constexpr std::int64_t kLanes = 3 * kBlockLanes + 11;
  Words whole(static_cast<std::size_t>(2 * plane_words(kLanes)));
  uniform_planes(1, 2, 0, kLanes, 2, whole, 1);
  CHECK_EQUAL(hash(whole), std::uint64_t{0xe947d4d2599aa1f3});  // golden, as above
  for (const int threads : {2, 3}) {
    Words again(whole.size());
    uniform_planes(1, 2, 0, kLanes, 2, again, threads);
    CHECK(again == whole);
  }
  for (const std::int64_t first : {1, 64, 4000}) {
    Words part(static_cast<std::size_t>(plane_words(500)));
    uniform_planes(1, 2, first, 500, 1, part);
    for (std::int64_t lane = 0; lane < 500; ++lane) {
      const auto bit = [&](const Words& plane, std::int64_t i) {
        return plane[static_cast<std::size_t>(i / 64)] >> (i % 64) & 1;
      };
      CHECK_EQUAL(bit(part, lane), bit(whole, first + lane));
    }
  }
  Words plane(2);
  CHECK_REFUSED("stream = 4294967296 is outside [0, 2^32)",
                uniform_planes(1, std::uint64_t{1} << 32, 0, 70, 1, plane));
  CHECK_REFUSED("first_lane = -1 is below 0", uniform_planes(1, 0, -1, 70, 1, plane));
  CHECK_REFUSED("planes: expected 4 words, got 2", uniform_planes(1, 0, 0, 70, 2, plane));
}

}  // namespace

int main(int count, char** arguments) {
  const bool print = count == 2 && std::string_view(arguments[1]) == "--print";
  return check::run([&] {
    golden(print);
    if (print) return;
    arithmetic();
    dot_products();
    truth_tables();
    cuts();
    thread_counts();
    host_threads();
    shared_entries();
    surroundings();
    flips();
    cells();
    refusals();
    packing();
    uniform_operands();
  });
}
