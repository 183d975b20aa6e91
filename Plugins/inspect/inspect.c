/* inspect: responds to every request with the host's view of it, as one JSON object. Event style.
 *
 *     {"method": …, "target": …, "version": "HTTP/1.1", "scheme": …, "authority": …, "client": …, "path": …,
 *      "query": …, "mount": …, "request_id": …, "tls": true, "tls_subject": …, "headers": [[name, value], …], "body_b64": …,
 *      "trailers": [[name, value], …]}
 *
 * headers and trailers are in the order received. Bytes outside printable ASCII are written as latin-1, \u00XX. The
 * whole body is collected, up to BODY_LIMIT; a longer one gets 413.
 */
#include "../demo_pages/json.h"

#define BODY_LIMIT ((size_t)64 << 20)
#define TOO_LONG "The body is longer than 64 MiB\n"
#define FIRST_CAPACITY ((size_t)16 << 10)

/* A request whose body is being collected. [malloc'ed in open(), freed in close()] */
typedef struct visit {
  const outrider_host *host;
  const outrider_head *head;
  outrider_exchange exchange;
  char *body; /* malloc'ed */
  size_t size, capacity;
  int answered;
} visit;

/* ---- The report ------------------------------------------------------------------------------------------------ */

/* RFC 4648 section 4. */
static void write_base64(json_text *json, outrider_bytes bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (!json_reserve(json, (bytes.size + 2) / 3 * 4)) return;
  char *out = json->data + json->size;
  const unsigned char *in = (const unsigned char *)bytes.data;
  for (size_t left = bytes.size; left > 0;) {
    size_t taken = left < 3 ? left : 3;
    uint32_t group = (uint32_t)in[0] << 16;
    if (taken > 1) group |= (uint32_t)in[1] << 8;
    if (taken > 2) group |= in[2];
    *out++ = digits[group >> 18];
    *out++ = digits[group >> 12 & 63];
    *out++ = taken > 1 ? digits[group >> 6 & 63] : '=';
    *out++ = taken > 2 ? digits[group & 63] : '=';
    in += taken;
    left -= taken;
  }
  json->size = (size_t)(out - json->data);
}

static void write_member(json_text *json, const char *separator, const char *name, outrider_bytes value) {
  json_literal(json, separator);
  json_string(json, outrider_text(name));
  json_literal(json, ": ");
  json_string(json, value);
}

static void write_fields(json_text *json, const char *name, const outrider_field *fields, size_t n) {
  json_literal(json, ", ");
  json_string(json, outrider_text(name));
  json_literal(json, ": [");
  for (size_t i = 0; i < n; i++) {
    json_literal(json, i ? ", [" : "[");
    json_string(json, fields[i].name);
    json_literal(json, ", ");
    json_string(json, fields[i].value);
    json_literal(json, "]");
  }
  json_literal(json, "]");
}

static void write_report(json_text *json, const outrider_head *head, outrider_bytes body,
                         const outrider_field *trailers, size_t n_trailers) {
  write_member(json, "{", "method", head->method);
  write_member(json, ", ", "target", head->target);
  write_member(json, ", ", "version", text_http_version(head));
  write_member(json, ", ", "scheme", head->scheme);
  write_member(json, ", ", "authority", head->authority);
  write_member(json, ", ", "client", head->client_address);
  write_member(json, ", ", "path", head->path);
  write_member(json, ", ", "query", head->query);
  write_member(json, ", ", "mount", head->mount);
  write_member(json, ", ", "request_id", head->request_id);
  json_literal(json, head->flags & OUTRIDER_HEAD_TLS ? ", \"tls\": true" : ", \"tls\": false");
  write_member(json, ", ", "tls_subject", head->tls_subject);
  write_fields(json, "headers", head->fields, head->n_fields);
  json_literal(json, ", \"body_b64\": \"");
  write_base64(json, body);
  json_literal(json, "\"");
  write_fields(json, "trailers", trailers, n_trailers);
  json_literal(json, "}\n");
}

