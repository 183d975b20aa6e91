/* thread_hangs: loads, but thread_start() never returns. */
#define _GNU_SOURCE

#include "broken.h"

#include <unistd.h>

static outrider_status thread_start(void *state, const outrider_thread_info *info, void **thread,
                                    outrider_error *error) {
  (void)info, (void)thread;
  (void)state;
  (void)error;
  for (;;) pause();
  return OUTRIDER_OK;
}

static const outrider_plugin plugin = {
    BROKEN_PLUGIN("thread_hangs"), .thread_start = thread_start, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
