#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/check.hpp"
#include "quantum/code.hpp"

/// From circuit and noise to a straight-line program, in four steps: lower every gate with its channel to
/// rotations and small constant matrices; choose an order in which to go through them; find the Pauli strings
/// that matter at each; follow their coefficients as expressions in the sines and cosines.
namespace nonideal::quantum {

namespace {

using kernels::Op;
using kernels::Step;

// ---- Pauli strings ----

struct Pauli {
  std::uint64_t x = 0;
  std::uint64_t z = 0;
  bool operator==(const Pauli&) const = default;
  auto operator<=>(const Pauli&) const = default;
};

struct PauliHash {
  std::size_t operator()(const Pauli& p) const {
    std::uint64_t h = (p.x * 0x9e3779b97f4a7c15u) ^ (p.z + 0x7f4a7c15u) * 0xbf58476d1ce4e5b9u;
    return static_cast<std::size_t>(h ^ (h >> 29));
  }
};

/// 0 to 3 for I, X, Y, Z.
unsigned letter(const Pauli& p, int qubit) {
  const auto x = static_cast<unsigned>(p.x >> qubit & 1), z = static_cast<unsigned>(p.z >> qubit & 1);
  return z ? 3 - x : x;
}

void set_letter(Pauli& p, int qubit, unsigned value) {
  const std::uint64_t bit = std::uint64_t{1} << qubit;
  p.x = (p.x & ~bit) | (value == 1 || value == 2 ? bit : 0);
  p.z = (p.z & ~bit) | (value >= 2 ? bit : 0);
}

// ---- lowered gates ----

/// exp(-i angle P / 2) with P a string on at most two qubits; or a real matrix on the Pauli strings of a few
/// qubits.
struct Lowered {
  std::vector<int> qubits;
  // rotation
  int slot = -1;
  Pauli axis;
  // constant: row-major, rows are what comes out
  std::vector<double> matrix;
};

struct Rotation {
  std::array<unsigned, 2> letters;  // on the gate's first and second qubit
  int angle;                        // which of the gate's angles; -1: none, `factor` is a constant angle
  double factor;
};

/// Gates as rotations in the order in which they act, up to global phase.
std::span<const Rotation> rotations(Gate gate) {
  static constexpr Rotation kRx[] = {{{1, 0}, 0, 1.0}};
  static constexpr Rotation kRy[] = {{{2, 0}, 0, 1.0}};
  static constexpr Rotation kRz[] = {{{3, 0}, 0, 1.0}};
  static constexpr Rotation kU[] = {{{3, 0}, 2, 1.0}, {{2, 0}, 0, 1.0}, {{3, 0}, 1, 1.0}};
  static constexpr Rotation kU2[] = {{{3, 0}, 1, 1.0}, {{2, 0}, -1, std::numbers::pi / 2}, {{3, 0}, 0, 1.0}};
  static constexpr Rotation kCp[] = {{{3, 0}, 0, 0.5}, {{0, 3}, 0, 0.5}, {{3, 3}, 0, -0.5}};
  static constexpr Rotation kCrx[] = {{{0, 1}, 0, 0.5}, {{3, 1}, 0, -0.5}};
  static constexpr Rotation kCry[] = {{{0, 2}, 0, 0.5}, {{3, 2}, 0, -0.5}};
  static constexpr Rotation kCrz[] = {{{0, 3}, 0, 0.5}, {{3, 3}, 0, -0.5}};
  static constexpr Rotation kRxx[] = {{{1, 1}, 0, 1.0}};
  static constexpr Rotation kRyy[] = {{{2, 2}, 0, 1.0}};
  static constexpr Rotation kRzz[] = {{{3, 3}, 0, 1.0}};
  static constexpr Rotation kRzx[] = {{{3, 1}, 0, 1.0}};
  switch (gate) {
    case Gate::rx:
      return kRx;
    case Gate::ry:
      return kRy;
    case Gate::rz:
    case Gate::p:
    case Gate::u1:
      return kRz;
    case Gate::u:
    case Gate::u3:
      return kU;
    case Gate::u2:
      return kU2;
    case Gate::cp:
      return kCp;
    case Gate::crx:
      return kCrx;
    case Gate::cry:
      return kCry;
    case Gate::crz:
      return kCrz;
    case Gate::rxx:
      return kRxx;
    case Gate::ryy:
      return kRyy;
    case Gate::rzz:
      return kRzz;
    case Gate::rzx:
      return kRzx;
    default:
      return {};
  }
}

std::vector<double> multiply(std::span<const double> a, std::span<const double> b) {
  const auto size = static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(a.size()))));
  std::vector<double> out(size * size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t k = 0; k < size; ++k) {
      const double factor = a[i * size + k];
      if (factor == 0.0) continue;
      for (std::size_t j = 0; j < size; ++j) out[i * size + j] += factor * b[k * size + j];
    }
  }
  return out;
}

