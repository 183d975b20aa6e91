/* sizes: an event plugin for tests, whose structures are as large as those of another header, and end where memory ends: who
 * reads or writes beyond the size that a structure says ends the process.
 *
 *   SIZES_DESCRIPTOR in the environment: how many bytes the plugin's description is larger than that of 1.0
 *   /events?N       a response by send(), each event N bytes larger than that of 1.0
 *   /small          each event eight bytes smaller than that of 1.0, then a response that says what came of it
 *   /functions      the same response as /events by the functions that send one event each
 *   /whole          a response by send_response()
 *   /abort          send_abort() with E_FAILED
 *   /extensions?N   what came of structures of extensions that are N bytes larger, in load() and here
 */
#define _GNU_SOURCE
#include <outrider.h>
#include <stdio.h>

#include "extensions.h"
#include "guarded.h"

static const outrider_host *host;
static char defined[3][16];
static const int growths[] = {-8, 0, 8};

static uint32_t sized(uint32_t size, int growth) { return (uint32_t)((int)size + growth); }

static outrider_status send(outrider_exchange exchange, const void *event, size_t whole, uint32_t size) {
  return host->send(host, exchange, guarded(event, whole, size));
}

/* One event of each type that may come here, in the order of a response. */
static outrider_status send_head(outrider_exchange exchange, uint32_t type, uint32_t status, uint32_t flags, int growth) {
  const outrider_field field = outrider_field_of("x-sized", "yes");
  const outrider_head_event event = {.type = type, .status = status, .flags = flags, .fields = &field, .n_fields = 1};
  return send(exchange, &event, sizeof event, sized(OUTRIDER_HEAD_EVENT_SIZE_1_0, growth));
}

static outrider_status send_body(outrider_exchange exchange, const char *text, uint32_t more, int growth) {
  const outrider_body_event event = {.type = OUTRIDER_EVENT_BODY, .bytes = outrider_text(text), .more = more};
  return send(exchange, &event, sizeof event, sized(OUTRIDER_BODY_EVENT_SIZE_1_0, growth));
}

static outrider_status send_file(outrider_exchange exchange, int growth) {
  static int file = -1;
  if (file < 0) file = memfd_create("sizes", MFD_CLOEXEC);
  if (pwrite(file, "file", 4, 0) != 4) abort();
  const outrider_file_event event = {.type = OUTRIDER_EVENT_FILE, .fd = file, .more = 1, .length = 4};
  return send(exchange, &event, sizeof event, sized(OUTRIDER_FILE_EVENT_SIZE_1_0, growth));
}

static outrider_status send_response(outrider_exchange exchange, const char *text, int growth) {
  const outrider_response_event event = {.type = OUTRIDER_EVENT_RESPONSE, .status = 200, .body = outrider_text(text)};
  return send(exchange, &event, sizeof event, sized(OUTRIDER_RESPONSE_EVENT_SIZE_1_0, growth));
}

static outrider_status send_abort(outrider_exchange exchange, int growth) {
  const outrider_notice_event event = {.type = OUTRIDER_EVENT_ABORT, .reason = OUTRIDER_E_FAILED};
  return send(exchange, &event, sizeof event, sized(OUTRIDER_NOTICE_EVENT_SIZE_1_0, growth));
}

static void by_events(outrider_exchange exchange, int growth) {
  if (send_head(exchange, OUTRIDER_EVENT_INFORMATIONAL, 103, 0, growth) < 0 ||
      send_head(exchange, OUTRIDER_EVENT_START, 200, OUTRIDER_TRAILERS_FOLLOW, growth) != OUTRIDER_OK ||
      send_body(exchange, "body ", 1, growth) != OUTRIDER_OK || send_file(exchange, growth) != OUTRIDER_OK ||
      send_body(exchange, " end", 0, growth) != OUTRIDER_OK ||
      send_head(exchange, OUTRIDER_EVENT_TRAILERS, 0, 0, growth) != OUTRIDER_OK)
    send_abort(exchange, growth);
}

