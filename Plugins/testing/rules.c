/* rules.c: which fields may be sent, and in which order parts may follow. */
#include "mock.h"

#include <stdio.h>
#include <strings.h>

/* ---- Fields -------------------------------------------------------------------------------------------------------- */

enum { MOST_BYTES = 1 << 26 };

typedef enum {
  OTHER, BELONGS_TO_CONNECTION, CONTENT_LENGTH, TRAILER, FORBIDDEN_IN_TRAILERS
} known_field;

static bool begins_with(outrider_bytes bytes, const char *text) {
  const size_t size = strlen(text);
  return bytes.size >= size && strncasecmp(bytes.data, text, size) == 0;
}

static known_field known(outrider_bytes name) {
  static const char *const connection[] = {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding",
                                           "upgrade"};
  static const char *const forbidden[] = {"expect", "forwarded", "host", "via", "x-request-id"};
  for (size_t i = 0; i < sizeof connection / sizeof *connection; i++)
    if (bytes_equal_text(name, connection[i])) return BELONGS_TO_CONNECTION;
  for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
    if (bytes_equal_text(name, forbidden[i])) return FORBIDDEN_IN_TRAILERS;
  if (bytes_equal_text(name, "content-length")) return CONTENT_LENGTH;
  if (bytes_equal_text(name, "trailer")) return TRAILER;
  return begins_with(name, "x-forwarded-") && name.size > 12 ? FORBIDDEN_IN_TRAILERS : OTHER;
}

static bool is_token(outrider_bytes name) {
  if (!name.data || name.size == 0) return false;
  for (size_t i = 0; i < name.size; i++) {
    const char c = name.data[i];
    const bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!is_alphanumeric && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c))) return false;
  }
  return true;
}

static bool is_value(outrider_bytes value) {
  if (value.size == 0) return true;
  if (!value.data) return false;
  const unsigned char *bytes = (const unsigned char *)value.data;
  if (bytes[0] <= ' ' || bytes[value.size - 1] <= ' ') return false;
  for (size_t i = 0; i < value.size; i++)
    if ((bytes[i] < ' ' && bytes[i] != '\t') || bytes[i] == 0x7F) return false;
  return true;
}

/* -1 if it is not a number. */
static int64_t length_of(outrider_bytes text) {
  int64_t length = 0;
  if (text.size == 0 || text.size > 19) return -1;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return -1;
    if (__builtin_mul_overflow(length, 10, &length) || __builtin_add_overflow(length, text.data[i] - '0', &length)) return -1;
  }
  return length;
}

static bool is_accepted(known_field known, outrider_bytes value, section_kind kind, verdict *verdict) {
  switch (known) {
  case OTHER: return true;
  case BELONGS_TO_CONNECTION: return false;
  case FORBIDDEN_IN_TRAILERS: return kind != SECTION_TRAILERS;
  case TRAILER: return kind == SECTION_FINAL;
  case CONTENT_LENGTH: {
    if (kind != SECTION_FINAL || verdict->content_length >= 0) return false;
    const int64_t length = length_of(value);
    if (length < 0) return false;
    verdict->content_length = length;
    return true;
  }
  }
  return false;
}

bool check_fields(const outrider_field *fields, size_t n, section_kind kind, verdict *verdict) {
  *verdict = (struct verdict){0, -1};
  for (size_t i = 0; i < n; i++) {
    const outrider_bytes name = fields[i].name, value = fields[i].value;
    if (!bytes_are_well_formed(name) || !bytes_are_well_formed(value)) return false;
    if (!is_token(name) || !is_value(value)) return false;
    if (name.size > MOST_BYTES || value.size > MOST_BYTES) return false;
    verdict->bytes += name.size + value.size;
    if (verdict->bytes > MOST_BYTES) return false;
    if (!is_accepted(known(name), value, kind, verdict)) return false;
  }
  return true;
}

static const char *objection(outrider_field field, section_kind kind, bool has_length, char *text, size_t size) {
  verdict verdict;
  if (!bytes_are_well_formed(field.name) || !bytes_are_well_formed(field.value))
    return "has NULL for bytes that it counts, or a negative size";
  if (field.name.size == 0) return "has no name";
  const known_field what = is_token(field.name) ? known(field.name) : OTHER;
  if (what == CONTENT_LENGTH && has_length && kind == SECTION_FINAL) return "is there twice";
  if (check_fields(&field, 1, kind, &verdict)) return NULL;
  if (!is_token(field.name)) return "has a name that is not a token (RFC 9110 section 5.1)";
  if (what == BELONGS_TO_CONNECTION) return "belongs to the connection, which is the server's";
  if (what == CONTENT_LENGTH && kind == SECTION_FINAL) {
    const int shown = field.value.size > 32 ? 32 : (int)field.value.size;
    snprintf(text, size, "is not a number of bytes: \"%.*s\"", shown, field.value.data ? field.value.data : "");
    return text;
  }
  if (kind == SECTION_INFORMATIONAL && (what == CONTENT_LENGTH || what == TRAILER))
    return "has no place in an informational response";
  if (kind == SECTION_TRAILERS && what != OTHER) return "must not come in trailers (RFC 9110 section 6.5.1)";
  return "has a control character in its value, or white space at an end of it (RFC 9110 section 5.5)";
}

