/* deadlines.c: handlers that meet a deadline, or a client that leaves, and log why their answer is not wanted any more;
 * and single calls from a thread that is not the request's. */
#define _POSIX_C_SOURCE 200809L
#include "misbehaving.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define PATIENCE 20000 /* milliseconds after which a handler that waits for its end gives up */

static int64_t milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_for(int64_t duration) {
  nanosleep(&(struct timespec){.tv_sec = duration / 1000, .tv_nsec = duration % 1000 * 1000000}, NULL);
}

/* The query as a number. */
static int64_t query_number(const visit *visit, int64_t fallback) {
  char text[16];
  snprintf(text, sizeof text, "%.*s", (int)visit->head->query.size, visit->head->query.data);
  return *text ? strtoll(text, NULL, 10) : fallback;
}

/* Logged where the handler begins: who has seen it may end the request, or leave. */
static void log_begun(visit *visit) {
  visit->host->log(visit->host, visit->exchange, OUTRIDER_LOG_INFO, outrider_text("begun=0"));
}

static outrider_status log_reason(visit *visit, int32_t reason) {
  report(visit, NULL, "cancelled", visit->host->cancelled(visit->host, visit->exchange));
  report(visit, NULL, "reason", reason);
  return report_log(visit);
}

static void log_disconnect(visit *visit, const outrider_event *event) {
  if (event->type == OUTRIDER_EVENT_DISCONNECT)
    log_reason(visit, ((const outrider_notice_event *)event)->reason);
}

static int32_t wait_for_end(visit *visit) {
  int64_t start = milliseconds(), now = start;
  int32_t why = 0;
  for (; !why && now < start + PATIENCE; now = milliseconds()) {
    sleep_for(5);
    why = visit->host->cancelled(visit->host, visit->exchange);
  }
  report(visit, NULL, "waited", now - start);
  return why;
}

/* ---- /unwanted, /oversleep ------------------------------------------------------------------------------------- */

/* Answers when nobody wants it any more. */
outrider_status unwanted(visit *visit) {
  visit->on_event = log_disconnect;
  log_begun(visit);
  if (!visit->io) return OUTRIDER_OK;
  int32_t why = wait_for_end(visit);
  report(visit, NULL, "respond", act_respond(visit, 200, NULL, 0, outrider_text("late\n")));
  return log_reason(visit, why);
}

static void answer_late(void *context, outrider_status why) {
  if (why == OUTRIDER_OK) act_respond(context, 200, NULL, 0, outrider_text("late\n"));
}

/* Answers after so many milliseconds, without a look at anything. */
outrider_status oversleep(visit *visit) {
  int64_t duration = query_number(visit, 1000);
  visit->on_event = log_disconnect;
  log_begun(visit);
  if (!visit->io)
    return visit->host->after(visit->host, visit->exchange, (uint64_t)duration * 1000000, answer_late, visit, NULL);
  sleep_for(duration);
  outrider_status status = act_respond(visit, 200, NULL, 0, outrider_text("late\n"));
  report(visit, NULL, "respond", status);
  log_reason(visit, status);
  return status;
}

/* ---- /part, /part-of-length ------------------------------------------------------------------------------------ */

/* Begins an answer, waits for its end, and takes it for whole. */
static outrider_status answer_part(visit *visit, const outrider_field *fields, size_t n) {
  visit->on_event = log_disconnect;
  outrider_status status = act_start(visit, 200, fields, n, 0);
  if (status >= 0) status = act_write(visit, outrider_text("part\n"));
  if (status < 0 || !visit->io) return status;
  int32_t why = wait_for_end(visit);
  report(visit, NULL, "write", act_write(visit, outrider_text("more\n")));
  return log_reason(visit, why);
}

outrider_status part(visit *visit) { return answer_part(visit, NULL, 0); }

outrider_status part_of_length(visit *visit) {
  static const outrider_field length = {TEXT("content-length"), TEXT("10")};
  return answer_part(visit, &length, 1);
}

/* ---- /body ----------------------------------------------------------------------------------------------------- */

static void take_body(visit *visit, const outrider_event *event) {
  const outrider_body_event *request = (const outrider_body_event *)event;
  log_disconnect(visit, event);
  if (event->type != OUTRIDER_EVENT_REQUEST) return;
  if (request->more)
    visit->host->receive(visit->host, visit->exchange, 1);
  else
    act_respond(visit, 200, NULL, 0, outrider_text("read\n"));
}

