/* asgi_guest.c: turns of asyncio's loop on the worker's loop. A turn runs when messages wait, when a descriptor of
 * asyncio is ready, and when its first timer is due. The worker's loop watches asyncio's epoll descriptor. */
#include "asgi_guest.h"

#include "exceptions.h"
#include "log.h"

#include <outrider/loop.h>

#include <stdlib.h>
#include <time.h>

struct asgi_guest {
  const outrider_loop *host;
  PyObject *turn;    /* bound method of loop.py: runs a turn, and returns the seconds to the next */
  PyObject *readable; /* the same, for a turn with a ready descriptor */
  int is_asked;      /* a turn has been requested */
  int is_readable;
  int has_left;
  uint64_t timer, timer_ns; /* the timer of the next turn, and its time; 0 without one */
};

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* ---- Requests for a turn ----------------------------------------------------------------------------------------- */

static void asked(void *context, outrider_status why) {
  const entry *entry = context;
  entry->loop->guest->is_asked = 0;
  if (why == OUTRIDER_OK) asgi_guest_turn(entry);
}

void asgi_guest_ask(const entry *entry) {
  struct asgi_guest *guest = entry->loop->guest;
  const outrider_host *host = entry->host;
  if (guest->is_asked) return;
  if (host->post(host, (outrider_exchange){0}, asked, (void *)entry) == OUTRIDER_OK)
    guest->is_asked = 1;
  else
    host->wake(host); /* which never fails */
}

static void became_readable(void *context, outrider_status why, uint32_t events) {
  const entry *entry = context;
  (void)events;
  if (why != OUTRIDER_OK) return;
  entry->loop->guest->is_readable = 1;
  asgi_guest_ask(entry);
}

static void came_due(void *context, outrider_status why) {
  const entry *entry = context;
  struct asgi_guest *guest = entry->loop->guest;
  if (why == OUTRIDER_E_CANCELLED) return; /* a new timer has replaced it */
  guest->timer = guest->timer_ns = 0;
  if (why == OUTRIDER_OK) asgi_guest_turn(entry);
}

/* An early turn is harmless: it sets the timer again. */
static void plan(const entry *entry, double seconds) {
  struct asgi_guest *guest = entry->loop->guest;
  const outrider_host *host = entry->host;
  if (seconds == 0) {
    asgi_guest_ask(entry);
    return;
  }
  uint64_t ns = (uint64_t)(seconds * 1e9), due = now() + ns;
  if (guest->timer && guest->timer_ns <= due) return;
  if (guest->timer) host->cancel(host, guest->timer);
  guest->timer_ns = due;
  if (host->after(host, (outrider_exchange){0}, ns, came_due, (void *)entry, &guest->timer) < 0) {
    guest->timer = guest->timer_ns = 0;
    host->wake(host);
  }
}

void asgi_guest_turn(const entry *entry) {
  struct asgi_guest *guest = entry->loop->guest;
  if (!guest || guest->has_left) return;
  gil_take();
  PyObject *seconds = PyObject_CallNoArgs(guest->is_readable ? guest->readable : guest->turn);
  guest->is_readable = 0;
  if (!seconds) {
    exception_log(entry, NO_REQUEST, "a turn of the event loop failed");
    plan(entry, 0);
  } else if (seconds != Py_None) {
    plan(entry, PyFloat_AsDouble(seconds));
  }
  Py_XDECREF(seconds);
  PyErr_Clear();
  gil_drop();
}

/* ---- Start and end ----------------------------------------------------------------------------------------------- */

static int watch(const entry *entry, PyObject *loop) {
  PyObject *number = PyObject_CallMethod(loop, "enter", NULL);
  long fd = number ? PyLong_AsLong(number) : -1;
  Py_XDECREF(number);
  if (fd < 0) return -1;
  struct asgi_guest *guest = entry->loop->guest;
  outrider_status status = guest->host->watch(entry->host, (outrider_exchange){0}, (int32_t)fd, OUTRIDER_LOOP_READABLE,
                                              became_readable, (void *)entry, NULL);
  if (status == OUTRIDER_OK) return 0;
  PyErr_Format(PyExc_OSError, "the event loop can't be watched (status %d)", (int)status);
  return -1;
}

int asgi_guest_enter(const entry *entry) {
  struct asgi_guest *guest = entry->loop->guest = calloc(1, sizeof *guest);
  if (!guest) {
    PyErr_NoMemory();
    return -1;
  }
  guest->host = entry->host->extension(entry->host, OUTRIDER_LOOP);
  if (!guest->host) {
    PyErr_SetString(PyExc_RuntimeError, "mode = \"guest\" needs the extension outrider.loop/1, which this server lacks");
    return -1;
  }
  guest->turn = PyObject_GetAttrString(entry->loop->loop, "turn");
  guest->readable = PyObject_GetAttrString(entry->loop->loop, "readable");
  if (!guest->turn || !guest->readable || watch(entry, entry->loop->loop) < 0) return -1;
  asgi_guest_ask(entry); /* the lifespan may have left work */
  return 0;
}

void asgi_guest_leave(const entry *entry) { entry->loop->guest->has_left = 1; }
