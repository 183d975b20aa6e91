// WebSockets in C++: each path is one way to use them. Compiled with -DSTYLE=event or async.
#include <outrider/outrider.hpp>

#include <stdexcept>
#include <string>

namespace {

// More than the host copies at once, and more than a client is sent without reading.
constexpr std::size_t large = 300'000;
constexpr int flood = 2000;

std::string numbered(int number) {
  auto text = std::to_string(number);
  return text + std::string(1000 - text.size(), 'x');
}

std::string described(const outrider::websocket_close &close) {
  return "closed " + std::to_string(close.code) + " by " + (close.by_host ? "the host" : "the client") + ": " +
         std::string(close.reason);
}

struct event {
  class exchange : public outrider::websocket_handler {
   public:
    exchange(event &, const outrider::opening &opening) : websocket_handler(opening) {
      if (!is_websocket()) throw outrider::http_error(426, "this is a WebSocket");
      if (path() == "/denied")
        respond(403, {}, "denied\n");
      else if (path() == "/later")
        after<&exchange::open>(std::chrono::milliseconds(1));
      else
        open();
    }

    void on_text(std::string_view message) {
      if (path() == "/throws") throw std::runtime_error("thrown by on_text");
      if (path() == "/flood") return on_resume();
      if (path() == "/large") return go_on(text(std::string(large, 'l')));
      echo(message, true);
    }
    void on_binary(std::string_view message) { echo(message, false); }
    void on_resume() {
      if (path() != "/flood") {
        if (kept_.empty()) return receive();
        return echo(std::exchange(kept_, {}), kept_is_text_);
      }
      while (sent_ < flood) {
        const auto result = binary(numbered(sent_));
        if (result == outrider::flow::again) return;
        sent_++;
        if (result == outrider::flow::pause) return;
      }
      if (sent_++ == flood) close(OUTRIDER_WEBSOCKET_NORMAL, "that is all");
    }
    void on_close(const outrider::websocket_close &close) { log(outrider::level::info, described(close)); }
    void on_draining() { log(outrider::level::info, "the worker drains"); }
    void on_disconnect(outrider_status) { log(outrider::level::info, "the client has left"); }

   private:
    void open() {
      if (path() == "/subprotocol")
        accept(offers("chat") ? "chat" : "", {{"x-hall", "main"}});
      else
        accept();
      if (path() == "/closes") return close(4000, "as asked");
      receive();
    }
    void echo(std::string_view message, bool is_text) {
      const auto result = is_text ? text(message) : binary(message);
      if (result == outrider::flow::again) kept_ = message, kept_is_text_ = is_text;
      go_on(result);
    }
    void go_on(outrider::flow result) {
      if (result == outrider::flow::accepted) receive();
    }

    std::string kept_;
    bool kept_is_text_ = false;
    int sent_ = 0;
  };
};

// Text alone.
struct text_only {
  struct exchange : outrider::websocket_handler {
    exchange(text_only &, const outrider::opening &opening) : websocket_handler(opening) { accept(), receive(); }
    void on_text(std::string_view message) {
      if (text(message) == outrider::flow::accepted) receive();
    }
  };
};

#if OUTRIDER_HAS_COROUTINES
struct async {
  outrider::task<> serve(outrider::async_request &request) {
    if (!request.is_websocket()) throw outrider::http_error(426, "this is a WebSocket");
    if (request.path() == "/denied") co_return request.respond(403, {}, "denied\n");
    if (request.path() == "/later") co_await request.sleep(std::chrono::milliseconds(1));
    const bool is_chat = request.path() == "/subprotocol" && request.offers("chat");
    outrider::websocket socket(request, is_chat ? "chat" : "", {{"x-hall", "main"}});
    try {
      co_await use(request, socket);
    } catch (const outrider::closed &) {
      request.log(outrider::level::info, "the client has left");
      throw;
    }
    if (socket.is_closed())
      request.log(outrider::level::info,
                  described({socket.close_code(), socket.close_reason(), socket.close_code() == OUTRIDER_WEBSOCKET_SERVICE_RESTART}));
  }

  outrider::task<> use(outrider::async_request &request, outrider::websocket &socket) {
    if (request.path() == "/closes") socket.close(4000, "as asked");
    while (const auto message = co_await socket.next()) {
      if (request.path() == "/throws") throw std::runtime_error("thrown by the coroutine");
      if (request.path() == "/returns") co_return;
      if (request.path() == "/large")
        co_await socket.text(std::string(large, 'l'));
      else if (request.path() == "/flood") {
        for (int i = 0; i < flood; i++) co_await socket.binary(numbered(i));
        socket.close(OUTRIDER_WEBSOCKET_NORMAL, "that is all");
      } else {
        co_await socket.send(*message);
      }
    }
  }
};
#endif

}  // namespace

OUTRIDER_PLUGIN(STYLE, "cpp_sockets", "1.0");
