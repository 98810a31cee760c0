#pragma once

#include <cstdint>

/// The loops of the neighbour list: plain pointers.
namespace nonideal::atoms::kernels {

/// Numbers that may be read, and of outputs overwritten, beyond the last one.
inline constexpr int kPadding = 16;

/// Atoms [begin, end) in the order of bins, seen from one atom in the image of number `code`.
struct Segment {
  std::int32_t begin, end;
  std::int32_t code;
  double shift[3];  ///< of the image
};

struct Hit {
  std::int32_t neighbor;
  std::int32_t code;
};

struct Filter {
  const float* sorted[3];  ///< coordinates in the order of bins
  const std::int32_t* atoms;
  const Segment* segments;
  std::int64_t n_segments;
  double center[3];
  float outside;  ///< squares of distances: larger ones are surely no neighbours,
  float inside;   ///< smaller ones surely are,
  float near;     ///< and not too near unless they are smaller than this
};

/// What is written of a row's pairs; outputs may be null.
struct Rows {
  const double* positions;
  const Hit* hits;             ///< of the first row on
  const std::int64_t* indptr;  ///< of the whole table
  std::int64_t begin, end;     ///< rows
  const std::int32_t* wraps;   ///< or null
  double cell[9];
  std::int32_t image_reach[3];
  std::int64_t* centers;
  std::int64_t* neighbors;
  std::int64_t* shifts;
  std::int32_t* short_neighbors;
  std::int32_t* short_shifts;
  double* vectors;
  double* distances;
};

#define NONIDEAL_NEIGHBOR_KERNELS(isa)                                                                       \
  namespace isa {                                                                                            \
  /** Atoms that are or may be near, segment by segment, and their images' numbers. Sets `doubtful` where    \
     one of them is not surely a neighbour. Returns how many there are. */                                   \
  std::int64_t filter(const Filter& args, std::int32_t* neighbors, std::int32_t* codes, bool* doubtful);     \
  /** Sorts by neighbour; equal ones stay in their order. Reads and overwrites kPadding further neighbours.  \
   */                                                                                                        \
  void sort_row(std::int32_t* neighbors, const std::int32_t* codes, std::int64_t n, bool repeats, Hit* out); \
  /** Writes rows out. */                                                                                    \
  void write_rows(const Rows& args);                                                                         \
  }
NONIDEAL_NEIGHBOR_KERNELS(baseline)
NONIDEAL_NEIGHBOR_KERNELS(avx2)
NONIDEAL_NEIGHBOR_KERNELS(avx512)
#undef NONIDEAL_NEIGHBOR_KERNELS

}  // namespace nonideal::atoms::kernels
