#include "nonideal/base/threads.hpp"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "nonideal/base/error.hpp"

namespace nonideal {
namespace {

constexpr int kMaxThreads = 1024;  ///< libgomp ends the process where the system refuses it a thread

std::atomic<int> g_threads{0};

// libgomp's workers do not survive fork(): a parallel region in the child would wait for them for ever.
std::atomic<bool> g_forked{false};
[[maybe_unused]] const int g_atfork = pthread_atfork(nullptr, nullptr, [] { g_forked.store(true); });

void expect_thread_count(const char* argument, int threads) {
  const std::string given = std::string(argument) + " = " + std::to_string(threads);
  if (threads < 0) throw InvalidArgument(given + " is below 0 (0 means the default)");
  if (threads > kMaxThreads) throw InvalidArgument(given + " is above " + std::to_string(kMaxThreads));
}

int from_environment() {
  const char* const text = std::getenv("NONIDEAL_NUM_THREADS");
  if (text == nullptr || *text == '\0') return 0;
  const std::string_view view(text);
  int value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc{} || end != view.data() + view.size() || value < 1) {
    throw InvalidArgument("NONIDEAL_NUM_THREADS = " + std::string(view) + " is not a whole number >= 1");
  }
  expect_thread_count("NONIDEAL_NUM_THREADS", value);
  return value;
}

}  // namespace

int num_threads() {
  if (const int threads = g_threads.load(); threads > 0) return threads;
  static const int environment = from_environment();
  return environment > 0 ? environment : std::min(omp_get_max_threads(), kMaxThreads);
}

void set_num_threads(int threads) {
  expect_thread_count("num_threads", threads);
  g_threads.store(threads);
}

int resolve_threads(int requested, std::int64_t work, std::int64_t min_work) {
  expect_thread_count("num_threads", requested);
  const int most = requested > 0 ? requested : num_threads();
  if (g_forked.load(std::memory_order_relaxed) || omp_in_parallel() != 0) return 1;
  return static_cast<int>(std::clamp<std::int64_t>(work / min_work, 1, most));
}

}  // namespace nonideal
