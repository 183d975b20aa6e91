// Handlers in C++ that respond and throw in each way. Compiled with -DSTYLE=blocking, event or async.
#include <outrider/outrider.hpp>

#include <stdexcept>
#include <string>

namespace {

// Larger than what a stream of a crowded connection may queue, and than limits.output.
constexpr std::size_t medium = 100'000, large = 300'000;

template <class Request>
void act(Request &request) {
  const auto path = request.path();
  if (path == "/hello") {
    request.early_hints({{"link", "</style.css>; rel=preload; as=style"}});
    request.respond(200, {{"content-type", "text/plain"}}, "hello\n");
  } else if (path == "/medium" || path == "/large") {
    const std::string tag(500, 't');
    request.respond(200, {{"etag", '"' + tag + '"'}}, std::string(path == "/large" ? large : medium, 'x'));
  } else if (path == "/throw") {
    throw std::runtime_error("thrown before the head");
  } else if (path == "/throw-late") {
    request.start(200, {{"content-length", "10"}});
    throw std::runtime_error("thrown after the head");
  } else {
    throw outrider::http_error(404, "not found");
  }
}

struct blocking {
  static constexpr bool thread_safe = true;

  void handle(outrider::request &request) { act(request); }
};

struct event {
  struct exchange : outrider::event_handler {
    exchange(event &, const outrider::opening &opening) : event_handler(opening) {
      if (query() == "later")
        after<&exchange::later>(std::chrono::milliseconds(1));
      else
        act(*this);
    }
    void later() { act(*this); }
  };
};

#if OUTRIDER_HAS_COROUTINES
struct async {
  outrider::task<> serve(outrider::async_request &request) {
    if (request.query() == "later") co_await request.sleep(std::chrono::milliseconds(1));
    act(request);
  }
};
#endif

}  // namespace

OUTRIDER_PLUGIN(STYLE, "cpp_handlers", "1.0");
