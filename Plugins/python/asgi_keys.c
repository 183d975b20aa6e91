/* asgi_keys.c: the keys of messages, made once. */
#include "asgi_keys.h"

static const char *const names[KEYS] = {"type",  "status", "headers", "trailers",     "body", "more_body",
                                        "links", "path",   "more_trailers",
                                        "text",  "bytes",  "code",    "reason",       "subprotocol"};
static PyObject *keys[KEYS];

int asgi_keys_ready(void) {
  for (int i = 0; i < KEYS; i++)
    if (!keys[i] && !(keys[i] = PyUnicode_InternFromString(names[i]))) return -1;
  return 0;
}

PyObject *asgi_get(PyObject *message, asgi_key key) {
  PyObject *value = PyDict_GetItemWithError(message, keys[key]);
  return value == Py_None ? NULL : value;
}

int asgi_set(PyObject *message, asgi_key key, PyObject *value) { return PyDict_SetItem(message, keys[key], value); }
