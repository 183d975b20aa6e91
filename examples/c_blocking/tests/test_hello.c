/* Tests of the handler in the mock host of outrider-testing(3): no server, no socket. */
#include <outrider/testing.h>

#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(condition) \
  ((condition) ? (void)0 : (failures++, (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition)))

static int is(outrider_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && (bytes.size == 0 || memcmp(bytes.data, text, bytes.size) == 0);
}

static void it_sends_hints_and_the_page(outrider_mock *mock) {
  const outrider_mock_request request = {.size = sizeof request, .method = "GET", .target = "/"};
  const outrider_mock_response *response = outrider_mock_response_of(outrider_mock_serve(mock, &request));
  CHECK(response->n_informational == 1 && response->informational[0].status == 103);
  CHECK(response->ending == OUTRIDER_MOCK_COMPLETE && response->status == 200);
  CHECK(is(response->body, "hello\n"));
}

int main(void) {
  const outrider_mock_settings settings = {
      .size = sizeof settings, .model = OUTRIDER_MODEL_GTHREAD, .aborts_on_misuse = 1};
  outrider_mock *mock = outrider_mock_new(outrider_plugin_v1, &settings);
  if (outrider_mock_start(mock) < 0) {
    fprintf(stderr, "%s\n", outrider_mock_error(mock));
    return 1;
  }
  it_sends_hints_and_the_page(mock);
  outrider_mock_stop(mock, 0);
  outrider_mock_free(mock);
  if (failures == 0) puts("all tests have passed");
  return failures != 0;
}
