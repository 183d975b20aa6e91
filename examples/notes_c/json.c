#include "json.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 32

typedef struct {
  const char *at, *end;
} reader;

static void skip_space(reader *in) {
  while (in->at < in->end && strchr(" \t\r\n", *in->at) && *in->at) in->at++;
}

/* Whether c comes next, which is then read. */
static int accept(reader *in, char c) {
  skip_space(in);
  if (in->at == in->end || *in->at != c) return 0;
  in->at++;
  return 1;
}

static int hexadecimal(reader *in, uint32_t *value) {
  *value = 0;
  if (in->end - in->at < 4) return 0;
  for (int i = 0; i < 4; i++) {
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *digit = *in->at ? strchr(digits, *in->at) : NULL;
    if (!digit) return 0;
    *value = *value << 4 | ((uint32_t)(digit - digits) & 15);
    in->at++;
  }
  return 1;
}

static char *write_utf8(char *out, uint32_t c) {
  if (c < 0x80) {
    *out++ = (char)c;
  } else if (c < 0x800) {
    *out++ = (char)(0xC0 | c >> 6);
    *out++ = (char)(0x80 | (c & 63));
  } else if (c < 0x10000) {
    *out++ = (char)(0xE0 | c >> 12);
    *out++ = (char)(0x80 | (c >> 6 & 63));
    *out++ = (char)(0x80 | (c & 63));
  } else {
    *out++ = (char)(0xF0 | c >> 18);
    *out++ = (char)(0x80 | (c >> 12 & 63));
    *out++ = (char)(0x80 | (c >> 6 & 63));
    *out++ = (char)(0x80 | (c & 63));
  }
  return out;
}

/* What follows \u. Characters above U+FFFF are two escapes (RFC 8259 section 7). */
static char *read_unicode_escape(reader *in, char *out) {
  uint32_t c, low;
  if (!hexadecimal(in, &c) || (c >= 0xDC00 && c < 0xE000)) return NULL;
  if (c >= 0xD800 && c < 0xDC00) {
    if (in->end - in->at < 2 || in->at[0] != '\\' || in->at[1] != 'u') return NULL;
    in->at += 2;
    if (!hexadecimal(in, &low) || low < 0xDC00 || low >= 0xE000) return NULL;
    c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
  }
  return write_utf8(out, c);
}

/* What follows the quotation mark of a string. Returns the end of what was written to out; NULL: the string is malformed.
 * What is written is never longer than what is read. */
static char *read_string(reader *in, char *out) {
  while (in->at < in->end) {
    const unsigned char c = (unsigned char)*in->at++;
    if (c == '"') return out;
    if (c < 0x20) return NULL;
    if (c != '\\') {
      *out++ = (char)c;
      continue;
    }
    if (in->at == in->end) return NULL;
    static const char escaped[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char kind = *in->at++;
    const char *place = kind ? strchr(escaped, kind) : NULL;
    if (place)
      *out++ = meant[place - escaped];
    else if (kind != 'u' || !(out = read_unicode_escape(in, out)))
      return NULL;
  }
  return NULL;
}

static int read_word(reader *in, const char *word) {
  const size_t size = strlen(word);
  if ((size_t)(in->end - in->at) < size || memcmp(in->at, word, size) != 0) return 0;
  in->at += size;
  return 1;
}

static int read_digits(reader *in) {
  const char *begin = in->at;
  while (in->at < in->end && *in->at >= '0' && *in->at <= '9') in->at++;
  return in->at > begin;
}

static int read_number(reader *in) {
  if (in->at < in->end && *in->at == '-') in->at++;
  const int zero = in->at < in->end && *in->at == '0';
  const char *begin = in->at;
  if (!read_digits(in) || (zero && in->at - begin > 1)) return 0;
  if (in->at < in->end && *in->at == '.') {
    in->at++;
    if (!read_digits(in)) return 0;
  }
  if (in->at < in->end && (*in->at == 'e' || *in->at == 'E')) {
    in->at++;
    if (in->at < in->end && (*in->at == '+' || *in->at == '-')) in->at++;
    if (!read_digits(in)) return 0;
  }
  return 1;
}

static int skip_value(reader *in, char *scratch, int depth);

/* The members of an object, behind its brace. If length is not NULL, the text of "text" is written to text. */
static int read_members(reader *in, char *text, ssize_t *length, char *scratch, int depth) {
  if (accept(in, '}')) return 1;
  do {
    if (!accept(in, '"')) return 0;
    const char *end = read_string(in, scratch);
    if (!end || !accept(in, ':')) return 0;
    const int is_text = length && end - scratch == 4 && memcmp(scratch, "text", 4) == 0;
    if (is_text) *length = -1;
    if (is_text && accept(in, '"')) {
      end = read_string(in, text);
      if (!end) return 0;
      *length = end - text;
    } else if (!skip_value(in, scratch, depth + 1)) {
      return 0;
    }
  } while (accept(in, ','));
  return accept(in, '}');
}

static int skip_value(reader *in, char *scratch, int depth) {
  if (depth > MAX_DEPTH) return 0;
  if (accept(in, '"')) return read_string(in, scratch) != NULL;
  if (accept(in, '{')) return read_members(in, NULL, NULL, scratch, depth);
  if (accept(in, '[')) {
    if (accept(in, ']')) return 1;
    do
      if (!skip_value(in, scratch, depth + 1)) return 0;
    while (accept(in, ','));
    return accept(in, ']');
  }
  return read_word(in, "true") || read_word(in, "false") || read_word(in, "null") || read_number(in);
}

ssize_t json_text(const char *data, size_t size, char *text) {
  reader in = {data, data + size};
  ssize_t length = -1;
  char scratch[65536];
  if (size > sizeof scratch || !accept(&in, '{') || !read_members(&in, text, &length, scratch, 0)) return -1;
  skip_space(&in);
  return in.at == in.end ? length : -1;
}

size_t json_quote(const char *data, size_t size, char *quoted) {
  char *out = quoted;
  *out++ = '"';
  for (size_t i = 0; i < size; i++) {
    const unsigned char c = (unsigned char)data[i];
    if (c < 0x20) {
      out += sprintf(out, "\\u%04x", c);
      continue;
    }
    if (c == '"' || c == '\\') *out++ = '\\';
    *out++ = (char)c;
  }
  *out++ = '"';
  return (size_t)(out - quoted);
}
