/* load_refuses: load() says no, and why. */
#include "broken.h"

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)host, (void)info, (void)state;
  snprintf(error->text, sizeof error->text, "the moon is in the wrong phase");
  return OUTRIDER_E_INVALID;
}

static const outrider_plugin plugin = {BROKEN_PLUGIN("load_refuses"), .load = load, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
