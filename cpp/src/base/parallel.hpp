#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

namespace nonideal::detail {

/// Runs body(begin, end) over [0, n) in blocks whose bounds do not depend on `threads`. Where a body throws,
/// blocks that have not begun are left out, and one of the exceptions is thrown here: none may leave a
/// parallel region.
template <class Body>
void for_blocks(std::int64_t n, std::int64_t block, int threads, const Body& body) {
  const std::int64_t blocks = (n + block - 1) / block;
  if (threads == 1 || blocks <= 1) {
    for (std::int64_t b = 0; b < blocks; ++b) body(b * block, std::min(n, (b + 1) * block));
    return;
  }
  std::exception_ptr failure;
  std::atomic<bool> failed = false;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
  for (std::int64_t b = 0; b < blocks; ++b) {
    if (failed) continue;
    try {
      body(b * block, std::min(n, (b + 1) * block));
    } catch (...) {
#pragma omp critical(nonideal_for_blocks)
      if (!failed) {
        failure = std::current_exception();
        failed = true;
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace nonideal::detail
