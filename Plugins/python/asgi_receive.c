/* asgi_receive.c: http.request and http.disconnect. */
#include "asgi_connection.h"
#include "asgi_keys.h"
#include "asgi_websocket.h"

static PyObject *request_message(PyObject *body, int more) {
  static PyObject *type;
  if (!type && !(type = PyUnicode_InternFromString("http.request"))) return NULL;
  PyObject *message = PyDict_New();
  if (message && (asgi_set(message, KEY_TYPE, type) < 0 || asgi_set(message, KEY_BODY, body) < 0 ||
                  asgi_set(message, KEY_MORE_BODY, more ? Py_True : Py_False) < 0))
    Py_CLEAR(message);
  return message;
}

static PyObject *disconnect_message(void) { return Py_BuildValue("{s:s}", "type", "http.disconnect"); }

/* Requests one more part of the body. The first request sends the 100 that a client with Expect: 100-continue waits
 * for. */
static void ask(asgi_connection *connection) {
  if (connection->has_credit || connection->body || connection->is_gone) return;
  outrider_status status = connection->entry->host->receive(connection->entry->host, connection->id, 1);
  if (status == OUTRIDER_OK)
    connection->has_credit = 1;
  else
    connection->is_gone = 1;
}

static PyObject *take_body(asgi_connection *connection) {
  PyObject *body = connection->body;
  connection->body = NULL;
  PyObject *message = request_message(body, (int)connection->body_more);
  Py_DECREF(body);
  if (connection->body_more)
    ask(connection); /* it comes while this part is looked at */
  else
    connection->body_ended = 1;
  return message;
}

static PyObject *take_empty_body(asgi_connection *connection) {
  PyObject *nothing = PyBytes_FromStringAndSize("", 0);
  PyObject *message = nothing ? request_message(nothing, 0) : NULL;
  Py_XDECREF(nothing);
  connection->body_ended = 1;
  return message;
}

asgi_step asgi_receive(asgi_connection *connection, PyObject **result) {
  if (connection->websocket) return asgi_websocket_receive(connection, result);
  if (connection->body) {
    *result = take_body(connection);
  } else if (connection->is_gone || connection->is_complete) {
    *result = disconnect_message();
  } else if (!connection->body_ended && !(connection->exchange->head.flags & OUTRIDER_HEAD_HAS_BODY)) {
    *result = take_empty_body(connection);
  } else {
    if (!connection->body_ended) ask(connection);
    if (!connection->is_gone) return ASGI_WAIT;
    *result = disconnect_message();
  }
  return *result ? ASGI_DONE : ASGI_FAILED;
}
