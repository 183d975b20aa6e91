/* report.c: the log and misuse, in the words of the server. */
#include "mock.h"

#include <stdarg.h>
#include <stdio.h>

static const char *name_of(outrider_status status) {
  switch (status) {
  case OUTRIDER_OK: return "OUTRIDER_OK";
  case OUTRIDER_SKIPPED: return "OUTRIDER_SKIPPED";
  case OUTRIDER_PAUSE: return "OUTRIDER_PAUSE";
  case OUTRIDER_E_STATE: return "OUTRIDER_E_STATE";
  case OUTRIDER_E_INVALID: return "OUTRIDER_E_INVALID";
  case OUTRIDER_E_CLOSED: return "OUTRIDER_E_CLOSED";
  case OUTRIDER_E_CANCELLED: return "OUTRIDER_E_CANCELLED";
  case OUTRIDER_E_UNSUPPORTED: return "OUTRIDER_E_UNSUPPORTED";
  case OUTRIDER_E_LIMIT: return "OUTRIDER_E_LIMIT";
  case OUTRIDER_E_AGAIN: return "OUTRIDER_E_AGAIN";
  case OUTRIDER_E_THREAD: return "OUTRIDER_E_THREAD";
  case OUTRIDER_E_IO: return "OUTRIDER_E_IO";
  case OUTRIDER_E_FAILED: return "OUTRIDER_E_FAILED";
  default: return "?";
  }
}

bool status_is_misuse(outrider_status status) {
  return status == OUTRIDER_E_STATE || status == OUTRIDER_E_INVALID || status == OUTRIDER_E_UNSUPPORTED ||
         status == OUTRIDER_E_LIMIT || status == OUTRIDER_E_THREAD;
}

outrider_status refuse(outrider_mock_exchange *exchange, outrider_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (status_is_misuse(status)) {
    vsnprintf(exchange->rule, sizeof exchange->rule, format, arguments);
    exchange->rule_status = status;
  }
  va_end(arguments);
  return status;
}

static const char *usual_rule(outrider_status status) {
  switch (status) {
  case OUTRIDER_E_THREAD: return "another thread runs the handler, or is inside a call on this exchange";
  case OUTRIDER_E_UNSUPPORTED: return "this style or version has no such call";
  case OUTRIDER_E_STATE: return "not in this state of the exchange";
  default: return NULL;
  }
}

static void add(line **lines, size_t *n, uint32_t level, char *text) {
  *lines = mock_grow(*lines, (*n + 1) * sizeof **lines);
  (*lines)[(*n)++] = (line){level, text};
}

void note_misuse(outrider_mock *mock, outrider_mock_exchange *exchange, const char *call, outrider_status status,
                 const char *rule) {
  buffer text = {0};
  mock_lock(mock);
  if (exchange && exchange->rule[0] && exchange->rule_status == status) rule = exchange->rule;
  if (!rule) rule = usual_rule(status);
  buffer_format(&text, "%s refused: %s", call, name_of(status));
  if (rule) buffer_format(&text, ": %s", rule);
  if (mock->settings.aborts_on_misuse) {
    fprintf(stderr, "outrider-testing: plugin %s: %s\n", mock->plugin.name ? mock->plugin.name : "?", text.bytes);
    abort();
  }
  if (exchange) exchange->rule[0] = 0;
  add(&mock->misuses, &mock->n_misuses, OUTRIDER_LOG_WARNING, text.bytes);
  mock_unlock(mock);
}

void mock_log(outrider_mock *mock, uint32_t level, const char *text, size_t size) {
  enum { LONGEST = 4096 };
  if (level < OUTRIDER_LOG_DEBUG || level > OUTRIDER_LOG_CRITICAL) level = OUTRIDER_LOG_ERROR;
  mock_lock(mock);
  add(&mock->log, &mock->n_log, level, mock_copy(text, size > LONGEST ? LONGEST : size));
  mock_unlock(mock);
}

static size_t number_of(const outrider_mock *mock, const size_t *n) {
  mock_lock(mock);
  const size_t number = *n;
  mock_unlock(mock);
  return number;
}

static const char *line_at(const outrider_mock *mock, line *const *lines, const size_t *n, size_t index, uint32_t *level) {
  mock_lock(mock);
  const line found = index < *n ? (*lines)[index] : (line){0, ""};
  mock_unlock(mock);
  if (level) *level = found.level;
  return found.text;
}

size_t outrider_mock_misuses(const outrider_mock *mock) { return number_of(mock, &mock->n_misuses); }

const char *outrider_mock_misuse(const outrider_mock *mock, size_t index) {
  return line_at(mock, &mock->misuses, &mock->n_misuses, index, NULL);
}

size_t outrider_mock_log_lines(const outrider_mock *mock) { return number_of(mock, &mock->n_log); }

const char *outrider_mock_log_line(const outrider_mock *mock, size_t index, uint32_t *level) {
  return line_at(mock, &mock->log, &mock->n_log, index, level);
}
