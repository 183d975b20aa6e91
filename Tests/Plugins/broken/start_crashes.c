/* start_crashes: loads, but worker_start() ends by SIGABRT. */
#include "broken.h"

#include <stdlib.h>

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state, (void)info, (void)error;
  abort();
}

static const outrider_plugin plugin = {
    BROKEN_PLUGIN("start_crashes"), .worker_start = worker_start, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
