// Batches and distances from C++: closed forms, refusals, the same bits for every division of the work.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/quantum/distance.hpp"
#include "nonideal/quantum/program.hpp"
#include "nonideal/quantum/sampling.hpp"

using namespace nonideal;
using namespace nonideal::quantum;

namespace {

std::vector<double> numbers(std::size_t count, std::uint64_t stream) {
  std::vector<double> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Words4 words = philox(1, stream, i);
    out[i] = 2.0 * uniform53(words.w[0], words.w[1]) - 1.0;
  }
  return out;
}

void test_program() {
  Circuit circuit(2);
  circuit.add(Gate::ry, {0}, {Angle(0, 1.0)}).add(Gate::cx, {0, 1}).add(Gate::rx, {1}, {Angle(1, 2.0, 0.5)});
  const std::vector<Observable> observables = {{{1.0, 0, 1}}, {{0.5, 0, 2}, {2.0, 0, 0}}};
  const Program program = compile(circuit, NoiseModel::depolarizing(0.01, 0.1), observables);
  CHECK(program.n_parameters() == 2);
  CHECK(program.n_outputs() == 2);
  const std::vector<double> parameters = numbers(2 * 1000, 0);
  std::vector<double> whole(2 * 1000), again(2 * 1000);
  run(program, parameters, whole, 1);
  run(program, parameters, again, 3);
  CHECK(whole == again);
  for (std::size_t i = 0; i < 1000; ++i) {
    const double theta = parameters[2 * i], phi = 2.0 * parameters[2 * i + 1] + 0.5;
    CHECK(std::abs(whole[2 * i] - 0.99 * 0.9 * std::cos(theta)) < 1e-14);
    CHECK(std::abs(whole[2 * i + 1] - (0.5 * 0.99 * 0.9 * 0.99 * std::cos(theta) * std::cos(phi) + 2.0)) <
          1e-14);
  }
}

void test_distances() {
  constexpr int kDimension = 5;
  const std::vector<double> queries = numbers(7 * kDimension, 1), points = numbers(100 * kDimension, 2);
  for (const auto method : {DistanceMethod::swap, DistanceMethod::hadamard, DistanceMethod::inner_product}) {
    DistanceOptions options;
    options.method = method;
    const DistanceProgram exact(kDimension, options);
    std::vector<double> squared(700), error(700);
    const DistanceCounts counts = exact.pairwise({.queries = queries, .points = points}, {}, squared, error);
    CHECK(counts.circuits == 700);
    for (std::size_t i = 0; i < 7; ++i) {
      for (std::size_t j = 0; j < 100; ++j) {
        double sum = 0.0;
        for (std::size_t k = 0; k < kDimension; ++k) {
          const double d = queries[i * kDimension + k] - points[j * kDimension + k];
          sum += d * d;
        }
        CHECK(std::abs(squared[i * 100 + j] - sum) < 1e-13);
      }
    }
    options.noise = NoiseModel::depolarizing(1e-3, 1e-2);
    options.shots = 333;
    options.mitigation.emplace();
    const DistanceProgram noisy(kDimension, options);
    std::vector<double> part(700), part_error(700);
    noisy.pairwise({.queries = queries, .points = points}, {.seed = 3, .num_threads = 1}, squared, error);
    noisy.pairwise({.queries = queries, .points = points}, {.seed = 3, .num_threads = 2}, part, part_error);
    CHECK(squared == part);
    CHECK(error == part_error);
    std::vector<std::int64_t> index(7);
    std::vector<double> best(7), best_error(7), second(7), second_error(7);
    noisy.nearest({.queries = queries, .points = points}, {.seed = 3},
                  {index, best, best_error, second, second_error});
    for (std::size_t i = 0; i < 7; ++i) {
      std::size_t least = 0;
      for (std::size_t j = 1; j < 100; ++j) {
        if (squared[i * 100 + j] < squared[i * 100 + least]) least = j;
      }
      CHECK(index[i] == static_cast<std::int64_t>(least));
      CHECK(best[i] == squared[i * 100 + least]);
    }
  }
}

void test_refusals() {
  const DistanceProgram program(2, {});
  std::vector<double> out(1), error(1);
  const std::vector<double> one = {1.0, 2.0}, bad = {1.0, std::numeric_limits<double>::quiet_NaN()};
  CHECK_REFUSED("dimension = 0 is outside [1, 4096]", DistanceProgram(0, {}));
  CHECK_REFUSED("points[1] = nan is not finite",
                program.pairwise({.queries = one, .points = bad}, {}, out, error));
  CHECK_REFUSED("squared: expected 1 numbers, got 0",
                program.pairwise({.queries = one, .points = one}, {}, {}, error));
  CHECK_REFUSED(
      "stream = 4294967296 is outside [0, 4294967295]",
      program.pairwise({.queries = one, .points = one}, {.stream = std::uint64_t{1} << 32}, out, error));
  std::vector<std::int64_t> counts(1);
  CHECK_REFUSED("shots = 0 is outside [1, 2147483647]",
                sample_binomial(std::vector<double>{0.5}, {.shots = 0}, counts));
}

}  // namespace

int main() {
  return check::run([] {
    test_program();
    test_distances();
    test_refusals();
  });
}
