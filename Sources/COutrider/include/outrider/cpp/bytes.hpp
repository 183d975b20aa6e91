/** @file
 * Bytes of the ABI as C++ has them. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_BYTES_HPP
#define OUTRIDER_CPP_BYTES_HPP

#include <outrider.h>

#include <string_view>

#if __cplusplus >= 202002L && __has_include(<span>)
#include <span>
#endif
#ifdef __cpp_lib_span
#define OUTRIDER_HAS_SPAN 1
#else
#define OUTRIDER_HAS_SPAN 0
#endif

namespace outrider {

/** The bytes as a view, which is valid as long as they are. */
inline std::string_view view(outrider_bytes bytes) noexcept {
  return bytes.size == 0 ? std::string_view() : std::string_view(bytes.data, bytes.size);
}

/** The text as bytes, which are valid as long as it is. */
inline outrider_bytes bytes(std::string_view text) noexcept { return {text.data(), text.size()}; }

#if OUTRIDER_HAS_SPAN
/** The view as bytes without the meaning of characters (C++20). */
inline std::span<const std::byte> as_bytes(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }

/** Bytes without the meaning of characters as a view (C++20). */
inline std::string_view view(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}
#endif

}  // namespace outrider

#endif
