/* asgi_coroutine.c: common functions of the types that asyncio accepts as coroutines. */
#include "asgi_coroutine.h"

PyObject *coroutine_result(PySendResult sent, PyObject *result) {
  if (sent == PYGEN_NEXT) return result;
  if (sent == PYGEN_RETURN) {
    PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
    if (stop) PyErr_SetObject(PyExc_StopIteration, stop);
    Py_XDECREF(stop);
    Py_DECREF(result);
  }
  return NULL;
}

PyObject *coroutine_throw(PyObject *iterator, PyObject *arguments) {
  PyObject *method = PyObject_GetAttrString(iterator, "throw");
  PyObject *thrown = method ? PyObject_Call(method, arguments, NULL) : NULL;
  Py_XDECREF(method);
  return thrown;
}

void coroutine_raise(PyObject *arguments) {
  PyObject *exception = PyTuple_GET_ITEM(arguments, 0);
  PyObject *value = PyTuple_GET_SIZE(arguments) > 1 ? PyTuple_GET_ITEM(arguments, 1) : Py_None;
  if (PyExceptionInstance_Check(exception))
    PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
  else
    PyErr_SetObject(exception, value);
}
