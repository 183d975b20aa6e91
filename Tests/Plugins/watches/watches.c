/* watches: waits for descriptors by outrider.loop/1. The path is what it does; the answer says what came of it. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <outrider/loop.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static const outrider_exchange the_worker = {0};
static const outrider_host *host;
static const outrider_loop *loop;

enum { MS = 1000 * 1000 };

static void say(const char *format, ...) {
  char line[200];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  host->log(host, the_worker, OUTRIDER_LOG_INFO, outrider_text(line));
}

static outrider_status answer(outrider_exchange exchange, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return outrider_send_response(host, exchange, 200, NULL, 0, outrider_text(text));
}

typedef struct { /* what a request has */
  outrider_exchange exchange;
  int first, second, spare; /* descriptors; -1: none */
  uint64_t a, b;
  int calls, other_calls, ended;
  char name[32];
} act;

static int ready_eventfd(void) { return eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC); }
static int idle_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

static int ended(act *act, outrider_status why) {
  if (why == OUTRIDER_OK) return 0;
  act->ended++;
  say("watch of %s ended %d", act->name, why);
  return 1;
}

/* ---- Readiness ---------------------------------------------------------------------------------------------------- */

static void tell_events(void *context, outrider_status why, uint32_t events) {
  act *act = context;
  if (ended(act, why)) return;
  act->calls++;
  if (act->calls == 1) answer(act->exchange, "ready %#x", events);
  loop->change(host, act->a, 0);
}

/* One byte a call: as long as there are more, the next call comes. */
static void read_one(void *context, outrider_status why, uint32_t events) {
  act *act = context;
  char byte;
  (void)events;
  if (ended(act, why)) return;
  act->calls++;
  if (read(act->first, &byte, 1) == 1 && byte == '.') answer(act->exchange, "calls %d", act->calls);
}

static void write_to_second(void *context, outrider_status why) {
  act *act = context;
  if (why == OUTRIDER_OK && write(act->second, "ab.", 3) != 3) say("write: %s", strerror(errno));
}

/* ---- Ends from inside --------------------------------------------------------------------------------------------- */

static void tell_calls(void *context, outrider_status why) {
  act *act = context;
  if (why == OUTRIDER_OK) answer(act->exchange, "calls %d %d", act->calls, act->other_calls);
}

/* Both are ready in the same turn: whichever comes first ends both. */
static void end_both(act *act) {
  loop->unwatch(host, act->a);
  loop->unwatch(host, act->b);
  host->after(host, act->exchange, 50 * MS, tell_calls, act, NULL);
}

static void end_from_a(void *context, outrider_status why, uint32_t events) {
  act *act = context;
  (void)events;
  if (ended(act, why)) return;
  act->calls++;
  end_both(act);
}

static void end_from_b(void *context, outrider_status why, uint32_t events) {
  act *act = context;
  (void)events;
  if (ended(act, why)) return;
  act->other_calls++;
  end_both(act);
}

static void silence_other(void *context, outrider_status why, uint32_t events) {
  act *act = context;
  (void)events;
  if (ended(act, why)) return;
  if (act->calls + act->other_calls == 0) host->after(host, act->exchange, 50 * MS, tell_calls, act, NULL);
  act->calls++;
  loop->change(host, act->a, 0);
  loop->change(host, act->b, 0);
}

/* ---- Descriptors that are closed ---------------------------------------------------------------------------------- */

static void count_a(void *context, outrider_status why, uint32_t events) {
  act *act = context;
  (void)events;
  if (!ended(act, why)) act->calls++;
}

static void new_one_is_ready(void *context, outrider_status why, uint32_t events) {
  act *act = context;
  (void)events;
  if (ended(act, why)) return;
  act->other_calls++;
  loop->change(host, act->b, 0);
  const outrider_status changed = loop->change(host, act->a, OUTRIDER_LOOP_READABLE);
  const outrider_status unwatched = loop->unwatch(host, act->a);
  const outrider_status again = loop->unwatch(host, act->a);
  answer(act->exchange, "old %d new %d change %d unwatch %d %d", act->calls, act->other_calls, changed, unwatched, again);
}

static outrider_status watch(act *act, int fd, uint32_t events,
                             void (*run)(void *, outrider_status, uint32_t), uint64_t *id) {
  return loop->watch(host, act->exchange, fd, events, run, act, id);
}

/* Its number is another's, which is ready: the former watch is not called, and ending it leaves the other alone. */
static outrider_status reuse_number(act *act) {
  act->first = idle_eventfd();
  watch(act, act->first, OUTRIDER_LOOP_READABLE, count_a, &act->a);
  close(act->first);
  const int fd = ready_eventfd();
  if (fd != act->first) say("number %d is not %d", fd, act->first);
  return watch(act, fd, OUTRIDER_LOOP_READABLE, new_one_is_ready, &act->b);
}

