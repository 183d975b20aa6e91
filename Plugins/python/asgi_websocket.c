/* asgi_websocket.c: what an application receives from a WebSocket, and its end. */
#include "asgi_websocket.h"

#include "asgi_keys.h"
#include "exceptions.h"

#include <stdlib.h>

#define ABNORMAL 1006 /* no Close has come (RFC 6455 section 7.1.5) */

int asgi_websocket_make(asgi_connection *connection) {
  asgi_websocket *made = calloc(1, sizeof *made);
  if (!made) {
    PyErr_NoMemory();
    return -1;
  }
  made->host = connection->entry->loop->websocket;
  made->code = ABNORMAL;
  connection->websocket = made;
  return 0;
}

void asgi_websocket_free(asgi_websocket *websocket) {
  if (!websocket) return;
  Py_XDECREF(websocket->message);
  Py_XDECREF(websocket->reason);
  free(websocket);
}

/* ---- What the worker's loop tells ---------------------------------------------------------------------------------- */

static PyObject *text_of(const asgi_message *message) {
  return PyUnicode_DecodeUTF8(message->bytes, (Py_ssize_t)message->size, "replace"); /* the host has checked it */
}

void asgi_websocket_message(asgi_connection *connection, const asgi_message *message) {
  asgi_websocket *websocket = connection->websocket;
  PyObject *object = message->kind == ASGI_TEXT ? text_of(message)
                                                : PyBytes_FromStringAndSize(message->bytes, (Py_ssize_t)message->size);
  if (!object) {
    exception_log(connection->entry, asgi_connection_request(connection), "no memory for a message of the WebSocket");
    asgi_connection_give_up(connection);
    return;
  }
  Py_XSETREF(websocket->message, object);
  asgi_connection_wake(connection);
}

void asgi_websocket_shut(asgi_connection *connection, const asgi_message *message) {
  asgi_websocket *websocket = connection->websocket;
  if (!connection->is_complete) {
    websocket->code = message->code;
    Py_XSETREF(websocket->reason, text_of(message));
    if (!websocket->reason) PyErr_Clear();
  }
  asgi_connection_gone(connection);
}

/* ---- receive() ----------------------------------------------------------------------------------------------------- */

static PyObject *connect_message(void) { return Py_BuildValue("{s:s}", "type", "websocket.connect"); }

static PyObject *disconnect_message(const asgi_websocket *websocket) {
  PyObject *reason = websocket->reason ? Py_NewRef(websocket->reason) : PyUnicode_FromString("");
  return Py_BuildValue("{s:s,s:I,s:N}", "type", "websocket.disconnect", "code", websocket->code, "reason", reason);
}

static PyObject *receive_message(PyObject *object) {
  static PyObject *type;
  if (!type && !(type = PyUnicode_InternFromString("websocket.receive"))) return NULL;
  int is_text = PyUnicode_Check(object);
  PyObject *message = PyDict_New();
  if (message && (asgi_set(message, KEY_TYPE, type) < 0 || asgi_set(message, KEY_BYTES, is_text ? Py_None : object) < 0 ||
                  asgi_set(message, KEY_TEXT, is_text ? object : Py_None) < 0))
    Py_CLEAR(message);
  return message;
}

/* A refusal means that the exchange ends, of which an event tells. */
void asgi_websocket_ask(asgi_connection *connection) {
  (void)connection->entry->host->receive(connection->entry->host, connection->id, 1);
}

static PyObject *take_message(asgi_connection *connection) {
  PyObject *object = connection->websocket->message;
  connection->websocket->message = NULL;
  PyObject *message = receive_message(object);
  Py_DECREF(object);
  if (!connection->is_gone) asgi_websocket_ask(connection); /* it comes while this one is looked at */
  return message;
}

asgi_step asgi_websocket_receive(asgi_connection *connection, PyObject **result) {
  asgi_websocket *websocket = connection->websocket;
  if (!websocket->is_connected) {
    websocket->is_connected = 1;
    *result = connect_message();
  } else if (websocket->message) {
    *result = take_message(connection);
  } else if (websocket->has_ended || connection->is_complete) {
    *result = disconnect_message(websocket);
  } else {
    return ASGI_WAIT;
  }
  return *result ? ASGI_DONE : ASGI_FAILED;
}

/* ---- The end ------------------------------------------------------------------------------------------------------- */

void asgi_websocket_note_close(asgi_connection *connection, uint32_t code, PyObject *reason) {
  connection->websocket->code = code;
  Py_XSETREF(connection->websocket->reason, Py_XNewRef(reason));
  asgi_send_completed(connection);
}

static void close_with(asgi_connection *connection, uint32_t code) {
  const outrider_host *host = connection->entry->host;
  (void)connection->websocket->host->close(host, connection->id, code, (outrider_bytes){NULL, 0});
  asgi_websocket_note_close(connection, code, NULL);
}

int asgi_websocket_fail(asgi_connection *connection) {
  if (connection->websocket->is_accepted) close_with(connection, OUTRIDER_WEBSOCKET_INTERNAL_ERROR);
  return connection->websocket->is_accepted;
}

int asgi_websocket_finish(asgi_connection *connection) {
  if (connection->websocket->is_accepted && !connection->is_complete && !connection->is_gone)
    close_with(connection, OUTRIDER_WEBSOCKET_NORMAL);
  return connection->websocket->is_accepted;
}
