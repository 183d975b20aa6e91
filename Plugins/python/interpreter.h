/* interpreter.h: the Python interpreter of the process. */
#ifndef PYTHON_INTERPRETER_H
#define PYTHON_INTERPRETER_H

#include "entry.h"

/* Starts Python unless it is running, for an entry that is being loaded. Returns with the GIL held. venv may be
 * empty. */
outrider_status interpreter_start(const entry *, outrider_bytes venv, outrider_error *);

/* In the master, before a fork: Python's preparation for it. The GIL is not held, before and after. */
void interpreter_before_fork(void);

/* In a worker, before Python is used: Python's work in the child of a fork, if it was started in the master. Returns
 * with the GIL held. */
void interpreter_enter_worker(void);

/* An entry has stopped. The last one finalizes Python like the end of a program: threads are joined, atexit functions
 * run, and streams are flushed. [the GIL is held before, and not after] */
void interpreter_leave(void);

#endif
