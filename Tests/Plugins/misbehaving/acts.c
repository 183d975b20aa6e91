/* acts.c: one deed each, in the style of the visit; and the report of what came of them. */
#include "misbehaving.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- Acts ------------------------------------------------------------------------------------------------------ */

static outrider_status send_head(visit *visit, uint32_t type, uint32_t status, uint32_t flags,
                                 const outrider_field *fields, size_t n) {
  const outrider_head_event event = {
      .size = sizeof event, .type = type, .status = status, .flags = flags, .fields = fields, .n_fields = n};
  return visit->host->send(visit->host, visit->exchange, (const outrider_event *)&event);
}

outrider_status act_hint(visit *visit, uint32_t status, const outrider_field *fields, size_t n) {
  if (visit->io) return visit->io->informational(visit->io, visit->exchange, status, fields, n);
  return send_head(visit, OUTRIDER_EVENT_INFORMATIONAL, status, 0, fields, n);
}

outrider_status act_respond(visit *visit, uint32_t status, const outrider_field *fields, size_t n,
                            outrider_bytes body) {
  if (visit->io) return visit->io->respond(visit->io, visit->exchange, status, fields, n, body);
  return outrider_send_response(visit->host, visit->exchange, status, fields, n, body);
}

outrider_status act_start(visit *visit, uint32_t status, const outrider_field *fields, size_t n, uint32_t flags) {
  if (visit->io) return visit->io->start(visit->io, visit->exchange, status, fields, n);
  return send_head(visit, OUTRIDER_EVENT_START, status, flags, fields, n);
}

outrider_status act_write(visit *visit, outrider_bytes bytes) {
  if (visit->io) return visit->io->write(visit->io, visit->exchange, &bytes, 1);
  return outrider_send_body(visit->host, visit->exchange, bytes, 1);
}

outrider_status act_end(visit *visit) {
  if (visit->io) return OUTRIDER_OK;
  return outrider_send_body(visit->host, visit->exchange, (outrider_bytes){NULL, 0}, 0);
}

outrider_status act_trailers(visit *visit, const outrider_field *fields, size_t n) {
  if (visit->io) return visit->io->trailers(visit->io, visit->exchange, fields, n);
  return send_head(visit, OUTRIDER_EVENT_TRAILERS, 0, 0, fields, n);
}

outrider_status act_abort(visit *visit) {
  const outrider_notice_event event = {.size = sizeof event, .type = OUTRIDER_EVENT_ABORT};
  return visit->host->send(visit->host, visit->exchange, (const outrider_event *)&event);
}

outrider_status act_send_body(visit *visit, outrider_bytes bytes, uint32_t more, uint64_t tag) {
  const outrider_body_event event = {
      .size = sizeof event, .type = OUTRIDER_EVENT_BODY, .tag = tag, .bytes = bytes, .more = more};
  return visit->host->send(visit->host, visit->exchange, (const outrider_event *)&event);
}

/* ---- The report ------------------------------------------------------------------------------------------------ */

void report_text(visit *visit, const char *name, const char *value) {
  size_t room = sizeof visit->report - visit->report_size;
  int size = snprintf(visit->report + visit->report_size, room, "%s=%s\n", name, value);
  if ((size_t)size < room) visit->report_size += (size_t)size;
}

void report(visit *visit, const char *prefix, const char *name, int64_t status) {
  char full[128], value[24];
  snprintf(full, sizeof full, "%s%s%s", prefix ? prefix : "", prefix ? "." : "", name);
  snprintf(value, sizeof value, "%" PRId64, status);
  report_text(visit, full, value);
}

outrider_bytes report_bytes(const visit *visit) { return (outrider_bytes){visit->report, visit->report_size}; }

outrider_status report_log(visit *visit) {
  const char *line = visit->report, *end = visit->report + visit->report_size;
  while (line < end) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    outrider_bytes message = {line, (size_t)(newline - line)};
    visit->host->log(visit->host, visit->exchange, OUTRIDER_LOG_INFO, message);
    line = newline + 1;
  }
  return OUTRIDER_OK;
}

outrider_status report_answer(visit *visit) {
  static const outrider_field fields[] = {{TEXT("content-type"), TEXT("text/plain")}};
  if (act_respond(visit, 200, fields, COUNT(fields), report_bytes(visit)) < 0) report_log(visit);
  return OUTRIDER_OK;
}
