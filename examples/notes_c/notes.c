/* The notes application (../notes.md) in blocking style: notes in SQLite, server-sent events, uploads. */
#define _GNU_SOURCE /* open_memstream, nanosleep, strndup */
#include "database.h"
#include "json.h"
#include "range.h"
#include "upload.h"

#include <outrider.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MAX_NOTE 65536

/* An entry of the configuration. */
typedef struct {
  const outrider_host *host;
  char *database, *uploads;
} service;

/* A request with what it needs. */
typedef struct {
  service *service;
  database *notes;
  outrider_exchange exchange;
  const outrider_head *head;
  const outrider_io *io;
} call;

#define FIELD(name, value) {OUTRIDER_BYTES(name), OUTRIDER_BYTES(value)}

static const outrider_field json[] = {FIELD("content-type", "application/json")};

static int is(outrider_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

/* Whether the bytes begin with the prefix; *rest is what follows it. */
static int begins(outrider_bytes bytes, const char *prefix, outrider_bytes *rest) {
  const size_t size = strlen(prefix);
  if (bytes.size < size || memcmp(bytes.data, prefix, size) != 0) return 0;
  *rest = (outrider_bytes){bytes.data + size, bytes.size - size};
  return 1;
}

static int is_get(const call *call) { return is(call->head->method, "GET") || is(call->head->method, "HEAD"); }

/* ---- Responses -------------------------------------------------------------------------------------------------- */

static outrider_status respond(const call *call, uint32_t status, const outrider_field *fields, size_t n, outrider_bytes body) {
  return call->io->respond(call->io, call->exchange, status, fields, n, body);
}

/* An error with its reason, and a field besides the media type if there is one. */
static outrider_status respond_error(const call *call, uint32_t status, const char *reason, const outrider_field *more) {
  char body[256];
  const int size = snprintf(body, sizeof body, "{\"error\":\"%s\"}", reason);
  const outrider_field fields[] = {json[0], more ? *more : json[0]};
  return respond(call, status, fields, more ? 2 : 1, (outrider_bytes){body, (size_t)size});
}

static outrider_status not_found(const call *call) { return respond_error(call, 404, "not found", NULL); }

static outrider_status not_allowed(const call *call, const char *methods) {
  const outrider_field allow = outrider_field_of("allow", methods);
  return respond_error(call, 405, "method not allowed", &allow);
}

/* The database has failed: the log says why, and the client gets a 500. */
static outrider_status failed(const call *call) {
  const outrider_host *host = call->service->host;
  host->log(host, call->exchange, OUTRIDER_LOG_ERROR, outrider_text(sqlite3_errmsg(call->notes->connection)));
  return OUTRIDER_E_FAILED;
}

/* ---- Notes ------------------------------------------------------------------------------------------------------ */

static void write_note(FILE *out, int64_t id, const char *text, size_t size) {
  char *quoted = malloc(json_quoted_size(size));
  if (!quoted) return;
  fprintf(out, "{\"id\":%" PRId64 ",\"text\":%.*s}", id, (int)json_quote(text, size, quoted), quoted);
  free(quoted);
}

/* Responds with what was written to the stream, and closes it. */
static outrider_status respond_stream(const call *call, uint32_t status, const outrider_field *fields, size_t n, FILE *out,
                                      char **body, size_t *size) {
  const int is_whole = fclose(out) == 0;
  const outrider_status result =
      is_whole ? respond(call, status, fields, n, (outrider_bytes){*body, *size}) : OUTRIDER_E_FAILED;
  free(*body);
  return result;
}

static outrider_status list_notes(const call *call) {
  static const outrider_field hints[] = {FIELD("link", "</notes.css>; rel=preload; as=style")};
  outrider_early_hints(call->io, call->exchange, hints, 1);
  char *body = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&body, &size);
  if (!out) return OUTRIDER_E_FAILED;
  sqlite3_stmt *list = call->notes->list;
  int step;
  char before = '[';
  for (; (step = sqlite3_step(list)) == SQLITE_ROW; before = ',') {
    fputc(before, out);
    write_note(out, sqlite3_column_int64(list, 0), (const char *)sqlite3_column_text(list, 1),
               (size_t)sqlite3_column_bytes(list, 1));
  }
  sqlite3_reset(list);
  fputs(before == '[' ? "[]" : "]", out);
  if (step == SQLITE_DONE) return respond_stream(call, 200, json, 1, out, &body, &size);
  fclose(out);
  free(body);
  return failed(call);
}

