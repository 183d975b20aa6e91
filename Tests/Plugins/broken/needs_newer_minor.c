/* needs_newer_minor: needs more of the contract than this host has. */
#include "broken.h"

static const outrider_plugin plugin = {
    .size = sizeof plugin,
    .abi = OUTRIDER_ABI(1, 999),
    .abi_required = OUTRIDER_ABI(1, 999),
    .name = "needs_newer_minor",
    .version = "1.0",
    .handle = answer_ok,
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
