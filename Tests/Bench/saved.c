/* A plugin whose builds differ by NUMBER: GET /NUMBER is a 200, everything else a 404. */
#include <outrider.h>

#include <string.h>

#define TEXT(number) #number
#define PATH(number) "/" TEXT(number)

static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  (void)self;
  const int is_own = head->path.size == strlen(PATH(NUMBER)) && memcmp(head->path.data, PATH(NUMBER), head->path.size) == 0;
  return outrider_send_response(state, exchange, is_own ? 200 : 404, NULL, 0, outrider_text(PATH(NUMBER)));
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)self, (void)exchange, (void)event;
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)self, (void)exchange;
}

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  static const outrider_plugin plugin = {.size = sizeof plugin, .abi = OUTRIDER_ABI_VERSION, .abi_required = OUTRIDER_ABI(1, 0),
                                         .name = "saved", .version = "1.0", .open = open_exchange, .on_event = on_event,
                                         .close = close_exchange};
  return &plugin;
}
