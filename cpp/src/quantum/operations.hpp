#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <type_traits>
#include <vector>

/// Gates on a long vector whose index is a string of bits: complex amplitudes (a bit per qubit) or real Pauli
/// coefficients (two bits per qubit). fuse() multiplies neighbouring gates into matrices on few bits.
namespace nonideal::quantum::detail {

/// Of the numbers with ones only where `mask` has them, the one after `subset`; 0 after the last.
inline std::uint64_t next(std::uint64_t subset, std::uint64_t mask) { return (subset - mask) & mask; }

/// The lowest bits of `index` put where `mask` has ones.
inline std::uint64_t spread(std::uint64_t index, std::uint64_t mask) {
  std::uint64_t out = 0;
  for (; mask != 0 && index != 0; mask &= mask - 1, index >>= 1) {
    if ((index & 1) != 0) out |= mask & (~mask + 1);
  }
  return out;
}

/// The bits of `index` where `mask` has ones, moved together: the inverse of spread().
inline std::uint64_t gathered(std::uint64_t index, std::uint64_t mask) {
  std::uint64_t out = 0;
  for (std::uint64_t to = 1; mask != 0; mask &= mask - 1, to <<= 1) {
    if ((index & mask & (~mask + 1)) != 0) out |= to;
  }
  return out;
}

/// The positions of a mask's ones, ascending.
class Bits {
 public:
  explicit Bits(std::uint64_t mask) {
    for (; mask != 0; mask &= mask - 1) at_[count_++] = std::countr_zero(mask);
  }
  const int* data() const { return at_.data(); }
  std::size_t size() const { return count_; }
  operator std::span<const int>() const { return {data(), size()}; }

