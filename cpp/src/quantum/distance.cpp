#include "nonideal/quantum/distance.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/aligned.hpp"
#include "base/check.hpp"
#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/base/threads.hpp"
#include "quantum/distance_circuit.hpp"
#include "quantum/distance_code.hpp"
#include "quantum/kernels/frequency.hpp"

/// The walk over all pairs, and what is kept of it.
namespace nonideal::quantum {

namespace {

constexpr std::int64_t kLanes = kernels::kLanes;
static_assert(kMaxScales <= kernels::kMostScales);
constexpr std::int64_t kTile = 512;            ///< points whose tables are held at a time
constexpr std::int64_t kQueriesTogether = 64;  ///< that share the tables

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

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

/// What a worker needs for one query and a tile of points.
struct Workspace {
  std::vector<double> memory;
  double* registers;
  double* values;  ///< (block, scale, lane)
  double* extrapolated;
  double* variance;
  double* squared;
  double* error;

  Workspace(int n_registers, std::int64_t n_scales)
      : memory(at((n_registers + 4) * kLanes + n_scales * kTile + 8)) {
    registers = detail::aligned(memory.data());
    values = registers + n_registers * kLanes;
    extrapolated = values + n_scales * kTile;
    variance = extrapolated + kLanes;
    squared = variance + kLanes;
    error = squared + kLanes;
  }
};

/// P(1) as read to squared distance, beside its norms: offset and slope of |a|^2 + |b|^2 and |a| |b|.
kernels::Conversion conversion_of(const DistanceProgram::Code& code) {
  kernels::Conversion c{};
  switch (code.method) {
    case DistanceMethod::swap:
      c.offset_total = 2.0;
      c.slope_total = -4.0;
      break;
    case DistanceMethod::hadamard:
      c.slope_total = 2.0;
      break;
    case DistanceMethod::inner_product:
      c.offset_total = 1.0;
      c.offset_product = -2.0;
      c.slope_product = 4.0;
      break;
  }
  c.slope_total /= code.read_slope;
  c.slope_product /= code.read_slope;
  c.offset_total -= c.slope_total * code.read_base;
  c.offset_product -= c.slope_product * code.read_base;
  return c;
}

/// Extrapolates the values of kLanes pairs to scale 0.
class Mitigator {
 public:
  Mitigator(const DistanceProgram::Code& code, const Workspace& space) : code_(code) {
    estimates_.n_scales = static_cast<std::int64_t>(code.scales.size());
    estimates_.shots = static_cast<double>(code.shots);
    if (code.extrapolator) {
      estimates_.lowest = code.extrapolator->lowest;
      estimates_.highest = code.extrapolator->highest;
    }
    estimates_.weights = code.weights.data();
    estimates_.scales = code.scales.data();
    estimates_.extrapolated = space.extrapolated;
    estimates_.variance = space.variance;
    if (code.extrapolator && code.extrapolator->on_crossing == Extrapolator::OnCrossing::raw) {
      raw_ = std::ranges::min_element(code.scales) - code.scales.begin();
    }
  }

  /// `values`: (scale, lane); lanes with a zero vector have no circuit, and are left out.
  void operator()(const double* values, const double* norms, int lanes) {
    estimates_.values = values;
    if (!code_.weights.empty()) return extrapolate_(estimates_);
    const Extrapolator& extrapolator = *code_.extrapolator;
    alignas(64) double done[kLanes] = {};
    if (extrapolator.kind == Extrapolator::Kind::exponential && extrapolator.asymptote) {
      if (decay_(estimates_, *extrapolator.asymptote, raw_, done)) return;
    }
    const std::size_t n_scales = code_.scales.size();
    const double shots = estimates_.shots;
    for (std::size_t lane = 0; lane < at(lanes); ++lane) {
      if (!(norms[lane] > 0.0)) continue;
      if (done[lane] > 0.0) {
        crossings += done[lane] > 1.0 ? 1 : 0;
        continue;
      }
      std::array<double, kMaxScales> y{}, variances{};
      for (std::size_t s = 0; s < n_scales; ++s) {
        y[s] = values[s * kLanes + lane];
        variances[s] = kernels::frequency_variance(y[s], shots);
      }
      const Extrapolated found = extrapolate(extrapolator, code_.scales, std::span(y).first(n_scales),
                                             std::span(variances).first(shots > 0.0 ? n_scales : 0));
      crossings += found.crossed ? 1 : 0;
      estimates_.extrapolated[lane] = found.value;
      estimates_.variance[lane] = found.variance;
    }
  }

  std::int64_t crossings = 0;  ///< pairs without a curve so far

