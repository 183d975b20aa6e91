/* log.h: text for the server's error log. */
#ifndef PYTHON_LOG_H
#define PYTHON_LOG_H

#include "entry.h"

/* The request that a line is about. The host knows its ID until the exchange ends; code that runs later, such as a
 * background task, has the ID here. */
typedef struct log_request {
  outrider_exchange exchange;
  const char *id; /* NULL: the host knows it */
} log_request;

#define NO_REQUEST ((log_request){{0}, NULL})

/* Each line of the text is a line of the log. */
void log_text(const outrider_host *, log_request, uint32_t level, outrider_bytes text);
void log_format(const outrider_host *, log_request, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The exchange that this thread runs a WSGI application for. [static, per thread] */
outrider_exchange *log_exchange(void);

/* Python's records of loggers without a handler go to the error log of this entry. 0, or -1 with an exception. */
int log_install(const entry *);

/* The context variable with the connection that an ASGI application runs for. [borrowed; NULL before log_install] */
PyObject *log_variable(void);

#endif
