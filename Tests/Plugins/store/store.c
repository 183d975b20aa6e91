/* store: outrider.store/1 over HTTP. The path is the call, the query its arguments, separated by commas, the body the value.
 *   /get?KEY              the value, or 404;    X-Left: milliseconds to live
 *   /set?KEY,MS           201                   /cas?KEY,MS,EXPECTED (without EXPECTED: absent)   201 or 409
 *   /add?KEY,MS,AMOUNT    the sum               /remove?KEY    204 or 404
 *   /list?PREFIX          keys in lines         /size?KEY      what get says for too little room
 *   /fill?PREFIX,MS,COUNT sets so many keys     /misuse        the statuses of calls that are wrong
 * Every status that is not 0 or 1 is told as 500 with the number. */
#define _GNU_SOURCE

#include <outrider/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const outrider_host *host;
  const outrider_store *store;
} app;

enum { MS = 1000 * 1000 };

static outrider_status tell(const outrider_io *io, outrider_exchange exchange, int code, const char *text) {
  return io->respond(io, exchange, (uint32_t)code, NULL, 0, outrider_text(text));
}

static outrider_status tell_status(const outrider_io *io, outrider_exchange exchange, outrider_status status) {
  char text[40];
  snprintf(text, sizeof text, "%d", status);
  return tell(io, exchange, 500, text);
}

static outrider_status list(const app *app, outrider_exchange exchange, const outrider_io *io, outrider_bytes prefix) {
  char key[OUTRIDER_STORE_MAX_KEY + 1];
  size_t got;
  uint64_t cursor = 0;
  outrider_status status = io->start(io, exchange, 200, NULL, 0);
  while (status >= 0 && (status = app->store->next(app->host, prefix, &cursor, key, sizeof key - 1, &got)) == OUTRIDER_OK) {
    key[got++] = '\n';
    const outrider_bytes line = {key, got};
    status = io->write(io, exchange, &line, 1);
  }
  return status < 0 ? status : OUTRIDER_OK;
}

static outrider_status fill(const app *app, outrider_exchange exchange, const outrider_io *io, const char *prefix,
                            uint64_t ttl, int count) {
  static char value[1024];
  char key[64], text[80];
  int set = 0;
  outrider_status status = OUTRIDER_OK;
  for (int i = 0; i < count; i++) {
    snprintf(key, sizeof key, "%s%d", prefix, i);
    const outrider_status one =
        app->store->set(app->host, outrider_text(key), (outrider_bytes){value, sizeof value}, ttl);
    if (one == OUTRIDER_OK) set++; else status = one;
  }
  snprintf(text, sizeof text, "set %d last refusal %d", set, status);
  return tell(io, exchange, 200, text);
}

static outrider_status misuse(const app *app, outrider_exchange exchange, const outrider_io *io) {
  static char room[OUTRIDER_STORE_MAX_VALUE + 1];
  const outrider_host *h = app->host;
  const outrider_store *s = app->store;
  const outrider_bytes key = outrider_text("misused"), none = {NULL, 0}, bad = {NULL, 4};
  const outrider_bytes longest = {room, OUTRIDER_STORE_MAX_KEY}, too_long = {room, OUTRIDER_STORE_MAX_KEY + 1};
  const outrider_bytes large = {room, OUTRIDER_STORE_MAX_VALUE}, too_large = {room, OUTRIDER_STORE_MAX_VALUE + 1};
  size_t got;
  uint64_t cursor = 0;
  int64_t sum;
  char text[200];
  const int statuses[] = {
      s->get(h, none, room, sizeof room, &got, NULL), s->get(h, bad, room, sizeof room, &got, NULL),
      s->get(h, key, NULL, 1, &got, NULL),            s->get(h, key, room, sizeof room, NULL, NULL),
      s->set(h, too_long, none, 0),                   s->set(h, key, too_large, 0),
      s->set(h, key, bad, 0),                         s->compare_and_set(h, key, &bad, none, 0),
      s->add(h, none, 1, 0, &sum),                    s->remove(h, too_long),
      s->next(h, none, NULL, room, sizeof room, &got), s->next(h, none, &cursor, NULL, 9, &got),
      /* and what is not wrong */
      s->set(h, longest, large, 0),                   s->add(h, longest, 1, 0, &sum),
      s->remove(h, longest)};
  text[0] = 0;
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%d ", statuses[i]);
  return tell(io, exchange, 200, text);
}

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  const app *app = state;
  char query[1024] = "", value[OUTRIDER_STORE_MAX_VALUE + 1], text[64];
  size_t size = 0, got = 1;
  (void)thread;
  while (got > 0 && size < sizeof value)
    if (io->read(io, exchange, value + size, sizeof value - size, &got) < 0) return OUTRIDER_E_IO;
    else size += got;
  snprintf(query, sizeof query, "%.*s", (int)head->query.size, head->query.data);
  char *rest = query;
  const char *name = strsep(&rest, ","), *ms = strsep(&rest, ",");
  const outrider_bytes key = outrider_text(name), body = {value, size};
  const uint64_t ttl = ms ? strtoull(ms, NULL, 10) * MS : 0;
  const char *call = head->path.data + 1;
  const size_t length = head->path.size - 1;
  outrider_status status = OUTRIDER_OK;
