/* symbol_hangs: outrider_plugin_v1() never returns. */
#define _GNU_SOURCE

#include "broken.h"

#include <unistd.h>

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  for (;;) pause();
  return NULL;
}
