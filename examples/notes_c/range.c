#include "range.h"

#include <string.h>

/* Reads digits from *at; UINT64_MAX: there are none. Numbers that are too large become the largest but one. */
static uint64_t number(const char **at, const char *end) {
  uint64_t value = 0;
  const char *begin = *at;
  for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
    value = value > (UINT64_MAX - 10) / 10 ? UINT64_MAX - 1 : value * 10 + (uint64_t)(**at - '0');
  return *at == begin ? UINT64_MAX : value;
}

range_kind range_read(outrider_bytes value, uint64_t size, uint64_t *first, uint64_t *last) {
  if (value.size < 6 || memcmp(value.data, "bytes=", 6) != 0) return RANGE_IGNORED;
  const char *at = value.data + 6, *end = value.data + value.size;
  *first = number(&at, end);
  if (at == end || *at++ != '-') return RANGE_IGNORED;
  *last = number(&at, end);
  if (at != end || (*first == UINT64_MAX && *last == UINT64_MAX)) return RANGE_IGNORED;
  if (*first == UINT64_MAX) { /* the last bytes, so many */
    if (*last == 0 || size == 0) return RANGE_UNSATISFIABLE;
    *first = *last < size ? size - *last : 0;
    *last = size - 1;
    return RANGE_SATISFIABLE;
  }
  if (*last < *first) return RANGE_IGNORED;
  if (*first >= size) return RANGE_UNSATISFIABLE;
  if (*last >= size) *last = size - 1;
  return RANGE_SATISFIABLE;
}
