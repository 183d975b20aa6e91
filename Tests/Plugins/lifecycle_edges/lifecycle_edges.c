/* lifecycle_edges: a plugin for tests that is asked, cut short, ended or refused at awkward moments.
 *
 * Statuses that the host gave are logged, as lines "name=status". Built with -DEVENT_STYLE it is an event-style plugin,
 * else a blocking one. What its worker's first and last hook do is told by files in the working directory: the one word
 * in "worker_start" is refuse, crash or hang; the number in "worker_stop" is the milliseconds that it takes.
 */
#define _GNU_SOURCE

#include <inttypes.h>
#include <outrider.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct visit visit;

struct visit {
  const outrider_host *host;
  const outrider_io *io; /* NULL in event style */
  const outrider_head *head;
  outrider_exchange exchange;
  void (*on_event)(visit *, const outrider_event *); /* event style; NULL: no event matters */
  int32_t pieces, pieces_seen, resumes, refusals;    /* of /retry */
};

typedef outrider_status route_function(visit *);

static void log_text(const outrider_host *host, outrider_exchange exchange, const char *text) {
  host->log(host, exchange, OUTRIDER_LOG_INFO, outrider_text(text));
}

static void report(const visit *visit, const char *prefix, const char *name, int32_t status) {
  char line[80];
  snprintf(line, sizeof line, "%s%s=%" PRId32, prefix, name, status);
  log_text(visit->host, visit->exchange, line);
}

static void sleep_milliseconds(long milliseconds) {
  nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

static outrider_status ok(visit *visit) {
  return outrider_send_response(visit->host, visit->exchange, 200, NULL, 0, outrider_text("ok"));
}

/* ---- /left ----------------------------------------------------------------------------------------------------- */

/* Says that it begins, takes its time, says something that goes out at once, and then answers; gives up if it can't. */
static outrider_status answer_who_left(visit *visit) {
  const outrider_field link = outrider_field_of("link", "</a.css>; rel=preload");
  report(visit, "", "begun", OUTRIDER_OK);
  sleep_milliseconds(400);
#ifdef EVENT_STYLE
  outrider_send_early_hints(visit->host, visit->exchange, &link, 1);
  outrider_status status = ok(visit);
#else
  visit->io->informational(visit->io, visit->exchange, 103, &link, 1);
  outrider_status status = visit->io->respond(visit->io, visit->exchange, 200, NULL, 0, outrider_text("ok"));
#endif
  report(visit, "", "answer", status);
  return status;
}

/* ---- /wreck?END ------------------------------------------------------------------------------------------------ */

/* All bits of what the worker shares with its master; how many mappings there were. */
static int wreck_scoreboard(void) {
  char line[512], access[5];
  unsigned long begin, end;
  int count = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps && fgets(line, sizeof line, maps)) {
    if (!strstr(line, "memfd:outrider-scoreboard")) continue;
    if (sscanf(line, "%lx-%lx %4s", &begin, &end, access) != 3 || access[1] != 'w') continue;
    memset((void *)begin, 0xFF, end - begin);
    count++;
  }
  if (maps) fclose(maps);
  return count;
}

/* END: crash, kill, or anything else to serve on. */
static outrider_status wreck(visit *visit) {
  const outrider_bytes query = visit->head->query;
  report(visit, "", "wrecked", wreck_scoreboard());
  if (query.size > 0 && query.data[0] == 'c') raise(SIGSEGV);
  if (query.size > 0 && query.data[0] == 'k') raise(SIGKILL);
  return ok(visit);
}

/* ---- /late ----------------------------------------------------------------------------------------------------- */

static const char link_value[] = "</style.css>; rel=preload; as=style";

static void send_everything(visit *visit, const char *prefix) {
  const outrider_host *host = visit->host;
  const outrider_exchange exchange = visit->exchange;
  const outrider_field link = outrider_field_of("link", link_value), sum = outrider_field_of("x-sum", "1");
  const outrider_head_event trailers = {
      .size = sizeof trailers, .type = OUTRIDER_EVENT_TRAILERS, .fields = &sum, .n_fields = 1};
  const outrider_file_event file = {.size = sizeof file, .type = OUTRIDER_EVENT_FILE, .fd = 0, .length = 1};
  report(visit, prefix, "informational", outrider_send_early_hints(host, exchange, &link, 1));
  report(visit, prefix, "start", outrider_send_start(host, exchange, 200, NULL, 0));
  report(visit, prefix, "body", outrider_send_body(host, exchange, outrider_text("late"), 1));
  report(visit, prefix, "file", host->send(host, exchange, (const outrider_event *)&file));
  report(visit, prefix, "trailers", host->send(host, exchange, (const outrider_event *)&trailers));
  report(visit, prefix, "response", ok(visit));
  report(visit, prefix, "abort", outrider_send_abort(host, exchange, 0));
}

