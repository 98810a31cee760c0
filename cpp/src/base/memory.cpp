#include "nonideal/base/memory.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>
#include <optional>

#include "base/memory.hpp"
#include "nonideal/base/error.hpp"

namespace nonideal {
namespace {

namespace fs = std::filesystem;

constexpr double kNeverRefused = 0x1p24;

std::string size_text(double bytes) {
  constexpr std::array<const char*, 9> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024.0 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024.0;
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", bytes, kUnits[unit]);
  return text.data();
}

/// The number that a file consists of; none where there is no such file, or it says "max".
std::optional<double> number_in(const fs::path& file) {
  std::ifstream stream(file);
  double value = 0.0;
  if (stream >> value) return value;
  return std::nullopt;
}

/// The number behind a key at the start of a line.
std::optional<double> entry_in(const fs::path& file, const std::string& key) {
  std::ifstream stream(file);
  std::string word, rest;
  while (stream >> word) {
    double value = 0.0;
    if (word == key && stream >> value) return value;
    std::getline(stream, rest);
  }
  return std::nullopt;
}

/// Names of a control group's files.
struct Names {
  const char* limit;
  const char* used;
  const char* active_file;  ///< in memory.stat
  const char* inactive_file;
};
constexpr Names kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_active_file",
                          "total_inactive_file"};
constexpr Names kVersion2{"memory.max", "memory.current", "active_file", "inactive_file"};

/// What the limits of a group and of the groups around it leave. `mount` is where their files are; within a
/// container the group's own path may be one that only the host has.
double left_in_group(const fs::path& mount, const std::string& group, const Names& names) {
  double left = std::numeric_limits<double>::infinity();
  fs::path folder = mount;
  const auto look = [&] {
    const auto limit = number_in(folder / names.limit);
    const auto used = number_in(folder / names.used);
    if (!limit || !used) return;
    const double files = entry_in(folder / "memory.stat", names.active_file).value_or(0.0) +
                         entry_in(folder / "memory.stat", names.inactive_file).value_or(0.0);
    left = std::min(left, std::max(0.0, *limit - *used + files));
  };
  look();
  for (const fs::path& part : fs::path(group).relative_path()) {
    if (part.empty() || part == "." || part == "..") continue;
    folder /= part;
    look();
  }
  return left;
}

}  // namespace

double detail::available_memory(const fs::path& root) {
  double available = std::numeric_limits<double>::infinity();
  if (const auto kibibytes = entry_in(root / "proc/meminfo", "MemAvailable:")) {
    available = *kibibytes * 1024.0;
  }
  // Lines of /proc/self/cgroup: number:controllers:path; version 2 has number 0 and names no controllers.
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (controllers == ",,") {
      for (const char* const mount : {"sys/fs/cgroup", "sys/fs/cgroup/unified"}) {
        available = std::min(available, left_in_group(root / mount, group, kVersion2));
      }
    } else if (controllers.find(",memory,") != std::string::npos) {
      available = std::min(available, left_in_group(root / "sys/fs/cgroup/memory", group, kVersion1));
    }
  }
  return available;
}

double available_memory() { return detail::available_memory("/"); }

void expect_memory(const std::string& what, double bytes) {
  if (bytes < kNeverRefused) return;
  const double available = available_memory();
  if (bytes > available) {
    throw InvalidArgument(what + " needs " + size_text(bytes) + ", " + size_text(available) +
                          " are available");
  }
}

void expect_result_memory(std::span<const std::int64_t> shape, double bytes_per_element) {
  double bytes = bytes_per_element;
  for (const std::int64_t length : shape) bytes *= static_cast<double>(length);
  if (bytes < kNeverRefused) return;
  std::string text = "a result of shape (";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  expect_memory(text + (shape.size() == 1 ? ",)" : ")"), bytes);
}

}  // namespace nonideal