/* Not wrong: reads the body to its end. */
outrider_status body(visit *visit) {
  visit->on_event = take_body;
  if (!visit->io) return visit->host->receive(visit->host, visit->exchange, 1);
  char buffer[4096];
  size_t got = 0;
  outrider_status status;
  while ((status = visit->io->read(visit->io, visit->exchange, buffer, sizeof buffer, &got)) >= 0 && got > 0) continue;
  if (status >= 0) return act_respond(visit, 200, NULL, 0, outrider_text("read\n"));
  log_reason(visit, status);
  return status;
}

/* ---- /endless -------------------------------------------------------------------------------------------------- */

#define ENDLESS_PIECES 1024

static const char endless_piece[65536];

/* Up to 64 MiB: as much as the host takes. */
static outrider_status pour(visit *visit) {
  const outrider_bytes piece = {endless_piece, sizeof endless_piece};
  int32_t *poured = visit->extra;
  outrider_status status = OUTRIDER_OK;
  while (*poured < ENDLESS_PIECES && status >= 0 && status != OUTRIDER_PAUSE) {
    status = act_write(visit, piece);
    *poured += status >= 0;
  }
  return *poured < ENDLESS_PIECES ? status : act_end(visit);
}

static void pour_on(visit *visit, const outrider_event *event) {
  log_disconnect(visit, event);
  if (event->type == OUTRIDER_EVENT_RESUME) pour(visit);
}

outrider_status endless(visit *visit) {
  visit->extra = calloc(1, sizeof(int32_t));
  if (!visit->extra) return OUTRIDER_E_LIMIT;
  visit->on_event = pour_on;
  act_start(visit, 200, NULL, 0, 0);
  outrider_status status = pour(visit);
  return visit->io ? log_reason(visit, status) : OUTRIDER_OK;
}

/* ---- /outside -------------------------------------------------------------------------------------------------- */

static outrider_status outside_read(visit *visit) {
  char byte;
  size_t got;
  return visit->io->read(visit->io, visit->exchange, &byte, 1, &got);
}

static outrider_status outside_request_trailers(visit *visit) {
  const outrider_field *fields;
  size_t n;
  return visit->io->request_trailers(visit->io, visit->exchange, &fields, &n);
}

static const outrider_field plain = {TEXT("x-outside"), TEXT("1")};

static outrider_status outside_informational(visit *visit) { return act_hint(visit, 103, &plain, 1); }
static outrider_status outside_respond(visit *visit) { return act_respond(visit, 200, &plain, 1, outrider_text("")); }
static outrider_status outside_start(visit *visit) { return act_start(visit, 200, &plain, 1, 0); }
static outrider_status outside_write(visit *visit) { return act_write(visit, outrider_text("outside\n")); }
static outrider_status outside_sendfile(visit *visit) {
  return visit->io->sendfile(visit->io, visit->exchange, 0, 0, 1);
}
static outrider_status outside_trailers(visit *visit) { return act_trailers(visit, &plain, 1); }
static outrider_status outside_send(visit *visit) { return act_send_body(visit, outrider_text("outside\n"), 1, 0); }

static const struct {
  outrider_bytes name;
  route_function *call;
} outside_calls[] = {
    {TEXT("read"), outside_read},
    {TEXT("request_trailers"), outside_request_trailers},
    {TEXT("informational"), outside_informational},
    {TEXT("respond"), outside_respond},
    {TEXT("start"), outside_start},
    {TEXT("write"), outside_write},
    {TEXT("sendfile"), outside_sendfile},
    {TEXT("trailers"), outside_trailers},
    {TEXT("send"), outside_send},
};

static void *call_from_outside(void *context) {
  visit *visit = context;
  outrider_bytes wanted = visit->head->query;
  for (size_t i = 0; i < COUNT(outside_calls); i++) {
    outrider_bytes name = outside_calls[i].name;
    if (name.size == wanted.size && memcmp(name.data, wanted.data, name.size) == 0)
      report(visit, NULL, "outside", outside_calls[i].call(visit));
  }
  return NULL;
}

/* Calls the one function that the query names, on a thread of its own. */
outrider_status outside(visit *visit) {
  pthread_t second;
  if (pthread_create(&second, NULL, call_from_outside, visit)) return OUTRIDER_E_IO;
  pthread_join(second, NULL);
  return report_answer(visit);
}
