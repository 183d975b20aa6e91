/* asgi_scope.c: the scope of an HTTP connection or a WebSocket (ASGI 3, HTTP & WebSocket 2.4). */
#include "asgi_scope.h"

#include "asgi_websocket.h"
#include "fields.h"
#include "texts.h"
#include "tls_facts.h"

enum {
  TYPE, ASGI, HTTP_VERSION, METHOD, SCHEME, PATH, RAW_PATH, QUERY_STRING, ROOT_PATH, HEADERS, CLIENT, SERVER, STATE,
  EXTENSIONS, SUBPROTOCOLS, KEYS
};

static const char *const names[KEYS] = {"type",      "asgi",    "http_version", "method", "scheme",     "path", "raw_path", "query_string",
                                        "root_path", "headers", "client",       "server", "state", "extensions",
                                        "subprotocols"};

/* The keys for every request, followed by the one for clients that accept trailers. */
enum { ALWAYS = 3, EXTENSIONS_OF_ALL };
static const char *const extension_names[EXTENSIONS_OF_ALL] = {"http.response.early_hint", "http.response.informational",
                                                               "http.response.pathsend", "http.response.trailers"};

static PyObject *keys[KEYS];
/* The patterns from which a scope's extensions are copied. The dicts in them are empty and shared. */
static PyObject *extensions_always, *extensions_with_trailers, *extensions_of_websocket;
/* The objects from which each scope and its "asgi" are copied. */
static PyObject *pattern, *websocket_pattern, *asgi;
static PyObject *http_1_0, *http_1_1, *http_2;

/* Takes the reference to value, which is NULL if it could not be created. */
static int put(PyObject *scope, int key, PyObject *value) {
  int result = value ? PyDict_SetItem(scope, keys[key], value) : -1;
  Py_XDECREF(value);
  return result;
}

static PyObject *extension_pattern(int n) {
  PyObject *all = PyDict_New();
  for (int i = 0; all && i < n; i++) {
    PyObject *nothing = PyDict_New();
    if (!nothing || PyDict_SetItemString(all, extension_names[i], nothing) < 0) Py_CLEAR(all);
    Py_XDECREF(nothing);
  }
  return all;
}

/* With all keys, so that copies need not grow; a scope without state removes that key. */
static int fill_pattern(PyObject *of, const char *type, const char *scheme, int lacks) {
  for (int i = 0; i < KEYS; i++)
    if (i != lacks && PyDict_SetItem(of, keys[i], Py_None) < 0) return -1;
  return put(of, TYPE, PyUnicode_InternFromString(type)) < 0 || put(of, HTTP_VERSION, Py_NewRef(http_1_1)) < 0 ||
                 put(of, SCHEME, PyUnicode_InternFromString(scheme)) < 0 ||
                 put(of, QUERY_STRING, PyBytes_FromStringAndSize("", 0)) < 0 || put(of, ROOT_PATH, PyUnicode_FromString("")) < 0
             ? -1
             : 0;
}

int asgi_scope_ready(void) {
  for (int i = 0; i < KEYS; i++)
    if (!keys[i] && !(keys[i] = PyUnicode_InternFromString(names[i]))) return -1;
  if (!http_1_0) http_1_0 = PyUnicode_InternFromString("1.0");
  if (!http_1_1) http_1_1 = PyUnicode_InternFromString("1.1");
  if (!http_2) http_2 = PyUnicode_InternFromString("2");
  if (!asgi) asgi = Py_BuildValue("{s:s,s:s}", "version", "3.0", "spec_version", "2.4");
  if (!extensions_always) extensions_always = extension_pattern(ALWAYS);
  if (!extensions_with_trailers) extensions_with_trailers = extension_pattern(EXTENSIONS_OF_ALL);
  if (!extensions_of_websocket) extensions_of_websocket = Py_BuildValue("{s:{}}", "websocket.http.response");
  if (!extensions_always || !extensions_with_trailers || !extensions_of_websocket) return -1;
  if (!pattern) pattern = PyDict_New();
  if (!websocket_pattern) websocket_pattern = PyDict_New();
  if (!http_1_0 || !http_1_1 || !http_2 || !asgi || !pattern || !websocket_pattern) return -1;
  if (fill_pattern(pattern, "http", "http", SUBPROTOCOLS) < 0) return -1;
  return fill_pattern(websocket_pattern, "websocket", "ws", METHOD);
}

/* Text from bytes that should be UTF-8. */
static PyObject *text_of(outrider_bytes bytes) {
  return PyUnicode_DecodeUTF8(bytes.size ? bytes.data : "", (Py_ssize_t)bytes.size, "replace");
}

/* path includes root_path (ASGI): the application removes it. */
static PyObject *whole_path(const outrider_head *head) {
  if (!head->mount.size) return text_of(head->path);
  PyObject *mount = text_of(head->mount);
  int is_bare = (head->flags & OUTRIDER_HEAD_BARE_MOUNT) != 0;
  PyObject *rest = mount ? text_of(is_bare ? (outrider_bytes){"", 0} : head->path) : NULL;
  PyObject *path = rest ? PyUnicode_Concat(mount, rest) : NULL;
  Py_XDECREF(mount);
  Py_XDECREF(rest);
  return path;
}

static PyObject *headers(const outrider_head *head) {
  PyObject *list = PyList_New((Py_ssize_t)head->n_fields);
  for (size_t i = 0; list && i < head->n_fields; i++) {
    field_name *name = field_name_of(head->fields[i].name);
    PyObject *value = name ? field_bytes(name, head->fields[i].value) : NULL;
    PyObject *pair = value ? PyTuple_Pack(2, name->lower, value) : NULL;
    Py_XDECREF(value);
    if (pair)
      PyList_SET_ITEM(list, (Py_ssize_t)i, pair);
    else
      Py_CLEAR(list);
  }
  return list;
}

