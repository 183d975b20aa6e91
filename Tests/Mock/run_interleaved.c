/* Random calls of many threads in the mock host, under a sanitizer, for test_interleaved_calls.py:
 *
 *     run_interleaved MODEL REQUESTS
 *
 * The plugin Tests/Plugins/interleaved is linked in, so that the sanitizer sees all of it. Prints what it reports. */
#include <outrider/testing.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show_report(outrider_mock *mock) {
  const outrider_mock_request request = {.size = sizeof request, .target = "/report"};
  const outrider_bytes body = outrider_mock_response_of(outrider_mock_serve(mock, &request))->body;
  fwrite(body.data, 1, body.size, stdout);
}

int main(int argc, char **argv) {
  const outrider_mock_settings settings = {
      .size = sizeof settings, .model = argc > 1 && strcmp(argv[1], "sync") == 0 ? OUTRIDER_MODEL_SYNC : OUTRIDER_MODEL_ASYNC};
  const int requests = argc > 2 ? atoi(argv[2]) : 1;
  outrider_mock *mock = outrider_mock_new(outrider_plugin_v1, &settings);
  outrider_mock_exchange **exchanges = calloc((size_t)requests, sizeof *exchanges);
  if (!mock || !exchanges || outrider_mock_start(mock) < 0) return 1;
  for (int i = 0; i < requests; i++) {
    char target[32];
    snprintf(target, sizeof target, "/?%d", i + 1);
    const outrider_mock_request request = {.size = sizeof request, .target = target};
    exchanges[i] = outrider_mock_serve(mock, &request);
    if (i % 7 == 0) outrider_mock_leave(exchanges[i]);
    if (i % 3 == 0) outrider_mock_wait(mock, 1);
  }
  for (int i = 0; i < requests; i++)
    while (outrider_mock_response_of(exchanges[i])->ending == OUTRIDER_MOCK_OPEN) {
      outrider_mock_wait(mock, 10);
      outrider_mock_run(mock);
    }
  /* Threads may be at work on exchanges that are over. */
  do outrider_mock_advance(mock, 1000 * 1000 * 1000);
  while (outrider_mock_wait(mock, 200));
  show_report(mock);
  outrider_mock_stop(mock, 0);
  outrider_mock_free(mock);
  free(exchanges);
  return 0;
}
