// Where an evaluation's time goes: which kernels run how often on what, and refusals.
#include <algorithm>
#include <string>

#include "check.hpp"
#include "leignn_file.hpp"
#include "nonideal/atoms/profile.hpp"

namespace {

using namespace nonideal::atoms;
using detail::GlobalMode;
using detail::Variant;

constexpr std::int64_t kAtoms = 70, kBlocks = 3;  // of 32 atoms

const Cell kCell{{30, 0, 0, 0, 30, 0, 0, 0, 30}, {true, true, true}};

std::vector<double> places() {
  std::vector<double> positions;
  for (std::int64_t i = 0; i < kAtoms; ++i) {
    for (const std::int64_t step : {i % 5, i / 5 % 5, i / 25}) {
      positions.push_back(2.0 * static_cast<double>(step) + 0.3 * leignn_file::uniform(7, positions.size()));
    }
  }
  return positions;
}

const KernelTime* find(const std::vector<KernelTime>& times, const std::string& name) {
  const auto at =
      std::find_if(times.begin(), times.end(), [&](const KernelTime& t) { return t.name == name; });
  return at == times.end() ? nullptr : &*at;
}

void test_counts() {
  detail::Model model = leignn_file::sizes(Variant::v1, GlobalMode::sum);
  const leignn_file::Temporary file("profile", leignn_file::make(model));
  const std::vector<double> positions = places();
  const std::vector<std::int32_t> numbers(kAtoms, 29);
  const Potential potential(file.path());
  for (const Forces forces : {Forces::none, Forces::direct, Forces::gradient}) {
    const Result before = potential.compute(positions, numbers, kCell, {forces});
    const std::vector<KernelTime> times = profile(potential, positions, numbers, kCell, {forces});
    CHECK_EQUAL(times.front().name, "neighbors");
    CHECK_EQUAL(times.back().name, "rest");
    for (const KernelTime& time : times) {
      CHECK(time.calls > 0 && time.seconds > -1e-6 && time.seconds < 10.0);
      CHECK((time.operations > 0) == (time.name == "multiply"));
    }
    CHECK_EQUAL(find(times, "message_forward")->calls, kBlocks * model.layers);
    CHECK((find(times, "message_backward") != nullptr) == (forces == Forces::gradient));
    CHECK(find(times, "edge_derivatives") == nullptr);  // every pair stands there turned round
    CHECK(before.energies == potential.compute(positions, numbers, kCell, {forces}).energies);
  }
  const auto both = profile(potential, positions, numbers, kCell, {Forces::direct, true});
  CHECK_EQUAL(find(both, "message_forward")->calls, 2 * kBlocks * model.layers);
}

/// Of one layer, energies alone: pooling, the vectors' second part, the mixing's two layers, the scalars'
/// own, and the readout.
void test_operations() {
  detail::Model model = leignn_file::sizes(Variant::v1, GlobalMode::sum);
  model.channels = 64;
  model.layers = 1;
  const leignn_file::Temporary file("operations", leignn_file::make(model));
  const std::vector<KernelTime> times =
      profile(Potential(file.path()), places(), std::vector<std::int32_t>(kAtoms, 1), kCell, {Forces::none});
  const double f = 64, h = 32;
  const double wanted = f * h + 3 * f * f + 3 * f * h + h * f + f * f + f * h;
  CHECK_EQUAL(find(times, "multiply")->operations, 2.0 * kAtoms * wanted);
}

void test_refusals() {
  const leignn_file::Temporary file("refusals",
                                    leignn_file::make(leignn_file::sizes(Variant::v1, GlobalMode::sum)));
  const Potential potential(file.path());
  const std::vector<double> positions{0, 0, 0, 0, 0, 2};
  const std::vector<std::int32_t> numbers{29, 29}, strangers{29, 79}, three{29, 29, 29};
  CHECK_REFUSED("numbers[1] = 79 is not among the model's species, 1, 29",
                profile(potential, positions, strangers, {}));
  CHECK_REFUSED("positions: expected 9 numbers, got 6", profile(potential, positions, three, {}));
  CHECK_EQUAL(profile(potential, positions, numbers, {}).front().name, "neighbors");
}

}  // namespace

int main() {
  return check::run([] {
    test_counts();
    test_operations();
    test_refusals();
  });
}
