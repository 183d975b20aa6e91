/* fork_hangs_later: before_fork() takes more than a second before the first worker, and does not return before another. */
#define _GNU_SOURCE

#include "broken.h"

#include <unistd.h>

static void before_fork(void *state) {
  static int calls;
  (void)state;
  if (calls++ == 0) usleep(1100000);
  else for (;;) pause();
}

static const outrider_plugin plugin = {
    BROKEN_PLUGIN("fork_hangs_later"), .before_fork = before_fork, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
