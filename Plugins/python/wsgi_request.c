/* wsgi_request.c: the type of the object that a WSGI application gets as wsgi.input. */
#include "wsgi_request.h"

#include <stdlib.h>

static PyTypeObject *type;

static void dealloc(PyObject *self) {
  wsgi_request *request = (wsgi_request *)self;
  PyTypeObject *own = Py_TYPE(self);
  field_list_clear(&request->fields);
  free(request->buffer);
  PyObject_Free(self);
  Py_DECREF(own);
}

static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, wsgi_input_next},
    {Py_tp_methods, wsgi_input_methods},
    {0, NULL},
};
static PyType_Spec spec = {"outrider.Input", sizeof(wsgi_request), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

int wsgi_request_ready(void) {
  if (!type) type = (PyTypeObject *)PyType_FromSpec(&spec);
  return type ? 0 : -1;
}

wsgi_request *wsgi_request_new(const entry *entry, outrider_exchange exchange, const outrider_head *head,
                               const outrider_io *io) {
  wsgi_request *request = PyObject_New(wsgi_request, type);
  if (!request) return NULL;
  request->entry = entry;
  request->exchange = exchange;
  request->io = io;
  request->is_over = 0;
  request->failure = OUTRIDER_OK;
  request->has_body = (head->flags & OUTRIDER_HEAD_HAS_BODY) != 0;
  request->body_ended = 0;
  request->body_left = head->content_length;
  request->buffer = NULL;
  request->begin = request->end = request->capacity = 0;
  request->status = 0;
  request->is_head = (head->flags & OUTRIDER_HEAD_HEAD_ONLY) != 0;
  request->is_started = 0;
  request->fields.kept = NULL;
  request->fields.fields = NULL;
  request->fields.n = 0;
  request->fields.content_length = -1;
  request->sent = 0;
  request->is_cut = 0;
  return request;
}

static PyMethodDef start_response = {"start_response", (PyCFunction)(void (*)(void))wsgi_start_response,
                                     METH_FASTCALL | METH_KEYWORDS, "start_response(status, headers, exc_info=None)"};
static PyMethodDef early_hints = {"early_hints", wsgi_early_hints, METH_O, "early_hints(headers): send 103 (Early Hints)"};

PyObject *wsgi_request_start_response(wsgi_request *request) {
  return PyCFunction_New(&start_response, (PyObject *)request);
}

PyObject *wsgi_request_early_hints(wsgi_request *request) { return PyCFunction_New(&early_hints, (PyObject *)request); }

void wsgi_request_raise(wsgi_request *request, outrider_status status, const char *what) {
  switch (status) {
  case OUTRIDER_E_CLOSED:
    request->failure = status;
    PyErr_Format(PyExc_ConnectionResetError, "%s: the client has left", what);
    break;
  case OUTRIDER_E_CANCELLED:
    request->failure = status;
    PyErr_Format(PyExc_ConnectionAbortedError, "%s: the request's time is over, or the worker must stop", what);
    break;
  case OUTRIDER_E_THREAD:
    PyErr_Format(PyExc_RuntimeError, "%s: only the thread that runs the application may do this", what);
    break;
  case OUTRIDER_E_LIMIT:
    request->failure = status;
    PyErr_Format(PyExc_OSError, "%s: a limit of the server is exceeded", what);
    break;
  case OUTRIDER_E_IO:
    PyErr_Format(PyExc_OSError, "%s: the file cannot be read", what);
    break;
  default:
    PyErr_Format(PyExc_ValueError, "%s: the server refused it (status %d)", what, (int)status);
  }
}
