/* stop_hangs: worker_stop() never returns, under sync alone. */
#define _GNU_SOURCE

#include "broken.h"

#include <unistd.h>

static uint32_t model;

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state, (void)error;
  model = info->model;
  return OUTRIDER_OK;
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  (void)state, (void)deadline_ns;
  while (model == OUTRIDER_MODEL_SYNC) pause();
}

static const outrider_plugin plugin = {
    BROKEN_PLUGIN("stop_hangs"), .worker_start = worker_start, .handle = answer_ok, .worker_stop = worker_stop};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
