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

std::atomic<int> g_threads{0};

// libgomp's workers do not survive fork(): a parallel region in the child would wait for them for ever.
std::atomic<bool> g_forked{false};
[[maybe_unused]] const int g_atfork = pthread_atfork(nullptr, nullptr, [] { g_forked.store(true); });

int from_environment() {
  const char* const text = std::getenv("NONIDEAL_NUM_THREADS");
  if (text == nullptr || *text == '\0') return 0;
  const std::string_view view(text);
  int value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc{} || end != view.data() + view.size() || value < 1) {
    throw InvalidArgument("NONIDEAL_NUM_THREADS = " + std::string(view) + " is not a whole number >= 1");
  }
  return value;
}

}  // namespace

int num_threads() {
  if (const int threads = g_threads.load(); threads > 0) return threads;
  static const int environment = from_environment();
  return environment > 0 ? environment : omp_get_max_threads();
}

void set_num_threads(int threads) {
  if (threads < 0) {
    throw InvalidArgument("num_threads = " + std::to_string(threads) + " is below 0 (0 means the default)");
  }
  g_threads.store(threads);
}

int resolve_threads(int requested, std::int64_t work, std::int64_t min_work) {
  if (requested < 0) {
    throw InvalidArgument("num_threads = " + std::to_string(requested) + " is below 0 (0 means the default)");
  }
  const int most = requested > 0 ? requested : num_threads();
  if (g_forked.load(std::memory_order_relaxed) || omp_in_parallel() != 0) return 1;
  return static_cast<int>(std::clamp<std::int64_t>(work / min_work, 1, most));
}

}  // namespace nonideal
