/* asgi_websocket_send.c: the messages that an application sends to a WebSocket, or instead of accepting it. */
#include "asgi_websocket.h"

#include "asgi_keys.h"
#include "asgi_lend.h"

static int is_open(const asgi_connection *connection) {
  return connection->websocket->is_accepted && !connection->is_complete;
}

static int is_undecided(const asgi_connection *connection) {
  return !connection->websocket->is_accepted && !connection->status && !connection->is_complete;
}

/* The UTF-8 of a str, which belongs to the object. -1 with an exception. */
static int take_text(PyObject *object, outrider_bytes *bytes, const char *what) {
  if (!PyUnicode_Check(object)) {
    PyErr_Format(PyExc_TypeError, "%s is a str, not %R", what, object);
    return -1;
  }
  Py_ssize_t size;
  bytes->data = PyUnicode_AsUTF8AndSize(object, &size);
  bytes->size = (size_t)size;
  return bytes->data ? 0 : -1;
}

/* As asgi_step_of(), for a WebSocket that is open as far as the application knows. */
static asgi_step step_of_open(asgi_connection *connection, outrider_status status, const char *what) {
  if (status != OUTRIDER_E_STATE) return asgi_step_of(connection, status, what);
  connection->is_gone = 1; /* the host has closed it, and an event with the code follows */
  PyErr_Format(PyExc_ConnectionResetError, "%s: the WebSocket is closed", what);
  return ASGI_FAILED;
}

/* ---- The handshake --------------------------------------------------------------------------------------------------- */

static asgi_step accept_with(asgi_connection *connection, const outrider_websocket_options *options) {
  asgi_websocket *websocket = connection->websocket;
  outrider_status status = websocket->host->accept(connection->entry->host, connection->id, options);
  if (status == OUTRIDER_E_INVALID) {
    PyErr_SetString(PyExc_ValueError, "websocket.accept: the client does not offer the subprotocol, or a header is one of the "
                                      "handshake's own");
    return ASGI_FAILED;
  }
  asgi_step step = asgi_step_of(connection, status, "websocket.accept");
  if (step != ASGI_DONE && step != ASGI_SENT) return step;
  websocket->is_accepted = 1;
  asgi_websocket_ask(connection);
  return step;
}

static asgi_step send_accept(asgi_connection *connection, PyObject *message) {
  if (!is_undecided(connection)) return asgi_refuse("websocket.accept after the handshake has been answered");
  outrider_websocket_options options = {.size = sizeof options};
  PyObject *subprotocol = asgi_get(message, KEY_SUBPROTOCOL);
  if (subprotocol && take_text(subprotocol, &options.subprotocol, "the subprotocol of websocket.accept") < 0) return ASGI_FAILED;
  field_list fields = {0};
  asgi_step step = ASGI_FAILED;
  if (asgi_take_headers(&fields, message) == 0) {
    options.fields = fields.fields;
    options.n_fields = fields.n;
    step = accept_with(connection, &options);
  }
  field_list_clear(&fields);
  return step;
}

static asgi_step send_denial_start(asgi_connection *connection, PyObject *message) {
  if (!is_undecided(connection)) return asgi_refuse("websocket.http.response.start after the handshake has been answered");
  asgi_step step = asgi_send_start(connection, message);
  connection->expects_trailers = 0;
  return step;
}

static asgi_step send_denial_body(asgi_connection *connection, PyObject *message) {
  if (!connection->status) return asgi_refuse("websocket.http.response.body before websocket.http.response.start");
  return asgi_send_body(connection, message);
}

/* ---- Messages -------------------------------------------------------------------------------------------------------- */

/* A large message is lent; `object` keeps its bytes. */
static outrider_status send_bytes(asgi_connection *connection, PyObject *object, outrider_bytes bytes, int is_text) {
  const outrider_host *host = connection->entry->host;
  const outrider_websocket *websocket = connection->websocket->host;
  asgi_message *loan = asgi_lend(connection, object, bytes.size);
  if (!loan) return (is_text ? websocket->text : websocket->binary)(host, connection->id, bytes);
  const outrider_body_event event = {.size = sizeof event, .type = OUTRIDER_EVENT_WEBSOCKET_MESSAGE,
                                     .flags = is_text ? OUTRIDER_WEBSOCKET_TEXT : 0, .bytes = bytes,
                                     .release = asgi_lend_release, .context = loan};
  outrider_status status = host->send(host, connection->id, (const outrider_event *)&event);
  if (status < 0) asgi_lend_take_back(loan);
  return status;
}