std::vector<int> qubits_of(const Instruction& instruction) {
  return {instruction.on().begin(), instruction.on().end()};
}

/// The circuit as lowered gates; `slots` collects the angles that depend on parameters.
std::vector<Lowered> lower(const Circuit& circuit, const NoiseModel& noise, std::size_t noiseless,
                           std::vector<Angle>& slots) {
  std::vector<Lowered> out;
  const auto slot_of = [&slots](const Angle& angle) {
    const auto found = std::find(slots.begin(), slots.end(), angle);
    if (found != slots.end()) return static_cast<int>(found - slots.begin());
    slots.push_back(angle);
    return static_cast<int>(slots.size()) - 1;
  };
  std::size_t index = 0;
  for (const Instruction& instruction : circuit.instructions()) {
    const bool noisy = index++ >= noiseless;
    if (instruction.gate == Gate::barrier) continue;
    const Channel* channel = noisy ? noise.find(instruction) : nullptr;
    const std::vector<int> on = qubits_of(instruction);
    if (!instruction.parametric()) {
      std::vector<double> matrix = pauli_transfer_matrix(matrix_of(circuit, instruction));
      if (channel) matrix = multiply(channel->pauli_transfer_matrix(), matrix);
      out.push_back({on, -1, {}, std::move(matrix)});
      continue;
    }
    for (const Rotation& rotation : rotations(instruction.gate)) {
      Angle angle(rotation.factor);
      if (rotation.angle >= 0) angle = instruction.angles[static_cast<std::size_t>(rotation.angle)];
      if (rotation.angle >= 0 && rotation.factor != 1.0) {
        angle.factor *= rotation.factor;
        angle.offset *= rotation.factor;
      }
      Lowered lowered{on, -1, {}, {}};
      for (std::size_t i = 0; i < on.size(); ++i) set_letter(lowered.axis, on[i], rotation.letters[i]);
      if (angle.parameter < 0) {  // u or u2 with constant angles, which is a gate on one qubit
        const Gate gate = rotation.letters[0] == 2 ? Gate::ry : Gate::rz;
        lowered.matrix = pauli_transfer_matrix(gate_matrix(gate, std::array{angle.offset}));
      } else {
        lowered.slot = slot_of(angle);
      }
      out.push_back(std::move(lowered));
    }
    if (channel) {
      const std::span<const double> matrix = channel->pauli_transfer_matrix();
      out.push_back({on, -1, {}, {matrix.begin(), matrix.end()}});
    }
  }
  return out;
}

/// What a string becomes under a rotation that does not commute with it: `partner`, and +1 or -1 in
/// U^dagger Q U = cos Q + sign sin partner.
struct Turned {
  Pauli partner;
  double sign;
};

std::optional<Turned> turned(const Pauli& q, const Lowered& gate) {
  // U^dagger Q U = Q exp(-i angle P) = cos Q - i sin Q P where they anticommute.
  int quarter_turns = 0;  // Q P = i^quarter_turns R
  bool anticommutes = false;
  Pauli partner = q;
  for (const int qubit : gate.qubits) {
    const unsigned a = letter(q, qubit), b = letter(gate.axis, qubit);
    if (b == 0) continue;
    if (a == 0) {
      set_letter(partner, qubit, b);
    } else if (a == b) {
      set_letter(partner, qubit, 0);
    } else {
      anticommutes = !anticommutes;
      const unsigned third = 6 - a - b;
      set_letter(partner, qubit, third);
      quarter_turns += (b + 3 - a) % 3 == 1 ? 1 : 3;  // XY = iZ and cyclic; YX = -iZ
    }
  }
  if (!anticommutes) return std::nullopt;
  // -i * i^q: q = 1 gives 1, q = 3 gives -1 (two letters that differ never occur together with
  // anticommuting).
  return Turned{partner, quarter_turns % 4 == 1 ? 1.0 : -1.0};
}

