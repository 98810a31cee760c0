#include "nonideal/quantum/distance.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/aligned.hpp"
#include "base/check.hpp"
#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/base/threads.hpp"
#include "nonideal/quantum/program.hpp"
#include "nonideal/quantum/sampling.hpp"
#include "quantum/code.hpp"
#include "quantum/kernels/distance.hpp"
#include "quantum/kernels/frequency.hpp"

namespace nonideal::quantum {

namespace {

using kernels::frequency_variance;

constexpr std::int64_t kLanes = kernels::kLanes;
constexpr std::int64_t kTile = 512;            ///< points whose tables are held at a time
constexpr std::int64_t kQueriesTogether = 64;  ///< that share the tables
constexpr int kMaxDimension = 4096;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// ---- circuits ----

/// The angles of a binary tree over `size` amplitudes: theta of level k, block j stands at 2^k - 1 + j. A
/// level with k controls turns its qubit by RY(theta_j) where the controls read j.
int angles_of_tree(int n_qubits) { return (1 << n_qubits) - 1; }

/// theta'_i = 2^-k sum_j (-1)^popcount(j & g(i)) theta_j with g the Gray code: what the RY gates between the
/// cx take.
std::vector<double> gray_angles(std::span<const double> theta) {
  const std::size_t n = theta.size();
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t gray = i ^ (i >> 1);
    double sum = 0.0;
    for (std::size_t j = 0; j < n; ++j) sum += (std::popcount(j & gray) & 1) != 0 ? -theta[j] : theta[j];
    out[i] = sum / static_cast<double>(n);
  }
  return out;
}

/// Appends the uniformly controlled RY gates that prepare a register; `qubits` from the most significant one,
/// `angles[2^k - 1 + i]` for gate i of level k.
void prepare(Circuit& circuit, std::span<const int> qubits, std::span<const Angle> angles) {
  for (std::size_t k = 0; k < qubits.size(); ++k) {
    const std::size_t n = std::size_t{1} << k;
    for (std::size_t i = 0; i < n; ++i) {
      circuit.add(Gate::ry, {qubits[k]}, {angles[n - 1 + i]});
      if (k == 0) continue;
      const std::size_t next = (i + 1) % n;
      const auto changed = static_cast<std::size_t>(std::countr_zero((i ^ (i >> 1)) ^ (next ^ (next >> 1))));
      circuit.add(Gate::cx, {qubits[k - 1 - changed], qubits[k]});  // lowest bit: the last control
    }
  }
}

struct Template {
  Circuit circuit;
  std::size_t preparation;  ///< instructions that prepare states
};

/// `angles` of the tree over index and data qubits; `head`: the swap test's angle of qubit 1.
Template make_circuit(DistanceMethod method, int data_qubits, std::span<const Angle> angles, Angle head) {
  const bool swap = method == DistanceMethod::swap;
  const int first = swap ? 2 : 0;
  Circuit circuit(first + 1 + data_qubits);
  std::vector<int> qubits(static_cast<std::size_t>(1 + data_qubits));
  std::iota(qubits.begin(), qubits.end(), first);
  if (swap) circuit.add(Gate::ry, {1}, {head});
  prepare(circuit, qubits, angles);
  const std::size_t preparation = circuit.instructions().size();
  if (!swap) {
    circuit.add(Gate::h, {0});
    return {std::move(circuit), preparation};
  }
  circuit.add(Gate::h, {0}).add(Gate::cx, {2, 1}).add(Gate::ccx, {0, 1, 2}).add(Gate::cx, {2, 1});
  circuit.add(Gate::h, {0});
  return {circuit.decomposed(), preparation};
}

int data_qubits_of(std::int64_t dimension) {
  return std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(dimension - 1))));
}

