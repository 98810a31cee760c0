#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "atoms/kernels/neighbors.hpp"
#include "atoms/lattice.hpp"

namespace nonideal::atoms {

/// Atoms, wrapped along periodic axes and sorted by bins. A bin's neighbours are all within `reach` bins
/// along each axis; bins along the last axis follow one another in memory.
class Grid {
 public:
  Grid(std::span<const double> positions, const Lattice& lattice, double cutoff);

  /// Fills `segments` with the runs of atoms that may be near atom i: of images in lexicographic order,
  /// without the atom itself. Returns the number of atoms in them.
  std::int64_t candidates(std::int64_t i, std::vector<kernels::Segment>& segments) const;

  /// Upper bound of what candidates() returns, summed over all atoms.
  double total_candidates() const { return total_candidates_; }

  /// The place of atom i inside the cell.
  const double* place(std::int64_t i) const { return &places_[static_cast<std::size_t>(3 * i)]; }
  /// Cell vectors that were taken off atom i's position; empty where none were taken off any.
  const std::vector<std::int32_t>& wraps() const { return wraps_; }

  /// Sorted, with kPadding more at the end that are never near.
  const float* sorted(int axis) const { return sorted_[static_cast<std::size_t>(axis)].data(); }
  const std::int32_t* atoms() const { return atoms_.data(); }

  /// An image's number to its shift: (code / (images[1] * images[2]), ...) - reach.
  const std::array<std::int32_t, 3>& image_reach() const { return image_reach_; }

  /// Whether the same atom may be met twice, as two images.
  bool repeats() const { return repeats_; }
  /// Whether all atoms are in one bin without images.
  bool is_one_bin() const { return !repeats_ && starts_.size() == 2; }
  /// Greatest coordinate of an atom's place or of an image's shift.
  double extent() const { return extent_; }

 private:
  void choose_bins(const std::array<double, 3>& low, const std::array<double, 3>& high, std::int64_t n,
                   double cutoff);

  Lattice lattice_;
  std::array<std::int32_t, 3> bins_{}, reach_{}, image_reach_{};
  std::array<double, 3> low_{}, scale_{};
  std::vector<double> places_;
  std::vector<std::int32_t> wraps_, bin_of_, slot_of_, starts_, atoms_;
  std::array<std::vector<float>, 3> sorted_;
  bool repeats_ = false;
  double extent_ = 0.0, total_candidates_ = 0.0;
};

}  // namespace nonideal::atoms
