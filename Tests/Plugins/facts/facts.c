/* facts: a plugin for tests that tells what the host tells it, and gives its answers up.
 *
 * Built with -DEVENT_STYLE it is an event-style plugin, else a blocking one. Its [plugin.config]: refuse, a text with which
 * load() refuses, or start_refuse, with which worker_start() does; name, which answers carry, as the entry's own state has it.
 *
 *   /entry        the entry's name, as the hooks of the exchange see it: in event style as close() and on_event() do
 *   /head         target, raw_path, path, mount, and whether that is bare
 *   /info         what load_info, worker_info and thread_info say, and how often before_fork() was called before this worker
 *   /tls          what host->tls tells
 *   /abort?R      sends ABORT with the reason R; /hinted-abort?R after a 103, /late-abort?R after a head;
 *                 if that is refused as invalid, the answer tells so
 *   /elsewhere?R  the same as /abort from a thread of the plugin's
 *   /return?S     returns S from handle() or open()
 *   /read         blocking style: reads the body to its end, and logs the status with which that ends
 *   /sleep?N      takes N milliseconds
 *   /drain        answers once the worker drains, as host->draining tells
 *   /wake?N       N threads call wake; answers from on_wake(), or once it has been called, with the number of its calls
 */
#define _GNU_SOURCE

#include <inttypes.h>
#include <outrider.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One for each entry of the configuration. */
typedef struct entry {
  const outrider_host *host;
  outrider_bytes name;
  int forks;
  outrider_load_info loaded;
  outrider_worker_info worker;
  char version[32];
  _Atomic int wakes; /* calls of on_wake() */
  outrider_exchange waiting; /* event style: for on_wake() */
} entry;

typedef struct thread {
  const entry *entry;
  uint32_t index, threads;
} thread;

typedef struct visit {
  entry *entry;
  const thread *thread;
  const outrider_io *io; /* NULL in event style */
  const outrider_head *head;
  outrider_exchange exchange;
  size_t size;
  char text[8192];
} visit;

