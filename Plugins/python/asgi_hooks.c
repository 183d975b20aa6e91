/* asgi_hooks.c: the hooks of an ASGI entry on the worker's loop. They pass events on, and never wait for Python. */
#include "asgi_hooks.h"

#include "asgi_exchange.h"
#include "asgi_guest.h"
#include "asgi_loop.h"

#include <outrider/websocket.h>

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* The event loop's thread takes what waits. */
static void tell_thread(void *context, outrider_status why) {
  const asgi_loop *loop = context;
  (void)why;
  (void)eventfd_write(loop->wake, 1);
}

/* At the end of this turn of the worker's loop, when all that it has found is in the queue. */
static void tell_soon(const entry *entry) {
  const outrider_host *host = entry->host;
  if (entry->loop->is_guest)
    asgi_guest_ask(entry);
  else if (host->post(host, (outrider_exchange){0}, tell_thread, entry->loop) < 0)
    tell_thread(entry->loop, OUTRIDER_OK);
}

void asgi_hooks_put(const entry *entry, asgi_message *message) {
  if (asgi_queue_put(&entry->loop->queue, message, 0)) tell_soon(entry);
}

static asgi_message *message_new(asgi_exchange *exchange, asgi_kind kind, size_t size) {
  asgi_message *message = malloc(sizeof *message + size);
  if (message)
    *message = (asgi_message){.kind = kind, .exchange = exchange, .size = size, .bytes = (char *)(message + 1)};
  return message;
}

/* Aborts the exchange if there is no memory for a message. */
static void pass(asgi_exchange *exchange, asgi_message *message) {
  if (message)
    asgi_hooks_put(exchange->entry, message);
  else
    outrider_send_abort(exchange->entry->host, exchange->id, OUTRIDER_E_LIMIT);
}

outrider_status asgi_open(void *state, outrider_exchange id, const outrider_head *head, void **self) {
  const entry *entry = state;
  asgi_exchange *exchange = asgi_exchange_new(entry, id, head);
  if (!exchange) return OUTRIDER_E_LIMIT;
  *self = exchange;
  asgi_hooks_put(entry, &exchange->opened);
  return OUTRIDER_OK;
}

static asgi_message *message_with(asgi_exchange *exchange, asgi_kind kind, outrider_bytes bytes) {
  asgi_message *message = message_new(exchange, kind, bytes.size);
  if (message && bytes.size) memcpy(message->bytes, bytes.data, bytes.size);
  return message;
}

static void pass_body(asgi_exchange *exchange, const outrider_body_event *event) {
  asgi_message *message = message_with(exchange, ASGI_REQUEST, event->bytes);
  if (message) message->more = event->more;
  pass(exchange, message);
}

static void pass_websocket_message(asgi_exchange *exchange, const outrider_body_event *event) {
  pass(exchange, message_with(exchange, event->flags & OUTRIDER_WEBSOCKET_TEXT ? ASGI_TEXT : ASGI_BINARY, event->bytes));
}

static void pass_websocket_close(asgi_exchange *exchange, const outrider_websocket_close_event *event) {
  asgi_message *message = message_with(exchange, ASGI_SHUT, event->reason);
  if (message) message->code = event->code;
  pass(exchange, message);
}

void asgi_on_event(void *state, void *self, outrider_exchange id, const outrider_event *event) {
  asgi_exchange *exchange = self;
  (void)state, (void)id;
  if (event->type == OUTRIDER_EVENT_REQUEST)
    pass_body(exchange, (const outrider_body_event *)event);
  else if (event->type == OUTRIDER_EVENT_WEBSOCKET_MESSAGE)
    pass_websocket_message(exchange, (const outrider_body_event *)event);
  else if (event->type == OUTRIDER_EVENT_WEBSOCKET_CLOSE)
    pass_websocket_close(exchange, (const outrider_websocket_close_event *)event);
  else if (event->type == OUTRIDER_EVENT_DISCONNECT)
    pass(exchange, message_new(exchange, ASGI_GONE, 0));
  else if (event->type == OUTRIDER_EVENT_RESUME && exchange->is_held)
    asgi_answers_resume(exchange);
  else if (event->type == OUTRIDER_EVENT_RESUME)
    pass(exchange, message_new(exchange, ASGI_RESUMED, 0));
}

/* Nobody waits for it: the event loop looks at it with the next message, unless there is much to give back. */
void asgi_close(void *state, void *self, outrider_exchange id) {
  asgi_exchange *exchange = self;
  const entry *entry = exchange->entry;
  (void)state, (void)id;
  if (!entry->loop->is_guest) asgi_answers_drop(&entry->loop->answers, exchange);
  if (asgi_queue_put(&entry->loop->queue, &exchange->closed, !exchange->is_body_large)) tell_soon(entry);
}

void asgi_on_wake(void *state) {
  const entry *entry = state;
  if (!entry->loop) return;
  if (entry->loop->is_guest)
    asgi_guest_turn(entry);
  else
    asgi_answers_send(&entry->loop->answers);
}
