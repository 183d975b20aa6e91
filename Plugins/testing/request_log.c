/* request_log.c: outrider.log/1. */
#define _GNU_SOURCE
#include "extensions.h"

bool name_is_a_key(const char *name, size_t most) {
  const size_t size = name ? strlen(name) : 0;
  return size > 0 && size <= most &&
         strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == size;
}

/* All that is logged is kept. */
static int32_t enabled(const outrider_host *host, uint32_t level) {
  (void)host;
  return level >= OUTRIDER_LOG_DEBUG;
}

static outrider_status set_note(outrider_mock_exchange *exchange, const char *key, outrider_bytes value) {
  if (!name_is_a_key(key, OUTRIDER_LOG_MAX_KEY) || !bytes_are_well_formed(value))
    return refuse(exchange, OUTRIDER_E_INVALID, "the key or the value");
  size_t at = 0;
  while (at < exchange->n_notes && strcmp(exchange->notes[at].key, key) != 0) at++;
  if (at == exchange->n_notes) {
    if (value.size == 0) return OUTRIDER_OK;
    if (at == OUTRIDER_LOG_MAX_NOTES) return refuse(exchange, OUTRIDER_E_LIMIT, "a request has at most 16 notes");
    exchange->notes = mock_grow(exchange->notes, (at + 1) * sizeof *exchange->notes);
    exchange->notes[exchange->n_notes++] = (struct note){mock_copy(key, strlen(key)), NULL, 0};
  }
  free(exchange->notes[at].value);
  exchange->notes[at].size = value.size < OUTRIDER_LOG_MAX_VALUE ? value.size : OUTRIDER_LOG_MAX_VALUE;
  exchange->notes[at].value = mock_copy(value.data, exchange->notes[at].size);
  if (value.size == 0) {
    free(exchange->notes[at].key);
    free(exchange->notes[at].value);
    exchange->notes[at] = exchange->notes[--exchange->n_notes];
  }
  return OUTRIDER_OK;
}

static outrider_status note(const outrider_host *host, outrider_exchange handle, const char *key, outrider_bytes value) {
  outrider_mock *mock = mock_of_host(host);
  outrider_status status;
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  mock_lock(mock);
  outrider_mock_exchange *exchange = mock_find(mock, handle);
  if (!exchange)
    status = OUTRIDER_E_CLOSED;
  else if (exchange->is_blocking && !exchange_is_mine(exchange))
    status = exchange->in_handler ? OUTRIDER_E_THREAD : OUTRIDER_E_CLOSED;
  else
    status = set_note(exchange, key, value);
  if (status_is_misuse(status)) note_misuse(mock, exchange, "log.note", status, NULL);
  mock_unlock(mock);
  return status;
}

static int digit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Whether they are hexadecimal digits, and not all 0 if they are an id. The bytes that they stand for. */
static bool read_digits(const char *digits, size_t n, uint8_t *bytes, bool is_id) {
  bool is_zero = true;
  for (size_t i = 0; i < n; i++) {
    if (digit(digits[2 * i]) < 0 || digit(digits[2 * i + 1]) < 0) return false;
    bytes[i] = (uint8_t)(digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]));
    is_zero = is_zero && bytes[i] == 0;
  }
  return !is_id || !is_zero;
}

static bool read_trace(outrider_bytes value, outrider_trace *trace) {
  uint8_t version, flags;
  const char *text = value.data;
  if (value.size < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  if (!read_digits(text, 1, &version, false) || version == 0xFF) return false;
  if (value.size > 55 && (version == 0 || text[55] != '-')) return false;
  if (!read_digits(text + 3, 16, trace->trace_id, true) || !read_digits(text + 36, 8, trace->parent_id, true) ||
      !read_digits(text + 53, 1, &flags, false))
    return false;
  trace->version = version;
  trace->flags = flags;
  trace->trace_id_text = (outrider_bytes){text + 3, 32};
  trace->parent_id_text = (outrider_bytes){text + 36, 16};
  return true;
}

static outrider_status trace(const outrider_host *host, outrider_exchange handle, outrider_trace *trace) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  mock_lock(mock);
  outrider_mock_exchange *exchange = mock_find(mock, handle);
  outrider_status status = exchange ? OUTRIDER_OK : OUTRIDER_E_CLOSED;
  if (exchange && (!trace || trace->size < OUTRIDER_TRACE_SIZE_1_0)) {
    status = OUTRIDER_E_INVALID;
    note_misuse(mock, exchange, "log.trace", status, "trace is NULL, or its size is less than that of version 1");
  }
  if (status == OUTRIDER_OK) {
    outrider_trace found = {0};
    const outrider_field *field = NULL;
    size_t n = 0;
    for (size_t i = 0; i < exchange->fields.n; i++)
      if (bytes_equal_text(exchange->fields.fields[i].name, "traceparent")) field = &exchange->fields.fields[i], n++;
    found.present = n == 1 && read_trace(field->value, &found);
    if (!found.present) found = (outrider_trace){0};
    found.size = trace->size;
    memcpy(trace, &found, trace->size < sizeof found ? trace->size : sizeof found);
  }
  mock_unlock(mock);
  return status;
}

outrider_bytes outrider_mock_note(const outrider_mock_exchange *exchange, const char *key) {
  for (size_t i = 0; i < exchange->n_notes; i++)
    if (strcmp(exchange->notes[i].key, key) == 0) return (outrider_bytes){exchange->notes[i].value, exchange->notes[i].size};
  return (outrider_bytes){NULL, 0};
}

void notes_free(outrider_mock_exchange *exchange) {
  for (size_t i = 0; i < exchange->n_notes; i++) free(exchange->notes[i].key), free(exchange->notes[i].value);
  free(exchange->notes);
}

const outrider_log mock_log_table = {.size = sizeof mock_log_table, .enabled = enabled, .note = note, .trace = trace};
