/** @file
 * The hooks of the event style. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_EVENT_HOOKS_HPP
#define OUTRIDER_CPP_EVENT_HOOKS_HPP

#include <outrider/cpp/entry.hpp>
#include <outrider/cpp/failure.hpp>

#include <type_traits>

namespace outrider::detail {

/** An exchange without a handler yet; null if there is no memory. */
template <class Application>
auto make_exchange(entry<Application> &entry) noexcept {
  try {
    return entry.exchanges.make();
  } catch (...) {
    log_exception(entry.host);
    return decltype(entry.exchanges.make())();
  }
}

/** The hooks of the event style: one object of the class `exchange` for each request. */
template <class Application>
struct event_hooks {
  using exchange = typename Application::exchange;
  static_assert(std::is_base_of_v<event_handler, exchange>, "the class `exchange` has the base outrider::event_handler");
  static_assert(std::is_base_of_v<websocket_handler, exchange> ||
                    !(has_on_text<exchange>::value || has_on_binary<exchange>::value || has_on_close<exchange>::value),
                "a class with on_text, on_binary or on_close has the base outrider::websocket_handler");

  static outrider_status open(void *state, outrider_exchange id, const outrider_head *head, void **self) noexcept {
    auto *const entry = static_cast<detail::entry<Application> *>(state);
    auto *const made = make_exchange(*entry);
    if (made == nullptr) return OUTRIDER_E_FAILED;
    const opening opening{entry->host, id, head, &made->response};
    try {
      made->handler.emplace(entry->application, opening);
      *self = made;
      return OUTRIDER_OK;
    } catch (...) {
      const auto status = without_handler(opening).failure_status();
      if (status < 0)
        entry->exchanges.destroy(made);
      else
        *self = made;
      return status;
    }
  }

  static void on_event(void *state, void *self, outrider_exchange id, const outrider_event *event) noexcept {
    auto &made = *static_cast<handled<exchange> *>(self);
    if (!made.handler) return without_handler::on_event(state, id, made, event);
    auto &handler = *made.handler;
    try {
      dispatch(handler, event);
    } catch (...) {
      static_cast<event_handler &>(handler).fail();
    }
  }

  static void close(void *state, void *self, outrider_exchange) noexcept {
    static_cast<detail::entry<Application> *>(state)->exchanges.destroy(static_cast<handled<exchange> *>(self));
  }

 private:
  /** Responds in place of a handler whose constructor has thrown. */
  struct without_handler : event_handler {
    explicit without_handler(const opening &opening) noexcept : event_handler(opening) {}
    using event_handler::failure_status;

    static void on_event(void *state, outrider_exchange id, handled<exchange> &made, const outrider_event *event) noexcept {
      const auto *const host = static_cast<detail::entry<Application> *>(state)->host;
      const auto *const head = host->head(host, id);
      if (event->type == OUTRIDER_EVENT_RESUME && head != nullptr)
        without_handler(opening{host, id, head, &made.response}).has_nothing_kept();
    }
  };

  static void dispatch(exchange &handler, const outrider_event *event) {
    switch (event->type) {
      case OUTRIDER_EVENT_REQUEST: {
        [[maybe_unused]] const auto *body = reinterpret_cast<const outrider_body_event *>(event);
        if constexpr (has_on_body<exchange>::value) handler.on_body(view(body->bytes), body->more != 0);
        break;
      }
      case OUTRIDER_EVENT_REQUEST_TRAILERS: {
        [[maybe_unused]] const auto *trailers = reinterpret_cast<const outrider_head_event *>(event);
        if constexpr (has_on_trailers<exchange>::value) handler.on_trailers(fields(trailers->fields, trailers->n_fields));
        break;
      }
      case OUTRIDER_EVENT_RESUME:
        if (!static_cast<event_handler &>(handler).has_nothing_kept()) break;
        if constexpr (has_on_resume<exchange>::value) handler.on_resume();
        break;
      case OUTRIDER_EVENT_SENT:
        if constexpr (has_on_sent<exchange>::value) handler.on_sent(event->tag);
        break;
      case OUTRIDER_EVENT_WEBSOCKET_MESSAGE:
        if constexpr (std::is_base_of_v<websocket_handler, exchange>)
          message(handler, *reinterpret_cast<const outrider_body_event *>(event));
        break;
      case OUTRIDER_EVENT_WEBSOCKET_CLOSE: {
        static_cast<event_handler &>(handler).websocket_has_closed();
        [[maybe_unused]] const auto *end = reinterpret_cast<const outrider_websocket_close_event *>(event);
        if constexpr (has_on_close<exchange>::value)
          handler.on_close(websocket_close{end->code, view(end->reason), end->by_host != 0});
        break;
      }
      case OUTRIDER_EVENT_DRAINING:
        if constexpr (has_on_draining<exchange>::value) handler.on_draining();
        break;
      case OUTRIDER_EVENT_DISCONNECT:
        if constexpr (has_on_disconnect<exchange>::value)
          handler.on_disconnect(reinterpret_cast<const outrider_notice_event *>(event)->reason);
        break;
      default: break;
    }
  }

  static void message(exchange &handler, const outrider_body_event &event) {
    if (event.flags & OUTRIDER_WEBSOCKET_TEXT) {
      if constexpr (has_on_text<exchange>::value)
        handler.on_text(view(event.bytes));
      else
        handler.close(OUTRIDER_WEBSOCKET_UNSUPPORTED_DATA, "no text messages");
    } else {
      if constexpr (has_on_binary<exchange>::value)
        handler.on_binary(view(event.bytes));
      else
        handler.close(OUTRIDER_WEBSOCKET_UNSUPPORTED_DATA, "no binary messages");
    }
  }
};

}  // namespace outrider::detail

#endif
