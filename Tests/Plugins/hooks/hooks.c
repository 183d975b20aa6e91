/* hooks: a plugin for tests that tells when its hooks and handlers run, and takes its time in them.
 *
 * Its [plugin.config] says what it is (thread_safe), and what its hooks do: thread_start is refuse, or thread_start_ms the
 * milliseconds that it takes on the first thread, twice that on the second, and so on; stop_ms those of worker_stop;
 * stop_text is what that prints to stdio; destructor is print, or hang to stay in it for ever. Built with -DEVENT_STYLE it
 * is an event-style plugin, else a blocking one.
 */
#define _GNU_SOURCE

#include <inttypes.h>
#include <outrider.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PATIENCE 5000 /* milliseconds after which a handler that waits for others gives up */

extern char **environ;

/* One for each entry of the configuration. */
typedef struct entry {
  const outrider_host *host;
  pid_t starter; /* the thread that worker_start ran on */
  _Atomic int inside, most, started;
} entry;

typedef struct visit {
  entry *entry;
  const outrider_io *io; /* NULL in event style */
  const outrider_head *head;
  outrider_exchange exchange;
} visit;

static void log_text(const outrider_host *host, outrider_exchange exchange, const char *text) {
  host->log(host, exchange, OUTRIDER_LOG_INFO, outrider_text(text));
}

static outrider_status answer(const visit *visit, const char *text) {
  return outrider_send_response(visit->entry->host, visit->exchange, 200, NULL, 0, outrider_text(text));
}