/* Ready, and open elsewhere, under no number that the watch knows. It is unwatched then, or its number is another's that is
 * watched: the loop must come to rest. */
static outrider_status keep_elsewhere(act *act) {
  act->first = ready_eventfd();
  act->spare = fcntl(act->first, F_DUPFD_CLOEXEC, 100);
  watch(act, act->first, OUTRIDER_LOOP_READABLE, count_a, &act->a);
  close(act->first);
  act->first = -1;
  if (!strcmp(act->name, "/kept-unwatched")) {
    loop->unwatch(host, act->a);
  } else {
    act->first = idle_eventfd();
    watch(act, act->first, OUTRIDER_LOOP_READABLE, end_from_b, &act->b);
  }
  return host->after(host, act->exchange, 50 * MS, tell_calls, act, NULL);
}

/* ---- Limits and misuse -------------------------------------------------------------------------------------------- */

static void count_end(void *context, outrider_status why, uint32_t events) {
  act *act = context;
  (void)why, (void)events;
  act->ended++;
}

/* Closed descriptors count as long as their watches are there. */
static outrider_status fill(act *act) {
  outrider_status status = OUTRIDER_OK;
  int count = 0;
  while (status == OUTRIDER_OK) {
    const int fd = idle_eventfd();
    status = loop->watch(host, act->exchange, fd, OUTRIDER_LOOP_READABLE, count_end, act, NULL);
    close(fd);
    if (status == OUTRIDER_OK) count++;
  }
  return answer(act->exchange, "watches %d status %d", count, status);
}

static void *from_another_thread(void *context) {
  int *statuses = context;
  uint64_t id;
  const int fd = idle_eventfd();
  statuses[0] = loop->watch(host, the_worker, fd, OUTRIDER_LOOP_READABLE, tell_events, NULL, &id);
  statuses[1] = loop->change(host, 1, 0);
  statuses[2] = loop->unwatch(host, 1);
  statuses[3] = loop->descriptor(host);
  statuses[4] = loop->dispatch(host, 0);
  close(fd);
  return NULL;
}

static outrider_status misuse_elsewhere(act *act) {
  int s[5];
  pthread_t thread;
  if (pthread_create(&thread, NULL, from_another_thread, s)) return OUTRIDER_E_FAILED;
  pthread_join(thread, NULL);
  return answer(act->exchange, "thread %d %d %d %d %d", s[0], s[1], s[2], s[3], s[4]);
}

static outrider_status misuse(act *act) {
  int m[12];
  const int fd = act->first = idle_eventfd();
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  const outrider_exchange stale = {act->exchange.id + ((uint64_t)2 << 32)};
  m[0] = watch(act, fd, OUTRIDER_LOOP_READABLE, NULL, &act->a);
  m[1] = watch(act, fd, 0x80000000u, tell_events, &act->a);
  m[2] = watch(act, -1, OUTRIDER_LOOP_READABLE, tell_events, &act->a);
  m[3] = watch(act, 1 << 20, OUTRIDER_LOOP_READABLE, tell_events, &act->a);
  m[4] = watch(act, file, OUTRIDER_LOOP_READABLE, tell_events, &act->a);
  m[5] = loop->watch(host, stale, fd, OUTRIDER_LOOP_READABLE, tell_events, act, &act->a);
  m[6] = watch(act, fd, OUTRIDER_LOOP_READABLE, tell_events, &act->a);
  m[7] = watch(act, fd, OUTRIDER_LOOP_READABLE, tell_events, &act->b);
  m[8] = loop->change(host, act->a, 0x40000000u);
  m[9] = loop->unwatch(host, act->a + ((uint64_t)1 << 32));
  m[10] = loop->descriptor(host);
  m[11] = loop->dispatch(host, 0);
  close(file);
  return answer(act->exchange, "loop %d %d %d %d %d %d %d %d %d %d %d %d", m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7],
                m[8], m[9], m[10], m[11]);
}

/* ---- Requests ----------------------------------------------------------------------------------------------------- */

static uint64_t worker_watch;
static int worker_fd = -1;
static outrider_exchange waiting;

/* A watch of the worker, which outlives its request. */
static void worker_is_ready(void *context, outrider_status why, uint32_t events) {
  (void)context, (void)events;
  if (why != OUTRIDER_OK) {
    say("watch of the worker ended %d", why);
    return;
  }
  uint64_t number;
  if (read(worker_fd, &number, sizeof number) == sizeof number) answer(waiting, "the worker was told");
}

static int begins(const act *act, const char *path) { return !strcmp(act->name, path); }

