/* wrong_major: compiled for a contract that this host does not know. */
#include "broken.h"

static const outrider_plugin plugin = {
    .size = sizeof plugin,
    .abi = OUTRIDER_ABI(2, 0),
    .abi_required = OUTRIDER_ABI(2, 0),
    .name = "wrong_major",
    .version = "1.0",
    .handle = answer_ok,
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
