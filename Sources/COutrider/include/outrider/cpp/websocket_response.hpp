/** @file
 * What handlers of WebSockets have in common. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_WEBSOCKET_RESPONSE_HPP
#define OUTRIDER_CPP_WEBSOCKET_RESPONSE_HPP

#include <outrider/cpp/event_response.hpp>
#include <outrider/websocket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace outrider {

/** How a WebSocket ends. */
struct websocket_close {
  std::uint32_t code;      /**< OUTRIDER_WEBSOCKET_*; OUTRIDER_WEBSOCKET_NO_STATUS: the client's Close had none */
  std::string_view reason; /**< UTF-8; valid during the call */
  bool by_host; /**< the host ends it: a violation of the protocol, a limit, a deadline, or a drain */
};

/** A response that may be a WebSocket (RFC 6455): see <outrider/websocket.h>. */
class websocket_response : public event_response {
 public:
  /** Whether the request is a handshake, which may be accepted. Any response refuses it. */
  bool is_websocket() const noexcept { return (head().flags & OUTRIDER_HEAD_WEBSOCKET) != 0; }

  /** Whether the client offers the subprotocol. */
  bool offers(std::string_view subprotocol) const noexcept {
    for (const auto [name, value] : fields())
      if (is_same_name(name, "sec-websocket-protocol") && has_element(value, subprotocol)) return true;
    return false;
  }

 protected:
  explicit websocket_response(const opening &opening) noexcept : event_response(opening) {}
  ~websocket_response() = default;

  void accept_websocket(std::string_view subprotocol, outrider::fields fields) {
    outrider_websocket_options options{};
    options.size = sizeof options, options.subprotocol = bytes(subprotocol);
    options.fields = fields.data(), options.n_fields = fields.size();
    detail::accepted("websocket.accept", functions()->accept(host_, exchange_, &options));
    reach(progress::websocket);
  }

  /** A whole message. One that is larger than what the host copies is kept until it is sent. */
  flow send_message(std::string_view message, bool is_text) {
    if (message.size() > detail::most_copied) return lend_message(message, is_text);
    const auto *const websocket = functions();
    const auto send = is_text ? websocket->text : websocket->binary;
    return flow_of("websocket.send", send(host_, exchange_, bytes(message)), true);
  }

  /** A part of a message, not larger than what the host copies. */
  flow send_message_part(std::string_view part, bool is_text, bool more) {
    const auto event = message_event(part, is_text, more);
    return flow_of("send", host_->send(host_, exchange_, reinterpret_cast<const outrider_event *>(&event)), true);
  }

  void close_websocket(std::uint32_t code, std::string_view reason) {
    detail::accepted("websocket.close", functions()->close(host_, exchange_, code, bytes(reason)));
    reach(progress::complete);
  }

  /** WEBSOCKET_CLOSE: nothing is sent any more. */
  void websocket_has_closed() noexcept { reach(progress::complete); }

  /** Call this within catch (...). A WebSocket is closed with 1011 (internal error), unless the exchange is over; every other
   * exchange ends as the exception says. */
  void fail() noexcept {
    if (response_progress() == progress::websocket)
      fail_websocket();
    else
      event_response::fail();
  }

 private:
  static bool has_element(std::string_view list, std::string_view wanted) noexcept {
    while (!list.empty()) {
      const auto comma = list.find(',');
      auto element = list.substr(0, comma);
      list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
      while (!element.empty() && (element.front() == ' ' || element.front() == '\t')) element.remove_prefix(1);
      while (!element.empty() && (element.back() == ' ' || element.back() == '\t')) element.remove_suffix(1);
      if (!element.empty() && element == wanted) return true;
    }
    return false;
  }

  const outrider_websocket *functions() const {
    const auto *const found = host().extension<outrider_websocket>(OUTRIDER_WEBSOCKET);
    if (found == nullptr) detail::reject(OUTRIDER_WEBSOCKET, OUTRIDER_E_UNSUPPORTED);
    return found;
  }

  static outrider_body_event message_event(std::string_view part, bool is_text, bool more) noexcept {
    outrider_body_event event{};
    event.size = sizeof event, event.type = OUTRIDER_EVENT_WEBSOCKET_MESSAGE;
    event.bytes = bytes(part), event.more = more, event.flags = is_text ? OUTRIDER_WEBSOCKET_TEXT : 0;
    return event;
  }

  [[gnu::cold, gnu::noinline]] flow lend_message(std::string_view message, bool is_text) {
    auto kept = std::make_unique<std::string>(message);
    auto event = message_event(*kept, is_text, false);
    event.release = [](void *context) noexcept { delete static_cast<std::string *>(context); };
    event.context = kept.get();
    const auto result = host_->send(host_, exchange_, reinterpret_cast<const outrider_event *>(&event));
    if (result >= 0) static_cast<void>(kept.release());
    return flow_of("send", result, true);
  }

  [[gnu::cold, gnu::noinline]] void fail_websocket() noexcept {
    const auto status = failure_status();
    reach(progress::complete);
    if (status == OUTRIDER_E_CLOSED || status == OUTRIDER_E_CANCELLED) return;
    // It is refused only where the host has closed the WebSocket already.
    const auto *const found = host().extension<outrider_websocket>(OUTRIDER_WEBSOCKET);
    if (found != nullptr) found->close(host_, exchange_, OUTRIDER_WEBSOCKET_INTERNAL_ERROR, {});
  }
};

}  // namespace outrider

#endif
