// How often is an adder wrong whose gates err? An 8-bit adder of NAND gates runs in an array of magnetic
// memory, at several error probabilities of its gates:
//   adder_host [lanes [seed]]
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

#include "nonideal/base/error.hpp"
#include "nonideal/cram/circuits.hpp"
#include "nonideal/cram/planes.hpp"
#include "nonideal/cram/simulate.hpp"

namespace cram = nonideal::cram;

/// Where each of `count` planes of `lanes` lanes begins.
template <class Word>
std::vector<Word*> rows(std::vector<std::uint64_t>& planes, std::int64_t count, std::int64_t lanes) {
  std::vector<Word*> pointers;
  for (std::int64_t i = 0; i < count; ++i) pointers.push_back(planes.data() + i * cram::plane_words(lanes));
  return pointers;
}

/// The sums that come out of the adder in every lane.
std::vector<std::int64_t> run(const cram::Program& program, const cram::GateTable& gates,
                              std::vector<std::uint64_t>& operands, std::int64_t lanes, std::uint64_t seed) {
  const cram::Simulator simulator(program, gates);
  const int bits = program.outputs().front().bits;
  std::vector<std::uint64_t> planes(static_cast<std::size_t>(bits * cram::plane_words(lanes)));
  simulator.run(rows<const std::uint64_t>(operands, simulator.num_input_planes(), lanes),
                rows<std::uint64_t>(planes, bits, lanes), lanes, {.seed = seed});
  std::vector<std::int64_t> sums(static_cast<std::size_t>(lanes));
  cram::unpack(planes, lanes, 1, bits, false, sums);
  return sums;
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
  std::uint64_t lanes_given = 1 << 20, seed = 1;
  if (count > 3) return std::fputs("usage: adder_host [lanes [seed]]\n", stderr), 2;
  if (count > 1 && !read("lanes", arguments[1], 2, std::uint64_t{1} << 32, lanes_given)) return 2;
  if (count > 2 && !read("seed", arguments[2], 0, UINT64_MAX, seed)) return 2;
  const auto lanes = static_cast<std::int64_t>(lanes_given);
  const auto n = static_cast<double>(lanes);

  // Columns are reused once their value is no longer needed, as in a real array.
  const cram::Placement placement = cram::place(cram::circuits::adder(8), {.rows = 1024, .columns = 64});
  const cram::Program& adder = placement.program;
  std::printf("8-bit adder: %lld gates in %lld columns, %lld lanes, seed %llu\n",
              static_cast<long long>(adder.num_gates()), static_cast<long long>(placement.columns_used),
              static_cast<long long>(lanes), static_cast<unsigned long long>(seed));

  std::vector<std::uint64_t> operands(static_cast<std::size_t>(16 * cram::plane_words(lanes)));
  cram::uniform_planes(seed, 0, 0, lanes, 16, operands);
  const std::vector<std::int64_t> exact = run(adder, cram::GateTable::ideal(), operands, lanes, seed);

  std::printf("%10s %12s %22s %24s\n", "gate error", "wrong sums", "error rate", "mean error distance");
  for (const double probability : {0.0, 1e-5, 1e-4, 1e-3, 1e-2}) {
    const std::vector<std::int64_t> sums =
        run(adder, cram::GateTable::uniform(probability), operands, lanes, seed);
    std::int64_t wrong = 0;
    double distance = 0.0, square = 0.0;
    for (std::size_t lane = 0; lane < sums.size(); ++lane) {
      const auto error = std::abs(static_cast<double>(sums[lane] - exact[lane]));
      wrong += error > 0.0;
      distance += error;
      square += error * error;
    }
    const double rate = static_cast<double>(wrong) / n, mean = distance / n;
    std::printf("%10.0e %12lld %10.3e +- %8.1e %11.4f +- %9.4f\n", probability, static_cast<long long>(wrong),
                rate, std::sqrt(rate * (1 - rate) / n), mean,
                std::sqrt((square / n - mean * mean) / (n - 1)));
    if (probability == 0.0 && wrong != 0) return 1;
  }
  return 0;
} catch (const nonideal::InvalidArgument& refusal) {  // for example an unknown NONIDEAL_ISA
  std::fprintf(stderr, "%s\n", refusal.what());
  return 2;
}
