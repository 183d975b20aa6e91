/* load_hangs: load() never returns. */
#define _GNU_SOURCE

#include "broken.h"

#include <unistd.h>

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)host, (void)info, (void)state, (void)error;
  for (;;) pause();
  return OUTRIDER_OK;
}

static const outrider_plugin plugin = {BROKEN_PLUGIN("load_hangs"), .load = load, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
