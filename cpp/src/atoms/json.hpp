#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// JSON (RFC 8259), read strictly: one value and white space; ASCII throughout; no key twice; nested 64 deep
/// at most; numbers within a double's range.
namespace nonideal::atoms::detail {

struct Json {
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;  ///< in the order of the text
  std::variant<std::nullptr_t, bool, double, std::string, Array, Object> value;
  bool plain = false;  ///< a number without fraction or exponent

  /// The member of this name; null where this is no object or has none.
  const Json* find(std::string_view key) const;
  template <class T>
  const T* as() const {
    return std::get_if<T>(&value);
  }
  /// The whole number that this is, within +-2^53, written as one; none where it is anything else.
  std::optional<std::int64_t> whole() const;
};

/// Throws InvalidArgument, "byte 17: expected ':'", where the text isn't JSON.
Json parse_json(std::string_view text);

}  // namespace nonideal::atoms::detail
