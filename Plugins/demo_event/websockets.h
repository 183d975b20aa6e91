/* websockets.h: the WebSockets of demo_event. */
#ifndef DEMO_EVENT_WEBSOCKETS_H
#define DEMO_EVENT_WEBSOCKETS_H

#include <outrider/websocket.h>

/* What an exchange with a state begins with: the functions that on_event() and close() of the plugin call for it. */
typedef struct exchange_hooks {
  void (*on_event)(struct exchange_hooks *, const outrider_event *);
  void (*close)(struct exchange_hooks *); /* frees it */
} exchange_hooks;

/* Accept a handshake, whose exchange then belongs to *self. After a negative status there is no *self. */
outrider_status open_echo_socket(const outrider_host *, outrider_exchange, void **self);
outrider_status open_chat_socket(const outrider_host *, outrider_exchange, void **self);

#endif
