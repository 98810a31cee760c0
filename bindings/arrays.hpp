#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <span>
#include <string>

#include "nonideal/base/error.hpp"

namespace nonideal::bindings {

namespace py = pybind11;

/// C-contiguous, exactly this dtype: with noconvert() never a silent copy.
template <class T>
using Array = py::array_t<T, py::array::c_style>;

/// Throws unless the elements lie where C++ expects them: NumPy also makes views at odd addresses.
template <class T>
void expect_aligned(const Array<T>& array) {
  if (reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) != 0) {
    throw InvalidArgument(
        "an array is not aligned to its elements; numpy.require(..., requirements='CA') copies it");
  }
}

template <class T>
std::span<const T> view(const Array<T>& array) {
  expect_aligned(array);
  return {array.data(), static_cast<std::size_t>(array.size())};
}

template <class T>
std::span<T> mutable_view(Array<T>& array) {
  return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

inline void expect_ndim(const char* name, const py::array& array, py::ssize_t ndim) {
  if (array.ndim() != ndim) {
    throw InvalidArgument(std::string(name) + ": expected " + std::to_string(ndim) + " dimensions, got " +
                          std::to_string(array.ndim()));
  }
}

inline void expect_length(const char* name, py::ssize_t length, py::ssize_t expected) {
  if (length != expected) {
    throw InvalidArgument(std::string(name) + ": expected length " + std::to_string(expected) + ", got " +
                          std::to_string(length));
  }
}

}  // namespace nonideal::bindings
