/* asgi_exchange.h: an exchange between the worker's loop and the event loop of an application. */
#ifndef PYTHON_ASGI_EXCHANGE_H
#define PYTHON_ASGI_EXCHANGE_H

#include "asgi_queue.h"

struct asgi_connection;

/* [malloc'ed in open(); freed by the event loop with the CLOSED message, which is the last one] */
typedef struct asgi_exchange {
  const entry *entry;
  outrider_exchange id;
  struct asgi_connection *connection; /* of the event loop */
  asgi_message opened, closed;        /* allocated in advance, so that they never fail */
  outrider_head head;                 /* with copies of everything that it points to behind it */
  uint32_t tls_version, tls_cipher;   /* numbers; 0 if not known */
  size_t n_certificates;
  const outrider_bytes *certificates; /* the client's chain in DER, copied too */
  /* A complete response for the worker's loop to send (asgi_answers.c), under the lock there. */
  struct asgi_exchange *next_answer;
  outrider_response_event answer; /* points into the connection, which is kept until CLOSED */
  int is_queued;
  int is_closed;                  /* close() has been called */
  /* [loop] */
  int is_held;        /* the host had no room for the response; it is sent at RESUME */
  int is_body_large;  /* the body is large and will be returned soon */
} asgi_exchange;

asgi_exchange *asgi_exchange_new(const entry *, outrider_exchange, const outrider_head *);

#endif
