#include "cram/kernels/faults.hpp"

#include <omp.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "cram/counter.hpp"
#include "cram/dataflow.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/base/threads.hpp"
#include "nonideal/cram/analysis.hpp"
#include "nonideal/cram/planes.hpp"

namespace nonideal::cram {
namespace {

using kernels::DistanceSums;
using kernels::kFaultWords;
using kernels::Threshold;

constexpr std::int64_t kMinWork = std::int64_t{1} << 22;  ///< gate-lanes per thread
static_assert(kBlockLanes == 64 * kFaultWords);

struct Kernels {
  decltype(&kernels::baseline::evaluate) evaluate = NONIDEAL_PICK(cram, evaluate);
  decltype(&kernels::baseline::add_distances) add_distances = NONIDEAL_PICK(cram, add_distances);
};

/// A plane of one block per value.
class Planes {
 public:
  explicit Planes(std::size_t values) : words_(values * kFaultWords) {}
  std::uint64_t* operator[](std::size_t value) { return words_.data() + value * kFaultWords; }

 private:
  std::vector<std::uint64_t> words_;
};

/// The same of any block: inputs and constants.
void load(const Dataflow& flow, std::span<const InputPlane> inputs, std::int64_t lanes, std::int64_t block,
          Planes& planes) {
  const std::int64_t first = block * kBlockLanes, count = std::min(kBlockLanes, lanes - first);
  for (std::size_t v = 0; v < flow.values.size() && flow.values[v].gate < 0; ++v) {
    std::uint64_t* const words = planes[v];
    if (v >= flow.inputs) {
      std::fill_n(words, kFaultWords, flow.values[v].constant != 0 ? ~std::uint64_t{0} : 0);
      continue;
    }
    std::fill_n(words, kFaultWords, 0);
    const InputPlane& plane = inputs[v];
    if (plane.repeat == 1 && (plane.entries == 0 || plane.entries >= lanes)) {
      std::copy_n(plane.words + first / 64, plane_words(count), words);
      continue;
    }
    for (std::int64_t lane = 0; lane < count; ++lane) {
      words[lane >> 6] |= static_cast<std::uint64_t>(lane_bit(plane, first + lane, lanes)) << (lane & 63);
    }
  }
}

std::array<std::uint64_t, kFaultWords> valid_lanes(std::int64_t lanes, std::int64_t block) {
  std::array<std::uint64_t, kFaultWords> valid{};
  const std::int64_t count = std::min(kBlockLanes, lanes - block * kBlockLanes);
  for (std::int64_t lane = 0; lane < count; ++lane) {
    valid[static_cast<std::size_t>(lane >> 6)] |= std::uint64_t{1} << (lane & 63);
  }
  return valid;
}

Threshold threshold_of(const Value& value) {
  const GateSpec& kind = spec(static_cast<Gate>(value.gate));
  return {
      .fan_in = kind.fan_in, .threshold = kind.threshold, .preset = kind.preset, .in = {}, .out = nullptr};
}

std::vector<const std::uint64_t*> word_planes(const std::vector<std::int32_t>& word, Planes& planes) {
  std::vector<const std::uint64_t*> pointers;
  for (const std::int32_t v : word) pointers.push_back(planes[static_cast<std::size_t>(v)]);
  return pointers;
}

FaultSums entry(const DistanceSums& sums, int k) {
  return {sums.lanes[k],    sums.wrong[k],  sums.signed_error[k],
          sums.distance[k], sums.square[k], sums.fourth[k]};
}

void add(FaultSums& total, const FaultSums& more) {
  total.lanes += more.lanes;
  total.wrong += more.wrong;
  total.signed_error += more.signed_error;
  total.distance += more.distance;
  total.square += more.square;
  total.fourth += more.fourth;
}

/// A gate that may get a candidate fault, in one lane of the block.
struct Candidate {
  std::uint32_t gate;  ///< among those that can err
  std::uint32_t lane;
  double accept;  ///< uniform in [0, 1)
};

/// The candidates of a block, sorted by gate: Floyd's algorithm draws a uniform set without trying again.
std::vector<Candidate> draw_candidates(std::uint32_t gates, std::uint32_t faults, std::int64_t lanes,
                                       std::int64_t block, std::uint64_t seed) {
  const Counter counter(Purpose::kFault, faults, block);
  std::vector<Candidate> drawn;
  drawn.reserve(static_cast<std::size_t>(lanes) * faults);
  std::vector<std::uint32_t> chosen(faults);
  for (std::uint32_t lane = 0; lane < static_cast<std::uint32_t>(lanes); ++lane) {
    for (std::uint32_t i = 0; i < faults; ++i) {
      const Words4 random =
          philox(counter.words(lane + static_cast<std::uint32_t>(kBlockLanes) * i, 0), seed);
      const std::uint32_t last = gates - faults + i;
      auto gate = static_cast<std::uint32_t>(uniform53(random.w[0], random.w[1]) * (last + 1.0));
      const auto end = chosen.begin() + i;
      if (std::find(chosen.begin(), end, gate) != end) gate = last;
      chosen[i] = gate;
      drawn.push_back({gate, lane, uniform53(random.w[2], random.w[3])});
    }
  }
  std::stable_sort(drawn.begin(), drawn.end(),
                   [](const Candidate& a, const Candidate& b) { return a.gate < b.gate; });
  return drawn;
}

}  // namespace

FaultSums strata(const Program& program, const GateTable& acceptance, std::int64_t port, std::int64_t faults,
                 std::span<const InputPlane> inputs, std::int64_t lanes, std::uint64_t seed,
                 int num_threads) {
  const Port& word = single_word(program, port);
  const Dataflow flow(program);
  expect_planes(flow, inputs);
  detail::expect_at_least("lanes", lanes, 0);
  expect_lanes(0, lanes);
  std::vector<std::uint32_t> place(flow.values.size(), ~std::uint32_t{0});  // among the gates that can err
  std::uint32_t gates = 0;
  for (std::size_t v = 0; v < flow.values.size(); ++v) {
    if (flow.values[v].gate < 0) continue;
    const auto accept = acceptance.error(static_cast<Gate>(flow.values[v].gate));
    if (std::any_of(accept.begin(), accept.end(), [](double a) { return a > 0.0; })) place[v] = gates++;
  }
  detail::expect_within("faults", faults, 0, std::min<std::int64_t>(gates, (std::int64_t{1} << 20) - 1));

  const std::vector<std::int32_t>& values = flow.ports[static_cast<std::size_t>(port)];
  const std::int64_t blocks = (lanes + kBlockLanes - 1) / kBlockLanes;
  const auto work = static_cast<std::int64_t>(
      std::min(static_cast<double>(lanes) *
                   (static_cast<double>(program.num_gates()) + 100.0 * static_cast<double>(faults)),
               9e18));
  const int threads =
      static_cast<int>(std::clamp<std::int64_t>(blocks, 1, resolve_threads(num_threads, work, kMinWork)));
  const Kernels call;
  struct Scratch {
    Planes exact, noisy;
  };
  std::vector<Scratch> scratch(static_cast<std::size_t>(threads),
                               {Planes(flow.values.size()), Planes(flow.values.size())});
  std::vector<FaultSums> sums(static_cast<std::size_t>(blocks));
  detail::for_blocks(blocks, 1, threads, [&](std::int64_t block, std::int64_t) {
    auto& [exact, noisy] = scratch[threads == 1 ? 0 : static_cast<std::size_t>(omp_get_thread_num())];
    const std::int64_t here = std::min(kBlockLanes, lanes - block * kBlockLanes);
    load(flow, inputs, lanes, block, exact);
    load(flow, inputs, lanes, block, noisy);
    const std::vector<Candidate> candidates =
        draw_candidates(gates, static_cast<std::uint32_t>(faults), here, block, seed);
    auto next = candidates.begin();
    for (std::size_t v = 0; v < flow.values.size(); ++v) {
      const Value& value = flow.values[v];
      if (value.gate < 0) continue;
      Threshold gate = threshold_of(value);
      for (Planes* const planes : {&exact, &noisy}) {
        for (std::size_t i = 0; i < 5; ++i) {
          const std::size_t operand = static_cast<int>(i) < value.operands ? i : 0;
          gate.in[i] = (*planes)[static_cast<std::size_t>(value.reads[operand])];
        }
        gate.out = (*planes)[v];
        call.evaluate(gate);
      }
      if (place[v] == ~std::uint32_t{0}) continue;
      const auto accept = acceptance.error(static_cast<Gate>(value.gate));
      for (; next != candidates.end() && next->gate == place[v]; ++next) {
        const std::uint32_t w = next->lane >> 6, bit = next->lane & 63;
        std::size_t ones = 0;
        for (int i = 0; i < value.operands; ++i) ones += gate.in[i][w] >> bit & 1;
        gate.out[w] ^= static_cast<std::uint64_t>(next->accept < accept[ones] ? 1 : 0) << bit;
      }
    }
    const auto valid = valid_lanes(lanes, block);
    const auto y = word_planes(values, noisy), right = word_planes(values, exact);
    DistanceSums distances{};
    call.add_distances({.bits = word.bits,
                        .is_signed = word.is_signed,
                        .noisy = y.data(),
                        .exact = right.data(),
                        .valid = valid.data(),
                        .fan_in = 0,
                        .in = {}},
                       distances);
    sums[static_cast<std::size_t>(block)] = entry(distances, 0);
  });
  FaultSums total;
  for (const FaultSums& block : sums) add(total, block);
  return total;
}

std::vector<FaultSums> sensitivity(const Program& program, std::int64_t port,
                                   std::span<const InputPlane> inputs, std::int64_t lanes, int num_threads) {
  const Port& word = single_word(program, port);
  const Dataflow flow(program);
  expect_planes(flow, inputs);
  detail::expect_at_least("lanes", lanes, 0);
  expect_lanes(0, lanes);
  const std::vector<std::int32_t>& values = flow.ports[static_cast<std::size_t>(port)];
  const std::vector<char> needed = flow.needed_for(values);
  const std::size_t first_gate = flow.values.size() - static_cast<std::size_t>(program.num_gates());

  const std::int64_t blocks = (lanes + kBlockLanes - 1) / kBlockLanes;
  const std::int64_t jobs = program.num_gates();
  const double reach = 0.5 * static_cast<double>(jobs) * static_cast<double>(jobs);  // at most
  const auto work = static_cast<std::int64_t>(std::min(static_cast<double>(lanes) * reach, 9e18));
  const int threads =
      static_cast<int>(std::clamp<std::int64_t>(jobs, 1, resolve_threads(num_threads, work, kMinWork)));
  const Kernels call;
  struct Scratch {
    Planes faulty;
    std::vector<std::uint64_t*> at;  ///< per value: its plane, faulty or exact
    std::vector<char> reached;       ///< per value: whether the gate's output reaches it
  };
  std::vector<Scratch> scratch(static_cast<std::size_t>(threads),
                               {Planes(flow.values.size()), std::vector<std::uint64_t*>(flow.values.size()),
                                std::vector<char>(flow.values.size())});
  Planes exact(flow.values.size());
  std::vector<FaultSums> sums(static_cast<std::size_t>(jobs) * kMaxStates);
  const auto set = [&](Threshold& gate, const Value& value, auto&& plane_of) {
    for (std::size_t i = 0; i < 5; ++i) {
      gate.in[i] =
          plane_of(static_cast<std::size_t>(value.reads[static_cast<int>(i) < value.operands ? i : 0]));
    }
  };
  for (std::int64_t block = 0; block < blocks; ++block) {
    load(flow, inputs, lanes, block, exact);
    for (std::size_t v = first_gate; v < flow.values.size(); ++v) {
      Threshold gate = threshold_of(flow.values[v]);
      set(gate, flow.values[v], [&](std::size_t u) { return exact[u]; });
      gate.out = exact[v];
      call.evaluate(gate);
    }
    const auto valid = valid_lanes(lanes, block);
    const auto right = word_planes(values, exact);
    detail::for_blocks(jobs, 1, threads, [&](std::int64_t job, std::int64_t) {
      auto& [faulty, at, reached] =
          scratch[threads == 1 ? 0 : static_cast<std::size_t>(omp_get_thread_num())];
      const auto g = static_cast<std::size_t>(job);
      const std::size_t root = first_gate + g;
      for (std::size_t v = 0; v < at.size(); ++v) at[v] = exact[v];
      at[root] = faulty[root];
      for (int w = 0; w < kFaultWords; ++w) at[root][w] = ~exact[root][w];
      // Reached gates are found again in every block: to store them takes memory of gates squared.
      std::fill(reached.begin(), reached.end(), 0);
      reached[root] = 1;
      for (std::size_t v = root + 1; v < flow.values.size(); ++v) {
        if (!needed[v]) continue;  // the port does not depend on it
        const Value& value = flow.values[v];
        for (int i = 0; i < value.operands; ++i) {
          reached[v] |= reached[static_cast<std::size_t>(value.reads[static_cast<std::size_t>(i)])];
        }
        if (!reached[v]) continue;
        Threshold gate = threshold_of(value);
        set(gate, value, [&](std::size_t u) { return at[u]; });
        at[v] = faulty[v];
        gate.out = at[v];
        call.evaluate(gate);
      }
      std::vector<const std::uint64_t*> y;
      for (const std::int32_t v : values) y.push_back(at[static_cast<std::size_t>(v)]);
      Threshold gate = threshold_of(flow.values[root]);
      set(gate, flow.values[root], [&](std::size_t u) { return exact[u]; });
      kernels::Words words{.bits = word.bits,
                           .is_signed = word.is_signed,
                           .noisy = y.data(),
                           .exact = right.data(),
                           .valid = valid.data(),
                           .fan_in = gate.fan_in,
                           .in = {}};
      std::copy(std::begin(gate.in), std::end(gate.in), words.in);
      DistanceSums distances{};
      call.add_distances(words, distances);
      for (int k = 0; k <= gate.fan_in; ++k) {
        add(sums[g * kMaxStates + static_cast<std::size_t>(k)], entry(distances, k));
      }
    });
  }
  return sums;
}

}  // namespace nonideal::cram
