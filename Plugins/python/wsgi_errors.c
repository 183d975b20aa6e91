/* wsgi_errors.c: wsgi.errors, a stream into the server's error log. Lines carry the ID of the request that the thread
 * serves. */
#include "wsgi_errors.h"

#include "log.h"

#include <string.h>

#define LONGEST_LINE 4096 /* the log cuts there, too */

typedef struct errors {
  PyObject_HEAD
  const entry *entry;
} errors;

/* An incomplete line of this thread. */
static _Thread_local struct {
  size_t size;
  char text[LONGEST_LINE];
} line;

void wsgi_errors_flush(const entry *entry) {
  if (line.size) log_text(entry->host, (log_request){*log_exchange(), NULL}, OUTRIDER_LOG_ERROR, (outrider_bytes){line.text, line.size});
  line.size = 0;
}

static void append(const entry *entry, const char *text, size_t size) {
  while (size) {
    const char *end = memchr(text, '\n', size);
    size_t part = end ? (size_t)(end - text) : size, room = LONGEST_LINE - line.size;
    if (part > room) part = room, end = NULL;
    memcpy(line.text + line.size, text, part);
    line.size += part;
    if (end || line.size == LONGEST_LINE) wsgi_errors_flush(entry);
    part += end != NULL;
    text += part;
    size -= part;
  }
}

static PyObject *errors_write(PyObject *self, PyObject *text) {
  Py_ssize_t size;
  PyObject *bytes = NULL;
  const char *data = PyUnicode_Check(text) ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "write() takes a str, not %R", (PyObject *)Py_TYPE(text));
    return NULL;
  }
  if (!data) { /* lone surrogates */
    PyErr_Clear();
    bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (!bytes) return NULL;
    data = PyBytes_AS_STRING(bytes);
    size = PyBytes_GET_SIZE(bytes);
  }
  append(((errors *)self)->entry, data, (size_t)size);
  Py_XDECREF(bytes);
  return PyLong_FromSsize_t(PyUnicode_GET_LENGTH(text));
}

static PyObject *errors_writelines(PyObject *self, PyObject *lines) {
  PyObject *iterator = PyObject_GetIter(lines), *item;
  while (iterator && (item = PyIter_Next(iterator))) {
    PyObject *written = errors_write(self, item);
    Py_DECREF(item);
    if (!written) break;
    Py_DECREF(written);
  }
  Py_XDECREF(iterator);
  return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *errors_flush(PyObject *self, PyObject *none) {
  (void)none;
  wsgi_errors_flush(((errors *)self)->entry);
  Py_RETURN_NONE;
}

static void dealloc(PyObject *self) {
  PyTypeObject *own = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(own);
}

static PyMethodDef methods[] = {
    {"write", errors_write, METH_O, "write(str)"},
    {"writelines", errors_writelines, METH_O, "writelines(iterable of str)"},
    {"flush", errors_flush, METH_NOARGS, "flush()"},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {{Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {0, NULL}};
static PyType_Spec spec = {"outrider.Errors", sizeof(errors), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                           slots};

PyObject *wsgi_errors_new(const entry *entry) {
  static PyTypeObject *type;
  if (!type) type = (PyTypeObject *)PyType_FromSpec(&spec);
  errors *made = type ? PyObject_New(errors, type) : NULL;
  if (made) made->entry = entry;
  return (PyObject *)made;
}
