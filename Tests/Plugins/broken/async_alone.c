/* async_alone: worker_start() refuses every worker model but async. */
#include "broken.h"

#include <string.h>

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state;
  if (info->model == OUTRIDER_MODEL_ASYNC) return OUTRIDER_OK;
  strcpy(error->text, "only for async");
  return OUTRIDER_E_UNSUPPORTED;
}

static const outrider_plugin plugin = {
    BROKEN_PLUGIN("async_alone"), .worker_start = worker_start, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
