// The blocking style of <outrider/outrider.hpp>: what is thrown where, and what the client gets.
#include <outrider/outrider.hpp>
#include <outrider/testing.hpp>

#include <sanitizer/lsan_interface.h>

#include <string>

using namespace outrider::testing;

namespace {

int alive = 0;  // objects of applications and threads

struct counted {
  counted() { alive++; }
  ~counted() { alive--; }
  counted(const counted &) = delete;
};

struct application : counted {
  static constexpr bool thread_safe = true;

  struct thread : counted {
    thread(application &owner, outrider::thread_info info) : index(info.index) {
      if (owner.fails_in("thread")) throw std::runtime_error("thrown by a thread");
    }
    std::uint32_t index;
  };

  explicit application(outrider::host host) : failing(outrider::config(host).text_or("fails", "")) {
    outrider::config(host).expect({"fails", "limit"});
    limit = static_cast<std::size_t>(outrider::config(host).integer_or("limit", 1000));
    if (fails_in("load")) throw std::runtime_error("thrown by the constructor");
    if (fails_in("load without a reason")) throw 1;
    if (fails_in("config")) throw outrider::config_error("limit", "is not what it should be");
  }
  void before_fork() {
    if (fails_in("before_fork")) throw std::runtime_error("thrown by before_fork");
  }
  void worker_start(outrider::worker_info info) {
    if (fails_in("worker_start")) throw std::runtime_error("thrown by worker_start");
    workers = info.workers();
  }
  void worker_stop() {
    if (fails_in("worker_stop")) throw std::runtime_error("thrown by worker_stop");
  }
  void on_wake() {
    if (fails_in("on_wake")) throw std::runtime_error("thrown by on_wake");
  }

  void handle(outrider::request &request, thread &) {
    const auto path = request.path();
    if (path == "/hello") {
      OUTRIDER_CHECK(request.early_hints({{"link", "</style.css>; rel=preload; as=style"}}) == request.may_hint());
      request.respond(200, {{"content-type", "text/plain"}, {"x-workers", std::to_string(workers)}}, "hello\n");
    } else if (path == "/throw") {
      throw std::runtime_error("thrown before the head");
    } else if (path == "/throw-int") {
      throw 1;
    } else if (path == "/throw-late") {
      request.start(200, {});
      request.write("begun");
      throw std::runtime_error("thrown after the head");
    } else if (path == "/refuse") {
      throw outrider::http_error(418, "short and stout");
    } else if (path == "/refuse-late") {
      request.start(200, {});
      request.write("begun");
      throw outrider::http_error(418, "too late");
    } else if (path == "/refuse-badly") {
      throw outrider::http_error(1000, "there is no such status");
    } else if (path == "/nothing") {
    } else if (path == "/echo") {
      const std::string content = request.read_all(limit);
      request.start(200, {});
      request.write({"[", content, "]"});
      for (const auto [name, value] : request.trailers()) request.write({name, "=", value});
#if OUTRIDER_HAS_SPAN
    } else if (path == "/span") {
      std::byte buffer[4];
      std::string content;
      for (auto piece = request.read(buffer); !piece.empty(); piece = request.read(buffer))
        content.append(outrider::view(piece)).append("|");
      request.respond(200, {}, outrider::view(outrider::as_bytes(content)));
#endif
    } else if (path == "/twice") {
      request.respond(200, {}, "once");
      request.respond(200, {}, "twice");
    } else if (path == "/fields") {
      std::vector<outrider::field> fields;
      for (const auto [name, value] : request.fields())
        if (name.substr(0, 2) == "x-") fields.emplace_back(name, value);
      request.note("seen", request.field("X-One").value_or("nothing"));
      request.respond(200, fields, request.query());
    } else if (path == "/file") {
      outrider::file file("/proc/self/exe");
      request.start(200, {{"content-length", "4"}});
      request.send_file(file.descriptor(), 0, 4);
    } else if (path == "/stream") {
      request.start(200, {});
      for (int i = 0; i < 1000; i++) request.write(std::string(10000, 'x'));
    } else {
      throw outrider::http_error(404, "not found");
    }
  }

  bool fails_in(std::string_view place) const noexcept { return failing == place; }

