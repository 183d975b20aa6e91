/* interpreter.c: the Python interpreter of the process, from start to end. */
#define _GNU_SOURCE
#include "interpreter.h"

#include "embedded.h"
#include "log.h"
#include "venv.h"

#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int is_running;
static pid_t process;    /* in which Python knows that it runs */
static PyThreadState *first; /* of the thread that started it */
static int users;        /* entries that have not stopped */
static char home[PATH_MAX]; /* the virtual environment that Python was started with */

/* The host opens this plugin, and with it libpython, with RTLD_LOCAL. Extension modules are not linked against
 * libpython and look up its symbols in the global scope. */
static void make_symbols_global(const outrider_host *host) {
  Dl_info info;
  if (!dladdr((void *)(uintptr_t)&Py_InitializeFromConfig, &info) || !info.dli_fname) return;
  if (!dlopen(info.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD))
    log_format(host, NO_REQUEST, OUTRIDER_LOG_WARNING,
               "libpython's symbols are not global: %s. Extension modules may fail to load.", dlerror());
}

static PyStatus configure(PyConfig *config, const char *venv) {
  PyPreConfig before;
  PyPreConfig_InitPythonConfig(&before);
  before.utf8_mode = 1;
  PyStatus status = Py_PreInitialize(&before);
  PyConfig_InitPythonConfig(config);
  config->parse_argv = 0;
  config->install_signal_handlers = 0; /* the worker's signals are the host's */
  config->buffered_stdio = 0;          /* a worker may be killed */
  config->faulthandler = 1;            /* it shows Python's stacks, then calls the host's handler */
  /* The interpreter whose place this is, by which the standard library is found. Without a name it would be the first
   * python3 in $PATH, which may be another one. */
  char path[PATH_MAX + 16];
  if (venv[0])
    snprintf(path, sizeof path, "%s/bin/python", venv);
  else
    snprintf(path, sizeof path, PYTHON_PREFIX "/bin/python%d.%d", PY_MAJOR_VERSION, PY_MINOR_VERSION);
  if (!PyStatus_Exception(status)) status = PyConfig_SetBytesString(config, &config->program_name, path);
  if (!PyStatus_Exception(status)) {
    char *const arguments[] = {(char *)"outrider"};
    status = PyConfig_SetBytesArgv(config, 1, arguments);
  }
  return status;
}

static outrider_status start(const outrider_host *host, const char *venv, outrider_error *error) {
  if (venv[0] && !venv_is_usable(venv, error)) return OUTRIDER_E_INVALID;
  /* A standard library works only with its own libpython. */
  int is_foreign = venv[0] && !venv_is_native(venv);
  make_symbols_global(host);
  PyConfig config;
  PyStatus status = configure(&config, is_foreign ? "" : venv);
  if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) {
    snprintf(error->text, sizeof error->text, "Python does not start: %s", status.err_msg ? status.err_msg : "unknown");
    return OUTRIDER_E_IO;
  }
  is_running = 1;
  process = getpid();
  first = PyThreadState_Get();
  snprintf(home, sizeof home, "%s", venv);
  /* The thread that imports it first is Python's main thread. */
  PyObject *module = PyImport_ImportModule("threading");
  if (!module) PyErr_Clear();
  Py_XDECREF(module);
  PyObject *done = is_foreign ? embedded_call(EMBEDDED_VENV, "enter", "(s)", venv) : NULL;
  if (is_foreign && !done) {
    snprintf(error->text, sizeof error->text, "venv = \"%.200s\" cannot be entered", venv);
    PyErr_Clear();
    return OUTRIDER_E_IO;
  }
  Py_XDECREF(done);
  return OUTRIDER_OK;
}

outrider_status interpreter_start(const entry *entry, outrider_bytes venv, outrider_error *error) {
  char path[PATH_MAX];
  if (venv.size >= sizeof path) {
    snprintf(error->text, sizeof error->text, "venv has more than %d bytes", PATH_MAX - 1);
    return OUTRIDER_E_INVALID;
  }
  if (venv.size) memcpy(path, venv.data, venv.size);
  path[venv.size] = 0;
  while (venv.size > 1 && path[venv.size - 1] == '/') path[--venv.size] = 0;
  if (is_running) {
    if (strcmp(path, home) != 0) {
      snprintf(error->text, sizeof error->text,
               "venv = \"%.200s\", but Python runs with \"%.200s\" for another plugin: a server has one of them", path, home);
      return OUTRIDER_E_INVALID;
    }
    gil_take();
  } else {
    outrider_status status = start(entry->host, path, error);
    if (status < 0) return status;
  }
  users++;
  return OUTRIDER_OK;
}

/* Excludes all present objects from garbage collection. The collector of a worker would write to each of them, and the
 * kernel would copy their pages. */
static void freeze_objects(void) {
  PyObject *gc = PyImport_ImportModule("gc");
  PyObject *done = gc ? PyObject_CallMethod(gc, "freeze", NULL) : NULL;
  if (!done) PyErr_Clear();
  Py_XDECREF(done);
  Py_XDECREF(gc);
}

/* Python expects a call in the parent after each fork. The master uses Python only to prepare forks, so the call is made
 * before the next fork. */
void interpreter_before_fork(void) {
  static int has_forked;
  gil_take();
  if (has_forked) PyOS_AfterFork_Parent();
  has_forked = 1;
  freeze_objects();
  PyOS_BeforeFork();
  gil_drop();
}

/* A worker sets the handlers of its own for crashes. faulthandler has to come before them again, and to keep them for its
 * end; to disable it restores those of the master. */
static void renew_faulthandler(void) {
  static const int signals[] = {SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSEGV};
  enum { SIGNALS = sizeof signals / sizeof *signals };
  struct sigaction own[SIGNALS];
  for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], NULL, &own[i]);
  PyObject *module = PyImport_ImportModule("faulthandler");
  PyObject *disabled = module ? PyObject_CallMethod(module, "disable", NULL) : NULL;
  for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], &own[i], NULL);
  PyObject *enabled = disabled ? PyObject_CallMethod(module, "enable", NULL) : NULL;
  if (!enabled) PyErr_Clear();
  Py_XDECREF(enabled);
  Py_XDECREF(disabled);
  Py_XDECREF(module);
}

void interpreter_enter_worker(void) {
  if (process == getpid()) {
    gil_take();
    return;
  }
  PyEval_RestoreThread(first); /* of the master's thread, which this thread continues */
  PyOS_AfterFork_Child();
  process = getpid();
  renew_faulthandler();
}

void interpreter_leave(void) {
  if (--users) {
    gil_drop();
    return;
  }
  is_running = 0;
  Py_FinalizeEx();
}
