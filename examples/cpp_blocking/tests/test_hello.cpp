// Tests of the handler in the mock host of outrider-testing(3): no server, and no socket.
#include <outrider/testing.hpp>

using namespace outrider::testing;

OUTRIDER_TEST(it_sends_hints_and_the_page) {
  mock_host host;
  const auto exchange = host.serve(get("/"));
  OUTRIDER_CHECK_EQUAL(exchange.hints().size(), 1u);
  OUTRIDER_CHECK_EQUAL(exchange.status(), 200u);
  OUTRIDER_CHECK_EQUAL(exchange.field("content-type"), "text/plain");
  OUTRIDER_CHECK_EQUAL(exchange.body(), "hello\n");
}

OUTRIDER_TEST(it_sends_no_hints_to_an_old_client) {
  mock_host host;
  const auto exchange = host.serve(get("/").version(OUTRIDER_HTTP_1_0));
  OUTRIDER_CHECK(exchange.hints().empty());
  OUTRIDER_CHECK_EQUAL(exchange.body(), "hello\n");
}

int main() { return run_tests(); }
