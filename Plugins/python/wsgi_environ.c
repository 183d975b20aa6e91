/* wsgi_environ.c: the environ of a request: the variables of RFC 3875, those of PEP 3333, and those that gunicorn
 * adds. */
#include "wsgi_environ.h"

#include "texts.h"
#include "tls_facts.h"
#include "wsgi_errors.h"
#include "wsgi_file.h"

#include <string.h>

/* The keys that each request sets. */
enum {
  REQUEST_METHOD, SCRIPT_NAME, PATH_INFO, QUERY_STRING, RAW_URI, REQUEST_URI, SERVER_PROTOCOL, SERVER_NAME, SERVER_PORT,
  REMOTE_ADDR, REMOTE_PORT, REQUEST_ID, URL_SCHEME, INPUT, EARLY_HINTS,
  FIRST_OF_TLS, HTTPS = FIRST_OF_TLS, SSL_PROTOCOL, SSL_CIPHER, SSL_TLS_SNI, SSL_CLIENT_VERIFY, SSL_CLIENT_S_DN,
  SSL_CLIENT_CERT, KEYS
};

static const char *const names[KEYS] = {
    "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "RAW_URI", "REQUEST_URI", "SERVER_PROTOCOL",
    "SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT", "outrider.request_id", "wsgi.url_scheme", "wsgi.input",
    "wsgi.early_hints", "HTTPS", "SSL_PROTOCOL", "SSL_CIPHER", "SSL_TLS_SNI", "SSL_CLIENT_VERIFY", "SSL_CLIENT_S_DN",
    "SSL_CLIENT_CERT",
};

static PyObject *keys[KEYS], *http_1_0, *http_1_1, *http_2, *on, *success, *none;

/* Takes the reference to value, which is NULL if it could not be created. */
static int put(PyObject *environ, PyObject *key, PyObject *value) {
  int result = key && value ? PyDict_SetItem(environ, key, value) : -1;
  Py_XDECREF(value);
  return result;
}

static int put_named(PyObject *environ, const char *name, PyObject *value) {
  PyObject *key = PyUnicode_InternFromString(name);
  int result = put(environ, key, value);
  Py_XDECREF(key);
  return result;
}

static int make_keys(void) {
  for (int i = 0; i < KEYS; i++)
    if (!keys[i] && !(keys[i] = PyUnicode_InternFromString(names[i]))) return -1;
  if (!http_1_0) http_1_0 = PyUnicode_InternFromString("HTTP/1.0");
  if (!http_1_1) http_1_1 = PyUnicode_InternFromString("HTTP/1.1");
  if (!http_2) http_2 = PyUnicode_InternFromString("HTTP/2.0");
  if (!on) on = PyUnicode_InternFromString("on");
  if (!success) success = PyUnicode_InternFromString("SUCCESS");
  if (!none) none = PyUnicode_InternFromString("NONE");
  return http_1_0 && http_1_1 && http_2 && on && success && none ? 0 : -1;
}

int wsgi_environ_prepare(entry *entry, const outrider_worker_info *info) {
  if (make_keys() < 0 || wsgi_request_ready() < 0 || wsgi_file_ready() < 0) return -1;
  PyObject *environ = PyDict_New();
  if (!environ) return -1;
  entry->environ = environ;
  /* Each request sets these; the order is defined here. */
  for (int i = 0; i < FIRST_OF_TLS; i++)
    if (put(environ, keys[i], Py_NewRef(Py_None)) < 0) return -1;
  if (put(environ, keys[SCRIPT_NAME], PyUnicode_FromString("")) < 0 ||
      put(environ, keys[QUERY_STRING], PyUnicode_FromString("")) < 0 ||
      put(environ, keys[REMOTE_ADDR], PyUnicode_FromString("")) < 0 ||
      put(environ, keys[REMOTE_PORT], PyUnicode_FromString("")) < 0)
    return -1;
  return put_named(environ, "GATEWAY_INTERFACE", PyUnicode_FromString("CGI/1.1")) < 0 ||
                 put_named(environ, "SERVER_SOFTWARE", PyUnicode_FromFormat("outrider/%s", info->host_version)) < 0 ||
                 put_named(environ, "wsgi.version", Py_BuildValue("(ii)", 1, 0)) < 0 ||
                 put_named(environ, "wsgi.errors", wsgi_errors_new(entry)) < 0 ||
                 put_named(environ, "wsgi.multithread", PyBool_FromLong(info->threads > 1)) < 0 ||
                 put_named(environ, "wsgi.multiprocess", PyBool_FromLong(info->workers > 1)) < 0 ||
                 put_named(environ, "wsgi.run_once", PyBool_FromLong(0)) < 0 ||
                 put_named(environ, "wsgi.input_terminated", PyBool_FromLong(1)) < 0 ||
                 put_named(environ, "wsgi.file_wrapper", wsgi_file_type()) < 0
             ? -1
             : 0;
}

/* ---- A request ----------------------------------------------------------------------------------------------------- */

/* A repeated field is appended to the earlier value (RFC 9110 section 5.3). */
static int put_field(PyObject *environ, const outrider_field *field) {
  field_name *name = field_name_of(field->name);
  if (!name) return -1;
  if (name->kind == FIELD_HIDDEN) return 0;
  PyObject *value = field_text(name, field->value);
  PyObject *before = value ? PyDict_GetItemWithError(environ, name->environ_key) : NULL;
  if (before) {
    PyObject *joined = PyUnicode_FromFormat(name->kind == FIELD_COOKIE ? "%U; %U" : "%U,%U", before, value);
    Py_SETREF(value, joined);
  }
  return put(environ, name->environ_key, value);
}