/// theta = 2 atan2(right, left) of every block of a vector, level by level; signed entries at the last level.
std::vector<double> tree_angles(std::span<const double> amplitudes) {
  const int n = std::countr_zero(amplitudes.size());
  std::vector<double> out(at(angles_of_tree(n)));
  std::vector<double> norms(amplitudes.begin(), amplitudes.end());
  for (int k = n - 1; k >= 0; --k) {
    const std::size_t blocks = std::size_t{1} << k;
    for (std::size_t j = 0; j < blocks; ++j) {
      const double left = norms[2 * j] + 0.0,
                   right = norms[2 * j + 1] + 0.0;  // no -0: it would turn by a half more
      out[blocks - 1 + j] = 2.0 * std::atan2(right, left);
      norms[j] = std::hypot(left, right);
    }
  }
  return out;
}

std::vector<Angle> gate_angles(std::span<const double> theta) {
  std::vector<Angle> out;
  for (std::size_t n = 1; n <= (theta.size() + 1) / 2; n *= 2) {
    for (const double angle : gray_angles(theta.subspan(n - 1, n))) out.emplace_back(angle);
  }
  return out;
}

/// Divided by the largest size of an element, so that no square over- or underflows.
std::vector<double> relative(std::span<const double> v, double largest) {
  std::vector<double> out(v.begin(), v.end());
  for (double& x : out) x /= largest;
  return out;
}

double largest_of(std::span<const double> v) {
  double largest = 0.0;
  for (const double x : v) largest = std::max(largest, std::abs(x));
  return largest;
}

double norm_of(std::span<const double> v) {
  double sum = 0.0;
  for (const double x : v) sum += x * x;
  return std::sqrt(sum);
}

void expect_finite(const char* name, std::span<const double> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw InvalidArgument(detail::bracketed(name, static_cast<std::int64_t>(i)) + " = " +
                            detail::shortest(values[i]) + " is not finite");
    }
  }
}

/// Two vectors one after the other, each padded to 2^data_qubits.
std::vector<double> stacked(std::span<const double> a, std::span<const double> b, int data_qubits,
                            double scale_a, double scale_b) {
  const std::size_t size = std::size_t{1} << data_qubits;
  std::vector<double> out(2 * size);
  for (std::size_t i = 0; i < a.size(); ++i) {
    out[i] = a[i] * scale_a;
    out[size + i] = b[i] * scale_b;
  }
  return out;
}

// ---- tables ----

/// Memory for the tables of kernels::Columns, aligned to 64 bytes.
struct Table {
  std::int64_t stride;
  std::vector<double> memory;
  double* cosine = nullptr;
  double* sine = nullptr;
  double* norm = nullptr;

  /// `columns` is a multiple of kLanes.
  Table(std::int64_t n_angles, std::int64_t columns)
      : stride(columns), memory(at((2 * n_angles + 1) * columns + 8)) {
    cosine = detail::aligned(memory.data());
    sine = cosine + n_angles * columns;
    norm = sine + n_angles * columns;
  }
};

/// Fills columns from vector(i) - centre for i < count; the last block is filled up with zero vectors.
template <class Vector>
void fill_table(Table& table, std::int64_t count, const Vector& vector, std::span<const double> centre,
                int data_qubits, std::vector<double>& scratch) {
  const auto tabulate = NONIDEAL_PICK(quantum, tabulate);
  const std::size_t size = std::size_t{1} << data_qubits;
  scratch.resize(3 * size * at(kLanes) + 8);
  double* const entries = detail::aligned(scratch.data());
  for (std::int64_t first = 0; first < count; first += kLanes) {
    std::fill_n(entries, size * at(kLanes), 0.0);
    for (std::int64_t lane = 0; lane < std::min(kLanes, count - first); ++lane) {
      const std::span<const double> v = vector(first + lane);
      for (std::size_t i = 0; i < v.size(); ++i) {
        // + 0: never -0, which would turn by a whole turn more
        entries[i * at(kLanes) + at(lane)] = (centre.empty() ? v[i] : v[i] - centre[i]) + 0.0;
      }
    }
    tabulate({entries, entries + size * at(kLanes), data_qubits, table.cosine + first, table.sine + first,
              table.stride, table.norm + first});
  }
}

}  // namespace

