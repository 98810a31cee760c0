#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "cram/dataflow.hpp"
#include "cram/kernels/frontier.hpp"
#include "nonideal/base/threads.hpp"
#include "nonideal/cram/analysis.hpp"

namespace nonideal::cram {
namespace {

using kernels::kNever;
using kernels::kPayload;
using kernels::Transition;

constexpr double kCheapVisits = 0x1p30;       ///< state visits that are done input after input: seconds
constexpr int kMaxEnumeratedBits = 24;        ///< input bits, as in Python's "exhaustive"
constexpr std::int64_t kInputsPerBlock = 64;  ///< summed in order, so that threads do not change the sum

/// What a state's numbers are: the probability of no error so far, and for errors above and below zero
/// probability, sum of e and sum of e^2. Output bits are compared from the lowest up, so that the highest
/// wrong bit seen so far decides on the sign, and E |y - y*| needs no distribution of y - y*.
struct Sign {
  int probability, sum, square;
};
constexpr int kRight = 0;
constexpr Sign kAbove{1, 2, 3}, kBelow{4, 5, 6};

/// Where the inputs come from.
enum class Inputs {
  given,   ///< known, and with them all correct values
  random,  ///< fair coins in the frontier, beside the correct values
};

/// What is done with the output bits.
enum class Outputs {
  keep,         ///< they stay in the frontier
  compare,      ///< with the correct ones
  against_zero  ///< with 0: the distance is the size of the word
};

/// One step of the plan, slots resolved. A slot of -1 is a known bit: the correct bit of `values`.
struct Step {
  enum class Kind { input, gate, fold, compare } kind;
  int slot = -1;                       ///< gate: replaced; fold: summed over; compare: of the noisy bit
  int exact_slot = -1;                 ///< compare
  int value = -1;                      ///< gate, compare: its number
  int count = 0;                       ///< gate: other uncertain inputs
  std::array<int, kMaxFanIn> slots{};  ///< gate: their slots
  std::vector<std::int32_t> known{};   ///< gate: known inputs
  const double* error = nullptr;       ///< gate: per number of ones; null: never wrong
  int bit = 0;                         ///< compare
};

/// The frontier of a program, step by step: which cell has which slot, the same for every input.
struct Plan {
  std::vector<Step> steps;
  std::vector<int> kept;  ///< slots of the output bits, Outputs::keep
  int peak = 0;           ///< live cells at most
  double visits = 0.0;    ///< states, summed over steps

  Plan(const Dataflow& flow, const GateTable& table, const std::vector<std::int32_t>& word, Inputs inputs,
       Outputs outputs)
      : flow_(flow), inputs_(inputs), outputs_(outputs), word_(word) {
    const auto n = flow.values.size();
    slot_.assign(2 * n, -1);
    left_.assign(2 * n, 0);
    same_.assign(n, 1);
    const std::vector<char> needed = flow.needed_for(word);
    for (std::size_t v = 0; v < n; ++v) {
      const Value& value = flow.values[v];
      bool clean = true;
      for (int i = 0; i < value.operands; ++i) clean &= same_[read(value, i)] != 0;
      same_[v] = clean && (value.gate < 0 || never_wrong(table.error(static_cast<Gate>(value.gate))));
      for (int i = 0; needed[v] && i < value.operands; ++i) {
        ++left_[reference(read(value, i), false)];
        if (tracks_exact()) ++left_[reference(read(value, i), true)];
      }
    }
    for (const std::int32_t v : word) {
      ++left_[reference(static_cast<std::size_t>(v), false)];
      if (tracks_exact()) ++left_[reference(static_cast<std::size_t>(v), true)];
    }
    known_.assign(2 * n, 1);
    done_.assign(n, 0);
    for (std::size_t v = 0; v < n; ++v) {
      if (flow.values[v].gate < 0) done_[v] = 1;
    }
    compare_ready();
    for (std::size_t v = 0; v < n; ++v) {
      if (!needed[v]) continue;
      const Value& value = flow.values[v];
      if (value.gate < 0) {
        if (v < flow.inputs && inputs == Inputs::random) known_[2 * v] = known_[2 * v + 1] = 0;
        continue;
      }
      const auto error = table.error(static_cast<Gate>(value.gate));
      gate(v, false, never_wrong(error) ? nullptr : error.data());
      if (tracks_exact() && !same_[v]) gate(v, true, nullptr);
      done_[v] = 1;
      compare_ready();
    }
    if (outputs == Outputs::keep) {
      for (const std::int32_t v : word) kept.push_back(slot_[reference(static_cast<std::size_t>(v), false)]);
    }
  }

