/* asgi_send.c: the messages that an ASGI application sends. */
#include "asgi_send.h"

#include "asgi_keys.h"
#include "asgi_lend.h"
#include "asgi_websocket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_true(PyObject *message, asgi_key key) {
  PyObject *value = asgi_get(message, key);
  return value ? PyObject_IsTrue(value) : 0;
}

asgi_step asgi_refuse(const char *text) {
  PyErr_SetString(PyExc_RuntimeError, text);
  return ASGI_FAILED;
}

/* Converts the host's status for a part. */
asgi_step asgi_step_of(asgi_connection *connection, outrider_status status, const char *what) {
  switch (status) {
  case OUTRIDER_PAUSE:
    connection->is_paused = 1;
    return ASGI_SENT;
  case OUTRIDER_E_AGAIN:
    connection->is_paused = 1;
    return ASGI_WAIT;
  case OUTRIDER_E_CLOSED:
  case OUTRIDER_E_CANCELLED:
    connection->is_gone = 1;
    PyErr_Format(PyExc_ConnectionResetError, "%s: the client has left", what);
    return ASGI_FAILED;
  case OUTRIDER_E_LIMIT:
    PyErr_Format(PyExc_ValueError, "%s: a limit of the server is exceeded", what);
    return ASGI_FAILED;
  case OUTRIDER_E_STATE:
    PyErr_Format(PyExc_RuntimeError, "%s: the response has begun, or is complete", what);
    return ASGI_FAILED;
  default:
    if (status >= 0) return ASGI_DONE;
    PyErr_Format(PyExc_ValueError, "%s: the server refused it (status %d)", what, (int)status);
    return ASGI_FAILED;
  }
}

/* ---- Heads ------------------------------------------------------------------------------------------------------- */

int asgi_take_headers(field_list *list, PyObject *message) {
  PyObject *headers = asgi_get(message, KEY_HEADERS), *none = headers ? NULL : PyTuple_New(0);
  int result = headers || none ? field_list_take(list, headers ? headers : none, 1) : -1;
  Py_XDECREF(none);
  return result;
}

static int take_status(PyObject *message, uint32_t *status) {
  PyObject *number = asgi_get(message, KEY_STATUS);
  long value = number ? PyLong_AsLong(number) : 0;
  if (PyErr_Occurred()) return -1;
  if (value < 100 || value > 999) {
    PyErr_Format(PyExc_ValueError, "invalid status %R", number ? number : Py_None);
    return -1;
  }
  *status = (uint32_t)value;
  return 0;
}

asgi_step asgi_send_start(asgi_connection *connection, PyObject *message) {
  uint32_t status;
  if (connection->status) return asgi_refuse("http.response.start was sent before");
  if (take_status(message, &status) < 0 || asgi_take_headers(&connection->fields, message) < 0) return ASGI_FAILED;
  if (status < 200) {
    PyErr_Format(PyExc_ValueError, "http.response.start with status %u: use http.response.informational", status);
    return ASGI_FAILED;
  }
  connection->expects_trailers = is_true(message, KEY_TRAILERS);
  connection->status = status;
  return ASGI_DONE;
}

static asgi_step send_informational(asgi_connection *connection, uint32_t status, PyObject *headers) {
  if (connection->status) return asgi_refuse("an informational response after http.response.start");
  field_list fields = {0};
  asgi_step step = ASGI_FAILED;
  if (field_list_take(&fields, headers, 1) == 0) {
    const outrider_head_event event = {.size = sizeof event, .type = OUTRIDER_EVENT_INFORMATIONAL, .status = status,
                                       .fields = fields.fields, .n_fields = fields.n};
    const outrider_host *host = connection->entry->host;
    connection->has_sent = 1;
    step = asgi_step_of(connection, host->send(host, connection->id, (const outrider_event *)&event), "informational response");
    if (step == ASGI_SENT || step == ASGI_WAIT) step = ASGI_DONE; /* a hint is not waited for */
  }
  field_list_clear(&fields);
  return step;
}

static asgi_step send_informational_message(asgi_connection *connection, PyObject *message) {
  uint32_t status = 103;
  PyObject *headers = asgi_get(message, KEY_HEADERS), *none = headers ? NULL : PyTuple_New(0);
  if ((asgi_get(message, KEY_STATUS) && take_status(message, &status) < 0) || (!headers && !none)) return ASGI_FAILED;
  asgi_step step = send_informational(connection, status, headers ? headers : none);
  Py_XDECREF(none);
  return step;
}