 private:
  std::size_t count_ = 0;
  std::array<int, 64> at_;
};

template <class T>
inline T times(T a, T b) {
  return a * b;
}
/// std::complex's own product looks for infinities.
template <class T>
inline std::complex<T> times(std::complex<T> a, std::complex<T> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

template <class Element, class Scalar>
inline Element as(Scalar value) {
  if constexpr (std::is_arithmetic_v<Element>) {
    return static_cast<Element>(value);
  } else {
    return Element(static_cast<typename Element::value_type>(value.real()),
                   static_cast<typename Element::value_type>(value.imag()));
  }
}

/// A matrix without its zeros, on some bits of an index: the first of them is the lowest of the matrix's.
/// Rows' sums run over ascending columns on every machine.
template <class Element>
class SparseMatrix {
 public:
  template <class Scalar>
  SparseMatrix(std::span<const int> bits, std::span<const Scalar> matrix)
      : offsets_(std::size_t{1} << bits.size(), &memory_) {
    const std::size_t size = offsets_.size();
    for (std::size_t b = 0; b < bits.size(); ++b) {
      const std::size_t half = std::size_t{1} << b;
      for (std::size_t i = 0; i < half; ++i) offsets_[half | i] = offsets_[i] | (std::uint64_t{1} << bits[b]);
    }
    ends_.reserve(size);
    entries_.reserve(matrix.size() -
                     static_cast<std::size_t>(std::count(matrix.begin(), matrix.end(), Scalar(0))));
    for (std::size_t row = 0; row < size; ++row) {
      for (std::size_t column = 0; column < size; ++column) {
        const Scalar value = matrix[row * size + column];
        if (value != Scalar(0)) entries_.push_back({column, as<Element>(value)});
      }
      ends_.push_back(entries_.size());
    }
  }

  void apply(Element* state, int n_bits) {
    const std::uint64_t mask = offsets_.back();
    if ((mask & (kRun - 1)) == 0) {
      apply<kRun>(state, ((std::uint64_t{1} << n_bits) - kRun) & ~mask);
    } else {
      apply<1>(state, ((std::uint64_t{1} << n_bits) - 1) & ~mask);
    }
  }

 private:
  static constexpr std::size_t kRun = 4;  ///< neighbours that are multiplied alike, where the bits let them
  struct Entry {
    std::size_t column;
    Element value;
  };

  template <std::size_t kLength>
  void apply(Element* state, std::uint64_t groups) {
    const std::size_t size = offsets_.size();
    std::pmr::vector<std::array<Element, kLength>> old(size, &memory_);
    std::uint64_t group = 0;
    do {
      Element* const base = state + group;
      for (std::size_t i = 0; i < size; ++i) std::copy_n(base + offsets_[i], kLength, old[i].begin());
      const Entry* entry = entries_.data();
      for (std::size_t row = 0; row < size; ++row) {
        std::array<Element, kLength> sum{};
        for (const Entry* const end = entries_.data() + ends_[row]; entry != end; ++entry) {
          for (std::size_t i = 0; i < kLength; ++i) sum[i] += times(entry->value, old[entry->column][i]);
        }
        std::copy_n(sum.begin(), kLength, base + offsets_[row]);
      }
      group = next(group, groups);
    } while (group != 0);
  }

  std::array<std::byte, 4096> stack_;  // all that a matrix on three bits needs
  std::pmr::monotonic_buffer_resource memory_{stack_.data(), stack_.size()};
  std::pmr::vector<std::uint64_t> offsets_;
  std::pmr::vector<Entry> entries_{&memory_};
  std::pmr::vector<std::size_t> ends_{&memory_};
};

template <class Element, class Scalar>
void apply_matrix(Element* state, int n_bits, std::span<const int> bits, std::span<const Scalar> matrix) {
  SparseMatrix<Element>(bits, matrix).apply(state, n_bits);
}

/// Multiplies amplitudes by `factor` where all bits of `mask` (one or two; none: everywhere) are set.
struct Phase {
  std::uint64_t mask;
  std::complex<double> factor;
};

/// A matrix on the bits of `mask`, the lowest of them the lowest of its index; or phases.
struct Operation {
  std::uint64_t mask;
  std::size_t at;            ///< where its matrix, or its first phase, stands among those of Operations
  std::size_t n_phases = 0;  ///< 0: a matrix

  bool diagonal() const { return n_phases != 0; }
};

/// A list of operations, with the numbers of all of them.
template <class Scalar>
struct Operations {
  std::vector<Operation> list;
  std::vector<Scalar> numbers;
  std::vector<Phase> phases;

  /// Appends a matrix on these bits, the first of them the lowest of its index.
  template <class Bit>
  void add(std::span<const Bit> bits, std::span<const Scalar> matrix) {
    Operation operation{0, numbers.size()};
    for (const Bit b : bits) operation.mask |= std::uint64_t{1} << b;
    const std::size_t size = std::size_t{1} << bits.size();
    if (std::is_sorted(bits.begin(), bits.end())) {
      numbers.insert(numbers.end(), matrix.begin(), matrix.end());
    } else {
      const auto sorted = [&](std::size_t index) {
        std::uint64_t at = 0;
        for (std::size_t b = 0; b < bits.size(); ++b) at |= std::uint64_t{index >> b & 1} << bits[b];
        return gathered(at, operation.mask);
      };
      numbers.resize(operation.at + size * size);
      for (std::size_t i = 0; i < size; ++i) {
        const std::size_t row = operation.at + sorted(i) * size;
        for (std::size_t j = 0; j < size; ++j) numbers[row + sorted(j)] = matrix[i * size + j];
      }
    }
    list.push_back(operation);
  }

  std::span<const Scalar> matrix(const Operation& operation) const {
    return {numbers.data() + operation.at, std::size_t{1} << 2 * std::popcount(operation.mask)};
  }
  std::span<const Phase> phases_of(const Operation& operation) const {
    return {phases.data() + operation.at, operation.n_phases};
  }
};

inline constexpr std::size_t kFusionWindow = 256;  ///< operations looked at for one fused matrix

/// Operations, by their index, that are applied one after the other: chains through a list of successors.
class Chains {
 public:
  static constexpr std::size_t kEnd = ~std::size_t{0};
  struct Chain {
    std::size_t first = kEnd, last = kEnd;
    std::uint64_t mask = 0;
    bool empty() const { return first == kEnd; }
  };

  explicit Chains(std::size_t operations) : next_(operations, kEnd) {}
  void append(Chain& chain, const Chain& more) {
    if (more.empty()) return;
    (chain.empty() ? chain.first : next_[chain.last]) = more.first;
    chain.last = more.last;
    chain.mask |= more.mask;
  }
  std::size_t after(std::size_t operation) const { return next_[operation]; }

 private:
  std::vector<std::size_t> next_;
};

/// Groups of operations, in an order that is as good as the list's: those on one qubit (`unit` bits) join the
/// next operation there that is a matrix on at most `most` bits.
inline std::vector<Chains::Chain> join_small(std::span<const Operation> list, Chains& chains, int unit,
                                             int most) {
  std::vector<Chains::Chain> groups;
  groups.reserve(list.size());
  std::array<Chains::Chain, 64> waiting;  // by its lowest bit
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::uint64_t mask = list[i].mask;
    const Chains::Chain alone{i, i, mask};
    const int bits = std::popcount(mask);
    if (!list[i].diagonal() && bits == unit) {
      chains.append(waiting[static_cast<std::size_t>(std::countr_zero(mask))], alone);
      continue;
    }
    Chains::Chain group;
    for (std::uint64_t rest = mask; rest != 0; rest &= rest - 1) {
      Chains::Chain& before = waiting[static_cast<std::size_t>(std::countr_zero(rest))];
      if (before.empty()) continue;
      if (!list[i].diagonal() && bits <= most) {
        chains.append(group, before);
      } else {
        groups.push_back(before);
      }
      before = {};
    }
    chains.append(group, alone);
    groups.push_back(group);
  }
  for (const Chains::Chain& rest : waiting) {
    if (!rest.empty()) groups.push_back(rest);
  }
  return groups;
}

/// Multiplies neighbours together while they act on at most `most` bits, and on common ones; a qubit has
/// `unit` bits. Operations on disjoint bits change places. Larger matrices and phases stay as they are.
template <class Scalar>
Operations<Scalar> fuse(const Operations<Scalar>& from, int most, int unit) {
  Chains chains(from.list.size());
  std::vector<Chains::Chain> groups = join_small(from.list, chains, unit, most);
  Operations<Scalar> out;
  out.phases = from.phases;
  out.list.reserve(groups.size());
  out.numbers.reserve(2 * from.numbers.size());
  const auto is_matrix = [&](const Chains::Chain& group) { return !from.list[group.first].diagonal(); };
  for (std::size_t first = 0; first < groups.size(); ++first) {
    Chains::Chain own = groups[first];
    if (own.empty()) continue;
    const Operation& alone = from.list[own.first];
    if (alone.diagonal()) {
      out.list.push_back(alone);
      continue;
    }
    const bool small = std::popcount(own.mask) == unit;
    const std::size_t end = std::min(groups.size(), first + kFusionWindow);
    std::uint64_t blocked = 0;
    for (std::size_t i = first + 1; i < end && (own.mask & ~blocked) != 0; ++i) {
      const std::uint64_t mask = groups[i].mask;
      const bool together = (mask & own.mask) != 0 || (small && std::popcount(mask) == unit);
      if (groups[i].empty()) continue;
      if (together && (mask & blocked) == 0 && is_matrix(groups[i]) &&
          std::popcount(own.mask | mask) <= most) {
        chains.append(own, groups[i]);
        groups[i] = {};
      } else {
        blocked |= mask;
      }
    }
    // The product: a vector of 2 k bits, those of the row's number above those of the column's.
    const int k = std::popcount(own.mask);
    const std::size_t size = std::size_t{1} << k;
    const Operation fused{own.mask, out.numbers.size()};
    out.numbers.resize(fused.at + size * size);
    Scalar* const product = out.numbers.data() + fused.at;
    if (own.first == own.last) {
      std::ranges::copy(from.matrix(alone), product);
    } else {
      for (std::size_t i = 0; i < size; ++i) product[i * size + i] = 1.0;
      for (std::size_t i = own.first; i != Chains::kEnd; i = chains.after(i)) {
        const Operation& member = from.list[i];
        const Bits rows(gathered(member.mask, own.mask) << k);
        apply_matrix<Scalar, Scalar>(product, 2 * k, rows, from.matrix(member));
      }
    }
    out.list.push_back(fused);
  }
  return out;
}

}  // namespace nonideal::quantum::detail
