/* load_slow: load() takes a second, as the clock has it. */
#define _GNU_SOURCE
#include "broken.h"

#include <time.h>

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  struct timespec now;
  (void)host, (void)info, (void)state, (void)error;
  clock_gettime(CLOCK_MONOTONIC, &now);
  now.tv_sec += 1;
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &now, NULL);
  return OUTRIDER_OK;
}

static const outrider_plugin plugin = {BROKEN_PLUGIN("load_slow"), .load = load, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