/* (host, port); None for a unix socket. */
static PyObject *address(outrider_bytes text, uint32_t port, last_text *last) {
  if (!text.size) Py_RETURN_NONE;
  PyObject *host = text_remembered(last, text), *number = PyLong_FromUnsignedLong(port);
  PyObject *pair = host && number ? PyTuple_Pack(2, host, number) : NULL;
  Py_XDECREF(host);
  Py_XDECREF(number);
  return pair;
}

static PyObject *client(const outrider_head *head) {
  static last_text last;
  return address(head->client_address, head->client_port, &last);
}

/* Most requests have the same server address. */
static PyObject *server(const outrider_head *head) {
  static last_text last;
  static PyObject *pair, *host; /* of the last address */
  static uint32_t port;
  if (pair && last.text == host && port == head->server_port) {
    PyObject *text = head->server_address.size ? text_remembered(&last, head->server_address) : NULL;
    Py_XDECREF(text);
    if (text == host) return Py_NewRef(pair);
    PyErr_Clear();
  }
  PyObject *made = address(head->server_address, head->server_port, &last);
  if (made && made != Py_None) {
    Py_XSETREF(pair, Py_NewRef(made));
    host = last.text;
    port = head->server_port;
  }
  return made;
}

/* Takes the reference to value. */
static int put_named(PyObject *dict, const char *key, PyObject *value) {
  int result = value ? PyDict_SetItemString(dict, key, value) : -1;
  Py_XDECREF(value);
  return result;
}

static PyObject *number_or_none(uint32_t number) {
  return number ? PyLong_FromUnsignedLong(number) : Py_NewRef(Py_None);
}

/* The TLS extension (ASGI). The server's own certificate is not known here. */
static PyObject *tls(const asgi_exchange *exchange) {
  outrider_bytes subject = exchange->head.tls_subject;
  PyObject *facts = PyDict_New(), *chain = PyList_New(0);
  int result = facts && chain ? 0 : -1;
  for (size_t i = 0; result == 0 && i < exchange->n_certificates; i++) {
    PyObject *pem = tls_pem(exchange->certificates[i]);
    result = pem ? PyList_Append(chain, pem) : -1;
    Py_XDECREF(pem);
  }
  if (result < 0 || put_named(facts, "server_cert", Py_NewRef(Py_None)) < 0 ||
      put_named(facts, "client_cert_chain", Py_NewRef(chain)) < 0 ||
      put_named(facts, "client_cert_name", subject.size ? text_of(subject) : Py_NewRef(Py_None)) < 0 ||
      put_named(facts, "client_cert_error", Py_NewRef(Py_None)) < 0 ||
      put_named(facts, "tls_version", number_or_none(exchange->tls_version)) < 0 ||
      put_named(facts, "cipher_suite", number_or_none(exchange->tls_cipher)) < 0)
    Py_CLEAR(facts);
  Py_XDECREF(chain);
  return facts;
}

static PyObject *extensions(const asgi_exchange *exchange) {
  uint32_t flags = exchange->head.flags;
  PyObject *all = PyDict_Copy(flags & OUTRIDER_HEAD_WEBSOCKET           ? extensions_of_websocket
                              : flags & OUTRIDER_HEAD_ACCEPTS_TRAILERS ? extensions_with_trailers
                                                                       : extensions_always);
  if (all && flags & OUTRIDER_HEAD_TLS && put_named(all, "tls", tls(exchange)) < 0) Py_CLEAR(all);
  return all;
}

static PyObject *unusual_scheme(const outrider_head *head) {
  return head->flags & OUTRIDER_HEAD_WEBSOCKET ? PyUnicode_FromString("wss") : text_of_scheme(head->scheme);
}

/* Sets the keys that differ from the pattern. */
static int put_unusual(PyObject *scope, const outrider_head *head, PyObject *state) {
  if (head->http_version != OUTRIDER_HTTP_1_1 &&
      PyDict_SetItem(scope, keys[HTTP_VERSION], head->http_version == OUTRIDER_HTTP_2 ? http_2 : http_1_0) < 0)
    return -1;
  if (head->scheme.size != 4 && put(scope, SCHEME, unusual_scheme(head)) < 0) return -1;
  if (head->query.size && put(scope, QUERY_STRING, bytes_of(head->query)) < 0) return -1;
  if (head->mount.size && put(scope, ROOT_PATH, text_of(head->mount)) < 0) return -1;
  return state ? put(scope, STATE, PyDict_Copy(state)) : PyDict_DelItem(scope, keys[STATE]);
}

PyObject *asgi_scope_new(const asgi_exchange *exchange, PyObject *state) {
  const outrider_head *head = &exchange->head;
  int is_websocket = (head->flags & OUTRIDER_HEAD_WEBSOCKET) != 0;
  PyObject *scope = PyDict_Copy(is_websocket ? websocket_pattern : pattern);
  if (scope && (put(scope, ASGI, PyDict_Copy(asgi)) < 0 ||
                (is_websocket ? put(scope, SUBPROTOCOLS, asgi_subprotocols(head))
                              : put(scope, METHOD, text_of_method(head->method))) < 0 ||
                put(scope, PATH, whole_path(head)) < 0 || put(scope, RAW_PATH, bytes_of(head->raw_path)) < 0 ||
                put(scope, HEADERS, headers(head)) < 0 || put(scope, CLIENT, client(head)) < 0 ||
                put(scope, SERVER, server(head)) < 0 || put(scope, EXTENSIONS, extensions(exchange)) < 0 ||
                put_unusual(scope, head, state) < 0))
    Py_CLEAR(scope);
  return scope;
}
