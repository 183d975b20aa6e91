/* asgi_operation.c: the result of receive() and send(). For asyncio and collections.abc it is a coroutine. It does its
 * work at its first step, and waits only if the host has no data or no room then. */
#include "asgi_connection.h"
#include "asgi_coroutine.h"

typedef struct operation {
  PyObject_HEAD
  asgi_connection *connection;
  PyObject *message;  /* of send(); NULL for receive() */
  PyObject *iterator; /* of the future that is waited for, or NULL */
  int is_sent;        /* the host has taken the message, and has asked to wait */
  int is_over;
} operation;

static PyTypeObject *type;

PyObject *asgi_operation_new(asgi_connection *connection, PyObject *message) {
  operation *made = PyObject_GC_New(operation, type);
  if (!made) return NULL;
  made->connection = (asgi_connection *)Py_NewRef((PyObject *)connection);
  made->message = Py_XNewRef(message);
  made->iterator = NULL;
  made->is_sent = made->is_over = 0;
  PyObject_GC_Track((PyObject *)made);
  return (PyObject *)made;
}

static int traverse(PyObject *self, visitproc visit, void *arg) {
  operation *own = (operation *)self;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(own->message);
  Py_VISIT(own->iterator);
  return 0;
}

static int clear(PyObject *self) {
  Py_CLEAR(((operation *)self)->message);
  Py_CLEAR(((operation *)self)->iterator);
  return 0;
}

static void dealloc(PyObject *self) {
  PyTypeObject *own = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  clear(self);
  Py_DECREF((PyObject *)((operation *)self)->connection);
  PyObject_GC_Del(self);
  Py_DECREF(own);
}

static asgi_step step(operation *own, PyObject **result) {
  asgi_connection *connection = own->connection;
  if (!own->message) return asgi_receive(connection, result);
  if (!own->is_sent) {
    asgi_step sent = asgi_send(connection, own->message);
    if (sent == ASGI_DONE) *result = Py_NewRef(Py_None);
    if (sent != ASGI_SENT) return sent;
    own->is_sent = 1;
  }
  if (connection->is_paused && !connection->is_gone) return ASGI_WAIT;
  *result = Py_NewRef(Py_None);
  return ASGI_DONE;
}

/* Runs until the operation is done, fails, or yields a future. */
static PySendResult advance(PyObject *self, PyObject *value, PyObject **result) {
  operation *own = (operation *)self;
  *result = NULL;
  if (own->is_over) {
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return PYGEN_ERROR;
  }
  for (;;) {
    if (own->iterator) {
      PySendResult sent = PyIter_Send(own->iterator, value, result);
      if (sent == PYGEN_NEXT) return sent;
      Py_CLEAR(own->iterator);
      if (sent == PYGEN_ERROR) {
        own->is_over = 1;
        return sent;
      }
      Py_CLEAR(*result);
    }
    asgi_step taken = step(own, result);
    if (taken != ASGI_WAIT) {
      own->is_over = 1;
      return taken == ASGI_DONE ? PYGEN_RETURN : PYGEN_ERROR;
    }
    PyObject *future = asgi_connection_wait(own->connection);
    own->iterator = future ? PyObject_CallMethod(future, "__await__", NULL) : NULL;
    Py_XDECREF(future);
    value = Py_None;
    if (!own->iterator) {
      own->is_over = 1;
      return PYGEN_ERROR;
    }
  }
}

static PyObject *operation_next(PyObject *self) {
  PyObject *result;
  PySendResult sent = advance(self, Py_None, &result);
  return coroutine_result(sent, result);
}

static PyObject *operation_send(PyObject *self, PyObject *value) {
  PyObject *result;
  PySendResult sent = advance(self, value, &result);
  return coroutine_result(sent, result);
}

/* A cancelled task gets its exception here. */
static PyObject *operation_throw(PyObject *self, PyObject *arguments) {
  operation *own = (operation *)self;
  own->is_over = 1;
  if (!own->iterator) {
    coroutine_raise(arguments);
    return NULL;
  }
  PyObject *iterator = own->iterator;
  own->iterator = NULL;
  PyObject *thrown = coroutine_throw(iterator, arguments);
  Py_DECREF(iterator);
  return thrown; /* a future's iterator never goes on after it */
}

static PyObject *operation_close(PyObject *self, PyObject *none) {
  (void)none;
  ((operation *)self)->is_over = 1;
  Py_CLEAR(((operation *)self)->iterator);
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"send", operation_send, METH_O, "send(value)"},
    {"throw", operation_throw, METH_VARARGS, "throw(exception)"},
    {"close", operation_close, METH_NOARGS, "close()"},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc},        {Py_tp_traverse, traverse},        {Py_tp_clear, clear},
    {Py_tp_methods, methods},        {Py_tp_iter, PyObject_SelfIter},   {Py_tp_iternext, operation_next},
    {Py_am_await, PyObject_SelfIter}, {Py_am_send, advance},            {0, NULL},
};
static PyType_Spec spec = {"outrider.Operation", sizeof(operation), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

int asgi_operation_ready(void) {
  if (!type) type = (PyTypeObject *)PyType_FromSpec(&spec);
  return type ? 0 : -1;
}
