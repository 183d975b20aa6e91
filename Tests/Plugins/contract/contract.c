/* contract: says in the log which hooks are called, and answers so that a client sees when a head goes out. handle()
 * serves under sync and gthread, open() under async. /404 answers with that status.
 * Configuration: refuse = "load" | "worker_start". */
#include <outrider.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const outrider_exchange the_worker = {0};

static void say(const outrider_host *host, const char *what, int number) {
  char line[80];
  snprintf(line, sizeof line, "%s %d", what, number);
  host->log(host, the_worker, OUTRIDER_LOG_INFO, outrider_text(line));
}

static int refuses(const outrider_host *host, const char *hook, outrider_error *error) {
  outrider_bytes refused = host->config_string(host, "refuse", "");
  if (refused.size != strlen(hook) || memcmp(refused.data, hook, refused.size) != 0) return 0;
  snprintf(error->text, sizeof error->text, "as configured");
  return 1;
}

static void run_in_worker(void *context, outrider_status why) { say(context, "run has", why); }

/* *state stays the host's table. */
static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)state;
  say(host, "post in load", host->post(host, the_worker, run_in_worker, (void *)host));
  return refuses(host, "load", error) ? OUTRIDER_E_INVALID : OUTRIDER_OK;
}

static void unload(void *state) { say(state, "unload", 0); }

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)info;
  const outrider_host *host = state;
  say(host, "post in worker_start", host->post(host, the_worker, run_in_worker, state));
  return refuses(host, "worker_start", error) ? OUTRIDER_E_INVALID : OUTRIDER_OK;
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  (void)deadline_ns;
  say(state, "worker_stop", 0);
}

static int asks_for(const outrider_head *head, const char *path) {
  return head->path.size == strlen(path) && memcmp(head->path.data, path, head->path.size) == 0;
}

static uint32_t asked_status(const outrider_head *head) {
  char text[4] = "";
  if (head->path.size == 4) memcpy(text, head->path.data + 1, 3);
  return (uint32_t)atoi(text);
}

/* ---- Blocking: the answer begins, by an event at /event, and ends with the request's body; /flushed has an empty write
 * between --------------------------------------------------------------------------------------------------------- */

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  const outrider_bytes nothing = {NULL, 0};
  if (asked_status(head)) return io->respond(io, exchange, asked_status(head), NULL, 0, nothing);
  outrider_status status = asks_for(head, "/event") ? outrider_send_start(state, exchange, 200, NULL, 0)
                                                     : io->start(io, exchange, 200, NULL, 0);
  if (status >= 0 && asks_for(head, "/flushed")) status = io->write(io, exchange, &nothing, 1);
  char buffer[4096];
  size_t got = 1;
  while (status >= 0 && got > 0) status = io->read(io, exchange, buffer, sizeof buffer, &got);
  return status;
}

/* ---- Events: the head, and the end with the request's body --------------------------------------------------------- */

typedef struct {
  const outrider_host *host;
} request;

static outrider_status open(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  if (asked_status(head)) {
    const outrider_bytes nothing = {NULL, 0};
    return outrider_send_response(state, exchange, asked_status(head), NULL, 0, nothing);
  }
  request *made = malloc(sizeof *made);
  if (!made) return OUTRIDER_E_IO;
  made->host = state;
  *self = made;
  outrider_send_start(made->host, exchange, 200, NULL, 0);
  return made->host->receive(made->host, exchange, 1);
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state;
  request *made = self;
  if (event->type != OUTRIDER_EVENT_REQUEST) return;
  if (((const outrider_body_event *)event)->more) {
    made->host->receive(made->host, exchange, 1);
  } else {
    outrider_send_body(made->host, exchange, outrider_text(""), 0);
  }
}

static void close(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)exchange;
  free(self);
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .capabilities = OUTRIDER_THREAD_SAFE,
                                       .name = "contract",
                                       .version = "1.0",
                                       .load = load,
                                       .unload = unload,
                                       .worker_start = worker_start,
                                       .worker_stop = worker_stop,
                                       .handle = handle,
                                       .open = open,
                                       .on_event = on_event,
                                       .close = close};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
