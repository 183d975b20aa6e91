/* exceptions.c: writing Python exceptions to the error log. */
#include "exceptions.h"

#include "embedded.h"

#include <stdio.h>
#include <string.h>

#if PY_VERSION_HEX >= 0x030C0000

PyObject *exception_take(void) { return PyErr_GetRaisedException(); }

void exception_restore(PyObject *exception) { PyErr_SetRaisedException(exception); }

#else

PyObject *exception_take(void) {
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  if (!type) return NULL;
  PyErr_NormalizeException(&type, &value, &trace);
  if (trace) PyException_SetTraceback(value, trace);
  Py_XDECREF(type);
  Py_XDECREF(trace);
  return value;
}

void exception_restore(PyObject *exception) {
  if (!exception) {
    PyErr_Clear();
    return;
  }
  PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(exception)), exception, PyException_GetTraceback(exception));
}

#endif

/* The traceback as text; the repr if that fails; NULL if no exception is set. */
static PyObject *text_of(PyObject *exception) {
  PyObject *text = embedded_call(EMBEDDED_RECORDS, "lines", "(O)", exception);
  if (!text) {
    PyErr_Clear();
    text = PyObject_Repr(exception);
  }
  if (!text) PyErr_Clear();
  return text;
}

/* The last line that is not empty: in a traceback this is the exception itself. */
static outrider_bytes last_line(const char *text, size_t size) {
  while (size && text[size - 1] == '\n') size--;
  size_t start = size;
  while (start && text[start - 1] != '\n') start--;
  return (outrider_bytes){text + start, size - start};
}

static void report(const entry *entry, log_request request, const char *what, outrider_error *error) {
  PyObject *exception = exception_take();
  PyObject *text = exception ? text_of(exception) : NULL;
  Py_ssize_t size = 0;
  const char *bytes = text ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
  if (!bytes) PyErr_Clear(), bytes = "unknown", size = 7; /* surrogates in a message */
  /* A hook's error has room for some 4 KiB. */
  int is_logged = !error || (size_t)size > sizeof error->text - 512;
  if (is_logged) {
    log_text(entry->host, request, OUTRIDER_LOG_ERROR, outrider_text(what));
    log_text(entry->host, request, OUTRIDER_LOG_ERROR, (outrider_bytes){bytes, (size_t)size});
  }
  if (error) {
    outrider_bytes line = last_line(bytes, (size_t)size);
    int rest = is_logged ? 0 : (int)size;
    snprintf(error->text, sizeof error->text, "%s: %.*s%s%.*s", what, (int)line.size, line.data, rest ? "\n" : "", rest, bytes);
  }
  Py_XDECREF(text);
  Py_XDECREF(exception);
}

void exception_log(const entry *entry, log_request request, const char *what) {
  report(entry, request, what, NULL);
}

void exception_to_error(const entry *entry, const char *what, outrider_error *error) {
  report(entry, NO_REQUEST, what, error);
}