  std::string_view failing;
  std::size_t limit = 0;
  std::uint32_t workers = 0;
};

outrider_mock_settings lenient(const char *config = "{}") {
  auto settings = mock_host::settings(config, OUTRIDER_MODEL_SYNC);
  settings.aborts_on_misuse = 0;
  return settings;
}

struct host : mock_host {
  explicit host(const char *config = "{}") : mock_host(outrider_plugin_v1, lenient(config)) {}
};

std::string refusal(const char *config) { return mock_host::refusal(outrider_plugin_v1, lenient(config)); }

/** Whether the start with this configuration fails with this reason. */
bool mentions(const char *config, std::string_view reason) {
  const std::string text = refusal(config);
  if (text.find(reason) != text.npos) return true;
  std::cerr << config << ": " << text << '\n';
  return false;
}

}  // namespace

OUTRIDER_PLUGIN(application, "blocking", "1.0");

OUTRIDER_TEST(a_response_follows_early_hints) {
  host host;
  const auto exchange = host.serve(get("/hello"));
  OUTRIDER_CHECK_EQUAL(exchange.hints().size(), 1u);
  OUTRIDER_CHECK_EQUAL(exchange.hints().front().find("Link"), "</style.css>; rel=preload; as=style");
  OUTRIDER_CHECK_EQUAL(exchange.status(), 200u);
  OUTRIDER_CHECK_EQUAL(exchange.field("X-Workers"), "1");
  OUTRIDER_CHECK_EQUAL(exchange.field("Content-Length"), "6");
  OUTRIDER_CHECK_EQUAL(exchange.body(), "hello\n");
  OUTRIDER_CHECK(host.serve(get("/hello").version(OUTRIDER_HTTP_1_0)).hints().empty());
}

OUTRIDER_TEST(an_exception_before_the_head_is_a_500) {
  host host;
  for (const char *path : {"/throw", "/throw-int", "/refuse-badly"}) {
    const auto exchange = host.serve(get(path));
    OUTRIDER_CHECK(exchange.is_page());
    OUTRIDER_CHECK_EQUAL(exchange.status(), 500u);
  }
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "thrown before the head");
  OUTRIDER_CHECK_EQUAL(host.log().at(1), "an exception that is no std::exception");
  OUTRIDER_CHECK_EQUAL(host.log().size(), 2u);
}

OUTRIDER_TEST(an_exception_after_the_head_cuts_the_response_off) {
  host host;
  for (const char *path : {"/throw-late", "/refuse-late"}) {
    const auto exchange = host.serve(get(path));
    OUTRIDER_CHECK(exchange.is_cut());
    OUTRIDER_CHECK_EQUAL(exchange.status(), 200u);
  }
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "thrown after the head");
  OUTRIDER_CHECK_EQUAL(host.log().at(1), "too late");
}

OUTRIDER_TEST(an_http_error_is_a_response) {
  host host;
  const auto exchange = host.serve(get("/refuse"));
  OUTRIDER_CHECK(exchange.is_complete());
  OUTRIDER_CHECK_EQUAL(exchange.status(), 418u);
  OUTRIDER_CHECK_EQUAL(exchange.field("content-type"), "text/plain; charset=utf-8");
  OUTRIDER_CHECK_EQUAL(exchange.body(), "short and stout\n");
  OUTRIDER_CHECK_EQUAL(host.serve(get("/elsewhere")).status(), 404u);
  OUTRIDER_CHECK(host.log().empty());
}

OUTRIDER_TEST(a_call_that_is_rejected_throws) {
  host host;
  const auto exchange = host.serve(get("/twice"));
  OUTRIDER_CHECK_EQUAL(exchange.body(), "once");
  OUTRIDER_CHECK_EQUAL(host.log().at(0), "respond: OUTRIDER_E_STATE");
  OUTRIDER_CHECK_EQUAL(host.misuses(), 1u);
}

OUTRIDER_TEST(a_handler_without_a_response_is_a_500) {
  host host;
  OUTRIDER_CHECK_EQUAL(host.serve(get("/nothing")).status(), 500u);
}

OUTRIDER_TEST(content_is_read_up_to_a_limit) {
  host host("{\"limit\": 10}");
  OUTRIDER_CHECK_EQUAL(host.serve(post("/echo", "0123456789")).body(), "[0123456789]");
  OUTRIDER_CHECK_EQUAL(host.serve(post("/echo", "0123456789x")).status(), 413u);
  OUTRIDER_CHECK_EQUAL(host.serve(post("/echo", "0123456789x").flags(OUTRIDER_MOCK_CHUNKED)).status(), 413u);
  OUTRIDER_CHECK_EQUAL(host.serve(get("/echo")).body(), "[]");
  const auto fed = host.serve(post("/echo", "ab").body_follows().wait([](mock_exchange exchange) {
    exchange.feed("cd");
    exchange.end_body({{"x-sum", "4"}});
  }));
  OUTRIDER_CHECK_EQUAL(fed.body(), "[abcd]x-sum=4");
}

