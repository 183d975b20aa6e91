/** @file
 * The values of [plugin.config]. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_CONFIG_HPP
#define OUTRIDER_CPP_CONFIG_HPP

#include <outrider/config.h>
#include <outrider/cpp/error.hpp>
#include <outrider/cpp/host.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace outrider {

/** A value of [plugin.config], or none. A handle: copy it, and keep it as long as the process lives; so are its texts.
 *
 *     const outrider::config config(host);
 *     config.expect({"database", "limit"});
 *     database = config.required("database").text();
 *     limit = config["limit"].integer_or(100);
 *
 * [master] in the constructor of the application, [any-thread] afterwards. What is not in the configuration is a value that
 * is none, so that `config["a"]["b"]` needs no check. */
class config {
 public:
  /** The table [plugin.config] itself. Throws error: the host is older than the extension outrider.config/1. */
  explicit config(host host) : config(host.table(), host.extension<outrider_config>(OUTRIDER_CONFIG), OUTRIDER_CONFIG_ROOT) {
    if (functions_ == nullptr) throw error(OUTRIDER_CONFIG, OUTRIDER_E_UNSUPPORTED);
  }

  bool is_none() const noexcept { return type() == 0; }
  bool is_table() const noexcept { return type() == OUTRIDER_CONFIG_TABLE; }
  bool is_array() const noexcept { return type() == OUTRIDER_CONFIG_ARRAY; }
  bool is_text() const noexcept { return type() == OUTRIDER_CONFIG_STRING; }
  bool is_integer() const noexcept { return type() == OUTRIDER_CONFIG_INTEGER; }
  bool is_number() const noexcept { return is_integer() || type() == OUTRIDER_CONFIG_FLOAT; }
  bool is_boolean() const noexcept { return type() == OUTRIDER_CONFIG_BOOLEAN; }

  /** The value of a key of a table. A dot in it is part of the key. */
  config operator[](const char *key) const noexcept { return {host_, functions_, functions_->find(host_, value_, key)}; }

  /** The number of elements of an array, or of keys of a table. */
  std::size_t size() const noexcept { return functions_->count(host_, value_); }

  /** An element of an array, or a value of a table in the order of its keys; index is below size(). */
  config at(std::size_t index) const noexcept {
    return {host_, functions_, functions_->at(host_, value_, static_cast<std::uint32_t>(index))};
  }

  /** The key of a value; empty for an element and for [plugin.config]. */
  std::string_view key() const noexcept { return view(functions_->key(host_, value_)); }

  std::string_view text() const noexcept { return view(functions_->text(host_, value_)); } /**< of a string, or a date */
  std::int64_t integer() const noexcept { return functions_->integer(host_, value_); }
  double number() const noexcept { return functions_->number(host_, value_); } /**< of a float or an integer */
  bool boolean() const noexcept { return functions_->integer(host_, value_) != 0; }

  /** The value of a key that is not required. Throws config_error if it is there with another type. */
  std::string_view text_or(const char *key, std::string_view fallback) const {
    const config value = optional(key, &config::is_text, "must be a string");
    return value.is_none() ? fallback : value.text();
  }
  std::int64_t integer_or(const char *key, std::int64_t fallback) const {
    const config value = optional(key, &config::is_integer, "must be an integer");
    return value.is_none() ? fallback : value.integer();
  }
  double number_or(const char *key, double fallback) const {
    const config value = optional(key, &config::is_number, "must be a number");
    return value.is_none() ? fallback : value.number();
  }
  bool boolean_or(const char *key, bool fallback) const {
    const config value = optional(key, &config::is_boolean, "must be true or false");
    return value.is_none() ? fallback : value.boolean();
  }

  /** The string of a key of [plugin.config]. Throws config_error, which names the key, if it is missing, empty or no string. */
  std::string_view required_text(const char *key) const {
    const config value = optional(key, &config::is_text, "must be a string");
    if (value.text().empty()) throw config_error(key, value.is_none() ? "is required" : "must not be empty");
    return value.text();
  }

  /** Report every key of the table that is not among these: `unknown key "greetng"; did you mean "greeting"?` The start
   * fails with that. Only in the constructor of the application. */
  void expect(std::initializer_list<const char *> keys) const noexcept {
    functions_->expect(host_, value_, keys.begin(), static_cast<std::uint32_t>(keys.size()));
  }

 private:
  config(const outrider_host *host, const outrider_config *functions, std::uint32_t value) noexcept
      : host_(host), functions_(functions), value_(value) {}

  std::uint32_t type() const noexcept { return functions_->type(host_, value_); }

  config optional(const char *key, bool (config::*has_type)() const noexcept, const char *rule) const {
    const config value = (*this)[key];
    if (!value.is_none() && !(value.*has_type)()) throw config_error(key, rule);
    return value;
  }

  const outrider_host *host_;
  const outrider_config *functions_;
  std::uint32_t value_;
};

}  // namespace outrider

#endif
