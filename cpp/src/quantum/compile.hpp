#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "nonideal/quantum/program.hpp"
#include "quantum/kernels/batch.hpp"

/// From circuit and noise to a straight-line program, in four steps: lower every gate with its channel to
/// rotations and small constant matrices (lower.cpp); choose an order in which to go through them, find the
/// Pauli strings that matter at each, and follow their coefficients as expressions in the sines and cosines
/// (propagate.cpp); put these expressions into registers (compile.cpp). Private to the library.
namespace nonideal::quantum {

// ---- Pauli strings ----

struct Pauli {
  std::uint64_t x = 0;
  std::uint64_t z = 0;
  bool operator==(const Pauli&) const = default;
  auto operator<=>(const Pauli&) const = default;
};

/// 0 to 3 for I, X, Y, Z.
inline unsigned letter(const Pauli& p, int qubit) {
  const auto x = static_cast<unsigned>(p.x >> qubit & 1), z = static_cast<unsigned>(p.z >> qubit & 1);
  return z ? 3 - x : x;
}

inline void set_letter(Pauli& p, int qubit, unsigned value) {
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

/// The circuit as lowered gates; `slots` collects the angles that depend on parameters.
std::vector<Lowered> lower(const Circuit& circuit, const NoiseModel& noise, std::size_t noiseless,
                           std::vector<Angle>& slots);

// ---- expressions ----

/// factor * node; node 0 is the number 1.
struct Value {
  double factor;
  int node;
};

/// A program under construction: nodes are hash-consed, so that equal expressions are computed once.
class Builder {
 public:
  using Op = kernels::Op;

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

// ---- the two pictures ----

/// One value per observable, followed backwards from its strings. Throws Builder::TooLong.
std::vector<Value> heisenberg(std::span<const Lowered> gates, int n_qubits,
                              std::span<const Observable> observables, Builder& builder);

/// The same forwards from the strings of |0...0>.
std::vector<Value> schroedinger(std::span<const Lowered> gates, int n_qubits,
                                std::span<const Observable> observables, Builder& builder);

}  // namespace nonideal::quantum
