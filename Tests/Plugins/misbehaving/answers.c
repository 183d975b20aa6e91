/* answers.c: final answers that are wrong, doubled, cut off or missing, and processes that end. */
#define _POSIX_C_SOURCE 200809L
#include "misbehaving.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const outrider_field length_5 = {TEXT("content-length"), TEXT("5")};
static const outrider_field length_10 = {TEXT("content-length"), TEXT("10")};

/* ---- Order ----------------------------------------------------------------------------------------------------- */

outrider_status double_start(visit *visit) {
  report(visit, NULL, "start", act_start(visit, 200, NULL, 0, 0));
  report(visit, NULL, "double-start", act_start(visit, 201, NULL, 0, 0));
  report(visit, NULL, "respond", act_respond(visit, 202, NULL, 0, outrider_text("respond\n")));
  act_write(visit, report_bytes(visit));
  act_end(visit);
  return OUTRIDER_OK;
}

outrider_status double_respond(visit *visit) {
  report(visit, NULL, "respond", act_respond(visit, 200, NULL, 0, outrider_text("first\n")));
  report(visit, NULL, "double-respond", act_respond(visit, 200, NULL, 0, outrider_text("second\n")));
  report(visit, NULL, "start", act_start(visit, 200, NULL, 0, 0));
  report(visit, NULL, "write", act_write(visit, outrider_text("third\n")));
  return report_log(visit);
}

/* The client leaves meanwhile, which a hint shows: it is no misuse to go on, and to give up. */
outrider_status client_leaves(visit *visit) {
  const outrider_field link = outrider_field_of("link", "</style.css>; rel=preload; as=style");
  int64_t status = OUTRIDER_OK;
  for (int i = 0; i < 500 && status == OUTRIDER_OK; i++) {
    status = act_hint(visit, 103, &link, 1);
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
  }
  report(visit, NULL, "hint", status);
  report(visit, NULL, "respond", act_respond(visit, 200, NULL, 0, outrider_text("in vain\n")));
  report(visit, NULL, "abort", act_abort(visit));
  return report_log(visit);
}

outrider_status write_before_start(visit *visit) {
  report(visit, NULL, "write-before-start", act_write(visit, outrider_text("early\n")));
  return report_answer(visit);
}

/* ---- Length ---------------------------------------------------------------------------------------------------- */

/* The refused write must leave room for the right one. */
outrider_status too_many(visit *visit) {
  act_start(visit, 200, &length_5, 1, 0);
  report(visit, NULL, "too-many", act_write(visit, outrider_text("0123456789")));
  report(visit, NULL, "exact", act_write(visit, outrider_text("12345")));
  report(visit, NULL, "end", act_end(visit));
  return report_log(visit);
}

outrider_status too_few(visit *visit) {
  act_start(visit, 200, &length_10, 1, 0);
  report(visit, NULL, "write", act_write(visit, outrider_text("12345")));
  report(visit, NULL, "too-few", act_end(visit));
  return report_log(visit);
}

/* ---- No answer ------------------------------------------------------------------------------------------------- */

/* In event style not to answer would be to go on waiting: giving up is the same lack of an answer. */
outrider_status no_answer(visit *visit) {
  if (!visit->io) act_abort(visit);
  return OUTRIDER_OK;
}

outrider_status negative(visit *visit) {
  (void)visit;
  return OUTRIDER_E_IO;
}

outrider_status negative_after_start(visit *visit) {
  act_start(visit, 200, NULL, 0, 0);
  return OUTRIDER_E_IO;
}

outrider_status negative_after_write(visit *visit) {
  act_start(visit, 200, NULL, 0, 0);
  act_write(visit, outrider_text("partial\n"));
  return OUTRIDER_E_IO;
}

outrider_status body_unread(visit *visit) { return act_respond(visit, 200, NULL, 0, outrider_text("unread\n")); }

/* ---- Heads ----------------------------------------------------------------------------------------------------- */

