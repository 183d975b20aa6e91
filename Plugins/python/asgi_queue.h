/* asgi_queue.h: messages from the worker's loop to the event loop of an application. */
#ifndef PYTHON_ASGI_QUEUE_H
#define PYTHON_ASGI_QUEUE_H

#include "entry.h"

#include <pthread.h>

struct asgi_exchange;

typedef enum asgi_kind {
  ASGI_OPENED,   /* a request's head is complete */
  ASGI_REQUEST,  /* bytes of its body */
  ASGI_TEXT,     /* a text message of a WebSocket */
  ASGI_BINARY,   /* a binary one */
  ASGI_SHUT,     /* WEBSOCKET_CLOSE: bytes are the reason */
  ASGI_GONE,     /* DISCONNECT */
  ASGI_RESUMED,  /* RESUME */
  ASGI_CLOSED,   /* close(): the last message of an exchange */
  ASGI_RELEASED  /* the host no longer needs an object that it was lent */
} asgi_kind;

typedef struct asgi_message {
  struct asgi_message *next;
  asgi_kind kind;
  struct asgi_exchange *exchange;
  PyObject *object; /* RELEASED */
  uint32_t more;    /* REQUEST */
  uint32_t code;    /* SHUT */
  size_t size;
  char *bytes;     /* behind the message */
} asgi_message;

/* Any thread adds messages, without the GIL; the event loop takes them all. `changed` is called, with the lock held, when
 * there is work to do and when all of it is done. */
typedef struct asgi_queue {
  pthread_mutex_t lock;
  asgi_message *first, **last;
  int is_awaited; /* the event loop has been told of waiting messages, or is being told */
  int is_busy;
  void (*changed)(void *context, int is_busy);
  void *context;
} asgi_queue;

int asgi_queue_make(asgi_queue *); /* 0, or -1 with errno */
/* True if the event loop has to be told of waiting messages. With is_idle the message can wait for the next one. */
int asgi_queue_put(asgi_queue *, asgi_message *, int is_idle);
/* All messages, oldest first. */
asgi_message *asgi_queue_take(asgi_queue *);
/* The taken messages have been processed. */
void asgi_queue_done(asgi_queue *);

#endif