/* The path below the mount; empty if the target ends with the mount. */
static outrider_bytes path_info(const outrider_head *head) {
  return head->flags & OUTRIDER_HEAD_BARE_MOUNT ? (outrider_bytes){"", 0} : head->path;
}

/* The host name in the authority, without the port and the brackets of an IPv6 address. */
static outrider_bytes host_name(outrider_bytes authority) {
  if (authority.size && authority.data[0] == '[') {
    const char *end = memchr(authority.data, ']', authority.size);
    if (end) return (outrider_bytes){authority.data + 1, (size_t)(end - authority.data) - 1};
  }
  const char *colon = memchr(authority.data ? authority.data : "", ':', authority.size);
  return (outrider_bytes){authority.data, colon ? (size_t)(colon - authority.data) : authority.size};
}

/* SERVER_NAME and SERVER_PORT must not be empty (PEP 3333): for a unix socket they are those that the client requested. */
static int put_server(PyObject *environ, const outrider_head *head, int is_https) {
  static last_text last;
  if (head->server_address.size)
    return put(environ, keys[SERVER_NAME], text_remembered(&last, head->server_address)) < 0 ||
                   put(environ, keys[SERVER_PORT], text_of_number(head->server_port)) < 0 ? -1 : 0;
  outrider_bytes name = host_name(head->authority);
  return put(environ, keys[SERVER_NAME], name.size ? text_of_latin1(name) : PyUnicode_FromString("localhost")) < 0 ||
                 put(environ, keys[SERVER_PORT], PyUnicode_FromString(is_https ? "443" : "80")) < 0 ? -1 : 0;
}

static int put_client(PyObject *environ, const outrider_head *head) {
  static last_text last;
  if (!head->client_address.size) return 0;
  return put(environ, keys[REMOTE_ADDR], text_remembered(&last, head->client_address)) < 0 ||
                 put(environ, keys[REMOTE_PORT], text_of_number(head->client_port)) < 0 ? -1 : 0;
}

static int put_target(PyObject *environ, const outrider_head *head) {
  if (head->mount.size && put(environ, keys[SCRIPT_NAME], text_of_latin1(head->mount)) < 0) return -1;
  if (head->query.size && put(environ, keys[QUERY_STRING], text_of_latin1(head->query)) < 0) return -1;
  PyObject *target = text_of_latin1(head->target);
  if (!target || PyDict_SetItem(environ, keys[REQUEST_URI], target) < 0) {
    Py_XDECREF(target);
    return -1;
  }
  return put(environ, keys[RAW_URI], target) < 0 || put(environ, keys[PATH_INFO], text_of_latin1(path_info(head))) < 0 ? -1 : 0;
}

static int put_if_known(PyObject *environ, int key, outrider_bytes value) {
  return value.size ? put(environ, keys[key], text_of_latin1(value)) : 0;
}

/* The names are mod_ssl's. */
static int put_tls(PyObject *environ, const wsgi_request *request, const outrider_head *head) {
  const outrider_host *host = request->entry->host;
  const outrider_tls *tls = head->flags & OUTRIDER_HEAD_TLS ? host->tls(host, request->exchange) : NULL;
  if (put(environ, keys[HTTPS], Py_NewRef(on)) < 0 || put_if_known(environ, SSL_CLIENT_S_DN, head->tls_subject) < 0 ||
      put(environ, keys[SSL_CLIENT_VERIFY], Py_NewRef(head->tls_subject.size ? success : none)) < 0)
    return -1;
  if (!tls) return 0;
  if (put_if_known(environ, SSL_PROTOCOL, tls->version) < 0 || put_if_known(environ, SSL_CIPHER, tls->cipher) < 0 ||
      put_if_known(environ, SSL_TLS_SNI, tls->server_name) < 0)
    return -1;
  return tls->n_client_chain ? put(environ, keys[SSL_CLIENT_CERT], tls_pem(tls->client_chain[0])) : 0;
}

static int fill(PyObject *environ, wsgi_request *request, const outrider_head *head) {
  int is_https = head->scheme.size == 5;
  PyObject *protocol = head->http_version == OUTRIDER_HTTP_2 ? http_2 : head->http_version == OUTRIDER_HTTP_1_0 ? http_1_0 : http_1_1;
  if (put(environ, keys[REQUEST_METHOD], text_of_method(head->method)) < 0 || put_target(environ, head) < 0 ||
      put(environ, keys[SERVER_PROTOCOL], Py_NewRef(protocol)) < 0 || put_server(environ, head, is_https) < 0 ||
      put_client(environ, head) < 0 || put(environ, keys[URL_SCHEME], text_of_scheme(head->scheme)) < 0 ||
      put(environ, keys[REQUEST_ID], text_of_latin1(head->request_id)) < 0 || (is_https && put_tls(environ, request, head) < 0))
    return -1;
  for (size_t i = 0; i < head->n_fields; i++)
    if (put_field(environ, &head->fields[i]) < 0) return -1;
  return put(environ, keys[INPUT], Py_NewRef((PyObject *)request)) < 0 ||
                 put(environ, keys[EARLY_HINTS], wsgi_request_early_hints(request)) < 0 ? -1 : 0;
}

PyObject *wsgi_environ_new(const entry *entry, wsgi_request *request, const outrider_head *head) {
  PyObject *environ = PyDict_Copy(entry->environ);
  if (environ && fill(environ, request, head) < 0) Py_CLEAR(environ);
  return environ;
}