 private:
  const DistanceProgram::Code& code_;
  kernels::Estimates estimates_{};
  std::int64_t raw_ = -1;  ///< scale whose value stands where no exponential fits; -1: that is an error
  decltype(&kernels::baseline::extrapolate) extrapolate_ = NONIDEAL_PICK(quantum, extrapolate);
  decltype(&kernels::baseline::decay) decay_ = NONIDEAL_PICK(quantum, decay);
};

/// Walks all pairs: begin(query), then sink(query, first point, lanes, squared, standard errors) for every
/// row of up to kLanes results.
template <class Begin, class Sink>
DistanceCounts walk(const DistanceProgram::Code& code, const DistanceData& data, const DistanceRun& options,
                    const Shape& shape, const Begin& begin, const Sink& sink) {
  const auto measure = NONIDEAL_PICK(quantum, measure);
  const auto convert = NONIDEAL_PICK(quantum, convert);
  const auto dimension = static_cast<std::size_t>(code.dimension);
  const auto n_scales = static_cast<std::int64_t>(code.scale_codes.size());
  std::int64_t cost = 0;
  for (const auto& scale : code.scale_codes)
    cost += scale.n_steps + 2 * scale.n_fills + (code.shots > 0 ? 40 : 4);
  const int threads = resolve_threads(options.num_threads, shape.n_queries * shape.n_points * cost, 400'000);
  const std::int64_t together =
      std::clamp((shape.n_queries + threads - 1) / threads, std::int64_t{1}, kQueriesTogether);
  const std::vector<Group> groups = groups_of(data, shape, together);
  std::atomic<std::int64_t> shortcuts = 0, crossings = 0;
  const double shots = static_cast<double>(code.shots);

  const auto work = [&](const Group& group) {
    Workspace space(code.n_registers, n_scales);
    Mitigator mitigation(code, space);
    kernels::Conversion conversion = conversion_of(code);
    conversion.extrapolated = space.extrapolated;
    conversion.variance = space.variance;
    conversion.squared = space.squared;
    conversion.standard_error = space.error;
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
        queries, n_together, [&](std::int64_t g) { return row(data.queries, group.queries[at(g)]); }, centre,
        code.data_qubits, scratch);
    std::vector<double> cosine(at(code.n_angles())), sine(at(code.n_angles()));
    std::int64_t skipped = 0;
    for (std::size_t g = 0; g < group.queries.size(); ++g) begin(group.queries[g]);
    for (std::int64_t tile = 0; tile < shape.n_points; tile += kTile) {
      const std::int64_t count = std::min(kTile, shape.n_points - tile);
      const std::int64_t padded = (count + kLanes - 1) / kLanes * kLanes;
      fill_table(
          points, count, [&](std::int64_t j) { return row(data.points, tile + j); }, centre, code.data_qubits,
          scratch);
      for (std::size_t g = 0; g < group.queries.size(); ++g) {
        const std::int64_t i = group.queries[g];
        const double norm_query = queries.norm[g];
        for (std::int64_t a = 0; a < code.n_angles(); ++a) {
          cosine[at(a)] = queries.cosine[a * queries.stride + static_cast<std::int64_t>(g)];
          sine[at(a)] = queries.sine[a * queries.stride + static_cast<std::int64_t>(g)];
        }
        if (norm_query > 0.0) {
          measure({cosine.data(), sine.data(), points.cosine, points.sine, points.stride, norm_query,
                   points.norm, code.method == DistanceMethod::swap ? -1.0 : 1.0, code.scale_codes.data(),
                   n_scales, padded / kLanes, space.registers, space.values, shots, options.seed,
                   static_cast<std::uint32_t>(options.first_point + tile),
                   static_cast<std::uint32_t>(options.first_query + i),
                   static_cast<std::uint32_t>(Purpose::kDistanceShots) << 24,
                   static_cast<std::uint32_t>(options.stream)});
        }
        conversion.norm_query = norm_query;
        for (std::int64_t j = 0; j < padded; j += kLanes) {
          const int lanes = static_cast<int>(std::min(kLanes, count - j));
          if (norm_query > 0.0) {
            mitigation(space.values + j * n_scales, points.norm + j, lanes);
            conversion.norm_point = points.norm + j;
            convert(conversion);
          }
          for (int lane = 0; lane < lanes; ++lane) {
            const double norm_point = points.norm[j + lane];
            if (norm_query > 0.0 && norm_point > 0.0) continue;
            space.squared[lane] = norm_query * norm_query + norm_point * norm_point;
            space.error[lane] = 0.0;
            ++skipped;
          }
          sink(i, tile + j, lanes, space.squared, space.error);
        }
      }
    }
    shortcuts += skipped;
    crossings += mitigation.crossings;
  };
  const auto n_groups = static_cast<std::int64_t>(groups.size());
  detail::for_blocks(n_groups, 1, threads, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t g = first; g < last; ++g) work(groups[at(g)]);
  });
  const std::int64_t pairs = shape.n_queries * shape.n_points;
  return {shortcuts, (pairs - shortcuts) * n_scales, crossings};
}

}  // namespace

DistanceCounts DistanceProgram::pairwise(const DistanceData& data, const DistanceRun& run,
                                         std::span<double> squared, std::span<double> standard_error) const {
  const Shape shape = checked(data, run, code_->dimension);
  detail::expect_count("squared", "numbers", static_cast<std::int64_t>(squared.size()),
                       shape.n_queries * shape.n_points);
  detail::expect_count("standard_error", "numbers", static_cast<std::int64_t>(standard_error.size()),
                       shape.n_queries * shape.n_points);
  return walk(
      *code_, data, run, shape, [](std::int64_t) {},
      [&](std::int64_t i, std::int64_t j, int lanes, const double* values, const double* errors) {
        std::copy_n(values, lanes, squared.data() + i * shape.n_points + j);
        std::copy_n(errors, lanes, standard_error.data() + i * shape.n_points + j);
      });
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
  return walk(
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
      });
}

}  // namespace nonideal::quantum
