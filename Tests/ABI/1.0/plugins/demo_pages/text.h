/* text.h: small functions for bytes, shared by the demo plugins and inspect. */
#ifndef DEMO_PAGES_TEXT_H
#define DEMO_PAGES_TEXT_H

#include <outrider.h>
#include <string.h>

/* The bytes of a string literal, as an initialiser. */
#define TEXT(literal) {literal, sizeof(literal) - 1}

static inline int text_equal(outrider_bytes a, outrider_bytes b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline char text_lower(char byte) { return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte; }

/* Field names are case-insensitive (RFC 9110 section 5.1). */
static inline int text_same_name(outrider_bytes a, outrider_bytes b) {
  if (a.size != b.size) return 0;
  for (size_t i = 0; i < a.size; i++)
    if (text_lower(a.data[i]) != text_lower(b.data[i])) return 0;
  return 1;
}

/* "HTTP/1.0", "HTTP/1.1" or "HTTP/2". */
static inline outrider_bytes text_http_version(const outrider_head *head) {
  switch (head->http_version) {
    case OUTRIDER_HTTP_1_0: return outrider_text("HTTP/1.0");
    case OUTRIDER_HTTP_2: return outrider_text("HTTP/2");
    default: return outrider_text("HTTP/1.1");
  }
}

#endif
