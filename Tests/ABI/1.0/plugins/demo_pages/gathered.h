/* gathered.h: collects the pieces of a body, up to a limit. */
#ifndef DEMO_PAGES_GATHERED_H
#define DEMO_PAGES_GATHERED_H

#include <outrider.h>

#include <stdlib.h>
#include <string.h>

#define GATHERED_LIMIT ((size_t)16 * 1024 * 1024)

typedef struct gathered {
  char *data; /* malloc'ed; the owner frees it */
  size_t size, capacity;
} gathered;

/* Add a piece. E_LIMIT if the body would be longer than GATHERED_LIMIT, or if out of memory. */
static inline outrider_status gathered_add(gathered *whole, const char *piece, size_t size) {
  if (size > GATHERED_LIMIT - whole->size) return OUTRIDER_E_LIMIT;
  if (size > whole->capacity - whole->size) {
    size_t capacity = whole->capacity * 2 > whole->size + size ? whole->capacity * 2 : whole->size + size;
    char *data = realloc(whole->data, capacity);
    if (!data) return OUTRIDER_E_LIMIT;
    whole->data = data;
    whole->capacity = capacity;
  }
  if (size) memcpy(whole->data + whole->size, piece, size);
  whole->size += size;
  return OUTRIDER_OK;
}

#endif