#define IS(what) (length == strlen(what) && !memcmp(call, what, length))
  if (IS("get")) {
    uint64_t left = 0;
    status = app->store->get(app->host, key, value, sizeof value, &got, &left);
    if (status == OUTRIDER_SKIPPED) return tell(io, exchange, 404, "");
    if (status < 0) return tell_status(io, exchange, status);
    snprintf(text, sizeof text, "%llu", (unsigned long long)(left / MS));
    const outrider_field fields[] = {outrider_field_of("x-left", text)};
    return io->respond(io, exchange, 200, fields, 1, (outrider_bytes){value, got});
  }
  if (IS("size")) {
    status = app->store->get(app->host, key, value, 1, &got, NULL);
    snprintf(text, sizeof text, "%d %zu", status, got);
    return tell(io, exchange, 200, text);
  }
  if (IS("set")) {
    status = app->store->set(app->host, key, body, ttl);
    return status < 0 ? tell_status(io, exchange, status) : tell(io, exchange, 201, "");
  }
  if (IS("cas")) {
    const outrider_bytes expected = outrider_text(rest);
    status = app->store->compare_and_set(app->host, key, rest ? &expected : NULL, body, ttl);
    return status < 0 ? tell_status(io, exchange, status) : tell(io, exchange, status ? 409 : 201, "");
  }
  if (IS("add")) {
    int64_t sum = 0;
    status = app->store->add(app->host, key, rest ? atoll(rest) : 1, ttl, &sum);
    if (status < 0) return tell_status(io, exchange, status);
    snprintf(text, sizeof text, "%lld", (long long)sum);
    return tell(io, exchange, 200, text);
  }
  if (IS("remove")) {
    status = app->store->remove(app->host, key);
    return status < 0 ? tell_status(io, exchange, status) : tell(io, exchange, status ? 404 : 204, "");
  }
  if (IS("list")) return list(app, exchange, io, key);
  if (IS("fill")) return fill(app, exchange, io, name, ttl, rest ? atoi(rest) : 0);
  if (IS("misuse")) return misuse(app, exchange, io);
  return tell(io, exchange, 404, "no such call");
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)error;
  app *made = calloc(1, sizeof *made);
  if (!made) return OUTRIDER_E_IO;
  made->host = host, made->store = host->extension(host, OUTRIDER_STORE);
  char text[64];
  snprintf(text, sizeof text, "set in load %d", made->store->set(host, outrider_text("k"), outrider_text("v"), 0));
  host->log(host, (outrider_exchange){0}, OUTRIDER_LOG_INFO, outrider_text(text));
  *state = made;
  return OUTRIDER_OK;
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .capabilities = OUTRIDER_THREAD_SAFE,
                                       .name = "store",
                                       .version = "1.0",
                                       .load = load,
                                       .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