static outrider_status perform(act *act) {
  int ends[2];
  if (begins(act, "/misuse")) return misuse(act);
  if (begins(act, "/elsewhere")) return misuse_elsewhere(act);
  if (begins(act, "/fill")) return fill(act);
  if (begins(act, "/reuse")) return reuse_number(act);
  if (begins(act, "/kept-reused") || begins(act, "/kept-unwatched")) return keep_elsewhere(act);
  if (begins(act, "/wait")) return waiting = act->exchange, OUTRIDER_OK;
  if (begins(act, "/tell")) {
    const uint64_t one = 1;
    if (write(worker_fd, &one, sizeof one) != sizeof one) return OUTRIDER_E_IO;
    return answer(act->exchange, "told");
  }
  if (begins(act, "/unwatch") || begins(act, "/silence")) {
    act->first = ready_eventfd(), act->second = ready_eventfd();
    const int ends_both = begins(act, "/unwatch");
    watch(act, act->first, OUTRIDER_LOOP_READABLE, ends_both ? end_from_a : silence_other, &act->a);
    return watch(act, act->second, OUTRIDER_LOOP_READABLE, ends_both ? end_from_b : silence_other, &act->b);
  }
  if (begins(act, "/refused")) { /* open() fails after it has watched */
    act->first = ready_eventfd();
    watch(act, act->first, OUTRIDER_LOOP_READABLE, count_a, &act->a);
    return OUTRIDER_E_IO;
  }
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends)) return OUTRIDER_E_IO;
  act->first = ends[0], act->second = ends[1];
  if (begins(act, "/writable")) return watch(act, ends[0], OUTRIDER_LOOP_WRITABLE, tell_events, &act->a);
  if (begins(act, "/hangup")) {
    close(act->second);
    act->second = -1;
    return watch(act, ends[0], OUTRIDER_LOOP_READABLE | OUTRIDER_LOOP_PEER_CLOSED, tell_events, &act->a);
  }
  if (begins(act, "/level") || begins(act, "/later")) {
    const uint64_t wait = begins(act, "/later") ? 700 : 20;
    host->after(host, act->exchange, wait * MS, write_to_second, act, NULL);
    return watch(act, ends[0], OUTRIDER_LOOP_READABLE, read_one, &act->a);
  }
  return watch(act, ends[0], OUTRIDER_LOOP_READABLE, tell_events, &act->a); /* /hold: never */
}

static void discard(act *act) {
  const int fds[] = {act->first, act->second, act->spare};
  for (int i = 0; i < 3; i++)
    if (fds[i] >= 0) close(fds[i]);
  free(act);
}

static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  act *made = calloc(1, sizeof *made);
  (void)state;
  if (!made) return OUTRIDER_E_IO;
  made->exchange = exchange;
  made->first = made->second = made->spare = -1;
  snprintf(made->name, sizeof made->name, "%.*s", (int)head->path.size, head->path.data);
  const int refuses = begins(made, "/refused");
  *self = made;
  const outrider_status status = perform(made);
  /* Its watches have yet to end, which is before this exchange is gone: what they get is still there. */
  if (refuses) say("open of /refused refuses");
  return status;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  const act *act = self;
  (void)state, (void)exchange;
  if (event->type == OUTRIDER_EVENT_DISCONNECT) say("disconnect of %s", act->name);
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  act *act = self;
  (void)state, (void)exchange;
  say("close of %s after %d ends", act->name, act->ended);
  discard(act);
}

/* ---- Life --------------------------------------------------------------------------------------------------------- */

static outrider_status load(const outrider_host *table, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)state, (void)error;
  host = table;
  loop = host->extension(host, OUTRIDER_LOOP);
  uint64_t id;
  say("watch in load %d", loop->watch(host, the_worker, 0, OUTRIDER_LOOP_READABLE, worker_is_ready, NULL, &id));
  return OUTRIDER_OK;
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state, (void)info, (void)error;
  worker_fd = idle_eventfd();
  return loop->watch(host, the_worker, worker_fd, OUTRIDER_LOOP_READABLE, worker_is_ready, NULL, &worker_watch);
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  (void)state, (void)deadline_ns;
  uint64_t id;
  say("worker_stop watch %d unwatch %d",
      loop->watch(host, the_worker, worker_fd, OUTRIDER_LOOP_READABLE, worker_is_ready, NULL, &id),
      loop->unwatch(host, worker_watch));
  close(worker_fd);
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "watches",
                                       .version = "1.0",
                                       .load = load,
                                       .worker_start = worker_start,
                                       .worker_stop = worker_stop,
                                       .open = open_exchange,
                                       .on_event = on_event,
                                       .close = close_exchange};

const outrider_plugin *outrider_plugin_v1(const outrider_host *table) {
  (void)table;
  return &plugin;
}
