// The event style of <outrider/outrider.hpp>: what is thrown where, what the client gets, and when handlers end.
#include <outrider/outrider.hpp>
#include <outrider/testing.hpp>

#include <unistd.h>

#include <string>

using namespace outrider::testing;
using namespace std::chrono_literals;

namespace {

int alive = 0;         // handlers
std::string happened;  // events of the handler of /quiet

struct application {
  int ticks = 0;
  void tick() { ticks++; }
  void tick_badly() { throw std::runtime_error("thrown by a timer of the worker"); }

  class exchange : public outrider::event_handler {
   public:
    exchange(application &, const outrider::opening &opening) : event_handler(opening), counted_() {
      if (path() == "/hello") {
        early_hints({{"link", "</style.css>; rel=preload; as=style"}});
        respond(200, {{"content-type", "text/plain"}}, "hello\n");
      } else if (path() == "/kept") {
        const std::string value(2500, 'v');
        early_hints({{"link", value}});
        respond(200, {{"x-value", value}}, std::string(6000, 'b'));
        OUTRIDER_CHECK(is_answered());
      } else if (path() == "/throw") {
        throw std::runtime_error("thrown before the head");
      } else if (path() == "/throw-late") {
        start(200, {});
        throw std::runtime_error("thrown after the head");
      } else if (path() == "/refuse-late") {
        start(200, {});
        throw outrider::http_error(418, "late and stout");
      } else if (path() == "/throw-with-a-timer") {
        after<&exchange::tick>(1ms);
        post<&exchange::tick>();
        throw 1;
      } else if (path() == "/refuse") {
        throw outrider::http_error(418, "short and stout");
      } else if (path() == "/tick" || path() == "/tick-badly" || path() == "/tick-refusing") {
        after<&exchange::tick>(200ms);
      } else if (path() == "/cancel") {
        cancel(after<&exchange::tick>(100ms));
        after<&exchange::finish>(200ms);
      } else if (path() == "/post") {
        post<&exchange::finish>();
      } else if (path() == "/echo" || path() == "/read-badly") {
        receive();
      } else if (path() == "/stream" || path() == "/resume-badly") {
        start(200, {});
        on_resume();
      } else if (path() == "/tagged") {
        start(200, {});
        OUTRIDER_CHECK(send_tagged("one", 1) == outrider::flow::accepted);
        OUTRIDER_CHECK(send_tagged(std::string(5000, 'x'), 2) == outrider::flow::accepted);
      } else if (path() == "/file") {
        start(200, {{"content-length", "4"}});
        outrider::file elf("/proc/self/exe");
        OUTRIDER_CHECK(send_file(elf, 0, 4, false) == outrider::flow::accepted);
        OUTRIDER_CHECK_EQUAL(elf.descriptor(), -1);
      } else if (path() == "/watch" || path() == "/watch-badly") {
        OUTRIDER_CHECK_EQUAL(::pipe(pipe_), 0);
        ready_ = watch_for<&exchange::ready>(pipe_[0], OUTRIDER_LOOP_READABLE);
        OUTRIDER_CHECK_EQUAL(::write(pipe_[1], "x", 1), 1);
      } else {
        OUTRIDER_CHECK(path() == "/quiet");
      }
    }
    ~exchange() {
      for (const int end : pipe_)
        if (end >= 0) ::close(end);
    }

    void on_body(std::string_view piece, bool more) {
      if (path() == "/read-badly") throw std::runtime_error("thrown by on_body");
      content_.append(piece);
      if (more)
        receive();
      else if (!is_chunked())
        respond(200, {}, content_);
    }
    void on_trailers(outrider::fields trailers) {
      for (const auto [name, value] : trailers) content_.append(name).append("=").append(value);
      respond(200, {}, content_);
    }
    void on_resume() {
      if (path() == "/resume-badly" && sent_ > 0) throw std::runtime_error("thrown by on_resume");
      const std::string piece(10000, 'x');
      for (; sent_ < 100; sent_++) {
        const auto result = send(piece, sent_ < 99);
        if (result == outrider::flow::again) return;
        if (result == outrider::flow::pause) return void(sent_++);
      }
    }
    void on_sent(std::uint64_t tag) {
      happened += "sent " + std::to_string(tag) + ' ';
      if (query() == "badly") throw std::runtime_error("thrown by on_sent");
      if (tag == 2) OUTRIDER_CHECK(send_tagged("last", 3, false) == outrider::flow::accepted);
    }
    void on_draining() {
      happened += "draining ";
      if (query() == "badly") throw std::runtime_error("thrown by on_draining");
    }
    void on_disconnect(outrider_status reason) {
      happened += reason == OUTRIDER_E_CLOSED ? "disconnected " : "cancelled ";
      if (query() == "badly") throw std::runtime_error("thrown by on_disconnect");
    }

