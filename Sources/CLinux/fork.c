// A fork that Swift's runtime survives.
//
// The runtime's locks for what is made once (lazy globals, metadata of generic types) are futexes with the number of the
// thread that holds them. Each thread notes its number at its first lock, in a variable of its own, for good; so after a
// fork the child's one thread goes by the number that it had in the parent. That goes well until a second thread of the
// child wants a lock while the first holds it: the kernel finds that somebody else holds it, refuses to unlock it, and
// both spin for ever. (ulock.h of the runtime, in Swift 5.7 to 6.3.) So the child lets its thread forget its number.
#define _GNU_SOURCE
#include "CLinux.h"

#include <link.h>

// The program, with the runtime in it, or a library of the runtime: all that notes the number.
static int is_of_runtime(const char *name) { return name[0] == '\0' || strstr(name, "/libswift") != NULL; }

static int forget(struct dl_phdr_info *object, size_t size, void *number) {
  (void)size;
  if (!is_of_runtime(object->dlpi_name) || !object->dlpi_tls_data) return 0;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    if (object->dlpi_phdr[i].p_type != PT_TLS) continue;
    int *variables = object->dlpi_tls_data;
    for (size_t at = 0; at < object->dlpi_phdr[i].p_memsz / sizeof *variables; at++) {
      // Pointers stand there beside it; none is as small as the number of a thread.
      if (variables[at] == *(const pid_t *)number) variables[at] = 0;
    }
  }
  return 0;
}

pid_t outrider_fork(void) {
  pid_t number = gettid();
  pid_t child = fork();
  if (child == 0) dl_iterate_phdr(forget, &number);
  return child;
}
