/* endings: a plugin for tests whose responses end in every way, each with content of its own.
 *
 *     /?tag=SIXTEEN_BYTES_OF&size=N[&length=N][&via=lent|file][&end=abort|later|wait]
 *
 * The content is the tag, repeated up to N bytes, so that each byte shows which response it belongs to. length: announce
 * the length in a Content-Length. via: send it in one event from memory of the plugin (event style), or from the file in
 * the working directory whose name is the tag. end: abort once the bytes are handed over, or when the request's body
 * comes; or wait until the host ends it. Built with -DEVENT_STYLE it is an event-style plugin, else a blocking one.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <outrider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TAG 16
#define PIECE 16384 /* a multiple of TAG */
#define PATIENCE 5000 /* milliseconds after which a handler that waits for its end gives up */

typedef struct visit {
  const outrider_host *host;
  outrider_exchange exchange;
  char tag[TAG + 1], via[8], end[8];
  size_t size, sent;
  char piece[PIECE];
} visit;

/* ---- What is asked for ------------------------------------------------------------------------------------------ */

/* The value of name in the query; empty if there is none. */
static void query_text(const outrider_head *head, const char *name, char *value, size_t capacity) {
  const char *at = head->query.data, *end = at + head->query.size;
  const size_t length = strlen(name);
  size_t size = 0;
  while (at < end && !((size_t)(end - at) > length && memcmp(at, name, length) == 0 && at[length] == '=')) {
    at = memchr(at, '&', (size_t)(end - at));
    at = at ? at + 1 : end;
  }
  if (at < end)
    for (at += length + 1; at < end && *at != '&' && size + 1 < capacity; at++) value[size++] = *at;
  value[size] = 0;
}

static void read_query(visit *visit, const outrider_head *head, char *length, size_t capacity) {
  char size[24];
  query_text(head, "tag", visit->tag, sizeof visit->tag);
  query_text(head, "via", visit->via, sizeof visit->via);
  query_text(head, "end", visit->end, sizeof visit->end);
  query_text(head, "size", size, sizeof size);
  query_text(head, "length", length, capacity);
  visit->size = strtoul(size, NULL, 10);
  for (size_t i = 0; i < PIECE; i++) visit->piece[i] = visit->tag[i % TAG];
}

static int is(const char *word, const char *other) { return strcmp(word, other) == 0; }

static outrider_bytes next_piece(const visit *visit) {
  const size_t left = visit->size - visit->sent;
  return (outrider_bytes){visit->piece, left < PIECE ? left : PIECE};
}

#ifdef EVENT_STYLE

/* ---- Event style ------------------------------------------------------------------------------------------------ */

static void close_file(void *context) { close((int)(intptr_t)context); }

/* A file that does not last: the sender sees that. */
static outrider_status send_file(visit *visit) {
  const int fd = open(visit->tag, O_RDONLY | O_CLOEXEC);
  const outrider_file_event event = {.size = sizeof event,
                                     .type = OUTRIDER_EVENT_FILE,
                                     .fd = fd,
                                     .length = visit->size,
                                     .release = close_file,
                                     .context = (void *)(intptr_t)fd};
  if (fd < 0) return OUTRIDER_E_IO;
  const outrider_status status = visit->host->send(visit->host, visit->exchange, (const outrider_event *)&event);
  if (status < 0) close(fd);
  return status;
}

static outrider_status send_piece(visit *visit, outrider_bytes piece, void (*release)(void *)) {
  const outrider_body_event event = {.size = sizeof event,
                                     .type = OUTRIDER_EVENT_BODY,
                                     .bytes = piece,
                                     .more = *visit->end || visit->sent + piece.size < visit->size,
                                     .release = release,
                                     .context = (void *)piece.data};
  const outrider_status status = visit->host->send(visit->host, visit->exchange, (const outrider_event *)&event);
  if (status >= 0) visit->sent += piece.size;
  return status;
}

