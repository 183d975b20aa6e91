/* fork_crashes: before_fork() ends the process with a signal. */
#include "broken.h"

#include <stdlib.h>

static void before_fork(void *state) {
  (void)state;
  abort();
}

static const outrider_plugin plugin = {BROKEN_PLUGIN("fork_crashes"), .before_fork = before_fork, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
