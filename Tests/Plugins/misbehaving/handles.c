/* handles.c: exchange handles that are stale, made up, or used from the wrong thread. */
#define _GNU_SOURCE

#include "misbehaving.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

static const outrider_field good_link = {TEXT("link"), TEXT("</style.css>; rel=preload; as=style")};

/* ---- /stale, /foreign ------------------------------------------------------------------------------------------ */

/* The run of a post that must be refused: it has no context, so that nothing breaks if it is called. */
static void never(void *context, outrider_status why) { (void)context, (void)why; }

static void report_read(visit *visit, const char *prefix, outrider_exchange exchange) {
  char byte;
  size_t got = 0;
  if (visit->io) report(visit, prefix, "read", visit->io->read(visit->io, exchange, &byte, 1, &got));
}

/* Try each function with a handle that is none of this request's. */
static void try_handle(visit *reporter, const char *prefix, uint64_t id) {
  const outrider_host *host = reporter->host;
  visit *other = calloc(1, sizeof *other);
  if (!other) return;
  other->host = host;
  other->io = reporter->io;
  other->exchange.id = id;
  report(reporter, prefix, "informational", act_hint(other, 103, &good_link, 1));
  report(reporter, prefix, "start", act_start(other, 200, NULL, 0, 0));
  report(reporter, prefix, "write", act_write(other, outrider_text("foreign\n")));
  report(reporter, prefix, "respond", act_respond(other, 200, NULL, 0, outrider_text("foreign\n")));
  report(reporter, prefix, "send", act_send_body(other, outrider_text("foreign\n"), 1, 0));
  report_read(reporter, prefix, other->exchange);
  report(reporter, prefix, "receive", host->receive(host, other->exchange, 1));
  report(reporter, prefix, "cancelled", host->cancelled(host, other->exchange));
  report(reporter, prefix, "head", host->head(host, other->exchange) ? 1 : 0);
  free(other);
}

static void try_post(visit *reporter, const char *prefix, uint64_t id) {
  const outrider_host *host = reporter->host;
  outrider_exchange other = {id};
  report(reporter, prefix, "post", host->post(host, other, never, NULL));
  report(reporter, prefix, "after", host->after(host, other, 1000000, never, NULL, NULL));
}

outrider_status stale(visit *visit) {
  uint64_t id = earlier_exchange;
  if (id == 0) {
    report_text(visit, "stale", "none");
  } else {
    try_handle(visit, NULL, id);
    try_post(visit, NULL, id);
  }
  return report_answer(visit);
}

/* 0 is the worker, to which one may post, but not send. */
outrider_status foreign(visit *visit) {
  const uint64_t random = UINT64_C(0x5eed5eed5eed5eed), top_bit = UINT64_C(1) << 63;
  try_handle(visit, "zero", 0);
  try_handle(visit, "ones", UINT64_MAX);
  try_post(visit, "ones", UINT64_MAX);
  try_handle(visit, "random", random);
  try_post(visit, "random", random);
  try_handle(visit, "flipped", visit->exchange.id ^ top_bit);
  try_post(visit, "flipped", visit->exchange.id ^ top_bit);
  report(visit, NULL, "cancel", visit->host->cancel(visit->host, random));
  return report_answer(visit);
}

/* ---- /thread --------------------------------------------------------------------------------------------------- */

#define OVERLAPPING_WRITES 256

typedef struct tally {
  visit *visit;
  pthread_barrier_t *together; /* where the two threads meet before they write */
  const char *byte;
  int64_t accepted, wrong_thread, other;
} tally;

static void report_tally(visit *visit, const char *prefix, const tally *tally) {
  report(visit, prefix, "accepted", tally->accepted);
  report(visit, prefix, "wrong-thread", tally->wrong_thread);
  report(visit, prefix, "other", tally->other);
}

static void *write_many(void *context) {
  tally *tally = context;
  pthread_barrier_wait(tally->together);
  for (int i = 0; i < OVERLAPPING_WRITES; i++) {
    outrider_status status = act_write(tally->visit, outrider_text(tally->byte));
    if (status >= 0)
      tally->accepted++;
    else if (status == OUTRIDER_E_THREAD)
      tally->wrong_thread++;
    else
      tally->other++;
  }
  return NULL;
}

