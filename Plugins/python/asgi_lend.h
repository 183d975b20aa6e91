/* asgi_lend.h: bodies that the host sends without a copy. */
#ifndef PYTHON_ASGI_LEND_H
#define PYTHON_ASGI_LEND_H

#include "asgi_connection.h"

/* Whether lending is cheaper than a copy. */
int asgi_lend_is_worth(size_t size);
/* Lends the object to the host; NULL if it is small enough to be copied, or if out of memory. */
asgi_message *asgi_lend(asgi_connection *, PyObject *bytes, size_t size);
void asgi_lend_take_back(asgi_message *); /* the host has refused it. The GIL is held; NULL is nothing. */

/* [loop] Release functions: with the GIL or without. */
void asgi_lend_release(void *loan);
void asgi_lend_close(void *fd); /* of a file, cast */

#endif