std::size_t local_index(const Pauli& p, std::span<const int> qubits) {
  std::size_t index = 0;
  for (std::size_t i = 0; i < qubits.size(); ++i) {
    index |= static_cast<std::size_t>(letter(p, qubits[i])) << (2 * i);
  }
  return index;
}

Pauli with_local(Pauli p, std::span<const int> qubits, std::size_t index) {
  for (std::size_t i = 0; i < qubits.size(); ++i) {
    set_letter(p, qubits[i], static_cast<unsigned>(index >> (2 * i) & 3));
  }
  return p;
}

using Strings = std::unordered_set<Pauli, PauliHash>;

enum class Picture { heisenberg, schroedinger };

/// Which strings a gate can make of these.
Strings spread(const Strings& strings, const Lowered& gate, Picture picture) {
  Strings out;
  out.reserve(strings.size() * 2);
  if (gate.slot >= 0) {
    for (const Pauli& p : strings) {
      out.insert(p);
      if (const auto to = turned(p, gate)) out.insert(to->partner);
    }
    return out;
  }
  const std::size_t size = std::size_t{1} << (2 * gate.qubits.size());
  for (const Pauli& p : strings) {
    const std::size_t from = local_index(p, gate.qubits);
    for (std::size_t to = 0; to < size; ++to) {
      const double element =
          picture == Picture::schroedinger ? gate.matrix[to * size + from] : gate.matrix[from * size + to];
      if (element != 0.0) out.insert(with_local(p, gate.qubits, to));
    }
  }
  return out;
}

/// In |0...0> a string of I and Z counts 1 whatever its letters, others 0: at the circuit's start a qubit can
/// be taken off.
Strings contracted(const Strings& strings, int qubit) {
  Strings out;
  for (Pauli p : strings) {
    const unsigned value = letter(p, qubit);
    if (value == 1 || value == 2) continue;
    set_letter(p, qubit, 0);
    out.insert(p);
  }
  return out;
}

/// An order backwards through the circuit in which the strings of an observable stay few: gates on different
/// qubits change places. `first[i]` says that gate i is the first on these qubits, after which they are taken
/// off.
struct Order {
  std::vector<int> gates;               // from the circuit's end to its start
  std::vector<std::vector<int>> first;  // beside each: qubits without a gate before it
};

Order order_backwards(std::span<const Lowered> gates, int n_qubits, const Strings& observable,
                      std::size_t limit) {
  // Gates that wait on a qubit, last one at the back.
  std::vector<std::vector<int>> waiting(static_cast<std::size_t>(n_qubits));
  for (std::size_t i = 0; i < gates.size(); ++i) {
    for (const int qubit : gates[i].qubits)
      waiting[static_cast<std::size_t>(qubit)].push_back(static_cast<int>(i));
  }
  const auto ready = [&](int gate) {
    return std::ranges::all_of(gates[static_cast<std::size_t>(gate)].qubits, [&](int qubit) {
      return waiting[static_cast<std::size_t>(qubit)].back() == gate;
    });
  };
  Order order;
  Strings strings = observable;
  while (order.gates.size() < gates.size()) {
    int best = -1;
    Strings best_strings;
    std::vector<int> best_first;
    std::vector<int> tried;
    for (const auto& queue : waiting) {
      if (queue.empty() || !ready(queue.back())) continue;
      const int gate = queue.back();
      if (std::ranges::find(tried, gate) != tried.end()) continue;
      tried.push_back(gate);
      Strings after;
      std::vector<int> first;
      const bool many = strings.size() > limit;  // too many to try: keep the circuit's order
      if (many && best >= 0) {
        best = std::max(best, gate);
        continue;
      }
      if (!many) after = spread(strings, gates[static_cast<std::size_t>(gate)], Picture::heisenberg);
      for (const int qubit : gates[static_cast<std::size_t>(gate)].qubits) {
        if (waiting[static_cast<std::size_t>(qubit)].size() == 1) {
          first.push_back(qubit);
          if (!many) after = contracted(after, qubit);
        }
      }
      if (best < 0 || after.size() < best_strings.size() ||
          (after.size() == best_strings.size() && gate > best)) {
        best = gate;
        best_strings = std::move(after);
        best_first = std::move(first);
      }
    }
    if (strings.size() > limit) {  // `best` may have been replaced above
      best_first.clear();
      for (const int qubit : gates[static_cast<std::size_t>(best)].qubits) {
        if (waiting[static_cast<std::size_t>(qubit)].size() == 1) best_first.push_back(qubit);
      }
    } else {
      strings = std::move(best_strings);
    }
    for (const int qubit : gates[static_cast<std::size_t>(best)].qubits) {
      waiting[static_cast<std::size_t>(qubit)].pop_back();
    }
    order.gates.push_back(best);
    order.first.push_back(std::move(best_first));
  }
  return order;
}

