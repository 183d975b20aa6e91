/* wsgi_input.c: the request's body as wsgi.input. It ends with the body: wsgi.input_terminated. */
#include "wsgi_request.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_BUFFER 16384

/* Reads once from the host, without the GIL. 0 at the end, -1 with an exception. */
static Py_ssize_t read_once(wsgi_request *request, char *memory, size_t capacity) {
  if (request->is_over) {
    PyErr_SetString(PyExc_ValueError, "wsgi.input: the request is over");
    return -1;
  }
  if (!request->has_body || request->body_ended) return 0;
  size_t got = 0;
  outrider_status status;
  Py_BEGIN_ALLOW_THREADS
  status = request->io->read(request->io, request->exchange, memory, capacity, &got);
  Py_END_ALLOW_THREADS
  if (status < 0) {
    wsgi_request_raise(request, status, "wsgi.input");
    return -1;
  }
  if (got == 0) request->body_ended = 1;
  if (request->body_left >= 0) request->body_left -= (int64_t)got;
  return (Py_ssize_t)got;
}

static int make_room(wsgi_request *request) {
  if (request->begin == request->end) request->begin = request->end = 0;
  if (request->end < request->capacity) return 0;
  if (request->begin) {
    memmove(request->buffer, request->buffer + request->begin, request->end - request->begin);
    request->end -= request->begin;
    request->begin = 0;
    return 0;
  }
  size_t capacity = request->capacity ? 2 * request->capacity : LEAST_BUFFER;
  char *larger = realloc(request->buffer, capacity);
  if (!larger) {
    PyErr_NoMemory();
    return -1;
  }
  request->buffer = larger;
  request->capacity = capacity;
  return 0;
}

/* Reads more bytes into the buffer. 0 at the end, -1 with an exception. */
static Py_ssize_t fill(wsgi_request *request) {
  if (make_room(request) < 0) return -1;
  Py_ssize_t got = read_once(request, request->buffer + request->end, request->capacity - request->end);
  if (got > 0) request->end += (size_t)got;
  return got;
}

static PyObject *take(wsgi_request *request, size_t size) {
  PyObject *bytes = PyBytes_FromStringAndSize(size ? request->buffer + request->begin : "", (Py_ssize_t)size);
  if (bytes) request->begin += size;
  return bytes;
}

/* Reads directly into the object, because the length is known. */
static PyObject *read_known(wsgi_request *request, size_t size) {
  PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
  if (!bytes) return NULL;
  size_t have = request->end - request->begin, count = have < size ? have : size;
  if (count) memcpy(PyBytes_AS_STRING(bytes), request->buffer + request->begin, count);
  request->begin += count;
  while (count < size) {
    Py_ssize_t got = read_once(request, PyBytes_AS_STRING(bytes) + count, size - count);
    if (got <= 0) {
      PyObject *shorter = got == 0 ? PyBytes_FromStringAndSize(PyBytes_AS_STRING(bytes), (Py_ssize_t)count) : NULL;
      Py_DECREF(bytes);
      return shorter;
    }
    count += (size_t)got;
  }
  return bytes;
}

/* read(): up to size bytes, or the whole rest if size is negative. */
static PyObject *read_bytes(wsgi_request *request, Py_ssize_t size) {
  size_t have = request->end - request->begin;
  if (request->body_left >= 0) {
    uint64_t left = (uint64_t)request->body_left + have;
    return read_known(request, size >= 0 && (uint64_t)size < left ? (size_t)size : (size_t)left);
  }
  while (size < 0 || request->end - request->begin < (size_t)size) {
    Py_ssize_t got = fill(request);
    if (got < 0) return NULL;
    if (got == 0) break;
  }
  have = request->end - request->begin;
  return take(request, size >= 0 && (size_t)size < have ? (size_t)size : have);
}

static PyObject *read_line(wsgi_request *request, Py_ssize_t most) {
  size_t searched = 0;
  for (;;) {
    size_t have = request->end - request->begin;
    const char *from = request->buffer ? request->buffer + request->begin : "";
    const char *end = have > searched ? memchr(from + searched, '\n', have - searched) : NULL;
    size_t size = end ? (size_t)(end - from) + 1 : have;
    if (most >= 0 && size >= (size_t)most) return take(request, (size_t)most);
    if (end) return take(request, size);
    searched = have;
    Py_ssize_t got = fill(request);
    if (got < 0) return NULL;
    if (got == 0) return take(request, size);
  }
}

/* The optional argument of read, readline and readlines; -1 for None or no argument. -2 with an exception. */
static Py_ssize_t size_argument(PyObject *const *arguments, Py_ssize_t n) {
  if (n > 1) {
    PyErr_SetString(PyExc_TypeError, "at most one argument");
    return -2;
  }
  if (n == 0 || arguments[0] == Py_None) return -1;
  Py_ssize_t size = PyNumber_AsSsize_t(arguments[0], PyExc_OverflowError);
  if (size == -1 && PyErr_Occurred()) return -2;
  return size < 0 ? -1 : size;
}

static PyObject *input_read(PyObject *self, PyObject *const *arguments, Py_ssize_t n) {
  Py_ssize_t size = size_argument(arguments, n);
  return size == -2 ? NULL : read_bytes((wsgi_request *)self, size);
}

static PyObject *input_readline(PyObject *self, PyObject *const *arguments, Py_ssize_t n) {
  Py_ssize_t most = size_argument(arguments, n);
  return most == -2 ? NULL : read_line((wsgi_request *)self, most);
}

static PyObject *input_readlines(PyObject *self, PyObject *const *arguments, Py_ssize_t n) {
  Py_ssize_t hint = size_argument(arguments, n), total = 0;
  PyObject *lines = hint == -2 ? NULL : PyList_New(0);
  while (lines) {
    PyObject *line = read_line((wsgi_request *)self, -1);
    Py_ssize_t size = line ? PyBytes_GET_SIZE(line) : 0;
    if (!line || (size && PyList_Append(lines, line) < 0)) Py_CLEAR(lines);
    Py_XDECREF(line);
    total += size;
    if (size == 0 || (hint > 0 && total >= hint)) break;
  }
  return lines;
}

PyObject *wsgi_input_next(PyObject *self) {
  PyObject *line = read_line((wsgi_request *)self, -1);
  if (line && PyBytes_GET_SIZE(line) == 0) Py_CLEAR(line);
  return line;
}

static PyObject *input_close(PyObject *self, PyObject *none) {
  (void)self, (void)none;
  Py_RETURN_NONE;
}

#define WITH_SIZE(function) (PyCFunction)(void (*)(void))(function), METH_FASTCALL

PyMethodDef wsgi_input_methods[] = {
    {"read", WITH_SIZE(input_read), "read(size=-1)"},
    {"readline", WITH_SIZE(input_readline), "readline(size=-1)"},
    {"readlines", WITH_SIZE(input_readlines), "readlines(hint=-1)"},
    {"close", input_close, METH_NOARGS, "close(): nothing; the server reads what is left"},
    {NULL, NULL, 0, NULL},
};
