#include <cstdlib>

#include "check.hpp"
#include "child.hpp"

namespace {

using nonideal::Isa;

/// active_isa() as a fresh process with this NONIDEAL_ISA sees it.
check::Child active_with(const char* value) {
  return check::in_child([&] {
    value != nullptr ? setenv("NONIDEAL_ISA", value, 1) : unsetenv("NONIDEAL_ISA");
    return std::string(name(nonideal::active_isa()));
  });
}

void choice() {
  const auto available = nonideal::available_isas();
  CHECK(!available.empty() && available.front() == Isa::baseline);
  const std::string highest(name(available.back()));
  CHECK_EQUAL(active_with(nullptr).output, highest);
  CHECK_EQUAL(active_with("").output, highest);
  for (const Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    const std::string wanted(name(isa));
    const check::Child child = active_with(wanted.c_str());
    if (isa <= available.back()) {
      CHECK_EQUAL(child.output, wanted);
    } else {
      CHECK_EQUAL(child.output, "error: NONIDEAL_ISA = " + wanted +
                                    " is above what this processor or build has, " + highest);
    }
  }
  CHECK_EQUAL(active_with("sse9").output, "error: NONIDEAL_ISA = sse9 is not one of baseline, avx2, avx512");
  CHECK_EQUAL(active_with("AVX2").output, "error: NONIDEAL_ISA = AVX2 is not one of baseline, avx2, avx512");
  CHECK_EQUAL(active_with("avx2 ").output,
              "error: NONIDEAL_ISA = avx2  is not one of baseline, avx2, avx512");
}

}  // namespace

int main() {
  choice();  // in children, before this process makes its own choice
  return check::run([] {
    if (const char* const wanted = std::getenv("NONIDEAL_ISA"); wanted != nullptr && *wanted != '\0') {
      CHECK_EQUAL(name(nonideal::active_isa()), wanted);
    }
    setenv("NONIDEAL_ISA", "sse9", 1);  // read once: no longer looked at
    const Isa first = nonideal::active_isa();
    CHECK(nonideal::active_isa() == first);
  });
}
