// What Swift's runtime notes of a thread, after a fork.
//
// The runtime's locks for what is made once (lazy globals, metadata of generic types) are futexes with the number of the
// thread that holds them. Each thread notes its number at its first lock, in a variable of its own, for good; so after a
// fork the child's one thread goes by the number that it had in the parent. That goes well until a second thread of the
// child wants a lock while the first holds it: the kernel finds that somebody else holds it, refuses to unlock it, and
// both spin for ever. (ulock.h of the runtime, in Swift 5.7 to 6.3.)
//
// Where the variable is, nobody tells, and what holds the former number may be anything, half of a pointer too. But a new
// thread takes a lock here, and what is its number then, and was 0 before, may be the variable; what is the next thread's
// too, is. (One number alone may be the upper half of an address: 0x7f4b is both.)
#define _GNU_SOURCE
#include "CLinux.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>

// Of the runtime: calls `make` unless it has for the same `once`, zeroed at first.
typedef void once_function(intptr_t *once, void (*make)(void *), void *context);
once_function swift_once;

enum { MOST_OBJECTS = 32, MOST_VARIABLES = 256 };

// The calling thread's variables of an object that the runtime is part of, as far as they are looked at.
struct variables {
  ElfW(Addr) object;
  int *at;  // NULL where the thread has used none yet
  size_t count;
};

struct survey {
  struct variables of[MOST_OBJECTS];
  size_t count;
};

// The runtime is in the program, or in libraries of its own: Swift's plugins may have brought one beside the program's.
static int is_of_runtime(const char *name) { return name[0] == '\0' || strstr(name, "/libswift") != NULL; }

static int look_at(struct dl_phdr_info *object, size_t size, void *context) {
  struct survey *survey = context;
  (void)size;
  if (!is_of_runtime(object->dlpi_name)) return 0;
  for (int i = 0; i < object->dlpi_phnum && survey->count < MOST_OBJECTS; i++) {
    if (object->dlpi_phdr[i].p_type != PT_TLS) continue;
    size_t count = object->dlpi_phdr[i].p_memsz / sizeof(int);
    survey->of[survey->count++] = (struct variables){
        object->dlpi_addr, object->dlpi_tls_data, count < MOST_VARIABLES ? count : MOST_VARIABLES};
  }
  return 0;
}

// Where the runtime notes numbers: which of an object's variables, each of the size of an int.
struct place {
  ElfW(Addr) object;
  size_t index;
};

struct places {
  struct place of[MOST_OBJECTS];
  size_t count;
};

static void make_nothing(void *context) { (void)context; }

static void take_locks(void) {
  once_function *functions[] = {swift_once, NULL};
  void *library = dlopen("libswiftCore.so", RTLD_LAZY | RTLD_NOLOAD);
  if (library) functions[1] = (once_function *)dlsym(library, "swift_once");
  for (size_t i = 0; i < 2; i++) {
    intptr_t once[2] = {0};
    if (functions[i]) functions[i](once, make_nothing, NULL);
  }
  if (library) dlclose(library);
}

static void *find_places(void *context) {
  int before[MOST_OBJECTS][MOST_VARIABLES];
  struct places *places = context;
  struct survey survey = {.count = 0};
  dl_iterate_phdr(look_at, &survey);
  for (size_t i = 0; i < survey.count; i++) {
    size_t bytes = survey.of[i].count * sizeof(int);
    if (survey.of[i].at) memcpy(before[i], survey.of[i].at, bytes);
    else memset(before[i], 0, bytes);
  }
  take_locks();
  survey.count = 0;
  dl_iterate_phdr(look_at, &survey);
  for (size_t i = 0; i < survey.count; i++) {
    for (size_t v = 0; survey.of[i].at && v < survey.of[i].count && places->count < MOST_OBJECTS; v++) {
      if (before[i][v] == 0 && survey.of[i].at[v] == gettid())
        places->of[places->count++] = (struct place){survey.of[i].object, v};
    }
  }
  return NULL;
}

static bool has(const struct places *places, struct place place) {
  for (size_t i = 0; i < places->count; i++) {
    if (places->of[i].object == place.object && places->of[i].index == place.index) return true;
  }
  return false;
}

// Asks two threads, one after the other; 0, or the error of pthread_create.
static int ask_threads(struct places found[2]) {
  sigset_t all, mask;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask);
  int fault = 0;
  for (size_t i = 0; i < 2 && fault == 0; i++) {
    pthread_t finder;
    fault = pthread_create(&finder, NULL, find_places, &found[i]);
    if (fault == 0) pthread_join(finder, NULL);
  }
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  return fault;
}

int outrider_renumber_thread(void) {
  struct places found[2] = {{.count = 0}, {.count = 0}};
  int fault = ask_threads(found);
  if (fault != 0) return fault;
  struct survey survey = {.count = 0};
  dl_iterate_phdr(look_at, &survey);
  for (size_t i = 0; i < survey.count; i++) {
    for (size_t v = 0; survey.of[i].at && v < survey.of[i].count; v++) {
      struct place place = {survey.of[i].object, v};
      if (has(&found[0], place) && has(&found[1], place)) survey.of[i].at[v] = gettid();
    }
  }
  return 0;
}
