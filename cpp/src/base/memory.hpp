#pragma once

#include <filesystem>

namespace nonideal::detail {

/// available_memory() of the system whose files (/proc, /sys) lie below `root`.
double available_memory(const std::filesystem::path& root);

}  // namespace nonideal::detail
