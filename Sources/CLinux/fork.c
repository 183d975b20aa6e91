// A fork that Swift's runtime survives.
//
// The runtime's locks for what is made once (lazy globals, metadata of generic types) are futexes with the number of the
// thread that holds them. Each thread notes its number at its first lock, in a variable of its own, for good; so after a
// fork the child's one thread goes by the number that it had in the parent. That goes well until a second thread of the
// child wants a lock while the first holds it: the kernel finds that somebody else holds it, refuses to unlock it, and
// both spin for ever. (ulock.h of the runtime, in Swift 5.7 to 6.3.) So the child has its thread note its number again.
#define _GNU_SOURCE
#include "CLinux.h"

#include <link.h>

// Of Swift's runtime: calls `make` unless it has for the same `once`, zeroed at first.
void swift_once(intptr_t *once, void (*make)(void *), void *context);

enum { MOST_PLACES = 16 };

// The calling thread's variables that hold `number`: where the runtime has noted it, and where that is chance.
struct places {
  pid_t number;
  int *at[MOST_PLACES];
  size_t count;
};

// The program, with the runtime in it, or a library of the runtime.
static int is_of_runtime(const char *name) { return name[0] == '\0' || strstr(name, "/libswift") != NULL; }

static int search(struct dl_phdr_info *object, size_t size, void *context) {
  struct places *places = context;
  (void)size;
  if (!is_of_runtime(object->dlpi_name) || !object->dlpi_tls_data) return 0;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    if (object->dlpi_phdr[i].p_type != PT_TLS) continue;
    int *variables = object->dlpi_tls_data;
    for (size_t v = 0; v < object->dlpi_phdr[i].p_memsz / sizeof *variables; v++) {
      if (variables[v] == places->number && places->count < MOST_PLACES) places->at[places->count++] = &variables[v];
    }
  }
  return 0;
}

static void make_nothing(void *context) { (void)context; }

// A 0 is where the runtime notes the number when it takes a lock, and in no other place.
static int is_noted_at(int *place) {
  int before = *place;
  intptr_t once[2] = {0};
  *(volatile int *)place = 0;
  swift_once(once, make_nothing, NULL);
  if (*(volatile int *)place == gettid()) return 1;
  *place = before;
  return 0;
}

pid_t outrider_fork(void) {
  struct places places = {.number = gettid()};
  pid_t child = fork();
  if (child != 0) return child;
  dl_iterate_phdr(search, &places);
  for (size_t i = 0; i < places.count && !is_noted_at(places.at[i]); i++) continue;
  return 0;
}
