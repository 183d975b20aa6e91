/* load_crashes: load() ends by SIGSEGV. */
#include "broken.h"

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)host, (void)info, (void)state, (void)error;
  *(volatile int *)NULL = 1;
  return OUTRIDER_OK;
}

static const outrider_plugin plugin = {BROKEN_PLUGIN("load_crashes"), .load = load, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
