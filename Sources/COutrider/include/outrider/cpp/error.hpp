/** @file
 * The exceptions of <outrider/outrider.hpp>.
 *
 * Functions of the wrappers throw when the host rejects a call. None of the exceptions leaves a hook: what is thrown in a
 * handler ends the exchange as the comment of each says, and what is thrown at the start is the reason for which the
 * start fails.
 */
#ifndef OUTRIDER_CPP_ERROR_HPP
#define OUTRIDER_CPP_ERROR_HPP

#include <outrider.h>

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

namespace outrider {

/** The name of a status: "OUTRIDER_E_STATE". */
inline const char *name_of(outrider_status status) noexcept {
  switch (status) {
    case OUTRIDER_OK: return "OUTRIDER_OK";
    case OUTRIDER_SKIPPED: return "OUTRIDER_SKIPPED";
    case OUTRIDER_PAUSE: return "OUTRIDER_PAUSE";
    case OUTRIDER_E_STATE: return "OUTRIDER_E_STATE";
    case OUTRIDER_E_INVALID: return "OUTRIDER_E_INVALID";
    case OUTRIDER_E_CLOSED: return "OUTRIDER_E_CLOSED";
    case OUTRIDER_E_CANCELLED: return "OUTRIDER_E_CANCELLED";
    case OUTRIDER_E_UNSUPPORTED: return "OUTRIDER_E_UNSUPPORTED";
    case OUTRIDER_E_LIMIT: return "OUTRIDER_E_LIMIT";
    case OUTRIDER_E_AGAIN: return "OUTRIDER_E_AGAIN";
    case OUTRIDER_E_THREAD: return "OUTRIDER_E_THREAD";
    case OUTRIDER_E_IO: return "OUTRIDER_E_IO";
    case OUTRIDER_E_FAILED: return "OUTRIDER_E_FAILED";
    default: return status < 0 ? "an unknown failure" : "an unknown success";
  }
}

/** The host has rejected a call. what() has the call and the status: "respond: OUTRIDER_E_STATE". */
class error : public std::exception {
 public:
  /** call is a string literal. */
  error(const char *call, outrider_status status) noexcept : call_(call), status_(status) {}

  outrider_status status() const noexcept { return status_; }

  const char *what() const noexcept override {
    if (text_.empty()) try {
        text_ = std::string(call_) + ": " + name_of(status_);
      } catch (...) {
        return call_;
      }
    return text_.c_str();
  }

 private:
  const char *call_;
  outrider_status status_;
  mutable std::string text_;
};

/** The exchange is over: the client has left (E_CLOSED), or its deadline has passed or the worker must stop (E_CANCELLED).
 * This is no fault of the plugin: it is not logged. Let it pass; destructors release what the handler holds. */
class closed : public error {
 public:
  using error::error;
};

/** Thrown by a handler to respond with an error. Before the head of a response, the client gets this status and the reason
 * as text/plain, and nothing is logged. After it, the response is cut off, and the reason is logged. */
class http_error : public std::runtime_error {
 public:
  /** status: 400 to 599. */
  http_error(std::uint32_t status, const std::string &reason) : std::runtime_error(reason), status_(status) {}

  std::uint32_t status() const noexcept { return status_; }

 private:
  std::uint32_t status_;
};

/** Thrown by the constructor of the application for a fault in [plugin.config]. The operator sees the place of the key:
 * `outrider.toml:7:1: plugin.config.database: must be the path of a file`. */
class config_error : public std::runtime_error {
 public:
  /** key: in the table [plugin.config]; it need not be there. */
  config_error(std::string key, const std::string &reason) : std::runtime_error(reason), key_(std::move(key)) {}

  const std::string &key() const noexcept { return key_; }

 private:
  std::string key_;
};

namespace detail {

[[noreturn, gnu::cold, gnu::noinline]] inline void reject(const char *call, outrider_status status) {
  if (status == OUTRIDER_E_CLOSED || status == OUTRIDER_E_CANCELLED) throw closed(call, status);
  throw error(call, status);
}

/** The status of a call that was accepted. Throws if it was rejected. */
inline outrider_status accepted(const char *call, outrider_status status) {
  if (status < 0) reject(call, status);
  return status;
}

}  // namespace detail
}  // namespace outrider

#endif
