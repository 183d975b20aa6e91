/* wsgi_handle.h: calls a WSGI application and sends its result. */
#ifndef PYTHON_WSGI_HANDLE_H
#define PYTHON_WSGI_HANDLE_H

#include "entry.h"

/* [request-thread] */
outrider_status wsgi_handle(void *state, void *thread, outrider_exchange, const outrider_head *, const outrider_io *);

#endif
