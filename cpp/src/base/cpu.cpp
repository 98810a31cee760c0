#include "nonideal/base/cpu.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "nonideal/base/error.hpp"

namespace nonideal {
namespace {

constexpr Isa kIsas[] = {Isa::baseline, Isa::avx2, Isa::avx512};

bool runs(Isa isa) {
  switch (isa) {
    case Isa::baseline:
      return true;
    case Isa::avx2:
#if defined(NONIDEAL_HAVE_avx2)
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("bmi2");
#else
      return false;
#endif
    case Isa::avx512:
#if defined(NONIDEAL_HAVE_avx512)
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#else
      return false;
#endif
  }
  return false;
}

Isa choose() {
  const std::vector<Isa> available = available_isas();
  const char* const wanted = std::getenv("NONIDEAL_ISA");
  if (wanted == nullptr || *wanted == '\0') return available.back();
  for (const Isa isa : kIsas) {
    if (name(isa) != wanted) continue;
    if (std::find(available.begin(), available.end(), isa) != available.end()) return isa;
    throw InvalidArgument("NONIDEAL_ISA = " + std::string(wanted) +
                          " is above what this processor or build has, " +
                          std::string(name(available.back())));
  }
  throw InvalidArgument("NONIDEAL_ISA = " + std::string(wanted) + " is not one of baseline, avx2, avx512");
}

}  // namespace

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::baseline:
      return "baseline";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
  }
  return "unknown";
}

std::vector<Isa> available_isas() {
  std::vector<Isa> found;
  for (const Isa isa : kIsas) {
    if (runs(isa)) found.push_back(isa);
  }
  return found;
}

Isa active_isa() {
  static const Isa isa = choose();
  return isa;
}

}  // namespace nonideal