static asgi_step send_text(asgi_connection *connection, PyObject *text) {
  outrider_bytes bytes;
  if (take_text(text, &bytes, "the text of websocket.send") < 0) return ASGI_FAILED;
  return step_of_open(connection, send_bytes(connection, text, bytes, 1), "websocket.send");
}

static asgi_step send_binary(asgi_connection *connection, PyObject *given) {
  PyObject *object = PyBytes_Check(given) ? Py_NewRef(given) : PyUnicode_Check(given) ? NULL : PyBytes_FromObject(given);
  if (!object) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "the bytes of websocket.send are bytes, not str");
    return ASGI_FAILED;
  }
  outrider_bytes bytes = {PyBytes_AS_STRING(object), (size_t)PyBytes_GET_SIZE(object)};
  asgi_step step = step_of_open(connection, send_bytes(connection, object, bytes, 0), "websocket.send");
  Py_DECREF(object);
  return step;
}

static asgi_step send_message(asgi_connection *connection, PyObject *message) {
  if (!is_open(connection))
    return asgi_refuse(connection->is_complete ? "websocket.send after websocket.close"
                                               : "websocket.send before websocket.accept");
  PyObject *bytes = asgi_get(message, KEY_BYTES), *text = bytes ? NULL : asgi_get(message, KEY_TEXT);
  if (bytes) return send_binary(connection, bytes);
  if (text) return send_text(connection, text);
  PyErr_SetString(PyExc_ValueError, "websocket.send without text and without bytes");
  return ASGI_FAILED;
}

/* ---- websocket.close ------------------------------------------------------------------------------------------------- */

static int take_code(PyObject *message, uint32_t *code) {
  PyObject *number = asgi_get(message, KEY_CODE);
  long value = number ? PyLong_AsLong(number) : OUTRIDER_WEBSOCKET_NORMAL;
  if (PyErr_Occurred()) return -1;
  if (value < 1000 || value > 4999) {
    PyErr_Format(PyExc_ValueError, "websocket.close: %ld is no close code", value);
    return -1;
  }
  *code = (uint32_t)value;
  return 0;
}

/* A handshake is denied with 403 (ASGI). */
static asgi_step deny(asgi_connection *connection) {
  outrider_status status =
      outrider_send_response(connection->entry->host, connection->id, 403, NULL, 0, (outrider_bytes){NULL, 0});
  asgi_step step = asgi_step_of(connection, status, "websocket.close");
  if (step == ASGI_DONE || step == ASGI_SENT) asgi_send_completed(connection);
  return step;
}

static asgi_step send_close(asgi_connection *connection, PyObject *message) {
  if (is_undecided(connection)) return deny(connection);
  if (!is_open(connection)) return asgi_refuse("websocket.close after the WebSocket has been closed or denied");
  uint32_t code;
  outrider_bytes bytes = {NULL, 0};
  PyObject *reason = asgi_get(message, KEY_REASON);
  if (take_code(message, &code) < 0 || (reason && take_text(reason, &bytes, "the reason of websocket.close") < 0))
    return ASGI_FAILED;
  outrider_status status = connection->websocket->host->close(connection->entry->host, connection->id, code, bytes);
  if (status == OUTRIDER_E_INVALID) {
    PyErr_Format(PyExc_ValueError, "websocket.close: code %u may not be sent", code);
    return ASGI_FAILED;
  }
  asgi_step step = step_of_open(connection, status, "websocket.close");
  if (step == ASGI_DONE) asgi_websocket_note_close(connection, code, reason);
  return step;
}

const asgi_sender asgi_websocket_senders[] = {
    {"websocket.send", send_message},
    {"websocket.accept", send_accept},
    {"websocket.close", send_close},
    {"websocket.http.response.start", send_denial_start},
    {"websocket.http.response.body", send_denial_body},
    {NULL, NULL},
};
