/* wsgi_environ.h: the environ of a request. */
#ifndef PYTHON_WSGI_ENVIRON_H
#define PYTHON_WSGI_ENVIRON_H

#include "wsgi_request.h"

/* In each worker: makes the common part of all environs. 0, or -1 with an exception. */
int wsgi_environ_prepare(entry *, const outrider_worker_info *);
/* [new reference] */
PyObject *wsgi_environ_new(const entry *, wsgi_request *, const outrider_head *);

#endif
