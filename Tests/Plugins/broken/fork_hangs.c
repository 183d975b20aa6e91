/* fork_hangs: before_fork() never returns. */
#define _GNU_SOURCE

#include "broken.h"

#include <unistd.h>

static void before_fork(void *state) {
  (void)state;
  for (;;) pause();
}

static const outrider_plugin plugin = {BROKEN_PLUGIN("fork_hangs"), .before_fork = before_fork, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
