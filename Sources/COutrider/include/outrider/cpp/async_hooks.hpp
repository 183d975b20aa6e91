/** @file
 * The hooks of the style of coroutines. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_ASYNC_HOOKS_HPP
#define OUTRIDER_CPP_ASYNC_HOOKS_HPP

#include <outrider/cpp/async_websocket.hpp>
#include <outrider/cpp/event_hooks.hpp>

namespace outrider::detail {

#if OUTRIDER_HAS_COROUTINES
/** Runs the coroutine of a request. */
template <class Application>
class coroutine_handler : async_request {
 public:
  coroutine_handler(Application &application, const opening &opening)
      : async_request(opening), task_(application.serve(static_cast<async_request &>(*this))) {}

  void run() noexcept { async_request::run(task_.coroutine()); }

  void on_event(const outrider_event *event) noexcept {
    switch (event->type) {
      case OUTRIDER_EVENT_REQUEST: {
        const auto *body = reinterpret_cast<const outrider_body_event *>(event);
        on_body(view(body->bytes), body->more != 0);
        break;
      }
      case OUTRIDER_EVENT_RESUME: on_resume(); break;
      case OUTRIDER_EVENT_WEBSOCKET_MESSAGE: receive(*reinterpret_cast<const outrider_body_event *>(event)); break;
      case OUTRIDER_EVENT_WEBSOCKET_CLOSE: end(*reinterpret_cast<const outrider_websocket_close_event *>(event)); break;
      case OUTRIDER_EVENT_DRAINING: on_draining(); break;
      case OUTRIDER_EVENT_DISCONNECT:
        on_disconnect(reinterpret_cast<const outrider_notice_event *>(event)->reason);
        break;
      default: break;
    }
  }

 private:
  void receive(const outrider_body_event &event) noexcept {
    if (auto *const open = socket()) try {
        open->receive(view(event.bytes), (event.flags & OUTRIDER_WEBSOCKET_TEXT) != 0);
      } catch (...) {
        fail();
      }
    on_websocket();
  }

  void end(const outrider_websocket_close_event &event) noexcept {
    websocket_has_closed();
    if (auto *const open = socket()) try {
        open->end({event.code, view(event.reason), event.by_host != 0});
      } catch (...) {
        fail();
      }
    on_websocket();
  }

  task<> task_;
};

/** The hooks of the style of coroutines. */
template <class Application>
struct async_hooks {
  using handler = coroutine_handler<Application>;

  static outrider_status open(void *state, outrider_exchange id, const outrider_head *head, void **self) noexcept {
    auto *const entry = static_cast<detail::entry<Application> *>(state);
    auto *const made = make_exchange(*entry);
    if (made == nullptr) return OUTRIDER_E_FAILED;
    try {
      made->handler.emplace(entry->application, opening{entry->host, id, head, &made->response});
    } catch (...) {
      log_exception(entry->host);
      entry->exchanges.destroy(made);
      return OUTRIDER_E_FAILED;
    }
    *self = made;
    made->handler->run();
    return OUTRIDER_OK;
  }

  static void on_event(void *, void *self, outrider_exchange, const outrider_event *event) noexcept {
    static_cast<handled<handler> *>(self)->handler->on_event(event);
  }

  static void close(void *state, void *self, outrider_exchange) noexcept {
    static_cast<detail::entry<Application> *>(state)->exchanges.destroy(static_cast<handled<handler> *>(self));
  }
};
#else
template <class>
struct async_hooks;
#endif

}  // namespace outrider::detail

#endif