// ---- programs ----

struct DistanceProgram::Code {
  int dimension;
  int data_qubits;
  DistanceMethod method;
  std::int64_t shots;
  Realization realization = Realization::circuit;
  int n_qubits;
  std::vector<double> scales;
  std::optional<Extrapolator> extrapolator;
  std::vector<double> weights;  ///< of extrapolants that are the same for all pairs

  std::vector<Program> programs;
  std::vector<std::vector<kernels::Fill>> fills;
  std::vector<kernels::ScaleCode> scale_codes;  ///< point into the two above
  int n_registers = 0;

  std::int64_t n_angles() const { return (std::int64_t{1} << data_qubits) - 1; }
};

DistanceProgram::DistanceProgram(int dimension, const DistanceOptions& options) {
  detail::expect_within("dimension", dimension, 1, kMaxDimension);
  detail::expect_within("shots", options.shots, 0, kMaxShots);
  auto code = std::make_shared<Code>();
  code->dimension = dimension;
  code->data_qubits = data_qubits_of(dimension);
  code->method = options.method;
  code->shots = options.shots;

  // The template: parameter p of the tree is gate p's angle; the swap test's own comes last.
  const int tree = angles_of_tree(1 + code->data_qubits);
  std::vector<Angle> angles;
  for (int p = 0; p < tree; ++p) angles.emplace_back(p, 1.0);
  if (options.method != DistanceMethod::hadamard)
    angles[0] = Angle(std::numbers::pi / 2);  // both halves have norm 1
  const Template made = make_circuit(options.method, code->data_qubits, angles, Angle(tree, 1.0));
  code->n_qubits = made.circuit.n_qubits();
  const std::size_t noiseless = options.noisy_preparation ? 0 : made.preparation;

  // One circuit and one noise model per scale.
  std::vector<std::pair<Circuit, NoiseModel>> jobs;
  if (!options.mitigation) {
    jobs.emplace_back(made.circuit, options.noise);
    code->scales = {1.0};
  } else {
    const Mitigation& mitigation = *options.mitigation;
    check(mitigation.extrapolator, mitigation.scales);
    code->scales = mitigation.scales;
    code->extrapolator = mitigation.extrapolator;
    // The part that has noise, which is what is folded.
    Circuit head(code->n_qubits), tail(code->n_qubits);
    for (std::size_t i = 0; i < made.circuit.instructions().size(); ++i) {
      (i < noiseless ? head : tail).append(made.circuit, made.circuit.instructions()[i]);
    }
    const std::string obstacle =
        channel_obstacle(tail, options.noise, mitigation.scales, mitigation.fold, mitigation.fold_gates);
    if (mitigation.realization == Realization::channel && !obstacle.empty()) {
      throw InvalidArgument("realization = 'channel' is not exact: " + obstacle);
    }
    const bool powers = mitigation.realization != Realization::circuit && obstacle.empty();
    code->realization = powers ? Realization::channel : Realization::circuit;
    if (!powers) {
      code->scales = realized_scales(tail, mitigation.scales, mitigation.fold, mitigation.fold_gates);
    }
    for (const double scale : mitigation.scales) {
      if (powers) {
        jobs.emplace_back(made.circuit, options.noise.scaled(scale, tail));
      } else {
        Circuit circuit = head;
        circuit.compose(folded(tail, scale, mitigation.fold, mitigation.fold_seed, mitigation.fold_gates));
        jobs.emplace_back(std::move(circuit), options.noise);
      }
    }
    using Kind = Extrapolator::Kind;
    const Kind kind = mitigation.extrapolator.kind;
    const bool linear = kind == Kind::linear || kind == Kind::polynomial || kind == Kind::richardson;
    const bool exact_fit = n_parameters(mitigation.extrapolator, static_cast<int>(code->scales.size())) ==
                           static_cast<int>(code->scales.size());
    if (linear && (options.shots == 0 || exact_fit)) {  // weights of the shots change nothing
      code->weights = linear_weights(mitigation.extrapolator, code->scales);
    }
  }

  const std::vector<Observable> z0 = {{{1.0, 0, 1}}};
  CompileOptions compile_options;
  compile_options.max_instructions = 10'000'000;
  compile_options.noiseless_instructions = noiseless;
  for (const auto& [circuit, noise] : jobs) {
    code->programs.push_back(compile(circuit, noise, z0, compile_options));
    const Program::Code& program = code->programs.back().code();
    std::vector<kernels::Fill> fills;
    for (std::size_t slot = 0; slot < program.slots.size(); ++slot) {
      const Angle& angle = program.slots[slot];
      kernels::Fill fill{static_cast<std::int32_t>(slot), -1, 1.0, angle.factor};
      if (angle.parameter > 0 && angle.parameter < tree) {
        // Gate i of level k: Walsh index and the sign of the point from the Gray code of i.
        const auto gate = static_cast<unsigned>(angle.parameter);
        const int level = std::bit_width(gate + 1) - 1;
        const unsigned i = gate + 1 - (1u << level), gray = i ^ (i >> 1), blocks = 1u << (level - 1);
        fill.source = static_cast<std::int32_t>(blocks - 1 + (gray & (blocks - 1)));
        fill.point = (gray & blocks) != 0 ? -1.0 : 1.0;
      }
      fills.push_back(fill);
    }
    code->fills.push_back(std::move(fills));
    code->n_registers = std::max(code->n_registers, program.n_registers);
  }
  const ReadoutError readout = options.noise.readout(0);
  for (std::size_t s = 0; s < code->programs.size(); ++s) {
    const Program::Code& program = code->programs[s].code();
    const Program::Code::Output& output = program.outputs[0];
    // P(1) = (1 - z) / 2, then what the readout makes of it.
    const double slope = 1.0 - readout.p0_given_1 - readout.p1_given_0;
    const bool again = s > 0 && program.slots == code->programs[s - 1].code().slots;
    code->scale_codes.push_back(
        {code->fills[s].data(), again ? 0 : static_cast<std::int64_t>(code->fills[s].size()),
         program.steps.data(), static_cast<std::int64_t>(program.steps.size()),
         readout.p1_given_0 + slope * 0.5 * (1.0 - output.base), -0.5 * slope * output.factor, output.at});
  }
  code_ = std::move(code);
}

