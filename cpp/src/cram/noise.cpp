#include "cram/noise.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nonideal/cram/simulate.hpp"

namespace nonideal::cram {

using kernels::Method;

double point_rate(double probability) {
  const double z = probability / (1.0 - probability);
  double sum = 0.0;
  for (int k = 30; k >= 0; --k) sum = sum * (z * z) + 1.0 / (2 * k + 1);
  return z * sum;
}

namespace {

/// 2^64 P(N > n) of a Poisson number, n = 0, 1, ... until it is 0. The weights follow from that of the
/// likeliest number and are summed from the tail, so that small values are as exact as large ones.
std::vector<std::uint64_t> survival_table(double mean) {
  const auto most = static_cast<int>(mean + 12.0 * std::sqrt(mean) + 40.0);
  const auto mode = static_cast<std::size_t>(mean);
  std::vector<double> weight(static_cast<std::size_t>(most) + 1, 1.0);
  for (std::size_t n = mode; n > 0; --n) weight[n - 1] = weight[n] * static_cast<double>(n) / mean;
  for (std::size_t n = mode + 1; n < weight.size(); ++n) {
    weight[n] = weight[n - 1] * mean / static_cast<double>(n);
  }
  const double total = std::accumulate(weight.rbegin(), weight.rend(), 0.0);
  std::vector<std::uint64_t> table(weight.size(), 0);
  double survival = 0.0;
  for (std::size_t n = weight.size(); n-- > 0;) {
    const double share = survival / total;
    table[n] = share >= 1.0 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(std::ldexp(share, 64));
    survival += weight[n];
  }
  const auto end = std::find(table.begin(), table.end(), 0);
  table.erase(end, table.end());
  table.push_back(0);
  return table;
}

/// guide[t]: the least number of points that a random word with the top bits t can mean.
std::vector<std::uint16_t> guide_table(const std::vector<std::uint64_t>& survival) {
  std::vector<std::uint16_t> guide(256);
  for (std::size_t top = 0; top < guide.size(); ++top) {
    const std::uint64_t largest = (static_cast<std::uint64_t>(top) << 56) | ((std::uint64_t{1} << 56) - 1);
    std::uint16_t n = 0;
    while (largest < survival[n]) ++n;
    guide[top] = n;
  }
  return guide;
}

/// Points that are applied without asking how many there are: all but one block in 16 has no more of them.
std::int32_t eager_points(const std::vector<std::uint64_t>& survival) {
  constexpr std::int32_t most = 7;  // what the first draw holds
  std::int32_t n = 0;
  while (n < most && survival[static_cast<std::size_t>(n)] > std::uint64_t{1} << 60) ++n;
  return n;
}

constexpr std::uint64_t kNeverQuiet = std::uint64_t{1} << 32;

void set_shape(kernels::Noise& noise, const GateSpec& gate) {
  noise.fan_in = static_cast<std::uint8_t>(gate.fan_in);
  noise.preset = static_cast<std::uint8_t>(gate.preset);
  noise.threshold = static_cast<std::uint8_t>(gate.threshold);
}

}  // namespace

void NoiseTables::expect_points(double rate) {
  survival = survival_table(static_cast<double>(kBlockLanes) * rate);
  guide = guide_table(survival);
  noise.eager = eager_points(survival);
  noise.quiet = (survival.front() >> 32) + ((survival.front() & 0xFFFFFFFF) != 0 ? 1 : 0);
}

NoiseTables::NoiseTables(const GateSpec& gate, std::span<const double> error) {
  set_shape(noise, gate);
  const double largest = *std::max_element(error.begin(), error.end());
  const double smallest = *std::min_element(error.begin(), error.end());
  const bool uniform = smallest == largest;
  if (largest <= 0.0) {
    noise.method = Method::none;
  } else if (largest > (uniform ? kSparseLimitUniform : kSparseLimitState)) {
    noise.method = Method::dense;
    noise.quiet = kNeverQuiet;
    for (std::size_t k = 0; k < error.size(); ++k) {
      const double scaled = std::nearbyint(std::ldexp(error[k], 32));
      noise.always[k] = scaled >= 0x1p32;
      noise.probability[k] = noise.always[k] ? 0 : static_cast<std::uint32_t>(scaled);
    }
  } else {
    noise.method = uniform ? Method::uniform : Method::state;
    const double rate = point_rate(largest);
    expect_points(rate);
    for (std::size_t k = 0; k < error.size(); ++k) {
      const double scaled = std::ldexp(error[k] == largest ? 1.0 : point_rate(error[k]) / rate, 20);
      noise.accept[k] = static_cast<std::uint32_t>(scaled);
      noise.accept_rest[k] = static_cast<std::uint32_t>(std::ldexp(scaled - std::floor(scaled), 32));
    }
  }
}

NoiseTables::NoiseTables(const CellErrors::Table& cells) {
  set_shape(noise, spec(cells.gate));
  noise.cells = cells.threshold.data();
  if (cells.largest <= 0.0) {
    noise.method = Method::none;
  } else if (cells.largest > kSparseLimitState) {
    noise.method = Method::cells_dense;
    noise.quiet = kNeverQuiet;
  } else {
    noise.method = Method::cells_sparse;
    expect_points(point_rate(cells.largest));
  }
}

kernels::Noise NoiseTables::bound() const {
  kernels::Noise bound = noise;
  bound.survival = survival.data();
  bound.guide = guide.data();
  return bound;
}

}  // namespace nonideal::cram
