#pragma once

#include <algorithm>
#include <bit>
#include <complex>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/threads.hpp"
#include "quantum/kernels/dense.hpp"

/// Gates on a long vector whose index is a string of bits: complex amplitudes (a bit per qubit) or real Pauli
/// coefficients (two bits per qubit). Neighbouring gates are multiplied into matrices on few bits (fuse()),
/// and as many of these as possible are applied to a tile of the vector while it is in the cache (sweep()).
namespace nonideal::quantum::detail {

/// Multiplies amplitudes by `factor` where all bits of `mask` (one or two; none: everywhere) are set.
struct Phase {
  std::uint64_t mask;
  std::complex<double> factor;
};

/// A matrix on some bits, the first of them the lowest of its index; or, where `bits` is empty, phases.
template <class Scalar>
struct Operation {
  std::vector<int> bits;
  std::vector<Scalar> matrix;
  std::vector<Phase> phases;

  bool diagonal() const { return bits.empty(); }
  std::uint64_t mask() const {
    std::uint64_t all = 0;
    for (const int b : bits) all |= std::uint64_t{1} << b;
    for (const Phase& phase : phases) all |= phase.mask;
    return all;
  }
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

/// `index` with zeros put in at these positions (ascending).
inline std::uint64_t spread(std::uint64_t index, std::span<const int> positions) {
  for (const int p : positions) {
    const std::uint64_t low = index & ((std::uint64_t{1} << p) - 1);
    index = ((index ^ low) << 1) | low;
  }
  return index;
}

/// Any matrix, one element at a time, zeros skipped: rows' sums run over ascending columns on every machine.
template <class Element, class Scalar>
void apply_matrix(Element* state, int n_bits, std::span<const int> bits, std::span<const Scalar> matrix) {
  const std::size_t size = std::size_t{1} << bits.size();
  std::vector<int> sorted(bits.begin(), bits.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::uint64_t> offsets(size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t b = 0; b < bits.size(); ++b) {
      offsets[i] |= static_cast<std::uint64_t>((i >> b) & 1) << bits[b];
    }
  }
  struct Entry {
    std::size_t column;
    Element value;
  };
  std::vector<Entry> entries;
  std::vector<std::size_t> ends;
  for (std::size_t row = 0; row < size; ++row) {
    for (std::size_t column = 0; column < size; ++column) {
      const Scalar value = matrix[row * size + column];
      if (value != Scalar(0)) entries.push_back({column, as<Element>(value)});
    }
    ends.push_back(entries.size());
  }
  std::vector<Element> old(size);
  const std::uint64_t groups = std::uint64_t{1} << (n_bits - static_cast<int>(bits.size()));
  for (std::uint64_t g = 0; g < groups; ++g) {
    Element* const base = state + spread(g, sorted);
    for (std::size_t i = 0; i < size; ++i) old[i] = base[offsets[i]];
    std::size_t at = 0;
    for (std::size_t row = 0; row < size; ++row) {
      Element sum(0);
      for (; at < ends[row]; ++at) sum += times(entries[at].value, old[entries[at].column]);
      base[offsets[row]] = sum;
    }
  }
}

inline constexpr std::size_t kFusionWindow = 256;  ///< operations looked at for one fused matrix

/// The product of these operations, in their order, on all their bits.
template <class Scalar>
Operation<Scalar> product(const std::vector<Operation<Scalar>>& list, std::span<const std::size_t> members) {
  std::uint64_t own = 0;
  for (const std::size_t member : members) own |= list[member].mask();
  Operation<Scalar> out;
  for (int b = 0; b < 64; ++b) {
    if ((own >> b & 1) != 0) out.bits.push_back(b);
  }
  const int k = static_cast<int>(out.bits.size());
  const std::size_t size = std::size_t{1} << k;
  out.matrix.resize(size * size);
  for (std::size_t i = 0; i < size; ++i) out.matrix[i * size + i] = 1.0;
  for (const std::size_t member : members) {
    std::vector<int> rows;  // the bits of the row's number stand above those of the column's
    for (const int b : list[member].bits) {
      rows.push_back(k + std::popcount(own & ((std::uint64_t{1} << b) - 1)));
    }
    apply_matrix<Scalar, Scalar>(out.matrix.data(), 2 * k, rows, list[member].matrix);
  }
  return out;
}

/// Groups of operations, in an order that is as good as the list's: those on one qubit (`unit` bits) join the
/// next operation there that is a matrix on at most `most` bits.
template <class Scalar>
std::vector<std::vector<std::size_t>> join_small(const std::vector<Operation<Scalar>>& list,
                                                 std::span<const std::uint64_t> masks, int unit, int most) {
  std::vector<std::vector<std::size_t>> groups, waiting(64);
  const auto bit_of = [](std::uint64_t mask) { return static_cast<std::size_t>(std::countr_zero(mask)); };
  for (std::size_t i = 0; i < list.size(); ++i) {
    const int bits = std::popcount(masks[i]);
    if (!list[i].diagonal() && bits == unit) {
      waiting[bit_of(masks[i])].push_back(i);
      continue;
    }
    std::vector<std::size_t> group;
    for (std::uint64_t rest = masks[i]; rest != 0; rest &= rest - 1) {
      std::vector<std::size_t>& before = waiting[bit_of(rest)];
      if (before.empty()) continue;
      if (!list[i].diagonal() && bits <= most) {
        group.insert(group.end(), before.begin(), before.end());
      } else {
        groups.push_back(before);
      }
      before.clear();
    }
    group.push_back(i);
    groups.push_back(std::move(group));
  }
  for (std::vector<std::size_t>& rest : waiting) {
    if (!rest.empty()) groups.push_back(std::move(rest));
  }
  return groups;
}

/// Multiplies neighbours together while they act on at most `most` bits, and on common ones; a qubit has
/// `unit` bits. Operations on disjoint bits change places. Larger matrices and phases stay as they are.
template <class Scalar>
std::vector<Operation<Scalar>> fuse(std::vector<Operation<Scalar>> list, int most, int unit) {
  std::vector<std::uint64_t> single;
  for (const auto& operation : list) single.push_back(operation.mask());
  const auto groups = join_small<Scalar>(list, single, unit, most);
  std::vector<std::uint64_t> masks;
  for (const auto& group : groups) {
    std::uint64_t mask = 0;
    for (const std::size_t member : group) mask |= single[member];
    masks.push_back(mask);
  }
  std::vector<Operation<Scalar>> fused;
  std::vector<bool> done(groups.size());
  for (std::size_t first = 0; first < groups.size(); ++first) {
    if (done[first]) continue;
    std::uint64_t own = masks[first], blocked = 0;
    std::vector<std::size_t> members = groups[first];
    if (list[members.front()].diagonal() || std::popcount(own) > most) {
      fused.push_back(std::move(list[members.front()]));
      continue;
    }
    const bool small = std::popcount(own) == unit;
    const std::size_t end = std::min(groups.size(), first + kFusionWindow);
    for (std::size_t i = first + 1; i < end && (own & ~blocked) != 0; ++i) {
      if (done[i]) continue;
      const bool together = (masks[i] & own) != 0 || (small && std::popcount(masks[i]) == unit);
      if (together && (masks[i] & blocked) == 0 && !list[groups[i].front()].diagonal() &&
          std::popcount(own | masks[i]) <= most) {
        own |= masks[i];
        done[i] = true;
        members.insert(members.end(), groups[i].begin(), groups[i].end());
      } else {
        blocked |= masks[i];
      }
    }
    fused.push_back(product<Scalar>(list, members));
  }
  return fused;
}

template <class Element>
struct Number {
  using Real = Element;
  using Scalar = double;
};
template <class T>
struct Number<std::complex<T>> {
  using Real = T;
  using Scalar = std::complex<double>;
};

/// The kernels of the active instruction set.
template <class Element>
struct Kernels {
  using Real = typename Number<Element>::Real;
  using Dense = void (*)(Real*, int, int, const int*, const double*);
  using Phases = void (*)(Real*, int, const double*, const double*, const double*);
  Dense dense;
  Phases phases;

