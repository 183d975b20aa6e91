/* embedded.h: the parts of this plugin that are written in Python. */
#ifndef PYTHON_EMBEDDED_H
#define PYTHON_EMBEDDED_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

typedef enum embedded_part {
  EMBEDDED_APPLICATION,
  EMBEDDED_RECORDS,
  EMBEDDED_LOOP,
  EMBEDDED_VENV,
  EMBEDDED_PARTS
} embedded_part;

/* The part as a module; its code runs at the first call. [borrowed; NULL with an exception] */
PyObject *embedded_module(embedded_part);
/* Calls one of its functions; the format is that of Py_BuildValue for a tuple. */
PyObject *embedded_call(embedded_part, const char *function, const char *format, ...);

#endif
