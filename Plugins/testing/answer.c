/* answer.c: writes the parts of a response. Each part is validated first; a refused part changes nothing. */
#include "mock.h"

#include <inttypes.h>
#include <stdio.h>

static bool takes_copy(const lease *lease) { return !lease || !lease->release; }

/* Whether there is room to copy that many bytes. A blocking caller waits instead. */
static outrider_status reserve(outrider_mock_exchange *exchange, size_t bytes) {
  const size_t limit = exchange->mock->settings.output_limit;
  if (exchange->is_blocking) return OUTRIDER_OK;
  if (bytes > limit) return OUTRIDER_E_LIMIT;
  if (exchange->queued + bytes <= limit) return OUTRIDER_OK;
  exchange->resume_due = true;
  exchange->refused_bytes = bytes;
  return OUTRIDER_E_AGAIN;
}

/* After a part of the response has been queued. */
static outrider_status sent(outrider_mock_exchange *exchange) {
  if (exchange->is_blocking) return output_drain(exchange);
  mock_announce(exchange->mock);
  if (exchange->state.phase == COMPLETE || exchange->queued <= exchange->mock->settings.output_limit / 2) return OUTRIDER_OK;
  exchange->resume_due = true;
  exchange->refused_bytes = 0;
  return OUTRIDER_PAUSE;
}

static void write_fields(buffer *text, const outrider_field *fields, size_t n) {
  for (size_t i = 0; i < n; i++) {
    buffer_append(text, fields[i].name.data, fields[i].name.size);
    buffer_text(text, ": ");
    buffer_append(text, fields[i].value.data, fields[i].value.size);
    buffer_text(text, "\r\n");
  }
}

static void queue_text(outrider_mock_exchange *exchange, buffer *text) {
  output_text(exchange, text->bytes, text->size, false, NULL, 0);
  free(text->bytes);
}

outrider_status answer_informational(outrider_mock_exchange *exchange, uint32_t status, const outrider_field *fields,
                                     size_t n) {
  outrider_status why = exchange_refusal(exchange);
  char objection[256];
  size_t bytes;
  if (why) return why;
  if (!fields_are_an_array(fields, n))
    return refuse(exchange, OUTRIDER_E_INVALID, "fields is NULL, or their number %zd is not 0 to 1024", (ssize_t)n);
  const response_state before = exchange->state;
  const outrider_status outcome = state_informational(&exchange->state, status, fields, n);
  switch (outcome) {
  case OUTRIDER_OK: break;
  case OUTRIDER_E_STATE: return refuse(exchange, outcome, "the final head is out already");
  case OUTRIDER_E_LIMIT:
    if (state_hint_limit(&before, fields, n, &bytes) == HINT_TOO_MANY)
      return refuse(exchange, outcome, "one more than early_hints.max_per_request, %zu", before.max_hints);
    return refuse(exchange, outcome, "its fields take %zu bytes, and early_hints.max_bytes is %zu", bytes,
                  before.max_hint_bytes);
  case OUTRIDER_E_INVALID:
    if (status < 102 || status > 199) return refuse(exchange, outcome, "status %" PRIu32 " is not 102 to 199", status);
    describe_fields(fields, n, SECTION_INFORMATIONAL, objection, sizeof objection);
    return refuse(exchange, outcome, "%s", objection);
  default: return outcome;
  }
  /* A hint is useless behind output that already waits. */
  if (exchange->queued > exchange->mock->settings.output_limit / 2) {
    exchange->state = before;
    exchange->state.hints_sent++;
    return OUTRIDER_SKIPPED;
  }
  exchange->informational =
      mock_grow(exchange->informational, (exchange->n_informational + 1) * sizeof *exchange->informational);
  exchange->informational[exchange->n_informational++] = section_copy(status, fields, n);
  buffer text = {0};
  buffer_format(&text, "HTTP/1.1 %" PRIu32 " \r\n", status);
  write_fields(&text, fields, n);
  buffer_text(&text, "\r\n");
  queue_text(exchange, &text);
  return sent(exchange);
}