/* Reads the content into buffer, which has room for MAX_NOTE bytes and one more. */
static outrider_status read_content(const call *call, char *buffer, size_t *size) {
  for (*size = 0; *size <= MAX_NOTE;) {
    size_t got;
    const outrider_status status = call->io->read(call->io, call->exchange, buffer + *size, MAX_NOTE + 1 - *size, &got);
    if (status < 0) return status;
    if (got == 0) return OUTRIDER_OK;
    *size += got;
  }
  return OUTRIDER_OK;
}

static outrider_status add_note(const call *call) {
  char content[MAX_NOTE + 1], text[MAX_NOTE], location[40];
  size_t size;
  const outrider_status status = read_content(call, content, &size);
  if (status < 0) return status;
  if (size > MAX_NOTE) return respond_error(call, 413, "a note has at most 64 KiB", NULL);
  const ssize_t length = json_text(content, size, text);
  if (length <= 0) return respond_error(call, 400, "a note is an object with a text", NULL);

  sqlite3_stmt *insert = call->notes->insert;
  sqlite3_bind_text(insert, 1, text, (int)length, SQLITE_STATIC);
  const int step = sqlite3_step(insert);
  sqlite3_reset(insert);
  if (step != SQLITE_DONE) return failed(call);
  const int64_t id = sqlite3_last_insert_rowid(call->notes->connection);

  snprintf(location, sizeof location, "/notes/%" PRId64, id);
  const outrider_field fields[] = {json[0], outrider_field_of("location", location)};
  char *body = NULL;
  FILE *out = open_memstream(&body, &size);
  if (!out) return OUTRIDER_E_FAILED;
  write_note(out, id, text, (size_t)length);
  return respond_stream(call, 201, fields, 2, out, &body, &size);
}

static outrider_bytes range_of(const outrider_head *head) {
  outrider_bytes value = {NULL, 0};
  for (size_t i = 0; i < head->n_fields; i++) {
    const outrider_bytes name = head->fields[i].name;
    if (name.size == 5 && strncasecmp(name.data, "range", 5) == 0) value = head->fields[i].value;
  }
  return value;
}

static outrider_status respond_note(const call *call, outrider_bytes text) {
  const int is_ranged = is(call->head->method, "GET");
  uint64_t first = 0, last = 0;
  char value[80];
  outrider_field fields[] = {FIELD("content-type", "text/plain; charset=utf-8"), {OUTRIDER_BYTES("content-range"), {NULL, 0}}};
  switch (is_ranged ? range_read(range_of(call->head), text.size, &first, &last) : RANGE_IGNORED) {
    case RANGE_SATISFIABLE:
      snprintf(value, sizeof value, "bytes %" PRIu64 "-%" PRIu64 "/%zu", first, last, text.size);
      fields[1].value = outrider_text(value);
      return respond(call, 206, fields, 2, (outrider_bytes){text.data + first, (size_t)(last - first + 1)});
    case RANGE_UNSATISFIABLE:
      snprintf(value, sizeof value, "bytes */%zu", text.size);
      fields[1].value = outrider_text(value);
      return respond_error(call, 416, "no byte of the note is within the range", &fields[1]);
    default:
      return respond(call, 200, fields, 1, text);
  }
}

static outrider_status get_note(const call *call, int64_t id) {
  sqlite3_stmt *get = call->notes->get;
  sqlite3_bind_int64(get, 1, id);
  const int step = sqlite3_step(get);
  outrider_status status;
  if (step == SQLITE_ROW)
    status = respond_note(call, (outrider_bytes){(const char *)sqlite3_column_text(get, 0), (size_t)sqlite3_column_bytes(get, 0)});
  else
    status = step == SQLITE_DONE ? not_found(call) : failed(call);
  sqlite3_reset(get);
  return status;
}

static outrider_status delete_note(const call *call, int64_t id) {
  sqlite3_bind_int64(call->notes->delete, 1, id);
  const int step = sqlite3_step(call->notes->delete);
  sqlite3_reset(call->notes->delete);
  if (step != SQLITE_DONE) return failed(call);
  if (sqlite3_changes(call->notes->connection) == 0) return not_found(call);
  return respond(call, 204, NULL, 0, (outrider_bytes){NULL, 0});
}

