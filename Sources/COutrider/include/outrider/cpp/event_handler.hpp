/** @file
 * A request in event style. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_EVENT_HANDLER_HPP
#define OUTRIDER_CPP_EVENT_HANDLER_HPP

#include <outrider/cpp/watch.hpp>
#include <outrider/cpp/websocket_response.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>

namespace outrider {

namespace detail {
template <class Application>
struct event_hooks;
}

/** The base of the class that handles a request in event style. There is one object for each request, made when its head is
 * complete, and destroyed when the exchange is over. Nothing is called after the destructor, and everything on the loop.
 *
 *     class upload : public outrider::event_handler {
 *      public:
 *       upload(app &app, const outrider::opening &opening) : event_handler(opening) { receive(); }
 *       void on_body(std::string_view piece, bool more);
 *     };
 *
 * The constructor may send the response, or wait for one of these, each of which may be left out:
 *
 *     void on_body(std::string_view piece, bool more)  a piece of the content; one for each receive()
 *     void on_trailers(outrider::fields)               after the last piece, if there are trailers
 *     void on_resume()                                 there is room again, after flow::pause or flow::again
 *     void on_sent(std::uint64_t tag)                  the kernel has all bytes of the piece that was sent with this tag
 *     void on_draining()                               the worker is draining: finish soon, nothing is cut off yet
 *     void on_disconnect(outrider_status)              the client has left, or the time is over; the destructor follows
 *
 * What the constructor or one of these throws ends the exchange as its kind says: see <outrider/cpp/error.hpp>. */
class event_handler : public websocket_response {
 public:
  /** Send part of the content, which must not be larger than limits.output; more = false ends the response. See flow: a
   * piece for which there was no room is sent again in on_resume(). */
  [[nodiscard]] flow send(std::string_view piece, bool more = true) { return send_part(piece, more); }

  /** The same. When the kernel has all bytes of the piece, on_sent(tag) is called, unless the exchange ends before. tag is
   * not 0. */
  [[nodiscard]] flow send_tagged(std::string_view piece, std::uint64_t tag, bool more = true) {
    return send_part(piece, more, tag);
  }

  /** The same for length bytes of a regular file from offset on. The file is closed when it has been sent, or at the end of
   * the exchange; if the result is flow::again, the caller still has it. A file that is too short ends the exchange. */
  [[nodiscard]] flow send_file(file &file, std::uint64_t offset, std::uint64_t length, bool more = true) {
    return send_file_part(file, offset, length, more);
  }

  /** Allow so many more calls of on_body(). Without it, no content is delivered. The first call sends 100 (Continue) if the
   * client waits for it. */
  void receive(std::uint32_t credit = 1) { detail::accepted("receive", host_->receive(host_, exchange_, credit)); }

  /** Call a method of the handler after some time: `after<&page::tick>(200ms)`. It is not called if the exchange ends
   * before. Returns the timer's number, for cancel(). */
  template <auto Method>
  std::uint64_t after(std::chrono::nanoseconds time) {
    using handler = detail::class_of<Method>;
    std::uint64_t timer = 0;
    detail::accepted("after", host_->after(host_, exchange_, detail::nanoseconds(time), call<handler, Method>,
                                           static_cast<handler *>(this), &timer));
    return timer;
  }

  /** Cancel a timer that has not run. */
  void cancel(std::uint64_t timer) noexcept { host_->cancel(host_, timer); }

  /** Call a method of the handler on the loop, soon. [any-thread]: another thread must know that the exchange is open. */
  template <auto Method>
  void post() {
    using handler = detail::class_of<Method>;
    detail::accepted("post", host_->post(host_, exchange_, call<handler, Method>, static_cast<handler *>(this)));
  }

  /** Call a method `void ready(std::uint32_t events)` of the handler whenever the descriptor is ready, until the watch is
   * destroyed or the exchange is over. Keep the watch in the handler. */
  template <auto Method>
  [[nodiscard]] watch watch_for(int descriptor, std::uint32_t events) {
    using handler = detail::class_of<Method>;
    return {host(), exchange_, descriptor, events, call_ready<handler, Method>, static_cast<handler *>(this)};
  }

 protected:
  explicit event_handler(const opening &opening) noexcept : websocket_response(opening) {}
  ~event_handler() = default;

 private:
  template <class Application>
  friend struct detail::event_hooks;

  /** What is left when the exchange has ended is not called: its object may be gone. */
  template <class Handler, auto Method>
  static void call(void *context, outrider_status why) noexcept {
    if (why != OUTRIDER_OK) return;
    auto *const handler = static_cast<Handler *>(context);
    try {
      (handler->*Method)();
    } catch (...) {
      static_cast<event_handler *>(handler)->fail();
    }
  }

  template <class Handler, auto Method>
  static void call_ready(void *context, outrider_status why, std::uint32_t events) noexcept {
    if (why != OUTRIDER_OK) return;
    auto *const handler = static_cast<Handler *>(context);
    try {
      (handler->*Method)(events);
    } catch (...) {
      static_cast<event_handler *>(handler)->fail();
    }
  }
};

}  // namespace outrider

#endif
