/* asgi_websocket.h: the WebSocket of a connection whose scope is websocket. */
#ifndef PYTHON_ASGI_WEBSOCKET_H
#define PYTHON_ASGI_WEBSOCKET_H

#include "asgi_send.h"

#include <outrider/websocket.h>

/* [malloc'ed with the connection, and freed with it] */
typedef struct asgi_websocket {
  const outrider_websocket *host;
  int is_connected;  /* the application has received websocket.connect */
  int is_accepted;
  PyObject *message; /* a str or bytes that nobody has received yet, or NULL */
  int has_ended;     /* nothing comes any more */
  uint32_t code;     /* of websocket.disconnect */
  PyObject *reason;  /* a str, or NULL */
} asgi_websocket;

int asgi_websocket_make(asgi_connection *); /* 0, or -1 with an exception */
void asgi_websocket_free(asgi_websocket *);

/* What a handshake offers, in the client's order: a list of str for the scope. [new reference] */
PyObject *asgi_subprotocols(const outrider_head *);

/* Events from the worker's loop. */
void asgi_websocket_message(asgi_connection *, const asgi_message *);
void asgi_websocket_shut(asgi_connection *, const asgi_message *);

/* One step of receive(). */
asgi_step asgi_websocket_receive(asgi_connection *, PyObject **result);
/* What the application may send (asgi_websocket_send.c). */
extern const asgi_sender asgi_websocket_senders[];
/* Asks for the next message. The client is not read without it, and so neither its pings nor its Close. */
void asgi_websocket_ask(asgi_connection *);
/* Notes the application's Close. reason is a str, or NULL. */
void asgi_websocket_note_close(asgi_connection *, uint32_t code, PyObject *reason);

/* The application has failed, or has returned. They close the WebSocket if it is accepted; 0 if it is not. */
int asgi_websocket_fail(asgi_connection *);
int asgi_websocket_finish(asgi_connection *);

#endif
