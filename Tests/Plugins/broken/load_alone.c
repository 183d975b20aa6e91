/* load_alone: holds a name in load() that the load() of another master of the same supervisor needs, so that no reload
 * succeeds. */
#define _GNU_SOURCE

#include "broken.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)host, (void)state;
  if (info->purpose != OUTRIDER_PURPOSE_SERVE) return OUTRIDER_OK;
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  int size = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "outrider-load-alone-%d", getppid());
  int holder = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(holder, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + size)) == 0)
    return OUTRIDER_OK;
  strcpy(error->text, "another master has the name");
  close(holder);
  return OUTRIDER_E_FAILED;
}

static const outrider_plugin plugin = {BROKEN_PLUGIN("load_alone"), .load = load, .handle = answer_ok};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
