#include "range.hpp"

#include <algorithm>
#include <charconv>

namespace notes {
namespace {

// A number, or nothing if there are no digits. One that is too large is the largest.
std::optional<std::size_t> read_number(std::string_view &text) {
  std::size_t value = 0;
  const auto digits = text.substr(0, text.find_first_not_of("0123456789"));
  if (digits.empty()) return std::nullopt;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc()) value = SIZE_MAX;
  text.remove_prefix(digits.size());
  return value;
}

}  // namespace

std::optional<range> read_range(std::string_view value, std::size_t size) {
  constexpr std::string_view unit = "bytes=";
  if (value.substr(0, unit.size()) != unit) return std::nullopt;
  value.remove_prefix(unit.size());
  const auto first = read_number(value);
  if (value.empty() || value.front() != '-') return std::nullopt;
  value.remove_prefix(1);
  const auto last = read_number(value);
  if (!value.empty() || (!first && !last) || (first && last && *last < *first)) return std::nullopt;

  if (!first) {  // the last bytes
    const auto count = std::min(*last, size);
    return range{size - count, count};
  }
  if (*first >= size) return range{0, 0};
  return range{*first, std::min(last.value_or(SIZE_MAX), size - 1) - *first + 1};
}

}  // namespace notes