/* Writes the framing fields that the server adds to the head. */
static void write_framing(outrider_mock_exchange *exchange, buffer *text, uint32_t status, const verdict *verdict,
                          int64_t whole) {
  char length[32];
  const response_state *state = &exchange->state;
  if (verdict->content_length >= 0 || status == 204 || status == 304) return;
  if (status == 205 || whole >= 0) {
    snprintf(length, sizeof length, "%" PRId64, status == 205 ? 0 : whole);
    buffer_format(text, "Content-Length: %s\r\n", length);
    section *final = &exchange->final;
    final->fields = mock_grow(final->fields, (final->n + 1) * sizeof *final->fields);
    const outrider_bytes name = outrider_text("content-length"), value = outrider_text(length);
    final->fields[final->n].name = (outrider_bytes){mock_copy(name.data, name.size), name.size};
    final->fields[final->n].value = (outrider_bytes){mock_copy(value.data, value.size), value.size};
    final->n++;
    return;
  }
  if (state->bounds == BOUND_ABSENT || state->version == OUTRIDER_HTTP_1_0) return;
  exchange->chunked_response = true;
  buffer_text(text, "Transfer-Encoding: chunked\r\n");
}

static outrider_status refuse_head(outrider_mock_exchange *exchange, outrider_status outcome, uint32_t status,
                                   const outrider_field *fields, size_t n, int64_t whole, const verdict *verdict) {
  char objection[256];
  if (outcome == OUTRIDER_E_STATE) return refuse(exchange, outcome, "a final head has been sent already");
  if (status < 200 || status > 999) return refuse(exchange, outcome, "status %" PRIu32 " is not 200 to 999", status);
  describe_fields(fields, n, SECTION_FINAL, objection, sizeof objection);
  if (objection[0]) return refuse(exchange, outcome, "%s", objection);
  if (status_is_bodiless(status) && whole > 0)
    return refuse(exchange, outcome, "status %" PRIu32 " has no content, and there are %" PRId64 " bytes", status, whole);
  if (status == 204) return refuse(exchange, outcome, "status 204 has no content-length (RFC 9110 section 8.6)");
  if (status == 205) return refuse(exchange, outcome, "status 205 has no content-length but 0 (RFC 9110 section 15.3.6)");
  return refuse(exchange, outcome, "content-length is %" PRId64 ", and the content has %" PRId64 " bytes",
                verdict->content_length, whole);
}

outrider_status answer_head(outrider_mock_exchange *exchange, uint32_t status, const outrider_field *fields, size_t n,
                            const outrider_bytes *whole, const lease *lease, uint64_t tag, bool trailers_follow) {
  verdict verdict;
  const outrider_status why = exchange_refusal(exchange);
  const int64_t length = whole ? (int64_t)whole->size : -1;
  if (why) return why;
  if (!fields_are_an_array(fields, n))
    return refuse(exchange, OUTRIDER_E_INVALID, "fields is NULL, or their number %zd is not 0 to 1024", (ssize_t)n);
  const outrider_status outcome = state_judge_head(&exchange->state, status, fields, n, length, &verdict);
  if (outcome != OUTRIDER_OK) return refuse_head(exchange, outcome, status, fields, n, length, &verdict);
  size_t copied = verdict.bytes;
  if (whole && takes_copy(lease) && __builtin_add_overflow(copied, whole->size, &copied)) copied = SIZE_MAX;
  const outrider_status room = reserve(exchange, copied);
  if (room < 0) return refuse(exchange, room, "%zu bytes to be copied, more than limits.output", copied);
  state_take_head(&exchange->state, status, &verdict, length, trailers_follow);
  exchange->has_head = true;
  exchange->final = section_copy(status, fields, n);
  buffer text = {0};
  buffer_format(&text, "HTTP/1.1 %" PRIu32 " \r\n", status);
  write_fields(&text, fields, n);
  write_framing(exchange, &text, status, &verdict, length);
  buffer_text(&text, "\r\n");
  queue_text(exchange, &text);
  if (whole) {
    const bool is_absent = exchange->state.bounds == BOUND_ABSENT;
    output_text(exchange, whole->data, is_absent ? 0 : whole->size, true, lease, tag);
  } else if (exchange->is_blocking) {
    return OUTRIDER_OK; /* held until the first byte of the body */
  }
  return sent(exchange);
}

/* The response is shorter than announced. */
static outrider_status cut_short(outrider_mock_exchange *exchange, int64_t due) {
  if (due > 0)
    refuse(exchange, OUTRIDER_E_INVALID, "the response ends %" PRId64 " bytes before its content-length", due);
  else
    refuse(exchange, OUTRIDER_E_INVALID, "the response ends too early");
  answer_cut(exchange);
  return OUTRIDER_E_INVALID;
}

