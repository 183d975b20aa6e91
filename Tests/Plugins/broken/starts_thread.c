/* starts_thread: load() starts a thread, which the fork of the workers would lose. */
#define _GNU_SOURCE

#include "broken.h"

#include <pthread.h>
#include <unistd.h>

static void *wait_for_ever(void *context) {
  for (;;) pause();
  return context;
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  pthread_t thread;
  (void)host, (void)info, (void)state, (void)error;
  return pthread_create(&thread, NULL, wait_for_ever, NULL) ? OUTRIDER_E_IO : OUTRIDER_OK;
}

static const outrider_plugin plugin = {BROKEN_PLUGIN("starts_thread"), .load = load, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
