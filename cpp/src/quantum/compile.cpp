#include "quantum/compile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <unordered_map>

#include "base/check.hpp"
#include "quantum/code.hpp"

namespace nonideal::quantum {

namespace {

using kernels::Op;
using kernels::Step;

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
