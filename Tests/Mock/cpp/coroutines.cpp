// The coroutines of <outrider/outrider.hpp>: what is thrown where, what the client gets, and when coroutines end.
#include <outrider/outrider.hpp>
#include <outrider/testing.hpp>

#include <unistd.h>

#include <string>

using namespace outrider::testing;
using namespace std::chrono_literals;

namespace {

int alive = 0;         // coroutines
std::string happened;  // of the coroutine of /quiet

struct counted {
  counted() { alive++; }
  ~counted() { alive--; }
  counted(const counted &) = delete;
};

struct ends_of_pipe {
  ends_of_pipe() { OUTRIDER_CHECK_EQUAL(::pipe(ends), 0); }
  ~ends_of_pipe() { ::close(ends[0]), ::close(ends[1]); }
  int ends[2];
};

struct application {
  outrider::task<std::string> gather(outrider::async_request &request) {
    const counted inner;
    std::string content;
    for (auto piece = co_await request.read(); !piece.empty(); piece = co_await request.read()) content += piece;
    if (content == "bad") throw std::runtime_error("thrown by an inner coroutine");
    co_return content;
  }

  outrider::task<> wait_and_throw(outrider::async_request &request) {
    const counted inner;
    co_await request.sleep(100ms);
    throw outrider::http_error(418, "short and stout");
  }

  outrider::task<> serve(outrider::async_request &request) {
    const counted outer;
    const auto path = request.path();
    if (path == "/hello") {
      request.early_hints({{"link", "</style.css>; rel=preload; as=style"}});
      co_await request.sleep(100ms);
      request.respond(200, {{"content-type", "text/plain"}}, "hello\n");
    } else if (path == "/throw") {
      throw std::runtime_error("thrown before the head");
    } else if (path == "/throw-later") {
      co_await request.sleep(100ms);
      throw std::runtime_error("thrown after a wait");
    } else if (path == "/throw-late") {
      request.start(200, {});
      throw std::runtime_error("thrown after the head");
    } else if (path == "/refuse") {
      co_await wait_and_throw(request);
    } else if (path == "/nothing") {
    } else if (path == "/echo") {
      const std::string content = co_await gather(request);
      request.respond(200, {}, content);
    } else if (path == "/echo-all") {
      request.respond(200, {}, co_await request.read_all(10));
    } else if (path == "/stream") {
      request.start(200, {});
      for (int i = 0; i < 100; i++) co_await request.send(std::string(10000, static_cast<char>('a' + i % 26)));
    } else if (path == "/large") {
      request.start(200, {});
      co_await request.send(std::string(1000000, 'x'));
    } else if (path == "/large-response") {
      request.respond(200, {{"x-size", std::to_string(1000000)}}, std::string(1000000, 'y'));
    } else if (path == "/file") {
      request.start(200, {{"content-length", "8"}});
      co_await request.send_file(outrider::file("/proc/self/exe"), 0, 4);
      co_await request.send_file(outrider::file("/proc/self/exe"), 0, 4);
    } else if (path == "/kept") {
      const std::string value(2500, 'v');
      request.early_hints({{"link", value}});
      request.respond(200, {{"x-value", value}}, std::string(6000, 'b'));
    } else if (path == "/ready") {
      const ends_of_pipe pipe;
      OUTRIDER_CHECK_EQUAL(::write(pipe.ends[1], "x", 1), 1);
      const auto events = co_await request.ready(pipe.ends[0], OUTRIDER_LOOP_READABLE);
      request.respond(200, {}, events == OUTRIDER_LOOP_READABLE ? "ready" : "not ready");
    } else if (path == "/never-ready") {
      const ends_of_pipe pipe;
      co_await request.ready(pipe.ends[0], OUTRIDER_LOOP_READABLE);
    } else if (path == "/not-a-descriptor") {
      co_await request.ready(12345, OUTRIDER_LOOP_READABLE);
    } else if (path == "/afterwards") {
      request.respond(200, {}, "before");
      co_await request.sleep(1h);
      happened += "never ";
    } else if (path == "/quiet") {
      try {
        co_await request.sleep(1h);
      } catch (const outrider::closed &over) {
        happened += over.status() == OUTRIDER_E_CLOSED ? "closed " : "cancelled ";
      }
      co_await request.sleep(1h);
      happened += "never ";
    } else if (path == "/drain") {
      request.start(200, {});
      while (co_await request.sleep_unless_draining(100ms)) co_await request.send("tick ");
      co_await request.send(co_await request.sleep_unless_draining(100ms) ? "odd" : "end");
    } else if (path == "/kinds") {
      happened.clear();
      try {
        co_await request.read();
      } catch (const outrider::closed &) {
        happened += "closed ";
      }
      try {
        co_await request.read();
      } catch (const outrider::closed &) {
        happened += "again ";
      }
    } else {
      throw outrider::http_error(404, "not found");
    }
  }
};

outrider_mock_settings lenient() {
  auto settings = mock_host::settings();
  settings.aborts_on_misuse = 0;
  return settings;
}

}  // namespace

