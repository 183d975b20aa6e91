/* stop_crashes: worker_stop() ends the process with a signal. */
#include "broken.h"

#include <stdlib.h>

static void worker_stop(void *state, uint64_t deadline_ns) {
  (void)state, (void)deadline_ns;
  abort();
}

static const outrider_plugin plugin = {
    BROKEN_PLUGIN("stop_crashes"), .handle = answer_ok, .worker_stop = worker_stop};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
