/* config.c: outrider_host.config_json and the getters, on the JSON object of the settings. */
#include "mock.h"

#include <stdio.h>

#include "extensions.h"

static const char *skip_space(const char *at) { return at + strspn(at, " \t\r\n"); }

/* The position after the string that begins at `at`, or NULL. */
static const char *skip_string(const char *at) {
  for (at++; *at != '"'; at++) {
    if ((unsigned char)*at < ' ') return NULL;
    if (*at == '\\' && *++at == 0) return NULL;
  }
  return at + 1;
}

static const char *skip_value(const char *at, int depth);

/* The position after an object or array. If `found` is not NULL, looks up a member. */
static const char *skip_members(const char *at, int depth, const char *key, size_t key_size, const char **found) {
  const char close = *at == '{' ? '}' : ']';
  const bool is_object = *at == '{';
  at = skip_space(at + 1);
  if (*at == close) return at + 1;
  while (true) {
    const char *name = at;
    if (is_object) {
      if (*at != '"' || !(at = skip_string(at))) return NULL;
      const size_t size = (size_t)(at - name) - 2;
      at = skip_space(at);
      if (*at != ':') return NULL;
      at = skip_space(at + 1);
      if (found && size == key_size && memcmp(name + 1, key, size) == 0) *found = at;
    }
    if (!(at = skip_value(at, depth + 1))) return NULL;
    at = skip_space(at);
    if (*at == close) return at + 1;
    if (*at != ',') return NULL;
    at = skip_space(at + 1);
  }
}

static const char *skip_value(const char *at, int depth) {
  enum { DEEPEST = 100 };
  if (depth > DEEPEST) return NULL;
  if (*at == '"') return skip_string(at);
  if (*at == '{' || *at == '[') return skip_members(at, depth, NULL, 0, NULL);
  const size_t size = strspn(at, "-+.0123456789abcdefghijklmnopqrstuvwxyzE");
  return size ? at + size : NULL;
}

bool config_is_object(const char *text) {
  const char *at = skip_space(text);
  if (*at != '{' || !(at = skip_value(at, 0))) return false;
  return *skip_space(at) == 0;
}

const char *config_end_of(const char *at) { return skip_value(at, 0); }

/* The value at a dotted key, or NULL. */
static const char *value_at(const char *object, const char *key) {
  const char *at = skip_space(object);
  while (true) {
    const size_t part = strcspn(key, ".");
    const char *found = NULL;
    if (*at != '{') return NULL;
    skip_members(at, 0, key, part, &found);
    if (!found || key[part] == 0) return found;
    at = found;
    key += part + 1;
  }
}

static void warn(outrider_mock *mock, const char *key, const char *wanted) {
  char text[256];
  snprintf(text, sizeof text, "config key %s is not %s; its fallback is used", key, wanted);
  mock_log(mock, OUTRIDER_LOG_WARNING, text, strlen(text));
}

/* Four hexadecimal digits as UTF-8. Halves of a surrogate pair become U+FFFD. */
static void append_character(buffer *text, const char *digits) {
  unsigned code = 0;
  sscanf(digits, "%4x", &code);
  if (code >= 0xD800 && code <= 0xDFFF) code = 0xFFFD;
  if (code < 0x80) {
    buffer_append(text, (const char[]){(char)code}, 1);
  } else if (code < 0x800) {
    buffer_append(text, (const char[]){(char)(0xC0 | code >> 6), (char)(0x80 | (code & 0x3F))}, 2);
  } else {
    buffer_append(text, (const char[]){(char)(0xE0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3F)), (char)(0x80 | (code & 0x3F))},
                  3);
  }
}

outrider_bytes config_json(const outrider_host *host) {
  return outrider_text(mock_of_host(host)->config);
}

void config_decode(const char *at, buffer *text) {
  static const char escapes[] = "b\bf\fn\nr\rt\t";
  buffer_append(text, "", 0);
  for (at++; *at != '"'; at++) {
    const bool is_escaped = *at == '\\';
    at += is_escaped;
    const char *escape = is_escaped ? strchr(escapes, *at) : NULL;
    if (is_escaped && *at == 'u' && strlen(at) > 4) {
      append_character(text, at + 1);
      at += 4;
    } else {
      buffer_append(text, escape ? escape + 1 : at, 1);
    }
  }
}

outrider_bytes config_string(const outrider_host *host, const char *key, const char *fallback) {
  outrider_mock *mock = mock_of_host(host);
  const char *at = value_at(mock->config, key);
  buffer text = {0};
  if (at && *at != '"') warn(mock, key, "a string");
  if (!at || *at != '"') return outrider_text(fallback);
  config_decode(at, &text);
  mock_lock(mock);
  mock->kept = mock_grow(mock->kept, (mock->n_kept + 1) * sizeof *mock->kept);
  mock->kept[mock->n_kept++] = text.bytes;
  mock_unlock(mock);
  return (outrider_bytes){text.bytes, text.size};
}

int64_t config_integer(const outrider_host *host, const char *key, int64_t fallback) {
  const char *at = value_at(mock_of_host(host)->config, key);
  if (!at) return fallback;
  const size_t digits = strspn(at, "-0123456789");
  if (digits > 0 && !strchr(".eE", at[digits] ? at[digits] : ' ')) return strtoll(at, NULL, 10);
  warn(mock_of_host(host), key, "an integer");
  return fallback;
}

int32_t config_boolean(const outrider_host *host, const char *key, int32_t fallback) {
  const char *at = value_at(mock_of_host(host)->config, key);
  if (!at) return fallback;
  if (strncmp(at, "true", 4) == 0) return 1;
  if (strncmp(at, "false", 5) == 0) return 0;
  warn(mock_of_host(host), key, "a boolean");
  return fallback;
}