  static Kernels active();
};

/// An operation made ready for tiles: sorted bits in the tile's numbering, phases apart.
template <class Element>
struct Ready {
  using Scalar = typename Number<Element>::Scalar;
  std::vector<int> bits;
  int reach = 0;  // elements from 2^reach on are zero before and after
  std::vector<Scalar> matrix;
  // Phases, by where their bits are: bits [0, kChunkBits) of the tile, or elsewhere.
  std::vector<Phase> outside;              // masks of the whole index
  std::vector<std::pair<int, Phase>> one;  // (bit of the chunk, the rest of the mask)
  std::vector<std::complex<double>> table;
};

template <class Scalar>
std::vector<Scalar> reordered(const Operation<Scalar>& operation, std::span<const int> order) {
  const std::size_t k = operation.bits.size(), size = std::size_t{1} << k;
  std::vector<std::size_t> old(size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t b = 0; b < k; ++b) old[i] |= ((i >> b) & 1) << order[b];
  }
  std::vector<Scalar> matrix(size * size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) matrix[i * size + j] = operation.matrix[old[i] * size + old[j]];
  }
  return matrix;
}

/// Some operations that are applied tile by tile; `bits` are the tile's bits of the index, ascending.
template <class Element>
struct Sweep {
  std::vector<int> bits;
  std::uint64_t before = 0, after = 0;  // the bits that are not 0 everywhere
  std::vector<Ready<Element>> operations;
};

