/** @file
 * A WebSocket in event style. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_WEBSOCKET_HANDLER_HPP
#define OUTRIDER_CPP_WEBSOCKET_HANDLER_HPP

#include <outrider/cpp/event_handler.hpp>

#include <cstdint>
#include <string_view>

namespace outrider {

/** An event handler that may accept a WebSocket (RFC 6455), over HTTP/1.1 and HTTP/2.
 *
 *     class exchange : public outrider::websocket_handler {
 *      public:
 *       exchange(app &, const outrider::opening &opening) : websocket_handler(opening) {
 *         if (!is_websocket()) throw outrider::http_error(426, "this is a WebSocket");
 *         accept();
 *         receive();
 *       }
 *       void on_text(std::string_view message) {
 *         if (text(message) == outrider::flow::accepted) receive();
 *       }
 *       void on_resume() { receive(); }
 *     };
 *
 * Each of these methods of the handler may be left out. All are called on the loop:
 *
 *     void on_text(std::string_view message)       a whole message, valid during the call; one for each receive(). Without
 *     void on_binary(std::string_view message)     the method, a message of its kind closes the WebSocket with 1003
 *     void on_close(const websocket_close &)       the client has closed it, or the host does; the destructor follows
 *     void on_resume(), on_draining(), on_disconnect(status)   as for every event handler
 *
 * A client that leaves without a Close is told of by on_disconnect(). A worker that drains closes the WebSocket with 1012
 * (service restart) within server.graceful_timeout, unless the handler closes it first. What a method throws is logged, and
 * closes the WebSocket with 1011 (internal error).
 *
 * The functions below are [any-thread], one thread at a time; another thread must know that the exchange is open. */
class websocket_handler : public event_handler {
 public:
  /** Accept the handshake, in the constructor or later, with one of the subprotocols that the client offers, or none, and
   * further fields. Throws error: E_INVALID if it is no handshake, or the client does not offer() the subprotocol, or a field
   * is malformed; E_STATE after a response; E_UNSUPPORTED if the host has no outrider.websocket/1. */
  void accept(std::string_view subprotocol = {}, outrider::fields fields = {}) { accept_websocket(subprotocol, fields); }
  void accept(std::string_view subprotocol, field_list fields) { accept(subprotocol, detail::of(fields)); }

  /** Send a text message, which is UTF-8. See flow: a message for which there was no room is sent again in on_resume(). */
  [[nodiscard]] flow text(std::string_view message) { return send_message(message, true); }

  /** Send a binary message likewise. */
  [[nodiscard]] flow binary(std::string_view message) { return send_message(message, false); }

  /** Send a Close; the exchange ends when the client has answered it. code 0 sends none. reason is cut to
   * OUTRIDER_WEBSOCKET_MAX_REASON bytes. Throws error: E_INVALID for a code that may not be sent (RFC 6455 section 7.4),
   * E_STATE if it is closed. */
  void close(std::uint32_t code = OUTRIDER_WEBSOCKET_NORMAL, std::string_view reason = {}) { close_websocket(code, reason); }

 protected:
  explicit websocket_handler(const opening &opening) noexcept : event_handler(opening) {}
  ~websocket_handler() = default;
};

}  // namespace outrider

#endif
