/* asgi_answers.h: complete responses, which the event loop's thread passes to the worker's loop. The worker's loop
 * sends many in one pass, each at a fraction of the cost from another thread. */
#ifndef PYTHON_ASGI_ANSWERS_H
#define PYTHON_ASGI_ANSWERS_H

#include "asgi_exchange.h"

typedef struct asgi_answers {
  pthread_mutex_t lock;
  asgi_exchange *first, **last;
  /* Used by the event loop's thread. */
  int is_batch;      /* further responses will follow soon */
  int has_unsaid;    /* the worker's loop has not been told of some responses */
  uint64_t since_ns; /* the time of the first of them */
} asgi_answers;

int asgi_answers_make(asgi_answers *); /* 0, or -1 with errno */

/* [event loop's thread] Pass the exchange's `answer` to the worker's loop. OUTRIDER_OK, or E_CLOSED. */
outrider_status asgi_answers_put(asgi_answers *, asgi_exchange *);
/* Between these calls the worker's loop is told of several responses at once. */
void asgi_answers_begin_batch(asgi_answers *);
void asgi_answers_end_batch(asgi_answers *, const outrider_host *);

/* [loop] */
void asgi_answers_send(asgi_answers *);
void asgi_answers_resume(asgi_exchange *); /* the host has room again for a held response */
void asgi_answers_drop(asgi_answers *, asgi_exchange *); /* at close(): nothing more is sent */

#endif
