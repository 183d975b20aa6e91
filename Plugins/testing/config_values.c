/* config_values.c: outrider.config/1, on the JSON object of the settings. A date is an object {"@date": "2026-01-31"}. */
#define _GNU_SOURCE
#include <stdio.h>

#include "extensions.h"

typedef struct value {
  uint32_t type, parent; /* numbers are places, from 1 */
  uint32_t first, n;     /* of its children */
  char *key;             /* NULL: an element of an array, or the root */
  buffer text;
  int64_t integer;
  double number;
} value;

struct config_values {
  value *values;
  size_t n;
};

typedef struct member {
  char *key;
  const char *at;
} member;

static const char *skip_space(const char *at) { return at + strspn(at, " \t\r\n"); }

static int by_key(const void *one, const void *other) {
  return strcmp(((const member *)one)->key, ((const member *)other)->key);
}

/* The members of the object or array that begins at `at`, in their order; NULL for none. */
static member *members_of(const char *at, size_t *n) {
  member *members = NULL;
  const bool is_object = *at == '{';
  *n = 0;
  for (at = skip_space(at + 1); *at != '}' && *at != ']'; at = skip_space(*at == ',' ? at + 1 : at)) {
    member found = {NULL, at};
    if (is_object) {
      buffer key = {0};
      config_decode(at, &key);
      found.key = key.bytes;
      found.at = skip_space(skip_space(config_end_of(at)) + 1);
    }
    members = mock_grow(members, (*n + 1) * sizeof *members);
    members[(*n)++] = found;
    at = skip_space(config_end_of(found.at));
  }
  if (is_object && *n > 1) qsort(members, *n, sizeof *members, by_key);
  return members;
}

static void read_value(struct config_values *all, uint32_t number, const char *at);

static void read_members(struct config_values *all, uint32_t number, const char *at) {
  size_t n;
  member *members = members_of(at, &n);
  if (n == 1 && members[0].key && strcmp(members[0].key, "@date") == 0 && *members[0].at == '"') {
    all->values[number - 1].type = OUTRIDER_CONFIG_DATE;
    config_decode(members[0].at, &all->values[number - 1].text);
    free(members[0].key);
    free(members);
    return;
  }
  const uint32_t first = (uint32_t)all->n + 1;
  all->values[number - 1].type = *at == '{' ? OUTRIDER_CONFIG_TABLE : OUTRIDER_CONFIG_ARRAY;
  all->values[number - 1].first = first;
  all->values[number - 1].n = (uint32_t)n;
  all->values = mock_grow(all->values, (all->n + n) * sizeof *all->values);
  for (size_t i = 0; i < n; i++) all->values[all->n++] = (value){.parent = number, .key = members[i].key};
  for (size_t i = 0; i < n; i++) read_value(all, first + (uint32_t)i, members[i].at);
  free(members);
}

static void read_value(struct config_values *all, uint32_t number, const char *at) {
  value *value = &all->values[number - 1];
  if (*at == '{' || *at == '[') {
    read_members(all, number, at);
  } else if (*at == '"') {
    value->type = OUTRIDER_CONFIG_STRING;
    config_decode(at, &value->text);
  } else if (*at == 't' || *at == 'f') {
    value->type = OUTRIDER_CONFIG_BOOLEAN;
    value->integer = *at == 't';
  } else if (*at != 'n') {
    const size_t digits = strspn(at, "-0123456789");
    const bool is_integer = !at[digits] || !strchr(".eE", at[digits]);
    value->type = is_integer ? OUTRIDER_CONFIG_INTEGER : OUTRIDER_CONFIG_FLOAT;
    value->number = strtod(at, NULL);
    if (is_integer) value->integer = strtoll(at, NULL, 10);
  }
}

static struct config_values *values_of(const outrider_host *host) {
  outrider_mock *mock = mock_of_host(host);
  mock_lock(mock);
  if (!mock->extensions->config) {
    struct config_values *all = mock->extensions->config = mock_allocate(sizeof *all);
    all->values = mock_allocate(sizeof *all->values);
    all->n = 1;
    read_value(all, OUTRIDER_CONFIG_ROOT, skip_space(mock->config));
  }
  mock_unlock(mock);
  return mock->extensions->config;
}

void config_values_free(struct config_values *all) {
  for (size_t i = 0; all && i < all->n; i++) free(all->values[i].key), free(all->values[i].text.bytes);
  if (all) free(all->values);
  free(all);
}

/* NULL for the number of none. */
static const value *item(const outrider_host *host, uint32_t number) {
  const struct config_values *all = values_of(host);
  return number > 0 && number <= all->n && all->values[number - 1].type ? &all->values[number - 1] : NULL;
}

static uint32_t find(const outrider_host *host, uint32_t table, const char *key) {
  const value *found = item(host, table);
  if (!found || found->type != OUTRIDER_CONFIG_TABLE || !key) return 0;
  for (uint32_t number = found->first; number < found->first + found->n; number++)
    if (strcmp(values_of(host)->values[number - 1].key, key) == 0) return item(host, number) ? number : 0;
  return 0;
}

static uint32_t type(const outrider_host *host, uint32_t number) {
  const value *found = item(host, number);
  return found ? found->type : 0;
}

static uint32_t count(const outrider_host *host, uint32_t number) {
  const value *found = item(host, number);
  return found ? found->n : 0;
}

static uint32_t at(const outrider_host *host, uint32_t number, uint32_t index) {
  const value *found = item(host, number);
  return found && index < found->n ? found->first + index : 0;
}

static outrider_bytes key(const outrider_host *host, uint32_t number) {
  const value *found = item(host, number);
  return outrider_text(found && found->key ? found->key : NULL);
}