DistanceProgram::DistanceProgram(const DistanceProgram&) = default;
DistanceProgram::DistanceProgram(DistanceProgram&&) noexcept = default;
DistanceProgram& DistanceProgram::operator=(const DistanceProgram&) = default;
DistanceProgram& DistanceProgram::operator=(DistanceProgram&&) noexcept = default;
DistanceProgram::~DistanceProgram() = default;

int DistanceProgram::n_qubits() const { return code_->n_qubits; }
Realization DistanceProgram::realization() const { return code_->realization; }
std::int64_t DistanceProgram::instruction_count() const {
  std::int64_t sum = 0;
  for (const Program& program : code_->programs) sum += program.instruction_count();
  return sum;
}

namespace {

/// Sizes and numbers of a call, checked once.
struct Shape {
  std::int64_t n_queries, n_points, n_cells;
};

Shape checked(const DistanceData& data, const DistanceRun& run, int dimension) {
  const auto rows = [dimension](const char* name, std::span<const double> values) {
    const auto size = static_cast<std::int64_t>(values.size());
    if (size % dimension != 0) {
      throw InvalidArgument(std::string(name) + ": " + std::to_string(size) + " numbers are no rows of " +
                            std::to_string(dimension));
    }
    expect_finite(name, values);
    return size / dimension;
  };
  Shape shape{rows("queries", data.queries), rows("points", data.points), rows("centres", data.centres)};
  if (shape.n_cells == 0) {
    detail::expect_count("cells", "numbers", static_cast<std::int64_t>(data.cells.size()), 0);
  } else {
    detail::expect_count("cells", "numbers", static_cast<std::int64_t>(data.cells.size()), shape.n_queries);
    for (std::size_t i = 0; i < data.cells.size(); ++i) {
      detail::expect_within(detail::bracketed("cells", static_cast<std::int64_t>(i)), data.cells[i], 0,
                            shape.n_cells - 1);
    }
  }
  double largest = 0.0;
  for (const auto& values : {data.queries, data.points, data.centres}) {
    for (const double value : values) largest = std::max(largest, std::abs(value));
  }
  if (largest > 1e150) {
    throw InvalidArgument("queries and points: " + detail::shortest(largest) + " is outside [-1e150, 1e150]");
  }
  constexpr std::int64_t kMax = std::int64_t{1} << 32;
  detail::expect_within("first_query", run.first_query, 0, kMax - shape.n_queries);
  detail::expect_within("first_point", run.first_point, 0, kMax - shape.n_points);
  if (run.stream >> 32 != 0) {
    throw InvalidArgument("stream = " + std::to_string(run.stream) + " is outside [0, 4294967295]");
  }
  return shape;
}

/// Queries that share tables: up to kQueriesTogether of one cell.
struct Group {
  std::int64_t cell;
  std::vector<std::int64_t> queries;
};

std::vector<Group> groups_of(const DistanceData& data, const Shape& shape, std::int64_t together) {
  std::vector<std::int64_t> order(at(shape.n_queries));
  std::iota(order.begin(), order.end(), 0);
  if (!data.cells.empty()) {
    std::ranges::stable_sort(order, {}, [&](std::int64_t i) { return data.cells[at(i)]; });
  }
  std::vector<Group> groups;
  for (const std::int64_t i : order) {
    const std::int64_t cell = data.cells.empty() ? 0 : data.cells[at(i)];
    if (groups.empty() || groups.back().cell != cell ||
        static_cast<std::int64_t>(groups.back().queries.size()) == together) {
      groups.push_back({cell, {}});
    }
    groups.back().queries.push_back(i);
  }
  return groups;
}

/// What a worker needs for one block of pairs.
struct Workspace {
  std::vector<double> memory;
  double* registers;
  double* values;
  double* extrapolated;
  double* variance;
  decltype(&kernels::baseline::decay) decay = NONIDEAL_PICK(quantum, decay);