template <class Element>
Ready<Element> prepare(const Operation<typename Number<Element>::Scalar>& operation,
                       std::span<const int> tile) {
  Ready<Element> ready;
  const auto position = [&](int bit) {
    return static_cast<int>(std::lower_bound(tile.begin(), tile.end(), bit) - tile.begin());
  };
  if (!operation.diagonal()) {
    std::vector<int> order;
    for (std::size_t b = 0; b < operation.bits.size(); ++b) order.push_back(static_cast<int>(b));
    std::sort(order.begin(), order.end(), [&](int a, int b) {
      return operation.bits[static_cast<std::size_t>(a)] < operation.bits[static_cast<std::size_t>(b)];
    });
    for (const int b : order) ready.bits.push_back(position(operation.bits[static_cast<std::size_t>(b)]));
    ready.matrix = reordered(operation, order);
    return ready;
  }
  const int chunk = std::min(static_cast<int>(tile.size()), kernels::kChunkBits);
  std::vector<Phase> inside;  // masks within the chunk
  for (const Phase& phase : operation.phases) {
    std::uint64_t low = 0, rest = phase.mask;
    for (int b = 0; b < chunk; ++b) {
      const std::uint64_t bit = std::uint64_t{1} << tile[static_cast<std::size_t>(b)];
      if ((phase.mask & bit) != 0) {
        low |= std::uint64_t{1} << b;
        rest ^= bit;
      }
    }
    if (low == 0) {
      ready.outside.push_back({rest, phase.factor});
    } else if (std::has_single_bit(low)) {
      ready.one.emplace_back(std::countr_zero(low), Phase{rest, phase.factor});
    } else {
      inside.push_back({low, phase.factor});
    }
  }
  if (!inside.empty()) {
    ready.table.assign(std::size_t{1} << chunk, 1.0);
    for (std::size_t i = 0; i < ready.table.size(); ++i) {
      for (const Phase& phase : inside) {
        if ((i & phase.mask) == phase.mask) ready.table[i] = times(ready.table[i], phase.factor);
      }
    }
  }
  return ready;
}