   private:
    struct counted {
      counted() { alive++; }
      ~counted() { alive--; }
    };

    bool is_chunked() const noexcept { return !content_length() && has_body(); }

    void tick() {
      if (path() == "/tick-badly") throw std::runtime_error("thrown by a timer");
      if (path() == "/tick-refusing") throw outrider::http_error(418, "late and stout");
      respond(200, {}, "tick");
    }
    void finish() { respond(200, {}, "finished"); }
    void ready(std::uint32_t events) {
      if (path() == "/watch-badly") throw std::runtime_error("thrown by a watch");
      OUTRIDER_CHECK_EQUAL(events, OUTRIDER_LOOP_READABLE);
      ready_ = {};
      respond(200, {}, "ready");
    }

    counted counted_;
    std::string content_;
    int sent_ = 0;
    int pipe_[2] = {-1, -1};
    outrider::watch ready_;
  };
};

struct host : mock_host {
  explicit host(bool is_strict = true) : mock_host(outrider_plugin_v1, lenient(is_strict)) {}
  static outrider_mock_settings lenient(bool is_strict) {
    auto made = settings();
    made.aborts_on_misuse = is_strict;
    return made;
  }
};

}  // namespace

OUTRIDER_PLUGIN(application, "event", "1.0");

OUTRIDER_TEST(a_response_follows_early_hints) {
  host host;
  const auto exchange = host.serve(get("/hello"));
  OUTRIDER_CHECK_EQUAL(exchange.hints().size(), 1u);
  OUTRIDER_CHECK_EQUAL(exchange.status(), 200u);
  OUTRIDER_CHECK_EQUAL(exchange.body(), "hello\n");
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(what_a_constructor_throws_ends_the_exchange) {
  host host;
  OUTRIDER_CHECK_EQUAL(host.serve(get("/throw")).status(), 500u);
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "thrown before the head");
  OUTRIDER_CHECK_EQUAL(host.serve(get("/throw-with-a-timer")).status(), 500u);
  host.advance(1s);
  const auto exchange = host.serve(get("/refuse"));
  OUTRIDER_CHECK_EQUAL(exchange.status(), 418u);
  OUTRIDER_CHECK_EQUAL(exchange.body(), "short and stout\n");
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(what_a_constructor_throws_after_the_head_cuts_the_response_off) {
  host host;
  for (const char *path : {"/throw-late", "/refuse-late"}) OUTRIDER_CHECK(host.serve(get(path)).is_cut());
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "thrown after the head");
  OUTRIDER_CHECK_EQUAL(host.log().at(1), "late and stout");
}

OUTRIDER_TEST(what_an_event_throws_ends_the_exchange) {
  host host;
  for (const char *path : {"/tick-badly", "/watch-badly"}) {
    const auto exchange = host.serve(get(path));
    host.advance(1s);
    OUTRIDER_CHECK_EQUAL(exchange.status(), 500u);
  }
  OUTRIDER_CHECK_EQUAL(host.serve(post("/read-badly", "x")).status(), 500u);
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "thrown by a timer");
  OUTRIDER_CHECK_EQUAL(host.log().at(1), "thrown by a watch");
  OUTRIDER_CHECK_EQUAL(host.log().at(2), "thrown by on_body");
  const auto refused = host.serve(get("/tick-refusing"));
  host.advance(1s);
  OUTRIDER_CHECK_EQUAL(refused.status(), 418u);
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(what_on_resume_throws_cuts_the_response_off) {
  host host;
  const auto exchange = host.serve(get("/resume-badly").slow());
  while (exchange.is_open()) exchange.take(100000);
  OUTRIDER_CHECK(exchange.is_cut());
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "thrown by on_resume");
}

OUTRIDER_TEST(timers_run_at_their_time) {
  host host;
  const auto tick = host.serve(get("/tick")), cancel = host.serve(get("/cancel"));
  host.advance(199ms);
  OUTRIDER_CHECK(tick.is_open() && cancel.is_open());
  host.advance(1ms);
  OUTRIDER_CHECK_EQUAL(tick.body(), "tick");
  OUTRIDER_CHECK_EQUAL(cancel.body(), "finished");
  OUTRIDER_CHECK_EQUAL(host.serve(get("/post")).body(), "finished");
}

OUTRIDER_TEST(a_timer_does_not_outlive_its_exchange) {
  host host;
  host.serve(get("/tick")).leave();
  host.advance(1s);
  OUTRIDER_CHECK_EQUAL(alive, 0);
  OUTRIDER_CHECK(host.log().empty());
}

