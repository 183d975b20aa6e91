/* /ws/echo: each message goes back as it came, text or binary, of any length that websocket.max_message allows. The host
 * answers pings and Closes. */
#include "websockets.h"

#include <stdlib.h>
#include <string.h>

/* From this size a message is lent to the host, in a copy; a smaller one the host copies itself. */
#define BY_REFERENCE 4096

/* [malloc'ed in open_echo_socket(), freed in close_echo()] */
typedef struct echo_socket {
  exchange_hooks hooks;
  const outrider_host *host;
  const outrider_websocket *websocket;
  outrider_exchange exchange;
  int is_paused; /* RESUME lets the next message be asked for */
  outrider_bytes held; /* malloc'ed: what the host had no room for; RESUME lets it be sent */
  uint32_t held_flags;
} echo_socket;

static void give_up(const echo_socket *socket) {
  socket->websocket->close(socket->host, socket->exchange, OUTRIDER_WEBSOCKET_INTERNAL_ERROR, (outrider_bytes){NULL, 0});
}

static void ask(const echo_socket *socket) {
  if (socket->host->receive(socket->host, socket->exchange, 1) < 0) give_up(socket);
}

static outrider_status send_message(const echo_socket *socket, outrider_bytes bytes, uint32_t flags, void *owned) {
  const outrider_body_event event = {
      .size = sizeof event,
      .type = OUTRIDER_EVENT_WEBSOCKET_MESSAGE,
      .bytes = bytes,
      .flags = flags,
      .release = owned ? free : NULL,
      .context = owned,
  };
  return socket->host->send(socket->host, socket->exchange, (const outrider_event *)&event);
}

/* The next message is asked for when this one has found room: at most one is held. */
static void go_on(echo_socket *socket, outrider_status status) {
  socket->is_paused = status == OUTRIDER_PAUSE;
  if (status == OUTRIDER_PAUSE || status == OUTRIDER_E_CLOSED || status == OUTRIDER_E_CANCELLED) return;
  if (status < 0)
    give_up(socket);
  else
    ask(socket);
}

static void *copy_of(outrider_bytes bytes) {
  char *copy = malloc(bytes.size ? bytes.size : 1);
  if (copy && bytes.size) memcpy(copy, bytes.data, bytes.size);
  return copy;
}

/* The bytes are valid until on_event() returns: what can't be copied by the host now is copied here, once. */
static void echo(echo_socket *socket, const outrider_body_event *message) {
  const outrider_bytes bytes = message->bytes;
  const uint32_t flags = message->flags & OUTRIDER_WEBSOCKET_TEXT;
  if (bytes.size < BY_REFERENCE) {
    const outrider_status status = send_message(socket, bytes, flags, NULL);
    if (status != OUTRIDER_E_AGAIN) {
      go_on(socket, status);
      return;
    }
  }
  char *copy = copy_of(bytes);
  if (!copy) {
    give_up(socket);
    return;
  }
  const outrider_bytes copied = {copy, bytes.size};
  const outrider_status status = bytes.size < BY_REFERENCE ? OUTRIDER_E_AGAIN : send_message(socket, copied, flags, copy);
  if (status >= 0) {
    go_on(socket, status);
  } else if (status == OUTRIDER_E_AGAIN) {
    socket->held = copied;
    socket->held_flags = flags;
  } else {
    free(copy);
    go_on(socket, status);
  }
}

static void resume(echo_socket *socket) {
  if (!socket->held.data) {
    if (socket->is_paused) go_on(socket, OUTRIDER_OK);
    return;
  }
  void *copy = (void *)socket->held.data;
  const outrider_status status = send_message(socket, socket->held, socket->held_flags, copy);
  if (status == OUTRIDER_E_AGAIN) return;
  socket->held.data = NULL;
  if (status < 0) free(copy);
  go_on(socket, status);
}

static void on_echo_event(exchange_hooks *self, const outrider_event *event) {
  echo_socket *socket = (echo_socket *)self;
  if (event->type == OUTRIDER_EVENT_WEBSOCKET_MESSAGE)
    echo(socket, (const outrider_body_event *)event);
  else if (event->type == OUTRIDER_EVENT_RESUME)
    resume(socket);
}

static void close_echo(exchange_hooks *self) {
  free((void *)((echo_socket *)self)->held.data);
  free(self);
}

outrider_status open_echo_socket(const outrider_host *host, outrider_exchange exchange, void **self) {
  const outrider_websocket *websocket = host->extension(host, OUTRIDER_WEBSOCKET);
  if (!websocket) return OUTRIDER_E_UNSUPPORTED;
  echo_socket *opened = malloc(sizeof *opened);
  if (!opened) return OUTRIDER_E_LIMIT;
  *opened = (echo_socket){
      .hooks = {on_echo_event, close_echo}, .host = host, .websocket = websocket, .exchange = exchange};
  outrider_status status = websocket->accept(host, exchange, NULL);
  if (status >= 0) status = host->receive(host, exchange, 1);
  if (status < 0)
    free(opened);
  else
    *self = opened;
  return status;
}
