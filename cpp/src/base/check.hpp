#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>

#include "nonideal/base/error.hpp"

/// Refusals in one wording: argument, value, allowed range.
namespace nonideal::detail {

inline std::string bracketed(const char* argument, std::int64_t index) {
  return std::string(argument) + "[" + std::to_string(index) + "]";
}

/// Throws unless low <= value <= high: "bits = 40 is outside [1, 31]".
inline void expect_within(const std::string& argument, std::int64_t value, std::int64_t low,
                          std::int64_t high) {
  if (value < low || value > high) {
    throw InvalidArgument(argument + " = " + std::to_string(value) + " is outside [" + std::to_string(low) +
                          ", " + std::to_string(high) + "]");
  }
}

/// Throws unless value >= low: "rows = 0 is below 1".
inline void expect_at_least(const std::string& argument, std::int64_t value, std::int64_t low) {
  if (value < low) {
    throw InvalidArgument(argument + " = " + std::to_string(value) + " is below " + std::to_string(low));
  }
}

/// Throws unless size == expected: "input_planes: expected 16 planes, got 3".
inline void expect_count(const char* argument, const char* what, std::int64_t size, std::int64_t expected) {
  if (size != expected) {
    throw InvalidArgument(std::string(argument) + ": expected " + std::to_string(expected) + " " + what +
                          ", got " + std::to_string(size));
  }
}

/// The shortest text that reads back as this number.
inline std::string shortest(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::string(text.data(), end) : std::string("?");
}

/// Throws unless 0 <= value <= 1; NaN is refused too.
inline void expect_probability(const std::string& argument, double value) {
  if (!(value >= 0.0 && value <= 1.0)) {
    throw InvalidArgument(argument + " = " + shortest(value) + " is outside [0, 1]");
  }
}

}  // namespace nonideal::detail
