/* asgi_loop.c: the event loop of an ASGI application: its start, its end, and the messages to it. */
#include "asgi_loop.h"

#include "application.h"
#include "asgi_connection.h"
#include "asgi_guest.h"
#include "asgi_hooks.h"
#include "asgi_lend.h"
#include "asgi_tasks.h"
#include "asgi_websocket.h"
#include "embedded.h"
#include "exceptions.h"
#include "log.h"

#include <outrider/health.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

/* ---- Messages --------------------------------------------------------------------------------------------------------- */

static void opened(asgi_exchange *exchange) {
  exchange->connection = asgi_connection_new(exchange);
  if (exchange->connection) {
    asgi_connection_opened(exchange->connection);
    return;
  }
  exception_log(exchange->entry, (log_request){exchange->id, NULL}, "no memory for a request");
  outrider_send_abort(exchange->entry->host, exchange->id, OUTRIDER_E_LIMIT);
}

static void closed(asgi_exchange *exchange) {
  if (exchange->connection) {
    asgi_connection_closed(exchange->connection);
    Py_DECREF((PyObject *)exchange->connection);
  }
  free(exchange);
}

static void tell(asgi_message *message) {
  asgi_exchange *exchange = message->exchange;
  asgi_connection *connection = exchange ? exchange->connection : NULL;
  switch (message->kind) {
  case ASGI_OPENED:
    opened(exchange);
    return;
  case ASGI_CLOSED:
    closed(exchange);
    return;
  case ASGI_RELEASED:
    asgi_lend_take_back(message);
    return;
  case ASGI_REQUEST:
    if (connection) asgi_connection_body(connection, message);
    break;
  case ASGI_TEXT:
  case ASGI_BINARY:
    if (connection) asgi_websocket_message(connection, message);
    break;
  case ASGI_SHUT:
    if (connection) asgi_websocket_shut(connection, message);
    break;
  case ASGI_GONE:
    if (connection) asgi_connection_gone(connection);
    break;
  case ASGI_RESUMED:
    if (connection) asgi_connection_resumed(connection);
    break;
  }
  free(message);
}

static PyObject *drain(PyObject *capsule, PyObject *none) {
  const entry *entry = PyCapsule_GetPointer(capsule, NULL);
  asgi_loop *loop = entry->loop;
  eventfd_t count;
  (void)none;
  if (loop->wake >= 0) (void)eventfd_read(loop->wake, &count);
  asgi_answers_begin_batch(&loop->answers);
  for (asgi_message *message = asgi_queue_take(&loop->queue), *next; message; message = next) {
    next = message->next;
    if (loop->health) loop->health_functions->alive(entry->host, loop->health);
    tell(message);
  }
  asgi_queue_done(&loop->queue);
  asgi_answers_end_batch(&loop->answers, entry->host);
  Py_RETURN_NONE;
}

static PyMethodDef drain_method = {"drain", drain, METH_NOARGS, "drain(): take what the worker's loop tells"};

static PyObject *running(PyObject *capsule, PyObject *none) {
  const entry *entry = PyCapsule_GetPointer(capsule, NULL);
  (void)none;
  return asgi_tasks_running(entry->loop);
}

static PyMethodDef running_method = {"running", running, METH_NOARGS, "running(): the tasks of requests"};

/* ---- Errors of the loop itself ------------------------------------------------------------------------------------------- */

static PyObject *log_error(PyObject *capsule, PyObject *arguments) {
  const entry *entry = PyCapsule_GetPointer(capsule, NULL);
  PyObject *exception;
  const char *what;
  if (!PyArg_ParseTuple(arguments, "Os", &exception, &what)) return NULL;
  if (exception == Py_None) {
    log_text(entry->host, NO_REQUEST, OUTRIDER_LOG_ERROR, outrider_text(what));
  } else {
    exception_restore(Py_NewRef(exception));
    exception_log(entry, NO_REQUEST, what);
  }
  Py_RETURN_NONE;
}

static PyMethodDef log_method = {"log", log_error, METH_VARARGS, NULL};

/* ---- Start and end ----------------------------------------------------------------------------------------------------- */

static PyObject *bound(PyMethodDef *method, void *to) {
  PyObject *capsule = PyCapsule_New(to, NULL, NULL);
  PyObject *function = capsule ? PyCFunction_New(method, capsule) : NULL;
  Py_XDECREF(capsule);
  return function;
}

