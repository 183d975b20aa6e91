/* asgi_send.h: the parts of asgi_send.c that a response to a handshake of WebSocket shares with every other response. */
#ifndef PYTHON_ASGI_SEND_H
#define PYTHON_ASGI_SEND_H

#include "asgi_connection.h"

/* A message that an application sends. Arrays of them end with NULL. */
typedef struct asgi_sender {
  const char *type;
  asgi_step (*send)(asgi_connection *, PyObject *message);
} asgi_sender;

asgi_step asgi_send_start(asgi_connection *, PyObject *message);
asgi_step asgi_send_body(asgi_connection *, PyObject *message);
/* Nothing more is sent. */
void asgi_send_completed(asgi_connection *);

/* Converts the host's status for a part; `what` names it in exceptions. */
asgi_step asgi_step_of(asgi_connection *, outrider_status, const char *what);
/* Raises RuntimeError. */
asgi_step asgi_refuse(const char *text);
/* Takes the headers of a message, if it has them. 0, or -1 with an exception. */
int asgi_take_headers(field_list *, PyObject *message);

#endif
