#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "nonideal/base/error.hpp"
#include "nonideal/quantum/zne.hpp"

/// Choices by their Python names, as tables.
namespace nonideal::bindings {

template <class Value, std::size_t n>
using Names = std::array<std::pair<const char*, Value>, n>;

inline constexpr Names<quantum::Fold, 2> kFolds{
    {{"gate", quantum::Fold::gate}, {"global", quantum::Fold::global}}};

/// The value of this name; the refusal lists all.
template <class Value, std::size_t n>
Value named(const Names<Value, n>& table, const char* argument, const std::string& name) {
  std::string known;
  for (const auto& [key, value] : table) {
    if (name == key) return value;
    known += (known.empty() ? "" : ", ") + std::string(key);
  }
  throw InvalidArgument(std::string(argument) + " = '" + name + "' is not one of " + known);
}

template <class Value, std::size_t n>
std::string name_of(const Names<Value, n>& table, Value wanted) {
  for (const auto& [key, value] : table) {
    if (value == wanted) return key;
  }
  return "?";
}

template <class Value, std::size_t n>
pybind11::tuple names_of(const Names<Value, n>& table) {
  pybind11::list keys;
  for (const auto& entry : table) keys.append(entry.first);
  return pybind11::tuple(keys);
}

inline std::vector<quantum::Gate> gates_named(const std::vector<std::string>& names) {
  std::vector<quantum::Gate> gates;
  for (const std::string& name : names) gates.push_back(quantum::gate_of(name));
  return gates;
}

}  // namespace nonideal::bindings
