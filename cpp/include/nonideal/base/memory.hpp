#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "nonideal/base/export.hpp"

namespace nonideal {

/// Bytes that this process can take without swapping or being ended: what the system has available, or what
/// the memory limits of its control groups (version 1 or 2) leave, where that is less. Files in the page
/// cache count as available. Infinite where nothing is known.
NONIDEAL_API double available_memory();

/// Throws InvalidArgument where `bytes` are more than available_memory(), before they are asked for:
/// "n_qubits = 36 needs 1.0 TiB, 14.2 GiB are available". Less than 16 MiB are never refused.
NONIDEAL_API void expect_memory(const std::string& what, double bytes);

/// The same for arrays of one shape, as NumPy writes it: "a result of shape (100000, 100000) needs ...".
NONIDEAL_API void expect_result_memory(std::span<const std::int64_t> shape, double bytes_per_element);

}  // namespace nonideal
