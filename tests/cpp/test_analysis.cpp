// Error analysis from C++: closed results, equal sums for every thread count, refusals.
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "check.hpp"
#include "nonideal/cram/analysis.hpp"
#include "nonideal/cram/circuits.hpp"
#include "nonideal/cram/planes.hpp"

namespace cram = nonideal::cram;

namespace {

bool near(double a, double b, double relative) { return std::abs(a - b) <= relative * std::abs(b); }

/// n NOT gates in a row.
cram::Program chain(int n) {
  cram::ProgramBuilder builder;
  std::int32_t bit = builder.input("x", 1)[0];
  for (int i = 0; i < n; ++i) bit = builder.gate(cram::Gate::NOT, bit);
  builder.output("y", {bit});
  return builder.build();
}

void test_chain() {
  const double p = 0.07;
  const double wrong = (1.0 - std::pow(1.0 - 2.0 * p, 9)) / 2.0;
  const auto table = cram::GateTable::uniform(p);
  CHECK(near(cram::exact(chain(9), table, 0).error_rate, wrong, 1e-13));
  const std::vector<double> pmf = cram::distribution(chain(9), table, std::array<std::uint8_t, 1>{1});
  CHECK_EQUAL(pmf.size(), 2u);
  CHECK(near(pmf[1], wrong, 1e-13));  // the correct bit is 0
}

void test_adder() {
  // The published transfer-matrix result of the specification, section 2.
  CHECK(
      near(cram::exact(cram::circuits::adder(4), cram::GateTable::uniform(1e-2), 0).distance, 1.2558, 5e-5));
  const std::array<std::uint8_t, 8> bits{1, 0, 1, 1, 0, 1, 1, 0};
  const std::vector<double> pmf =
      cram::distribution(cram::circuits::adder(4), cram::GateTable::uniform(0.1), bits);
  CHECK(near(std::accumulate(pmf.begin(), pmf.end(), 0.0), 1.0, 1e-12));
  const cram::ErrorMoments wide = cram::exact(cram::circuits::adder(62), cram::GateTable::uniform(1e-6), 0);
  CHECK_EQUAL(wide.relative_inputs, -1);
  CHECK_EQUAL(wide.largest, INT64_MAX - 1);
}

/// All four ways agree for one fault at most, and do not depend on threads.
void test_faults() {
  const cram::Program program = cram::circuits::multiplier(3);
  const std::int64_t lanes = 64;
  std::vector<std::uint64_t> words(6);
  for (std::size_t bit = 0; bit < 6; ++bit) {
    for (std::uint64_t lane = 0; lane < 64; ++lane) words[bit] |= (lane >> bit & 1) << lane;
  }
  std::vector<cram::InputPlane> planes;
  for (const std::uint64_t& word : words) planes.push_back({&word});
  const auto sums = cram::sensitivity(program, 0, planes, lanes, 1);
  CHECK_EQUAL(sums.size(), static_cast<std::size_t>(program.num_gates()) * cram::kMaxStates);
  double wrong = 0.0;
  for (const cram::FaultSums& entry : sums) wrong += static_cast<double>(entry.wrong) / 64.0;
  const double tiny = 1e-12;
  const cram::ErrorMoments all = cram::exact(program, cram::GateTable::uniform(tiny), 0);
  const cram::ErrorMoments given = cram::exact(program, cram::GateTable::uniform(tiny), 0, planes, lanes);
  CHECK(near(all.error_rate, tiny * wrong, 1e-9));
  CHECK(near(given.error_rate, all.error_rate, 1e-12));
  CHECK_EQUAL(all.largest, 49);

  for (auto& plane : planes) plane.entries = 64;
  const auto accept = cram::GateTable::uniform(1.0);
  const cram::FaultSums none = cram::strata(program, accept, 0, 0, planes, 10'000, 1);
  CHECK_EQUAL(none.wrong, 0);
  CHECK_EQUAL(none.lanes, 10'000);
  const cram::FaultSums one = cram::strata(program, accept, 0, 1, planes, 1 << 18, 1, 1);
  const cram::FaultSums two = cram::strata(program, accept, 0, 1, planes, 1 << 18, 1, 2);
  const double rate = static_cast<double>(one.wrong) / (1 << 18);
  const double mean = wrong / static_cast<double>(program.num_gates());
  CHECK(std::abs(rate - mean) < 5 * std::sqrt(mean * (1 - mean) / (1 << 18)));
  CHECK_EQUAL(one.wrong, two.wrong);
  CHECK_EQUAL(one.fourth, two.fourth);
}

void test_refusals() {
  const cram::Program program = cram::circuits::multiplier(3);
  const auto table = cram::GateTable::uniform(0.1);
  CHECK_REFUSED("port = 1 is outside [0, 0]", cram::exact(program, table, 1));
  CHECK_REFUSED("max_states = 0 is below 1", cram::exact(program, table, 0, 0));
  CHECK_REFUSED("inputs: expected 6 bits, got 1",
                cram::distribution(program, table, std::array<std::uint8_t, 1>{1}));
  CHECK_REFUSED("inputs[0] = 2 is outside [0, 1]",
                cram::distribution(program, table, std::array<std::uint8_t, 6>{2}));
  CHECK_REFUSED("inputs: expected 6 planes, got 0", cram::sensitivity(program, 0, {}, 64));
  const std::uint64_t word = 0;
  const std::vector<cram::InputPlane> planes(6, {&word});
  CHECK_REFUSED("faults = 100 is outside [0, 60]", cram::strata(program, table, 0, 100, planes, 64, 1));
  CHECK_REFUSED("lanes = 0 is below 1", cram::exact(program, table, 0, planes, 0));
}

}  // namespace

int main() {
  return check::run([] {
    test_chain();
    test_adder();
    test_faults();
    test_refusals();
  });
}
