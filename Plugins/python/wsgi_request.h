/* wsgi_request.h: a request that a WSGI application is called for. */
#ifndef PYTHON_WSGI_REQUEST_H
#define PYTHON_WSGI_REQUEST_H

#include "fields.h"

/* wsgi.input, and the object that start_response, write() and wsgi.early_hints are bound to. An application may keep
 * it: is_over is set when the exchange has ended. Its functions may be called only by the thread that runs the
 * application. */
typedef struct wsgi_request {
  PyObject_HEAD
  const entry *entry;
  outrider_exchange exchange;
  const outrider_io *io;
  int is_over;
  outrider_status failure; /* of the host, which is why the application cannot go on */
  /* The request's body. */
  int has_body, body_ended;
  int64_t body_left; /* of its content-length; -1: unknown */
  char *buffer;      /* read, and not taken yet: from begin to end */
  size_t begin, end, capacity;
  /* The response. */
  uint32_t status; /* 0: start_response has not been called */
  int is_head;     /* the method is HEAD */
  int is_started;  /* the host has the head */
  field_list fields;
  char digits[24]; /* of a content-length that is added */
  int64_t sent;
  int is_cut;      /* more came than its content-length */
} wsgi_request;

int wsgi_request_ready(void); /* makes the type; 0, or -1 with an exception */
wsgi_request *wsgi_request_new(const entry *, outrider_exchange, const outrider_head *, const outrider_io *);
/* A type's method, bound to the request. [new reference] */
PyObject *wsgi_request_start_response(wsgi_request *);
PyObject *wsgi_request_early_hints(wsgi_request *);

/* Raises the exception for a status, and records the status. */
void wsgi_request_raise(wsgi_request *, outrider_status, const char *what);

/* ---- The response (wsgi_response.c) ------------------------------------------------------------------------------- */

int wsgi_has_no_body(const wsgi_request *); /* whatever the application gives as one is not sent */
/* Passes the head to the host, which holds it until bytes follow. 0, or -1 with an exception. */
int wsgi_send_head(wsgi_request *);
int wsgi_send(wsgi_request *, outrider_bytes);
/* The number of these bytes that content-length has room for. */
int64_t wsgi_within_length(wsgi_request *, int64_t size);
PyObject *wsgi_start_response(PyObject *request, PyObject *const *arguments, Py_ssize_t n, PyObject *names);
PyObject *wsgi_early_hints(PyObject *request, PyObject *headers);

/* ---- The request's body (wsgi_input.c) ----------------------------------------------------------------------------- */

extern PyMethodDef wsgi_input_methods[];
PyObject *wsgi_input_next(PyObject *request);

#endif
