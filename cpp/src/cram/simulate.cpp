#include "nonideal/cram/simulate.hpp"

#include <omp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/dispatch.hpp"
#include "cram/compile.hpp"
#include "cram/counter.hpp"
#include "cram/kernels/tile.hpp"
#include "cram/noise.hpp"
#include "nonideal/base/threads.hpp"
#include "nonideal/cram/planes.hpp"

static_assert(std::endian::native == std::endian::little, "bit planes are addressed by bytes");

namespace nonideal::cram {
namespace {

using kernels::kBlockWords;
using kernels::kMaxTileBlocks;
using kernels::Noise;

static_assert(kBlockLanes == 64 * kBlockWords && kBlockLanes == 1 << kernels::kPositionBits);

constexpr std::int64_t kMinGateLanes = std::int64_t{1} << 24;  ///< per thread: some 0.1 ms
constexpr std::int64_t kTileBytes = 192 << 10;                 ///< slots of a tile; by measurement

/// The bits of an input column for the lanes that a tile covers. Lanes outside the call are zero.
class PlaneReader {
 public:
  PlaneReader(const InputPlane& plane, std::int64_t lanes)
      : words_(plane.words),
        repeat_(plane.repeat),
        entries_(plane.entries == 0 ? lanes : plane.entries),
        lanes_(lanes) {}

  /// Words for the lanes first, first + 1, ... of the call; `first` may be negative.
  void read(std::int64_t first, std::int64_t count, std::uint64_t* out) const {
    std::int64_t word = 0;
    if (repeat_ == 1 && entries_ >= lanes_ && first >= 0 && first % 64 == 0) {
      word = std::clamp<std::int64_t>(plane_words(lanes_) - first / 64, 0, count);
      std::copy_n(words_ + first / 64, word, out);
    }
    for (; word < count && first + word * 64 <= -64; ++word) out[word] = 0;
    if (word < count && first + word * 64 < 0) {  // the run starts within this word
      const auto skip = static_cast<int>(-(first + word * 64));
      out[word++] = at(0) << skip;
    }
    const std::int64_t end = std::clamp<std::int64_t>((lanes_ - first + 63) / 64, word, count);
    const std::int64_t turn = period_words();  // what few entries give comes again
    const std::int64_t fresh = std::min(end, word + turn);
    if (repeat_ == 1) {
      for (std::int64_t w = word; w < fresh; ++w) out[w] = at(first + w * 64);
    } else {
      repeated(first + word * 64, fresh - word, out + word);
    }
    for (std::int64_t w = fresh; w < end; ++w) out[w] = out[w - turn];
    for (std::int64_t w = end; w < count; ++w) out[w] = 0;
  }

 private:
  std::uint64_t bit(std::int64_t entry) const { return words_[entry >> 6] >> (entry & 63) & 1; }

  /// After so many words the entries come again in the same places.
  std::int64_t period_words() const {
    if (repeat_ >= lanes_ || entries_ >= lanes_ / repeat_)
      return plane_words(lanes_) + 1;  // not in this call
    const std::int64_t period = repeat_ * entries_;
    return period / std::gcd(period, std::int64_t{64});
  }

  /// Lanes lane .. lane + 63; bits of lanes beyond the call are arbitrary.
  std::uint64_t at(std::int64_t lane) const {
    if (repeat_ > 1) {
      std::uint64_t word = 0;
      repeated(lane, 1, &word);
      return word;
    }
    std::int64_t entry = lane % entries_;
    std::uint64_t result = 0;
    for (int filled = 0; filled < 64;) {  // more than one turn where the entries wrap around
      const std::int64_t run = std::min<std::int64_t>(64 - filled, entries_ - entry);
      std::uint64_t bits = words_[entry >> 6] >> (entry & 63);
      if ((entry & 63) != 0 && (entry >> 6) + 1 < plane_words(entries_)) {
        bits |= words_[(entry >> 6) + 1] << (64 - (entry & 63));
      }
      if (run < 64) bits &= (std::uint64_t{1} << run) - 1;
      result |= bits << filled;
      filled += static_cast<int>(run);
      entry = 0;
      if (entries_ >= lanes_) break;
    }
    return result;
  }