static outrider_status lend_whole(visit *visit) {
  char *whole = malloc(visit->size + 1);
  if (!whole) return OUTRIDER_E_LIMIT;
  for (size_t i = 0; i < visit->size; i++) whole[i] = visit->tag[i % TAG];
  const outrider_status status = send_piece(visit, (outrider_bytes){whole, visit->size}, free);
  if (status < 0) free(whole);
  return status;
}

/* As much as there is room for; the rest at RESUME. Giving up does not wait for that. */
static void pour(visit *visit) {
  outrider_status status = OUTRIDER_OK;
  if (is(visit->via, "lent") && visit->sent == 0) lend_whole(visit);
  while (visit->sent < visit->size && status >= 0 && status != OUTRIDER_PAUSE)
    status = send_piece(visit, next_piece(visit), NULL);
  if (is(visit->end, "abort")) outrider_send_abort(visit->host, visit->exchange, 0);
}

static outrider_status open_visit(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  char length[24];
  visit *visit = calloc(1, sizeof *visit);
  *self = visit;
  if (!visit) return OUTRIDER_E_LIMIT;
  visit->host = state;
  visit->exchange = exchange;
  read_query(visit, head, length, sizeof length);
  const outrider_field content_length = outrider_field_of("content-length", length);
  outrider_status status = outrider_send_start(visit->host, exchange, 200, &content_length, *length != 0);
  if (status >= 0) {
    if (is(visit->via, "file")) status = send_file(visit);
    else pour(visit);
    if (is(visit->end, "later")) visit->host->receive(visit->host, exchange, 1);
  }
  if (status < 0) free(visit); /* there will be no close() */
  return status;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)exchange;
  visit *visit = self;
  if (event->type == OUTRIDER_EVENT_RESUME) pour(visit);
  if (event->type == OUTRIDER_EVENT_REQUEST) outrider_send_abort(visit->host, visit->exchange, 0);
}

static void close_visit(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)exchange;
  free(self);
}

#else

/* ---- Blocking style --------------------------------------------------------------------------------------------- */

static outrider_status send_file(const visit *visit, const outrider_io *io) {
  const int fd = open(visit->tag, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return OUTRIDER_E_IO;
  const outrider_status status = io->sendfile(io, visit->exchange, fd, 0, visit->size);
  close(fd);
  return status;
}

static outrider_status pour(visit *visit, const outrider_io *io) {
  outrider_status status = OUTRIDER_OK;
  while (visit->sent < visit->size && status >= 0) {
    const outrider_bytes piece = next_piece(visit);
    status = io->write(io, visit->exchange, &piece, 1);
    visit->sent += piece.size;
  }
  return status;
}

static outrider_status wait_for_end(const visit *visit) {
  outrider_status why = OUTRIDER_OK;
  for (int waited = 0; !why && waited < PATIENCE; waited += 5) {
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    why = visit->host->cancelled(visit->host, visit->exchange);
  }
  return why;
}

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  char length[24];
  visit visit = {.host = state, .exchange = exchange};
  read_query(&visit, head, length, sizeof length);
  const outrider_field content_length = outrider_field_of("content-length", length);
  outrider_status status = io->start(io, exchange, 200, &content_length, *length != 0);
  if (status >= 0) status = is(visit.via, "file") ? send_file(&visit, io) : pour(&visit, io);
  if (status >= 0 && is(visit.end, "wait")) status = wait_for_end(&visit);
  if (status >= 0 && is(visit.end, "later")) {
    char byte;
    size_t got;
    status = io->read(io, exchange, &byte, 1, &got);
  }
  return is(visit.end, "abort") || is(visit.end, "later") ? OUTRIDER_E_IO : status;
}

#endif

/* ---- The plugin ------------------------------------------------------------------------------------------------- */

static const outrider_plugin plugin = {
    .size = sizeof plugin,
    .abi = OUTRIDER_ABI_VERSION,
    .abi_required = OUTRIDER_ABI(1, 0),
    .capabilities = OUTRIDER_THREAD_SAFE,
    .version = "1.0",
#ifdef EVENT_STYLE
    .name = "endings_event",
    .open = open_visit,
    .on_event = on_event,
    .close = close_visit,
#else
    .name = "endings_blocking",
    .handle = handle,
#endif
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