OUTRIDER_PLUGIN(application, "coroutines", "1.0");

OUTRIDER_TEST(a_response_follows_early_hints) {
  mock_host host;
  const auto exchange = host.serve(get("/hello"));
  OUTRIDER_CHECK_EQUAL(exchange.hints().size(), 1u);
  host.advance(99ms);
  OUTRIDER_CHECK(exchange.is_open());
  host.advance(1ms);
  OUTRIDER_CHECK_EQUAL(exchange.body(), "hello\n");
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(an_exception_before_the_head_is_a_500) {
  mock_host host;
  for (const char *path : {"/throw", "/throw-later", "/nothing"}) {
    const auto exchange = host.serve(get(path));
    host.advance(1s);
    OUTRIDER_CHECK_EQUAL(exchange.status(), 500u);
  }
  OUTRIDER_CHECK_EQUAL(host.serve(post("/echo", "bad")).status(), 500u);
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "thrown before the head");
  OUTRIDER_CHECK_EQUAL(host.log().at(1), "thrown after a wait");
  OUTRIDER_CHECK_EQUAL(host.log().at(2), "the coroutine has returned without a response");
  OUTRIDER_CHECK_EQUAL(host.log().at(3), "thrown by an inner coroutine");
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(an_exception_after_the_head_cuts_the_response_off) {
  mock_host host;
  const auto exchange = host.serve(get("/throw-late"));
  OUTRIDER_CHECK(exchange.is_cut());
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "thrown after the head");
}

OUTRIDER_TEST(an_http_error_is_a_response) {
  mock_host host;
  const auto exchange = host.serve(get("/refuse"));
  host.advance(100ms);
  OUTRIDER_CHECK_EQUAL(exchange.status(), 418u);
  OUTRIDER_CHECK_EQUAL(exchange.body(), "short and stout\n");
  OUTRIDER_CHECK_EQUAL(host.serve(get("/elsewhere")).status(), 404u);
  OUTRIDER_CHECK(host.log().empty());
}

OUTRIDER_TEST(content_is_read_in_pieces) {
  mock_host host;
  OUTRIDER_CHECK_EQUAL(host.serve(post("/echo", std::string(300000, 'x'))).body().size(), 300000u);
  OUTRIDER_CHECK_EQUAL(host.serve(get("/echo")).body(), "");
  const auto exchange = host.serve(post("/echo", "").body_follows());
  exchange.feed("one ");
  exchange.feed("two");
  OUTRIDER_CHECK(exchange.is_open());
  exchange.end_body({{"x-sum", "2"}});
  OUTRIDER_CHECK_EQUAL(exchange.body(), "one two");
}

