#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/dispatch.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/threads.hpp"
#include "quantum/kernels/dense.hpp"
#include "quantum/operations.hpp"

/// Applies operations to a long vector: as many as possible of them to a tile of it while it is in the cache.
namespace nonideal::quantum::detail {

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

/// An operation made ready for tiles: bits in the tile's numbering, phases apart.
template <class Element>
struct Ready {
  using Scalar = typename Number<Element>::Scalar;
  std::uint64_t mask = 0;  // of the matrix
  int reach = 0;           // elements from 2^reach on are zero before and after
  std::span<const Scalar> matrix;
  // Phases, by where their bits are: bits [0, kChunkBits) of the tile, or elsewhere.
  std::vector<Phase> outside;              // masks of the whole index
  std::vector<std::pair<int, Phase>> one;  // (bit of the chunk, the rest of the mask)
  std::vector<std::complex<double>> table;
};

/// Some operations that are applied tile by tile; `tile` has the tile's bits of the index.
template <class Element>
struct Sweep {
  std::uint64_t tile = 0;
  std::uint64_t before = 0, after = 0;  // the bits that are not 0 everywhere
  std::vector<Ready<Element>> operations;
};

template <class Element>
Ready<Element> prepare(const Operations<typename Number<Element>::Scalar>& all, const Operation& operation,
                       std::uint64_t tile) {
  Ready<Element> ready;
  if (!operation.diagonal()) {
    ready.mask = gathered(operation.mask, tile);
    ready.matrix = all.matrix(operation);
    return ready;
  }
  const int bits = std::min(std::popcount(tile), kernels::kChunkBits);
  const std::uint64_t chunk = spread((std::uint64_t{1} << bits) - 1, tile);
  std::vector<Phase> inside;  // masks within the chunk
  for (const Phase& phase : all.phases_of(operation)) {
    const std::uint64_t low = gathered(phase.mask & chunk, chunk), rest = phase.mask & ~chunk;
    if (low == 0) {
      ready.outside.push_back(phase);
    } else if (std::has_single_bit(low)) {
      ready.one.emplace_back(std::countr_zero(low), Phase{rest, phase.factor});
    } else {
      inside.push_back({low, phase.factor});
    }
  }
  if (!inside.empty()) {
    ready.table.assign(std::size_t{1} << bits, 1.0);
    for (const Phase& phase : inside) {
      const std::uint64_t others = (ready.table.size() - 1) & ~phase.mask;
      std::uint64_t i = 0;
      do {
        std::complex<double>& factor = ready.table[phase.mask | i];
        factor = times(factor, phase.factor);
        i = next(i, others);
      } while (i != 0);
    }
  }
  return ready;
}

/// Applies an operation to the tile that begins at element `base` and lies at `state`.
template <class Element>
void apply(Element* state, const Ready<Element>& ready, std::uint64_t tile, std::uint64_t base,
           const Kernels<Element>& kernels) {
  using Real = typename Number<Element>::Real;
  auto* const numbers = reinterpret_cast<Real*>(state);
  const int n_bits = ready.reach;
  if (ready.mask != 0) {
    const Bits bits(ready.mask);
    const int k = static_cast<int>(bits.size());
    if (k > kernels::kMaxDenseBits || n_bits < kernels::kMinStateBits) {
      apply_matrix<Element>(state, n_bits, bits, ready.matrix);
    } else {
      kernels.dense(numbers, n_bits, k, bits.data(), reinterpret_cast<const double*>(ready.matrix.data()));
    }
    return;
  }
  if constexpr (!std::is_arithmetic_v<Element>) {
    const int chunk = std::min(n_bits, kernels::kChunkBits);
    const std::uint64_t above = tile & ~spread((std::uint64_t{1} << chunk) - 1, tile);
    const std::uint64_t chunks = std::uint64_t{1} << (n_bits - chunk);
    std::uint64_t index = 0;
    for (std::uint64_t c = 0; c < chunks; ++c, index = next(index, above)) {
      const auto everywhere = [&](const Phase& phase) { return ((base | index) & phase.mask) == phase.mask; };
      std::complex<double> scale = 1.0;
      std::complex<double> turns[kernels::kChunkBits];
      std::fill(std::begin(turns), std::end(turns), 1.0);
      bool trivial = ready.table.empty();
      for (const Phase& phase : ready.outside) {
        if (!everywhere(phase)) continue;
        scale = times(scale, phase.factor);
        trivial = false;
      }
      for (const auto& [bit, phase] : ready.one) {
        if (!everywhere(phase)) continue;
        turns[bit] = times(turns[bit], phase.factor);
        trivial = false;
      }
      if (trivial) continue;
      kernels.phases(numbers + (c << (chunk + 1)), chunk, reinterpret_cast<const double*>(&scale),
                     reinterpret_cast<const double*>(turns),
                     ready.table.empty() ? nullptr : reinterpret_cast<const double*>(ready.table.data()));
    }
  }
}

/// Bits of a tile that stays in a core's cache: 1 MiB; down to 256 KiB where there would be less than 16
/// tiles for all threads. It depends on the vector alone: so do the bits of the result.
template <class Element>
constexpr int tile_bits(int n_bits) {
  constexpr int kElement = std::countr_zero(sizeof(Element));
  return std::min(n_bits, std::clamp(n_bits - 4, 18 - kElement, 20 - kElement));
}
inline constexpr int kContiguousBits = 6;  ///< the lowest bits are in every tile: runs of a few cache lines

/// Cuts a list of operations into sweeps. Phases need no bit of the tile. A bit outside `live` is 0 wherever
/// the vector is not, until a matrix acts on it.
template <class Element>
std::vector<Sweep<Element>> plan(const Operations<typename Number<Element>::Scalar>& operations, int n_bits,
                                 std::uint64_t live) {
  const std::vector<Operation>& list = operations.list;
  const int room = tile_bits<Element>(n_bits);
  const std::uint64_t all = (std::uint64_t{1} << n_bits) - 1;
  std::vector<Sweep<Element>> sweeps;
  std::vector<bool> done(list.size());
  std::vector<std::size_t> members;
  for (std::size_t first = 0; first < list.size(); ++first) {
    if (done[first]) continue;
    std::uint64_t tile = (std::uint64_t{1} << std::min(room, kContiguousBits)) - 1, blocked = 0;
    members.clear();
    for (std::size_t i = first; i < list.size() && blocked != all; ++i) {
      if (done[i]) continue;
      const std::uint64_t mask = list[i].mask;
      const bool fits = list[i].diagonal() || std::popcount(tile | mask) <= room;
      if ((mask & blocked) == 0 && (fits || members.empty())) {
        if (!list[i].diagonal()) tile |= mask;
        done[i] = true;
        members.push_back(i);
      } else {
        blocked |= mask;
      }
    }
    for (int b = 0; b < n_bits && std::popcount(tile) < room; ++b) tile |= std::uint64_t{1} << b;
    Sweep<Element>& sweep = sweeps.emplace_back();
    sweep.tile = tile;
    sweep.before = live;
    sweep.operations.reserve(members.size());
    for (const std::size_t member : members) {
      Ready<Element>& ready = sweep.operations.emplace_back(prepare<Element>(operations, list[member], tile));
      if (!list[member].diagonal()) live |= list[member].mask;
      const auto used = static_cast<int>(std::bit_width(gathered(live, tile)));
      const int least = list[member].diagonal() ? kernels::kChunkBits : kernels::kMinStateBits;
      ready.reach = std::max(used, std::min(room, least));
    }
    sweep.after = live;
  }
  return sweeps;
}

/// Elements that these sweeps read and write.
template <class Element>
double traffic(const std::vector<Sweep<Element>>& sweeps) {
  double elements = 0.0;
  for (const Sweep<Element>& sweep : sweeps) {
    for (const std::uint64_t live : {sweep.before, sweep.after}) {
      elements += std::ldexp(1.0, std::popcount(live));
    }
  }
  return elements;
}

/// What a thread should have to do, in passes of one operation over a tile: about 0.1 ms. Waking another
/// thread and waiting for it costs a tenth of that, and much more where the cores are not all ours.
inline constexpr std::int64_t kPassesPerThread = 8;

/// Applies all operations to a vector of 2^n_bits elements, zero where a bit outside `live` is 1. What is
/// known to stay zero is neither read nor written. The same bits for every number of threads.
template <class Element>
void run(Element* state, int n_bits, const Operations<typename Number<Element>::Scalar>& operations,
         int num_threads, std::uint64_t live = ~std::uint64_t{0}) {
  const Kernels<Element> kernels = Kernels<Element>::active();
  const std::uint64_t all = (std::uint64_t{1} << n_bits) - 1;
  for (const Sweep<Element>& sweep : plan<Element>(operations, n_bits, live & all)) {
    // A tile consists of runs of neighbours, one for each subset of `upper`; tiles begin at subsets of
    // `outer`.
    const int run_bits = std::countr_one(sweep.tile);
    const std::size_t length = std::size_t{1} << run_bits;
    const std::uint64_t upper = sweep.tile & ~(std::uint64_t{length} - 1);
    const std::uint64_t outer = sweep.before & ~sweep.tile;
    const std::size_t filled = std::bit_ceil((sweep.before & (std::uint64_t{length} - 1)) + 1);
    const auto for_runs = [&](std::uint64_t base, const auto& body) {
      std::uint64_t part = 0, index = 0;
      do {
        body(part, base | index);
        part += length;
        index = next(index, upper);
      } while (index != 0);
    };
    const auto is_zero = [&](std::uint64_t base) {
      bool zero = true;
      for_runs(base, [&](std::uint64_t, std::uint64_t index) {
        zero = zero && ((index & ~sweep.before) != 0 ||
                        std::all_of(state + index, state + index + filled,
                                    [](const Element& value) { return value == Element(0); }));
      });
      return zero;
    };
    std::vector<std::uint64_t> tiles;
    std::uint64_t first = 0;
    do {
      if (!is_zero(first)) tiles.push_back(first);
      first = next(first, outer);
    } while (first != 0);
    const auto over = [&](std::int64_t begin, std::int64_t end) {
      const auto buffer =
          std::make_unique_for_overwrite<Element[]>(upper == 0 ? 0 : length << std::popcount(upper));
      for (std::int64_t t = begin; t < end; ++t) {
        const std::uint64_t base = tiles[static_cast<std::size_t>(t)];
        Element* const tile = upper == 0 ? state + base : buffer.get();
        if (upper != 0) {
          for_runs(base, [&](std::uint64_t part, std::uint64_t index) {
            if ((index & ~sweep.before) == 0) {
              std::memcpy(static_cast<void*>(tile + part), state + index, length * sizeof(Element));
            } else {
              std::fill_n(tile + part, length, Element(0));
            }
          });
        }
        for (const Ready<Element>& ready : sweep.operations) apply(tile, ready, sweep.tile, base, kernels);
        if (upper != 0) {
          for_runs(base, [&](std::uint64_t part, std::uint64_t index) {
            if ((index & ~sweep.after) != 0) return;
            std::memcpy(static_cast<void*>(state + index), tile + part, length * sizeof(Element));
          });
        }
      }
    };
    const auto n_tiles = static_cast<std::int64_t>(tiles.size());
    const std::int64_t passes = n_tiles * static_cast<std::int64_t>(sweep.operations.size());
    const int threads = resolve_threads(num_threads, passes, kPassesPerThread);
    nonideal::detail::for_blocks(n_tiles, std::max<std::int64_t>(1, n_tiles / 64), threads, over);
  }
}

}  // namespace nonideal::quantum::detail
