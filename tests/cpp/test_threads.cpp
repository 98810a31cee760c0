#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>

#include "check.hpp"
#include "child.hpp"
#include "nonideal/base/threads.hpp"
#include "nonideal/cram/circuits.hpp"
#include "nonideal/cram/simulate.hpp"
#include "planes.hpp"

namespace {

using nonideal::num_threads;
using nonideal::resolve_threads;
using nonideal::set_num_threads;
namespace cram = nonideal::cram;

std::string threads_with(const char* value) {
  return check::in_child([&] {
           setenv("NONIDEAL_NUM_THREADS", value, 1);
           return std::to_string(num_threads());
         })
      .output;
}

void environment() {
  CHECK_EQUAL(threads_with("3"), "3");
  CHECK_EQUAL(threads_with("1024"), "1024");
  for (const std::string bad : {"0", "-1", "two", "2.5", " 2", "2 ", "+2", "99999999999999999999"}) {
    CHECK_EQUAL(threads_with(bad.c_str()),
                "error: NONIDEAL_NUM_THREADS = " + bad + " is not a whole number >= 1");
  }
  CHECK_EQUAL(threads_with("1025"), "error: NONIDEAL_NUM_THREADS = 1025 is above 1024");
  const auto refused = check::in_child([] {
    setenv("NONIDEAL_NUM_THREADS", "0", 1);
    set_num_threads(2);  // decides first: the variable isn't looked at
    return std::to_string(num_threads());
  });
  CHECK_EQUAL(refused.output, "2");
  const auto fallback = check::in_child([] {
    unsetenv("NONIDEAL_NUM_THREADS");
    return num_threads() == std::min(omp_get_max_threads(), 1024) ? std::string("same")
                                                                  : std::string("other");
  });
  CHECK_EQUAL(fallback.output, "same");
}

void precedence() {
  set_num_threads(5);
  CHECK_EQUAL(num_threads(), 5);
  CHECK_EQUAL(resolve_threads(0, 1000, 1), 5);
  CHECK_EQUAL(resolve_threads(3, 1000, 1), 3);
  CHECK_EQUAL(resolve_threads(3, 100, 40), 2);  // 40 units for each, at least
  CHECK_EQUAL(resolve_threads(3, 39, 40), 1);
  CHECK_EQUAL(resolve_threads(3, 0, 40), 1);
  CHECK_EQUAL(resolve_threads(1024, INT64_MAX, 1), 1024);
  CHECK_REFUSED("num_threads = -1 is below 0 (0 means the default)", resolve_threads(-1, 10, 1));
  CHECK_REFUSED("num_threads = 1025 is above 1024", resolve_threads(1025, 10, 1));
  CHECK_REFUSED("num_threads = -2 is below 0 (0 means the default)", set_num_threads(-2));
  CHECK_REFUSED("num_threads = 2000 is above 1024", set_num_threads(2000));
  CHECK_EQUAL(num_threads(), 5);
  set_num_threads(0);

  int inside = 0;
#pragma omp parallel num_threads(2)
  {
#pragma omp single
    inside = omp_get_num_threads() > 1 ? resolve_threads(4, 1000, 1) : 1;
  }
  CHECK_EQUAL(inside, 1);  // regions are never nested
}

/// libgomp's workers do not survive a fork; the child must run alone instead of waiting for them.
void fork_guard() {
  const cram::Program program = cram::circuits::multiplier(8);
  const cram::Simulator simulator(program, cram::GateTable::uniform(1e-3));
  constexpr std::int64_t kLanes = 1 << 17;  // 79 M gate-lanes: enough for two threads
  const std::vector<std::uint64_t> inputs = uniform_inputs(simulator, kLanes);
  const std::uint64_t parent = hash(simulate(simulator, inputs, kLanes, {.seed = 1, .num_threads = 2}));
  const auto tasks = std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  CHECK(tasks >= 2);  // the pool of workers exists
  const check::Child child = check::in_child(
      [&] {
        if (resolve_threads(4, 1 << 20, 1) != 1) return std::string("not serial");
        return std::to_string(hash(simulate(simulator, inputs, kLanes, {.seed = 1, .num_threads = 2})));
      },
      60);
  CHECK_EQUAL(child.status, 0);
  CHECK_EQUAL(child.output, std::to_string(parent));
  CHECK_EQUAL(resolve_threads(4, 1 << 20, 1), 4);  // the parent goes on with all its threads
}

}  // namespace

int main() {
  environment();  // in children, before this process reads the variable
  return check::run([] {
    precedence();
    fork_guard();
  });
}