void answer_cut(outrider_mock_exchange *exchange) {
  exchange->state.phase = COMPLETE;
  exchange->is_cut = true;
  if (exchange->is_blocking)
    output_drain(exchange);
  else
    mock_announce(exchange->mock);
}

/* Advances the body by `count` bytes. Negative: refused; SKIPPED: to be dropped. */
static outrider_status step(outrider_mock_exchange *exchange, uint64_t count, size_t copied) {
  const response_state before = exchange->state;
  const outrider_status outcome = state_body(&exchange->state, count);
  if (outcome < 0) {
    if (before.phase == AWAITING_HEAD) return refuse(exchange, outcome, "content before the final head");
    if (before.phase == COMPLETE) return refuse(exchange, outcome, "content after the end of the response");
    if (before.bounds == BOUND_REMAINING)
      return refuse(exchange, outcome, "%" PRIu64 " bytes of content, and of content-length %" PRId64 " are left", count,
                    before.due);
    return refuse(exchange, outcome, "content where trailers are due");
  }
  if (outcome == OUTRIDER_OK) {
    const outrider_status room = reserve(exchange, copied);
    if (room < 0) {
      exchange->state = before;
      return refuse(exchange, room, "%zu bytes to be copied, more than limits.output", copied);
    }
  }
  return outcome;
}

static void begin_chunk(outrider_mock_exchange *exchange, uint64_t size) {
  buffer text = {0};
  if (!exchange->chunked_response || size == 0) return;
  buffer_format(&text, "%" PRIx64 "\r\n", size);
  queue_text(exchange, &text);
}

static void end_chunk(outrider_mock_exchange *exchange, uint64_t size) {
  if (exchange->chunked_response && size > 0) output_text(exchange, "\r\n", 2, false, NULL, 0);
  if (exchange->chunked_response && exchange->state.phase == COMPLETE) output_text(exchange, "0\r\n\r\n", 5, false, NULL, 0);
}

/* SKIPPED and PAUSE: the status from the check, unless sending failed. */
static outrider_status result(outrider_status outcome, outrider_status sent) { return sent == OUTRIDER_OK ? outcome : sent; }

outrider_status answer_body(outrider_mock_exchange *exchange, const outrider_bytes *chunks, size_t n, size_t total,
                            const lease *lease, uint64_t tag, bool ends) {
  const outrider_status why = exchange_refusal(exchange);
  if (why) return why;
  const outrider_status outcome = step(exchange, total, takes_copy(lease) ? total : 0);
  if (outcome < 0) return outcome;
  const int64_t due = exchange->state.due;
  if (ends && state_end_body(&exchange->state) == OUTRIDER_E_INVALID) return cut_short(exchange, due);
  const size_t size = outcome == OUTRIDER_SKIPPED ? 0 : total;
  begin_chunk(exchange, size);
  for (size_t i = 0; i < n; i++) {
    const bool is_last = i == n - 1;
    output_text(exchange, chunks[i].data, size ? chunks[i].size : 0, true, is_last ? lease : NULL, is_last ? tag : 0);
  }
  end_chunk(exchange, size);
  return result(outcome, sent(exchange));
}

outrider_status answer_file(outrider_mock_exchange *exchange, int fd, uint64_t offset, uint64_t length, const lease *lease,
                            uint64_t tag, bool ends) {
  uint64_t end;
  const outrider_status why = exchange_refusal(exchange);
  if (why) return why;
  if (fd < 0 || __builtin_add_overflow(offset, length, &end) || end > INT64_MAX)
    return refuse(exchange, OUTRIDER_E_INVALID, "file %d, offset %" PRIu64 ", length %" PRIu64 ": no part of a file", fd,
                  offset, length);
  const outrider_status outcome = step(exchange, length, 0);
  if (outcome < 0) return outcome;
  const int64_t due = exchange->state.due;
  if (ends && state_end_body(&exchange->state) == OUTRIDER_E_INVALID) return cut_short(exchange, due);
  const uint64_t size = outcome == OUTRIDER_SKIPPED ? 0 : length;
  begin_chunk(exchange, size);
  if (size > 0)
    output_file(exchange, fd, offset, size, lease, tag);
  else
    output_text(exchange, NULL, 0, true, lease, tag);
  end_chunk(exchange, size);
  return result(outcome, sent(exchange));
}

