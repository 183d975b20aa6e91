/* start_hangs: loads, but worker_start() never returns. */
#define _GNU_SOURCE

#include "broken.h"

#include <unistd.h>

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state, (void)info, (void)error;
  for (;;) pause();
  return OUTRIDER_OK;
}

static const outrider_plugin plugin = {
    BROKEN_PLUGIN("start_hangs"), .worker_start = worker_start, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
