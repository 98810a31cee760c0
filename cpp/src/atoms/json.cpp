#include "atoms/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "nonideal/base/error.hpp"

namespace nonideal::atoms::detail {
namespace {

constexpr int kDeepest = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json value = any(0);
    blank();
    if (at_ != text_.size()) fail("expected the end");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw InvalidArgument("byte " + std::to_string(at_) + ": " + what);
  }

  int peek() const { return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1; }

  bool take(char wanted) {
    if (peek() != static_cast<unsigned char>(wanted)) return false;
    ++at_;
    return true;
  }

  void expect(char wanted) {
    if (!take(wanted)) fail(std::string("expected '") + wanted + "'");
  }

  void blank() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }

  Json any(int depth) {
    if (depth > kDeepest) fail("nested too deep");
    blank();
    switch (peek()) {
      case '{':
        return {object(depth), false};
      case '[':
        return {array(depth), false};
      case '"':
        return {string(), false};
      case 't':
        return word("true"), Json{true, false};
      case 'f':
        return word("false"), Json{false, false};
      case 'n':
        return word("null"), Json{nullptr, false};
      default:
        return number();
    }
  }

  void word(std::string_view wanted) {
    if (text_.substr(at_, wanted.size()) != wanted) fail("expected a value");
    at_ += wanted.size();
  }

  Json::Object object(int depth) {
    Json::Object members;
    expect('{');
    blank();
    if (take('}')) return members;
    do {
      blank();
      if (peek() != '"') fail("expected a key");
      std::string key = string();
      blank();
      expect(':');
      members.emplace_back(std::move(key), any(depth + 1));
      blank();
    } while (take(','));
    expect('}');
    expect_unique(members);
    return members;
  }

  /// Throws where a key stands twice. By sorting: a header's many keys are not held against each other.
  void expect_unique(const Json::Object& members) const {
    std::vector<std::string_view> keys;
    keys.reserve(members.size());
    for (const auto& [name, value] : members) keys.push_back(name);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end()) fail("key " + std::string(*twice) + " stands twice in the object before");
  }

  Json::Array array(int depth) {
    Json::Array items;
    expect('[');
    blank();
    if (take(']')) return items;
    do {
      items.push_back(any(depth + 1));
      blank();
    } while (take(','));
    expect(']');
    return items;
  }

  std::size_t digits() {
    const std::size_t first = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - first;
  }

  Json number() {
    const std::size_t first = at_;
    take('-');
    if (!take('0') && digits() == 0) {
      at_ = first;
      fail("expected a value");
    }
    bool plain = true;
    if (take('.')) {
      plain = false;
      if (digits() == 0) fail("expected a digit");
    }
    if (take('e') || take('E')) {
      plain = false;
      if (!take('+')) take('-');
      if (digits() == 0) fail("expected a digit");
    }
    double value = 0.0;
    const auto [end, error] = std::from_chars(text_.data() + first, text_.data() + at_, value);
    if (error != std::errc{} || end != text_.data() + at_) fail("a number is outside a double's range");
    return {value, plain};
  }

  std::uint32_t hexadecimal() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const int c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("expected four hexadecimal digits");
      code = code * 16 + static_cast<std::uint32_t>(digit);
      ++at_;
    }
    return code;
  }

  static void append(std::string& to, std::uint32_t code) {
    const auto byte = [&](std::uint32_t bits) { to += static_cast<char>(bits); };
    if (code < 0x80) {
      byte(code);
    } else if (code < 0x800) {
      byte(0xC0 | code >> 6), byte(0x80 | (code & 63));
    } else if (code < 0x10000) {
      byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 63)), byte(0x80 | (code & 63));
    } else {
      byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 63)), byte(0x80 | (code >> 6 & 63)),
          byte(0x80 | (code & 63));
    }
  }

  void escape(std::string& to) {
    static constexpr std::string_view kShort = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
    if (take('u')) {
      std::uint32_t code = hexadecimal();
      if (code >= 0xD800 && code < 0xDC00) {
        if (!take('\\') || !take('u')) fail("half of a surrogate pair");
        const std::uint32_t low = hexadecimal();
        if (low < 0xDC00 || low > 0xDFFF) fail("half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xDC00 && code < 0xE000) {
        fail("half of a surrogate pair");
      }
      append(to, code);
      return;
    }
    const std::size_t which = peek() < 0 ? std::string_view::npos : kShort.find(static_cast<char>(peek()));
    if (which == std::string_view::npos) fail("expected an escape");
    to += kMeant[which];
    ++at_;
  }

  std::string string() {
    std::string value;
    expect('"');
    for (;;) {
      const int c = peek();
      if (c < 0x20) fail("a string does not end");
      if (c >= 0x80) fail("not ASCII");
      if (take('"')) return value;
      if (take('\\')) {
        escape(value);
      } else {
        value += static_cast<char>(c);
        ++at_;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view key) const {
  if (const auto* const members = as<Object>()) {
    for (const auto& [name, member] : *members) {
      if (name == key) return &member;
    }
  }
  return nullptr;
}

std::optional<std::int64_t> Json::whole() const {
  const double* const number = as<double>();
  if (number == nullptr || !plain || *number != std::floor(*number) || std::abs(*number) > 0x1p53)
    return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

Json parse_json(std::string_view text) { return Parser(text).document(); }

}  // namespace nonideal::atoms::detail
