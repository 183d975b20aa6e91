/* asgi_keys.h: the keys of messages, made once. */
#ifndef PYTHON_ASGI_KEYS_H
#define PYTHON_ASGI_KEYS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

typedef enum asgi_key {
  KEY_TYPE, KEY_STATUS, KEY_HEADERS, KEY_TRAILERS, KEY_BODY, KEY_MORE_BODY, KEY_LINKS, KEY_PATH, KEY_MORE_TRAILERS,
  KEY_TEXT, KEY_BYTES, KEY_CODE, KEY_REASON, KEY_SUBPROTOCOL, KEYS
} asgi_key;

int asgi_keys_ready(void); /* 0, or -1 with an exception */
/* The value of a message's key; NULL if it is missing or None. [borrowed] */
PyObject *asgi_get(PyObject *message, asgi_key);
/* -1 with an exception. */
int asgi_set(PyObject *message, asgi_key, PyObject *value);

#endif
