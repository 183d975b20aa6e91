/* constructor_crashes: a constructor of the library ends by SIGSEGV, before anything of the plugin is called. */
#include "broken.h"

#include <signal.h>

__attribute__((constructor)) static void construct(void) { raise(SIGSEGV); }

static const outrider_plugin plugin = {BROKEN_PLUGIN("constructor_crashes"), .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
