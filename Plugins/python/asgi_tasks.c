/* asgi_tasks.c: the task of each request. Its coroutine is the connection itself, so that no Python function is between
 * asyncio and the application. */
#include "asgi_tasks.h"

#include "asgi_coroutine.h"
#include "asgi_scope.h"
#include "asgi_websocket.h"
#include "exceptions.h"

#include <stdlib.h>

struct asgi_tasks {
  PyObject *type, *loop; /* asyncio.Task and its loop */
  PyObject *names;       /* of the keyword arguments */
  PyObject *name;        /* shared by all tasks, because a name with a number costs more than the rest of the task */
  /* Before Python 3.12 a task schedules its first step by call_soon(). The step is intercepted here and called at
   * once. */
  PyObject *call_soon; /* the loop's own method */
  int is_catching;
  PyObject *step, *context;
};

/* ---- Start of a task ------------------------------------------------------------------------------------------- */

#if PY_VERSION_HEX >= 0x030C0000

static int take_over(struct asgi_tasks *tasks) {
  tasks->names = Py_BuildValue("(sss)", "loop", "name", "eager_start");
  return tasks->names ? 0 : -1;
}

static PyObject *task_new(struct asgi_tasks *tasks, asgi_connection *connection) {
  PyObject *arguments[] = {(PyObject *)connection, tasks->loop, tasks->name, Py_True};
  return PyObject_Vectorcall(tasks->type, arguments, 1, tasks->names);
}

#else

static PyObject *call_soon(PyObject *capsule, PyObject *const *arguments, Py_ssize_t n, PyObject *names) {
  struct asgi_tasks *tasks = PyCapsule_GetPointer(capsule, NULL);
  if (!tasks->is_catching) return PyObject_Vectorcall(tasks->call_soon, arguments, (size_t)n, names);
  tasks->is_catching = 0;
  tasks->step = Py_NewRef(arguments[0]);
  tasks->context = names && PyTuple_GET_SIZE(names) == 1 ? Py_NewRef(arguments[n]) : NULL;
  Py_RETURN_NONE;
}

static PyMethodDef call_soon_method = {"call_soon", (PyCFunction)(void (*)(void))call_soon, METH_FASTCALL | METH_KEYWORDS,
                                       "call_soon(callback, *args, context=None)"};

static int take_over(struct asgi_tasks *tasks) {
  tasks->names = Py_BuildValue("(ss)", "loop", "name");
  tasks->call_soon = PyObject_GetAttrString(tasks->loop, "call_soon");
  PyObject *capsule = PyCapsule_New(tasks, NULL, NULL);
  PyObject *catcher = capsule ? PyCFunction_New(&call_soon_method, capsule) : NULL;
  int result = tasks->names && tasks->call_soon && catcher ? PyObject_SetAttrString(tasks->loop, "call_soon", catcher) : -1;
  Py_XDECREF(capsule);
  Py_XDECREF(catcher);
  return result;
}

/* Runs the intercepted step in the context that the task requested. It returns None. Only exceptions that end a program
 * leave it. */
static int run_step(struct asgi_tasks *tasks) {
  PyObject *step = tasks->step, *context = tasks->context;
  tasks->step = tasks->context = NULL;
  int result = step && context && PyContext_Enter(context) == 0 ? 0 : -1;
  if (result == 0) {
    PyObject *done = PyObject_CallNoArgs(step);
    if (!done) result = -1;
    Py_XDECREF(done);
    PyObject *exception = exception_take();
    if (PyContext_Exit(context) < 0) result = -1;
    if (exception) exception_restore(exception);
  }
  Py_XDECREF(step);
  Py_XDECREF(context);
  return result;
}

static PyObject *task_new(struct asgi_tasks *tasks, asgi_connection *connection) {
  PyObject *arguments[] = {(PyObject *)connection, tasks->loop, tasks->name};
  tasks->is_catching = 1;
  PyObject *task = PyObject_Vectorcall(tasks->type, arguments, 1, tasks->names);
  tasks->is_catching = 0;
  if (task) {
    connection->task = Py_NewRef(task);
    if (run_step(tasks) < 0) Py_CLEAR(task);
  }
  return task;
}

#endif

