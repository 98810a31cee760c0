// How often does a noisy quantum computer name the wrong nearest neighbour? A cloud of random points is
// searched with noisy circuits, as they are and mitigated:
//   neighbours_host [points [seed]]
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "nonideal/base/error.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/quantum/distance.hpp"

namespace quantum = nonideal::quantum;

constexpr int kDimension = 8, kQueries = 200;

/// Coordinates in [0, 1) from the host's own stream of random numbers.
std::vector<double> cloud(std::int64_t points, std::uint64_t seed, std::uint64_t stream) {
  std::vector<double> coordinates(static_cast<std::size_t>(points * kDimension));
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    const nonideal::Words4 words = nonideal::philox(seed, stream, i);
    coordinates[i] = nonideal::uniform53(words.w[0], words.w[1]);
  }
  return coordinates;
}

std::vector<std::int64_t> nearest(const quantum::DistanceOptions& options, const quantum::DistanceData& data,
                                  std::uint64_t seed) {
  std::vector<std::int64_t> index(kQueries);
  std::vector<double> squared(kQueries), error(kQueries), second(kQueries), second_error(kQueries);
  quantum::DistanceProgram(kDimension, options)
      .nearest(data, {.seed = seed}, {index, squared, error, second, second_error});
  return index;
}

bool read(const char* name, std::string_view text, std::uint64_t least, std::uint64_t most,
          std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= least && value <= most)
    return true;
  std::fprintf(stderr, "%s = %s is not a whole number in [%llu, %llu]\n", name, text.data(),
               static_cast<unsigned long long>(least), static_cast<unsigned long long>(most));
  return false;
}

int main(int count, char** arguments) try {
  std::uint64_t n_points = 1000, seed = 1;
  if (count > 3) return std::fputs("usage: neighbours_host [points [seed]]\n", stderr), 2;
  if (count > 1 && !read("points", arguments[1], 2, 1'000'000, n_points)) return 2;
  if (count > 2 && !read("seed", arguments[2], 0, UINT64_MAX, seed)) return 2;
  const std::vector<double> queries = cloud(kQueries, seed, 0);
  const std::vector<double> points = cloud(static_cast<std::int64_t>(n_points), seed, 1);
  const quantum::DistanceData data{.queries = queries, .points = points};
  const std::vector<std::int64_t> exact = nearest({}, data, seed);

  std::printf("%d queries, %llu points in %d dimensions, seed %llu: wrong neighbours\n", kQueries,
              static_cast<unsigned long long>(n_points), kDimension, static_cast<unsigned long long>(seed));
  std::printf("%12s %10s %12s %12s\n", "cx error", "shots", "raw", "mitigated");
  for (const double p2 : {1e-3, 1e-2}) {
    for (const std::int64_t shots : {0, 1024, 65536}) {
      quantum::DistanceOptions options;
      options.noise = quantum::NoiseModel::depolarizing(p2 / 10, p2);
      options.shots = shots;
      int wrong[2] = {0, 0};
      for (const bool mitigated : {false, true}) {
        if (mitigated) options.mitigation.emplace();
        const std::vector<std::int64_t> found = nearest(options, data, seed);
        for (std::size_t i = 0; i < found.size(); ++i) wrong[mitigated] += found[i] != exact[i];
      }
      std::printf("%12g %10s %12d %12d\n", p2, shots == 0 ? "exact" : std::to_string(shots).c_str(), wrong[0],
                  wrong[1]);
    }
  }
  return 0;
} catch (const nonideal::InvalidArgument& refusal) {  // for example an unknown NONIDEAL_ISA
  std::fprintf(stderr, "%s\n", refusal.what());
  return 2;
}
