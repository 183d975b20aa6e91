/* asgi_connection.h: a request as seen by an ASGI application. */
#ifndef PYTHON_ASGI_CONNECTION_H
#define PYTHON_ASGI_CONNECTION_H

#include "asgi_exchange.h"
#include "asgi_loop.h"
#include "fields.h"
#include "log.h"

/* Used only by the event loop; all functions need the GIL. An application may keep it: `exchange` is NULL when the
 * exchange has ended. For asyncio it is the coroutine of the request's task. */
typedef struct asgi_connection {
  PyObject_HEAD
  const entry *entry;
  asgi_exchange *exchange;
  outrider_exchange id;
  char request_id[129];
  PyObject *waiting; /* a list of futures that receive() and send() wait for, or NULL */
  int is_gone;       /* the client has left, or the host has ended the exchange */
  int is_paused;     /* the host has no room, until RESUMED */
  /* The application's call (asgi_tasks.c). */
  PyObject *task, *call;     /* call: the coroutine that it has returned; NULL before and after that */
  int has_begun, is_over;
  struct asgi_connection *next, **link; /* in the list of running ones; link is NULL outside of the list */
  /* The request's body. */
  PyObject *body; /* bytes that nobody has received yet, or NULL */
  uint32_t body_more;
  int has_credit; /* for a REQUEST that has not come */
  int body_ended; /* the application has received the last part */
  /* The response. */
  uint32_t status; /* 0: no http.response.start */
  field_list fields;
  PyObject *whole_body; /* that the host has, or is about to have; until the exchange is over */
  char digits[24];     /* of a content-length that is added */
  int expects_trailers;
  int has_sent;        /* something before the head */
  int is_started;      /* the host has the head */
  int has_body_ended;  /* trailers may follow */
  int is_complete;
  struct asgi_websocket *websocket; /* asgi_websocket.h; NULL for the scope http */
} asgi_connection;

log_request asgi_connection_request(const asgi_connection *);
int asgi_connection_ready(void); /* makes the types; 0, or -1 with an exception */
asgi_connection *asgi_connection_new(asgi_exchange *);

/* Events from the worker's loop. */
void asgi_connection_opened(asgi_connection *);
void asgi_connection_body(asgi_connection *, const asgi_message *);
void asgi_connection_gone(asgi_connection *);
void asgi_connection_resumed(asgi_connection *);
void asgi_connection_closed(asgi_connection *);

/* Responds with the server's own page, or aborts a response that has begun. Does nothing if the response is complete. */
void asgi_connection_give_up(asgi_connection *);
/* Wakes all waiting operations, which check again. */
void asgi_connection_wake(asgi_connection *);
/* A future that the next wake-up completes. [new reference] */
PyObject *asgi_connection_wait(asgi_connection *);

/* ---- One step of receive() and send() ------------------------------------------------------------------------------ */

typedef enum asgi_step {
  ASGI_FAILED = -1, /* an exception is set */
  ASGI_WAIT = 0,    /* look again after the next wake */
  ASGI_DONE = 1,    /* *result is set [new reference] */
  ASGI_SENT = 2     /* the host has taken it, and asks to wait until it has room */
} asgi_step;

asgi_step asgi_receive(asgi_connection *, PyObject **result); /* asgi_receive.c */
asgi_step asgi_send(asgi_connection *, PyObject *message);    /* asgi_send.c */

/* ---- asgi_operation.c ------------------------------------------------------------------------------------------------ */

int asgi_operation_ready(void);
/* The awaitable result of receive(), or of send() with its message. [new reference] */
PyObject *asgi_operation_new(asgi_connection *, PyObject *message);

/* ---- asgi_callable.c ------------------------------------------------------------------------------------------------- */

int asgi_callable_ready(void);
/* The functions that an application gets. [new reference] */
PyObject *asgi_callable_receive(asgi_connection *);
PyObject *asgi_callable_send(asgi_connection *);

#endif
