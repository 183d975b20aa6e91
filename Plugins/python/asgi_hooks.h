/* asgi_hooks.h: the hooks of an ASGI entry. */
#ifndef PYTHON_ASGI_HOOKS_H
#define PYTHON_ASGI_HOOKS_H

#include "asgi_queue.h"

/* Start the event loop and the lifespan. The GIL is held. 0, or -1 with an exception. */
int asgi_start(entry *);
/* End tasks and the lifespan before the deadline. The GIL is held. */
void asgi_stop(entry *, uint64_t deadline_ns);

/* [loop] None of these takes the GIL. */
outrider_status asgi_open(void *state, outrider_exchange, const outrider_head *, void **self);
void asgi_on_event(void *state, void *self, outrider_exchange, const outrider_event *);
void asgi_close(void *state, void *self, outrider_exchange);
/* Have the event loop told of a message. */
void asgi_hooks_put(const entry *, asgi_message *);

/* [loop] Takes the GIL where the event loop is a guest. */
void asgi_on_wake(void *state);

#endif
