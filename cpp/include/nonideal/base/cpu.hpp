#pragma once

#include <string_view>
#include <vector>

#include "nonideal/base/export.hpp"

namespace nonideal {

/// The instruction sets that kernels are compiled for, lowest first.
enum class Isa { baseline, avx2, avx512 };

NONIDEAL_API std::string_view name(Isa isa);

/// The sets that this build holds and this processor runs, lowest first.
NONIDEAL_API std::vector<Isa> available_isas();

/// The set that kernels use: the highest available one, lowered by the environment variable NONIDEAL_ISA
/// (baseline, avx2 or avx512), which is read once. Throws InvalidArgument where the variable names an unknown
/// set or one that is not available here.
NONIDEAL_API Isa active_isa();

}  // namespace nonideal
