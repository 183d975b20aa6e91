/** @file
 * The extension "outrider.health/1": a plugin's own threads say that they live, and a plugin says
 * whether it is ready.
 *
 *     const outrider_health *health = host->extension(host, OUTRIDER_HEALTH);
 *
 * Every function takes the entry's host table first and is [any-thread] in a worker, from worker_start on, and from
 * load with load = "worker". In the master, they return E_STATE.
 */
#ifndef OUTRIDER_HEALTH_H
#define OUTRIDER_HEALTH_H

#include <outrider.h>

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang diagnostic push")
_Pragma("clang diagnostic ignored \"-Wnullability-extension\"")
_Pragma("clang assume_nonnull begin")
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define OUTRIDER_HEALTH "outrider.health/1"

#define OUTRIDER_HEALTH_MAX_THREADS 16u /* in a worker, of all plugins */
#define OUTRIDER_HEALTH_MAX_NAME 32u    /* bytes of a thread's name */
#define OUTRIDER_HEALTH_MAX_REASON 96u  /* bytes; longer reasons are truncated */

/** The functions of the extension. [host owns; valid for the life of the process] */
typedef struct outrider_health {
  uint32_t size, reserved;

  /** Have a thread watched from now on: if it neither says that it lives nor that it is idle for timeouts.worker, the
   * worker is aborted with a backtrace and replaced, and the error log names the thread. name is NUL-terminated: letters,
   * digits, '-', '_' and '.'. *thread is set to a number for the other functions, which is never 0. (With
   * timeouts.worker = 0 nothing is watched.) E_INVALID: the name is malformed, or thread is NULL. E_LIMIT: too many. */
  outrider_status (*watch)(const outrider_host *, const char *name, uint32_t *thread);

  /** Say that a thread lives. Cheap: a look at the clock and a store. E_CLOSED: it is not watched any more. */
  outrider_status (*alive)(const outrider_host *, uint32_t thread);

  /** Say that a thread waits for work: it is not expected to say anything until the next alive(). E_CLOSED: as above. */
  outrider_status (*idle)(const outrider_host *, uint32_t thread);

  /** End the watch, before the thread ends. E_CLOSED: as above. */
  outrider_status (*unwatch)(const outrider_host *, uint32_t thread);

  /** Say whether this entry is ready in this worker, which it is until it says otherwise. reason [borrowed] is for the
   * operator; it is ignored if ready is not 0. /readyz answers from what was said last, and never waits for a plugin: 503
   * if every worker that accepts connections has an entry that is not ready. Requests are still passed to the plugin.
   * E_INVALID: the reason is malformed. */
  outrider_status (*ready)(const outrider_host *, int32_t ready, outrider_bytes reason);
} outrider_health;

#ifdef __cplusplus
}
#endif

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang assume_nonnull end")
_Pragma("clang diagnostic pop")
#endif

#endif /* OUTRIDER_HEALTH_H */
