/* entry.h: a [[plugin]] entry, and the thread's access to Python. */
#ifndef PYTHON_ENTRY_H
#define PYTHON_ENTRY_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <outrider.h>

struct asgi_loop;

/* Entries share the process's interpreter. [malloc'ed when the entry is loaded, and kept] */
typedef struct entry {
  const outrider_host *host;
  int is_asgi;
  int loaded;            /* the application has been imported */
  PyObject *application; /* NULL until it is imported */
  PyObject *config;      /* the [plugin.config] table as a dict */
  PyObject *environ;     /* WSGI: what every environ is a copy of */
  struct asgi_loop *loop; /* ASGI */
} entry;


/* ---- The thread's state (threads.c) ------------------------------------------------------------------------------ */

/* A thread that runs Python has a thread state, which is parked while the thread does not hold the GIL. */
int thread_join(void);   /* makes a state if this thread has none; counted. The GIL is not held, before and after. */
void thread_leave(void); /* undoes one thread_join() */
void thread_adopt(void); /* parks the current state, of the interpreter's first thread */
void gil_take(void);     /* the thread has joined */
void gil_drop(void);

#endif