int asgi_tasks_prepare(asgi_loop *loop, PyObject *asyncio_loop) {
  struct asgi_tasks *tasks = loop->tasks = calloc(1, sizeof *tasks);
  if (!tasks) {
    PyErr_NoMemory();
    return -1;
  }
  PyObject *asyncio = PyImport_ImportModule("asyncio");
  tasks->type = asyncio ? PyObject_GetAttrString(asyncio, "Task") : NULL;
  tasks->loop = Py_NewRef(asyncio_loop);
  tasks->name = PyUnicode_FromString("request");
  Py_XDECREF(asyncio);
  return tasks->type && tasks->name ? take_over(tasks) : -1;
}

static void add_to_running(asgi_connection *connection) {
  asgi_connection **first = &connection->entry->loop->running;
  connection->next = *first;
  connection->link = first;
  if (*first) (*first)->link = &connection->next;
  *first = (asgi_connection *)Py_NewRef((PyObject *)connection);
}

static void take_from_running(asgi_connection *connection) {
  if (!connection->link) return;
  *connection->link = connection->next;
  if (connection->next) connection->next->link = connection->link;
  connection->link = NULL;
  Py_DECREF((PyObject *)connection);
}

void asgi_tasks_begin(asgi_connection *connection) {
  PyObject *task = task_new(connection->entry->loop->tasks, connection);
  if (!task) {
    exception_log(connection->entry, asgi_connection_request(connection), "the request's task failed");
    asgi_connection_give_up(connection);
  } else if (!connection->is_over) {
    if (!connection->task) connection->task = Py_NewRef(task);
    add_to_running(connection);
  }
  if (connection->is_over) Py_CLEAR(connection->task);
  Py_XDECREF(task);
}

PyObject *asgi_tasks_running(const asgi_loop *loop) {
  PyObject *list = PyList_New(0);
  for (asgi_connection *one = loop->running; list && one; one = one->next)
    if (one->task && PyList_Append(list, one->task) < 0) Py_CLEAR(list);
  return list;
}

/* ---- The application's call -------------------------------------------------------------------------------------- */

/* The iterator that `await` uses for an object. [new reference] */
static PyObject *awaited(PyObject *returned) {
  if (PyCoro_CheckExact(returned) || PyGen_CheckExact(returned)) return Py_NewRef(returned);
  PyObject *iterator = PyObject_CallMethod(returned, "__await__", NULL);
  if (!iterator && PyErr_ExceptionMatches(PyExc_AttributeError)) {
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError, "the application returned %R, which can't be awaited", returned);
  }
  return iterator;
}

/* The first step, in the task's own context, in which the log finds the request. */
static int begin(asgi_connection *connection) {
  const entry *entry = connection->entry;
  connection->has_begun = 1;
  PyObject *token = PyContextVar_Set(log_variable(), (PyObject *)connection);
  Py_XDECREF(token);
  if (!connection->exchange) {
    PyErr_SetString(PyExc_ConnectionResetError, "the client has left");
    return -1;
  }
  PyObject *arguments[] = {asgi_scope_new(connection->exchange, entry->loop->state), asgi_callable_receive(connection),
                           asgi_callable_send(connection)};
  PyObject *returned = NULL;
  if (token && arguments[0] && arguments[1] && arguments[2])
    returned = PyObject_Vectorcall(entry->application, arguments, 3, NULL);
  for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) Py_XDECREF(arguments[i]);
  connection->call = returned ? awaited(returned) : NULL;
  Py_XDECREF(returned);
  return connection->call ? 0 : -1;
}

static void leave(asgi_connection *connection) {
  connection->is_over = 1;
  Py_CLEAR(connection->call);
  Py_CLEAR(connection->task);
}

/* The application has returned. */
static void end(asgi_connection *connection) {
  if (connection->websocket && asgi_websocket_finish(connection)) return;
  if (!connection->is_complete && !connection->is_gone)
    log_text(connection->entry->host, asgi_connection_request(connection), OUTRIDER_LOG_ERROR,
             outrider_text(connection->status      ? "ASGI application returned without completing its response"
                           : connection->websocket ? "ASGI application returned without accepting the WebSocket"
                                                   : "ASGI application returned without starting a response"));
  if (!connection->is_gone) asgi_connection_give_up(connection);
}

