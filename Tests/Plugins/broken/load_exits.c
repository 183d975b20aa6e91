/* load_exits: load() ends the process, and well at that. */
#include "broken.h"

#include <stdlib.h>

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)host, (void)info, (void)state, (void)error;
  exit(0);
}

static const outrider_plugin plugin = {BROKEN_PLUGIN("load_exits"), .load = load, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