  Workspace(int n_registers, std::size_t n_scales)
      : memory(at((n_registers + static_cast<std::int64_t>(n_scales) + 2) * kLanes + 8)) {
    registers = detail::aligned(memory.data());
    values = registers + n_registers * kLanes;
    extrapolated = values + static_cast<std::int64_t>(n_scales) * kLanes;
    variance = extrapolated + kLanes;
  }
};

}  // namespace

/// Walks all pairs and hands every row of up to kLanes results on: sink(worker, query, first point, lanes,
/// squared, standard errors).
struct DistanceWalk {
  template <class Code, class Begin, class Sink, class End>
  static DistanceCounts run(const Code& code, const DistanceData& data, const DistanceRun& options,
                            const Shape& shape, const Begin& begin, const Sink& sink, const End& end) {
    const auto measure = NONIDEAL_PICK(quantum, measure);
    const auto dimension = static_cast<std::size_t>(code.dimension);
    const auto n_scales = code.scale_codes.size();
    std::int64_t cost = 0;
    for (const auto& scale : code.scale_codes)
      cost += scale.n_steps + 2 * scale.n_fills + (code.shots > 0 ? 40 : 4);
    const int threads =
        resolve_threads(options.num_threads, shape.n_queries * shape.n_points * cost, 400'000);
    const std::int64_t together =
        std::clamp((shape.n_queries + threads - 1) / threads, std::int64_t{1}, kQueriesTogether);
    const std::vector<Group> groups = groups_of(data, shape, together);
    std::atomic<std::int64_t> shortcuts = 0;
    const double shots = static_cast<double>(code.shots);

    const auto work = [&](const Group& group) {
      Workspace space(code.n_registers, n_scales);
      std::vector<double> scratch;
      Table points(code.n_angles(), kTile);
      const auto centre = data.centres.empty() ? std::span<const double>()
                                               : data.centres.subspan(at(group.cell) * dimension, dimension);
      const auto row = [&](std::span<const double> values, std::int64_t i) {
        return values.subspan(at(i) * dimension, dimension);
      };
      const auto n_together = static_cast<std::int64_t>(group.queries.size());
      Table queries(code.n_angles(), (n_together + kLanes - 1) / kLanes * kLanes);
      fill_table(
          queries, n_together, [&](std::int64_t g) { return row(data.queries, group.queries[at(g)]); },
          centre, code.data_qubits, scratch);
      std::vector<double> cosine(at(code.n_angles())), sine(at(code.n_angles()));
      std::int64_t skipped = 0;
      for (std::size_t g = 0; g < group.queries.size(); ++g) begin(group.queries[g]);
      for (std::int64_t tile = 0; tile < shape.n_points; tile += kTile) {
        const std::int64_t count = std::min(kTile, shape.n_points - tile);
        const std::int64_t padded = (count + kLanes - 1) / kLanes * kLanes;
        fill_table(
            points, count, [&](std::int64_t j) { return row(data.points, tile + j); }, centre,
            code.data_qubits, scratch);
        for (std::size_t g = 0; g < group.queries.size(); ++g) {
          const std::int64_t i = group.queries[g];
          const double norm_query = queries.norm[g];
          for (std::int64_t a = 0; a < code.n_angles(); ++a) {
            cosine[at(a)] = queries.cosine[a * queries.stride + static_cast<std::int64_t>(g)];
            sine[at(a)] = queries.sine[a * queries.stride + static_cast<std::int64_t>(g)];
          }
          for (std::int64_t j = 0; j < padded; j += kLanes) {
            const int lanes = static_cast<int>(std::min(kLanes, count - j));
            double squared[kLanes], error[kLanes];
            if (norm_query > 0.0) {
              measure({cosine.data(), sine.data(), points.cosine + j, points.sine + j, points.stride,
                       norm_query, points.norm + j, code.method == DistanceMethod::swap ? -1.0 : 1.0,
                       code.scale_codes.data(), static_cast<std::int64_t>(n_scales), space.registers,
                       space.values, shots, options.seed,
                       static_cast<std::uint32_t>(options.first_point + tile + j),
                       static_cast<std::uint32_t>(options.first_query + i),
                       static_cast<std::uint32_t>(Purpose::kDistanceShots) << 24,
                       static_cast<std::uint32_t>(options.stream)});
              mitigate(code, space, lanes);
              for (int lane = 0; lane < lanes; ++lane) {
                const double norm_point = points.norm[j + lane];
                const double total = norm_query * norm_query + norm_point * norm_point;
                // squared = offset + slope * P(1)
                double offset = 0.0, slope = 2.0 * total;
                if (code.method == DistanceMethod::swap) {
                  offset = 2.0 * total;
                  slope = -4.0 * total;
                } else if (code.method == DistanceMethod::inner_product) {
                  offset = total - 2.0 * norm_query * norm_point;
                  slope = 4.0 * norm_query * norm_point;
                }
                squared[lane] = offset + slope * space.extrapolated[lane];
                error[lane] = std::abs(slope) * std::sqrt(space.variance[lane]);
              }
            }
            for (int lane = 0; lane < lanes; ++lane) {
              const double norm_point = points.norm[j + lane];
              if (norm_query > 0.0 && norm_point > 0.0) continue;
              squared[lane] = norm_query * norm_query + norm_point * norm_point;
              error[lane] = 0.0;
              ++skipped;
            }
            sink(i, tile + j, lanes, squared, error);
          }
        }
      }
      for (std::size_t g = 0; g < group.queries.size(); ++g) end(group.queries[g]);
      shortcuts += skipped;
    };
    const auto n_groups = static_cast<std::int64_t>(groups.size());
    detail::for_blocks(n_groups, 1, threads, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t g = first; g < last; ++g) work(groups[at(g)]);
    });
    const std::int64_t pairs = shape.n_queries * shape.n_points;
    return {shortcuts, (pairs - shortcuts) * static_cast<std::int64_t>(n_scales)};
  }

 private:
  template <class Code>
  static void mitigate(const Code& code, Workspace& space, int lanes) {
    const double shots = static_cast<double>(code.shots);
    const std::size_t n_scales = code.scale_codes.size();
    const auto n = static_cast<std::size_t>(lanes);
    if (!code.extrapolator || !code.weights.empty()) {
      for (std::size_t lane = 0; lane < n; ++lane) {
        double value = 0.0, variance = 0.0;
        for (std::size_t s = 0; s < n_scales; ++s) {
          const double weight = code.weights.empty() ? 1.0 : code.weights[s];
          const double y = space.values[s * kLanes + lane];
          value += weight * y;
          if (shots > 0.0) variance += weight * weight * frequency_variance(y, shots);
        }
        if (code.extrapolator)
          value = std::clamp(value, code.extrapolator->lowest, code.extrapolator->highest);
        space.extrapolated[lane] = value;
        space.variance[lane] = variance;
      }
      return;
    }
    const Extrapolator& extrapolator = *code.extrapolator;
    const bool across_lanes = extrapolator.kind == Extrapolator::Kind::exponential && extrapolator.asymptote;
    alignas(64) double usable[kLanes] = {};
    if (across_lanes) {
      space.decay({space.values, code.scales.data(), static_cast<std::int64_t>(n_scales),
                   *extrapolator.asymptote, shots, space.extrapolated, space.variance, usable});
    }
    for (std::size_t lane = 0; lane < n; ++lane) {
      if (usable[lane] > 0.0) {
        space.extrapolated[lane] =
            std::clamp(space.extrapolated[lane], extrapolator.lowest, extrapolator.highest);
        continue;
      }
      std::array<double, kMaxScales> values{}, variances{};
      for (std::size_t s = 0; s < n_scales; ++s) {
        values[s] = space.values[s * kLanes + lane];
        variances[s] = shots > 0.0 ? frequency_variance(values[s], shots) : 0.0;
      }
      const Extrapolated found = extrapolate(extrapolator, code.scales, std::span(values).first(n_scales),
                                             std::span(variances).first(shots > 0.0 ? n_scales : 0));
      space.extrapolated[lane] = found.value;
      space.variance[lane] = found.variance;
    }
  }
};