void describe_fields(const outrider_field *fields, size_t n, section_kind kind, char *rule, size_t size) {
  bool has_length = false;
  char text[96];
  for (size_t i = 0; i < n; i++) {
    const char *why = objection(fields[i], kind, has_length, text, sizeof text);
    const outrider_bytes name = fields[i].name;
    if (why && !bytes_are_well_formed(name)) {
      snprintf(rule, size, "field %zu ? %s", i, why);
      return;
    }
    if (why) {
      snprintf(rule, size, "field %zu \"%.*s\" %s", i, name.size > 64 ? 64 : (int)name.size, name.data ? name.data : "", why);
      return;
    }
    has_length = has_length || bytes_equal_text(name, "content-length");
  }
  verdict verdict;
  snprintf(rule, size, "%s", check_fields(fields, n, kind, &verdict) ? "" : "the fields are longer than 64 MiB together");
}

bool fields_are_an_array(const outrider_field *fields, size_t n) { return n == 0 || (fields && n <= MOST_FIELDS); }

/* ---- The response ---------------------------------------------------------------------------------------------------- */

bool status_is_bodiless(uint32_t status) { return status == 204 || status == 205 || status == 304; }

outrider_status state_informational(response_state *state, uint32_t status, const outrider_field *fields, size_t n) {
  verdict verdict;
  size_t bytes;
  if (state->phase != AWAITING_HEAD) return OUTRIDER_E_STATE;
  if (status < 102 || status > 199) return OUTRIDER_E_INVALID;
  if (!check_fields(fields, n, SECTION_INFORMATIONAL, &verdict)) return OUTRIDER_E_INVALID;
  if (n == 0 || !state->hints_allowed) return OUTRIDER_SKIPPED;
  if (state_hint_limit(state, fields, n, &bytes) != HINT_FITS) return OUTRIDER_E_LIMIT;
  state->hints_sent++;
  return OUTRIDER_OK;
}

hint_limit state_hint_limit(const response_state *state, const outrider_field *fields, size_t n, size_t *bytes) {
  verdict verdict;
  check_fields(fields, n, SECTION_INFORMATIONAL, &verdict);
  *bytes = verdict.bytes + 4 * n; /* ": " and CR LF */
  if (state->hints_sent >= state->max_hints) return HINT_TOO_MANY;
  return *bytes > state->max_hint_bytes ? HINT_TOO_LARGE : HINT_FITS;
}

outrider_status state_judge_head(const response_state *state, uint32_t status, const outrider_field *fields, size_t n,
                                 int64_t whole, verdict *verdict) {
  if (state->phase != AWAITING_HEAD) return OUTRIDER_E_STATE;
  if (status < 200 || status > 999) return OUTRIDER_E_INVALID;
  if (!check_fields(fields, n, SECTION_FINAL, verdict)) return OUTRIDER_E_INVALID;
  const int64_t said = verdict->content_length;
  if (status_is_bodiless(status)) {
    if (whole > 0) return OUTRIDER_E_INVALID;
    if (status == 204 && said >= 0) return OUTRIDER_E_INVALID;
    return status == 205 && said > 0 ? OUTRIDER_E_INVALID : OUTRIDER_OK;
  }
  /* The response to HEAD may announce the length of the content that is not sent. */
  if (whole >= 0 && said >= 0 && said != whole && !(state->is_head && whole == 0)) return OUTRIDER_E_INVALID;
  return OUTRIDER_OK;
}

void state_take_head(response_state *state, uint32_t status, const verdict *verdict, int64_t whole, bool trailers_follow) {
  const int64_t length = whole >= 0 ? whole : verdict->content_length;
  if (state->is_head || status_is_bodiless(status)) {
    state->bounds = BOUND_ABSENT;
  } else {
    state->bounds = length >= 0 ? BOUND_REMAINING : BOUND_OPEN;
    state->due = length;
  }
  state->trailers_announced = trailers_follow;
  state->phase = whole >= 0 ? COMPLETE : BODY;
}

outrider_status state_body(response_state *state, uint64_t count) {
  if (state->phase != BODY) return OUTRIDER_E_STATE;
  if (state->bounds == BOUND_ABSENT) return OUTRIDER_SKIPPED;
  if (state->bounds == BOUND_OPEN) return OUTRIDER_OK;
  if (count > (uint64_t)state->due) return OUTRIDER_E_INVALID;
  state->due -= (int64_t)count;
  return OUTRIDER_OK;
}

static bool may_end(const response_state *state) { return state->bounds != BOUND_REMAINING || state->due == 0; }

outrider_status state_end_body(response_state *state) {
  if (state->phase != BODY) return OUTRIDER_E_STATE;
  if (!may_end(state)) {
    state->phase = COMPLETE;
    return OUTRIDER_E_INVALID;
  }
  state->phase = state->trailers_announced ? TRAILERS_DUE : COMPLETE;
  return OUTRIDER_OK;
}

outrider_status state_trailers(response_state *state, const outrider_field *fields, size_t n, bool accepted) {
  verdict verdict;
  if (state->phase != TRAILERS_DUE && state->phase != BODY) return OUTRIDER_E_STATE;
  if (!check_fields(fields, n, SECTION_TRAILERS, &verdict)) return OUTRIDER_E_INVALID;
  const bool ends_short = !may_end(state);
  state->phase = COMPLETE;
  if (ends_short) {
    state->is_cut_short = true;
    return OUTRIDER_E_INVALID;
  }
  const bool may_carry = state->version == OUTRIDER_HTTP_2     ? state->bounds != BOUND_ABSENT
                         : state->version == OUTRIDER_HTTP_1_1 ? state->bounds == BOUND_OPEN
                                                               : false;
  return accepted && may_carry && n > 0 ? OUTRIDER_OK : OUTRIDER_SKIPPED;
}
