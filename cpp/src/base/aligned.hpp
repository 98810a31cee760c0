#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace nonideal::detail {

/// The first address from `memory` on that is a multiple of 64 bytes: at most 7 doubles further.
inline double* aligned(double* memory) {
  return memory + (64 - reinterpret_cast<std::uintptr_t>(memory) % 64) % 64 / sizeof(double);
}

/// Memory at multiples of 64 bytes. Numbers that a vector grows by are left as they are.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* memory, std::size_t) { ::operator delete(memory, std::align_val_t{64}); }
  template <class U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class... Values>
  void construct(U* at, Values&&... values) {
    ::new (static_cast<void*>(at)) U(static_cast<Values&&>(values)...);
  }
  bool operator==(const AlignedAllocator&) const { return true; }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace nonideal::detail