#ifdef EVENT_STYLE

static void on_another_thread(void *(*run)(void *), visit *visit) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, run, visit) == 0) pthread_join(thread, NULL);
}

static void *send_everything_elsewhere(void *context) {
  send_everything(context, "thread.");
  return NULL;
}

static void send_late(visit *visit, const outrider_event *event) {
  if (event->type != OUTRIDER_EVENT_DISCONNECT) return;
  report(visit, "", "reason", ((const outrider_notice_event *)event)->reason);
  on_another_thread(send_everything_elsewhere, visit);
  send_everything(visit, "loop.");
  report(visit, "", "done", OUTRIDER_OK);
}

/* Answers only when nobody wants it any more. */
static outrider_status late(visit *visit) {
  visit->on_event = send_late;
  report(visit, "", "begun", OUTRIDER_OK);
  return OUTRIDER_OK;
}

/* ---- /abort-late ----------------------------------------------------------------------------------------------- */

static void *abort_elsewhere(void *context) {
  visit *visit = context;
  report(visit, "", "abort", outrider_send_abort(visit->host, visit->exchange, 0));
  return NULL;
}

/* Holds the loop meanwhile, so that other clients' bytes wait for its next turn. */
static void abort_at_the_end(visit *visit, const outrider_event *event) {
  if (event->type != OUTRIDER_EVENT_DISCONNECT) return;
  report(visit, "", "holding", OUTRIDER_OK);
  sleep_milliseconds(400);
  on_another_thread(abort_elsewhere, visit);
}

static outrider_status abort_late(visit *visit) {
  visit->on_event = abort_at_the_end;
  report(visit, "", "begun", OUTRIDER_OK);
  return OUTRIDER_OK;
}

/* ---- /soon ----------------------------------------------------------------------------------------------------- */

static void answer(void *context, outrider_status why) {
  if (why == OUTRIDER_OK) ok(context);
}

static outrider_status answer_soon(visit *visit) {
  return visit->host->after(visit->host, visit->exchange, UINT64_C(50000000), answer, visit, NULL);
}

/* ---- /retry ---------------------------------------------------------------------------------------------------- */

#define PIECE 16384
#define STALL UINT64_C(100000000) /* nanoseconds */

static char piece[PIECE], whole[256 << 10]; /* the latter is as large as limits.output by default */

static void send_piece(visit *visit) {
  const outrider_body_event event = {
      .size = sizeof event, .type = OUTRIDER_EVENT_BODY, .tag = 1, .bytes = {piece, sizeof piece}, .more = 1};
  visit->pieces++;
  visit->host->send(visit->host, visit->exchange, (const outrider_event *)&event);
}

static void send_whole(visit *visit) {
  const outrider_bytes bytes = {whole, sizeof whole};
  const outrider_status status = outrider_send_body(visit->host, visit->exchange, bytes, 0);
  if (status == OUTRIDER_E_AGAIN) {
    visit->refusals++;
    return;
  }
  report(visit, "", "refusals", visit->refusals);
  report(visit, "", "resumes", visit->resumes);
  report(visit, "", "whole", status);
}

static void retry(visit *visit, const outrider_event *event) {
  if (event->type != OUTRIDER_EVENT_RESUME) return;
  visit->resumes++;
  send_whole(visit);
}

static void send_next(visit *visit, const outrider_event *event) {
  if (event->type == OUTRIDER_EVENT_SENT) send_piece(visit);
}

static void look_for_stall(void *context, outrider_status why) {
  visit *visit = context;
  if (why != OUTRIDER_OK) return;
  if (visit->pieces != visit->pieces_seen) {
    visit->pieces_seen = visit->pieces;
    visit->host->after(visit->host, visit->exchange, STALL, look_for_stall, visit, NULL);
  } else {
    visit->on_event = retry;
    report(visit, "", "stalled", OUTRIDER_OK);
    send_whole(visit);
  }
}

/* Pieces, each when the one before is sent, until the client takes no more: one is queued then. Behind it the most that
 * may be sent at once has no room. */
static outrider_status retry_until_taken(visit *visit) {
  memset(piece, 'p', sizeof piece);
  memset(whole, 'w', sizeof whole);
  visit->on_event = send_next;
  outrider_status status = outrider_send_start(visit->host, visit->exchange, 200, NULL, 0);
  if (status < 0) return status;
  send_piece(visit);
  return visit->host->after(visit->host, visit->exchange, STALL, look_for_stall, visit, NULL);
}

