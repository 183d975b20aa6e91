#include "json.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace notes {
namespace {

struct malformed {};

class reader {
 public:
  explicit reader(std::string_view json) : rest_(json) {}

  std::optional<std::string> read_object_with_text() {
    std::optional<std::string> text;
    expect('{');
    read_members(0, &text);
    skip_space();
    if (!rest_.empty()) throw malformed();
    return text;
  }

 private:
  static constexpr int max_depth = 32;

  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }

  // Whether c comes next, which is then read.
  bool accept(char c) {
    skip_space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!accept(c)) throw malformed();
  }

  char next() {
    if (rest_.empty()) throw malformed();
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  // The members of an object, behind its brace. The member "text" of it is stored if text is not null.
  void read_members(int depth, std::optional<std::string> *text) {
    if (accept('}')) return;
    do {
      expect('"');
      const bool is_text = read_string() == "text" && text != nullptr;
      expect(':');
      if (is_text) text->reset();
      if (is_text && accept('"'))
        *text = read_string();
      else
        skip_value(depth + 1);
    } while (accept(','));
    expect('}');
  }

  void skip_value(int depth) {
    if (depth > max_depth) throw malformed();
    if (accept('"')) {
      read_string();
    } else if (accept('{')) {
      read_members(depth, nullptr);
    } else if (accept('[')) {
      if (accept(']')) return;
      do skip_value(depth + 1);
      while (accept(','));
      expect(']');
    } else if (!accept_word("true") && !accept_word("false") && !accept_word("null")) {
      skip_number();
    }
  }

  bool accept_word(std::string_view word) {
    if (rest_.substr(0, word.size()) != word) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  void skip_digits() {
    const auto count = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    if (count == 0) throw malformed();
    rest_.remove_prefix(count);
  }

  void skip_number() {
    accept_word("-");
    if (!accept_word("0")) skip_digits();
    if (accept_word(".")) skip_digits();
    if (accept_word("e") || accept_word("E")) {
      if (!accept_word("+")) accept_word("-");
      skip_digits();
    }
  }

  // What follows the quotation mark.
  std::string read_string() {
    std::string text;
    for (char c = next(); c != '"'; c = next()) {
      if (static_cast<unsigned char>(c) < 0x20) throw malformed();
      if (c == '\\')
        read_escape(text);
      else
        text += c;
    }
    return text;
  }

  void read_escape(std::string &text) {
    constexpr std::string_view kinds = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const char kind = next();
    if (const auto place = kinds.find(kind); place != kinds.npos)
      text += meanings[place];
    else if (kind == 'u')
      append_utf8(text, read_character());
    else
      throw malformed();
  }

  // Characters above U+FFFF are two escapes (RFC 8259 section 7).
  std::uint32_t read_character() {
    const auto first = read_hexadecimal();
    if (first < 0xD800 || first > 0xDFFF) return first;
    if (first > 0xDBFF || next() != '\\' || next() != 'u') throw malformed();
    const auto second = read_hexadecimal();
    if (second < 0xDC00 || second > 0xDFFF) throw malformed();
    return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
  }

  std::uint32_t read_hexadecimal() {
    constexpr std::string_view digits = "0123456789abcdef0123456789ABCDEF";
    std::uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
      const auto digit = digits.find(next());
      if (digit == digits.npos) throw malformed();
      value = value << 4 | (digit & 15);
    }
    return value;
  }

  static void append_utf8(std::string &text, std::uint32_t c) {
    const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else if (c < 0x800) {
      text += static_cast<char>(0xC0 | c >> 6), tail(0);
    } else if (c < 0x10000) {
      text += static_cast<char>(0xE0 | c >> 12), tail(6), tail(0);
    } else {
      text += static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0);
    }
  }

  std::string_view rest_;
};

}  // namespace

std::optional<std::string> text_member(std::string_view json) try {
  return reader(json).read_object_with_text();
} catch (const malformed &) {
  return std::nullopt;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\', result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[7];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      result += escape;
    } else {
      result += c;
    }
  }
  return result += '"';
}

}  // namespace notes
