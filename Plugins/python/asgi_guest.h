/* asgi_guest.h: an event loop of asyncio as a guest on the worker's loop, which waits for the events of both. */
#ifndef PYTHON_ASGI_GUEST_H
#define PYTHON_ASGI_GUEST_H

#include "asgi_loop.h"

/* [loop] Runs asyncio's loop in turns from now on. The GIL is held. 0, or -1 with an exception. */
int asgi_guest_enter(const entry *);
/* Lets asyncio's loop wait by itself again, until its end. The GIL is held. */
void asgi_guest_leave(const entry *);

/* [loop] Without the GIL. ask: requests a turn before the worker's loop waits again; turn: runs one now. */
void asgi_guest_ask(const entry *);
void asgi_guest_turn(const entry *);

#endif