#else

/* Asks until the answer is not wanted any more, and gives one nevertheless. */
static outrider_status late(visit *visit) {
  const outrider_io *io = visit->io;
  const outrider_exchange exchange = visit->exchange;
  const outrider_field link = outrider_field_of("link", link_value), sum = outrider_field_of("x-sum", "1");
  const outrider_bytes text = outrider_text("late");
  int32_t reason = 0;
  report(visit, "", "begun", OUTRIDER_OK);
  for (int tries = 0; tries < 4000 && reason == 0; tries++) {
    sleep_milliseconds(5);
    reason = visit->host->cancelled(visit->host, exchange);
  }
  report(visit, "", "reason", reason);
  report(visit, "io.", "informational", io->informational(io, exchange, 103, &link, 1));
  report(visit, "io.", "start", io->start(io, exchange, 200, NULL, 0));
  report(visit, "io.", "write", io->write(io, exchange, &text, 1));
  report(visit, "io.", "sendfile", io->sendfile(io, exchange, 0, 0, 1));
  report(visit, "io.", "trailers", io->trailers(io, exchange, &sum, 1));
  report(visit, "io.", "respond", io->respond(io, exchange, 200, NULL, 0, text));
  send_everything(visit, "send.");
  report(visit, "", "done", OUTRIDER_OK);
  return OUTRIDER_E_CLOSED;
}

/* ---- /begun ---------------------------------------------------------------------------------------------------- */

/* Begins an answer, whose head waits for its body, and has nothing more to say until well after nobody wants it. */
static outrider_status begin_and_wait(visit *visit) {
  const outrider_field begun = outrider_field_of("x-begun", "yes");
  outrider_status status = visit->io->start(visit->io, visit->exchange, 200, &begun, 1);
  for (int tries = 0; tries < 1000 && status >= 0 && !visit->host->cancelled(visit->host, visit->exchange); tries++)
    sleep_milliseconds(5);
  sleep_milliseconds(300);
  return status < 0 ? status : OUTRIDER_E_CLOSED;
}

/* ---- /file, /file-short ---------------------------------------------------------------------------------------- */

#define FILE_SIZE (64 << 20)

static int file = -1;

static outrider_status send_file_from(visit *visit, uint64_t offset, uint64_t length) {
  outrider_status status = visit->io->start(visit->io, visit->exchange, 200, NULL, 0);
  if (status >= 0) status = visit->io->sendfile(visit->io, visit->exchange, file, offset, length);
  report(visit, "", "sendfile", status);
  return status;
}

/* 64 MiB of zeros. */
static outrider_status send_file(visit *visit) { return send_file_from(visit, 0, FILE_SIZE); }

static outrider_status send_file_short(visit *visit) { return send_file_from(visit, FILE_SIZE - 1000, 5000); }

#endif

/* ---- The worker ------------------------------------------------------------------------------------------------ */

/* The text of a file in the working directory; empty if there is none. */
static const char *instruction(const char *name, char *buffer, size_t size) {
  FILE *source = fopen(name, "r");
  size_t count = source ? fread(buffer, 1, size - 1, source) : 0;
  if (source) fclose(source);
  buffer[count] = 0;
  return buffer;
}

static void hang_without_signals(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  for (;;) pause();
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  char buffer[16], line[40];
  const char *act = instruction("worker_start", buffer, sizeof buffer);
  (void)info;
#ifndef EVENT_STYLE
  file = memfd_create("lifecycle_edges", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, FILE_SIZE)) return OUTRIDER_E_IO;
#endif
  if (!*act) return OUTRIDER_OK;
  snprintf(line, sizeof line, "worker_start is to %s", act);
  log_text(state, (outrider_exchange){0}, line);
  if (strcmp(act, "crash") == 0) abort();
  if (strcmp(act, "hang") == 0) hang_without_signals();
  snprintf(error->text, sizeof error->text, "told to %s", act);
  return OUTRIDER_E_IO;
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  char buffer[16];
  (void)deadline_ns;
  log_text(state, (outrider_exchange){0}, "worker_stop begins");
  sleep_milliseconds(atol(instruction("worker_stop", buffer, sizeof buffer)));
  log_text(state, (outrider_exchange){0}, "worker_stop ends");
}

#ifdef EVENT_STYLE

/* ---- /onlookers, /watched, /overdue ---------------------------------------------------------------------------- */

