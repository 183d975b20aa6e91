/* asgi_scope.h: the scope of an HTTP connection or a WebSocket (ASGI). */
#ifndef PYTHON_ASGI_SCOPE_H
#define PYTHON_ASGI_SCOPE_H

#include "asgi_exchange.h"

int asgi_scope_ready(void); /* makes the keys; 0, or -1 with an exception */
/* state is the lifespan's, or NULL. [new reference] */
PyObject *asgi_scope_new(const asgi_exchange *, PyObject *state);

#endif