/* Each is tried as a whole answer and as the start of one; all must be refused. */
static const struct {
  const char *label;
  uint32_t status;
  outrider_field field;
} bad_heads[] = {
    {"name-not-token", 200, {TEXT("x bad"), TEXT("1")}},
    {"name-empty", 200, {TEXT(""), TEXT("1")}},
    {"name-colon", 200, {TEXT(":status"), TEXT("200")}},
    {"value-crlf", 200, {TEXT("x-bad"), TEXT("a\r\nset-cookie: b=c")}},
    {"value-nul", 200, {TEXT("x-bad"), TEXT("a\0b")}},
    {"connection", 200, {TEXT("connection"), TEXT("close")}},
    {"transfer-encoding", 200, {TEXT("transfer-encoding"), TEXT("chunked")}},
    {"length-text", 200, {TEXT("content-length"), TEXT("abc")}},
    {"length-list", 200, {TEXT("content-length"), TEXT("5, 5")}},
    {"status-0", 0, {TEXT("x-good"), TEXT("1")}},
    {"status-99", 99, {TEXT("x-good"), TEXT("1")}},
    {"status-101", 101, {TEXT("x-good"), TEXT("1")}},
    {"status-103", 103, {TEXT("x-good"), TEXT("1")}},
    {"status-199", 199, {TEXT("x-good"), TEXT("1")}},
    {"status-1000", 1000, {TEXT("x-good"), TEXT("1")}},
    {"status-65736", 65736, {TEXT("x-good"), TEXT("1")}}, /* 200 in 16 bits */
};

outrider_status bad_final_fields(visit *visit) {
  for (size_t i = 0; i < COUNT(bad_heads); i++) {
    const outrider_field *field = &bad_heads[i].field;
    outrider_status status = act_respond(visit, bad_heads[i].status, field, 1, outrider_text("wrong"));
    report(visit, NULL, bad_heads[i].label, status);
    report(visit, "start", bad_heads[i].label, act_start(visit, bad_heads[i].status, field, 1, 0));
  }
  report(visit, NULL, "length-differs", act_respond(visit, 200, &length_5, 1, outrider_text("sixsix")));
  report(visit, NULL, "body-with-204", act_respond(visit, 204, NULL, 0, outrider_text("body")));
  report(visit, NULL, "body-with-304", act_respond(visit, 304, NULL, 0, outrider_text("body")));
  return report_answer(visit);
}

/* Trailers as they should be, with wrong ones before and after. */
outrider_status trailers(visit *visit) {
  static const outrider_field good = {TEXT("x-checksum"), TEXT("abc")};
  static const outrider_field bad = {TEXT("x-checksum"), TEXT("a\r\nb")};
  static const outrider_field framing = {TEXT("content-length"), TEXT("5")};
  report(visit, NULL, "before-start", act_trailers(visit, &good, 1));
  act_start(visit, 200, NULL, 0, OUTRIDER_TRAILERS_FOLLOW);
  act_write(visit, outrider_text("body\n"));
  act_end(visit);
  report(visit, NULL, "bad-value", act_trailers(visit, &bad, 1));
  report(visit, NULL, "framing", act_trailers(visit, &framing, 1));
  report(visit, NULL, "trailers", act_trailers(visit, &good, 1));
  report(visit, NULL, "twice", act_trailers(visit, &good, 1));
  report(visit, NULL, "write", act_write(visit, outrider_text("late\n")));
  return report_log(visit);
}

/* ---- Without an end -------------------------------------------------------------------------------------------- */

outrider_status hang(visit *visit) {
  (void)visit;
  for (;;) pause();
}

/* The answer is whole long before the handler returns. */
outrider_status tarry(visit *visit) {
  outrider_status status = act_respond(visit, 200, NULL, 0, outrider_text("answered\n"));
  nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
  return status;
}

outrider_status grow(visit *visit) {
  size_t size = 64u << 20;
  volatile char *memory = malloc(size); /* kept for ever */
  for (size_t at = 0; memory && at < size; at += 4096) memory[at] = 1;
  return act_respond(visit, 200, NULL, 0, outrider_text("grown"));
}

/* ---- The end of the process ------------------------------------------------------------------------------------ */

outrider_status crash(visit *visit) {
  volatile int *volatile nowhere = NULL;
  (void)visit;
  *nowhere = 1;
  return OUTRIDER_OK;
}

outrider_status abort_process(visit *visit) {
  (void)visit;
  abort();
}

outrider_status exit_process(visit *visit) {
  (void)visit;
  exit(3);
}