static PyObject *make_loop(entry *entry) {
  outrider_bytes kind = application_option(entry, "loop", "asyncio");
  outrider_bytes lifespan = application_option(entry, "lifespan", "auto");
  return embedded_call(EMBEDDED_LOOP, entry->loop->is_guest ? "Guest" : "Threaded", "(Os#s#NNNi)", entry->application, kind.data,
                       (Py_ssize_t)kind.size, lifespan.data, (Py_ssize_t)lifespan.size, bound(&drain_method, entry),
                       bound(&running_method, entry), bound(&log_method, entry), entry->loop->wake);
}

/* The lifespan's state for the scopes of requests, or NULL. -1 with an exception. */
static int take_state(asgi_loop *loop) {
  PyObject *lifespan = PyObject_GetAttrString(loop->loop, "lifespan");
  PyObject *is_supported = lifespan ? PyObject_GetAttrString(lifespan, "is_supported") : NULL;
  if (is_supported == Py_True) loop->state = PyObject_GetAttrString(lifespan, "state");
  Py_XDECREF(is_supported);
  Py_XDECREF(lifespan);
  return PyErr_Occurred() ? -1 : 0;
}

/* ---- A thread of its own ----------------------------------------------------------------------------------------------- */

/* The thread is considered stuck if it does not take the next message within timeouts.worker. */
static void note_life(void *context, int is_busy) {
  const entry *entry = context;
  const asgi_loop *loop = entry->loop;
  (void)(is_busy ? loop->health_functions->alive : loop->health_functions->idle)(entry->host, loop->health);
}

static void watch_life(entry *entry) {
  asgi_loop *loop = entry->loop;
  loop->health_functions = entry->host->extension(entry->host, OUTRIDER_HEALTH);
  if (!loop->health_functions || loop->health_functions->watch(entry->host, "python-asyncio", &loop->health) < 0) {
    loop->health = 0;
    return;
  }
  (void)loop->health_functions->idle(entry->host, loop->health);
  loop->queue.context = entry;
  loop->queue.changed = note_life;
}

static void unwatch_life(const entry *entry) {
  asgi_loop *loop = entry->loop;
  if (!loop->health) return;
  loop->queue.changed = NULL;
  (void)loop->health_functions->unwatch(entry->host, loop->health);
  loop->health = 0;
}

/* ---- Start and end ------------------------------------------------------------------------------------------------------- */

static int make(entry *entry) {
  asgi_loop *loop = entry->loop = calloc(1, sizeof *loop);
  if (!loop) {
    PyErr_NoMemory();
    return -1;
  }
  loop->is_guest = application_option_is(entry, "mode", "thread", "guest");
  loop->websocket = entry->host->extension(entry->host, OUTRIDER_WEBSOCKET);
  loop->wake = loop->is_guest ? -1 : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (asgi_queue_make(&loop->queue) < 0 || asgi_answers_make(&loop->answers) < 0 || (!loop->is_guest && loop->wake < 0)) {
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
  }
  return asgi_connection_ready() < 0 || !(loop->loop = make_loop(entry)) ? -1 : 0;
}

int asgi_start(entry *entry) {
  if (make(entry) < 0) return -1;
  asgi_loop *loop = entry->loop;
  PyObject *asyncio = PyObject_CallMethod(loop->loop, "start", NULL);
  int result = asyncio ? asgi_tasks_prepare(loop, asyncio) : -1;
  if (result == 0) loop->create_future = PyObject_GetAttrString(asyncio, "create_future");
  Py_XDECREF(asyncio);
  if (!loop->create_future || take_state(loop) < 0) return -1;
  if (loop->is_guest) return asgi_guest_enter(entry);
  watch_life(entry);
  return 0;
}

void asgi_stop(entry *entry, uint64_t deadline_ns) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  uint64_t now = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
  double seconds = deadline_ns > now ? (double)(deadline_ns - now) / 1e9 : 0;
  if (entry->loop->is_guest)
    asgi_guest_leave(entry);
  else
    unwatch_life(entry);
  PyObject *done = PyObject_CallMethod(entry->loop->loop, "stop", "d", seconds);
  if (!done) exception_log(entry, NO_REQUEST, "the event loop could not be stopped");
  Py_XDECREF(done);
}
