/* An event handler that sends early hints at once and its page later, and blocks nothing meanwhile. outrider-plugin(7)
 * explains it. Configuration: delay_ms = 100.
 */
#include <outrider.h>

#include <stdlib.h>
#include <string.h>

typedef struct {
  const outrider_host *host;
  uint64_t delay_ns;
} service;

typedef struct {
  service *service;
  outrider_exchange exchange;
} visit;

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state, outrider_error *error) {
  const int64_t delay_ms = host->config_integer(host, "delay_ms", 100);
  (void)info;
  if (delay_ms < 0 || delay_ms > 60 * 1000) {
    strcpy(error->text, "delay_ms must be from 0 to 60000");
    return OUTRIDER_E_INVALID;
  }
  service *new = malloc(sizeof *new);
  if (!new) return OUTRIDER_E_FAILED;
  *new = (service){host, (uint64_t)delay_ms * 1000 * 1000};
  *state = new;
  return OUTRIDER_OK;
}

static void unload(void *state) { free(state); }

static void answer(void *context, outrider_status why) {
  const visit *visit = context;
  if (why != OUTRIDER_OK) return; /* the client has left: close_exchange() follows */
  const outrider_field fields[] = {outrider_field_of("content-type", "text/plain")};
  outrider_send_response(visit->service->host, visit->exchange, 200, fields, 1, outrider_text("hello\n"));
}

static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  service *service = state;
  const outrider_host *host = service->host;
  (void)head;
  visit *new = malloc(sizeof *new);
  if (!new) return OUTRIDER_E_FAILED;
  *new = (visit){service, exchange};
  *self = new;
  const outrider_field hints[] = {outrider_field_of("link", "</style.css>; rel=preload; as=style")};
  outrider_send_early_hints(host, exchange, hints, 1);
  const outrider_status status = host->after(host, exchange, service->delay_ns, answer, new, NULL);
  if (status < 0) free(new); /* close_exchange() does not follow */
  return status;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)self, (void)exchange, (void)event; /* reads no body, and ignores a disconnection */
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)exchange;
  free(self);
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "hello",
                                       .version = "1.0",
                                       .load = load,
                                       .unload = unload,
                                       .open = open_exchange,
                                       .on_event = on_event,
                                       .close = close_exchange};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
