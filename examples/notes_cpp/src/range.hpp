// The field Range (RFC 9110 section 14.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace notes {

// A part of a content. If size is 0, no byte of the content is within the range.
struct range {
  std::size_t first, size;
};

// Reads a single range of bytes, for a content of this size; nothing: the field is to be ignored.
std::optional<range> read_range(std::string_view value, std::size_t size);

}  // namespace notes