#if OUTRIDER_HAS_SPAN
OUTRIDER_TEST(content_is_read_into_a_span) {
  host host;
  OUTRIDER_CHECK_EQUAL(host.serve(post("/span", "0123456789")).body(), "0123|4567|89|");
}
#endif

OUTRIDER_TEST(content_above_the_limit_of_the_host_is_a_413) {
  auto small = lenient();
  small.body_limit = 5;
  mock_host host(outrider_plugin_v1, small);
  OUTRIDER_CHECK_EQUAL(host.serve(post("/echo", "0123456789").flags(OUTRIDER_MOCK_CHUNKED)).status(), 413u);
}

OUTRIDER_TEST(a_client_that_leaves_is_no_error) {
  host host;
  host.serve(post("/echo", "ab").body_follows().wait([](mock_exchange exchange) { exchange.leave(); }));
  host.serve(get("/stream").slow().wait([](mock_exchange exchange) { exchange.leave(); }));
  OUTRIDER_CHECK(host.log().empty());
  OUTRIDER_CHECK_EQUAL(host.misuses(), 0u);
}

OUTRIDER_TEST(fields_are_read_and_sent) {
  host host;
  const auto exchange = host.serve(get("/fields?a=b").field("x-one", "1").field("accept", "*/*").field("x-two", ""));
  OUTRIDER_CHECK_EQUAL(exchange.body(), "a=b");
  OUTRIDER_CHECK_EQUAL(exchange.field("x-one"), "1");
  OUTRIDER_CHECK_EQUAL(exchange.field("x-two"), "");
  OUTRIDER_CHECK_EQUAL(exchange.field("accept"), std::optional<std::string_view>());
  OUTRIDER_CHECK_EQUAL(exchange.note("seen"), "1");
}

OUTRIDER_TEST(a_file_is_sent) {
  host host;
  OUTRIDER_CHECK_EQUAL(host.serve(get("/file")).body(), "\177ELF");
}

OUTRIDER_TEST(a_start_fails_with_the_reason_that_was_thrown) {
  OUTRIDER_CHECK(mentions("{\"fails\": \"load\"}", "thrown by the constructor"));
  OUTRIDER_CHECK(mentions("{\"fails\": \"load without a reason\"}", "an exception that is no std::exception"));
  OUTRIDER_CHECK(mentions("{\"fails\": \"config\"}", "limit: is not what it should be"));
  OUTRIDER_CHECK(mentions("{\"limit\": \"ten\"}", "limit: must be an integer"));
  OUTRIDER_CHECK(mentions("{\"limits\": 1}", "unknown key \"limits\""));
  OUTRIDER_CHECK_EQUAL(refusal("{}"), "");
  OUTRIDER_CHECK_EQUAL(alive, 0);

  // The process of a worker that does not start ends without unload().
  const __lsan::ScopedDisabler the_application_is_left;
  OUTRIDER_CHECK(mentions("{\"fails\": \"worker_start\"}", "thrown by worker_start"));
  OUTRIDER_CHECK(mentions("{\"fails\": \"thread\"}", "thrown by a thread"));
  OUTRIDER_CHECK_EQUAL(std::exchange(alive, 0), 2);
}

OUTRIDER_TEST(other_hooks_log_what_they_throw) {
  host before("{\"fails\": \"before_fork\"}");
  OUTRIDER_CHECK_EQUAL(before.log().at(0), "thrown by before_fork");
  host waking("{\"fails\": \"on_wake\"}");
  const auto *const table = outrider_mock_host(waking.mock());
  outrider::host(table).wake();
  waking.run();
  OUTRIDER_CHECK_EQUAL(waking.log().at(0), "thrown by on_wake");
  host stopping("{\"fails\": \"worker_stop\"}");
  outrider_mock_stop(stopping.mock(), 0);
  OUTRIDER_CHECK_EQUAL(stopping.log().at(0), "thrown by worker_stop");
}

OUTRIDER_TEST(an_older_host_has_no_extensions) {
  auto old = lenient();
  old.no_extensions = 1;
  const auto text = mock_host::refusal(outrider_plugin_v1, old);
  OUTRIDER_CHECK(text.find("outrider.config/1: OUTRIDER_E_UNSUPPORTED") != text.npos);
}

OUTRIDER_TEST(nothing_is_left) { OUTRIDER_CHECK_EQUAL(alive, 0); }

int main() { return run_tests(); }
