/* State that all workers share, by outrider.store/1: a rate limit, a cache and a flag. From the top of the repository:
 *   cc -shared -fPIC -fvisibility=hidden -ISources/COutrider/include -o libshared_state.so \
 *      examples/shared_state_c/shared_state.c
 *   .build/release/outrider -w 4 ./libshared_state.so
 * GET /page responds with a page that took long to make, at most `limit` times a minute for each client; PUT and DELETE
 * /maintenance turn a flag on and off, with which every page is a 503. Configuration: limit = 100.
 */
#define _GNU_SOURCE

#include <outrider/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint64_t SECOND = 1000ull * 1000 * 1000;

typedef struct {
  const outrider_host *host;
  const outrider_store *store;
  int64_t limit;
} app;

static int is(outrider_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && !memcmp(bytes.data, text, bytes.size);
}

static outrider_status respond(const outrider_io *io, outrider_exchange exchange, uint32_t status, outrider_bytes body) {
  return io->respond(io, exchange, status, NULL, 0, body);
}

/* One more request of this client: 0 if it is within the limit, else the seconds to wait. */
static uint64_t exceeds_limit(const app *app, outrider_bytes client) {
  char key[80];
  int64_t count = 0;
  uint64_t left = 0;
  size_t got;
  const int size = snprintf(key, sizeof key, "limit:%.*s", (int)client.size, client.data);
  const outrider_bytes name = {key, (size_t)size};
  /* Without room for the counter, clients are served rather than refused. */
  if (app->store->add(app->host, name, 1, 60 * SECOND, &count) != OUTRIDER_OK || count <= app->limit) return 0;
  app->store->get(app->host, name, &count, sizeof count, &got, &left);
  return left / SECOND + 1;
}

/* From the cache, or made and kept for ten seconds. */
static outrider_status page(const app *app, outrider_exchange exchange, const outrider_io *io) {
  const outrider_bytes key = OUTRIDER_BYTES("cache:page");
  char text[4096];
  size_t size = 0;
  if (app->store->get(app->host, key, text, sizeof text, &size, NULL) != OUTRIDER_OK) {
    nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
    size = (size_t)snprintf(text, sizeof text, "made at %lld\n", (long long)time(NULL));
    app->store->set(app->host, key, (outrider_bytes){text, size}, 10 * SECOND);
  }
  return respond(io, exchange, 200, (outrider_bytes){text, size});
}

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  const app *app = state;
  const outrider_bytes flag = OUTRIDER_BYTES("flag:maintenance"), nothing = {NULL, 0};
  size_t got;
  (void)thread;
  if (is(head->path, "/maintenance")) {
    if (is(head->method, "PUT")) app->store->set(app->host, flag, nothing, 0);
    if (is(head->method, "DELETE")) app->store->remove(app->host, flag);
    return respond(io, exchange, 204, nothing);
  }
  if (app->store->get(app->host, flag, NULL, 0, &got, NULL) == OUTRIDER_OK)
    return respond(io, exchange, 503, outrider_text("maintenance\n"));
  const uint64_t wait = exceeds_limit(app, head->client_address);
  if (wait) {
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)wait);
    const outrider_field fields[] = {outrider_field_of("retry-after", seconds)};
    return io->respond(io, exchange, 429, fields, 1, outrider_text("too many requests\n"));
  }
  return page(app, exchange, io);
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info;
  app *made = calloc(1, sizeof *made);
  if (!made) return OUTRIDER_E_IO;
  made->host = host;
  made->store = host->extension(host, OUTRIDER_STORE);
  made->limit = host->config_integer(host, "limit", 100);
  if (!made->store) {
    free(made);
    strcpy(error->text, "this host has no " OUTRIDER_STORE);
    return OUTRIDER_E_UNSUPPORTED;
  }
  *state = made;
  return OUTRIDER_OK;
}

static void unload(void *state) { free(state); }

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .capabilities = OUTRIDER_THREAD_SAFE,
                                       .name = "shared_state",
                                       .version = "1.0",
                                       .load = load,
                                       .unload = unload,
                                       .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