static void sleep_milliseconds(long milliseconds) {
  nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

/* The query as a number. */
static long query_number(const visit *visit) {
  char text[16];
  snprintf(text, sizeof text, "%.*s", (int)visit->head->query.size, visit->head->query.data);
  return strtol(text, NULL, 10);
}

/* Whether the number gets there before patience is at its end. */
static int wait_until(_Atomic int *number, int least) {
  for (int i = 0; i < PATIENCE && *number < least; i++) sleep_milliseconds(1);
  return *number >= least;
}

static outrider_status ok(visit *visit) { return answer(visit, "ok"); }

/* ---- Who is inside at once -------------------------------------------------------------------------------------- */

static void enter(entry *entry) {
  int now = ++entry->inside, most = entry->most;
  while (now > most && !atomic_compare_exchange_weak(&entry->most, &most, now)) continue;
}

static outrider_status leave(visit *visit, const char *what) {
  char text[64];
  snprintf(text, sizeof text, "%s most=%d\n", what, (int)visit->entry->most);
  visit->entry->inside--;
  return answer(visit, text);
}

/* /turn?N: takes N milliseconds. */
static outrider_status turn(visit *visit) {
  enter(visit->entry);
  sleep_milliseconds(query_number(visit));
  return leave(visit, "turned");
}

/* /meet?N: answers when N are here together. */
static _Atomic int met;

static outrider_status meet(visit *visit) {
  enter(visit->entry);
  met++;
  return leave(visit, wait_until(&met, (int)query_number(visit)) ? "met" : "alone");
}

/* /hold: stays until somebody asks any entry for /release. */
static _Atomic int released;

static outrider_status hold(visit *visit) {
  enter(visit->entry);
  return leave(visit, wait_until(&released, 1) ? "released" : "held");
}

static outrider_status release(visit *visit) {
  released++;
  return answer(visit, "ok");
}

/* /threads: those that worker_start and this handler run on. */
static outrider_status threads(visit *visit) {
  char text[64];
  snprintf(text, sizeof text, "worker_start=%d handler=%d\n", (int)visit->entry->starter, (int)gettid());
  return answer(visit, text);
}

static outrider_status count_started(visit *visit) {
  char text[32];
  snprintf(text, sizeof text, "started=%d\n", (int)visit->entry->started);
  return answer(visit, text);
}

/* ---- Programs --------------------------------------------------------------------------------------------------- */

static void read_all(FILE *pipe, char *text, size_t capacity) {
  size_t size = pipe ? fread(text, 1, capacity - 1, pipe) : 0;
  text[size] = 0;
}

/* /signals: those that are blocked and ignored in programs that this one starts, one by itself and one by a shell. */
static const char signals_script[] = "grep -E '^Sig(Blk|Ign):' /proc/self/status";

static int read_spawned(char *text, size_t capacity) {
  int ends[2], status = -1;
  pid_t child;
  posix_spawn_file_actions_t actions;
  if (pipe(ends)) return -1;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  char *const arguments[] = {"grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status", NULL};
  if (!posix_spawn(&child, "/bin/grep", &actions, NULL, arguments, environ)) {
    close(ends[1]);
    FILE *file = fdopen(ends[0], "r");
    read_all(file, text, capacity);
    fclose(file);
    waitpid(child, &status, 0);
  }
  posix_spawn_file_actions_destroy(&actions);
  return status;
}

static outrider_status signals(visit *visit) {
  char text[1024] = "";
  if (read_spawned(text, 256)) return OUTRIDER_E_IO;
  size_t size = strlen(text);
  FILE *pipe = popen(signals_script, "r");
  read_all(pipe, text + size, 256);
  if (!pipe || pclose(pipe)) return OUTRIDER_E_IO;
  return answer(visit, text);
}

/* /end-child: the signal that ends a `sleep` which is told to terminate; 0 if none does. */
static outrider_status end_child(visit *visit) {
  pid_t child;
  int status = 0, ended = 0;
  char text[32], *const arguments[] = {"sleep", "60", NULL};
  if (posix_spawnp(&child, "sleep", NULL, NULL, arguments, environ)) return OUTRIDER_E_IO;
  sleep_milliseconds(20);
  kill(child, SIGTERM);
  for (int i = 0; i < 1000 && !(ended = waitpid(child, &status, WNOHANG) == child); i++) sleep_milliseconds(1);
  if (!ended) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    status = 0;
  }
  snprintf(text, sizeof text, "signal=%d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  return answer(visit, text);
}

/* ---- Hooks ------------------------------------------------------------------------------------------------------- */

static pid_t worker; /* 0 in the master */
static enum { SILENT, PRINT, HANG } at_the_end;

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int is_config(const outrider_host *host, const char *key, const char *word) {
  outrider_bytes value = host->config_string(host, key, "");
  return value.size == strlen(word) && memcmp(value.data, word, value.size) == 0;
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  entry *entry = calloc(1, sizeof *entry);
  (void)info, (void)error;
  if (!entry) return OUTRIDER_E_LIMIT;
  entry->host = host;
  *state = entry;
  if (is_config(host, "destructor", "print")) at_the_end = PRINT;
  if (is_config(host, "destructor", "hang")) at_the_end = HANG;
  return OUTRIDER_OK;
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  entry *entry = state;
  (void)info, (void)error;
  worker = getpid();
  entry->starter = gettid();
  return OUTRIDER_OK;
}

static void worker_stop(void *state, uint64_t deadline) {
  entry *entry = state;
  const outrider_host *host = entry->host;
  const outrider_exchange none = {0};
  char line[128];
  const int64_t left = deadline ? (int64_t)deadline - nanoseconds() : 0;
  snprintf(line, sizeof line, "worker_stop left=%" PRId64, left);
  log_text(host, none, line);
  sleep_milliseconds(host->config_integer(host, "stop_ms", 0));
  outrider_bytes text = host->config_string(host, "stop_text", "");
  printf("%.*s", (int)text.size, text.data);
  log_text(host, none, "worker_stop done");
}

#ifndef EVENT_STYLE
static outrider_status thread_start(void *state, const outrider_thread_info *info, void **thread,
                                    outrider_error *error) {
  (void)info, (void)thread;
  entry *entry = state;
  const outrider_host *host = entry->host;
  static _Atomic int threads;
  if (is_config(host, "thread_start", "refuse")) {
    outrider_bytes text = host->config_string(host, "thread_start_text", "");
    snprintf(error->text, sizeof error->text, "%.*s", (int)text.size, text.data);
    return OUTRIDER_E_LIMIT;
  }
  sleep_milliseconds(host->config_integer(host, "thread_start_ms", 0) * ++threads);
  entry->started++;
  return OUTRIDER_OK;
}
#endif

__attribute__((destructor)) static void destroyed(void) {
  if (!worker || worker != getpid() || at_the_end == SILENT) return;
  printf("[destructor]");
  if (at_the_end == PRINT) return;
  fflush(stdout);
  for (;;) pause();
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

static const struct {
  outrider_bytes path;
  outrider_status (*run)(visit *);
} routes[] = {
    {OUTRIDER_BYTES("/"), ok},
    {OUTRIDER_BYTES("/turn"), turn},
    {OUTRIDER_BYTES("/meet"), meet},
    {OUTRIDER_BYTES("/hold"), hold},
    {OUTRIDER_BYTES("/release"), release},
    {OUTRIDER_BYTES("/started"), count_started},
    {OUTRIDER_BYTES("/threads"), threads},
    {OUTRIDER_BYTES("/signals"), signals},
    {OUTRIDER_BYTES("/end-child"), end_child},
};

static outrider_status run(visit *visit) {
  for (size_t i = 0; i < COUNT(routes); i++) {
    outrider_bytes path = visit->head->path, known = routes[i].path;
    if (path.size == known.size && memcmp(path.data, known.data, path.size) == 0) return routes[i].run(visit);
  }
  return OUTRIDER_E_INVALID;
}

#ifdef EVENT_STYLE

/* /stay is never answered. */
static outrider_status open(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  visit visit = {.entry = state, .head = head, .exchange = exchange};
  (void)self;
  if (head->path.size == 5 && memcmp(head->path.data, "/stay", 5) == 0) return OUTRIDER_OK;
  return run(&visit);
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)self, (void)exchange, (void)event;
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)exchange, (void)self;
}

#else

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  visit visit = {.entry = state, .io = io, .head = head, .exchange = exchange};
  return run(&visit);
}

#endif

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  static const outrider_plugin common = {
      .size = sizeof common,
      .abi = OUTRIDER_ABI_VERSION,
      .abi_required = OUTRIDER_ABI(1, 0),
      .version = "1.0",
      .load = load,
      .worker_start = worker_start,
      .worker_stop = worker_stop,
#ifdef EVENT_STYLE
      .name = "hooks_event",
      .open = open,
      .on_event = on_event,
      .close = close_exchange,
#else
      .name = "hooks_blocking",
      .thread_start = thread_start,
      .handle = handle,
#endif
  };
  outrider_plugin *plugin = malloc(sizeof *plugin); /* for the life of the process */
  if (!plugin) return NULL;
  *plugin = common;
  if (host->config_boolean(host, "thread_safe", 1)) plugin->capabilities = OUTRIDER_THREAD_SAFE;
  return plugin;
}
