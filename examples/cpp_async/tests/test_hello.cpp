// Tests of the handler in the mock host of outrider-testing(3): no server, no socket, and no time that passes.
#include <outrider/testing.hpp>

using namespace outrider::testing;
using namespace std::chrono_literals;

OUTRIDER_TEST(it_sends_hints_at_once) {
  mock_host host;
  const auto exchange = host.serve(get("/"));
  OUTRIDER_CHECK_EQUAL(exchange.hints().size(), 1u);
  OUTRIDER_CHECK(exchange.is_open());
}

OUTRIDER_TEST(it_sends_the_page_after_the_delay) {
  mock_host host(R"({"delay_ms": 200})");
  const auto exchange = host.serve(get("/"));
  host.advance(199ms);
  OUTRIDER_CHECK(exchange.is_open());
  host.advance(1ms);
  OUTRIDER_CHECK_EQUAL(exchange.status(), 200u);
  OUTRIDER_CHECK_EQUAL(exchange.body(), "hello\n");
}

OUTRIDER_TEST(it_forgets_a_client_that_leaves) {
  mock_host host;
  host.serve(get("/")).leave();
  host.advance(1s);
  OUTRIDER_CHECK(host.log().empty());
}

OUTRIDER_TEST(it_refuses_a_bad_configuration) {
  OUTRIDER_CHECK(mock_host::refusal(R"({"delay_ms": -1})").find("delay_ms") != std::string::npos);
}

int main() { return run_tests(); }
