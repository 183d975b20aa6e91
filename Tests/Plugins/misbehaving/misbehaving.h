/* misbehaving.h: what the parts of the misbehaving plugin share. See misbehaving.c. */
#ifndef MISBEHAVE_H
#define MISBEHAVE_H

#include <outrider.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of a string literal, NUL bytes within included, as an initialiser. */
#define TEXT(literal) {literal, sizeof(literal) - 1}
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- One request ----------------------------------------------------------------------------------------------- */

typedef struct visit visit;

struct visit {
  const outrider_host *host;
  const outrider_io *io; /* NULL in event style */
  const outrider_head *head;
  outrider_exchange exchange;
  void (*on_event)(visit *, const outrider_event *); /* event style; NULL: no event matters */
  void (*on_close)(visit *);                         /* event style; NULL: nothing to end */
  void *extra;                                       /* the route's own; freed with the visit */
  size_t report_size;
  char report[8192]; /* lines "name=status" */
};

/* A route does its mischief, and returns what handle() or open() is to return. */
typedef outrider_status route_function(visit *);

/* ---- Acts: the same deed in either style (acts.c) -------------------------------------------------------------- */

outrider_status act_hint(visit *, uint32_t status, const outrider_field *fields, size_t n);
outrider_status act_respond(visit *, uint32_t status, const outrider_field *fields, size_t n, outrider_bytes body);
outrider_status act_start(visit *, uint32_t status, const outrider_field *fields, size_t n, uint32_t flags);
outrider_status act_write(visit *, outrider_bytes bytes);
/* End the body. Blocking style has no such call: returning does it. */
outrider_status act_end(visit *);
outrider_status act_trailers(visit *, const outrider_field *fields, size_t n);
/* The remaining ones are events only, and work in blocking style through host->send too. */
outrider_status act_abort(visit *);
outrider_status act_send_body(visit *, outrider_bytes bytes, uint32_t more, uint64_t tag);

/* ---- The report (acts.c) --------------------------------------------------------------------------------------- */

/* Add a line "name=status"; prefix may be NULL. */
void report(visit *, const char *prefix, const char *name, int64_t status);
void report_text(visit *, const char *name, const char *value);
/* Answer with the report: 200, text/plain. If there is an answer already, log it instead. Returns OK. */
outrider_status report_answer(visit *);
/* Log the report, one line for the log each: where the answer can't carry it. Returns OK. */
outrider_status report_log(visit *);
/* The report so far, as bytes. */
outrider_bytes report_bytes(const visit *);

/* ---- Routes ---------------------------------------------------------------------------------------------------- */

/* hints.c */
route_function hint_invalid, hint_status, hint_many, hint_huge, hint_empty, hint_late, hint_after_respond, info_102;
/* answers.c */
route_function double_start, double_respond, client_leaves, write_before_start, too_many, too_few, no_answer, negative,
    negative_after_start, negative_after_write, bad_final_fields, trailers, body_unread, hang, tarry, grow, crash, abort_process,
    exit_process;
/* descriptors.c */
route_function close_pipes;
/* handles.c */
route_function stale, foreign, thread, hint_thread, host_send;
/* bodies.c */
route_function send_file, send_file_short, read_twice, read_on, body_left, answer_first, sent, backpressure, release_count;
/* deadlines.c */
route_function unwanted, oversleep, part, part_of_length, body, endless, outside;

/* The exchange of the last request that is over, for /stale; id 0 if there was none. */
extern _Atomic uint64_t earlier_exchange;

#endif