/* Each link is the value of a Link field. */
static asgi_step send_early_hint(asgi_connection *connection, PyObject *message) {
  PyObject *links = asgi_get(message, KEY_LINKS);
  PyObject *headers = PyList_New(0), *iterator = links ? PyObject_GetIter(links) : NULL, *link;
  asgi_step step = ASGI_FAILED;
  if (!links) PyErr_SetString(PyExc_ValueError, "http.response.early_hint without links");
  while (iterator && headers && (link = PyIter_Next(iterator))) {
    PyObject *pair = Py_BuildValue("(y#N)", "link", (Py_ssize_t)4, link);
    if (!pair || PyList_Append(headers, pair) < 0) Py_CLEAR(headers);
    Py_XDECREF(pair);
  }
  if (headers && !PyErr_Occurred()) step = send_informational(connection, 103, headers);
  Py_XDECREF(iterator);
  Py_XDECREF(headers);
  return step;
}

/* ---- Bodies ------------------------------------------------------------------------------------------------------ */

void asgi_send_completed(asgi_connection *connection) {
  connection->is_complete = 1;
  asgi_connection_wake(connection); /* receive() gives http.disconnect from now on */
}

/* Sends the head, if a body in several parts follows. */
static asgi_step send_head(asgi_connection *connection) {
  if (connection->is_started) return ASGI_DONE;
  const outrider_host *host = connection->entry->host;
  const outrider_head_event event = {.size = sizeof event, .type = OUTRIDER_EVENT_START, .status = connection->status,
                                     .flags = connection->expects_trailers ? OUTRIDER_TRAILERS_FOLLOW : 0,
                                     .fields = connection->fields.fields, .n_fields = connection->fields.n};
  asgi_step step = asgi_step_of(connection, host->send(host, connection->id, (const outrider_event *)&event), "http.response.start");
  if (step == ASGI_DONE || step == ASGI_SENT) connection->is_started = 1;
  return step == ASGI_SENT ? ASGI_DONE : step;
}

/* The body is kept until the exchange ends, because the host sends the rest from it later. */
static void keep(void *nothing) { (void)nothing; }

static int is_bodiless(const asgi_connection *connection) {
  return connection->status == 204 || connection->status == 205 || connection->status == 304;
}

/* From the event loop's thread the response goes by way of the worker's loop, which sends many in one pass. What that finds
 * wrong could not be raised any more: responses for which the host's own check is needed, and what follows a part that has
 * been sent already, take the direct way. */
static int can_leave(const asgi_connection *connection, size_t size) {
  int64_t length = connection->fields.content_length;
  return !connection->entry->loop->is_guest && !connection->has_sent && !is_bodiless(connection) &&
         (length < 0 || length == (int64_t)size);
}

static outrider_status send_whole(asgi_connection *connection, PyObject *body) {
  outrider_bytes bytes = {PyBytes_AS_STRING(body), is_bodiless(connection) ? 0 : (size_t)PyBytes_GET_SIZE(body)};
  asgi_exchange *exchange = connection->exchange;
  if (!exchange) return OUTRIDER_E_CLOSED;
  outrider_response_event *event = &exchange->answer;
  *event = (outrider_response_event){.size = sizeof *event, .type = OUTRIDER_EVENT_RESPONSE, .status = connection->status,
                                     .fields = connection->fields.fields, .n_fields = connection->fields.n, .body = bytes};
  if (asgi_lend_is_worth(bytes.size)) {
    event->release = keep;
    exchange->is_body_large = 1;
  }
  Py_XSETREF(connection->whole_body, Py_NewRef(body));
  if (can_leave(connection, bytes.size)) return asgi_answers_put(&connection->entry->loop->answers, exchange);
  const outrider_host *host = connection->entry->host;
  return host->send(host, connection->id, (const outrider_event *)event);
}

static outrider_status send_part(asgi_connection *connection, PyObject *body, int more) {
  outrider_bytes bytes = {PyBytes_AS_STRING(body), (size_t)PyBytes_GET_SIZE(body)};
  asgi_message *loan = asgi_lend(connection, body, bytes.size);
  const outrider_body_event event = {.size = sizeof event, .type = OUTRIDER_EVENT_BODY, .bytes = bytes, .more = (uint32_t)more,
                                     .release = loan ? asgi_lend_release : NULL, .context = loan};
  const outrider_host *host = connection->entry->host;
  outrider_status status = host->send(host, connection->id, (const outrider_event *)&event);
  if (status < 0) asgi_lend_take_back(loan);
  return status;
}

/* Called after a part that the host has accepted. */
static asgi_step after_part(asgi_connection *connection, asgi_step step, int more) {
  if (step == ASGI_FAILED || step == ASGI_WAIT || more) return step;
  connection->has_body_ended = 1;
  if (!connection->expects_trailers) asgi_send_completed(connection);
  return ASGI_DONE; /* nothing follows that had to wait */
}

