/* fussy: a plugin for tests whose paths are well-behaved, but for one kind of client each. Under that they answer twice,
 * which is misuse; /plain never does. What else can be wrong has a path of its own.
 */
#define _GNU_SOURCE
#include <outrider.h>
#include <string.h>
#include <unistd.h>

static const outrider_host *host;
static uint32_t model;

static int is(outrider_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

/* Whether its client is of the kind that the path can't bear; reads the content. */
static int is_unbearable(outrider_exchange exchange, const outrider_head *head, const outrider_io *io) {
  char buffer[4096];
  outrider_status status;
  size_t total = 0;
  while (head->flags & OUTRIDER_HEAD_HAS_BODY) {
    size_t count = 0;
    status = io->read(io, exchange, buffer, sizeof buffer, &count);
    if (status < 0) return is(head->path, "/cut");
    if (count == 0) break;
    total += count;
  }
  if (is(head->path, "/head")) return (head->flags & OUTRIDER_HEAD_HEAD_ONLY) != 0;
  if (is(head->path, "/old")) return head->http_version == OUTRIDER_HTTP_1_0;
  if (is(head->path, "/h2")) return head->http_version == OUTRIDER_HTTP_2;
  if (is(head->path, "/large")) return total > 100000;
  if (is(head->path, "/draining")) return host->draining(host);
  return 0;
}

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)state, (void)thread;
  int unbearable = is_unbearable(exchange, head, io);
  if (is(head->path, "/failing")) return io->respond(io, exchange, 503, NULL, 0, outrider_text("no database\n"));
  if (is(head->path, "/silent")) return OUTRIDER_OK;
  if (is(head->path, "/short")) {
    const outrider_field fields[] = {outrider_field_of("content-length", "100")};
    return io->start(io, exchange, 200, fields, 1);
  }
  /* Under gthread alone. */
  if (is(head->path, "/endless") && model == OUTRIDER_MODEL_GTHREAD)
    while (!host->draining(host) && !host->cancelled(host, exchange)) usleep(10000);
  outrider_status status = io->respond(io, exchange, 200, NULL, 0, outrider_text("ok\n"));
  if (unbearable) io->respond(io, exchange, 200, NULL, 0, outrider_text("ok\n"));
  return status < 0 ? OUTRIDER_OK : status;
}

static outrider_status load(const outrider_host *table, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)state, (void)error;
  host = table;
  return OUTRIDER_OK;
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state, (void)error;
  model = info->model;
  return OUTRIDER_OK;
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .capabilities = OUTRIDER_THREAD_SAFE,
                                       .name = "fussy",
                                       .version = "1.0",
                                       .load = load,
                                       .worker_start = worker_start,
                                       .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *table) {
  (void)table;
  return &plugin;
}