outrider_status answer_trailers(outrider_mock_exchange *exchange, const outrider_field *fields, size_t n) {
  char objection[256];
  const outrider_status why = exchange_refusal(exchange);
  if (why) return why;
  if (!fields_are_an_array(fields, n))
    return refuse(exchange, OUTRIDER_E_INVALID, "fields is NULL, or their number %zd is not 0 to 1024", (ssize_t)n);
  const bool had_head = exchange->state.phase != AWAITING_HEAD;
  const int64_t due = exchange->state.bounds == BOUND_REMAINING ? exchange->state.due : 0;
  const outrider_status outcome = state_trailers(&exchange->state, fields, n, exchange->accepts_trailers);
  if (outcome == OUTRIDER_E_INVALID && exchange->state.is_cut_short) return cut_short(exchange, due);
  if (outcome < 0) {
    if (!had_head) return refuse(exchange, outcome, "trailers before the final head");
    describe_fields(fields, n, SECTION_TRAILERS, objection, sizeof objection);
    return refuse(exchange, outcome, "%s", objection[0] ? objection : "trailers after the end of the response");
  }
  buffer text = {0};
  if (outcome == OUTRIDER_OK) {
    exchange->sent_trailers = section_copy(0, fields, n);
    buffer_text(&text, "0\r\n");
    write_fields(&text, fields, n);
    buffer_text(&text, "\r\n");
  } else if (exchange->chunked_response) {
    buffer_text(&text, "0\r\n\r\n");
  }
  if (text.size) queue_text(exchange, &text);
  const outrider_status end = sent(exchange);
  return end < 0 ? end : outcome;
}

outrider_status answer_abort(outrider_mock_exchange *exchange, outrider_status reason) {
  const outrider_status why = exchange_refusal(exchange);
  if (why) return why;
  if (reason > 0) return refuse(exchange, OUTRIDER_E_INVALID, "reason %" PRId32 " is positive", reason);
  if (exchange->state.phase == COMPLETE) return refuse(exchange, OUTRIDER_E_STATE, "the response has ended already");
  if (exchange->state.phase != AWAITING_HEAD) {
    answer_cut(exchange);
    return OUTRIDER_OK;
  }
  exchange->state.phase = COMPLETE;
  if (reason == 0)
    exchange->is_unanswered = true;
  else
    exchange->page = reason == OUTRIDER_E_CANCELLED ? 504 : 500;
  mock_announce(exchange->mock);
  return OUTRIDER_OK;
}

void answer_finish(outrider_mock_exchange *exchange) {
  if (exchange->state.phase == COMPLETE) return;
  const outrider_status outcome = state_trailers(&exchange->state, NULL, 0, false);
  if (outcome < 0) {
    answer_cut(exchange);
    return;
  }
  if (exchange->chunked_response) output_text(exchange, "0\r\n\r\n", 5, false, NULL, 0);
  output_drain(exchange);
}

void answer_page(outrider_mock_exchange *exchange, uint32_t status) {
  const char *phrase = status == 413   ? "Content Too Large"
                       : status == 500 ? "Internal Server Error"
                       : status == 503 ? "Service Unavailable"
                                       : "Gateway Timeout";
  buffer page = {0}, head = {0};
  char length[16];
  buffer_format(&page, "%" PRIu32 " %s\n", status, phrase);
  snprintf(length, sizeof length, "%zu", page.size);
  const outrider_field fields[] = {outrider_field_of("Content-Type", "text/plain; charset=utf-8"),
                                   outrider_field_of("Content-Length", length)};
  section_free(&exchange->final);
  exchange->final = section_copy(status, fields, 2);
  exchange->has_head = true;
  exchange->ending = OUTRIDER_MOCK_PAGE;
  buffer_format(&head, "HTTP/1.1 %" PRIu32 " \r\n", status);
  write_fields(&head, fields, 2);
  buffer_text(&head, "\r\n");
  queue_text(exchange, &head);
  if (!exchange->state.is_head) output_text(exchange, page.bytes, page.size, true, NULL, 0);
  free(page.bytes);
}
