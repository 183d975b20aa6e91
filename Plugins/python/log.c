/* log.c: text for the server's error log, with the ID of the request that it belongs to.
 *
 * Under WSGI this is the request that the thread runs the application for. Under ASGI a context variable, which tasks
 * inherit, identifies the request. */
#include "log.h"

#include "asgi_connection.h"
#include "embedded.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local outrider_exchange current;
static PyObject *variable;

outrider_exchange *log_exchange(void) { return &current; }

PyObject *log_variable(void) { return variable; }

static void log_line(const outrider_host *host, log_request request, uint32_t level, outrider_bytes line) {
  char text[4096];
  if (request.id && !host->head(host, request.exchange)) {
    int size = snprintf(text, sizeof text, "%.*s request=%s", (int)(line.size < 3900 ? line.size : 3900), line.data, request.id);
    line = (outrider_bytes){text, size < 0 ? 0 : (size_t)size};
    request = NO_REQUEST;
  }
  host->log(host, request.exchange, level, line);
}

void log_text(const outrider_host *host, log_request request, uint32_t level, outrider_bytes text) {
  while (text.size) {
    const char *end = memchr(text.data, '\n', text.size);
    size_t size = end ? (size_t)(end - text.data) : text.size;
    if (size) log_line(host, request, level, (outrider_bytes){text.data, size});
    size += end != NULL;
    text = (outrider_bytes){text.data + size, text.size - size};
  }
}

void log_format(const outrider_host *host, log_request request, uint32_t level, const char *format, ...) {
  char text[1024];
  va_list list;
  va_start(list, format);
  int size = vsnprintf(text, sizeof text, format, list);
  va_end(list);
  if (size < 0) return;
  if ((size_t)size >= sizeof text) size = sizeof text - 1;
  log_line(host, request, level, (outrider_bytes){text, (size_t)size});
}

/* The request that the running code belongs to. *connection must be released. */
static log_request request_of_context(PyObject **connection) {
  *connection = NULL;
  if (current.id) return (log_request){current, NULL};
  if (PyContextVar_Get(variable, NULL, connection) == 0 && *connection)
    return asgi_connection_request((struct asgi_connection *)*connection);
  PyErr_Clear();
  return NO_REQUEST;
}

static PyObject *log_record(PyObject *capsule, PyObject *arguments) {
  const outrider_host *host = PyCapsule_GetPointer(capsule, NULL);
  int level;
  const char *text;
  Py_ssize_t size;
  if (!host || !PyArg_ParseTuple(arguments, "is#", &level, &text, &size)) return NULL;
  PyObject *connection;
  log_request request = request_of_context(&connection);
  log_text(host, request, (uint32_t)level, (outrider_bytes){text, (size_t)size});
  Py_XDECREF(connection);
  Py_RETURN_NONE;
}

static PyMethodDef log_method = {"log", log_record, METH_VARARGS, NULL};

int log_install(const entry *entry) {
  if (variable) return 0;
  PyObject *capsule = PyCapsule_New((void *)entry->host, NULL, NULL);
  PyObject *function = capsule ? PyCFunction_New(&log_method, capsule) : NULL;
  Py_XDECREF(capsule);
  variable = PyContextVar_New("outrider.connection", NULL);
  PyObject *done = function && variable ? embedded_call(EMBEDDED_RECORDS, "install", "(O)", function) : NULL;
  Py_XDECREF(function);
  Py_XDECREF(done);
  return done ? 0 : -1;
}
