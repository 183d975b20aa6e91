/* scheduling.h: the scheduling of the worker's loop and the threads that run Python on one processor. */
#ifndef PYTHON_SCHEDULING_H
#define PYTHON_SCHEDULING_H

#include "entry.h"

/* [worker-main] From now on the calling thread, the worker's loop, does not interrupt a thread that runs Python when
 * bytes arrive. */
void scheduling_yield_to_python(const entry *);

#endif
