/** @file
 * What becomes of an exception that a handler lets pass. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_FAILURE_HPP
#define OUTRIDER_CPP_FAILURE_HPP

#include <outrider/cpp/bytes.hpp>
#include <outrider/cpp/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>

namespace outrider::detail {

/** Call this within catch (...). Logs what was thrown, with the request's id, unless the exchange is over; a response that
 * was thrown as http_error is passed to respond(status, reason), which returns a status, if there is no head yet. Returns
 * OK if there is a response, else the status with which the exchange ends: the client gets a 500, or, after a head, a
 * response that is cut off. */
template <class Respond>
outrider_status handle_exception(const outrider_host *host, outrider_exchange exchange, bool is_answered,
                                 Respond respond) noexcept {
  const auto log = [&](const char *reason) noexcept {
    host->log(host, exchange, OUTRIDER_LOG_ERROR, outrider_text(reason));
    return OUTRIDER_E_FAILED;
  };
  try {
    throw;
  } catch (const closed &over) {
    return over.status();
  } catch (const http_error &failure) {
    return is_answered ? log(failure.what()) : respond(failure.status(), failure.what());
  } catch (const std::exception &failure) {
    return log(failure.what());
  } catch (...) {
    return log("an exception that is no std::exception");
  }
}

/** Call this within catch (...). Logs what was thrown outside of a request. */
inline void log_exception(const outrider_host *host) noexcept {
  handle_exception(host, outrider_exchange{0}, true, [](std::uint32_t, const char *) noexcept { return OUTRIDER_OK; });
}

/** Call this within catch (...). Makes what was thrown the reason for which a start fails. */
inline outrider_status refuse(outrider_error *error) noexcept {
  const auto say = [&](const char *reason) noexcept {
    std::snprintf(error->text, sizeof error->text, "%s", reason);
    return OUTRIDER_E_FAILED;
  };
  try {
    throw;
  } catch (const std::exception &failure) {
    return say(failure.what());
  } catch (...) {
    return say("an exception that is no std::exception");
  }
}

}  // namespace outrider::detail

#endif
