/** @file
 * A WebSocket in the style of coroutines (C++20). Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_ASYNC_WEBSOCKET_HPP
#define OUTRIDER_CPP_ASYNC_WEBSOCKET_HPP

#include <outrider/cpp/async_request.hpp>

#if OUTRIDER_HAS_COROUTINES

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace outrider {

namespace detail {
template <class Application>
class coroutine_handler;
}

/** A message of a WebSocket, with its own memory. */
struct websocket_message {
  bool is_text;
  std::string content; /**< UTF-8 if it is text */
};

/** A WebSocket (RFC 6455), accepted by the coroutine of a request:
 *
 *     outrider::task<> serve(outrider::async_request &request) {
 *       if (!request.is_websocket()) throw outrider::http_error(426, "this is a WebSocket");
 *       outrider::websocket socket(request);
 *       while (const auto message = co_await socket.next())
 *         co_await socket.send(*message);
 *     }
 *
 * It must not outlive the coroutine. When the coroutine returns, a WebSocket that is open is closed with 1000; what it throws
 * is logged, and closes it with 1011 (internal error). A client that leaves without a Close has `closed` thrown by what the
 * coroutine waits for. A worker that drains closes the WebSocket with 1012 within server.graceful_timeout, unless the
 * coroutine closes it first. */
class websocket {
 public:
  /** Accept the handshake: see websocket_handler::accept. */
  explicit websocket(async_request &request, std::string_view subprotocol = {}, outrider::fields fields = {})
      : request_(request) {
    request.accept_websocket(subprotocol, fields);
    request.socket_ = this;
  }
  websocket(async_request &request, std::string_view subprotocol, field_list fields)
      : websocket(request, subprotocol, detail::of(fields)) {}
  websocket(const websocket &) = delete;
  websocket &operator=(const websocket &) = delete;
  ~websocket() { request_.socket_ = nullptr; }

  /** Wait for the next message: `std::optional<websocket_message> message = co_await socket.next()`. Empty: the WebSocket is
   * closed, by the client or the host; close_code() says how. No more is read from the client than is waited for. */
  auto next() noexcept { return receiving(*this); }

  /** Send a text message, which is UTF-8, of any size: `co_await socket.text("hello")`. Waits until the host takes more. The
   * message must live until then. Throws closed: the WebSocket is closed. */
  auto text(std::string_view message) noexcept { return sending(*this, message, true); }

  /** Send a binary message likewise. */
  auto binary(std::string_view message) noexcept { return sending(*this, message, false); }

  /** Send a message of its own kind. */
  auto send(const websocket_message &message) noexcept { return sending(*this, message.content, message.is_text); }

  /** Send a Close: see websocket_handler::close. next() is empty when the client has answered it. */
  void close(std::uint32_t code = OUTRIDER_WEBSOCKET_NORMAL, std::string_view reason = {}) {
    request_.close_websocket(code, reason);
  }

  bool is_closed() const noexcept { return close_code_.has_value(); } /**< by the client or the host */
  /** Of the client's Close, or that the host has sent; OUTRIDER_WEBSOCKET_NO_STATUS before. */
  std::uint32_t close_code() const noexcept { return close_code_.value_or(OUTRIDER_WEBSOCKET_NO_STATUS); }
  const std::string &close_reason() const noexcept { return close_reason_; } /**< UTF-8 */

 private:
  template <class Application>
  friend class detail::coroutine_handler;
  using wait = async_request::wait;

  /** WEBSOCKET_MESSAGE */
  void receive(std::string_view content, bool is_text) {
    message_.emplace(websocket_message{is_text, std::string(content)});
  }

  /** WEBSOCKET_CLOSE */
  void end(const websocket_close &close) {
    close_code_ = close.code;
    close_reason_ = close.reason;
  }

  class receiving : public async_request::waiting_for {
   public:
    explicit receiving(websocket &socket) noexcept : waiting_for(socket.request_), socket_(socket) {}

    bool await_ready() const noexcept {
      return request.closed_ != OUTRIDER_OK || socket_.is_closed() || socket_.message_.has_value();
    }
    bool await_suspend(std::coroutine_handle<> suspended) noexcept {
      status = request.host_->receive(request.host_, request.exchange_, 1);
      if (status < 0) return false;
      wait_for(wait::message, suspended);
      return true;
    }
    std::optional<websocket_message> await_resume() {
      if (socket_.message_) return std::exchange(socket_.message_, std::nullopt);
      if (socket_.is_closed()) return std::nullopt;
      check("receive");
      return std::nullopt;
    }

   private:
    websocket &socket_;
  };

  /** Waits for room, as often as it takes. */
  class sending : public async_request::sending {
   public:
    sending(websocket &socket, std::string_view message, bool is_text) noexcept
        : async_request::sending(socket.request_, {}), socket_(socket), message_(message), is_text_(is_text) {}

    void await_resume() const {
      async_request::sending::await_resume();
      if (!is_passed_) detail::reject("websocket.send", OUTRIDER_E_CLOSED);
    }

   private:
    bool pass() final {
      if (socket_.is_closed()) detail::reject("websocket.send", OUTRIDER_E_CLOSED);
      while (!is_passed_) {
        const auto part = message_.substr(0, detail::most_copied);
        const bool more = part.size() < message_.size();
        const flow result = request.send_message_part(part, is_text_, more);
        if (result == flow::again) return false;
        message_.remove_prefix(part.size());
        is_passed_ = !more;
        if (result == flow::pause) return false;
      }
      return true;
    }

    websocket &socket_;
    std::string_view message_;
    bool is_text_, is_passed_ = false;
  };

  async_request &request_;
  std::optional<websocket_message> message_;
  std::optional<std::uint32_t> close_code_;
  std::string close_reason_;
};

}  // namespace outrider

#endif
#endif
