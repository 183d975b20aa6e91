/* application.h: the application that [plugin.config] names. */
#ifndef PYTHON_APPLICATION_H
#define PYTHON_APPLICATION_H

#include "entry.h"

/* Starts Python and imports the application. On failure the log has the traceback, and error its last line.
 * [the GIL is not held, before and after] */
outrider_status application_load(entry *, outrider_error *);

/* The value of a key of the configuration that is a string, or the fallback. [as long as the host's table] */
outrider_bytes application_option(const entry *, const char *key, const char *fallback);
int application_option_is(const entry *, const char *key, const char *fallback, const char *value);

#endif
