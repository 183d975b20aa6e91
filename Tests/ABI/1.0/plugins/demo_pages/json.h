/* json.h: JSON (RFC 8259) written into memory that grows.
 *
 * Bytes of a request need not be UTF-8. Each byte outside printable ASCII is written as the latin-1 character with its
 * value, \u00XX: the text is always valid JSON, and no byte is lost.
 *
 * When out of memory, the text is marked as failed and further writes do nothing: the caller checks once, at the end.
 */
#ifndef DEMO_PAGES_JSON_H
#define DEMO_PAGES_JSON_H

#include "text.h"

#include <stdlib.h>

typedef struct json_text {
  char *data; /* malloc'ed; the owner of the text frees it */
  size_t size, capacity;
  int failed;
} json_text;

/* Make room for `more` bytes. True if there is. */
static inline int json_reserve(json_text *json, size_t more) {
  if (json->failed) return 0;
  if (more <= json->capacity - json->size) return 1;
  size_t capacity = json->capacity ? json->capacity * 2 : 1024;
  if (capacity < json->size + more) capacity = json->size + more;
  char *data = realloc(json->data, capacity);
  if (!data) {
    json->failed = 1;
    return 0;
  }
  json->data = data;
  json->capacity = capacity;
  return 1;
}

static inline void json_raw(json_text *json, outrider_bytes bytes) {
  if (bytes.size == 0 || !json_reserve(json, bytes.size)) return;
  memcpy(json->data + json->size, bytes.data, bytes.size);
  json->size += bytes.size;
}

static inline void json_literal(json_text *json, const char *text) { json_raw(json, outrider_text(text)); }

static inline int json_is_plain(unsigned char byte) {
  return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

static inline void json_escape(json_text *json, unsigned char byte) {
  static const char digits[] = "0123456789abcdef";
  char escape[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
  outrider_bytes bytes = {escape, sizeof escape};
  if (byte == '"' || byte == '\\') {
    escape[1] = (char)byte;
    bytes.size = 2;
  }
  json_raw(json, bytes);
}

/* The content of a string, without the quotes. */
static inline void json_characters(json_text *json, outrider_bytes bytes) {
  size_t start = 0;
  for (size_t i = 0; i < bytes.size; i++) {
    unsigned char byte = (unsigned char)bytes.data[i];
    if (json_is_plain(byte)) continue;
    json_raw(json, (outrider_bytes){bytes.data + start, i - start});
    json_escape(json, byte);
    start = i + 1;
  }
  if (start < bytes.size) json_raw(json, (outrider_bytes){bytes.data + start, bytes.size - start});
}

static inline void json_string(json_text *json, outrider_bytes bytes) {
  json_literal(json, "\"");
  json_characters(json, bytes);
  json_literal(json, "\"");
}

/* Free the text. */
static inline void json_free(json_text *json) {
  free(json->data);
  *json = (json_text){0};
}

#endif
