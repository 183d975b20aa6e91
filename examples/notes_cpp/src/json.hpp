// The little of JSON (RFC 8259) that notes need.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace notes {

// The string member "text" of the JSON object; nothing: it is no object, or has none.
std::optional<std::string> text_member(std::string_view json);

// The text, which is UTF-8, as a JSON string.
std::string quoted(std::string_view text);

}  // namespace notes
