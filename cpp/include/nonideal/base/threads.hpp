#pragma once

#include <cstdint>

#include "nonideal/base/export.hpp"

namespace nonideal {

/// Number of threads that kernels use by default: set_num_threads(), else the environment variable
/// NONIDEAL_NUM_THREADS, else OpenMP's default. Throws InvalidArgument where the variable is not a whole
/// number >= 1.
NONIDEAL_API int num_threads();

/// Sets the default of this process; 0 goes back to the environment's. Throws InvalidArgument outside [0,
/// 1024].
NONIDEAL_API void set_num_threads(int threads);

/// Threads to use for `work` units when each thread should have at least `min_work`: `requested`, or the
/// default where it is 0; 1 inside a parallel region and in a forked child, where OpenMP's workers no longer
/// exist. Throws InvalidArgument where `requested` is outside [0, 1024].
NONIDEAL_API int resolve_threads(int requested, std::int64_t work, std::int64_t min_work);

}  // namespace nonideal
