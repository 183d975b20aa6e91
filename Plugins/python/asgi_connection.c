/* asgi_connection.c: a request as seen by an ASGI application: its scope, its wake-ups, and its end. */
#include "asgi_connection.h"

#include "asgi_keys.h"
#include "asgi_scope.h"
#include "asgi_tasks.h"
#include "asgi_websocket.h"
#include "exceptions.h"

#include <string.h>

static PyTypeObject *type;

asgi_connection *asgi_connection_new(asgi_exchange *exchange) {
  asgi_connection *made = PyObject_New(asgi_connection, type);
  if (!made) return NULL;
  made->entry = exchange->entry;
  made->exchange = exchange;
  made->id = exchange->id;
  size_t size = exchange->head.request_id.size;
  if (size >= sizeof made->request_id) size = sizeof made->request_id - 1;
  memcpy(made->request_id, exchange->head.request_id.data, size);
  made->request_id[size] = 0;
  made->waiting = made->task = made->call = made->whole_body = NULL;
  made->is_gone = made->is_paused = made->has_begun = made->is_over = made->has_sent = 0;
  made->next = NULL;
  made->link = NULL;
  made->body = NULL;
  made->body_more = made->has_credit = 0;
  made->body_ended = 0;
  made->status = 0;
  made->fields.kept = NULL;
  made->fields.fields = NULL;
  made->fields.n = 0;
  made->fields.content_length = -1;
  made->expects_trailers = made->is_started = made->has_body_ended = made->is_complete = 0;
  made->websocket = NULL;
  if (exchange->head.flags & OUTRIDER_HEAD_WEBSOCKET && asgi_websocket_make(made) < 0) Py_CLEAR(made);
  return made;
}

static void dealloc(PyObject *self) {
  asgi_connection *connection = (asgi_connection *)self;
  PyTypeObject *own = Py_TYPE(self);
  Py_XDECREF(connection->waiting);
  Py_XDECREF(connection->body);
  Py_XDECREF(connection->task);
  Py_XDECREF(connection->call);
  Py_XDECREF(connection->whole_body);
  field_list_clear(&connection->fields);
  asgi_websocket_free(connection->websocket);
  PyObject_Free(self);
  Py_DECREF(own);
}

log_request asgi_connection_request(const asgi_connection *connection) {
  return (log_request){connection->id, connection->request_id};
}

/* ---- Waiting --------------------------------------------------------------------------------------------------------- */

PyObject *asgi_connection_wait(asgi_connection *connection) {
  PyObject *future = PyObject_CallNoArgs(connection->entry->loop->create_future);
  if (future && !connection->waiting) connection->waiting = PyList_New(0);
  if (future && (!connection->waiting || PyList_Append(connection->waiting, future) < 0)) Py_CLEAR(future);
  return future;
}

/* A cancelled task has a cancelled future. */
static void set_result(PyObject *future) {
  PyObject *is_done = PyObject_CallMethod(future, "done", NULL), *set = NULL;
  if (is_done == Py_False) set = PyObject_CallMethod(future, "set_result", "O", Py_None);
  if (!is_done || (is_done == Py_False && !set)) PyErr_Clear();
  Py_XDECREF(is_done);
  Py_XDECREF(set);
}

void asgi_connection_wake(asgi_connection *connection) {
  PyObject *waiting = connection->waiting;
  connection->waiting = NULL;
  for (Py_ssize_t i = 0; waiting && i < PyList_GET_SIZE(waiting); i++) set_result(PyList_GET_ITEM(waiting, i));
  Py_XDECREF(waiting);
}

/* ---- What the worker's loop tells -------------------------------------------------------------------------------------- */

void asgi_connection_give_up(asgi_connection *connection) {
  if (connection->is_complete || !connection->exchange) return;
  if (!connection->websocket || !asgi_websocket_fail(connection))
    outrider_send_abort(connection->entry->host, connection->id, OUTRIDER_E_FAILED);
  connection->is_complete = connection->is_gone = 1;
  asgi_connection_wake(connection);
}

void asgi_connection_opened(asgi_connection *connection) { asgi_tasks_begin(connection); }

void asgi_connection_body(asgi_connection *connection, const asgi_message *message) {
  PyObject *body = PyBytes_FromStringAndSize(message->bytes, (Py_ssize_t)message->size);
  if (!body) {
    exception_log(connection->entry, asgi_connection_request(connection), "no memory for the request's body");
    asgi_connection_give_up(connection);
    return;
  }
  Py_XSETREF(connection->body, body);
  connection->body_more = message->more;
  connection->has_credit = 0;
  asgi_connection_wake(connection);
}

void asgi_connection_gone(asgi_connection *connection) {
  connection->is_gone = 1;
  if (connection->websocket) connection->websocket->has_ended = 1;
  asgi_connection_wake(connection);
}

void asgi_connection_resumed(asgi_connection *connection) {
  connection->is_paused = 0;
  asgi_connection_wake(connection);
}

void asgi_connection_closed(asgi_connection *connection) {
  connection->exchange = NULL;
  Py_CLEAR(connection->whole_body);
  asgi_connection_gone(connection);
}

/* ---- The type -------------------------------------------------------------------------------------------------------- */

/* inspect and traceback look at these of a coroutine; they are those of the application's. */
static PyObject *get_of_call(PyObject *self, void *name) {
  PyObject *call = ((asgi_connection *)self)->call;
  if (call) return PyObject_GetAttrString(call, name);
  PyErr_SetString(PyExc_AttributeError, name);
  return NULL;
}

#define OF_CALL(name) {name, get_of_call, NULL, NULL, (void *)(name)}

static PyGetSetDef properties[] = {
    OF_CALL("__name__"), OF_CALL("__qualname__"), OF_CALL("cr_await"), OF_CALL("cr_code"),
    OF_CALL("cr_frame"), OF_CALL("cr_running"),   OF_CALL("cr_suspended"), {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc},         {Py_tp_methods, asgi_tasks_methods},   {Py_tp_getset, properties},
    {Py_tp_iter, PyObject_SelfIter},  {Py_tp_iternext, asgi_tasks_next},
    {Py_am_await, PyObject_SelfIter}, {Py_am_send, asgi_tasks_advance},      {0, NULL},
};
static PyType_Spec spec = {"outrider.Connection", sizeof(asgi_connection), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

int asgi_connection_ready(void) {
  if (!type) type = (PyTypeObject *)PyType_FromSpec(&spec);
  return type && asgi_operation_ready() == 0 && asgi_callable_ready() == 0 && asgi_scope_ready() == 0 && asgi_keys_ready() == 0 ? 0 : -1;
}