/* The id of the last exchange that was opened for one of them. */
static _Atomic uint64_t watched;

/* For a second or two, asks of that exchange and logs about it, whosever it is by then. */
static void *look_on(void *argument) {
  const outrider_host *host = argument;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const time_t until = now.tv_sec + 2;
  for (; now.tv_sec < until; clock_gettime(CLOCK_MONOTONIC, &now)) {
    const outrider_exchange exchange = {atomic_load(&watched)};
    if (!exchange.id) continue;
    host->cancelled(host, exchange);
    host->log(host, exchange, OUTRIDER_LOG_DEBUG, outrider_text("seen"));
  }
  return NULL;
}

static outrider_status start_onlookers(visit *visit) {
  for (int i = 0; i < 2; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, look_on, (void *)(uintptr_t)visit->host)) return OUTRIDER_E_LIMIT;
    pthread_detach(thread);
  }
  return ok(visit);
}

/* Whether the deadline of a request has passed: on a busy machine it can before the plugin has had its turn. */
static int is_late(const visit *visit) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec >= visit->head->deadline_ns;
}

/* Answers from the loop, in three acts, and says if anything was refused that was in time. */
static outrider_status answer_while_watched(visit *visit) {
  atomic_store(&watched, visit->exchange.id);
  const int32_t reason = visit->host->cancelled(visit->host, visit->exchange);
  int32_t refused = outrider_send_start(visit->host, visit->exchange, 200, NULL, 0);
  if (refused >= 0) refused = outrider_send_body(visit->host, visit->exchange, outrider_text("o"), 1);
  if (refused >= 0) refused = outrider_send_body(visit->host, visit->exchange, outrider_text("k"), 0);
  if (is_late(visit)) {
    report(visit, "", "late", 1);
    return OUTRIDER_OK;
  }
  if (reason) report(visit, "born ", "cancelled", reason);
  if (refused < 0) report(visit, "", "refused", refused);
  return OUTRIDER_OK;
}

/* Leaves it to the deadline. */
static outrider_status let_it_pass(visit *visit) {
  atomic_store(&watched, visit->exchange.id);
  return OUTRIDER_OK;
}

#endif

/* ---- The plugin ------------------------------------------------------------------------------------------------ */

static const struct {
  const char *path;
  route_function *run;
} routes[] = {
    {"/", ok},
    {"/wreck", wreck},
    {"/late", late},
    {"/left", answer_who_left},
#ifdef EVENT_STYLE
    {"/abort-late", abort_late},
    {"/soon", answer_soon},
    {"/retry", retry_until_taken},
    {"/onlookers", start_onlookers},
    {"/watched", answer_while_watched},
    {"/overdue", let_it_pass},
#else
    {"/begun", begin_and_wait},
    {"/file", send_file},
    {"/file-short", send_file_short},
#endif
};

static outrider_status serve(visit *visit) {
  const outrider_bytes path = visit->head->path;
  for (size_t i = 0; i < COUNT(routes); i++)
    if (path.size == strlen(routes[i].path) && memcmp(path.data, routes[i].path, path.size) == 0)
      return routes[i].run(visit);
  return outrider_send_response(visit->host, visit->exchange, 404, NULL, 0, outrider_text("no such route\n"));
}

#ifdef EVENT_STYLE

static outrider_status open(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  visit *visit = calloc(1, sizeof *visit);
  *self = visit;
  if (!visit) return OUTRIDER_E_LIMIT;
  visit->host = state;
  visit->head = head;
  visit->exchange = exchange;
  outrider_status status = serve(visit);
  if (status < 0) free(visit); /* there will be no close() */
  return status;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state;
  visit *visit = self;
  (void)exchange;
  if (visit->on_event) visit->on_event(visit, event);
}

static void close_visit(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)exchange;
  free(self);
}

#else

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  visit visit = {.host = state, .io = io, .head = head, .exchange = exchange};
  return serve(&visit);
}

#endif

static const outrider_plugin plugin = {
    .size = sizeof plugin,
    .abi = OUTRIDER_ABI_VERSION,
    .abi_required = OUTRIDER_ABI(1, 0),
    .capabilities = OUTRIDER_THREAD_SAFE,
    .version = "1.0",
    .worker_start = worker_start,
    .worker_stop = worker_stop,
#ifdef EVENT_STYLE
    .name = "lifecycle_edges_event",
    .open = open,
    .on_event = on_event,
    .close = close_visit,
#else
    .name = "lifecycle_edges_blocking",
    .handle = handle,
#endif
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