// ---- expressions ----

/// factor * node; node 0 is the number 1.
struct Value {
  double factor;
  int node;
};

/// A program under construction: nodes are hash-consed, so that equal expressions are computed once.
class Builder {
 public:
  struct Node {
    Op op;
    int slot;
    int a, b;
    double k;
  };

  // Cosine and sine of slot s are the nodes 1 + 2 s and 2 + 2 s.
  Builder(int n_slots, std::int64_t limit) : first_(1 + 2 * n_slots), limit_(limit) {}

  static int cosine(int slot) { return 1 + 2 * slot; }
  static int sine(int slot) { return 2 + 2 * slot; }
  int first() const { return first_; }
  std::span<const Node> nodes() const { return nodes_; }

  /// Counts coefficients followed through a gate: constants leave no instruction, but take time.
  void worked(std::size_t coefficients) {
    work_ += static_cast<std::int64_t>(coefficients);
    if (work_ > kWorkPerInstruction * limit_) throw TooLong{};
  }

  int scale(double k, int a) { return k == 1.0 ? a : node(Op::scale, 0, a, 0, k); }

  /// cos a - sin b of a slot.
  int minus(int slot, int a, int b) { return node(Op::minus, slot, a, b, 0.0); }
  int plus(int slot, int a, int b) { return node(Op::plus, slot, a, b, 0.0); }
  int times_cosine(int slot, int a) {
    return a == 0 ? cosine(slot) : node(Op::multiply, 0, cosine(slot), a, 0.0);
  }
  int times_sine(int slot, int a) { return a == 0 ? sine(slot) : node(Op::multiply, 0, sine(slot), a, 0.0); }

  /// The sum of these, with one node for all of them.
  Value sum(std::vector<Value> values) {
    std::ranges::sort(values, {}, &Value::node);
    std::vector<Value> distinct;
    for (const Value& value : values) {
      if (!distinct.empty() && distinct.back().node == value.node) {
        distinct.back().factor += value.factor;
      } else {
        distinct.push_back(value);
      }
    }
    std::erase_if(distinct, [](const Value& value) { return value.factor == 0.0; });
    if (distinct.empty()) return {0.0, 0};
    // The largest factor stands in front of all, so that no ratio overflows; +-1 cost no multiplication.
    const auto largest =
        std::ranges::max_element(distinct, {}, [](const Value& v) { return std::abs(v.factor); });
    std::rotate(distinct.begin(), largest, largest + 1);
    Value total = distinct[0];
    for (std::size_t i = 1; i < distinct.size(); ++i) {
      const double ratio = distinct[i].factor / total.factor;
      const Op op = ratio == 1.0 ? Op::add : ratio == -1.0 ? Op::subtract : Op::axpy;
      total.node = node(op, 0, total.node, distinct[i].node, op == Op::axpy ? ratio : 0.0);
    }
    return total;
  }

 private:
  int node(Op op, int slot, int a, int b, double k) {
    const auto [at, fresh] =
        known_.try_emplace({op, slot, a, b, k}, first_ + static_cast<int>(nodes_.size()));
    if (fresh) {
      nodes_.push_back({op, slot, a, b, k});
      if (static_cast<std::int64_t>(nodes_.size()) > 4 * limit_) throw TooLong{};
    }
    return at->second;
  }

 public:
  struct TooLong {};

 private:
  static constexpr std::int64_t kWorkPerInstruction = 8;  ///< 200,000 instructions: about two seconds

  int first_;
  std::int64_t limit_;
  std::int64_t work_ = 0;
  std::vector<Node> nodes_;
  std::map<std::tuple<Op, int, int, int, double>, int> known_;
};

using Coefficients = std::unordered_map<Pauli, Value, PauliHash>;

