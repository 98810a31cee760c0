#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace nonideal::flow::detail {

/// Doubles at a multiple of 64 bytes, not initialised; large ones in huge pages where the system has them.
class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  Memory(Memory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Memory& operator=(Memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Memory() { std::free(data_); }

  /// Makes room for `size` doubles; what was there is lost where it has to grow.
  void reserve(std::int64_t size) {
    if (size <= size_) return;
    constexpr std::size_t kHuge = std::size_t{1} << 21;
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(double);
    const std::size_t alignment = bytes >= 4 * kHuge ? kHuge : 64;
    std::free(std::exchange(data_, nullptr));
    size_ = 0;
    data_ =
        static_cast<double*>(std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment));
    if (data_ == nullptr) throw std::bad_alloc();
    size_ = size;
#if defined(__linux__)
    if (alignment == kHuge) ::madvise(data_, bytes, MADV_HUGEPAGE);  // only speed depends on it
#endif
  }

  double* data() const { return data_; }
  std::int64_t size() const { return size_; }

 private:
  double* data_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace nonideal::flow::detail
