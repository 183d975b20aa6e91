/* asgi_lend.c: bodies that the host sends without a copy. The host returns them without the GIL, so the event loop drops
 * the reference. */
#include "asgi_lend.h"

#include "asgi_hooks.h"

#include <stdlib.h>
#include <unistd.h>

int asgi_lend_is_worth(size_t size) { return size >= 16384; }

typedef struct loan {
  const entry *entry;
  asgi_message message;
} loan;

asgi_message *asgi_lend(asgi_connection *connection, PyObject *bytes, size_t size) {
  if (!asgi_lend_is_worth(size)) return NULL;
  loan *made = malloc(sizeof *made);
  if (!made) return NULL;
  made->entry = connection->entry;
  made->message = (asgi_message){.kind = ASGI_RELEASED, .object = Py_NewRef(bytes)};
  return &made->message;
}

static loan *loan_of(asgi_message *message) { return (loan *)((char *)message - offsetof(loan, message)); }

void asgi_lend_take_back(asgi_message *message) {
  if (!message) return;
  Py_DECREF(message->object);
  free(loan_of(message));
}

void asgi_lend_release(void *message) { asgi_hooks_put(loan_of(message)->entry, message); }

void asgi_lend_close(void *fd) { close((int)(intptr_t)fd); }