/// Keys in a fixed order: the program must not depend on a hash table's.
std::vector<Pauli> sorted_keys(const Coefficients& coefficients) {
  std::vector<Pauli> keys;
  keys.reserve(coefficients.size());
  for (const auto& [key, value] : coefficients) keys.push_back(key);
  std::ranges::sort(keys);
  return keys;
}

/// Applies a rotation to coefficients: in Heisenberg's picture those of an observable, in Schroedinger's
/// those of a state, for which the angle has the other sign.
Coefficients rotated(const Coefficients& from, const Lowered& gate, Picture picture, Builder& builder) {
  Coefficients out;
  out.reserve(from.size() * 2);
  const auto find = [&from](const Pauli& p) -> const Value* {
    const auto at = from.find(p);
    return at == from.end() ? nullptr : &at->second;
  };
  for (const Pauli& p : sorted_keys(from)) {
    const auto to = turned(p, gate);
    if (!to) {
      out.emplace(p, *find(p));
      continue;
    }
    // The pair (u, v) turns: u' = cos u - sin v, v' = cos v + sin u.
    const bool forwards = (to->sign > 0.0) == (picture == Picture::heisenberg);
    const Pauli first = forwards ? p : to->partner, second = forwards ? to->partner : p;
    if (out.contains(first) || out.contains(second)) continue;  // the partner came before
    const Value* u = find(first);
    const Value* v = find(second);
    if (u && v) {
      const double ratio = v->factor / u->factor;
      if (ratio == -1.0) {
        out.emplace(first, Value{u->factor, builder.plus(gate.slot, u->node, v->node)});
        out.emplace(second, Value{-u->factor, builder.minus(gate.slot, v->node, u->node)});
      } else if (std::abs(ratio) <= 1.0) {  // the larger factor stands in front: no ratio overflows
        const int w = builder.scale(ratio, v->node);
        out.emplace(first, Value{u->factor, builder.minus(gate.slot, u->node, w)});
        out.emplace(second, Value{u->factor, builder.plus(gate.slot, w, u->node)});
      } else {
        const int w = builder.scale(u->factor / v->factor, u->node);
        out.emplace(first, Value{v->factor, builder.minus(gate.slot, w, v->node)});
        out.emplace(second, Value{v->factor, builder.plus(gate.slot, v->node, w)});
      }
    } else if (u) {
      out.emplace(first, Value{u->factor, builder.times_cosine(gate.slot, u->node)});
      out.emplace(second, Value{u->factor, builder.times_sine(gate.slot, u->node)});
    } else {
      out.emplace(first, Value{-v->factor, builder.times_sine(gate.slot, v->node)});
      out.emplace(second, Value{v->factor, builder.times_cosine(gate.slot, v->node)});
    }
  }
  return out;
}

Coefficients summed(std::map<Pauli, std::vector<Value>>& parts, Builder& builder) {
  Coefficients out;
  out.reserve(parts.size());
  for (auto& [key, values] : parts) {
    const Value value = builder.sum(std::move(values));
    if (value.factor != 0.0) out.emplace(key, value);
  }
  return out;
}

Coefficients transformed(const Coefficients& from, const Lowered& gate, Picture picture, Builder& builder) {
  const std::size_t size = std::size_t{1} << (2 * gate.qubits.size());
  std::map<Pauli, std::vector<Value>> parts;
  for (const Pauli& p : sorted_keys(from)) {
    const Value& value = from.at(p);
    const std::size_t row = local_index(p, gate.qubits);
    for (std::size_t to = 0; to < size; ++to) {
      const double element =
          picture == Picture::schroedinger ? gate.matrix[to * size + row] : gate.matrix[row * size + to];
      if (element != 0.0) {
        parts[with_local(p, gate.qubits, to)].push_back({value.factor * element, value.node});
      }
    }
  }
  return summed(parts, builder);
}

Coefficients contracted(const Coefficients& from, int qubit, Builder& builder) {
  std::map<Pauli, std::vector<Value>> parts;
  for (Pauli p : sorted_keys(from)) {
    const unsigned value = letter(p, qubit);
    if (value == 1 || value == 2) continue;
    const Value coefficient = from.at(p);
    set_letter(p, qubit, 0);
    parts[p].push_back(coefficient);
  }
  return summed(parts, builder);
}

void keep(Coefficients& coefficients, const std::optional<Strings>& wanted) {
  if (wanted) std::erase_if(coefficients, [&](const auto& entry) { return !wanted->contains(entry.first); });
}