static void by_functions(outrider_exchange exchange) {
  const outrider_field field = outrider_field_of("x-sized", "yes");
  if (host->send_informational(host, exchange, 103, &field, 1) < 0 ||
      host->send_start(host, exchange, 200, &field, 1, OUTRIDER_TRAILERS_FOLLOW) != OUTRIDER_OK ||
      host->send_body(host, exchange, outrider_text("body "), 1) != OUTRIDER_OK || send_file(exchange, 0) != OUTRIDER_OK ||
      host->send_body(host, exchange, outrider_text(" end"), 0) != OUTRIDER_OK ||
      host->send_trailers(host, exchange, &field, 1) != OUTRIDER_OK)
    host->send_abort(host, exchange, OUTRIDER_E_FAILED);
}

static void refused(outrider_exchange exchange) {
  char text[128];
  const outrider_status statuses[] = {send_head(exchange, OUTRIDER_EVENT_INFORMATIONAL, 103, 0, -8),
                                      send_head(exchange, OUTRIDER_EVENT_START, 200, 0, -8),
                                      send_body(exchange, "body", 1, -8),
                                      send_file(exchange, -8),
                                      send_head(exchange, OUTRIDER_EVENT_TRAILERS, 0, 0, -8),
                                      send_response(exchange, "small", -8),
                                      send_abort(exchange, -8)};
  int size = 0;
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
    size += snprintf(text + size, sizeof text - (size_t)size, "%d ", statuses[i]);
  send_response(exchange, text, 0);
}

static outrider_status open(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  (void)state, (void)self;
  const int growth = head->query.size ? atoi(head->query.data) : 0; /* the head's text goes on behind it */
  const char path = head->path.size > 1 ? head->path.data[1] : 0;
  if (path == 'e' && head->path.size == strlen("/events")) by_events(exchange, growth);
  else if (path == 's') refused(exchange);
  else if (path == 'f') by_functions(exchange);
  else if (path == 'w') host->send_response(host, exchange, 200, NULL, 0, outrider_text("whole"));
  else if (path == 'a') host->send_abort(host, exchange, OUTRIDER_E_FAILED);
  else {
    char text[128];
    int size = 0;
    for (int i = 0; i < 3; i++)
      size += snprintf(text + size, sizeof text - (size_t)size, "%s %d\n", defined[i],
                       trace(host, exchange, sized(OUTRIDER_TRACE_SIZE_1_0, growths[i])));
    return host->send_response(host, exchange, 200, NULL, 0, (outrider_bytes){text, (size_t)size});
  }
  return OUTRIDER_OK;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)self, (void)exchange, (void)event;
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)self, (void)exchange;
}

static outrider_status load(const outrider_host *table, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  static const char *const names[] = {"small_total", "right_total", "large_total"};
  (void)info, (void)state, (void)error;
  host = table;
  for (int i = 0; i < 3; i++)
    snprintf(defined[i], sizeof defined[i], "%d %d", define(host, names[i], sized(OUTRIDER_METRIC_SIZE_1_0, growths[i])),
             date(host, sized(OUTRIDER_CONFIG_DATE_SIZE_1_0, growths[i])));
  return OUTRIDER_OK;
}

const outrider_plugin *outrider_plugin_v1(const outrider_host *table) {
  static const outrider_plugin plugin = {.abi = OUTRIDER_ABI_VERSION,
                                         .abi_required = OUTRIDER_ABI(1, 0),
                                         .name = "sizes",
                                         .version = "1.0",
                                         .load = load,
                                         .open = open,
                                         .on_event = on_event,
                                         .close = close_exchange};
  const char *growth = getenv("SIZES_DESCRIPTOR");
  (void)table;
  return guarded(&plugin, sizeof plugin, sized(OUTRIDER_PLUGIN_SIZE_1_0, growth ? atoi(growth) : 0));
}
