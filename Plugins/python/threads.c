/* threads.c: the Python thread state of each thread of the server that runs Python.
 *
 * A thread has one state for all entries: C extensions find the state by the thread. */
#include "entry.h"

static _Thread_local PyThreadState *parked; /* while the GIL is not held */
static _Thread_local int joined;
static _Thread_local int is_own; /* made by thread_join() */
static _Thread_local PyGILState_STATE before;

void gil_take(void) { PyEval_RestoreThread(parked); }

void gil_drop(void) { parked = PyEval_SaveThread(); }

void thread_adopt(void) { gil_drop(); }

/* What threading.Thread does first: coverage, debuggers and profilers have asked to see each thread. */
static void set_function(const char *getter, const char *setter) {
  PyObject *threading = PyImport_ImportModule("threading"), *sys = PyImport_ImportModule("sys");
  PyObject *function = threading && sys ? PyObject_CallMethod(threading, getter, NULL) : NULL;
  PyObject *done = function && function != Py_None ? PyObject_CallMethod(sys, setter, "O", function) : NULL;
  PyErr_Clear();
  Py_XDECREF(done);
  Py_XDECREF(function);
  Py_XDECREF(sys);
  Py_XDECREF(threading);
}

int thread_join(void) {
  if (joined++ || parked) return 0;
  before = PyGILState_Ensure();
  is_own = 1;
  set_function("gettrace", "settrace");
  set_function("getprofile", "setprofile");
  gil_drop();
  return 0;
}

void thread_leave(void) {
  if (--joined || !is_own) return;
  gil_take();
  PyGILState_Release(before);
  parked = NULL;
  is_own = 0;
}