  /// Where an entry lasts for several lanes: words for the lanes lane, lane + 1, ...
  void repeated(std::int64_t lane, std::int64_t count, std::uint64_t* out) const {
    std::int64_t entry = (lane / repeat_) % entries_;
    std::int64_t rest = repeat_ - lane % repeat_;  // of the entry's run
    std::uint64_t held = 0 - bit(entry);
    for (std::int64_t w = 0; w < count; ++w) {
      std::uint64_t result = held;
      std::int64_t filled = 0;
      while (rest <= 64 - filled) {  // the next entry starts within the word, or right behind it
        filled += rest;
        rest = repeat_;
        if (++entry == entries_) entry = 0;
        const std::uint64_t next = 0 - bit(entry);
        if (filled < 64) result ^= (held ^ next) << filled;
        held = next;
      }
      rest -= 64 - filled;
      out[w] = result;
    }
  }

  const std::uint64_t* words_;
  std::int64_t repeat_;
  std::int64_t entries_;
  std::int64_t lanes_;
};

/// ~0 for lanes of the call, 0 for others.
std::uint64_t valid_lanes(std::int64_t lane, std::int64_t lanes) {
  if (lane <= -64 || lane >= lanes) return 0;
  std::uint64_t mask = ~std::uint64_t{0};
  if (lane < 0) mask <<= -lane;
  if (lanes - lane < 64) mask &= (std::uint64_t{1} << (lanes - lane)) - 1;
  return mask;
}

/// Writes a tile's words to the plane of the call. Where lanes are not aligned to words, two tiles share a
/// word: the plane is zero before, and bits are added atomically.
void write_plane(const std::uint64_t* words, std::int64_t first, std::int64_t count, std::int64_t lanes,
                 std::uint64_t* plane) {
  const int shift = static_cast<int>(first & 63);
  if (shift == 0 && first >= 0 && first + count * 64 <= lanes) {
    std::copy_n(words, count, plane + first / 64);
    return;
  }
  for (std::int64_t w = 0; w < count; ++w) {
    const std::int64_t lane = first + w * 64;
    const std::uint64_t mask = valid_lanes(lane, lanes);
    if (mask == 0) continue;
    const std::uint64_t bits = words[w] & mask;
    const std::int64_t at = lane >> 6;  // rounds down, also below zero
    if (shift == 0) {
      plane[at] = bits;
      continue;
    }
    if (lane >= 0)
      std::atomic_ref<std::uint64_t>(plane[at]).fetch_or(bits << shift, std::memory_order_relaxed);
    if (const std::uint64_t high = bits >> (64 - shift); high != 0) {
      std::atomic_ref<std::uint64_t>(plane[at + 1]).fetch_or(high, std::memory_order_relaxed);
    }
  }
}

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

/// What one thread works in: the slots of a tile, and its share of the counts.
struct Scratch {
  std::unique_ptr<std::uint64_t[], Free> memory;
  std::vector<std::uint64_t*> slots;
  std::vector<std::uint64_t> valid;
  std::vector<std::int64_t> lanes_seen;
  std::vector<std::int64_t> flips;

  Scratch(std::int32_t count, std::int64_t words, std::size_t activity)
      : lanes_seen(activity), flips(activity) {
    const auto n = static_cast<std::size_t>(std::max(count, 1));
    // A cache line between slots: at a stride of a power of two they would crowd into few sets of the
    // cache.
    const auto stride = static_cast<std::size_t>(words) + 8;
    memory.reset(static_cast<std::uint64_t*>(std::aligned_alloc(64, n * stride * sizeof(std::uint64_t))));
    if (memory == nullptr) throw std::bad_alloc();
    for (std::size_t c = 0; c < n; ++c) slots.push_back(memory.get() + c * stride);
    if (activity != 0) valid.resize(static_cast<std::size_t>(words));
  }
};

}  // namespace

struct Simulator::Compiled {
  std::int64_t rows = 1;
  std::vector<NoiseTables> tables;
  std::vector<Noise> noise;
  std::vector<std::shared_ptr<const CellErrors::Table>> cells;
  Schedule schedule;
  std::int64_t inputs = 0;

