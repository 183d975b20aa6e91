/* request.c: requests as a plugin sees them, and the client's side of an exchange. */
#include "mock.h"

#include <stdio.h>

/* ---- The head ---------------------------------------------------------------------------------------------------------- */

static int hex(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Decodes in place; -1 for input that the server refuses: a % without two digits, and %00. */
static ssize_t percent_decode(char *path, size_t size) {
  size_t written = 0;
  for (size_t i = 0; i < size; i++) {
    char byte = path[i];
    if (byte == '%') {
      if (i + 2 >= size || hex(path[i + 1]) < 0 || hex(path[i + 2]) < 0) return -1;
      byte = (char)(hex(path[i + 1]) << 4 | hex(path[i + 2]));
      if (byte == 0) return -1;
      i += 2;
    }
    path[written++] = byte;
  }
  return (ssize_t)written;
}

/* Removes dot segments in place (RFC 3986 section 5.2.4); -1 if a segment leads above the root. */
static ssize_t remove_dot_segments(char *path, size_t size) {
  size_t written = 0, read = 0;
  while (read < size) {
    size_t end = read + 1;
    while (end < size && path[end] != '/') end++;
    const size_t length = end - read - 1;
    const bool is_dots = length > 0 && length <= 2 && path[read + 1] == '.' && path[end - 1] == '.';
    if (is_dots) {
      if (length == 2) {
        if (written == 0) return -1;
        do written--;
        while (path[written] != '/');
      }
      if (end == size) path[written++] = '/';
    } else {
      memmove(path + written, path + read, end - read);
      written += end - read;
    }
    read = end;
  }
  return (ssize_t)written;
}

static char *keep_text(outrider_mock_exchange *exchange, char *text) {
  for (size_t i = 0; i < sizeof exchange->texts / sizeof *exchange->texts; i++) {
    if (exchange->texts[i]) continue;
    exchange->texts[i] = text;
    break;
  }
  return text;
}

/* Sets path, query, and the path below the mount; false if the server refuses the target. */
static bool set_target(outrider_mock_exchange *exchange, outrider_head *head, const char *text) {
  const outrider_mock *mock = exchange->mock;
  char *target = keep_text(exchange, mock_copy(text, strlen(text)));
  head->target = outrider_text(target);
  const char *start = target;
  if (strncmp(target, "http://", 7) == 0 || strncmp(target, "https://", 8) == 0) {
    start = strchr(target, ':') + 3;
    start += strcspn(start, "/?");
  }
  const size_t path_size = strcspn(start, "?");
  head->query = outrider_text(start[path_size] ? start + path_size + 1 : start + path_size);
  if (path_size == 1 && *start == '*') {
    head->raw_path = head->path = outrider_text("*");
    return bytes_equal_text(head->method, "OPTIONS") && mock->mount[0] == 0;
  }
  if (path_size > 0 && *start != '/') return false;
  head->raw_path = path_size ? (outrider_bytes){start, path_size} : outrider_text("/");
  char *path = keep_text(exchange, mock_copy(head->raw_path.data, head->raw_path.size));
  ssize_t size = percent_decode(path, head->raw_path.size);
  if (size >= 0) size = remove_dot_segments(path, (size_t)size);
  if (size < 0) return false;
  const size_t mount_size = strlen(mock->mount);
  if ((size_t)size < mount_size || memcmp(path, mock->mount, mount_size) != 0) return false;
  head->mount = outrider_text(mock->mount);
  head->path = (outrider_bytes){path + mount_size, (size_t)size - mount_size};
  if (mount_size > 0 && (size_t)size == mount_size) {
    head->path = outrider_text("/");
    head->flags |= OUTRIDER_HEAD_BARE_MOUNT;
  }
  return head->path.size > 0 && head->path.data[0] == '/';
}

static void add_field(outrider_field *fields, size_t *n, const char *name, const char *value) {
  fields[(*n)++] = outrider_field_of(name, value);
}

/* Sets the fields that the plugin sees. The mock adds Host and the framing fields. */
static void set_fields(outrider_mock_exchange *exchange, outrider_head *head, const outrider_mock_request *request) {
  outrider_field *fields = mock_allocate((request->n_fields + 3) * sizeof *fields);
  const bool is_http2 = head->http_version == OUTRIDER_HTTP_2;
  char length[24];
  size_t n = 0;
  if (!is_http2) add_field(fields, &n, "Host", head->authority.data);
  for (size_t i = 0; i < request->n_fields; i++) {
    fields[n++] = request->fields[i];
    const outrider_bytes value = request->fields[i].value;
    if (bytes_equal_text(request->fields[i].name, "te") && bytes_equal_text(value, "trailers")) exchange->accepts_trailers = true;
  }
  if (exchange->body_length > 0 || (exchange->body_length == 0 && head->flags & OUTRIDER_HEAD_HAS_BODY)) {
    snprintf(length, sizeof length, "%lld", (long long)exchange->body_length);
    add_field(fields, &n, is_http2 ? "content-length" : "Content-Length", length);
  } else if (head->flags & OUTRIDER_HEAD_HAS_BODY && !is_http2) {
    add_field(fields, &n, "Transfer-Encoding", "chunked");
  }
  exchange->fields = section_copy(0, fields, n);
  free(fields);
  head->fields = n ? exchange->fields.fields : NULL;
  head->n_fields = n;
}

static void set_body(outrider_mock_exchange *exchange, outrider_head *head, const outrider_mock_request *request) {
  const bool follows = request->flags & OUTRIDER_MOCK_BODY_FOLLOWS;
  exchange->is_chunked = request->flags & OUTRIDER_MOCK_CHUNKED || (follows && request->content_length == 0);
  exchange->body_ended = !follows;
  exchange->body_length = exchange->is_chunked ? -1 : follows ? request->content_length : (int64_t)request->body.size;
  exchange->piece = request->piece;
  buffer_append(&exchange->body, request->body.data, request->body.size);
  if (exchange->is_chunked || exchange->body_length > 0) head->flags |= OUTRIDER_HEAD_HAS_BODY;
  head->content_length = head->flags & OUTRIDER_HEAD_HAS_BODY ? exchange->body_length : -1;
  if (exchange->is_chunked && !follows) exchange->trailers = section_copy(0, request->trailers, request->n_trailers);
}

static void set_tls(outrider_mock_exchange *exchange, const outrider_head *head) {
  exchange->tls = mock_structure(exchange->mock, sizeof *exchange->tls, OUTRIDER_TLS_SIZE_1_0);
  exchange->tls->version = outrider_text("TLSv1.3");
  exchange->tls->cipher = outrider_text("TLS_AES_128_GCM_SHA256");
  exchange->tls->server_name = head->authority;
  exchange->tls->alpn = outrider_text(head->http_version == OUTRIDER_HTTP_2 ? "h2" : "http/1.1");
}

static bool set_head(outrider_mock_exchange *exchange, const outrider_mock_request *request) {
  outrider_mock *mock = exchange->mock;
  outrider_head *head = exchange->head = mock_structure(mock, sizeof *head, OUTRIDER_HEAD_SIZE_1_0);
  const bool is_tls = request->flags & OUTRIDER_MOCK_TLS, is_proxied = request->flags & OUTRIDER_MOCK_PROXIED;
  const char *method = request->method ? request->method : "GET";
  const char *authority = request->authority ? request->authority : "localhost";
  char id[40];
  head->http_version = request->http_version ? request->http_version : OUTRIDER_HTTP_1_1;
  head->method = outrider_text(keep_text(exchange, mock_copy(method, strlen(method))));
  head->scheme = outrider_text(is_tls ? "https" : "http");
  head->authority = outrider_text(keep_text(exchange, mock_copy(authority, strlen(authority))));
  head->client_address = head->server_address = outrider_text("127.0.0.1");
  head->client_port = 50000;
  head->server_port = is_tls ? 8443 : 8000;
  snprintf(id, sizeof id, "mock-%zu", mock->n_exchanges);
  head->request_id = outrider_text(keep_text(exchange, mock_copy(id, strlen(id))));
  head->deadline_ns = mock->settings.request_timeout_ns ? mock->now + mock->settings.request_timeout_ns : 0;
  exchange->state.is_head = strcmp(method, "HEAD") == 0;
  exchange->state.version = head->http_version;
  exchange->state.bounds = BOUND_OPEN;
  exchange->state.max_hints = mock->settings.max_hints;
  exchange->state.max_hint_bytes = mock->settings.max_hint_bytes;
  exchange->state.hints_allowed = head->http_version != OUTRIDER_HTTP_1_0 && !(request->flags & OUTRIDER_MOCK_NO_HINTS) &&
                                  (head->http_version == OUTRIDER_HTTP_2 || !is_proxied);
  exchange->is_slow = request->flags & OUTRIDER_MOCK_SLOW;
  exchange->wait = request->wait;
  exchange->wait_context = request->wait_context;
  if (is_tls) head->flags |= OUTRIDER_HEAD_TLS;
  if (is_proxied) head->flags |= OUTRIDER_HEAD_PROXIED;
  if (exchange->state.is_head) head->flags |= OUTRIDER_HEAD_HEAD_ONLY;
  if (exchange->state.hints_allowed) head->flags |= OUTRIDER_HEAD_MAY_HINT;
  set_body(exchange, head, request);
  set_fields(exchange, head, request);
  if (exchange->accepts_trailers) head->flags |= OUTRIDER_HEAD_ACCEPTS_TRAILERS;
  if (is_tls) set_tls(exchange, head);
  return set_target(exchange, head, request->target ? request->target : "/");
}

/* ---- Serving ------------------------------------------------------------------------------------------------------------- */

static void run_handler(outrider_mock_exchange *exchange) {
  outrider_mock *mock = exchange->mock;
  const outrider_exchange handle = {exchange->id};
  exchange->handler = pthread_self();
  exchange->in_handler = true;
  mock_unlock(mock);
  const outrider_status status = mock->plugin.handle(mock->state, mock->thread, handle, exchange->head, mock->io);
  mock_lock(mock);
  const outrider_status refusal = exchange_refusal(exchange);
  const bool has_head = exchange->state.phase != AWAITING_HEAD;
  const bool is_overdue = exchange->head->deadline_ns && mock->now >= exchange->head->deadline_ns;
  if (has_head && exchange->state.phase != COMPLETE) {
    if (refusal || status < 0)
      answer_cut(exchange); /* what was interrupted must not look complete */
    else
      answer_finish(exchange);
  } else if (!has_head && !exchange->client_left) {
    if (exchange->page_due)
      exchange->page = 413;
    else
      exchange->page = is_overdue || status == OUTRIDER_E_CANCELLED || refusal == OUTRIDER_E_CANCELLED ? 504 : 500;
  }
  exchange->in_handler = false;
  const bool is_whole = exchange->state.phase == COMPLETE && !exchange->is_cut && output_is_empty(exchange) && has_head;
  const bool left = exchange->client_left;
  if (is_whole) exchange->client_left = false; /* it has it all */
  exchange_finish(exchange);
  exchange->client_left = left;
}

static void open_exchange(outrider_mock_exchange *exchange) {
  outrider_mock *mock = exchange->mock;
  const outrider_exchange handle = {exchange->id};
  mock_unlock(mock);
  const outrider_status status = mock->plugin.open(mock->state, handle, exchange->head, &exchange->self);
  mock_lock(mock);
  if (status >= 0) {
    exchange->is_opened = true;
    return;
  }
  if (exchange->has_head)
    exchange->is_cut = true;
  else if (!exchange->page && !exchange->is_unanswered)
    exchange->page = status == OUTRIDER_E_CANCELLED || exchange->cancellation == OUTRIDER_E_CANCELLED ? 504 : 500;
  exchange->state.phase = COMPLETE;
  output_release_lent(exchange);
  exchange_finish(exchange);
}

outrider_mock_exchange *outrider_mock_serve(outrider_mock *mock, const outrider_mock_request *request) {
  if (mock->phase != STARTED) return NULL;
  outrider_mock_exchange *exchange = mock_allocate(sizeof *exchange);
  outrider_mock_request known = {0};
  memcpy(&known, request, request->size < sizeof known ? request->size : sizeof known);
  exchange->mock = mock;
  if (!set_head(exchange, &known)) {
    free(exchange->head);
    exchange->head = NULL;
    exchange_free(exchange);
    return NULL;
  }
  mock_lock(mock);
  /* A slot, and a number that no other exchange has had. Like the server's, it is never 0. */
  exchange->id = ((uint64_t)mock->n_exchanges * 2 + 1) << 32 | (mock->n_exchanges + 1);
  mock->exchanges = mock_grow(mock->exchanges, (mock->n_exchanges + 1) * sizeof *mock->exchanges);
  mock->exchanges[mock->n_exchanges++] = exchange;
  const bool prefers_events = mock->settings.model == OUTRIDER_MODEL_ASYNC;
  exchange->is_blocking = mock->plugin.handle && !(prefers_events && mock->plugin.open);
  exchange->is_open = true;
  if (exchange->is_blocking)
    run_handler(exchange);
  else
    open_exchange(exchange);
  mock_unlock(mock);
  outrider_mock_run(mock);
  return exchange;
}

void exchange_free(outrider_mock_exchange *exchange) {
  notes_free(exchange);
  output_discard(exchange);
  free(exchange->head);
  free(exchange->tls);
  for (size_t i = 0; i < sizeof exchange->texts / sizeof *exchange->texts; i++) free(exchange->texts[i]);
  section_free(&exchange->fields);
  section_free(&exchange->trailers);
  section_free(&exchange->final);
  section_free(&exchange->sent_trailers);
  for (size_t i = 0; i < exchange->n_informational; i++) section_free(&exchange->informational[i]);
  free(exchange->informational);
  free(exchange->shown_informational);
  free(exchange->body.bytes);
  free(exchange->wire.bytes);
  free(exchange->content.bytes);
  free(exchange->tags);
  free(exchange);
}

/* ---- The client ------------------------------------------------------------------------------------------------------------ */

size_t exchange_next_piece(outrider_mock_exchange *exchange, size_t limit) {
  size_t size = exchange->body.size - exchange->body_read;
  if (exchange->piece && size > exchange->piece) size = exchange->piece;
  return size > limit ? limit : size;
}

bool exchange_wait(outrider_mock_exchange *exchange) {
  const size_t fed = exchange->body.size, allowed = exchange->allowance, sent = exchange->wire.size;
  const bool ended = exchange->body_ended, left = exchange->client_left;
  const uint64_t now = exchange->mock->now;
  if (!exchange->wait) return false;
  exchange->wait(exchange->wait_context, exchange);
  return fed != exchange->body.size || ended != exchange->body_ended || left != exchange->client_left ||
         allowed != exchange->allowance || sent != exchange->wire.size || now != exchange->mock->now;
}

/* Runs what follows on the loop; inside a handler that happens later. */
static void follow(outrider_mock_exchange *exchange) {
  mock_unlock(exchange->mock);
  if (!exchange->in_handler) outrider_mock_run(exchange->mock);
}

void outrider_mock_feed(outrider_mock_exchange *exchange, outrider_bytes bytes) {
  mock_lock(exchange->mock);
  if (!exchange->body_ended && !exchange->client_left) {
    buffer_append(&exchange->body, bytes.data, bytes.size);
    if (exchange->body_length >= 0 && exchange->body.size >= (size_t)exchange->body_length) exchange->body_ended = true;
  }
  follow(exchange);
}

void outrider_mock_end_body(outrider_mock_exchange *exchange, const outrider_field *trailers, size_t n) {
  mock_lock(exchange->mock);
  if (!exchange->body_ended && !exchange->client_left) {
    exchange->body_ended = true;
    if (exchange->is_chunked) exchange->trailers = section_copy(0, trailers, n);
  }
  follow(exchange);
}

void outrider_mock_leave(outrider_mock_exchange *exchange) {
  mock_lock(exchange->mock);
  exchange->client_left = true;
  if (exchange->is_open && !exchange->cancellation) exchange->cancellation = OUTRIDER_E_CLOSED;
  follow(exchange);
}

void outrider_mock_take(outrider_mock_exchange *exchange, size_t n) {
  mock_lock(exchange->mock);
  exchange->allowance = n > SIZE_MAX - exchange->allowance ? SIZE_MAX : exchange->allowance + n;
  output_transmit(exchange);
  follow(exchange);
}

outrider_exchange outrider_mock_handle(const outrider_mock_exchange *exchange) {
  return (outrider_exchange){exchange->id};
}

/* ---- What it has received ----------------------------------------------------------------------------------------------------- */

const outrider_mock_response *outrider_mock_response_of(outrider_mock_exchange *exchange) {
  mock_lock(exchange->mock);
  exchange->shown_informational =
      mock_grow(exchange->shown_informational, exchange->n_informational * sizeof *exchange->shown_informational);
  for (size_t i = 0; i < exchange->n_informational; i++) {
    const section *section = &exchange->informational[i];
    exchange->shown_informational[i] = (outrider_mock_section){section->status, 0, section->fields, section->n};
  }
  exchange->shown = (outrider_mock_response){
      .size = sizeof exchange->shown,
      .ending = exchange->ending,
      .status = exchange->final.status,
      .fields = exchange->final.fields,
      .n_fields = exchange->final.n,
      .body = {exchange->content.bytes, exchange->content.size},
      .trailers = exchange->sent_trailers.fields,
      .n_trailers = exchange->sent_trailers.n,
      .informational = exchange->shown_informational,
      .n_informational = exchange->n_informational,
      .wire = {exchange->wire.bytes, exchange->wire.size},
  };
  mock_unlock(exchange->mock);
  return &exchange->shown;
}

outrider_bytes outrider_mock_value(const outrider_field *fields, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (bytes_equal_text(fields[i].name, name)) return fields[i].value;
  return (outrider_bytes){NULL, 0};
}
