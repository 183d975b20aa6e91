/* no_hooks: neither handle() nor open(): nothing could answer a request. */
#include "broken.h"

static const outrider_plugin plugin = {BROKEN_PLUGIN("no_hooks")};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
