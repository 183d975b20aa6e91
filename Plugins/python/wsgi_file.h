/* wsgi_file.h: wsgi.file_wrapper. */
#ifndef PYTHON_WSGI_FILE_H
#define PYTHON_WSGI_FILE_H

#include "wsgi_request.h"

int wsgi_file_ready(void);     /* makes the type; 0, or -1 with an exception */
PyObject *wsgi_file_type(void); /* [new reference] */

/* Sends the rest of the file by sendfile(2), if the result is a file wrapper around a regular file. 1: sent; 0: the
 * result has to be iterated over; -1 with an exception. */
int wsgi_file_send(wsgi_request *, PyObject *result);

#endif
