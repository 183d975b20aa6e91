/* asgi_callable.c: the functions receive() and send() that an application gets. What asks whether a function is of the
 * kind `async def`, as asgiref does, finds that they are. */
#include "asgi_connection.h"

#include <stddef.h>
#include <structmember.h>

typedef struct callable {
  PyObject_HEAD
  vectorcallfunc call;
  asgi_connection *connection;
  int sends;
} callable;

static PyTypeObject *type;

static PyObject *call(PyObject *self, PyObject *const *arguments, size_t n, PyObject *names) {
  const callable *own = (callable *)self;
  Py_ssize_t count = PyVectorcall_NARGS(n), given = count + (names ? PyTuple_GET_SIZE(names) : 0);
  if (!own->sends && given == 0) return asgi_operation_new(own->connection, NULL);
  int is_message = given == 1 && (count == 1 || PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "message") == 0);
  if (own->sends && is_message) return asgi_operation_new(own->connection, arguments[0]);
  PyErr_SetString(PyExc_TypeError, own->sends ? "send() takes one argument: message" : "receive() takes no arguments");
  return NULL;
}

static void dealloc(PyObject *self) {
  PyTypeObject *own = Py_TYPE(self);
  Py_DECREF((PyObject *)((callable *)self)->connection);
  PyObject_Free(self);
  Py_DECREF(own);
}

static PyObject *name(PyObject *self, void *unused) {
  (void)unused;
  return PyUnicode_FromString(((callable *)self)->sends ? "send" : "receive");
}

static PyGetSetDef properties[] = {
    {"__name__", name, NULL, NULL, NULL}, {"__qualname__", name, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};
static PyMemberDef members[] = {{"__vectorcalloffset__", T_PYSSIZET, offsetof(callable, call), READONLY, NULL},
                                {NULL, 0, 0, 0, NULL}};
static PyType_Slot slots[] = {{Py_tp_dealloc, dealloc},     {Py_tp_call, PyVectorcall_Call}, {Py_tp_getset, properties},
                              {Py_tp_members, members},     {0, NULL}};
static PyType_Spec spec = {"outrider.Callable", sizeof(callable), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

/* Gives the type the mark of a coroutine function, if this Python has it under that name. */
static int mark(const char *module_name, const char *source, const char *attribute) {
  PyObject *module = PyImport_ImportModule(module_name);
  if (!module) return -1;
  PyObject *value = PyObject_GetAttrString(module, source);
  Py_DECREF(module);
  if (!value) {
    PyErr_Clear();
    return 0;
  }
  int result = PyObject_SetAttrString((PyObject *)type, attribute, value);
  Py_DECREF(value);
  return result;
}

int asgi_callable_ready(void) {
  if (type) return 0;
  type = (PyTypeObject *)PyType_FromSpec(&spec);
  if (!type) return -1;
  /* Until 3.11 asyncio has it, and from 3.12 inspect. */
  if (mark("asyncio.coroutines", "_is_coroutine", "_is_coroutine") < 0) return -1;
  return mark("inspect", "_is_coroutine_mark", "_is_coroutine_mark");
}

static PyObject *callable_new(asgi_connection *connection, int sends) {
  callable *made = PyObject_New(callable, type);
  if (!made) return NULL;
  made->call = call;
  made->connection = (asgi_connection *)Py_NewRef((PyObject *)connection);
  made->sends = sends;
  return (PyObject *)made;
}

PyObject *asgi_callable_receive(asgi_connection *connection) { return callable_new(connection, 0); }

PyObject *asgi_callable_send(asgi_connection *connection) { return callable_new(connection, 1); }