/* On a second thread, while the first waits. In event style the hint is allowed. */
static void *act_from_outside(void *context) {
  visit *visit = context;
  const outrider_host *host = visit->host;
  report(visit, NULL, "informational", act_hint(visit, 103, &good_link, 1));
  report(visit, NULL, "cancelled", host->cancelled(host, visit->exchange));
  if (!visit->io) return NULL;
  report(visit, NULL, "start", act_start(visit, 200, NULL, 0, 0));
  report(visit, NULL, "write", act_write(visit, outrider_text("outside\n")));
  report(visit, NULL, "respond", act_respond(visit, 200, NULL, 0, outrider_text("outside\n")));
  report(visit, NULL, "send", act_send_body(visit, outrider_text("outside\n"), 1, 0));
  report_read(visit, NULL, visit->exchange);
  return NULL;
}

/* First a second thread acts alone, then both write at once: the body begins with an x for each write that this
 * thread got through, mixed with a y for each of the other's, and goes on with the report. */
outrider_status thread(visit *visit) {
  pthread_t second;
  pthread_barrier_t together;
  tally own = {.visit = visit, .together = &together, .byte = "x"}, others = own;
  others.byte = "y";
  if (pthread_create(&second, NULL, act_from_outside, visit)) return OUTRIDER_E_IO;
  pthread_join(second, NULL);
  act_start(visit, 200, NULL, 0, 0);
  pthread_barrier_init(&together, NULL, 2);
  if (pthread_create(&second, NULL, write_many, &others)) return OUTRIDER_E_IO;
  write_many(&own);
  pthread_join(second, NULL);
  pthread_barrier_destroy(&together);
  act_write(visit, outrider_text("\n"));
  report_tally(visit, "own", &own);
  report_tally(visit, "other", &others);
  act_write(visit, report_bytes(visit));
  act_end(visit);
  return OUTRIDER_OK;
}

/* ---- /hint-thread ---------------------------------------------------------------------------------------------- */

static void join_second(visit *visit) { pthread_join(*(pthread_t *)visit->extra, NULL); }

static void answer_on_loop(void *context, outrider_status why) {
  if (why == OUTRIDER_OK) report_answer(context);
}

/* The visit lives until close(), which waits for this thread. */
static void *hint_from_outside(void *context) {
  visit *visit = context;
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  report(visit, NULL, "hint", act_hint(visit, 103, &good_link, 1));
  visit->host->post(visit->host, visit->exchange, answer_on_loop, visit);
  return NULL;
}

/* Not wrong: another thread sends the hint, and comes back to the loop with the answer. */
outrider_status hint_thread(visit *visit) {
  visit->extra = malloc(sizeof(pthread_t));
  if (!visit->extra) return OUTRIDER_E_LIMIT;
  if (pthread_create(visit->extra, NULL, hint_from_outside, visit)) return OUTRIDER_E_IO;
  visit->on_close = join_second;
  return OUTRIDER_OK;
}

/* ---- /host-send ------------------------------------------------------------------------------------------------ */

/* Not wrong but for receive(): handle() may answer with events as well. */
outrider_status host_send(visit *visit) {
  const outrider_host *host = visit->host;
  report(visit, NULL, "receive", host->receive(host, visit->exchange, 1));
  report(visit, NULL, "hint", outrider_send_early_hints(host, visit->exchange, &good_link, 1));
  report(visit, NULL, "body-before-start", act_send_body(visit, outrider_text("early\n"), 1, 0));
  report(visit, NULL, "start", outrider_send_start(host, visit->exchange, 200, NULL, 0));
  report(visit, NULL, "informational", act_hint(visit, 103, &good_link, 1));
  report(visit, NULL, "body", act_send_body(visit, outrider_text("body\n"), 1, 0));
  outrider_send_body(host, visit->exchange, report_bytes(visit), 0);
  visit->report_size = 0;
  report(visit, NULL, "write-after-end", act_write(visit, outrider_text("late\n")));
  return report_log(visit);
}
