/* plugin.c: the hooks of both interfaces. WSGI applications are served in blocking style, ASGI ones in event style. */
#include "application.h"
#include "asgi_hooks.h"
#include "asgi_loop.h"
#include "exceptions.h"
#include "interpreter.h"
#include "log.h"
#include "scheduling.h"
#include "wsgi_environ.h"
#include "wsgi_handle.h"

#include <stdio.h>
#include <stdlib.h>

/* An entry, from outrider_plugin_v1() on. Kept until the process ends. */
typedef struct known {
  entry entry; /* first: hooks get its address */
  struct known *next;
  outrider_status failure; /* of an import before load() */
  outrider_error error;
} known;

static known *all;

static known *find(const outrider_host *host) {
  for (known *one = all; one; one = one->next)
    if (one->entry.host == host) return one;
  known *one = calloc(1, sizeof *one);
  if (!one) return NULL;
  one->entry.host = host;
  one->error.size = sizeof one->error;
  one->next = all;
  return all = one;
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  known *one = find(host);
  if (!one) return OUTRIDER_E_LIMIT;
  *state = &one->entry;
  if (info->purpose == OUTRIDER_PURPOSE_INSPECT) return OUTRIDER_OK; /* its configuration may be empty */
  if (one->failure < 0) {
    snprintf(error->text, sizeof error->text, "%s", one->error.text);
    return one->failure;
  }
  if (info->process == OUTRIDER_PROCESS_MASTER && application_option(&one->entry, "chdir", "").size) {
    snprintf(error->text, sizeof error->text, "chdir needs load = \"worker\": it would change the master's directory");
    return OUTRIDER_E_INVALID;
  }
  if (info->process == OUTRIDER_PROCESS_MASTER && Py_Version >> 8 == 0x030D00) {
    snprintf(error->text, sizeof error->text,
             "load = \"master\" needs another Python than 3.13.0, which can't go on in a worker's thread after a fork: 3.13.1 can");
    return OUTRIDER_E_INVALID;
  }
  return application_load(&one->entry, error);
}

/* Entries share the interpreter: the first one loaded in the master prepares the fork for all. */
static void before_fork(void *state) {
  static void *first;
  if (!first) first = state;
  if (first == state) interpreter_before_fork();
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  entry *entry = state;
  interpreter_enter_worker();
  int result = entry->is_asgi ? asgi_start(entry) : wsgi_environ_prepare(entry, info);
  /* Unless this thread runs the application itself. */
  if (result == 0 && (entry->is_asgi ? !entry->loop->is_guest : info->model != OUTRIDER_MODEL_SYNC))
    scheduling_yield_to_python(entry);
  if (result < 0) exception_to_error(entry, "the application does not start", error);
  gil_drop();
  return result < 0 ? OUTRIDER_E_INVALID : OUTRIDER_OK;
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  entry *entry = state;
  gil_take();
  if (entry->is_asgi) asgi_stop(entry, deadline_ns);
  interpreter_leave();
}

static outrider_status thread_start(void *state, const outrider_thread_info *info, void **thread, outrider_error *error) {
  (void)state, (void)info, (void)thread, (void)error;
  return thread_join() < 0 ? OUTRIDER_E_LIMIT : OUTRIDER_OK;
}

static void thread_stop(void *state, void *thread) {
  (void)state, (void)thread;
  thread_leave();
}

static const outrider_plugin wsgi = {
    .size = sizeof wsgi,
    .abi = OUTRIDER_ABI_VERSION,
    .abi_required = OUTRIDER_ABI(1, 0),
    .capabilities = OUTRIDER_THREAD_SAFE,
    .name = "python-wsgi",
    .version = "1.0",
    .load = load,
    .before_fork = before_fork,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .thread_start = thread_start,
    .thread_stop = thread_stop,
    .handle = wsgi_handle,
};

static const outrider_plugin asgi = {
    .size = sizeof asgi,
    .abi = OUTRIDER_ABI_VERSION,
    .abi_required = OUTRIDER_ABI(1, 0),
    .name = "python-asgi",
    .version = "1.0",
    .load = load,
    .before_fork = before_fork,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .on_wake = asgi_on_wake,
    .open = asgi_open,
    .on_event = asgi_on_event,
    .close = asgi_close,
};

/* The style has to be known here and depends on the application: with "auto" the application is imported before
 * load(). */
const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  known *one = find(host);
  if (!one) return NULL;
  entry *entry = &one->entry;
  if (application_option_is(entry, "interface", "auto", "asgi")) return &asgi;
  if (application_option_is(entry, "interface", "auto", "auto") && application_option(entry, "app", NULL).size)
    one->failure = application_load(entry, &one->error);
  return entry->is_asgi ? &asgi : &wsgi;
}
