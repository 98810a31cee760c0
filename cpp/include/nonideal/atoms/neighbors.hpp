#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nonideal/base/export.hpp"

/// Which atoms are near which: all pairs (i, j, S) with |r_j + S h - r_i| < cutoff, h the cell's vectors.
///
/// Positions are (n, 3), row-major, in angstrom, and may lie outside the cell: shifts S are counted from the
/// given places. Any cell will do, tilted, left-handed, or smaller than the cutoff, as long as its vectors
/// are independent; an axis that isn't periodic bears no images, and its vector may be zero.
///
/// Pairs come sorted by (i, j, Sx, Sy, Sz). The vector D = (r_j - r_i) + ((S_x h_x + S_y h_y) + S_z h_z) and
/// its length are computed in double precision in this order, and are the same bits for every thread count
/// and instruction set; so is the decision |D| < cutoff. Of a pair and its reverse (j, i, -S) either both are
/// in the list or none is, and their vectors are each other's negative.
///
/// Time and memory grow with the number of pairs: atoms are sorted into bins about as wide as the cutoff.
namespace nonideal::atoms {

struct Cell {
  std::array<double, 9> rows{};  ///< cell vectors as rows, angstrom
  std::array<bool, 3> periodic{};
};

struct NeighborOptions {
  double cutoff = 0;  ///< angstrom
  bool half = false;  ///< each pair once: i < j with any S, or i = j with S > 0 (first that isn't 0)
  std::int32_t max_neighbors = 0;  ///< keep the nearest of each atom only (by |D|, j, S); 0: all
  bool tolerant = false;           ///< keep those too whose |D|^2 is within 0.01 of the last one's
  int num_threads = 0;
};

/// Two atoms nearer than this, in angstrom, are refused.
inline constexpr double kNearest = 0.01;

/// The pairs of atom i are [indptr[i], indptr[i + 1]).
struct NeighborTable {
  std::vector<std::int64_t> indptr;     ///< n + 1
  std::vector<std::int32_t> neighbors;  ///< j of each pair
  std::vector<std::int32_t> shifts;     ///< S, three for each pair
  std::vector<double> vectors;          ///< D, three for each pair, angstrom
  std::vector<std::int64_t> reverse;    ///< where (j, i, -S) stands; empty in half and in truncated lists
};

/// Throws InvalidArgument unless the numbers are finite, periodic axes have a vector, and the vectors that
/// are not zero are independent; `name` is what the cell is called: "cell[0] is zero, but this axis is
/// periodic".
NONIDEAL_API void check_cell(const std::string& name, const Cell& cell);

/// Throws InvalidArgument unless there are three finite numbers for each atom: "positions[1, 2] = nan is not
/// finite".
NONIDEAL_API void check_positions(const std::string& name, std::span<const double> positions);

/// The table of all pairs. Throws InvalidArgument for positions, cells and options outside their range, for
/// atoms within 0.01 angstrom of each other, and for more than 2^31 pairs.
NONIDEAL_API NeighborTable find_neighbors(std::span<const double> positions, const Cell& cell,
                                          const NeighborOptions& options);

/// Where NeighborSearch writes: arrays of size() entries (three times as many for shifts and vectors), or
/// null.
struct NeighborArrays {
  std::int64_t* centers = nullptr;    ///< i
  std::int64_t* neighbors = nullptr;  ///< j
  std::int64_t* shifts = nullptr;     ///< S
  std::int32_t* short_neighbors = nullptr;
  std::int32_t* short_shifts = nullptr;
  double* vectors = nullptr;    ///< D
  double* distances = nullptr;  ///< |D|
};

/// A search whose pairs are counted, and written out where the caller has made room: what find_neighbors() is
/// made of. Refers to `positions`, which must outlive it.
class NONIDEAL_API NeighborSearch {
 public:
  NeighborSearch(std::span<const double> positions, const Cell& cell, const NeighborOptions& options);
  NeighborSearch(NeighborSearch&&) noexcept;
  NeighborSearch& operator=(NeighborSearch&&) noexcept;
  NeighborSearch(const NeighborSearch&) = delete;
  NeighborSearch& operator=(const NeighborSearch&) = delete;
  ~NeighborSearch();

  std::int64_t size() const;                        ///< pairs
  const std::vector<std::int64_t>& indptr() const;  ///< as in the table
  void write(const NeighborArrays& out) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Where (j, i, -S) stands, for each pair of a full, untruncated table. O(pairs).
NONIDEAL_API std::vector<std::int64_t> reverse_pairs(std::span<const std::int64_t> indptr,
                                                     std::span<const std::int32_t> neighbors);

/// A table that is made again only when it may have become wrong: its pairs reach cutoff + skin, and stay
/// complete up to the cutoff until an atom has moved by more than skin / 2.
class NONIDEAL_API NeighborList {
 public:
  /// Throws InvalidArgument for options outside their range, a negative skin, and max_neighbors with a skin
  /// (the nearest atoms change before the list does).
  NeighborList(const NeighborOptions& options, double skin);

  /// True where the table was made again: at first, with no skin, after another number of atoms or another
  /// cell, and after a displacement from the last table's places of more than skin / 2. Places are compared
  /// as they are given: an atom that was wrapped into the cell has moved far. O(n) else. Throws as
  /// find_neighbors() does; then the list is as it was.
  bool update(std::span<const double> positions, const Cell& cell);

  /// Without vectors and reverse, which is made by reverse_pairs() where it is needed.
  const NeighborTable& table() const { return table_; }
  std::int64_t n_rebuilds() const { return n_rebuilds_; }

 private:
  NeighborOptions options_;
  double skin_;
  NeighborTable table_;
  std::vector<double> reference_;
  Cell cell_;
  std::int64_t n_rebuilds_ = 0;
};

}  // namespace nonideal::atoms