  void finish(const Program& program, std::span<const std::int32_t> noise_of) {
    for (const NoiseTables& table : tables) noise.push_back(table.bound());
    schedule = compile(program, noise_of, noise);
    for (const Port& port : program.inputs()) inputs += static_cast<std::int64_t>(port.columns.size());
  }
};

Simulator::Simulator(const Program& program, const GateTable& table) {
  auto compiled = std::make_shared<Compiled>();
  std::array<std::int32_t, kGates.size()> index{};
  index.fill(-1);
  std::vector<std::int32_t> noise_of;
  noise_of.reserve(program.instructions().size());
  for (const Instruction& instruction : program.instructions()) {
    std::int32_t& kind = index[static_cast<std::size_t>(instruction.gate)];
    if (kind < 0) {
      kind = static_cast<std::int32_t>(compiled->tables.size());
      compiled->tables.emplace_back(spec(instruction.gate), table.error(instruction.gate));
    }
    noise_of.push_back(kind);
  }
  compiled->finish(program, noise_of);
  compiled_ = std::move(compiled);
}

Simulator::Simulator(const Program& program, const CellErrors& cells,
                     std::span<const std::int32_t> table_of_instruction) {
  const auto& tables = cells.tables();
  detail::expect_count("table_of_instruction", "numbers",
                       static_cast<std::int64_t>(table_of_instruction.size()), program.num_gates());
  for (std::size_t i = 0; i < table_of_instruction.size(); ++i) {
    const std::int32_t table = table_of_instruction[i];
    const std::string who = detail::bracketed("table_of_instruction", static_cast<std::int64_t>(i));
    if (table < 0 || static_cast<std::size_t>(table) >= tables.size()) {
      throw InvalidArgument(who + " = " + std::to_string(table) + " is outside [0, " +
                            std::to_string(tables.size()) + ")");
    }
    const Gate expected = program.instructions()[i].gate;
    const Gate gate = tables[static_cast<std::size_t>(table)]->gate;
    if (gate != expected) {
      throw InvalidArgument(who + " = " + std::to_string(table) + " is a table of " +
                            std::string(spec(gate).name) + ", the instruction is " +
                            std::string(spec(expected).name));
    }
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->rows = cells.rows();
  compiled->cells = tables;
  for (const auto& table : tables) compiled->tables.emplace_back(*table);
  compiled->finish(program, table_of_instruction);
  compiled_ = std::move(compiled);
}

std::int64_t Simulator::num_input_planes() const { return compiled_->inputs; }
std::int64_t Simulator::num_output_planes() const {
  return static_cast<std::int64_t>(compiled_->schedule.outputs.size());
}

void Simulator::run(std::span<const std::uint64_t* const> input_planes,
                    std::span<std::uint64_t* const> output_planes, std::int64_t lanes,
                    const RunOptions& options, Activity* activity) const {
  std::vector<InputPlane> planes;
  planes.reserve(input_planes.size());
  for (const std::uint64_t* const words : input_planes) planes.push_back({words});
  run(std::span<const InputPlane>(planes), output_planes, lanes, options, activity);
}

void Simulator::run(std::span<const InputPlane> input_planes, std::span<std::uint64_t* const> output_planes,
                    std::int64_t lanes, const RunOptions& options, Activity* activity) const {
  const Schedule& program = compiled_->schedule;
  detail::expect_count("input_planes", "planes", static_cast<std::int64_t>(input_planes.size()),
                       num_input_planes());
  detail::expect_count("output_planes", "planes", static_cast<std::int64_t>(output_planes.size()),
                       num_output_planes());
  detail::expect_at_least("lanes", lanes, 0);
  expect_lanes(options.first_lane, lanes);
  expect_stream(options.stream);
  for (std::size_t i = 0; i < input_planes.size(); ++i) {
    const std::string who = detail::bracketed("input_planes", static_cast<std::int64_t>(i));
    if (input_planes[i].words == nullptr && lanes > 0) throw InvalidArgument(who + " is null");
    detail::expect_at_least(who + ".repeat", input_planes[i].repeat, 1);
    detail::expect_at_least(who + ".entries", input_planes[i].entries, 0);
  }
  for (std::size_t i = 0; i < output_planes.size() && lanes > 0; ++i) {
    if (output_planes[i] == nullptr) {
      throw InvalidArgument(detail::bracketed("output_planes", static_cast<std::int64_t>(i)) + " is null");
    }
  }
  if (options.tile_lanes < 0 || options.tile_lanes % kBlockLanes != 0) {
    throw InvalidArgument("tile_lanes = " + std::to_string(options.tile_lanes) + " is no multiple of " +
                          std::to_string(kBlockLanes) + " (0 means the default)");
  }
  const auto work = static_cast<std::int64_t>(
      std::min(static_cast<double>(lanes) * static_cast<double>(program.steps.size() + 1), 9e18));
  int threads = resolve_threads(options.num_threads, work, kMinGateLanes);
  const auto kernel = NONIDEAL_PICK(cram, run_tile);
  // All refusals are above, all writing is below.
  const std::size_t counts = activity != nullptr ? program.steps.size() * kMaxStates : 0;
  if (activity != nullptr) {
    activity->lanes.assign(counts, 0);
    activity->flips.assign(counts, 0);
    if (counts == 0) activity = nullptr;  // a program without gates: nothing to count, and no scratch for it
  }
  if (lanes == 0) return;

  const std::int64_t first_block = options.first_lane / kBlockLanes;
  const std::int64_t blocks = (options.first_lane + lanes + kBlockLanes - 1) / kBlockLanes - first_block;
  std::int64_t tile_blocks = options.tile_lanes / kBlockLanes;
  if (tile_blocks == 0) {
    tile_blocks = kTileBytes / (std::max(program.slots, 1) * (kBlockLanes / 8));
    tile_blocks = std::min(tile_blocks, blocks / (std::int64_t{4} * threads));  // some tiles for every thread
  }
  tile_blocks = std::clamp<std::int64_t>(tile_blocks, 1, std::min<std::int64_t>(kMaxTileBlocks, blocks));
  const std::int64_t tile_words = tile_blocks * kBlockWords;
  const std::int64_t tiles = (blocks + tile_blocks - 1) / tile_blocks;
  threads = static_cast<int>(std::min<std::int64_t>(threads, tiles));

  if (options.first_lane % 64 != 0) {
    for (std::uint64_t* const plane : output_planes) std::fill_n(plane, plane_words(lanes), 0);
  }
  std::vector<PlaneReader> readers;
  readers.reserve(input_planes.size());
  for (const InputPlane& plane : input_planes) readers.emplace_back(plane, lanes);
  std::vector<Scratch> scratch;
  for (int t = 0; t < threads; ++t) scratch.emplace_back(program.slots, tile_words, counts);

  const auto run_one = [&](std::int64_t tile_index, Scratch& own) {
    const std::int64_t block = tile_index * tile_blocks;
    const auto here = static_cast<std::int32_t>(std::min(tile_blocks, blocks - block));
    const std::int64_t words = here * kBlockWords;
    const std::int64_t first = (first_block + block) * kBlockLanes - options.first_lane;  // lane of the call
    for (std::int64_t w = 0; w < words && activity != nullptr; ++w) {
      own.valid[static_cast<std::size_t>(w)] = valid_lanes(first + w * 64, lanes);
    }
    kernels::Tile tile{};
    tile.steps = program.steps.data();
    tile.noise = compiled_->noise.data();
    tile.slots = own.slots.data();
    tile.first_block = first_block + block;
    tile.blocks = here;
    tile.rows = compiled_->rows;
    tile.seed = options.seed;
    tile.stream = options.stream;
    tile.valid = activity != nullptr ? own.valid.data() : nullptr;
    tile.lanes_seen = own.lanes_seen.data();
    tile.flips = own.flips.data();
    for (const Part& part : program.parts) {
      for (const Load& load : part.loads) {
        std::uint64_t* const slot = own.slots[static_cast<std::size_t>(load.slot)];
        if (load.source >= 0) {
          readers[static_cast<std::size_t>(load.source)].read(first, words, slot);
        } else {
          std::fill_n(slot, words, load.source == Load::kOnes ? ~std::uint64_t{0} : 0);
        }
      }
      tile.operations = program.operations.data() + part.first;
      tile.count = part.count;
      tile.sparse = part.sparse;
      if (part.count > 0) kernel(tile);
    }
    for (std::size_t o = 0; o < output_planes.size(); ++o) {
      write_plane(own.slots[static_cast<std::size_t>(program.outputs[o])], first, words, lanes,
                  output_planes[o]);
    }
  };
  if (threads == 1) {
    for (std::int64_t t = 0; t < tiles; ++t) run_one(t, scratch.front());
  } else {
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (std::int64_t t = 0; t < tiles; ++t)
      run_one(t, scratch[static_cast<std::size_t>(omp_get_thread_num())]);
  }
  for (const Scratch& own : scratch) {
    for (std::size_t i = 0; i < counts; ++i) {
      activity->lanes[i] += own.lanes_seen[i];
      activity->flips[i] += own.flips[i];
    }
  }
}

}  // namespace nonideal::cram
