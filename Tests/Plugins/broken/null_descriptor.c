/* null_descriptor: has the symbol, and returns nothing. */
#include <outrider.h>

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return NULL;
}
