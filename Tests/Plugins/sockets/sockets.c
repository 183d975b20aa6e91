/* outrider.websocket/1: each path is one way to use a WebSocket. What has no handshake gets 426, or 404. */
#include <outrider/websocket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { /* of an entry */
  const outrider_host *host;
  const outrider_websocket *websocket;
} sockets;

typedef struct { /* of an exchange; malloc'ed in open(), freed in close() */
  const outrider_head *head;
  int sends_flood;
  uint32_t sent;
} visit;

static int is(const outrider_head *head, const char *path) {
  return head->path.size == strlen(path) && memcmp(head->path.data, path, head->path.size) == 0;
}

static void say(const sockets *own, outrider_exchange exchange, const char *text) {
  own->host->log(own->host, exchange, OUTRIDER_LOG_INFO, outrider_text(text));
}

static outrider_status refuse(const sockets *own, outrider_exchange exchange, uint32_t status) {
  return outrider_send_response(own->host, exchange, status, NULL, 0, outrider_text("no WebSocket\n"));
}

static outrider_status accept_it(const sockets *own, outrider_exchange exchange, const visit *visit) {
  const outrider_field fields[] = {outrider_field_of("x-hall", "main")};
  outrider_websocket_options options = {.size = sizeof options, .fields = fields, .n_fields = 1};
  if (is(visit->head, "/parts")) options.flags = OUTRIDER_WEBSOCKET_PARTS;
  if (is(visit->head, "/subprotocol")) options.subprotocol = visit->head->query;
  outrider_status status = own->websocket->accept(own->host, exchange, &options);
  if (status < 0) return status;
  if (is(visit->head, "/refused-twice") && own->websocket->accept(own->host, exchange, NULL) != OUTRIDER_E_STATE)
    return OUTRIDER_E_FAILED;
  if (is(visit->head, "/greets")) own->websocket->text(own->host, exchange, outrider_text("welcome"));
  if (is(visit->head, "/closes"))
    return own->websocket->close(own->host, exchange, (uint32_t)atoi(visit->head->query.data), outrider_text("as asked"));
  return is(visit->head, "/deaf") ? OUTRIDER_OK : own->host->receive(own->host, exchange, 1);
}

static void accept_later(void *context, outrider_status why) {
  struct late { const sockets *own; const visit *visit; outrider_exchange exchange; } *late = context;
  if (why == OUTRIDER_OK) accept_it(late->own, late->exchange, late->visit);
  free(late);
}

static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  const sockets *own = state;
  if (!(head->flags & OUTRIDER_HEAD_WEBSOCKET)) {
    const outrider_status accepted = own->websocket->accept(own->host, exchange, NULL);
    return refuse(own, exchange, accepted == OUTRIDER_E_INVALID ? 426 : 500);
  }
  if (is(head, "/denied")) return refuse(own, exchange, 403);
  visit *made = calloc(1, sizeof *made);
  if (!made) return OUTRIDER_E_IO;
  made->head = head;
  *self = made;
  if (is(head, "/later")) {
    struct late { const sockets *own; const visit *visit; outrider_exchange exchange; } *late = malloc(sizeof *late);
    uint64_t id;
    if (!late) return OUTRIDER_E_IO;
    late->own = own, late->visit = made, late->exchange = exchange;
    return own->host->after(own->host, exchange, 50 * 1000 * 1000, accept_later, late, &id);
  }
  outrider_status status = accept_it(own, exchange, made);
  if (status < 0) free(made), *self = NULL;
  return status;
}

/* Messages of 1,000 bytes until the host asks to wait. */
static void flood(const sockets *own, outrider_exchange exchange, visit *visit) {
  char text[1000];
  while (visit->sent < 2000) {
    memset(text, 'x', sizeof text);
    snprintf(text, sizeof text, "%u", visit->sent);
    const outrider_status status = own->websocket->binary(own->host, exchange, (outrider_bytes){text, sizeof text});
    if (status < 0) return;
    visit->sent++;
    if (status == OUTRIDER_PAUSE) return;
  }
  own->websocket->close(own->host, exchange, OUTRIDER_WEBSOCKET_NORMAL, outrider_text("that is all"));
}

static void message(const sockets *own, outrider_exchange exchange, visit *visit, const outrider_body_event *event) {
  if (is(visit->head, "/flood")) {
    visit->sends_flood = 1;
    flood(own, exchange, visit);
    return;
  }
  if (is(visit->head, "/count")) {
    char text[64];
    snprintf(text, sizeof text, "%s %zu", event->flags & OUTRIDER_WEBSOCKET_TEXT ? "text" : "binary", event->bytes.size);
    own->websocket->text(own->host, exchange, outrider_text(text));
  } else {
    const outrider_body_event echo = {.size = sizeof echo,
                                      .type = OUTRIDER_EVENT_WEBSOCKET_MESSAGE,
                                      .bytes = event->bytes,
                                      .more = event->more,
                                      .flags = event->flags};
    own->host->send(own->host, exchange, (const outrider_event *)&echo);
  }
  own->host->receive(own->host, exchange, 1);
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  const sockets *own = state;
  visit *visit = self;
  char text[256];
  switch (event->type) {
  case OUTRIDER_EVENT_WEBSOCKET_MESSAGE: message(own, exchange, visit, (const outrider_body_event *)event); break;
  case OUTRIDER_EVENT_WEBSOCKET_CLOSE: {
    const outrider_websocket_close_event *close = (const outrider_websocket_close_event *)event;
    snprintf(text, sizeof text, "closed %u by %s: %.*s", close->code, close->by_host ? "the host" : "the client",
             (int)close->reason.size, close->reason.data ? close->reason.data : "");
    say(own, exchange, text);
    break;
  }
  case OUTRIDER_EVENT_RESUME:
    if (visit->sends_flood) flood(own, exchange, visit);
    break;
  case OUTRIDER_EVENT_DISCONNECT: say(own, exchange, "the client has left"); break;
  case OUTRIDER_EVENT_DRAINING: say(own, exchange, "the worker drains"); break;
  default: break;
  }
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)exchange;
  free(self);
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)error;
  static sockets entries[4];
  static int n;
  if (n == 4) return OUTRIDER_E_LIMIT;
  sockets *own = &entries[n++];
  own->host = host;
  own->websocket = host->extension(host, OUTRIDER_WEBSOCKET);
  *state = own;
  return own->websocket && own->websocket->size >= sizeof *own->websocket ? OUTRIDER_OK : OUTRIDER_E_UNSUPPORTED;
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "sockets",
                                       .version = "1",
                                       .load = load,
                                       .open = open_exchange,
                                       .on_event = on_event,
                                       .close = close_exchange};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