constexpr std::size_t kListed = 1 << 14;       ///< longest sets of strings that are kept for pruning
constexpr std::size_t kListedInAll = 1 << 18;  ///< strings of all such sets together: about 10 MB

/// Strings that a state can have before each gate of `order` (walked from its end, the circuit's start); none
/// where they are too many to list.
std::vector<std::optional<Strings>> reachable(std::span<const Lowered> gates, const Order& order,
                                              std::size_t limit) {
  std::vector<std::optional<Strings>> before(order.gates.size());
  std::optional<Strings> strings = Strings{Pauli{}};
  std::size_t listed = 0;
  for (std::size_t i = order.gates.size(); i-- > 0;) {
    if (strings) {
      for (const int qubit : order.first[i]) {  // starts in |0>: I and Z
        Strings more = *strings;
        for (Pauli p : *strings) {
          set_letter(p, qubit, 3);
          more.insert(p);
        }
        strings = std::move(more);
      }
      listed += strings->size();
      before[i] = strings;
      strings = spread(*strings, gates[static_cast<std::size_t>(order.gates[i])], Picture::schroedinger);
      if (strings->size() > limit || listed > kListedInAll) strings.reset();
    }
  }
  return before;
}

constexpr std::size_t kTried = 1 << 10;  ///< longest sets for which orders are tried

Strings strings_of(std::span<const Observable> observables) {
  Strings out;
  for (const Observable& observable : observables) {
    for (const PauliTerm& term : observable) out.insert({term.x, term.z});
  }
  return out;
}

/// One value per observable.
std::vector<Value> heisenberg(std::span<const Lowered> gates, int n_qubits,
                              std::span<const Observable> observables, Builder& builder) {
  const Order order = order_backwards(gates, n_qubits, strings_of(observables), kTried);
  const auto before = reachable(gates, order, kListed);
  std::vector<char> touched(static_cast<std::size_t>(n_qubits));
  for (const Lowered& gate : gates) {
    for (const int qubit : gate.qubits) touched[static_cast<std::size_t>(qubit)] = 1;
  }
  std::vector<Value> out;
  for (const Observable& observable : observables) {
    std::map<Pauli, std::vector<Value>> parts;
    for (const PauliTerm& term : observable) parts[{term.x, term.z}].push_back({term.coefficient, 0});
    Coefficients coefficients = summed(parts, builder);
    for (int qubit = 0; qubit < n_qubits; ++qubit) {
      if (!touched[static_cast<std::size_t>(qubit)]) coefficients = contracted(coefficients, qubit, builder);
    }
    for (std::size_t i = 0; i < order.gates.size(); ++i) {
      const Lowered& gate = gates[static_cast<std::size_t>(order.gates[i])];
      builder.worked(coefficients.size());
      coefficients = gate.slot >= 0 ? rotated(coefficients, gate, Picture::heisenberg, builder)
                                    : transformed(coefficients, gate, Picture::heisenberg, builder);
      keep(coefficients, before[i]);
      for (const int qubit : order.first[i]) coefficients = contracted(coefficients, qubit, builder);
    }
    // Every qubit has been taken off: what is left is the identity's coefficient.
    std::vector<Value> terms;
    for (const Pauli& p : sorted_keys(coefficients)) terms.push_back(coefficients.at(p));
    out.push_back(builder.sum(std::move(terms)));
  }
  return out;
}

std::vector<Value> schroedinger(std::span<const Lowered> gates, int n_qubits,
                                std::span<const Observable> observables, Builder& builder) {
  // Strings that an observable asks for, behind each gate.
  if (n_qubits > 12) throw Builder::TooLong{};  // 2^n strings of I and Z to start with
  std::vector<std::optional<Strings>> wanted(gates.size());
  std::optional<Strings> strings = strings_of(observables);
  std::size_t listed = 0;
  for (std::size_t i = gates.size(); i-- > 0;) {
    wanted[i] = strings;
    if (strings) {
      listed += strings->size();
      strings = spread(*strings, gates[i], Picture::heisenberg);
      if (strings->size() > kListed || listed > kListedInAll) strings.reset();
    }
  }
  Coefficients coefficients;
  for (std::uint64_t z = 0; z < (std::uint64_t{1} << n_qubits); ++z) {
    if (!strings || strings->contains({0, z})) coefficients.emplace(Pauli{0, z}, Value{1.0, 0});
  }
  for (std::size_t i = 0; i < gates.size(); ++i) {
    builder.worked(coefficients.size());
    coefficients = gates[i].slot >= 0 ? rotated(coefficients, gates[i], Picture::schroedinger, builder)
                                      : transformed(coefficients, gates[i], Picture::schroedinger, builder);
    keep(coefficients, wanted[i]);
  }
  std::vector<Value> out;
  for (const Observable& observable : observables) {
    std::vector<Value> terms;
    for (const PauliTerm& term : observable) {
      const auto at = coefficients.find({term.x, term.z});
      if (at != coefficients.end()) terms.push_back({term.coefficient * at->second.factor, at->second.node});
    }
    out.push_back(builder.sum(std::move(terms)));
  }
  return out;
}