OUTRIDER_TEST(content_arrives_in_pieces) {
  host host;
  OUTRIDER_CHECK_EQUAL(host.serve(post("/echo", std::string(300000, 'x'))).body().size(), 300000u);
  const auto exchange = host.serve(post("/echo", "").body_follows());
  exchange.feed("one ");
  exchange.feed("two ");
  exchange.end_body({{"x-sum", "3"}});
  OUTRIDER_CHECK_EQUAL(exchange.body(), "one two x-sum=3");
}

OUTRIDER_TEST(a_slow_client_gets_it_all) {
  host host;
  const auto exchange = host.serve(get("/stream").slow());
  while (exchange.is_open()) exchange.take(50000);
  exchange.take(2000000);
  OUTRIDER_CHECK(exchange.is_complete());
  OUTRIDER_CHECK_EQUAL(exchange.body().size(), 1000000u);
}

OUTRIDER_TEST(a_response_is_kept_until_it_is_sent) {
  auto narrow = mock_host::settings();
  narrow.output_limit = 10000;
  narrow.max_hint_bytes = 10000;
  mock_host host(outrider_plugin_v1, narrow);
  const auto exchange = host.serve(get("/kept").slow());
  while (exchange.is_open()) exchange.take(1000);
  exchange.take(100000);
  OUTRIDER_CHECK_EQUAL(exchange.status(), 200u);
  OUTRIDER_CHECK_EQUAL(exchange.field("x-value"), std::string(2500, 'v'));
  OUTRIDER_CHECK_EQUAL(exchange.body(), std::string(6000, 'b'));
  host.serve(get("/kept").slow()).leave();
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(a_handler_is_told_what_is_sent) {
  happened.clear();
  host host;
  const auto exchange = host.serve(get("/tagged").slow());
  exchange.take(1000);
  OUTRIDER_CHECK_EQUAL(happened, "sent 1 ");
  while (exchange.is_open()) exchange.take(1000);
  OUTRIDER_CHECK_EQUAL(happened, "sent 1 sent 2 sent 3 ");
  OUTRIDER_CHECK_EQUAL(exchange.body(), "one" + std::string(5000, 'x') + "last");
  OUTRIDER_CHECK(host.serve(get("/tagged?badly")).is_cut());
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "thrown by on_sent");
}

OUTRIDER_TEST(a_file_is_sent_and_closed) {
  host host;
  OUTRIDER_CHECK_EQUAL(host.serve(get("/file")).body(), "\177ELF");
  OUTRIDER_CHECK_EQUAL(host.serve(get("/file").version(OUTRIDER_HTTP_1_0)).body(), "\177ELF");
}

OUTRIDER_TEST(a_descriptor_is_watched) {
  host host;
  const auto exchange = host.serve(get("/watch"));
  host.run();
  OUTRIDER_CHECK_EQUAL(exchange.body(), "ready");
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(draining_and_leaving_are_told) {
  happened.clear();
  host host;
  const auto exchange = host.serve(get("/quiet"));
  host.drain();
  OUTRIDER_CHECK_EQUAL(happened, "draining ");
  exchange.leave();
  OUTRIDER_CHECK_EQUAL(happened, "draining disconnected ");
  OUTRIDER_CHECK_EQUAL(alive, 0);
  {
    mock_host ending;
    ending.serve(get("/quiet"));
  }
  OUTRIDER_CHECK_EQUAL(happened, "draining disconnected draining cancelled ");
}

OUTRIDER_TEST(what_is_thrown_when_a_client_has_left_is_logged) {
  host host;
  host.serve(get("/quiet?badly")).leave();
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "thrown by on_disconnect");
  const auto exchange = host.serve(get("/quiet?badly"));
  host.drain();
  OUTRIDER_CHECK_EQUAL(host.log().at(1), "thrown by on_draining");
  OUTRIDER_CHECK_EQUAL(exchange.status(), 500u);
  OUTRIDER_CHECK_EQUAL(alive, 0);
}

OUTRIDER_TEST(timers_of_the_worker) {
  host host;
  const outrider::host table(outrider_mock_host(host.mock()));
  application other;
  outrider::after<&application::tick>(table, 100ms, other);
  outrider::after<&application::tick_badly>(table, 100ms, other);
  outrider::post<&application::tick>(table, other);
  host.advance(1s);
  OUTRIDER_CHECK_EQUAL(other.ticks, 2);
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "thrown by a timer of the worker");
  outrider::after<&application::tick>(table, 100s, other);  // the end of the worker comes first
}

int main() { return run_tests(); }