template <class Element>
void apply(Element* state, int n_bits, const Ready<Element>& ready, std::span<const int> tile,
           std::uint64_t base, const Kernels<Element>& kernels) {
  using Real = typename Number<Element>::Real;
  auto* const numbers = reinterpret_cast<Real*>(state);
  if (!ready.bits.empty()) {
    const int k = static_cast<int>(ready.bits.size());
    if (k > kernels::kMaxDenseBits || n_bits < kernels::kMinStateBits) {
      apply_matrix<Element, typename Number<Element>::Scalar>(state, n_bits, ready.bits, ready.matrix);
    } else {
      kernels.dense(numbers, n_bits, k, ready.bits.data(),
                    reinterpret_cast<const double*>(ready.matrix.data()));
    }
    return;
  }
  if constexpr (!std::is_arithmetic_v<Element>) {
    const int chunk = std::min(n_bits, kernels::kChunkBits);
    const std::uint64_t chunks = std::uint64_t{1} << (n_bits - chunk);
    for (std::uint64_t c = 0; c < chunks; ++c) {
      std::uint64_t index = base;
      for (int b = chunk; b < n_bits; ++b) {
        index |= ((c >> (b - chunk)) & 1) << tile[static_cast<std::size_t>(b)];
      }
      std::complex<double> scale = 1.0;
      std::complex<double> turns[kernels::kChunkBits];
      std::fill(std::begin(turns), std::end(turns), 1.0);
      bool trivial = ready.table.empty();
      for (const Phase& phase : ready.outside) {
        if ((index & phase.mask) == phase.mask) {
          scale = times(scale, phase.factor);
          trivial = false;
        }
      }
      for (const auto& [bit, phase] : ready.one) {
        if ((index & phase.mask) == phase.mask) {
          turns[bit] = times(turns[bit], phase.factor);
          trivial = false;
        }
      }
      if (trivial) continue;
      kernels.phases(numbers + (c << (chunk + 1)), chunk, reinterpret_cast<const double*>(&scale),
                     reinterpret_cast<const double*>(turns),
                     ready.table.empty() ? nullptr : reinterpret_cast<const double*>(ready.table.data()));
    }
  }
}

/// Bits of a tile that stays in a core's cache: 256 KiB.
template <class Element>
inline constexpr int kTileBits = 18 - std::countr_zero(sizeof(Element));
inline constexpr int kContiguousBits = 6;  ///< the lowest bits are in every tile: runs of a few cache lines

/// Cuts a list of operations into sweeps. Phases need no bit of the tile. A bit outside `live` is 0 wherever
/// the vector is not, until a matrix acts on it.
template <class Element>
std::vector<Sweep<Element>> plan(const std::vector<Operation<typename Number<Element>::Scalar>>& list,
                                 int n_bits, std::uint64_t live) {
  const int tile = std::min(n_bits, kTileBits<Element>);
  const int room = n_bits <= tile ? n_bits : tile;
  std::vector<Sweep<Element>> sweeps;
  std::vector<bool> done(list.size());
  for (std::size_t first = 0; first < list.size(); ++first) {
    if (done[first]) continue;
    std::uint64_t own = (std::uint64_t{1} << std::min(room, kContiguousBits)) - 1, blocked = 0;
    std::vector<std::size_t> members;
    const std::uint64_t all = (std::uint64_t{1} << n_bits) - 1;
    for (std::size_t i = first; i < list.size() && blocked != all; ++i) {
      if (done[i]) continue;
      const std::uint64_t mask = list[i].mask();
      const bool fits = list[i].diagonal() || std::popcount(own | mask) <= room;
      if ((mask & blocked) == 0 && (fits || members.empty())) {
        if (!list[i].diagonal()) own |= mask;
        done[i] = true;
        members.push_back(i);
      } else {
        blocked |= mask;
      }
    }
    Sweep<Element> sweep;
    for (int b = 0; b < n_bits && std::popcount(own) < room; ++b) own |= std::uint64_t{1} << b;
    for (int b = 0; b < n_bits; ++b) {
      if ((own >> b & 1) != 0) sweep.bits.push_back(b);
    }
    sweep.before = live;
    for (const std::size_t member : members) {
      sweep.operations.push_back(prepare<Element>(list[member], sweep.bits));
      if (!list[member].diagonal()) live |= list[member].mask();
      int reach = std::min(room, kernels::kChunkBits);
      for (int b = reach; b < room; ++b) {
        if ((live >> sweep.bits[static_cast<std::size_t>(b)] & 1) != 0) reach = b + 1;
      }
      sweep.operations.back().reach = reach;
    }
    sweep.after = live;
    sweeps.push_back(std::move(sweep));
  }
  return sweeps;
}