 private:
  static std::size_t read(const Value& value, int i) {
    return static_cast<std::size_t>(value.reads[static_cast<std::size_t>(i)]);
  }
  static bool never_wrong(std::span<const double> error) {
    return std::all_of(error.begin(), error.end(), [](double p) { return p == 0.0; });
  }
  bool tracks_exact() const { return inputs_ == Inputs::random && outputs_ == Outputs::compare; }

  /// A cell, or the correct value of it: one and the same where no noisy gate lies before it.
  std::size_t reference(std::size_t v, bool exact) const { return 2 * v + (exact && !same_[v] ? 1 : 0); }

  int width() const { return static_cast<int>(order_.size()); }
  void count() {
    peak = std::max(peak, width());
    visits += std::ldexp(1.0, width());
  }

  /// The slot of a cell that is read now; a random input enters when it is first read.
  int slot_of(std::size_t ref) {
    if (slot_[ref] < 0 && !known_[ref]) {
      slot_[ref] = width();
      order_.push_back(ref);
      steps.push_back({.kind = Step::Kind::input});
      count();
    }
    return slot_[ref];
  }

  void fold(std::size_t ref) {
    const int slot = slot_[ref];
    steps.push_back({.kind = Step::Kind::fold, .slot = slot});
    count();
    order_.erase(order_.begin() + slot);
    slot_[ref] = -1;
    for (int s = slot; s < width(); ++s) slot_[order_[static_cast<std::size_t>(s)]] = s;
  }

  void gate(std::size_t v, bool exact, const double* error) {
    const Value& value = flow_.values[v];
    const std::size_t out = reference(v, exact);
    // A cell that equals its correct value is computed once for both.
    const int times = tracks_exact() && same_[v] ? 2 : 1;
    Step step{.kind = Step::Kind::gate, .value = static_cast<int>(v), .error = error};
    std::vector<std::size_t> dying, uncertain;
    for (int i = 0; i < value.operands; ++i) {
      const std::size_t ref = reference(read(value, i), exact);
      left_[ref] -= times;
      if (slot_of(ref) < 0) {
        step.known.push_back(static_cast<std::int32_t>(read(value, i)));
      } else {
        uncertain.push_back(ref);
        if (left_[ref] == 0) dying.push_back(ref);
      }
    }
    known_[out] = uncertain.empty() && error == nullptr;
    if (known_[out]) return;
    std::size_t replaced = out;
    if (!dying.empty()) {  // the output takes over the slot
      replaced = dying.front();
      dying.erase(dying.begin());
      step.slot = slot_[replaced];
    }
    for (const std::size_t ref : uncertain) {
      if (ref != replaced) step.slots[static_cast<std::size_t>(step.count++)] = slot_[ref];
    }
    if (step.slot < 0) {
      slot_[out] = width();
      order_.push_back(out);
    } else {
      slot_[out] = step.slot;
      order_[static_cast<std::size_t>(step.slot)] = out;
      slot_[replaced] = -1;
    }
    steps.push_back(std::move(step));
    count();
    for (const std::size_t ref : dying) fold(ref);
  }

  /// Output bits are compared in order, as soon as all lower ones are.
  void compare_ready() {
    for (; outputs_ != Outputs::keep && compared_ < word_.size(); ++compared_) {
      const auto v = static_cast<std::size_t>(word_[compared_]);
      if (!done_[v]) return;
      if (v < flow_.inputs && inputs_ == Inputs::random) known_[2 * v] = 0;
      const std::size_t noisy = reference(v, false), exact = reference(v, true);
      const bool trivial = outputs_ == Outputs::compare && same_[v];
      Step step{
          .kind = Step::Kind::compare, .value = static_cast<int>(v), .bit = static_cast<int>(compared_)};
      --left_[noisy];
      if (tracks_exact()) --left_[exact];
      if (!trivial) {
        step.slot = slot_of(noisy);
        step.exact_slot = tracks_exact() ? slot_of(exact) : -1;
        steps.push_back(step);
        count();
      }
      if (slot_[noisy] >= 0 && left_[noisy] == 0) fold(noisy);
      if (exact != noisy && slot_[exact] >= 0 && left_[exact] == 0) fold(exact);
    }
  }

