/* asgi_loop.h: the event loop of an ASGI application: on a thread of its own, or as a guest on the worker's loop. */
#ifndef PYTHON_ASGI_LOOP_H
#define PYTHON_ASGI_LOOP_H

#include "asgi_answers.h"
#include "asgi_queue.h"

typedef struct asgi_loop {
  asgi_queue queue;
  int is_guest;
  PyObject *loop;          /* of loop.py */
  PyObject *create_future; /* of asyncio's loop, bound */
  PyObject *state;         /* the state of the lifespan, which is copied to each scope; NULL without a lifespan */
  struct asgi_connection *running; /* the list of connections whose application has not returned */
  struct asgi_tasks *tasks;        /* asgi_tasks.c */
  const struct outrider_websocket *websocket; /* NULL if the server has no WebSockets */
  /* For a separate thread */
  asgi_answers answers;
  int wake;        /* an eventfd, readable when messages wait */
  const struct outrider_health *health_functions;
  uint32_t health; /* the thread's number, or 0 */
  /* For a guest */
  struct asgi_guest *guest; /* asgi_guest.c */
} asgi_loop;

#endif
