/* load_floods: load() never returns, and its threads write messages without end to whatever descriptors take them. */
#define _GNU_SOURCE

#include "broken.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WRITERS = 4, DESCRIPTORS = 32 };

static void *flood(void *context) {
  (void)context;
  for (;;)
    for (int fd = 3; fd < DESCRIPTORS; fd++) send(fd, "\x63" "0", 2, MSG_NOSIGNAL | MSG_DONTWAIT);
  return NULL;
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)host, (void)info, (void)state, (void)error;
  pthread_t thread;
  for (int i = 0; i < WRITERS; i++) pthread_create(&thread, NULL, flood, NULL);
  for (;;) pause();
  return OUTRIDER_OK;
}

static const outrider_plugin plugin = {BROKEN_PLUGIN("load_floods"), .load = load, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
