/** @file
 * The hook of the blocking style. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_BLOCKING_HOOKS_HPP
#define OUTRIDER_CPP_BLOCKING_HOOKS_HPP

#include <outrider/cpp/entry.hpp>
#include <outrider/cpp/failure.hpp>

#include <string>

namespace outrider::detail {

/** The hook of the blocking style. */
template <class Application>
struct blocking_hooks {
  using thread = typename thread_of<Application>::type;
  static constexpr bool with_thread = has_handle_with_thread<Application, thread>::value;
  static constexpr bool is_used = with_thread || has_handle<Application>::value;

  static outrider_status handle(void *state, [[maybe_unused]] void *made, outrider_exchange exchange,
                                const outrider_head *head, const outrider_io *io) noexcept {
    auto *const entry = static_cast<detail::entry<Application> *>(state);
    request request(entry->host, exchange, head, io);
    try {
      if constexpr (with_thread)
        entry->application.handle(request, *static_cast<thread *>(made));
      else
        entry->application.handle(request);
      return OUTRIDER_OK;
    } catch (...) {
      return failed(request);
    }
  }

  static outrider_status failed(request &request) noexcept {
    return handle_exception(
        request.host().table(), request.exchange_handle(), request.is_answered(),
        [&](std::uint32_t status, const char *reason) noexcept {
          try {
            request.respond(status, {{"content-type", "text/plain; charset=utf-8"}}, std::string(reason) + '\n');
            return OUTRIDER_OK;
          } catch (...) {
            return OUTRIDER_E_FAILED;
          }
        });
  }
};

}  // namespace outrider::detail

#endif
