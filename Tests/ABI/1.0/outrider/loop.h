/** @file
 * The extension "outrider.loop/1": a plugin watches its own descriptors on the worker's loop, or runs the worker's loop
 * in its own event loop.
 *
 *     const outrider_loop *loop = host->extension(host, OUTRIDER_LOOP);
 *
 * A worker has one loop in each worker model. In the sync model, the loop does not run while a handle() runs.
 *
 * WATCHES. A watch calls a function on the loop whenever a descriptor is ready. It belongs to an exchange, or, with
 * exchange 0, to the worker. It ends by unwatch(), with its exchange, or with its worker; in the last two cases its
 * function is called once more. A draining worker does not wait for its own watches. The loop sends what the function
 * sends on an exchange in the same turn.
 *
 * OWNING THE LOOP. A runtime with an event loop of its own (asyncio, libuv, GLib) can run the thread of the worker's
 * loop: load() calls own() with the hook run_loop. The hook waits until descriptor() is readable, among other
 * descriptors, and then calls dispatch(). Only one plugin of a configuration can do this.
 *
 * Every function takes the entry's host table first. All but own() are [loop]: the thread of the worker's loop, which
 * also calls worker_start. In the master, and in load(), they return E_STATE.
 */
#ifndef OUTRIDER_LOOP_H
#define OUTRIDER_LOOP_H

#include <outrider.h>

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang diagnostic push")
_Pragma("clang diagnostic ignored \"-Wnullability-extension\"")
_Pragma("clang assume_nonnull begin")
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define OUTRIDER_LOOP "outrider.loop/1"

/* The events of a descriptor, requested and reported. The values are those of poll(2) and epoll(7). */
#define OUTRIDER_LOOP_READABLE 0x0001u
#define OUTRIDER_LOOP_PRIORITY 0x0002u    /* there is out-of-band data */
#define OUTRIDER_LOOP_WRITABLE 0x0004u
#define OUTRIDER_LOOP_ERROR 0x0008u       /* always reported */
#define OUTRIDER_LOOP_HANGUP 0x0010u      /* always reported */
#define OUTRIDER_LOOP_PEER_CLOSED 0x2000u /* the peer of a stream socket sends no more */

/* The number of watches that one worker can have. */
#define OUTRIDER_LOOP_MAX_WATCHES 65536u

/** The functions of the extension. [host owns; valid for the life of the process] */
typedef struct outrider_loop {
  uint32_t size, reserved;

  /** [master] in load(): announce that the plugin runs the thread of the loop in each worker. (With load = "worker",
   * [worker-main].) run_loop(state) is called once in each worker, [worker-main], when it begins to serve. It runs the
   * event loop of the plugin's runtime, and calls dispatch() whenever descriptor() is readable, until dispatch()
   * returns E_CLOSED. If it returns earlier, the worker finishes its requests without the runtime and is replaced.
   * E_STATE: the worker has a loop already. E_INVALID: run_loop is NULL. E_LIMIT: another plugin or entry has called
   * own(). */
  outrider_status (*own)(const outrider_host *, void (*run_loop)(void *OUTRIDER_NULLABLE state));

  /** Call run(context, OK, events) on the loop whenever fd is ready, until the watch ends. Watches are level-triggered:
   * run is called again as long as fd is ready. It is never called from inside this call. events is a combination of
   * OUTRIDER_LOOP_*; run gets only requested events, errors and hang-ups. If events is 0, nothing is reported, not even
   * errors, until change() requests events. If id is not NULL, *id is set to a number for change() and unwatch() before
   * run is first called.
   * When the exchange ends, run(context, E_CLOSED, 0) is called once, before its close(), and the watch ends. With
   * exchange 0, this happens at the end of the worker, after its last request and before worker_stop.
   * The descriptor belongs to the plugin, which must call unwatch() before closing it. If the descriptor is closed
   * first, the watch is no longer called, even if the number is reused for another descriptor, but it still counts
   * until it ends. (If the same file is open under another descriptor, as after dup() or fork(), the watch is called
   * until it is unwatched or its number is watched again.)
   * E_CLOSED: the exchange or the worker is over. E_THREAD: not on the loop. E_STATE: the descriptor is watched
   * already.
   * E_INVALID: run is NULL, events has unknown bits, fd is closed, or fd cannot be waited for, like a regular file.
   * E_UNSUPPORTED: an exchange in blocking style. E_LIMIT: OUTRIDER_LOOP_MAX_WATCHES. E_IO: the system has no room. */
  outrider_status (*watch)(const outrider_host *, outrider_exchange, int32_t fd, uint32_t events,
                           void (*run)(void *OUTRIDER_NULLABLE context, outrider_status why, uint32_t events),
                           void *OUTRIDER_NULLABLE context,
                           uint64_t *OUTRIDER_NULLABLE id);

  /** Change the events of a watch, with immediate effect: events that have already occurred in this turn of the loop,
   * but are no longer requested, are not reported. E_CLOSED: the watch has ended, or its descriptor was closed.
   * E_THREAD, E_INVALID: as above. */
  outrider_status (*change)(const outrider_host *, uint64_t id, uint32_t events);

  /** End a watch, with immediate effect: its run is not called for events that have already occurred in this turn of
   * the loop. May be called from inside run, for any watch of the entry. E_CLOSED: the watch has ended. E_THREAD: as
   * above. */
  outrider_status (*unwatch)(const outrider_host *, uint64_t id);

  /** Get a descriptor that is readable while the loop has work to do. The host owns it; it may only be used to wait
   * until it is readable, level-triggered. A negative result is a status: E_THREAD: not on the loop. E_STATE: not
   * within run_loop. */
  int32_t (*descriptor)(const outrider_host *);

  /** Run the loop until it has no more work, or until max_ns nanoseconds have passed, but at least one turn. Does not
   * wait. Hooks and run functions that are due are called from inside this call.
   * OK: there is no more work. PAUSE: there is; the descriptor is readable. E_CLOSED: the worker has finished, and
   * run_loop must return. E_THREAD: not on the loop. E_STATE: not within run_loop, or called from inside a hook or a
   * run function of the host. */
  outrider_status (*dispatch)(const outrider_host *, uint64_t max_ns);
} outrider_loop;

#ifdef __cplusplus
}
#endif

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang assume_nonnull end")
_Pragma("clang diagnostic pop")
#endif

#endif /* OUTRIDER_LOOP_H */
