#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace nonideal::atoms::detail {

/// SHA-256 (FIPS 180-4) of these bytes.
std::array<std::uint8_t, 32> sha256(std::span<const std::uint8_t> bytes);

}  // namespace nonideal::atoms::detail
