/* interleaved: a plugin for tests whose threads make random calls on the exchanges of requests, all at once.
 *
 * Each request is given to all threads, which call whatever there is to call on its exchange, on exchanges that are over and on
 * handles that never were. The last of them ends the exchange. What the host promises is counted: each accepted release and run
 * is called exactly once, before close(); a foreign handle is E_CLOSED; a function of outrider_io is E_THREAD or E_CLOSED on
 * another thread; nothing comes after close(). GET /report returns the counts. Built with -DEVENT_STYLE it is an event-style
 * plugin, else a blocking one, whose handle() makes calls at the same time. */
#define _GNU_SOURCE
#include <outrider.h>

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { THREADS = 4, CALLS = 16, QUEUE = 1024, AGO = 64 };

typedef struct visit {
  const outrider_host *host;
  const outrider_io *io;
  outrider_exchange exchange;
  uint64_t seed;
  atomic_int references; /* the threads, and the one that opened it */
  atomic_int at_work;
  atomic_bool closed;
} visit;

static struct {
  _Atomic uint64_t calls, accepted, requests, releases_due, releases, runs_due, runs, wakes, on_wakes, thread_refusals;
  _Atomic uint64_t late_events, late_releases, late_runs, foreign, unknown;
} counts;

/* ---- Jobs for the threads --------------------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static visit *queue[THREADS][QUEUE];
static size_t first[THREADS], last[THREADS];
static pthread_t threads[THREADS];
static int stops;
/* Handles of exchanges that are over: the last ones may be about to end. */
static _Atomic uint64_t ended[AGO];
static atomic_uint n_ended;
static int file;
static char bytes[20000];

static void let_go(visit *visit) {
  if (atomic_fetch_sub(&visit->references, 1) == 1) free(visit);
}