asgi_step asgi_send_body(asgi_connection *connection, PyObject *message) {
  if (!connection->status) return asgi_refuse("http.response.body before http.response.start");
  if (connection->has_body_ended || connection->is_complete) return asgi_refuse("http.response.body after the last one");
  PyObject *given = asgi_get(message, KEY_BODY);
  int more = is_true(message, KEY_MORE_BODY);
  PyObject *body = !given ? PyBytes_FromStringAndSize("", 0) : PyBytes_Check(given) ? Py_NewRef(given) : NULL;
  if (given && !body) body = PyUnicode_Check(given) ? NULL : PyBytes_FromObject(given);
  if (!body) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "the body of http.response.body is bytes, not str");
    return ASGI_FAILED;
  }
  asgi_step step;
  if (!connection->is_started && !more && !connection->expects_trailers) {
    step = asgi_step_of(connection, send_whole(connection, body), "http.response.body");
    if (step == ASGI_DONE || step == ASGI_SENT) connection->is_started = 1;
  } else {
    step = send_head(connection);
    if (step == ASGI_DONE) step = asgi_step_of(connection, send_part(connection, body, more), "http.response.body");
  }
  Py_DECREF(body);
  return after_part(connection, step, more);
}

/* ---- http.response.pathsend -------------------------------------------------------------------------------------- */

static asgi_step send_path(asgi_connection *connection, PyObject *message) {
  if (!connection->status) return asgi_refuse("http.response.pathsend before http.response.start");
  if (connection->has_body_ended || connection->is_complete) return asgi_refuse("http.response.pathsend after the body");
  PyObject *path = asgi_get(message, KEY_PATH), *encoded = NULL;
  if (!path || !PyUnicode_FSConverter(path, &encoded)) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "http.response.pathsend without a path");
    return ASGI_FAILED;
  }
  int fd = open(PyBytes_AS_STRING(encoded), O_RDONLY | O_CLOEXEC);
  Py_DECREF(encoded);
  struct stat file;
  if (fd < 0 || fstat(fd, &file) < 0 || !S_ISREG(file.st_mode)) {
    if (fd >= 0 && S_ISDIR(file.st_mode)) errno = EISDIR;
    else if (fd >= 0) errno = EINVAL;
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
    if (fd >= 0) close(fd);
    return ASGI_FAILED;
  }
  if (!connection->is_started && connection->fields.content_length < 0)
    field_list_add_length(&connection->fields, connection->digits, file.st_size);
  asgi_step step = send_head(connection);
  if (step == ASGI_DONE) {
    const outrider_file_event event = {.size = sizeof event, .type = OUTRIDER_EVENT_FILE, .fd = fd,
                                       .length = (uint64_t)file.st_size, .release = asgi_lend_close,
                                       .context = (void *)(intptr_t)fd};
    const outrider_host *host = connection->entry->host;
    step = asgi_step_of(connection, host->send(host, connection->id, (const outrider_event *)&event), "http.response.pathsend");
  }
  if (step == ASGI_FAILED || step == ASGI_WAIT) close(fd);
  return after_part(connection, step, 0);
}

/* ---- http.response.trailers -------------------------------------------------------------------------------------- */

static asgi_step send_trailers(asgi_connection *connection, PyObject *message) {
  if (!connection->expects_trailers || !connection->has_body_ended || connection->is_complete)
    return asgi_refuse("http.response.trailers was not announced, or comes before the body has ended");
  if (is_true(message, KEY_MORE_TRAILERS)) return asgi_refuse("http.response.trailers: send all of them in one message");
  field_list fields = {0};
  asgi_step step = ASGI_FAILED;
  if (asgi_take_headers(&fields, message) == 0) {
    const outrider_head_event event = {.size = sizeof event, .type = OUTRIDER_EVENT_TRAILERS, .fields = fields.fields,
                                       .n_fields = fields.n};
    const outrider_host *host = connection->entry->host;
    step = asgi_step_of(connection, host->send(host, connection->id, (const outrider_event *)&event), "http.response.trailers");
    if (step == ASGI_SENT) step = ASGI_DONE;
    if (step == ASGI_DONE) asgi_send_completed(connection);
  }
  field_list_clear(&fields);
  return step;
}

static const asgi_sender http_senders[] = {
    {"http.response.body", asgi_send_body},
    {"http.response.start", asgi_send_start},
    {"http.response.informational", send_informational_message},
    {"http.response.early_hint", send_early_hint},
    {"http.response.pathsend", send_path},
    {"http.response.trailers", send_trailers},
    {NULL, NULL},
};

asgi_step asgi_send(asgi_connection *connection, PyObject *message) {
  PyObject *type = PyDict_Check(message) ? asgi_get(message, KEY_TYPE) : NULL;
  if (!type || !PyUnicode_Check(type)) {
    PyErr_Format(PyExc_TypeError, "send() takes a dict with a type, not %R", message);
    return ASGI_FAILED;
  }
  if (connection->is_gone) {
    PyErr_SetString(PyExc_ConnectionResetError, "the client has left");
    return ASGI_FAILED;
  }
  for (const asgi_sender *known = connection->websocket ? asgi_websocket_senders : http_senders; known->type; known++)
    if (PyUnicode_CompareWithASCIIString(type, known->type) == 0) return known->send(connection, message);
  PyErr_Format(PyExc_RuntimeError, "unexpected message type %R", type);
  return ASGI_FAILED;
}