/// Applies all operations to a vector of 2^n_bits elements, zero where a bit outside `live` is 1. What is
/// known to stay zero is neither read nor written. The same bits for every number of threads.
template <class Element>
void run(Element* state, int n_bits, const std::vector<Operation<typename Number<Element>::Scalar>>& list,
         int num_threads, std::uint64_t live = ~std::uint64_t{0}) {
  const Kernels<Element> kernels = Kernels<Element>::active();
  for (const Sweep<Element>& sweep : plan<Element>(list, n_bits, live)) {
    const int tile = static_cast<int>(sweep.bits.size());
    const std::int64_t tiles = std::int64_t{1} << (n_bits - tile);
    int run_bits = 0;
    while (run_bits < tile && sweep.bits[static_cast<std::size_t>(run_bits)] == run_bits) ++run_bits;
    const auto over = [&](std::int64_t begin, std::int64_t end) {
      std::vector<Element> buffer(run_bits == tile ? 0 : std::size_t{1} << tile);
      const std::uint64_t runs = std::uint64_t{1} << (tile - run_bits);
      const std::size_t length = std::size_t{1} << run_bits;
      const std::size_t filled =
          std::bit_ceil(static_cast<std::size_t>(sweep.before & (std::uint64_t{length} - 1)) + 1);
      for (std::int64_t t = begin; t < end; ++t) {
        const std::uint64_t base = spread(static_cast<std::uint64_t>(t), sweep.bits);
        if ((base & ~sweep.before) != 0) continue;
        const auto place = [&](std::uint64_t r) {
          std::uint64_t index = base;
          for (int b = run_bits; b < tile; ++b) {
            index |= ((r >> (b - run_bits)) & 1) << sweep.bits[static_cast<std::size_t>(b)];
          }
          return index;
        };
        const auto is_zero = [&](std::uint64_t index) {
          return std::all_of(state + index, state + index + std::min(length, filled),
                             [](const Element& value) { return value == Element(0); });
        };
        bool zero = true;
        for (std::uint64_t r = 0; r < runs && zero; ++r) {
          const std::uint64_t index = place(r);
          if ((index & ~sweep.before) == 0) zero = is_zero(index);
        }
        if (zero) continue;
        Element* work = state + base;
        if (run_bits != tile) {
          work = buffer.data();
          for (std::uint64_t r = 0; r < runs; ++r) {
            const std::uint64_t index = place(r);
            if ((index & ~sweep.before) == 0) {
              std::memcpy(static_cast<void*>(work + r * length), state + index, length * sizeof(Element));
            } else {
              std::fill_n(work + r * length, length, Element(0));
            }
          }
        }
        for (const Ready<Element>& ready : sweep.operations) {
          apply(work, ready.reach, ready, sweep.bits, base, kernels);
        }
        if (run_bits != tile) {
          for (std::uint64_t r = 0; r < runs; ++r) {
            const std::uint64_t index = place(r);
            if ((index & ~sweep.after) != 0) continue;
            std::memcpy(static_cast<void*>(state + index), work + r * length, length * sizeof(Element));
          }
        }
      }
    };
    const int threads = resolve_threads(num_threads, tiles, 1);
    nonideal::detail::for_blocks(tiles, std::max<std::int64_t>(1, tiles / 64), threads, over);
  }
}

}  // namespace nonideal::quantum::detail
