// The title of a process, which ps shows instead of its command line. The kernel shows the memory in which the program
// got its arguments. If that is too short, the strings of the environment behind it are used, which are moved elsewhere
// first. See get_mm_cmdline in Linux' fs/proc/base.c: if the last byte of the arguments is not NUL, the kernel reads on
// behind them.
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "CLinux.h"

extern char **environ;

static char **arguments;
static int argument_count;
static char *title;
static size_t title_room;
// The part of that memory that the arguments used.
static size_t title_arguments;

// glibc passes the arguments of main() to constructors; Swift only has a copy of them.
__attribute__((constructor)) static void note_arguments(int count, char **vector) {
  arguments = vector;
  argument_count = count;
}

void outrider_reserve_title(void) {
  if (title || argument_count < 1 || !arguments || !arguments[0]) return;
  // glibc uses the program's name in messages, and would otherwise use the title.
  char *name = strdup(program_invocation_name);
  if (!name) return;
  program_invocation_name = name;
  char *slash = strrchr(name, '/');
  program_invocation_short_name = slash ? slash + 1 : name;

  char *end = arguments[0];
  for (int i = 0; i < argument_count && arguments[i] == end; i++) end += strlen(end) + 1;
  title_arguments = (size_t)(end - arguments[0]);
  for (char **entry = environ; *entry == end && end - arguments[0] < OUTRIDER_TITLE_ROOM; entry++) {
    size_t size = strlen(end) + 1;
    char *copy = malloc(size);
    if (!copy) break;
    memcpy(copy, end, size);
    *entry = copy;
    end += size;
  }
  title = arguments[0];
  title_room = (size_t)(end - title);
}

void outrider_set_title(const char *text) {
  if (!title) return;
  size_t length = strnlen(text, OUTRIDER_TITLE_ROOM - 1);
  if (length > title_room - 1) length = title_room - 1;
  size_t used = title_room < OUTRIDER_TITLE_ROOM ? title_room : OUTRIDER_TITLE_ROOM;
  if (used < title_arguments) used = title_arguments;
  memset(title, 0, used);
  memcpy(title, text, length);
}
