#pragma once

#include <algorithm>
#include <cstdint>

namespace nonideal::detail {

/// Runs body(begin, end) over [0, n) in blocks whose bounds do not depend on `threads`. The body must not
/// throw.
template <class Body>
void for_blocks(std::int64_t n, std::int64_t block, int threads, const Body& body) {
  const std::int64_t blocks = (n + block - 1) / block;
  if (threads == 1 || blocks <= 1) {
    for (std::int64_t b = 0; b < blocks; ++b) body(b * block, std::min(n, (b + 1) * block));
    return;
  }
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
  for (std::int64_t b = 0; b < blocks; ++b) body(b * block, std::min(n, (b + 1) * block));
}

}  // namespace nonideal::detail
