/** @file
 * The host: its log, its configuration, its extensions. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_HOST_HPP
#define OUTRIDER_CPP_HOST_HPP

#include <outrider/cpp/bytes.hpp>
#include <outrider/cpp/error.hpp>
#include <outrider/log.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace outrider {

/** The level of a line in the error log. */
enum class level : std::uint32_t {
  debug = OUTRIDER_LOG_DEBUG,
  info = OUTRIDER_LOG_INFO,
  warning = OUTRIDER_LOG_WARNING,
  error = OUTRIDER_LOG_ERROR,
  critical = OUTRIDER_LOG_CRITICAL,
};

/** Why a plugin is loaded. */
enum class purpose : std::uint32_t {
  serve = OUTRIDER_PURPOSE_SERVE,     /**< to serve requests */
  check = OUTRIDER_PURPOSE_CHECK,     /**< `outrider -t`: check the configuration; do not open, bind or change anything */
  inspect = OUTRIDER_PURPOSE_INSPECT, /**< `outriderctl inspect`: the same; the configuration may be empty */
};

/** The host as one [[plugin]] entry sees it. A handle: copy it, and keep it as long as the process lives. */
class host {
 public:
  explicit host(const outrider_host *table) noexcept : table_(table) {}

  /** The table of the C API, for what has no wrapper. */
  const outrider_host *table() const noexcept { return table_; }

  /** Write a line to the error log, with the plugin's name. [any-thread], [master] */
  void log(level level, std::string_view message) const noexcept {
    table_->log(table_, outrider_exchange{0}, static_cast<std::uint32_t>(level), bytes(message));
  }

  /** Whether a line of that level would be written. Cheap: ask before a message is put together. [any-thread], [master] */
  bool logs(level level) const noexcept {
    const auto *log = extension<outrider_log>(OUTRIDER_LOG);
    return log == nullptr || log->enabled(table_, static_cast<std::uint32_t>(level)) != 0;
  }

  /** The string at a key of [plugin.config]; dots select nested tables. Empty if there is none. The host owns it, as long
   * as the process lives. Class config has values of all types. [any-thread], [master] */
  std::optional<std::string_view> config_string(const char *key) const noexcept {
    const outrider_bytes value = table_->config_string(table_, key, nullptr);
    return value.data == nullptr ? std::nullopt : std::optional(view(value));
  }
  std::int64_t config_integer(const char *key, std::int64_t fallback) const noexcept {
    return table_->config_integer(table_, key, fallback);
  }
  bool config_boolean(const char *key, bool fallback) const noexcept {
    return table_->config_boolean(table_, key, fallback) != 0;
  }

  /** Whether the worker is draining: finish soon, nothing is cut off yet. [any-thread] */
  bool draining() const noexcept { return table_->draining(table_) != 0; }

  /** Have the application's on_wake() called on the loop, once for any number of calls. [any-thread], async-signal-safe */
  void wake() const noexcept { table_->wake(table_); }

  /** A table of further functions; null if this host has none. */
  template <class Table>
  const Table *extension(const char *name) const noexcept {
    return static_cast<const Table *>(table_->extension(table_, name));
  }

 private:
  const outrider_host *table_;
};

/** What a worker is told when it starts. */
class worker_info {
 public:
  explicit worker_info(const outrider_worker_info &info) noexcept : info_(&info) {}

  std::uint32_t model() const noexcept { return info_->model; } /**< OUTRIDER_MODEL_* */
  std::uint32_t threads() const noexcept { return info_->threads; } /**< how many may run handle() */
  std::uint32_t index() const noexcept { return info_->worker; } /**< which worker this is: 0, 1, … */
  std::uint32_t workers() const noexcept { return info_->workers; } /**< how many there are at this moment */
  std::string_view host_version() const noexcept { return info_->host_version; }

 private:
  const outrider_worker_info *info_;
};

/** What a thread that runs handle() is told when it starts. */
struct thread_info {
  std::uint32_t index;   /**< 0, 1, …: which of the threads this one is */
  std::uint32_t threads; /**< how many there are */
};

namespace detail {

/** The time in nanoseconds, which is 0 for a time that is negative. */
inline std::uint64_t nanoseconds(std::chrono::nanoseconds time) noexcept {
  return time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
}

}  // namespace detail
}  // namespace outrider

#endif
