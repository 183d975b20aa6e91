/* asgi_coroutine.h: common functions of the types that asyncio accepts as coroutines. */
#ifndef PYTHON_ASGI_COROUTINE_H
#define PYTHON_ASGI_COROUTINE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Converts the result of am_send to the convention of generators: NULL with StopIteration is a return. */
PyObject *coroutine_result(PySendResult, PyObject *result);
/* Calls throw() of another iterator with the arguments of a generator's throw(). */
PyObject *coroutine_throw(PyObject *iterator, PyObject *arguments);
/* Makes it the current exception. */
void coroutine_raise(PyObject *arguments);

#endif
