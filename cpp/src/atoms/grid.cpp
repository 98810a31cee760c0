#include "atoms/grid.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "base/check.hpp"
#include "nonideal/base/error.hpp"

namespace nonideal::atoms {
namespace {

constexpr double kFiner = 1.0;     ///< bins along an axis and cutoff
constexpr double kMostBins = 4.0;  ///< for each atom, so that empty space costs nothing
constexpr double kMostImages = 0x1p24;
constexpr double kFarthest = 0x1p29;  ///< cells away: differences and images beside them fit in 32 bits
constexpr double kLargest = 0x1p30;   ///< that a number of bins, images may be

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// floor(a / b) for b > 0.
std::int32_t floor_divide(std::int32_t a, std::int32_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

}  // namespace

Grid::Grid(std::span<const double> positions, const Lattice& lattice, double cutoff) : lattice_(lattice) {
  const auto n = static_cast<std::int64_t>(positions.size() / 3);
  places_.resize(positions.size());
  std::vector<double> fractions(positions.size());
  std::vector<std::int32_t> wraps(positions.size());
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::array<double, 3> low = {kInfinity, kInfinity, kInfinity}, high = {-kInfinity, -kInfinity, -kInfinity};
  bool wrapped = false;
  const std::array<double, 9>& inverse = lattice.inverse;
  for (std::int64_t i = 0; i < n; ++i) {
    const double* r = &positions[at(3 * i)];
    std::array<double, 3> turns{};
    for (std::size_t k = 0; k < 3; ++k) {
      double f = (r[0] * inverse[k] + r[1] * inverse[3 + k]) + r[2] * inverse[6 + k];
      if (lattice.periodic[k]) {
        turns[k] = std::floor(f);
        f -= turns[k];
        if (!(std::fabs(turns[k]) <= kFarthest)) {
          throw InvalidArgument("positions[" + std::to_string(i) + "] is " + detail::shortest(turns[k]) +
                                " cells away along axis " + std::to_string(k) + ", more than 2^29");
        }
        wraps[at(3 * i) + k] = static_cast<std::int32_t>(turns[k]);
        wrapped = wrapped || turns[k] != 0.0;
      }
      fractions[at(3 * i) + k] = f;
      low[k] = std::min(low[k], f);
      high[k] = std::max(high[k], f);
    }
    for (std::size_t x = 0; x < 3; ++x) {
      const double place = r[x] - ((turns[0] * lattice.rows[x] + turns[1] * lattice.rows[3 + x]) +
                                   turns[2] * lattice.rows[6 + x]);
      places_[at(3 * i) + x] = place;
      extent_ = std::max(extent_, std::fabs(place));
    }
  }
  if (wrapped) wraps_ = std::move(wraps);
  choose_bins(low, high, n, cutoff);

  // Atoms in the order of bins, in each bin in their own.
  const std::int64_t n_bins = std::int64_t{bins_[0]} * bins_[1] * bins_[2];
  bin_of_.resize(at(n));
  starts_.assign(at(n_bins) + 1, 0);
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t bin = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const double along = (fractions[at(3 * i) + k] - low_[k]) * scale_[k];
      bin = bin * bins_[k] + std::clamp(static_cast<std::int32_t>(along), 0, bins_[k] - 1);
    }
    bin_of_[at(i)] = static_cast<std::int32_t>(bin);
    ++starts_[at(bin) + 1];
  }
  for (std::int64_t b = 0; b < n_bins; ++b) starts_[at(b) + 1] += starts_[at(b)];
  std::vector<std::int32_t> next(starts_.begin(), starts_.end() - 1);
  slot_of_.resize(at(n));
  atoms_.assign(at(n) + kernels::kPadding, 0);
  for (auto& axis : sorted_) axis.assign(at(n) + kernels::kPadding, std::numeric_limits<float>::infinity());
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int32_t slot = next[at(bin_of_[at(i)])]++;
    slot_of_[at(i)] = slot;
    atoms_[at(slot)] = static_cast<std::int32_t>(i);
    for (std::size_t x = 0; x < 3; ++x) {
      sorted_[x][at(slot)] = static_cast<float>(places_[at(3 * i) + x]);
    }
  }
  const auto most = static_cast<double>(n);
  double visited = 1.0;
  for (std::size_t k = 0; k < 3; ++k) visited *= 2.0 * reach_[k] + 1.0;
  std::int32_t fullest = 0;
  for (std::int64_t b = 0; b < n_bins; ++b) {
    fullest = std::max(fullest, starts_[at(b) + 1] - starts_[at(b)]);
  }
  total_candidates_ = most * visited * fullest;
}

