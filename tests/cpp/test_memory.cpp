#include <unistd.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/memory.hpp"
#include "check.hpp"
#include "nonideal/base/memory.hpp"

namespace {

namespace fs = std::filesystem;
using nonideal::available_memory;
using nonideal::expect_memory;
using nonideal::expect_result_memory;

/// A system's files in a folder of its own.
class System {
 public:
  System() : root_(fs::temp_directory_path() / ("nonideal_memory_" + std::to_string(getpid()))) {
    fs::remove_all(root_);
  }
  ~System() { fs::remove_all(root_); }
  System& with(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
    return *this;
  }
  double available() const { return nonideal::detail::available_memory(root_); }

 private:
  fs::path root_;
};

const std::string kMemInfo = "MemTotal:       16000 kB\nMemFree: 100 kB\nMemAvailable:    8000 kB\n";

void system_alone() {
  CHECK(std::isinf(System().available()));
  CHECK_EQUAL(System().with("proc/meminfo", kMemInfo).available(), 8000.0 * 1024);
  CHECK(std::isinf(System().with("proc/meminfo", "MemTotal: 16000 kB\n").available()));
}

void version_2() {
  System system;
  system.with("proc/meminfo", kMemInfo).with("proc/self/cgroup", "0::/outer/inner\n");
  const std::string outer = "sys/fs/cgroup/outer/", inner = outer + "inner/";
  system.with(inner + "memory.max", "max\n").with(inner + "memory.current", "1000\n");
  CHECK_EQUAL(system.available(), 8000.0 * 1024);
  // The group around it counts, too; files of the page cache can be given back.
  system.with(outer + "memory.max", "1000000\n").with(outer + "memory.current", "400000\n");
  CHECK_EQUAL(system.available(), 600000.0);
  system.with(outer + "memory.stat", "anon 5\nfile 90000\ninactive_file 30000\nactive_file 20000\n");
  CHECK_EQUAL(system.available(), 650000.0);
  system.with(inner + "memory.max", "500\n");
  CHECK_EQUAL(system.available(), 0.0);  // more used than allowed
}

void version_2_in_a_container() {
  // The path is the host's, and the container sees its own group at the mount.
  System system;
  system.with("proc/meminfo", kMemInfo).with("proc/self/cgroup", "0::/../../docker/abc\n");
  system.with("sys/fs/cgroup/memory.max", "3000\n").with("sys/fs/cgroup/memory.current", "1000\n");
  CHECK_EQUAL(system.available(), 2000.0);
}

void version_1() {
  System system;
  system.with("proc/meminfo", kMemInfo);
  system.with("proc/self/cgroup", "12:cpu,cpuacct:/x\n7:hugetlb,memory:/job\n0::/\n");
  const std::string job = "sys/fs/cgroup/memory/job/";
  system.with(job + "memory.limit_in_bytes", "9223372036854771712\n");
  system.with(job + "memory.usage_in_bytes", "77\n");
  CHECK_EQUAL(system.available(), 8000.0 * 1024);  // that number means no limit
  system.with(job + "memory.limit_in_bytes", "5000\n");
  system.with(job + "memory.stat", "inactive_file 1\ntotal_inactive_file 7\ntotal_active_file 10\n");
  CHECK_EQUAL(system.available(), 5000.0 - 77 + 17);
}

void refusals() {
  CHECK(available_memory() > 0x1p20);
  expect_memory("nothing", 1000.0);
  expect_result_memory(std::array<std::int64_t, 2>{1000, 1000}, 8.0);
  const auto starts_with = [](const auto& call, const std::string& start) {
    try {
      call();
    } catch (const nonideal::InvalidArgument& refusal) {
      const std::string text = refusal.what();
      return text.starts_with(start) && text.ends_with(" are available");
    }
    return false;
  };
  CHECK(starts_with([] { expect_memory("n_qubits = 46", 0x1p50); }, "n_qubits = 46 needs 1.0 PiB, "));
  CHECK(starts_with([] { expect_result_memory(std::array<std::int64_t, 2>{1 << 30, 1 << 30}, 16.0); },
                    "a result of shape (1073741824, 1073741824) needs 16.0 EiB, "));
  CHECK(starts_with([] { expect_result_memory(std::array<std::int64_t, 1>{std::int64_t{1} << 62}, 8.0); },
                    "a result of shape (4611686018427387904,) needs 32.0 EiB, "));
}

}  // namespace

int main() {
  return check::run([] {
    system_alone();
    version_2();
    version_2_in_a_container();
    version_1();
    refusals();
  });
}
