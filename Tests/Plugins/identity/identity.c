/* Tells who runs its code: in its constructor, in load() and in handle(), each in one line on stderr or in the answer. */
#define _GNU_SOURCE

#include <outrider.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Inheritable, permitted, effective, and those that an exec could give. */
static int describe_capabilities(char *text, size_t size) {
  static const char *const names[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:"};
  unsigned long long sets[4] = {0};
  char line[256];
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status)) {
    for (int i = 0; i < 4; i++) {
      if (strncmp(line, names[i], strlen(names[i])) == 0) sscanf(line + strlen(names[i]), "%llx", &sets[i]);
    }
  }
  if (status) fclose(status);
  return snprintf(text, size, "%llx,%llx,%llx,%llx", sets[0], sets[1], sets[2], sets[3]);
}

static int describe(char *line, size_t size, const char *where) {
  uid_t real, effective, saved;
  gid_t real_group, effective_group, saved_group, groups[64];
  getresuid(&real, &effective, &saved);
  getresgid(&real_group, &effective_group, &saved_group);
  const int count = getgroups(64, groups);
  const mode_t mask = umask(0);
  umask(mask);
  int length = snprintf(line, size, "identity %s: uids=%u,%u,%u gids=%u,%u,%u nnp=%d umask=%03o groups=", where, real,
                        effective, saved, real_group, effective_group, saved_group,
                        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), (unsigned)mask);
  for (int index = 0; index < count; index++)
    length += snprintf(line + length, size - (size_t)length, "%s%u", index ? "," : "", groups[index]);
  length += snprintf(line + length, size - (size_t)length, " caps=");
  length += describe_capabilities(line + length, size - (size_t)length);
  return length + snprintf(line + length, size - (size_t)length, " pid=%d\n", (int)getpid());
}

__attribute__((constructor)) static void constructed(void) {
  char line[1024];
  describe(line, sizeof line, "constructor");
  fputs(line, stderr);
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  char line[1024];
  (void)host, (void)info, (void)state, (void)error;
  describe(line, sizeof line, "load");
  fputs(line, stderr);
  return OUTRIDER_OK;
}

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  char line[1024];
  (void)state, (void)head;
  const int length = describe(line, sizeof line, "handle");
  return io->respond(io, exchange, 200, NULL, 0, (outrider_bytes){line, (size_t)length});
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "identity",
                                       .version = "1.0",
                                       .load = load,
                                       .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