// ---- from expressions to steps ----

/// Which nodes the outputs need.
std::vector<char> live_nodes(const Builder& builder, std::span<const Value> outputs) {
  const auto nodes = builder.nodes();
  std::vector<char> live(static_cast<std::size_t>(builder.first()) + nodes.size());
  for (const Value& output : outputs) {
    if (output.factor != 0.0) live[static_cast<std::size_t>(output.node)] = 1;
  }
  for (std::size_t i = nodes.size(); i-- > 0;) {
    if (!live[static_cast<std::size_t>(builder.first()) + i]) continue;
    const Builder::Node& node = nodes[i];
    live[static_cast<std::size_t>(node.a)] = 1;
    if (node.op != Op::scale) live[static_cast<std::size_t>(node.b)] = 1;
  }
  return live;
}

bool reads_two(Op op) { return op != Op::one && op != Op::scale && op != Op::split; }
bool writes_two(Op op) { return op == Op::split || op == Op::rotate; }
bool reads_slot(Op op) { return op == Op::minus || op == Op::plus || op == Op::split || op == Op::rotate; }

/// A step with nodes in place of registers.
struct Draft {
  Op op;
  int slot;
  int d, e;
  int a, b;
  double k;
};

/// Live nodes in order; the two halves of a turned pair become one step.
std::vector<Draft> drafts(const Builder& builder, const std::vector<char>& live) {
  std::vector<Draft> out;
  const auto nodes = builder.nodes();
  const int first = builder.first();
  const auto is_live = [&](int node) { return live[static_cast<std::size_t>(node)] != 0; };
  if (is_live(0)) out.push_back({Op::one, 0, 0, -1, 0, 0, 0.0});
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const int node = first + static_cast<int>(i);
    if (!is_live(node)) continue;
    const Builder::Node& now = nodes[i];
    const bool pair = i + 1 < nodes.size() && is_live(node + 1);
    if (pair) {
      const Builder::Node& next = nodes[i + 1];
      // minus: cos a - sin b; then plus(b, a): cos b + sin a.
      if (now.op == Op::minus && next.op == Op::plus && now.slot == next.slot && now.a == next.b &&
          now.b == next.a) {
        out.push_back({Op::rotate, now.slot, node, node + 1, now.a, now.b, 0.0});
        ++i;
        continue;
      }
      // plus(a, b): cos a + sin b; then minus(b, a): cos b - sin a. As a rotation of (b, a).
      if (now.op == Op::plus && next.op == Op::minus && now.slot == next.slot && now.a == next.b &&
          now.b == next.a) {
        out.push_back({Op::rotate, now.slot, node + 1, node, now.b, now.a, 0.0});
        ++i;
        continue;
      }
      if (now.op == Op::multiply && next.op == Op::multiply && now.b == next.b && now.a + 1 == next.a &&
          now.a >= 1 && now.a < first && now.a % 2 == 1) {
        out.push_back({Op::split, (now.a - 1) / 2, node, node + 1, now.b, 0, 0.0});
        ++i;
        continue;
      }
    }
    out.push_back({now.op, now.slot, node, -1, now.a, now.op == Op::scale ? 0 : now.b, now.k});
  }
  return out;
}

}  // namespace