void Grid::choose_bins(const std::array<double, 3>& low, const std::array<double, 3>& high, std::int64_t n,
                       double cutoff) {
  // Rounding puts atoms beside a bin by about 1e-16 of the places; all is made larger by more.
  const double reached = cutoff * (1.0 + 1e-6) + 1e-12 * extent_;
  std::array<double, 3> widths{}, wanted{};  // of the whole axis, in angstrom; bins along it
  double total = 1.0;
  for (std::size_t k = 0; k < 3; ++k) {
    low_[k] = lattice_.periodic[k] ? 0.0 : (n == 0 ? 0.0 : low[k]);
    const double fraction = lattice_.periodic[k] ? 1.0 : (n == 0 ? 0.0 : high[k] - low[k]);
    widths[k] = fraction * lattice_.heights[k];
    wanted[k] = std::max(1.0, std::floor(kFiner * widths[k] / reached));
    total *= wanted[k];
  }
  // Too many bins for so few atoms: the longest axes get fewer.
  const double most = std::max(64.0, kMostBins * static_cast<double>(n));
  while (total > most) {
    const auto longest =
        static_cast<std::size_t>(std::max_element(wanted.begin(), wanted.end()) - wanted.begin());
    const double rest = total / wanted[longest];
    const double second = [&] {
      double next = 1.0;
      for (std::size_t k = 0; k < 3; ++k) {
        if (k != longest) next = std::max(next, wanted[k]);
      }
      return next;
    }();
    const double fewer = std::max({1.0, std::floor(most / rest), std::floor(second / 2.0)});
    wanted[longest] = std::min(fewer, wanted[longest] - 1.0);
    total = rest * wanted[longest];
  }
  double images = 1.0;
  for (std::size_t k = 0; k < 3; ++k) {
    bins_[k] = static_cast<std::int32_t>(wanted[k]);
    const double width = widths[k] / wanted[k];
    const double periodic_reach = std::min(kLargest, std::ceil(reached / std::max(width, 1e-300)));
    if (lattice_.periodic[k]) {
      reach_[k] = static_cast<std::int32_t>(periodic_reach);
      image_reach_[k] = static_cast<std::int32_t>((std::int64_t{reach_[k]} + bins_[k] - 1) / bins_[k]);
      repeats_ = repeats_ || std::int64_t{2} * reach_[k] + 1 > bins_[k];
      scale_[k] = wanted[k];
      images *= 2.0 * image_reach_[k] + 1.0;
    } else {
      reach_[k] = static_cast<std::int32_t>(std::min(periodic_reach, wanted[k] - 1.0));
      scale_[k] = widths[k] > 0.0 ? wanted[k] * lattice_.heights[k] / widths[k] : 0.0;
    }
  }
  if (images > kMostImages) {
    throw InvalidArgument("cutoff = " + detail::shortest(cutoff) + " reaches " + detail::shortest(images) +
                          " images of the cell, more than 2^24");
  }
  double shift = 0.0;
  for (std::size_t k = 0; k < 3; ++k) {
    double longest = 0.0;
    for (std::size_t x = 0; x < 3; ++x) longest = std::max(longest, std::fabs(lattice_.rows[3 * k + x]));
    shift += image_reach_[k] * longest;
  }
  extent_ += shift;
}

std::int64_t Grid::candidates(std::int64_t i, std::vector<kernels::Segment>& segments) const {
  segments.clear();
  const std::int32_t home = bin_of_[at(i)], own = slot_of_[at(i)];
  const std::int32_t bz = home % bins_[2], by = home / bins_[2] % bins_[1], bx = home / bins_[2] / bins_[1];
  const std::array<double, 9>& h = lattice_.rows;
  const std::int32_t images_z = 2 * image_reach_[2] + 1, images_y = 2 * image_reach_[1] + 1;
  // Along an axis that isn't periodic there is nothing beyond the first and the last bin.
  const auto first = [&](std::size_t k, std::int32_t b) {
    return lattice_.periodic[k] ? b - reach_[k] : std::max(0, b - reach_[k]);
  };
  const auto last = [&](std::size_t k, std::int32_t b) {
    return lattice_.periodic[k] ? b + reach_[k] : std::min(bins_[k] - 1, b + reach_[k]);
  };
  const std::int32_t z_first = first(2, bz), z_last = last(2, bz);
  const std::int32_t sz_first = floor_divide(z_first, bins_[2]), sz_last = floor_divide(z_last, bins_[2]);
  std::int64_t total = 0;
  for (std::int32_t x = first(0, bx), x_last = last(0, bx); x <= x_last; ++x) {
    const std::int32_t sx = floor_divide(x, bins_[0]), in_x = x - sx * bins_[0];
    for (std::int32_t y = first(1, by), y_last = last(1, by); y <= y_last; ++y) {
      const std::int32_t sy = floor_divide(y, bins_[1]), in_y = y - sy * bins_[1];
      const std::int64_t column = (std::int64_t{in_x} * bins_[1] + in_y) * bins_[2];
      for (std::int32_t sz = sz_first; sz <= sz_last; ++sz) {
        const std::int32_t z0 = std::max(z_first - sz * bins_[2], 0);
        const std::int32_t z1 = std::min(z_last - sz * bins_[2], bins_[2] - 1);
        const std::int32_t begin = starts_[at(column + z0)], end = starts_[at(column + z1) + 1];
        if (begin == end) continue;
        kernels::Segment segment{
            begin,
            end,
            ((sx + image_reach_[0]) * images_y + (sy + image_reach_[1])) * images_z + (sz + image_reach_[2]),
            {}};
        if ((sx | sy | sz) != 0) {
          for (std::size_t k = 0; k < 3; ++k) {
            segment.shift[k] = (sx * h[k] + sy * h[3 + k]) + sz * h[6 + k];
          }
        } else if (own >= begin && own < end) {  // the atom itself is none of its neighbours
          if (own > begin) {
            segment.end = own;
            segments.push_back(segment);
          }
          segment.begin = own + 1;
          segment.end = end;
          total -= 1;
          if (segment.begin == end) {
            total += end - begin;
            continue;
          }
        }
        segments.push_back(segment);
        total += end - begin;
      }
    }
  }
  return total;
}

}  // namespace nonideal::atoms
