/* scheduling.c: the scheduling of the worker's loop and the threads that run Python on one processor.
 *
 * On a common processor, each request that arrives would interrupt Python: the loop reads the request and sleeps until
 * the next. These two thread switches for each request take as long as a small application. With SCHED_BATCH, the loop
 * runs when Python's thread waits or has used up its time slice of a few milliseconds, and then reads all requests that
 * have arrived. A loop with a processor of its own is still woken at once. */
#define _GNU_SOURCE
#include "scheduling.h"

#include "application.h"

#include <sched.h>

void scheduling_yield_to_python(const entry *entry) {
  if (!application_option_is(entry, "scheduling", "batch", "batch")) return;
  /* Threads that it starts do not inherit the policy. If this is not permitted, nothing changes. */
  const struct sched_param none = {.sched_priority = 0};
  if (sched_getscheduler(0) == SCHED_OTHER) (void)sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &none);
}
