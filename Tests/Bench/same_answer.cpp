// same_answer.cpp: what same_answer.c answers, by the headers for C++. Compiled with -DSTYLE=blocking, event or async.
#include <outrider/outrider.hpp>

namespace {

constexpr std::string_view body = "Hello, Outrider!";

struct blocking {
  static constexpr bool thread_safe = true;

  void handle(outrider::request &request) { request.respond(200, {{"content-type", "text/plain"}}, body); }
};

struct event {
  struct exchange : outrider::event_handler {
    exchange(event &, const outrider::opening &opening) : event_handler(opening) {
      respond(200, {{"content-type", "text/plain"}}, body);
    }
  };
};

struct async {
  outrider::task<> serve(outrider::async_request &request) {
    request.respond(200, {{"content-type", "text/plain"}}, body);
    co_return;
  }
};

}  // namespace

OUTRIDER_PLUGIN(STYLE, "same_answer", "1.0");
