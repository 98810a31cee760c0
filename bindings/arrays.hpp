#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nonideal/base/error.hpp"
#include "nonideal/base/memory.hpp"

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

/// A new array for results; refused where `n_arrays` of them do not fit into memory.
template <class T>
Array<T> new_array(const std::vector<std::int64_t>& shape, int n_arrays = 1) {
  expect_result_memory(shape, static_cast<double>(sizeof(T)) * n_arrays);
  return Array<T>(std::vector<py::ssize_t>(shape.begin(), shape.end()));
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