DistanceCounts DistanceProgram::pairwise(const DistanceData& data, const DistanceRun& run,
                                         std::span<double> squared, std::span<double> standard_error) const {
  const Shape shape = checked(data, run, code_->dimension);
  detail::expect_count("squared", "numbers", static_cast<std::int64_t>(squared.size()),
                       shape.n_queries * shape.n_points);
  detail::expect_count("standard_error", "numbers", static_cast<std::int64_t>(standard_error.size()),
                       shape.n_queries * shape.n_points);
  return DistanceWalk::run(
      *code_, data, run, shape, [](std::int64_t) {},
      [&](std::int64_t i, std::int64_t j, int lanes, const double* values, const double* errors) {
        std::copy_n(values, lanes, squared.data() + i * shape.n_points + j);
        std::copy_n(errors, lanes, standard_error.data() + i * shape.n_points + j);
      },
      [](std::int64_t) {});
}

DistanceCounts DistanceProgram::nearest(const DistanceData& data, const DistanceRun& run,
                                        const Nearest& out) const {
  const Shape shape = checked(data, run, code_->dimension);
  if (shape.n_points == 0) throw InvalidArgument("points: none given");
  const std::pair<const char*, std::size_t> sizes[] = {
      {"index", out.index.size()},
      {"squared", out.squared.size()},
      {"standard_error", out.standard_error.size()},
      {"second_squared", out.second_squared.size()},
      {"second_standard_error", out.second_standard_error.size()}};
  for (const auto& [name, size] : sizes) {
    detail::expect_count(name, "numbers", static_cast<std::int64_t>(size), shape.n_queries);
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return DistanceWalk::run(
      *code_, data, run, shape,
      [&](std::int64_t i) {
        out.index[at(i)] = -1;
        out.squared[at(i)] = out.second_squared[at(i)] = kInfinity;
        out.standard_error[at(i)] = out.second_standard_error[at(i)] = 0.0;
      },
      [&](std::int64_t i, std::int64_t j, int lanes, const double* values, const double* errors) {
        const std::size_t q = at(i);
        for (int lane = 0; lane < lanes; ++lane) {
          if (values[lane] < out.squared[q]) {
            out.second_squared[q] = out.squared[q];
            out.second_standard_error[q] = out.standard_error[q];
            out.index[q] = j + lane;
            out.squared[q] = values[lane];
            out.standard_error[q] = errors[lane];
          } else if (values[lane] < out.second_squared[q]) {
            out.second_squared[q] = values[lane];
            out.second_standard_error[q] = errors[lane];
          }
        }
      },
      [](std::int64_t) {});
}

Circuit distance_circuit(DistanceMethod method, std::span<const double> a, std::span<const double> b) {
  if (a.empty() || a.size() != b.size()) {
    throw InvalidArgument("a and b: lengths " + std::to_string(a.size()) + " and " +
                          std::to_string(b.size()) + " are not equal and > 0");
  }
  detail::expect_within("length of a", static_cast<std::int64_t>(a.size()), 1, kMaxDimension);
  expect_finite("a", a);
  expect_finite("b", b);
  const double largest_a = largest_of(a), largest_b = largest_of(b);
  if (!(largest_a > 0.0 && largest_b > 0.0)) {
    throw InvalidArgument("a or b is zero: no circuit is needed, the other one's norm is the distance");
  }
  const int data_qubits = data_qubits_of(static_cast<std::int64_t>(a.size()));
  const bool whole = method == DistanceMethod::hadamard;
  // Only ratios count.
  const double largest = std::max(largest_a, largest_b);
  const std::vector<double> unit_a = relative(a, largest_a), unit_b = relative(b, largest_b);
  const double norm_a = norm_of(unit_a) * (largest_a / largest),
               norm_b = norm_of(unit_b) * (largest_b / largest);
  const std::vector<double> amplitudes =
      whole ? stacked(unit_a, unit_b, data_qubits, largest_a / largest, largest_b / largest)
            : stacked(unit_a, unit_b, data_qubits, 1.0 / norm_of(unit_a), 1.0 / norm_of(unit_b));
  std::vector<double> theta = tree_angles(amplitudes);
  if (!whole) theta[0] = std::numbers::pi / 2;
  return make_circuit(method, data_qubits, gate_angles(theta), Angle(2.0 * std::atan2(-norm_b, norm_a)))
      .circuit;
}

Circuit state_preparation(std::span<const double> amplitudes) {
  if (amplitudes.size() < 2 || !std::has_single_bit(amplitudes.size())) {
    throw InvalidArgument("amplitudes: length " + std::to_string(amplitudes.size()) +
                          " is not a power of two above 1");
  }
  expect_finite("amplitudes", amplitudes);
  const double largest = largest_of(amplitudes);
  if (!(largest > 0.0)) throw InvalidArgument("amplitudes: all are zero");
  const int n = std::countr_zero(amplitudes.size());
  Circuit circuit(n);
  std::vector<int> qubits(at(n));
  for (int q = 0; q < n; ++q) qubits[at(q)] = n - 1 - q;
  prepare(circuit, qubits, gate_angles(tree_angles(relative(amplitudes, largest))));
  return circuit;
}

}  // namespace nonideal::quantum
