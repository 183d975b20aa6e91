/* wsgi_response.c: start_response(), write() and wsgi.early_hints. */
#include "exceptions.h"
#include "log.h"
#include "wsgi_request.h"

int wsgi_has_no_body(const wsgi_request *request) {
  return request->is_head || request->status == 204 || request->status == 205 || request->status == 304;
}

/* "200 OK": three digits, then a space or nothing. The server uses its own reason phrase. */
static uint32_t parse_status(PyObject *text) {
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "the status is a str, not %R", text);
    return 0;
  }
  uint32_t status = 0;
  Py_ssize_t size = PyUnicode_GET_LENGTH(text), digits = 0;
  for (; digits < size; digits++) {
    Py_UCS4 c = PyUnicode_READ_CHAR(text, digits);
    if (c < '0' || c > '9' || digits == 4) break;
    status = status * 10 + (c - '0');
  }
  if (digits == 3 && status >= 200 && (size == 3 || PyUnicode_READ_CHAR(text, 3) == ' ')) return status;
  PyErr_Format(PyExc_ValueError, "invalid status %R", text);
  return 0;
}

/* exc_info as from sys.exc_info(): the exception is raised again, since the head can no longer be replaced. */
static void raise_again(PyObject *exc_info) {
  PyObject *exception = PyTuple_Check(exc_info) && PyTuple_GET_SIZE(exc_info) == 3 ? PyTuple_GET_ITEM(exc_info, 1) : NULL;
  if (exception && PyExceptionInstance_Check(exception))
    exception_restore(Py_NewRef(exception));
  else
    PyErr_Format(PyExc_TypeError, "exc_info is a tuple (type, exception, traceback), not %R", exc_info);
}

static PyObject *write_bytes(PyObject *self, PyObject *data) {
  if (!PyBytes_Check(data)) {
    PyErr_Format(PyExc_TypeError, "write() takes bytes, not %R", (PyObject *)Py_TYPE(data));
    return NULL;
  }
  outrider_bytes bytes = {PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data)};
  if (wsgi_send((wsgi_request *)self, bytes) < 0) return NULL;
  Py_RETURN_NONE;
}

static PyMethodDef write_method = {"write", write_bytes, METH_O, "write(bytes): send part of the body"};

enum { STATUS, HEADERS, EXC_INFO, ARGUMENTS };

/* By position, or by the names in PEP 3333. */
static int take_arguments(PyObject *taken[ARGUMENTS], PyObject *const *arguments, Py_ssize_t n, PyObject *names) {
  static const struct {
    const char *name;
    int index;
  } known[] = {{"status", STATUS}, {"headers", HEADERS}, {"response_headers", HEADERS}, {"exc_info", EXC_INFO}};
  int is_valid = n <= ARGUMENTS;
  for (Py_ssize_t i = 0; i < ARGUMENTS; i++) taken[i] = i < n ? arguments[i] : NULL;
  for (Py_ssize_t i = 0; is_valid && names && i < PyTuple_GET_SIZE(names); i++) {
    size_t at = 0, end = sizeof known / sizeof *known;
    while (at < end && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), known[at].name) != 0) at++;
    is_valid = at < end && !taken[known[at].index];
    if (is_valid) taken[known[at].index] = arguments[n + i];
  }
  if (is_valid && taken[STATUS] && taken[HEADERS]) return 0;
  PyErr_SetString(PyExc_TypeError, "start_response(status, headers, exc_info=None)");
  return -1;
}

PyObject *wsgi_start_response(PyObject *self, PyObject *const *arguments, Py_ssize_t n, PyObject *names) {
  wsgi_request *request = (wsgi_request *)self;
  PyObject *taken[ARGUMENTS];
  if (take_arguments(taken, arguments, n, names) < 0) return NULL;
  int has_exception = taken[EXC_INFO] && taken[EXC_INFO] != Py_None;
  if (has_exception && request->is_started) {
    raise_again(taken[EXC_INFO]);
    return NULL;
  }
  if (!has_exception && request->status) {
    PyErr_SetString(PyExc_AssertionError, "start_response() was called a second time without exc_info");
    return NULL;
  }
  uint32_t status = parse_status(taken[STATUS]);
  request->status = 0;
  if (!status || field_list_take(&request->fields, taken[HEADERS], 0) < 0) return NULL;
  request->status = status;
  return PyCFunction_New(&write_method, self);
}

static int is_usable(wsgi_request *request) {
  if (request->is_over) {
    PyErr_SetString(PyExc_RuntimeError, "the request is over");
    return 0;
  }
  if (!request->status) {
    PyErr_SetString(PyExc_AssertionError, "the body came before start_response() was called");
    return 0;
  }
  return 1;
}

int wsgi_send_head(wsgi_request *request) {
  if (request->is_started) return 0;
  if (!is_usable(request)) return -1;
  outrider_status status =
      request->io->start(request->io, request->exchange, request->status, request->fields.fields, request->fields.n);
  if (status < 0) {
    wsgi_request_raise(request, status, "the response's head");
    return -1;
  }
  request->is_started = 1;
  return 0;
}

int64_t wsgi_within_length(wsgi_request *request, int64_t size) {
  if (request->fields.content_length < 0 || wsgi_has_no_body(request)) return size;
  int64_t room = request->fields.content_length - request->sent;
  if (size <= room) return size;
  if (!request->is_cut)
    log_format(request->entry->host, (log_request){request->exchange, NULL}, OUTRIDER_LOG_WARNING,
               "the application gives more bytes than its Content-Length of %lld; the rest is not sent",
               (long long)request->fields.content_length);
  request->is_cut = 1;
  return room;
}

int wsgi_send(wsgi_request *request, outrider_bytes bytes) {
  if (!is_usable(request) || wsgi_send_head(request) < 0) return -1;
  bytes.size = (size_t)wsgi_within_length(request, (int64_t)bytes.size);
  if (bytes.size == 0) return 0;
  outrider_status status;
  Py_BEGIN_ALLOW_THREADS
  status = request->io->write(request->io, request->exchange, &bytes, 1);
  Py_END_ALLOW_THREADS
  if (status < 0) {
    wsgi_request_raise(request, status, "write");
    return -1;
  }
  request->sent += (int64_t)bytes.size;
  return 0;
}

/* Malformed fields raise an exception. Hints that come too late or exceed early_hints.max_per_request are ignored,
 * since hints are never necessary. */
PyObject *wsgi_early_hints(PyObject *self, PyObject *headers) {
  wsgi_request *request = (wsgi_request *)self;
  field_list fields = {0};
  if (field_list_take(&fields, headers, 0) < 0) {
    field_list_clear(&fields);
    return NULL;
  }
  outrider_status status = OUTRIDER_SKIPPED;
  if (!request->is_over && !request->is_started) {
    Py_BEGIN_ALLOW_THREADS
    status = request->io->informational(request->io, request->exchange, 103, fields.fields, fields.n);
    Py_END_ALLOW_THREADS
  }
  field_list_clear(&fields);
  if (status == OUTRIDER_E_INVALID || status == OUTRIDER_E_THREAD) {
    wsgi_request_raise(request, status, "wsgi.early_hints");
    return NULL;
  }
  Py_RETURN_NONE;
}
