/* wsgi_errors.h: wsgi.errors, a stream into the server's error log. */
#ifndef PYTHON_WSGI_ERRORS_H
#define PYTHON_WSGI_ERRORS_H

#include "entry.h"

PyObject *wsgi_errors_new(const entry *); /* [new reference] */
/* Writes an incomplete line at the end of a request. */
void wsgi_errors_flush(const entry *);

#endif