/* The host takes the report; after a refusal it is still ours. */
static outrider_status answer(const outrider_host *host, outrider_exchange exchange, const outrider_head *head,
                              outrider_bytes body, const outrider_field *trailers, size_t n_trailers) {
  static const outrider_field content_type = {TEXT("content-type"), TEXT("application/json")};
  json_text json = {0};
  write_report(&json, head, body, trailers, n_trailers);
  outrider_status status = OUTRIDER_E_LIMIT;
  if (!json.failed) {
    const outrider_response_event event = {
        .size = sizeof event,
        .type = OUTRIDER_EVENT_RESPONSE,
        .status = 200,
        .fields = &content_type,
        .n_fields = 1,
        .body = {json.data, json.size},
        .release = free,
        .context = json.data,
    };
    status = host->send(host, exchange, (const outrider_event *)&event);
  }
  if (status < 0) json_free(&json);
  return status;
}

/* ---- The body -------------------------------------------------------------------------------------------------- */

static void refuse(visit *visit, uint32_t status, const char *reason) {
  visit->answered = 1;
  outrider_send_response(visit->host, visit->exchange, status, NULL, 0, outrider_text(reason));
}

static void finish(visit *visit, const outrider_field *trailers, size_t n_trailers) {
  visit->answered = 1;
  outrider_bytes body = {visit->body, visit->size};
  if (answer(visit->host, visit->exchange, visit->head, body, trailers, n_trailers) < 0)
    refuse(visit, 500, "The report could not be sent\n");
}

/* True if the bytes could be added; if not, a response has been sent. */
static int collect(visit *visit, outrider_bytes bytes) {
  if (bytes.size > BODY_LIMIT - visit->size) {
    refuse(visit, 413, TOO_LONG);
    return 0;
  }
  if (bytes.size > visit->capacity - visit->size) {
    size_t capacity = visit->capacity ? visit->capacity * 2 : FIRST_CAPACITY;
    while (capacity < visit->size + bytes.size) capacity *= 2;
    char *body = realloc(visit->body, capacity);
    if (!body) {
      refuse(visit, 503, "No memory for the body\n");
      return 0;
    }
    visit->body = body;
    visit->capacity = capacity;
  }
  if (bytes.size) memcpy(visit->body + visit->size, bytes.data, bytes.size);
  visit->size += bytes.size;
  return 1;
}

static void on_request(visit *visit, const outrider_body_event *event) {
  if (!collect(visit, event->bytes)) return;
  if (event->more) {
    if (visit->host->receive(visit->host, visit->exchange, 1) < 0) refuse(visit, 500, "The body ended early\n");
  } else if (!(event->flags & OUTRIDER_TRAILERS_FOLLOW)) {
    finish(visit, NULL, 0);
  }
}

/* ---- Hooks ----------------------------------------------------------------------------------------------------- */

static outrider_status open_visit(const outrider_host *host, outrider_exchange exchange, const outrider_head *head,
                                  void **self) {
  visit *opened = malloc(sizeof *opened);
  if (!opened) return OUTRIDER_E_LIMIT;
  *opened = (visit){.host = host, .head = head, .exchange = exchange};
  outrider_status status = host->receive(host, exchange, 1);
  if (status < 0)
    free(opened); /* there will be no close() */
  else
    *self = opened;
  return status;
}

static outrider_status open(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  *self = NULL;
  if (head->content_length > (int64_t)BODY_LIMIT)
    return outrider_send_response(state, exchange, 413, NULL, 0, outrider_text(TOO_LONG));
  if (head->flags & OUTRIDER_HEAD_HAS_BODY) return open_visit(state, exchange, head, self);
  return answer(state, exchange, head, (outrider_bytes){NULL, 0}, NULL, 0);
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state;
  visit *visit = self;
  (void)exchange;
  if (!visit || visit->answered) return;
  if (event->type == OUTRIDER_EVENT_REQUEST) {
    on_request(visit, (const outrider_body_event *)event);
  } else if (event->type == OUTRIDER_EVENT_REQUEST_TRAILERS) {
    const outrider_head_event *trailers = (const outrider_head_event *)event;
    finish(visit, trailers->fields, trailers->n_fields);
  }
}

static void close(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)exchange;
  visit *visit = self;
  if (!visit) return;
  free(visit->body);
  free(visit);
}

/* The host's table is the only state. */
static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)error;
  *state = (void *)host;
  return OUTRIDER_OK;
}

static const outrider_plugin plugin = {
    .size = sizeof plugin,
    .abi = OUTRIDER_ABI_VERSION,
    .abi_required = OUTRIDER_ABI(1, 0),
    .name = "inspect",
    .version = "1.0",
    .load = load,
    .open = open,
    .on_event = on_event,
    .close = close,
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
