#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "quantum/compile.hpp"

namespace nonideal::quantum {

namespace {

struct PauliHash {
  std::size_t operator()(const Pauli& p) const {
    std::uint64_t h = (p.x * 0x9e3779b97f4a7c15u) ^ (p.z + 0x7f4a7c15u) * 0xbf58476d1ce4e5b9u;
    return static_cast<std::size_t>(h ^ (h >> 29));
  }
};

// ---- sets of strings ----

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

// ---- coefficients ----

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

}  // namespace

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

}  // namespace nonideal::quantum
