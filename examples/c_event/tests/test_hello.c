/* Tests of the handler in the mock host of outrider-testing(3): no server, no socket, and no time that passes. */
#include <outrider/testing.h>

#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(condition) \
  ((condition) ? (void)0 : (failures++, (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition)))

static int is(outrider_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && (bytes.size == 0 || memcmp(bytes.data, text, bytes.size) == 0);
}

static outrider_mock *started(const char *config) {
  const outrider_mock_settings settings = {
      .size = sizeof settings, .model = OUTRIDER_MODEL_ASYNC, .config = config, .aborts_on_misuse = 1};
  outrider_mock *mock = outrider_mock_new(outrider_plugin_v1, &settings);
  CHECK(outrider_mock_start(mock) == OUTRIDER_OK);
  return mock;
}

static void stopped(outrider_mock *mock) {
  outrider_mock_stop(mock, 0);
  outrider_mock_free(mock);
}

static outrider_mock_exchange *requested(outrider_mock *mock) {
  const outrider_mock_request request = {.size = sizeof request, .method = "GET", .target = "/"};
  return outrider_mock_serve(mock, &request);
}

static void it_sends_hints_at_once(void) {
  outrider_mock *mock = started("{}");
  const outrider_mock_response *response = outrider_mock_response_of(requested(mock));
  CHECK(response->n_informational == 1 && response->informational[0].status == 103);
  CHECK(response->ending == OUTRIDER_MOCK_OPEN);
  stopped(mock);
}

static void it_sends_the_page_after_the_delay(void) {
  outrider_mock *mock = started("{\"delay_ms\": 200}");
  outrider_mock_exchange *exchange = requested(mock);
  outrider_mock_advance(mock, 199 * 1000 * 1000);
  CHECK(outrider_mock_response_of(exchange)->ending == OUTRIDER_MOCK_OPEN);
  outrider_mock_advance(mock, 1 * 1000 * 1000);
  CHECK(outrider_mock_response_of(exchange)->ending == OUTRIDER_MOCK_COMPLETE);
  CHECK(outrider_mock_response_of(exchange)->status == 200);
  CHECK(is(outrider_mock_response_of(exchange)->body, "hello\n"));
  stopped(mock);
}

static void it_forgets_a_client_that_leaves(void) {
  outrider_mock *mock = started("{}");
  outrider_mock_exchange *exchange = requested(mock);
  outrider_mock_leave(exchange);
  outrider_mock_advance(mock, 1000 * 1000 * 1000);
  CHECK(outrider_mock_response_of(exchange)->ending == OUTRIDER_MOCK_NONE);
  stopped(mock); /* the address sanitizer reports memory that is left */
}

static void it_refuses_a_bad_configuration(void) {
  const outrider_mock_settings settings = {.size = sizeof settings, .config = "{\"delay_ms\": -1}"};
  outrider_mock *mock = outrider_mock_new(outrider_plugin_v1, &settings);
  CHECK(outrider_mock_load(mock, OUTRIDER_PURPOSE_CHECK) == OUTRIDER_E_INVALID);
  CHECK(strstr(outrider_mock_error(mock), "delay_ms must be"));
  outrider_mock_free(mock);
}

int main(void) {
  it_sends_hints_at_once();
  it_sends_the_page_after_the_delay();
  it_forgets_a_client_that_leaves();
  it_refuses_a_bad_configuration();
  if (failures == 0) puts("all tests have passed");
  return failures != 0;
}
