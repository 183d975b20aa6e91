/* guarded.h: memory whose end is the end of what may be read: one byte more is a fault. */
#ifndef GUARDED_H
#define GUARDED_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The structure, cut to a size, or grown to it by bytes that mean nothing. Never freed. */
static void *guarded(const void *structure, size_t whole, uint32_t size) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE) != 0) abort();
  char *place = memory + page - size;
  memset(place, 0xEE, size);
  memcpy(place, structure, size < whole ? size : whole);
  if (size >= sizeof size) memcpy(place, &size, sizeof size);
  return place;
}

#endif