/* The id that a path ends with; 0: it is none. */
static int64_t note_id(outrider_bytes digits) {
  int64_t id = 0;
  if (digits.size > 18) return 0;
  for (size_t i = 0; i < digits.size; i++) {
    if (digits.data[i] < '0' || digits.data[i] > '9') return 0;
    id = id * 10 + (digits.data[i] - '0');
  }
  return id;
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

static outrider_status send_event(const call *call) {
  char event[64];
  const int step = sqlite3_step(call->notes->count);
  const int64_t count = sqlite3_column_int64(call->notes->count, 0);
  sqlite3_reset(call->notes->count);
  if (step != SQLITE_ROW) return failed(call);
  const int size = snprintf(event, sizeof event, "data: {\"count\":%" PRId64 "}\n\n", count);
  const outrider_bytes bytes = {event, (size_t)size};
  return call->io->write(call->io, call->exchange, &bytes, 1);
}

static outrider_status send_events(const call *call) {
  static const outrider_field fields[] = {FIELD("content-type", "text/event-stream"), FIELD("cache-control", "no-cache")};
  const struct timespec pause = {0, 200 * 1000 * 1000};
  outrider_status status = call->io->start(call->io, call->exchange, 200, fields, 2);
  for (int i = 0; i < 5 && status >= 0; i++) {
    if (i > 0) nanosleep(&pause, NULL);
    status = send_event(call);
  }
  return status;
}

/* ---- Uploads ---------------------------------------------------------------------------------------------------- */

static outrider_status receive_upload(const call *call, outrider_bytes name) {
  if (!upload_name_is_valid(name)) return respond_error(call, 400, "no file may have this name", NULL);
  uint64_t total;
  char body[64];
  const outrider_status status = upload_receive(call->io, call->exchange, call->service->uploads, name, &total);
  if (status < 0) return status;
  snprintf(body, sizeof body, "{\"bytes\":%" PRIu64 "}", total);
  return respond(call, 201, json, 1, outrider_text(body));
}

/* ---- The plugin ------------------------------------------------------------------------------------------------- */

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  const call call = {state, thread, exchange, head, io};
  outrider_bytes rest;
  if (is(head->path, "/notes")) {
    if (is_get(&call)) return list_notes(&call);
    return is(head->method, "POST") ? add_note(&call) : not_allowed(&call, "GET, HEAD, POST");
  }
  if (begins(head->path, "/notes/", &rest)) {
    const int64_t id = note_id(rest);
    if (id == 0) return not_found(&call);
    if (is_get(&call)) return get_note(&call, id);
    return is(head->method, "DELETE") ? delete_note(&call, id) : not_allowed(&call, "GET, HEAD, DELETE");
  }
  if (is(head->path, "/events")) return is(head->method, "GET") ? send_events(&call) : not_allowed(&call, "GET");
  if (begins(head->path, "/upload/", &rest))
    return is(head->method, "PUT") ? receive_upload(&call, rest) : not_allowed(&call, "PUT");
  return not_found(&call);
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state, outrider_error *error) {
  const outrider_bytes database = host->config_string(host, "database", NULL);
  const outrider_bytes uploads = host->config_string(host, "uploads", NULL);
  if ((database.size == 0 || uploads.size == 0) && info->purpose != OUTRIDER_PURPOSE_INSPECT) {
    snprintf(error->text, sizeof error->text, "[plugin.config] needs the key \"%s\": the path of %s",
             database.size == 0 ? "database" : "uploads", database.size == 0 ? "the database" : "a folder");
    return OUTRIDER_E_INVALID;
  }
  service *new = malloc(sizeof *new);
  if (!new) return OUTRIDER_E_FAILED;
  *new = (service){host, strndup(database.data ? database.data : "", database.size),
                   strndup(uploads.data ? uploads.data : "", uploads.size)};
  *state = new;
  return OUTRIDER_OK;
}

static void unload(void *state) {
  service *service = state;
  free(service->database);
  free(service->uploads);
  free(service);
}

static outrider_status thread_start(void *state, const outrider_thread_info *info, void **thread, outrider_error *error) {
  (void)info;
  const service *service = state;
  database *new = malloc(sizeof *new);
  if (!new) return OUTRIDER_E_FAILED;
  if (database_open(new, service->database, error->text, sizeof error->text) != 0) {
    free(new);
    return OUTRIDER_E_FAILED;
  }
  *thread = new;
  return OUTRIDER_OK;
}

static void thread_stop(void *state, void *thread) {
  (void)state;
  database_close(thread);
  free(thread);
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .capabilities = OUTRIDER_THREAD_SAFE,
                                       .name = "notes",
                                       .version = "1.0",
                                       .load = load,
                                       .unload = unload,
                                       .thread_start = thread_start,
                                       .thread_stop = thread_stop,
                                       .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
