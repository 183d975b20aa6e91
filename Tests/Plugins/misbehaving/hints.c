/* hints.c: informational responses that must not be, or that are at the edge. */
#include "misbehaving.h"

#include <stdio.h>

static const outrider_field good_link = {TEXT("link"), TEXT("</style.css>; rel=preload; as=style")};

/* Each is sent behind a good field, so that a test can see that no part of the call goes out. */
static const struct {
  const char *label;
  outrider_field field;
} bad_fields[] = {
    {"name-not-token", {TEXT("x bad"), TEXT("1")}},
    {"name-empty", {TEXT(""), TEXT("1")}},
    {"name-colon", {TEXT(":status"), TEXT("200")}},
    {"value-cr", {TEXT("x-bad"), TEXT("a\rb")}},
    {"value-lf", {TEXT("x-bad"), TEXT("a\nb: c")}},
    {"value-nul", {TEXT("x-bad"), TEXT("a\0b")}},
    {"value-del", {TEXT("x-bad"), TEXT("a\x7f")}},
    {"content-length", {TEXT("content-length"), TEXT("0")}},
    {"transfer-encoding", {TEXT("transfer-encoding"), TEXT("chunked")}},
    {"connection", {TEXT("connection"), TEXT("close")}},
    {"keep-alive", {TEXT("keep-alive"), TEXT("timeout=5")}},
    {"proxy-connection", {TEXT("proxy-connection"), TEXT("close")}},
    {"te", {TEXT("te"), TEXT("trailers")}},
    {"trailer", {TEXT("trailer"), TEXT("x-checksum")}},
    {"upgrade", {TEXT("upgrade"), TEXT("h2c")}},
};

outrider_status hint_invalid(visit *visit) {
  for (size_t i = 0; i < COUNT(bad_fields); i++) {
    const outrider_field fields[] = {good_link, bad_fields[i].field};
    report(visit, NULL, bad_fields[i].label, act_hint(visit, 103, fields, COUNT(fields)));
  }
  return report_answer(visit);
}

outrider_status hint_status(visit *visit) {
  static const uint32_t statuses[] = {99, 100, 101, 102, 103, 104, 199, 200, 0, 65636};
  char name[16];
  for (size_t i = 0; i < COUNT(statuses); i++) {
    snprintf(name, sizeof name, "%u", (unsigned)statuses[i]);
    report(visit, NULL, name, act_hint(visit, statuses[i], &good_link, 1));
  }
  return report_answer(visit);
}

/* Past early_hints.max_per_request, if that is its default. */
outrider_status hint_many(visit *visit) {
  char name[16];
  for (int i = 1; i <= 12; i++) {
    snprintf(name, sizeof name, "hint-%d", i);
    report(visit, NULL, name, act_hint(visit, 103, &good_link, 1));
  }
  return report_answer(visit);
}

/* Past early_hints.max_bytes, if that is its default. */
outrider_status hint_huge(visit *visit) {
  static char value[9000];
  memset(value, 'a', sizeof value);
  const outrider_field field = {TEXT("x-huge"), {value, sizeof value}};
  report(visit, NULL, "hint-huge", act_hint(visit, 103, &field, 1));
  return report_answer(visit);
}

outrider_status hint_empty(visit *visit) {
  report(visit, NULL, "hint-empty", act_hint(visit, 103, NULL, 0));
  return report_answer(visit);
}

static outrider_status write_late(visit *visit, const char *name) {
  visit->report_size = 0;
  report(visit, NULL, name, act_hint(visit, 103, &good_link, 1));
  return act_write(visit, report_bytes(visit));
}

/* After the head, first while it is still held back, then with a part of the body sent. */
outrider_status hint_late(visit *visit) {
  act_start(visit, 200, NULL, 0, 0);
  write_late(visit, "late");
  write_late(visit, "after");
  act_end(visit);
  return OUTRIDER_OK;
}

outrider_status hint_after_respond(visit *visit) {
  act_respond(visit, 200, NULL, 0, outrider_text("answered\n"));
  report(visit, NULL, "hint-after-respond", act_hint(visit, 103, &good_link, 1));
  return report_log(visit);
}

/* Not wrong at all: informational responses other than 103. */
outrider_status info_102(visit *visit) {
  static const outrider_field field = {TEXT("x-progress"), TEXT("half")};
  report(visit, NULL, "102", act_hint(visit, 102, &field, 1));
  report(visit, NULL, "199", act_hint(visit, 199, &field, 1));
  return report_answer(visit);
}
