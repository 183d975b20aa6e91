/* start_refuses: loads, but worker_start() says no, and why. */
#include "broken.h"

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state;
  snprintf(error->text, sizeof error->text, "worker %u finds no database", (unsigned)info->worker);
  return OUTRIDER_E_IO;
}

static const outrider_plugin plugin = {
    BROKEN_PLUGIN("start_refuses"), .worker_start = worker_start, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
