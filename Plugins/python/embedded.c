/* embedded.c: the parts of this plugin that are written in Python. The build converts each to an .inc file. */
#include "embedded.h"

#include <stdarg.h>

static const struct {
  const char *name, *file, *source;
} parts[EMBEDDED_PARTS] = {
    [EMBEDDED_APPLICATION] = {"outrider.application", "<outrider:application.py>",
#include "application.py.inc"
    },
    [EMBEDDED_RECORDS] = {"outrider.records", "<outrider:records.py>",
#include "records.py.inc"
    },
    [EMBEDDED_LOOP] = {"outrider.loop", "<outrider:loop.py>",
#include "loop.py.inc"
    },
    [EMBEDDED_VENV] = {"outrider.venv", "<outrider:venv.py>",
#include "venv.py.inc"
    },
};

static PyObject *modules[EMBEDDED_PARTS];

static PyObject *run(embedded_part part) {
  PyObject *module = PyModule_New(parts[part].name);
  PyObject *names = module ? PyModule_GetDict(module) : NULL;
  PyObject *code = names ? Py_CompileString(parts[part].source, parts[part].file, Py_file_input) : NULL;
  PyObject *done = NULL;
  if (code && PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) == 0)
    done = PyEval_EvalCode(code, names, names);
  Py_XDECREF(code);
  if (!done) Py_CLEAR(module);
  Py_XDECREF(done);
  return module;
}

PyObject *embedded_module(embedded_part part) {
  if (!modules[part]) modules[part] = run(part);
  return modules[part];
}

PyObject *embedded_call(embedded_part part, const char *function, const char *format, ...) {
  PyObject *module = embedded_module(part);
  PyObject *callable = module ? PyObject_GetAttrString(module, function) : NULL;
  if (!callable) return NULL;
  va_list list;
  va_start(list, format);
  PyObject *arguments = Py_VaBuildValue(format, list);
  va_end(list);
  PyObject *result = arguments ? PyObject_Call(callable, arguments, NULL) : NULL;
  Py_XDECREF(arguments);
  Py_DECREF(callable);
  return result;
}