OUTRIDER_TEST(content_is_read_up_to_a_limit) {
  mock_host host;
  OUTRIDER_CHECK_EQUAL(host.serve(post("/echo-all", "0123456789")).body(), "0123456789");
  OUTRIDER_CHECK_EQUAL(host.serve(post("/echo-all", "0123456789x")).status(), 413u);
  OUTRIDER_CHECK_EQUAL(host.serve(post("/echo-all", "0123456789x").flags(OUTRIDER_MOCK_CHUNKED)).status(), 413u);
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(a_slow_client_gets_it_all) {
  mock_host host;
  const auto exchange = host.serve(get("/stream").slow());
  while (exchange.is_open()) exchange.take(50000);
  exchange.take(2000000);
  OUTRIDER_CHECK(exchange.is_complete());
  OUTRIDER_CHECK_EQUAL(exchange.body().size(), 1000000u);
  for (std::size_t i = 0; i < 100; i++)
    OUTRIDER_CHECK_EQUAL(exchange.body().substr(i * 10000, 10000), std::string(10000, static_cast<char>('a' + i % 26)));
}

OUTRIDER_TEST(the_end_waits_for_room) {
  auto narrow = mock_host::settings();
  narrow.output_limit = 20000;
  mock_host host(outrider_plugin_v1, narrow);
  const auto exchange = host.serve(get("/stream").slow());
  while (exchange.is_open()) exchange.take(1);
  OUTRIDER_CHECK(exchange.is_complete());
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(what_is_sent_may_be_larger_than_what_the_host_copies) {
  auto narrow = mock_host::settings();
  narrow.output_limit = 20000;
  mock_host host(outrider_plugin_v1, narrow);
  OUTRIDER_CHECK_EQUAL(host.serve(get("/large")).body(), std::string(1000000, 'x'));
  const auto slow = host.serve(get("/large").slow()), whole = host.serve(get("/large-response").slow());
  while (slow.is_open() || whole.is_open()) slow.take(5000), whole.take(5000);
  slow.take(100000), whole.take(100000);
  OUTRIDER_CHECK_EQUAL(slow.body(), std::string(1000000, 'x'));
  OUTRIDER_CHECK_EQUAL(whole.body(), std::string(1000000, 'y'));
  host.serve(get("/large").slow()).leave();
  host.serve(get("/large-response").slow()).leave();
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(a_response_is_kept_until_it_is_sent) {
  auto narrow = mock_host::settings();
  narrow.output_limit = 10000;
  narrow.max_hint_bytes = 10000;
  mock_host host(outrider_plugin_v1, narrow);
  const auto exchange = host.serve(get("/kept").slow());
  while (exchange.is_open()) exchange.take(1000);
  exchange.take(100000);
  OUTRIDER_CHECK_EQUAL(exchange.body(), std::string(6000, 'b'));
}

OUTRIDER_TEST(files_are_sent) {
  mock_host host;
  OUTRIDER_CHECK_EQUAL(host.serve(get("/file")).body(), "\177ELF\177ELF");
}

OUTRIDER_TEST(a_descriptor_is_waited_for) {
  mock_host host(outrider_plugin_v1, lenient());
  const auto exchange = host.serve(get("/ready"));
  host.run();
  OUTRIDER_CHECK_EQUAL(exchange.body(), "ready");
  host.serve(get("/never-ready")).leave();
  OUTRIDER_CHECK_EQUAL(host.serve(get("/not-a-descriptor")).status(), 500u);
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "watch: OUTRIDER_E_INVALID");
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(a_client_that_leaves_is_an_exception_where_the_coroutine_waits) {
  happened.clear();
  mock_host host;
  host.serve(get("/quiet")).leave();
  OUTRIDER_CHECK_EQUAL(happened, "closed ");
  OUTRIDER_CHECK_EQUAL(alive, 0);
  host.serve(post("/kinds", "").body_follows()).leave();
  OUTRIDER_CHECK_EQUAL(happened, "closed again ");
  host.serve(get("/stream").slow()).leave();
  host.serve(get("/refuse")).leave();
  OUTRIDER_CHECK_EQUAL(alive, 0);
  OUTRIDER_CHECK(host.log().empty());
}

OUTRIDER_TEST(a_deadline_is_an_exception_where_the_coroutine_waits) {
  happened.clear();
  auto short_time = mock_host::settings();
  short_time.request_timeout_ns = 1000 * 1000 * 1000;
  mock_host host(outrider_plugin_v1, short_time);
  const auto exchange = host.serve(get("/quiet"));
  host.advance(2s);
  OUTRIDER_CHECK_EQUAL(happened, "cancelled ");
  OUTRIDER_CHECK_EQUAL(exchange.status(), 504u);
}

OUTRIDER_TEST(the_end_of_the_worker_is_an_exception_where_the_coroutine_waits) {
  happened.clear();
  {
    mock_host host;
    host.serve(get("/quiet"));
  }
  OUTRIDER_CHECK_EQUAL(happened, "cancelled ");
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(draining_ends_a_wait_that_is_made_for_it) {
  mock_host host;
  const auto exchange = host.serve(get("/drain"));
  host.advance(250ms);
  OUTRIDER_CHECK(exchange.is_open());
  host.drain();
  OUTRIDER_CHECK(exchange.is_complete());
  OUTRIDER_CHECK_EQUAL(exchange.body(), "tick tick end");
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(a_coroutine_ends_with_its_exchange) {
  happened.clear();
  mock_host host;
  OUTRIDER_CHECK_EQUAL(host.serve(get("/afterwards")).body(), "before");
  OUTRIDER_CHECK_EQUAL(happened, "");
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

int main() { return run_tests(); }
