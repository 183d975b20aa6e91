/* forks_and_crashes: /fork tells how a child ended that crashed, /exit ends the worker. */
#define _GNU_SOURCE

#include "broken.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread, (void)state;
  if (head->path.size == 5 && head->path.data[1] == 'e') exit(3);
  pid_t child = fork();
  if (child == 0) {
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
  }
  int status = 0;
  char text[32];
  waitpid(child, &status, 0);
  snprintf(text, sizeof text, WIFSIGNALED(status) ? "killed by %d" : "status %d",
           WIFSIGNALED(status) ? WTERMSIG(status) : status);
  return io->respond(io, exchange, 200, NULL, 0, outrider_text(text));
}

static const outrider_plugin plugin = {BROKEN_PLUGIN("forks_and_crashes"), .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