static uint64_t next(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void note(outrider_status status) {
  counts.calls++;
  if (status >= 0) counts.accepted++;
  if (status < OUTRIDER_E_IO || status > OUTRIDER_PAUSE) counts.unknown++;
}

/* ---- What the host calls ----------------------------------------------------------------------------------------------------- */

static void release(void *context) {
  visit *visit = context;
  counts.releases++;
  if (visit->closed) counts.late_releases++;
  let_go(visit);
}

static void run(void *context, outrider_status why) {
  visit *visit = context;
  counts.runs++;
  if (why != OUTRIDER_OK && why != OUTRIDER_E_CLOSED && why != OUTRIDER_E_CANCELLED) counts.unknown++;
#ifdef EVENT_STYLE
  if (visit->closed) counts.late_runs++; /* in the blocking style it may come after handle() */
#endif
  let_go(visit);
}

static void run_of_worker(void *context, outrider_status why) {
  (void)context, (void)why;
  counts.runs++;
}

/* ---- Calls ---------------------------------------------------------------------------------------------------------------------- */

/* Before a call that may take something over: if it is refused, nothing is called. */
static outrider_status taking(visit *visit, outrider_status status, _Atomic uint64_t *due, int before) {
  if (before) {
    atomic_fetch_add(&visit->references, 1);
    (*due)++;
  } else if (status < 0) {
    (*due)--;
    let_go(visit);
  }
  return status;
}

static void remember(outrider_exchange exchange) { ended[atomic_fetch_add(&n_ended, 1) % AGO] = exchange.id; }

static outrider_status lend(visit *visit, outrider_exchange exchange, uint64_t dice) {
  const outrider_field field = outrider_field_of("x", "1");
  outrider_status status;
  taking(visit, 0, &counts.releases_due, 1);
  if (dice % 3 == 0) {
    const outrider_response_event event = {sizeof event, OUTRIDER_EVENT_RESPONSE, dice % 5, 200, 0, &field, 1,
                                           {bytes, dice % sizeof bytes}, release, visit};
    status = visit->host->send(visit->host, exchange, (const outrider_event *)&event);
  } else if (dice % 3 == 1) {
    const outrider_body_event event = {sizeof event, OUTRIDER_EVENT_BODY, dice % 5, {bytes, dice % sizeof bytes}, dice % 7 != 0,
                                       0, release, visit};
    status = visit->host->send(visit->host, exchange, (const outrider_event *)&event);
  } else {
    const outrider_file_event event = {sizeof event, OUTRIDER_EVENT_FILE, dice % 5, file, 1, dice % 10, dice % 5000, release,
                                       visit};
    status = visit->host->send(visit->host, exchange, (const outrider_event *)&event);
  }
  return taking(visit, status, &counts.releases_due, 0);
}

static outrider_status call_back(visit *visit, outrider_exchange exchange, uint64_t dice) {
  uint64_t timer = 0;
  outrider_status status;
  taking(visit, 0, &counts.runs_due, 1);
  if (dice % 2 == 0)
    status = visit->host->post(visit->host, exchange, run, visit);
  else
    status = visit->host->after(visit->host, exchange, dice % 3000000, run, visit, &timer);
  taking(visit, status, &counts.runs_due, 0);
  if (timer && dice % 3 == 0) note(visit->host->cancel(visit->host, timer));
  return status;
}

static outrider_status call_worker(visit *visit) {
  counts.runs_due++;
  const outrider_status status = visit->host->post(visit->host, (outrider_exchange){0}, run_of_worker, NULL);
  if (status < 0) counts.runs_due--;
  return status;
}

static outrider_status call(visit *visit, outrider_exchange exchange, uint64_t dice) {
  const outrider_host *host = visit->host;
  const outrider_field good = outrider_field_of("link", "</a>; rel=preload"), bad = outrider_field_of("bad name", "1");
  const outrider_field *field = dice % 11 == 0 ? &bad : &good;
  const outrider_event nonsense = {(uint32_t)(dice % 17), (uint32_t)(dice % 100), 0};
  switch (dice % 17) {
  case 0:
  case 1: return host->send_informational(host, exchange, 103, field, 1);
  case 2:
  case 3: return host->send_start(host, exchange, dice % 13 ? 200 : 99, field, 1, (uint32_t)(dice % 5 == 0));
  case 4:
  case 5: return host->send_body(host, exchange, (outrider_bytes){bytes, dice % 100}, dice % 9 != 0);
  case 6: return host->send_trailers(host, exchange, field, 1);
  case 7: return host->send_response(host, exchange, 200, field, 1, (outrider_bytes){bytes, dice % 5000});
  case 8: return dice % 4 ? OUTRIDER_OK : host->send_abort(host, exchange, (outrider_status)(dice % 5) - 4);
  case 9:
  case 10: return lend(visit, exchange, dice >> 8);
  case 11: return call_back(visit, exchange, dice >> 8);
  case 12: return call_worker(visit);
  case 13: return host->receive(host, exchange, (uint32_t)(dice % 3));
  case 14: return host->cancelled(host, exchange);
  case 15:
    counts.wakes++;
    host->wake(host);
    host->log(host, exchange, OUTRIDER_LOG_DEBUG, outrider_text("from a thread"));
    return host->draining(host) ? OUTRIDER_OK : OUTRIDER_SKIPPED;
  default: return host->send(host, exchange, dice % 3 ? &nonsense : NULL);
  }
}

/* A handle that this exchange does not have: one that is over, the next of its slot, one that never was, or 0. */
static outrider_exchange foreign(const visit *visit, uint64_t dice) {
  const uint64_t ids[] = {ended[n_ended % AGO], visit->exchange.id + (1ull << 32), visit->exchange.id | 1ull << 31, 0, UINT64_MAX, dice};
  return (outrider_exchange){ids[dice % 6]};
}

static void call_foreign(visit *visit, uint64_t dice) {
  const outrider_exchange exchange = foreign(visit, dice >> 32);
  if (exchange.id == visit->exchange.id) return;
  const outrider_status status = visit->host->send_body(visit->host, exchange, (outrider_bytes){bytes, 1}, 0);
  note(status);
  if (status != OUTRIDER_E_CLOSED) counts.foreign++;
  if (visit->host->head(visit->host, exchange)) counts.foreign++;
  if (visit->host->cancelled(visit->host, exchange) != OUTRIDER_E_CLOSED) counts.foreign++;
}

/* The functions of handle(), on a thread that is not its own. */
static void call_io(visit *visit, uint64_t dice) {
  const outrider_io *io = visit->io;
  const outrider_bytes chunk = {bytes, 5};
  char buffer[16];
  size_t got;
  outrider_status status;
  switch (dice % 5) {
  case 0: status = io->write(io, visit->exchange, &chunk, 1); break;
  case 1: status = io->read(io, visit->exchange, buffer, sizeof buffer, &got); break;
  case 2: status = io->respond(io, visit->exchange, 200, NULL, 0, chunk); break;
  case 3: status = io->informational(io, visit->exchange, 103, NULL, 0); break;
  default: status = io->sendfile(io, visit->exchange, file, 0, 5);
  }
  note(status);
  counts.thread_refusals++;
  if (status != OUTRIDER_E_THREAD && status != OUTRIDER_E_CLOSED) counts.foreign++;
}

static void work(visit *visit, uint64_t seed) {
  for (int i = 0; i < CALLS; i++) {
    const uint64_t dice = next(&seed);
    if (dice % 23 == 0)
      call_foreign(visit, next(&seed));
    else if (visit->io && dice % 3 == 0)
      call_io(visit, next(&seed));
    else
      note(call(visit, visit->exchange, next(&seed)));
    if (dice % 5 == 0) sched_yield();
  }
}

static void end(visit *visit) {
#ifdef EVENT_STYLE
  note(visit->host->send_abort(visit->host, visit->exchange, OUTRIDER_E_FAILED)); /* E_STATE if it is complete */
#else
  (void)visit;
#endif
}

static void *serve(void *argument) {
  const size_t number = (size_t)(uintptr_t)argument;
  while (1) {
    pthread_mutex_lock(&lock);
    while (first[number] == last[number] && !stops) pthread_cond_wait(&changed, &lock);
    if (first[number] == last[number]) break;
    visit *visit = queue[number][first[number]++ % QUEUE];
    pthread_mutex_unlock(&lock);
    work(visit, visit->seed * (number + 2) | 1);
    if (atomic_fetch_sub(&visit->at_work, 1) == 1) end(visit);
    let_go(visit);
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

static void give_to_threads(visit *visit) {
  pthread_mutex_lock(&lock);
  for (size_t i = 0; i < THREADS; i++) {
    if (last[i] - first[i] == QUEUE) abort(); /* the test sends fewer at once */
    queue[i][last[i]++ % QUEUE] = visit;
  }
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

/* ---- Hooks ------------------------------------------------------------------------------------------------------------------------ */

static visit *new_visit(const outrider_host *host, const outrider_io *io, outrider_exchange exchange,
                        const outrider_head *head) {
  visit *visit = calloc(1, sizeof *visit);
  if (!visit) abort();
  visit->host = host;
  visit->io = io;
  visit->exchange = exchange;
  visit->seed = 88172645463325252u ^ strtoull(head->query.size ? head->query.data : "1", NULL, 10);
  visit->references = THREADS + 1;
  visit->at_work = THREADS;
  counts.requests++;
  return visit;
}

static size_t report(char *text, size_t size) {
#define SHOW(name) {#name, &counts.name}
  const struct { const char *name; _Atomic uint64_t *count; } shown[] = {
      SHOW(calls), SHOW(accepted), SHOW(requests), SHOW(releases_due), SHOW(releases), SHOW(runs_due), SHOW(runs),
      SHOW(wakes), SHOW(on_wakes), SHOW(thread_refusals), SHOW(late_events), SHOW(late_releases), SHOW(late_runs),
      SHOW(foreign), SHOW(unknown)};
  size_t used = 0;
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
    used += (size_t)snprintf(text + used, size - used, "%s=%" PRIu64 "\n", shown[i].name, *shown[i].count);
  return used;
}

static int is_report(const outrider_head *head) {
  return head->path.size == 7 && memcmp(head->path.data, "/report", 7) == 0;
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state, (void)info, (void)error;
  memset(bytes, 'x', sizeof bytes);
  file = memfd_create("interleaved", MFD_CLOEXEC);
  if (write(file, bytes, sizeof bytes) != sizeof bytes) return OUTRIDER_E_IO;
  for (size_t i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, serve, (void *)(uintptr_t)i) != 0) return OUTRIDER_E_FAILED;
  return OUTRIDER_OK;
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  (void)state, (void)deadline_ns;
  pthread_mutex_lock(&lock);
  stops = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  close(file);
}

static void on_wake(void *state) {
  (void)state;
  counts.on_wakes++;
}

#ifdef EVENT_STYLE

static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  char text[1024];
  if (is_report(head)) {
    *self = NULL;
    return outrider_send_response(state, exchange, 200, NULL, 0, (outrider_bytes){text, report(text, sizeof text)});
  }
  visit *visit = *self = new_visit(state, NULL, exchange, head);
  give_to_threads(visit);
  return OUTRIDER_OK;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  visit *visit = self;
  (void)state, (void)exchange, (void)event;
  if (visit && visit->closed) counts.late_events++;
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  visit *visit = self;
  (void)state;
  if (!visit) return;
  if (atomic_exchange(&visit->closed, true)) counts.late_events++;
  remember(exchange);
  let_go(visit);
}

#else

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  char text[1024];
  (void)thread;
  if (is_report(head)) return io->respond(io, exchange, 200, NULL, 0, (outrider_bytes){text, report(text, sizeof text)});
  visit *visit = new_visit(state, io, exchange, head);
  give_to_threads(visit);
  uint64_t seed = visit->seed | 1;
  for (int i = 0; i < CALLS; i++) note(call(visit, exchange, next(&seed)));
  visit->closed = true;
  remember(exchange);
  let_go(visit);
  return OUTRIDER_OK;
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
    .on_wake = on_wake,
#ifdef EVENT_STYLE
    .name = "interleaved_event",
    .open = open_exchange,
    .on_event = on_event,
    .close = close_exchange,
#else
    .name = "interleaved_blocking",
    .handle = handle,
#endif
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