static outrider_bytes text(const outrider_host *host, uint32_t number) {
  const value *found = item(host, number);
  return found ? (outrider_bytes){found->text.bytes, found->text.size} : (outrider_bytes){NULL, 0};
}

static int64_t integer(const outrider_host *host, uint32_t number) {
  const value *found = item(host, number);
  return found ? found->integer : 0;
}

static double number_of(const outrider_host *host, uint32_t number) {
  const value *found = item(host, number);
  return found ? found->number : 0;
}

/* The digits behind a decimal point as nanoseconds. */
static uint32_t fraction(const char **at) {
  uint32_t nanoseconds = 0, unit = 100000000;
  if (**at != '.') return 0;
  for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, unit /= 10) nanoseconds += (uint32_t)(**at - '0') * unit;
  return nanoseconds;
}

static bool read_time(const char *at, outrider_config_date *date) {
  int hours, minutes, size = 0;
  if (sscanf(at, "%2u:%2u%n", &date->hour, &date->minute, &size) != 2) return false;
  at += size;
  if (*at == ':' && sscanf(at, ":%2u%n", &date->second, &size) == 1) at += size;
  date->nanosecond = fraction(&at);
  date->parts |= OUTRIDER_CONFIG_HAS_TIME;
  if (*at == 'Z' || *at == 'z') {
    date->parts |= OUTRIDER_CONFIG_HAS_OFFSET;
  } else if (sscanf(at, "%3d:%2d", &hours, &minutes) == 2) {
    date->parts |= OUTRIDER_CONFIG_HAS_OFFSET;
    date->offset_minutes = hours * 60 + (*at == '-' ? -minutes : minutes);
  } else if (*at) {
    return false;
  }
  return true;
}

static outrider_status read_date(const outrider_host *host, uint32_t number, outrider_config_date *date) {
  const value *found = item(host, number);
  if (!date || date->size < OUTRIDER_CONFIG_DATE_SIZE_1_0 || !found || found->type != OUTRIDER_CONFIG_DATE)
    return OUTRIDER_E_INVALID;
  outrider_config_date read = {.size = date->size};
  const char *words = found->text.bytes;
  int size = 0;
  if (sscanf(words, "%4u-%2u-%2u%n", &read.year, &read.month, &read.day, &size) == 3 && size == 10) {
    read.parts = OUTRIDER_CONFIG_HAS_DATE;
    words += size;
    if (*words) words++;
  }
  if (*words && !read_time(words, &read)) return OUTRIDER_E_INVALID;
  memcpy(date, &read, date->size < sizeof read ? date->size : sizeof read);
  return OUTRIDER_OK;
}

static outrider_bytes folder(const outrider_host *host) {
  (void)host;
  return (outrider_bytes){NULL, 0};
}

/* ---- Errors ---------------------------------------------------------------------------------------------------- */

/* plugin.config, and the keys that lead to a value. */
static void append_path(const outrider_host *host, uint32_t number, buffer *path) {
  const value *found = item(host, number);
  if (!found || number == OUTRIDER_CONFIG_ROOT) {
    buffer_text(path, "plugin.config");
    return;
  }
  append_path(host, found->parent, path);
  if (found->key)
    buffer_format(path, ".%s", found->key);
  else
    buffer_format(path, "[%u]", number - item(host, found->parent)->first);
}

static outrider_status report(outrider_mock *mock, const outrider_host *host, uint32_t number, const char *name,
                              outrider_bytes message) {
  if (mock->n_config_errors >= OUTRIDER_CONFIG_MAX_ERRORS) return OUTRIDER_E_LIMIT;
  if (mock->n_config_errors++ > 0) buffer_text(&mock->config_errors, "\n");
  append_path(host, number, &mock->config_errors);
  if (name) buffer_format(&mock->config_errors, ".%s", name);
  buffer_text(&mock->config_errors, ": ");
  buffer_append(&mock->config_errors, message.data,
                message.size < OUTRIDER_CONFIG_MAX_MESSAGE ? message.size : OUTRIDER_CONFIG_MAX_MESSAGE);
  return OUTRIDER_OK;
}

static outrider_status error(const outrider_host *host, uint32_t number, const char *name, outrider_bytes message) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock->is_loading) return OUTRIDER_E_STATE;
  if (!item(host, number) || !bytes_are_well_formed(message) || message.size == 0) return OUTRIDER_E_INVALID;
  return report(mock, host, number, name, message);
}

static outrider_status expect(const outrider_host *host, uint32_t table, const char *const *keys, uint32_t n) {
  outrider_mock *mock = mock_of_host(host);
  outrider_status status = OUTRIDER_OK;
  if (!mock->is_loading) return OUTRIDER_E_STATE;
  if (n > OUTRIDER_CONFIG_MAX_KEYS || (n > 0 && !keys) || type(host, table) != OUTRIDER_CONFIG_TABLE)
    return OUTRIDER_E_INVALID;
  for (uint32_t i = 0; i < count(host, table); i++) {
    const value *found = &values_of(host)->values[at(host, table, i) - 1];
    uint32_t known = 0;
    while (known < n && strcmp(keys[known], found->key) != 0) known++;
    if (known < n) continue;
    buffer message = {0};
    buffer_format(&message, "unknown key \"%s\"", found->key);
    report(mock, host, table, NULL, (outrider_bytes){message.bytes, message.size});
    free(message.bytes);
    status = OUTRIDER_E_INVALID;
  }
  return status;
}

const outrider_config mock_config_table = {.size = sizeof mock_config_table,
                                           .find = find,
                                           .type = type,
                                           .count = count,
                                           .at = at,
                                           .key = key,
                                           .text = text,
                                           .integer = integer,
                                           .number = number_of,
                                           .date = read_date,
                                           .folder = folder,
                                           .error = error,
                                           .expect = expect};