/* Handles an exception of the application. True if the task has to end with it, as for its cancellation. */
static int fail(asgi_connection *connection) {
  PyObject *exception = exception_take();
  int is_hosts = connection->is_gone && PyErr_GivenExceptionMatches(exception, PyExc_OSError);
  int is_cancellation = !PyErr_GivenExceptionMatches(exception, PyExc_Exception) &&
                        !PyErr_GivenExceptionMatches(exception, PyExc_SystemExit) &&
                        !PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt);
  if (!is_hosts) {
    exception_restore(Py_NewRef(exception));
    exception_log(connection->entry, asgi_connection_request(connection), "exception in the ASGI application");
  }
  if (!connection->is_gone) asgi_connection_give_up(connection);
  if (is_cancellation)
    exception_restore(exception);
  else
    Py_DECREF(exception);
  return is_cancellation;
}

PySendResult asgi_tasks_advance(PyObject *self, PyObject *value, PyObject **result) {
  asgi_connection *connection = (asgi_connection *)self;
  *result = NULL;
  if (connection->is_over) {
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return PYGEN_ERROR;
  }
  PySendResult sent = PYGEN_ERROR;
  if (connection->has_begun || begin(connection) == 0) sent = PyIter_Send(connection->call, value, result);
  if (sent == PYGEN_NEXT) return sent;
  Py_INCREF(self);
  take_from_running(connection);
  int is_failed = 0;
  if (sent == PYGEN_RETURN) {
    Py_CLEAR(*result);
    end(connection);
  } else {
    is_failed = fail(connection);
  }
  leave(connection);
  Py_DECREF(self);
  if (is_failed) return PYGEN_ERROR;
  *result = Py_NewRef(Py_None);
  return PYGEN_RETURN;
}

/* ---- A connection as a coroutine --------------------------------------------------------------------------------- */

PyObject *asgi_tasks_next(PyObject *self) {
  PyObject *result;
  PySendResult sent = asgi_tasks_advance(self, Py_None, &result);
  return coroutine_result(sent, result);
}

static PyObject *coroutine_send(PyObject *self, PyObject *value) {
  PyObject *result;
  PySendResult sent = asgi_tasks_advance(self, value, &result);
  return coroutine_result(sent, result);
}

/* A cancelled task gets its exception here. */
static PyObject *throw(PyObject *self, PyObject *arguments) {
  asgi_connection *connection = (asgi_connection *)self;
  PyObject *thrown = NULL;
  if (PyTuple_GET_SIZE(arguments) < 1) {
    PyErr_SetString(PyExc_TypeError, "throw(exception)");
    return NULL;
  }
  if (connection->call)
    thrown = coroutine_throw(connection->call, arguments);
  else
    coroutine_raise(arguments);
  if (thrown || connection->is_over) return thrown;
  Py_INCREF(self);
  take_from_running(connection);
  int is_failed = 0;
  if (PyErr_ExceptionMatches(PyExc_StopIteration)) {
    PyErr_Clear();
    end(connection);
  } else {
    is_failed = fail(connection);
  }
  leave(connection);
  Py_DECREF(self);
  if (!is_failed) PyErr_SetNone(PyExc_StopIteration);
  return NULL;
}

static PyObject *coroutine_close(PyObject *self, PyObject *none) {
  asgi_connection *connection = (asgi_connection *)self;
  (void)none;
  PyObject *call = Py_XNewRef(connection->call);
  PyObject *closed = call ? PyObject_CallMethod(call, "close", NULL) : Py_NewRef(Py_None);
  Py_XDECREF(call);
  if (!closed || connection->is_over) return closed;
  Py_INCREF(self);
  take_from_running(connection);
  if (!connection->is_gone) asgi_connection_give_up(connection);
  leave(connection);
  Py_DECREF(self);
  return closed;
}

PyMethodDef asgi_tasks_methods[] = {
    {"send", coroutine_send, METH_O, "send(value)"},
    {"throw", throw, METH_VARARGS, "throw(exception)"},
    {"close", coroutine_close, METH_NOARGS, "close()"},
    {NULL, NULL, 0, NULL},
};
