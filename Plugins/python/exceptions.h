/* exceptions.h: writing Python exceptions to the error log. */
#ifndef PYTHON_EXCEPTIONS_H
#define PYTHON_EXCEPTIONS_H

#include "log.h"

/* Takes the current exception and clears it; NULL if there is none. [new reference] */
PyObject *exception_take(void);
/* Makes an exception current again. Takes the reference; NULL clears. */
void exception_restore(PyObject *exception);

/* Log `what`, then the traceback of the current exception line by line, and clear it. */
void exception_log(const entry *, log_request, const char *what);
/* Make it the reason for a hook's failure: its last line, then as much of the traceback as there is room for. */
void exception_to_error(const entry *, const char *what, outrider_error *);

#endif
