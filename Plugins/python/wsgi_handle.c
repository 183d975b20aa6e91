/* wsgi_handle.c: calls a WSGI application and sends its result. */
#include "wsgi_handle.h"

#include "exceptions.h"
#include "log.h"
#include "wsgi_environ.h"
#include "wsgi_errors.h"
#include "wsgi_file.h"

#define CHUNKS 16 /* of a list, at once */

static int is_bytes(PyObject *item) {
  if (PyBytes_Check(item)) return 1;
  PyErr_Format(PyExc_TypeError, "the response's body has bytes, not %R", (PyObject *)Py_TYPE(item));
  return 0;
}

static outrider_bytes bytes_in(PyObject *item) {
  return (outrider_bytes){PyBytes_AS_STRING(item), (size_t)PyBytes_GET_SIZE(item)};
}

/* Sends the whole response at once. Its end is known, so the server adds the length. */
static int respond(wsgi_request *request, outrider_bytes body) {
  if (wsgi_has_no_body(request) && !request->is_head) body.size = 0;
  outrider_status status;
  Py_BEGIN_ALLOW_THREADS
  status = request->io->respond(request->io, request->exchange, request->status, request->fields.fields, request->fields.n, body);
  Py_END_ALLOW_THREADS
  if (status < 0) {
    wsgi_request_raise(request, status, "the response");
    return -1;
  }
  request->is_started = 1;
  request->sent = (int64_t)body.size;
  return 0;
}

static int is_whole(const wsgi_request *request, size_t size) {
  return !request->is_started && request->status &&
         (request->fields.content_length == (int64_t)size || (request->fields.content_length < 0 && !request->is_head));
}

/* Sends a list or a tuple, which has no close() and whose end is known. By PEP 3333 nobody else changes it; its items
 * are kept alive during the call. */
static int send_sequence(wsgi_request *request, PyObject *result) {
  PyObject *items = PySequence_Tuple(result);
  if (!items) return -1;
  Py_ssize_t n = PyTuple_GET_SIZE(items);
  int64_t total = 0;
  int outcome = 0;
  for (Py_ssize_t i = 0; outcome == 0 && i < n; i++) {
    if (!is_bytes(PyTuple_GET_ITEM(items, i))) outcome = -1;
    else total += PyBytes_GET_SIZE(PyTuple_GET_ITEM(items, i));
  }
  if (outcome == 0 && n <= 1 && is_whole(request, (size_t)total)) {
    outcome = respond(request, n ? bytes_in(PyTuple_GET_ITEM(items, 0)) : (outrider_bytes){"", 0});
  } else if (outcome == 0) {
    if (!request->is_started && request->status && request->fields.content_length < 0 &&
        (request->is_head || !wsgi_has_no_body(request)))
      field_list_add_length(&request->fields, request->digits, total);
    for (Py_ssize_t i = 0; outcome == 0 && i < n; i++) outcome = wsgi_send(request, bytes_in(PyTuple_GET_ITEM(items, i)));
    if (outcome == 0) outcome = wsgi_send_head(request);
  }
  Py_DECREF(items);
  return outcome;
}

/* Each block is sent before the next one is requested. */
static int send_iterable(wsgi_request *request, PyObject *result) {
  PyObject *iterator = PyObject_GetIter(result), *item;
  if (!iterator) return -1;
  int outcome = 0;
  while (outcome == 0 && (item = PyIter_Next(iterator))) {
    outrider_bytes block = {"", 0};
    if (is_bytes(item)) block = bytes_in(item);
    else outcome = -1;
    if (outcome == 0 && block.size && request->fields.content_length == (int64_t)block.size && is_whole(request, block.size))
      outcome = respond(request, block);
    else if (outcome == 0 && block.size)
      outcome = wsgi_send(request, block);
    Py_DECREF(item);
  }
  Py_DECREF(iterator);
  if (outcome < 0 || PyErr_Occurred()) return -1;
  if (request->is_started) return 0;
  return is_whole(request, 0) ? respond(request, (outrider_bytes){"", 0}) : wsgi_send_head(request);
}

static int send_result(wsgi_request *request, PyObject *result) {
  int is_sent = wsgi_file_send(request, result);
  if (is_sent) return is_sent < 0 ? -1 : 0;
  return PyList_CheckExact(result) || PyTuple_CheckExact(result) ? send_sequence(request, result)
                                                                 : send_iterable(request, result);
}

/* Calls close() in every case. Its exception does not replace an earlier one. */
static int close_result(wsgi_request *request, PyObject *result, int outcome) {
  if (PyList_CheckExact(result) || PyTuple_CheckExact(result)) return outcome;
  PyObject *exception = exception_take();
  PyObject *close = PyObject_GetAttrString(result, "close");
  if (!close) PyErr_Clear();
  PyObject *done = close ? PyObject_CallNoArgs(close) : NULL;
  if (close && !done) exception_log(request->entry, (log_request){request->exchange, NULL}, "close() of the response's body failed");
  Py_XDECREF(done);
  Py_XDECREF(close);
  if (exception) exception_restore(exception);
  return outcome;
}

static int run(wsgi_request *request, const outrider_head *head) {
  PyObject *environ = wsgi_environ_new(request->entry, request, head);
  PyObject *start_response = environ ? wsgi_request_start_response(request) : NULL;
  PyObject *arguments[] = {environ, start_response};
  PyObject *result = start_response ? PyObject_Vectorcall(request->entry->application, arguments, 2, NULL) : NULL;
  int outcome = result ? close_result(request, result, send_result(request, result)) : -1;
  Py_XDECREF(result);
  Py_XDECREF(start_response);
  Py_XDECREF(environ);
  return outcome;
}

/* The application raised an exception, or its response is too short. */
static outrider_status fail(wsgi_request *request) {
  int is_hosts = request->failure < 0 && PyErr_ExceptionMatches(PyExc_OSError);
  if (is_hosts) {
    PyErr_Clear(); /* the client has left, or the server has ended it: not a fault of the application's */
    return request->failure;
  }
  exception_log(request->entry, (log_request){request->exchange, NULL}, "exception in the WSGI application");
  return OUTRIDER_E_FAILED;
}

outrider_status wsgi_handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                            const outrider_io *io) {
  entry *entry = state;
  (void)thread;
  gil_take();
  *log_exchange() = exchange;
  outrider_status status = OUTRIDER_E_LIMIT;
  wsgi_request *request = wsgi_request_new(entry, exchange, head, io);
  if (request) {
    status = run(request, head) < 0 ? fail(request) : OUTRIDER_OK;
    if (status == OUTRIDER_OK && request->fields.content_length > request->sent && !wsgi_has_no_body(request))
      log_format(entry->host, (log_request){exchange, NULL}, OUTRIDER_LOG_ERROR,
                 "the application gave %lld bytes of a Content-Length of %lld; the response is cut off",
                 (long long)request->sent, (long long)request->fields.content_length);
    request->is_over = 1;
    Py_DECREF(request);
  } else {
    PyErr_Clear();
  }
  wsgi_errors_flush(entry);
  *log_exchange() = (outrider_exchange){0};
  gil_drop();
  return status;
}
