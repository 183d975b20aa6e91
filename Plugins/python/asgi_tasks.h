/* asgi_tasks.h: the tasks in which an ASGI application is called, one for each request. */
#ifndef PYTHON_ASGI_TASKS_H
#define PYTHON_ASGI_TASKS_H

#include "asgi_connection.h"

/* Called with asyncio's loop before it runs. 0, or -1 with an exception. */
int asgi_tasks_prepare(asgi_loop *, PyObject *asyncio_loop);
/* Starts the task of a request, within the event loop. The application runs at once until it first waits; most never
 * wait. */
void asgi_tasks_begin(asgi_connection *);
/* The tasks whose applications have not returned. [new reference] */
PyObject *asgi_tasks_running(const asgi_loop *);

/* A connection as a coroutine. */
PySendResult asgi_tasks_advance(PyObject *connection, PyObject *value, PyObject **result);
PyObject *asgi_tasks_next(PyObject *connection);
extern PyMethodDef asgi_tasks_methods[];

#endif
