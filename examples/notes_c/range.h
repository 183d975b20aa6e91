/* The field Range (RFC 9110 section 14.2). */
#ifndef NOTES_RANGE_H
#define NOTES_RANGE_H

#include <outrider.h>

typedef enum { RANGE_IGNORED, RANGE_SATISFIABLE, RANGE_UNSATISFIABLE } range_kind;

/* Reads a single range of bytes of a content of this size. If it is satisfiable, *first and *last are its bytes. */
range_kind range_read(outrider_bytes value, uint64_t size, uint64_t *first, uint64_t *last);

#endif
