/** @file
 * Fields of requests and responses. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_FIELDS_HPP
#define OUTRIDER_CPP_FIELDS_HPP

#include <outrider/cpp/bytes.hpp>

#include <strings.h>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <type_traits>

namespace outrider {

/** A field line: a view of its name and its value, which must outlive it. In
 * `respond(200, {{"etag", '"' + tag + '"'}}, text)`, temporary strings live until the call has returned. */
class field : public outrider_field {
 public:
  constexpr field(std::string_view line_name, std::string_view line_value) noexcept
      : outrider_field{{line_name.data(), line_name.size()}, {line_value.data(), line_value.size()}} {}
};
static_assert(sizeof(field) == sizeof(outrider_field) && std::is_standard_layout_v<field>, "an array of one is one of the other");

/** Whether two field names are the same: case does not matter (RFC 9110 section 5.1). */
inline bool is_same_name(std::string_view one, std::string_view other) noexcept {
  return one.size() == other.size() && ::strncasecmp(one.data(), other.data(), one.size()) == 0;
}

/** A view of fields: of a section that was received, or of an array or std::vector of fields to send. */
class fields {
 public:
  constexpr fields() noexcept = default;
  constexpr fields(const outrider_field *first, std::size_t count) noexcept : first_(first), count_(count) {}

  /** Of a container of `field` or `outrider_field` in one piece, which must outlive the view. */
  template <class Container, class = decltype(static_cast<const outrider_field *>(std::declval<const Container &>().data()))>
  constexpr fields(const Container &container) noexcept : first_(container.data()), count_(container.size()) {}

  /** A field line, as the loop `for (auto [name, value] : request.fields())` sees it. */
  struct line {
    std::string_view name, value;
  };

  class iterator {
   public:
    explicit constexpr iterator(const outrider_field *place) noexcept : place_(place) {}
    line operator*() const noexcept { return {view(place_->name), view(place_->value)}; }
    iterator &operator++() noexcept { return ++place_, *this; }
    bool operator==(const iterator &other) const noexcept { return place_ == other.place_; }
    bool operator!=(const iterator &other) const noexcept { return place_ != other.place_; }

   private:
    const outrider_field *place_;
  };

  iterator begin() const noexcept { return iterator(first_); }
  iterator end() const noexcept { return iterator(first_ + count_); }
  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  const outrider_field *data() const noexcept { return first_; }

  /** The value of the first field of that name. */
  std::optional<std::string_view> find(std::string_view name) const noexcept {
    for (const auto [own, value] : *this)
      if (is_same_name(own, name)) return value;
    return std::nullopt;
  }

 private:
  const outrider_field *first_ = nullptr;
  std::size_t count_ = 0;
};

/** Fields that are written in place: `{{"content-type", "text/html"}, {"link", hint}}`. */
using field_list = std::initializer_list<field>;

namespace detail {
inline fields of(field_list list) noexcept { return {list.begin(), list.size()}; }
}  // namespace detail

}  // namespace outrider

#endif