static void add(visit *visit, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(visit *visit, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int count = vsnprintf(visit->text + visit->size, sizeof visit->text - visit->size, format, arguments);
  va_end(arguments);
  if (count > 0) visit->size += (size_t)count;
  if (visit->size >= sizeof visit->text) visit->size = sizeof visit->text - 1;
}

static void add_bytes(visit *visit, const char *name, outrider_bytes bytes) {
  add(visit, "%s=%.*s\n", name, (int)bytes.size, bytes.data ? bytes.data : "");
}

static outrider_status answer(const visit *visit) {
  const outrider_bytes body = {visit->text, visit->size};
  if (visit->io) return visit->io->respond(visit->io, visit->exchange, 200, NULL, 0, body);
  return outrider_send_response(visit->entry->host, visit->exchange, 200, NULL, 0, body);
}

static long query_number(const visit *visit) {
  char text[16];
  snprintf(text, sizeof text, "%.*s", (int)visit->head->query.size, visit->head->query.data);
  return strtol(text, NULL, 10);
}

static int is(const visit *visit, const char *path) {
  return visit->head->path.size == strlen(path) && !memcmp(visit->head->path.data, path, strlen(path));
}

static void sleep_milliseconds(long milliseconds) {
  nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

static void say(const entry *entry, const char *what, int32_t status) {
  char line[96];
  snprintf(line, sizeof line, "%s %d of %.*s", what, (int)status, (int)entry->name.size, entry->name.data);
  entry->host->log(entry->host, (outrider_exchange){0}, OUTRIDER_LOG_INFO, outrider_text(line));
}

/* ---- Facts ------------------------------------------------------------------------------------------------------- */

static outrider_status tell_head(visit *visit) {
  add_bytes(visit, "target", visit->head->target);
  add_bytes(visit, "raw_path", visit->head->raw_path);
  add_bytes(visit, "path", visit->head->path);
  add_bytes(visit, "mount", visit->head->mount);
  add(visit, "bare=%d\n", (visit->head->flags & OUTRIDER_HEAD_BARE_MOUNT) != 0);
  return answer(visit);
}

static outrider_status tell_info(visit *visit) {
  const entry *entry = visit->entry;
  add(visit, "purpose=%u\nprocess=%u\n", entry->loaded.purpose, entry->loaded.process);
  add(visit, "worker=%u\nworkers=%u\nmodel=%u\n", entry->worker.worker, entry->worker.workers, entry->worker.model);
  add(visit, "graceful_timeout_ns=%" PRIu64 "\noutput_limit=%" PRIu64 "\n", entry->worker.graceful_timeout_ns,
      entry->worker.output_limit);
  add(visit, "host_version=%s\nforks=%d\n", entry->version, entry->forks);
  if (visit->thread)
    add(visit, "thread=%u\nthreads=%u\nown=%d\n", visit->thread->index, visit->thread->threads,
        visit->thread->entry == entry);
  return answer(visit);
}

static outrider_status tell_tls(visit *visit) {
  const outrider_tls *tls = visit->entry->host->tls(visit->entry->host, visit->exchange);
  if (!tls) {
    add(visit, "none\n");
    return answer(visit);
  }
  add_bytes(visit, "version", tls->version);
  add_bytes(visit, "cipher", tls->cipher);
  add_bytes(visit, "server_name", tls->server_name);
  add_bytes(visit, "alpn", tls->alpn);
  add_bytes(visit, "subject", tls->client_subject);
  add_bytes(visit, "sha256", tls->client_sha256);
  add(visit, "resumed=%d\n", (tls->flags & OUTRIDER_TLS_RESUMED) != 0);
  for (size_t i = 0; i < tls->n_client_names; i++)
    add(visit, "name=%.*s:%.*s\n", (int)tls->client_names[i].name.size, tls->client_names[i].name.data,
        (int)tls->client_names[i].value.size, tls->client_names[i].value.data);
  for (size_t i = 0; i < tls->n_client_chain; i++) {
    add(visit, "certificate=");
    for (size_t j = 0; j < tls->client_chain[i].size; j++)
      add(visit, "%02x", (unsigned char)tls->client_chain[i].data[j]);
    add(visit, "\n");
  }
  return answer(visit);
}

/* ---- Giving up ---------------------------------------------------------------------------------------------------- */

static outrider_status give_up(visit *visit) {
  const outrider_host *host = visit->entry->host;
  const outrider_field link = outrider_field_of("link", "</a>; rel=preload");
  if (is(visit, "/hinted-abort")) outrider_send_early_hints(host, visit->exchange, &link, 1);
  if (is(visit, "/late-abort")) {
    outrider_send_start(host, visit->exchange, 200, NULL, 0);
    outrider_send_body(host, visit->exchange, outrider_text("begun"), 1);
  }
  const outrider_status status = outrider_send_abort(host, visit->exchange, (outrider_status)query_number(visit));
  say(visit->entry, "abort", status);
  if (status != OUTRIDER_E_INVALID) return OUTRIDER_OK;
  add(visit, "refused=%d\n", status);
  return answer(visit);
}

#ifdef EVENT_STYLE
typedef struct order {
  entry *entry;
  outrider_exchange exchange;
  outrider_status reason;
} order;

static void *abort_elsewhere(void *argument) {
  order *order = argument;
  sleep_milliseconds(50);
  say(order->entry, "abort", outrider_send_abort(order->entry->host, order->exchange, order->reason));
  free(order);
  return NULL;
}

static outrider_status give_up_elsewhere(visit *visit) {
  order *made = malloc(sizeof *made);
  pthread_t other;
  if (!made) return OUTRIDER_E_FAILED;
  *made = (order){visit->entry, visit->exchange, (outrider_status)query_number(visit)};
  if (pthread_create(&other, NULL, abort_elsewhere, made)) return OUTRIDER_E_FAILED;
  pthread_detach(other);
  return OUTRIDER_OK;
}
#else
static outrider_status give_up_elsewhere(visit *visit) { return give_up(visit); }
#endif

/* ---- Waiting ------------------------------------------------------------------------------------------------------ */

static outrider_status read_all(visit *visit) {
  char buffer[4096];
  size_t got = 0, total = 0;
  outrider_status status;
  while ((status = visit->io->read(visit->io, visit->exchange, buffer, sizeof buffer, &got)) >= 0 && got > 0)
    total += got;
  say(visit->entry, "read", status);
  if (status < 0) return status;
  add(visit, "total=%zu\n", total);
  return answer(visit);
}

static outrider_status wait_for_drain(visit *visit) {
  const outrider_host *host = visit->entry->host;
  say(visit->entry, "draining", host->draining(host));
  for (int i = 0; i < 10000 && !host->draining(host); i++) sleep_milliseconds(1);
  add(visit, "draining=%d\n", host->draining(host) != 0);
  return answer(visit);
}

static void *wake_host(void *argument) {
  const outrider_host *host = argument;
  for (int i = 0; i < 1000; i++) host->wake(host);
  return NULL;
}

static void wake_from_threads(const visit *visit) {
  pthread_t threads[16];
  long count = query_number(visit);
  if (count > 16) count = 16;
  for (long i = 0; i < count; i++)
    if (pthread_create(&threads[i], NULL, wake_host, (void *)visit->entry->host)) abort();
  for (long i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

static outrider_status wait_for_wake(visit *visit) {
  entry *entry = visit->entry;
  if (!visit->io) {
    /* Not from inside this hook: the answer comes from on_wake(). */
    entry->waiting = visit->exchange;
    const int before = entry->wakes;
    wake_from_threads(visit);
    if (query_number(visit) == 0) entry->host->wake(entry->host);
    return entry->wakes == before ? OUTRIDER_OK : OUTRIDER_E_FAILED;
  }
  const int before = entry->wakes;
  wake_from_threads(visit);
  for (int i = 0; i < 5000 && entry->wakes == before; i++) sleep_milliseconds(1);
  add(visit, "wakes=%d\n", entry->wakes - before);
  return answer(visit);
}

static void on_wake(void *state) {
  entry *entry = state;
  entry->wakes++;
  if (entry->waiting.id == 0) return;
  visit visit = {.entry = entry, .exchange = entry->waiting};
  entry->waiting.id = 0;
  add(&visit, "wakes=%d\n", (int)entry->wakes);
  entry->wakes = 0;
  answer(&visit);
}

/* ---- Hooks --------------------------------------------------------------------------------------------------------- */

static outrider_status run(visit *visit) {
  if (is(visit, "/head") || is(visit, "/")) return tell_head(visit);
  if (is(visit, "/info")) return tell_info(visit);
  if (is(visit, "/tls")) return tell_tls(visit);
  if (is(visit, "/abort") || is(visit, "/hinted-abort") || is(visit, "/late-abort")) return give_up(visit);
  if (is(visit, "/elsewhere")) return give_up_elsewhere(visit);
  if (is(visit, "/return")) return (outrider_status)query_number(visit);
  if (is(visit, "/read") && visit->io) return read_all(visit);
  if (is(visit, "/drain")) return wait_for_drain(visit);
  if (is(visit, "/wake")) return wait_for_wake(visit);
  if (is(visit, "/sleep")) sleep_milliseconds(query_number(visit));
  add_bytes(visit, "name", visit->entry->name);
  return answer(visit);
}

static int refuses(const entry *entry, const char *key, outrider_error *error) {
  const outrider_bytes text = entry->host->config_string(entry->host, key, NULL);
  if (!text.data) return 0;
  snprintf(error->text, sizeof error->text, "%.*s", (int)text.size, text.data);
  return 1;
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  entry *made = calloc(1, sizeof *made);
  if (!made) return OUTRIDER_E_FAILED;
  *made = (entry){.host = host, .name = host->config_string(host, "name", "none"), .loaded = *info};
  *state = made;
  return refuses(made, "refuse", error) ? OUTRIDER_E_FAILED : OUTRIDER_OK;
}

static void before_fork(void *state) { ((entry *)state)->forks++; }

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  entry *entry = state;
  entry->worker = *info;
  snprintf(entry->version, sizeof entry->version, "%s", info->host_version);
  return refuses(entry, "start_refuse", error) ? OUTRIDER_E_FAILED : OUTRIDER_OK;
}

#ifdef EVENT_STYLE

static outrider_status open(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  visit visit = {.entry = state, .head = head, .exchange = exchange};
  (void)self;
  if (is(&visit, "/entry")) return visit.entry->host->receive(visit.entry->host, exchange, 1);
  return run(&visit);
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  visit visit = {.entry = state, .exchange = exchange};
  (void)self;
  if (event->type != OUTRIDER_EVENT_REQUEST) return;
  add_bytes(&visit, "name", visit.entry->name);
  answer(&visit);
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  const entry *entry = state;
  (void)self;
  say(entry, "closed", entry->host->head(entry->host, exchange) != NULL);
}

#else

static outrider_status thread_start(void *state, const outrider_thread_info *info, void **own, outrider_error *error) {
  thread *made = malloc(sizeof *made);
  (void)error;
  if (!made) return OUTRIDER_E_FAILED;
  *made = (thread){state, info->index, info->threads};
  *own = made;
  return OUTRIDER_OK;
}

static void thread_stop(void *state, void *own) {
  const thread *thread = own;
  say(state, "thread_stop", (int32_t)thread->index);
  free(own);
}

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  visit visit = {.entry = state, .thread = thread, .io = io, .head = head, .exchange = exchange};
  return run(&visit);
}

#endif

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .capabilities = OUTRIDER_THREAD_SAFE,
                                       .name = "facts",
                                       .version = "1.0",
                                       .load = load,
                                       .before_fork = before_fork,
                                       .worker_start = worker_start,
                                       .on_wake = on_wake,
#ifdef EVENT_STYLE
                                       .open = open,
                                       .on_event = on_event,
                                       .close = close_exchange
#else
                                       .thread_start = thread_start,
                                       .thread_stop = thread_stop,
                                       .handle = handle
#endif
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
