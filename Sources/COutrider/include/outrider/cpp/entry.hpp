/** @file
 * What the hooks of a plugin get: an entry of the configuration, and exchanges. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_ENTRY_HPP
#define OUTRIDER_CPP_ENTRY_HPP

#include <outrider/cpp/members.hpp>
#include <outrider/cpp/memory.hpp>

#include <optional>
#include <type_traits>

namespace outrider::detail {

/** What handles a request of the event style: the class `exchange`, or what runs a coroutine. */
template <class Application, class = void>
struct handler_of {
  struct type {};
};
template <class Application>
struct handler_of<Application, std::enable_if_t<has_exchange<Application>::value>> {
  using type = typename Application::exchange;
};
template <class Application>
class coroutine_handler;
template <class Application>
struct handler_of<Application, std::enable_if_t<has_serve<Application>::value && !has_exchange<Application>::value>> {
  using type = coroutine_handler<Application>;
};

/** An exchange of the event style: what `self` is in every hook. */
template <class Handler>
struct handled {
  response_state response;
  std::optional<Handler> handler;
};

/** One [[plugin]] entry: what `state` is in every hook. */
template <class Application>
struct entry {
  entry(const outrider_host *table, purpose purpose) : host(table), application(make(outrider::host(table), purpose)) {}

  static Application make(outrider::host host, [[maybe_unused]] purpose purpose) {
    if constexpr (std::is_constructible_v<Application, outrider::host, outrider::purpose>)
      return Application(host, purpose);
    else if constexpr (std::is_constructible_v<Application, outrider::host>)
      return Application(host);
    else
      return Application();
  }

  const outrider_host *host;
  Application application;
  recycled<handled<typename handler_of<Application>::type>> exchanges;
};

}  // namespace outrider::detail

#endif