Program compile(const Circuit& circuit, const NoiseModel& noise, std::span<const Observable> observables,
                const CompileOptions& options) {
  if (observables.empty()) throw InvalidArgument("observables: none given");
  const std::uint64_t outside = ~((std::uint64_t{1} << circuit.n_qubits()) - 1);
  for (std::size_t o = 0; o < observables.size(); ++o) {
    for (const PauliTerm& term : observables[o]) {
      const std::string name = detail::bracketed("observables", static_cast<std::int64_t>(o));
      if (!std::isfinite(term.coefficient)) {
        throw InvalidArgument(name + ": coefficient = " + detail::shortest(term.coefficient) +
                              " is not finite");
      }
      if (((term.x | term.z) & outside) != 0) {
        throw InvalidArgument(name + " acts beyond the circuit's " + std::to_string(circuit.n_qubits()) +
                              " qubits");
      }
    }
  }
  detail::expect_at_least("max_instructions", options.max_instructions, 1);
  auto code = std::make_shared<Program::Code>();
  code->n_parameters = circuit.n_parameters();
  const std::vector<Lowered> gates = lower(circuit, noise, options.noiseless_instructions, code->slots);
  const int n_slots = static_cast<int>(code->slots.size());

  // Both pictures; the shorter one stays.
  std::vector<Draft> best;
  std::vector<Value> outputs;
  bool found = false;
  const auto consider = [&](auto&& picture) {
    try {
      Builder builder(n_slots, options.max_instructions);
      std::vector<Value> values = picture(gates, circuit.n_qubits(), observables, builder);
      std::vector<Draft> list = drafts(builder, live_nodes(builder, values));
      if (!found || list.size() < best.size()) {
        best = std::move(list);
        outputs = std::move(values);
        found = true;
      }
    } catch (const Builder::TooLong&) {  // the other picture may be shorter
    }
  };
  consider(heisenberg);
  consider(schroedinger);
  if (!found || static_cast<std::int64_t>(best.size()) > options.max_instructions) {
    throw InvalidArgument("circuit needs more than max_instructions = " +
                          std::to_string(options.max_instructions) + " instructions");
  }

  // Registers: a node's is free again behind its last reader.
  std::unordered_map<int, std::size_t> last;
  for (std::size_t i = 0; i < best.size(); ++i) {
    if (best[i].op != Op::one) last[best[i].a] = i;
    if (reads_two(best[i].op)) last[best[i].b] = i;
  }
  for (const Value& output : outputs) {
    if (output.factor != 0.0) last[output.node] = best.size();
  }
  std::unordered_map<int, int> register_of;
  for (int node = 1; node <= 2 * n_slots; ++node) register_of[node] = node - 1;
  std::vector<int> free;
  int n_registers = 2 * n_slots;
  const auto take = [&](int node) {
    if (free.empty()) free.push_back(n_registers++);
    register_of[node] = free.back();
    free.pop_back();
  };
  const auto release = [&](int node, std::size_t at) {
    if (node > 2 * n_slots || node == 0) {  // sines and cosines stay
      const auto used = last.find(node);
      if (used != last.end() && used->second == at) {
        free.push_back(register_of.at(node));
        last.erase(used);
      }
    }
  };
  for (std::size_t i = 0; i < best.size(); ++i) {
    const Draft& draft = best[i];
    Step step{draft.op, static_cast<std::uint16_t>(reads_slot(draft.op) ? draft.slot : 0), 0, 0, 0, 0,
              draft.k};
    if (draft.op != Op::one) step.a = static_cast<std::uint16_t>(register_of.at(draft.a));
    if (reads_two(draft.op)) step.b = static_cast<std::uint16_t>(register_of.at(draft.b));
    if (draft.op != Op::one) release(draft.a, i);
    if (reads_two(draft.op)) release(draft.b, i);
    take(draft.d);
    step.d = static_cast<std::uint16_t>(register_of.at(draft.d));
    if (writes_two(draft.op)) {
      take(draft.e);
      step.e = static_cast<std::uint16_t>(register_of.at(draft.e));
    }
    if (n_registers > std::numeric_limits<std::uint16_t>::max()) {
      throw InvalidArgument("circuit needs more than 65535 intermediate results at once");
    }
    code->steps.push_back(step);
  }
  code->n_registers = std::max(n_registers, 1);
  for (const Value& output : outputs) {
    if (output.node == 0) {
      code->outputs.push_back({output.factor, 0.0, 0});
    } else {
      code->outputs.push_back({0.0, output.factor, output.factor != 0.0 ? register_of.at(output.node) : 0});
    }
  }
  return Program(std::move(code));
}

}  // namespace nonideal::quantum