  const Dataflow& flow_;
  Inputs inputs_;
  Outputs outputs_;
  std::vector<std::int32_t> word_;
  std::vector<std::size_t> order_;  ///< references by slot
  std::vector<int> slot_;           ///< per reference; -1: not in the frontier
  std::vector<int> left_;           ///< reads to come
  std::vector<char> known_;         ///< a function of the given inputs and constants
  std::vector<char> same_;          ///< per value: no noisy gate lies before it
  std::vector<char> done_;
  std::size_t compared_ = 0;
};

struct Kernels {
  decltype(&kernels::baseline::transit) transit = NONIDEAL_PICK(cram, transit);
  decltype(&kernels::baseline::transit) transit_moments = NONIDEAL_PICK(cram, transit_moments);
  decltype(&kernels::baseline::transit_range) transit_range = NONIDEAL_PICK(cram, transit_range);
  decltype(&kernels::baseline::fold) fold = NONIDEAL_PICK(cram, fold);
  decltype(&kernels::baseline::fold) fold_moments = NONIDEAL_PICK(cram, fold_moments);
  decltype(&kernels::baseline::fold_range) fold_range = NONIDEAL_PICK(cram, fold_range);
};

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

template <class T>
std::unique_ptr<T[], Free> allocate(std::size_t count) {
  const std::size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
  std::unique_ptr<T[], Free> memory(static_cast<T*>(std::aligned_alloc(64, bytes)));
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

/// A frontier that runs plans, with the memory that it works in.
class Frontier {
 public:
  Frontier(const Dataflow& flow, const Plan& plan, Outputs outputs, const Port* port)
      : flow_(flow),
        plan_(plan),
        outputs_(outputs),
        port_(port),
        bits_(flow.values.size(), 0),
        payload_(allocate<double>((std::size_t{1} << plan.peak) * (port == nullptr ? 1 : kPayload))),
        range_(allocate<std::int64_t>(port == nullptr ? 8 : std::size_t{2} << plan.peak)) {
    if (port != nullptr) bit_error.assign(static_cast<std::size_t>(port->bits), 0.0);
  }

  std::vector<double> bit_error;

  void set_input(std::size_t i, int bit) { bits_[i] = bit; }
  const double* payload() const { return payload_.get(); }
  const std::int64_t* range() const { return range_.get(); }
  int known_bit(std::int32_t value) const { return bits_[static_cast<std::size_t>(value)]; }

  /// The correct word of a port.
  std::int64_t correct(const std::vector<std::int32_t>& word, bool is_signed) const {
    std::uint64_t y = 0;
    for (std::size_t i = 0; i < word.size(); ++i) y |= static_cast<std::uint64_t>(known_bit(word[i])) << i;
    if (is_signed && known_bit(word.back()) != 0) y -= std::uint64_t{1} << word.size();
    return static_cast<std::int64_t>(y);
  }

  /// Correct values from the inputs that are set; where those are random, only what depends on none of them.
  void evaluate() {
    for (std::size_t v = flow_.inputs; v < bits_.size(); ++v) {
      const Value& value = flow_.values[v];
      if (value.gate < 0) {
        bits_[v] = value.constant;
        continue;
      }
      int ones = 0;
      for (int i = 0; i < value.operands; ++i) ones += known_bit(value.reads[static_cast<std::size_t>(i)]);
      bits_[v] = spec(static_cast<Gate>(value.gate)).output(ones);
    }
  }

  void run() {
    const bool moments = port_ != nullptr;
    states_ = 1;
    std::fill_n(payload_.get(), moments ? kPayload : 1, 0.0);
    payload_[0] = 1.0;
    std::fill(bit_error.begin(), bit_error.end(), 0.0);
    range_[0] = range_[1] = 0;
    for (const Step& step : plan_.steps) {
      switch (step.kind) {
        case Step::Kind::input:
          transit({.states = states_, .slot = -1, .count = 0, .slots = {}, .weight = {{0.5, 0.5}}});
          break;
        case Step::Kind::gate:
          transit(transition(step));
          break;
        case Step::Kind::fold:
          if (moments) {
            call_.fold_moments(states_, step.slot, payload_.get());
            call_.fold_range(states_, step.slot, range_.get());
          } else {
            call_.fold(states_, step.slot, payload_.get());
          }
          states_ /= 2;
          break;
        case Step::Kind::compare:
          compare(step);
          break;
      }
    }
  }

 private:
  Transition transition(const Step& step) const {
    Transition gate{};
    gate.states = states_;
    gate.slot = step.slot;
    gate.count = step.count;
    std::copy(step.slots.begin(), step.slots.end(), gate.slots);
    int base = 0;
    for (const std::int32_t value : step.known) base += known_bit(value);
    const GateSpec& kind = spec(static_cast<Gate>(flow_.values[static_cast<std::size_t>(step.value)].gate));
    const int uncertain = step.count + (step.slot >= 0 ? 1 : 0);
    for (int ones = 0; ones <= uncertain; ++ones) {
      const int right = kind.output(base + ones);
      const double error = step.error == nullptr ? 0.0 : step.error[base + ones];
      gate.weight[ones][right] = 1.0 - error;
      gate.weight[ones][1 - right] = error;
    }
    return gate;
  }

  void transit(const Transition& gate) {
    if (port_ != nullptr) {
      call_.transit_moments(gate, payload_.get());
      call_.transit_range(gate, range_.get());
    } else {
      call_.transit(gate, payload_.get());
    }
    if (gate.slot < 0) states_ *= 2;
  }

  void compare(const Step& step) {
    const int known = known_bit(step.value);
    const bool is_top = port_->is_signed && step.bit == port_->bits - 1;
    const std::int64_t unit = (std::int64_t{1} << step.bit) * (is_top ? -1 : 1);
    double wrong = 0.0;
    for (std::int64_t s = 0; s < states_; ++s) {
      const int y = step.slot < 0 ? known : static_cast<int>(s >> step.slot & 1);
      int right = known;
      if (outputs_ == Outputs::against_zero) right = 0;
      if (step.exact_slot >= 0) right = static_cast<int>(s >> step.exact_slot & 1);
      if (y == right) continue;
      const std::int64_t error = y > right ? unit : -unit;
      const auto e = static_cast<double>(error);
      double* const p = payload_.get() + s * kPayload;
      const double probability = p[kRight] + p[kAbove.probability] + p[kBelow.probability];
      const double sum = p[kAbove.sum] + p[kBelow.sum];
      const double square = p[kAbove.square] + p[kBelow.square];
      std::fill_n(p, kPayload, 0.0);
      const Sign sign = error > 0 ? kAbove : kBelow;
      p[sign.probability] = probability;
      p[sign.sum] = sum + e * probability;
      p[sign.square] = square + 2.0 * e * sum + e * e * probability;
      wrong += probability;
      std::int64_t* const range = range_.get() + 2 * s;
      if (range[0] != kNever) range[0] += error;
      if (range[1] != kNever) range[1] -= error;
    }
    bit_error[static_cast<std::size_t>(step.bit)] = wrong;
  }

  const Dataflow& flow_;
  const Plan& plan_;
  Outputs outputs_;
  const Port* port_;  ///< null: probabilities alone
  std::vector<int> bits_;
  std::unique_ptr<double[], Free> payload_;
  std::unique_ptr<std::int64_t[], Free> range_;
  std::int64_t states_ = 1;
  Kernels call_;
};

bool fits(int width, std::int64_t max_states) { return width < 63 && std::int64_t{1} << width <= max_states; }

[[noreturn]] void refuse_width(int width, std::int64_t max_states) {
  throw InvalidArgument("program: its frontier has up to " + std::to_string(width) + " live cells, 2^" +
                        std::to_string(width) +
                        " states, more than max_states = " + std::to_string(max_states));
}

/// Sums over a block of inputs.
struct Sums {
  ErrorMoments moments;

  void add(const Frontier& frontier, const double* p, const std::int64_t* range) {
    moments.error_rate += p[kAbove.probability] + p[kBelow.probability];
    moments.bias += p[kAbove.sum] + p[kBelow.sum];
    moments.distance += p[kAbove.sum] - p[kBelow.sum];
    moments.square += p[kAbove.square] + p[kBelow.square];
    moments.worst = std::max({moments.worst, range[0], range[1]});
    moments.bit_error_rate.resize(frontier.bit_error.size());
    for (std::size_t i = 0; i < frontier.bit_error.size(); ++i) {
      moments.bit_error_rate[i] += frontier.bit_error[i];
    }
  }

  void add(const Sums& other) {
    const ErrorMoments& m = other.moments;
    moments.error_rate += m.error_rate;
    moments.bias += m.bias;
    moments.distance += m.distance;
    moments.square += m.square;
    moments.relative += m.relative;
    moments.relative_inputs += m.relative_inputs;
    moments.worst = std::max(moments.worst, m.worst);
    moments.largest = std::max(moments.largest, m.largest);
    moments.bit_error_rate.resize(m.bit_error_rate.size());
    for (std::size_t i = 0; i < m.bit_error_rate.size(); ++i)
      moments.bit_error_rate[i] += m.bit_error_rate[i];
  }
};

/// Input after input; set_inputs(frontier, lane) says which.
template <class SetInputs>
ErrorMoments enumerate(const Dataflow& flow, const Plan& plan, const Port& port,
                       const std::vector<std::int32_t>& word, std::int64_t lanes, int num_threads,
                       const SetInputs& set_inputs) {
  const auto work = static_cast<std::int64_t>(std::min(plan.visits * static_cast<double>(lanes), 9e18));
  const std::int64_t blocks = (lanes + kInputsPerBlock - 1) / kInputsPerBlock;
  const int threads =
      static_cast<int>(std::min<std::int64_t>(resolve_threads(num_threads, work, 1 << 18), blocks));
  std::vector<Frontier> frontiers;
  frontiers.reserve(static_cast<std::size_t>(threads));
  for (int t = 0; t < threads; ++t) frontiers.emplace_back(flow, plan, Outputs::compare, &port);
  std::vector<Sums> sums(static_cast<std::size_t>(blocks));
  for (Sums& block : sums) {
    block.moments.relative_inputs = 0;
    block.moments.bit_error_rate.resize(static_cast<std::size_t>(port.bits));
  }
  detail::for_blocks(lanes, kInputsPerBlock, threads, [&](std::int64_t begin, std::int64_t end) {
    Frontier& frontier = frontiers[threads == 1 ? 0 : static_cast<std::size_t>(omp_get_thread_num())];
    Sums& block = sums[static_cast<std::size_t>(begin / kInputsPerBlock)];
    for (std::int64_t lane = begin; lane < end; ++lane) {
      set_inputs(frontier, lane);
      frontier.evaluate();
      frontier.run();
      const double* const p = frontier.payload();
      block.add(frontier, p, frontier.range());
      const std::int64_t y = frontier.correct(word, port.is_signed);
      const std::int64_t size = y < 0 ? -y : y;
      block.moments.largest = std::max(block.moments.largest, size);
      if (size != 0) {
        ++block.moments.relative_inputs;
        block.moments.relative += (p[kAbove.sum] - p[kBelow.sum]) / static_cast<double>(size);
      }
    }
  });
  Sums total;
  total.moments.relative_inputs = 0;
  for (const Sums& block : sums) total.add(block);
  ErrorMoments& m = total.moments;
  const auto n = static_cast<double>(lanes);
  m.error_rate /= n;
  m.bias /= n;
  m.distance /= n;
  m.square /= n;
  for (double& rate : m.bit_error_rate) rate /= n;
  return m;
}

}  // namespace

std::vector<double> distribution(const Program& program, const GateTable& table,
                                 std::span<const std::uint8_t> inputs, std::int64_t max_states) {
  detail::expect_at_least("max_states", max_states, 1);
  const Dataflow flow(program);
  detail::expect_count("inputs", "bits", static_cast<std::int64_t>(inputs.size()),
                       static_cast<std::int64_t>(flow.inputs));
  std::vector<std::int32_t> word;
  for (const auto& port : flow.ports) word.insert(word.end(), port.begin(), port.end());
  if (!fits(static_cast<int>(std::min<std::size_t>(word.size(), 64)), max_states)) {
    throw InvalidArgument("program: " + std::to_string(word.size()) + " output bits have 2^" +
                          std::to_string(word.size()) +
                          " values, more than max_states = " + std::to_string(max_states));
  }
  const Plan plan(flow, table, word, Inputs::given, Outputs::keep);
  if (!fits(plan.peak, max_states)) refuse_width(plan.peak, max_states);
  Frontier frontier(flow, plan, Outputs::keep, nullptr);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    detail::expect_within(detail::bracketed("inputs", static_cast<std::int64_t>(i)), inputs[i], 0, 1);
    frontier.set_input(i, inputs[i]);
  }
  frontier.evaluate();
  frontier.run();
  std::vector<double> pmf(std::size_t{1} << word.size(), 0.0);
  std::size_t fixed = 0;
  std::vector<int> live;
  for (std::size_t j = 0; j < word.size(); ++j) {
    if (plan.kept[j] < 0) fixed |= static_cast<std::size_t>(frontier.known_bit(word[j])) << j;
    live.push_back(plan.kept[j]);
  }
  std::vector<int> distinct;
  for (const int slot : live) {
    if (slot >= 0 && std::find(distinct.begin(), distinct.end(), slot) == distinct.end())
      distinct.push_back(slot);
  }
  for (std::size_t s = 0; s < std::size_t{1} << distinct.size(); ++s) {
    std::size_t index = fixed;
    for (std::size_t j = 0; j < live.size(); ++j) {
      if (live[j] >= 0) index |= (s >> live[j] & 1) << j;
    }
    pmf[index] += frontier.payload()[s];
  }
  return pmf;
}

ErrorMoments exact(const Program& program, const GateTable& table, std::int64_t port,
                   std::span<const InputPlane> inputs, std::int64_t lanes, std::int64_t max_states,
                   int num_threads) {
  detail::expect_at_least("max_states", max_states, 1);
  detail::expect_at_least("lanes", lanes, 1);
  const Port& word = single_word(program, port);
  const Dataflow flow(program);
  expect_planes(flow, inputs);
  const std::vector<std::int32_t>& values = flow.ports[static_cast<std::size_t>(port)];
  const Plan plan(flow, table, values, Inputs::given, Outputs::compare);
  if (!fits(plan.peak, max_states)) refuse_width(plan.peak, max_states);
  return enumerate(flow, plan, word, values, lanes, num_threads, [&](Frontier& frontier, std::int64_t lane) {
    for (std::size_t i = 0; i < inputs.size(); ++i) frontier.set_input(i, lane_bit(inputs[i], lane, lanes));
  });
}

ErrorMoments exact(const Program& program, const GateTable& table, std::int64_t port, std::int64_t max_states,
                   int num_threads) {
  detail::expect_at_least("max_states", max_states, 1);
  const Port& word = single_word(program, port);
  const Dataflow flow(program);
  const std::vector<std::int32_t>& values = flow.ports[static_cast<std::size_t>(port)];
  const Plan each(flow, table, values, Inputs::given, Outputs::compare);
  const Plan together(flow, table, values, Inputs::random, Outputs::compare);
  const double each_visits =
      std::ldexp(each.visits, static_cast<int>(std::min<std::size_t>(flow.inputs, 1000)));
  const bool can_each = fits(each.peak, max_states) && flow.inputs <= kMaxEnumeratedBits;
  const bool can_together = fits(together.peak, max_states);
  if (!can_each && !can_together) refuse_width(together.peak, max_states);
  if (can_each && (!can_together || each_visits <= kCheapVisits || each_visits <= together.visits)) {
    return enumerate(flow, each, word, values, std::int64_t{1} << flow.inputs, num_threads,
                     [&](Frontier& frontier, std::int64_t lane) {
                       for (std::size_t i = 0; i < flow.inputs; ++i) {
                         frontier.set_input(i, static_cast<int>(lane >> i & 1));
                       }
                     });
  }
  Frontier frontier(flow, together, Outputs::compare, &word);
  frontier.evaluate();
  frontier.run();
  Sums sums;
  sums.add(frontier, frontier.payload(), frontier.range());
  // The largest correct word: the range of the error where the gates are ideal and the reference is 0.
  const Plan size(flow, GateTable::ideal(), values, Inputs::random, Outputs::against_zero);
  if (!fits(size.peak, max_states)) refuse_width(size.peak, max_states);
  Frontier correct(flow, size, Outputs::against_zero, &word);
  correct.evaluate();
  correct.run();
  sums.moments.largest = std::max(correct.range()[0], correct.range()[1]);
  return sums.moments;
}

}  // namespace nonideal::cram
