/* misbehaving: a plugin for tests that does on purpose what a plugin must not do.
 *
 * Each path tries something wrong and reports the statuses that the host gave, as lines "name=status": in the body
 * of a 200 if an answer is still possible, else in the log. Built with -DEVENT_STYLE it is an event-style plugin,
 * else a blocking one; the routes are the same, written with acts that exist in both styles (acts.c).
 *
 *     cc -std=c11 -shared -fPIC -fvisibility=hidden -I… [-DEVENT_STYLE] -o libmisbehaving.so *.c
 */
#include "misbehaving.h"

enum { BLOCKING = 1, EVENT = 2, BOTH = 3 };

#ifdef EVENT_STYLE
#define STYLE EVENT
#else
#define STYLE BLOCKING
#endif

static outrider_status ok(visit *visit) { return act_respond(visit, 200, NULL, 0, outrider_text("ok")); }

static outrider_status not_found(visit *visit) {
  return act_respond(visit, 404, NULL, 0, outrider_text("no such route in this style\n"));
}

static const struct {
  outrider_bytes path;
  int styles;
  route_function *run;
} routes[] = {
    {TEXT("/"), BOTH, ok},
    {TEXT("/hint-invalid"), BOTH, hint_invalid},
    {TEXT("/hint-status"), BOTH, hint_status},
    {TEXT("/hint-many"), BOTH, hint_many},
    {TEXT("/hint-huge"), BOTH, hint_huge},
    {TEXT("/hint-empty"), BOTH, hint_empty},
    {TEXT("/hint-late"), BOTH, hint_late},
    {TEXT("/hint-after-respond"), BOTH, hint_after_respond},
    {TEXT("/hint-thread"), EVENT, hint_thread},
    {TEXT("/info102"), BOTH, info_102},
    {TEXT("/double-start"), BOTH, double_start},
    {TEXT("/double-respond"), BOTH, double_respond},
    {TEXT("/client-leaves"), EVENT, client_leaves},
    {TEXT("/write-before-start"), BOTH, write_before_start},
    {TEXT("/too-many"), BOTH, too_many},
    {TEXT("/too-few"), BOTH, too_few},
    {TEXT("/no-answer"), BOTH, no_answer},
    {TEXT("/negative"), BOTH, negative},
    {TEXT("/negative-after-start"), BOTH, negative_after_start},
    {TEXT("/negative-after-write"), BOTH, negative_after_write},
    {TEXT("/bad-final-fields"), BOTH, bad_final_fields},
    {TEXT("/trailers"), BOTH, trailers},
    {TEXT("/body-unread"), BOTH, body_unread},
    {TEXT("/hang"), BOTH, hang},
    {TEXT("/tarry"), BLOCKING, tarry},
    {TEXT("/grow"), BOTH, grow},
    {TEXT("/crash"), BOTH, crash},
    {TEXT("/abort"), BOTH, abort_process},
    {TEXT("/exit"), BOTH, exit_process},
    {TEXT("/close-pipes"), BOTH, close_pipes},
    {TEXT("/stale"), BOTH, stale},
    {TEXT("/foreign"), BOTH, foreign},
    {TEXT("/thread"), BOTH, thread},
    {TEXT("/host-send"), BLOCKING, host_send},
    {TEXT("/sendfile"), BOTH, send_file},
    {TEXT("/sendfile-short"), BOTH, send_file_short},
    {TEXT("/read-twice"), BOTH, read_twice},
    {TEXT("/read-on"), BOTH, read_on},
    {TEXT("/body-left"), BOTH, body_left},
    {TEXT("/answer-first"), BLOCKING, answer_first},
    {TEXT("/backpressure"), BOTH, backpressure},
    {TEXT("/sent"), EVENT, sent},
    {TEXT("/release"), EVENT, release_count},
    {TEXT("/unwanted"), BOTH, unwanted},
    {TEXT("/oversleep"), BOTH, oversleep},
    {TEXT("/part"), BOTH, part},
    {TEXT("/part-of-length"), BOTH, part_of_length},
    {TEXT("/body"), BOTH, body},
    {TEXT("/endless"), BOTH, endless},
    {TEXT("/outside"), BLOCKING, outside},
};

static route_function *route_for(outrider_bytes path) {
  for (size_t i = 0; i < COUNT(routes); i++) {
    outrider_bytes known = routes[i].path;
    if (path.size == known.size && memcmp(path.data, known.data, path.size) == 0)
      return routes[i].styles & STYLE ? routes[i].run : not_found;
  }
  return not_found;
}

_Atomic uint64_t earlier_exchange;

#ifdef EVENT_STYLE

static outrider_status open(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  visit *visit = calloc(1, sizeof *visit);
  *self = visit;
  if (!visit) return OUTRIDER_E_LIMIT;
  visit->host = state;
  visit->exchange = exchange;
  visit->head = head;
  outrider_status status = route_for(head->path)(visit);
  if (status < 0) { /* there will be no close() */
    earlier_exchange = exchange.id;
    free(visit->extra);
    free(visit);
  }
  return status;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state;
  visit *visit = self;
  (void)exchange;
  if (visit->on_event) visit->on_event(visit, event);
}

static void close(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)exchange;
  visit *visit = self;
  if (visit->on_close) visit->on_close(visit);
  earlier_exchange = visit->exchange.id;
  free(visit->extra);
  free(visit);
}

#else

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  visit *visit = calloc(1, sizeof *visit);
  if (!visit) return OUTRIDER_E_LIMIT;
  visit->host = state;
  visit->io = io;
  visit->exchange = exchange;
  visit->head = head;
  outrider_status status = route_for(head->path)(visit);
  earlier_exchange = exchange.id;
  free(visit->extra);
  free(visit);
  return status;
}

#endif

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)error;
  *state = (void *)host;
  return OUTRIDER_OK;
}

static const outrider_plugin plugin = {
    .size = sizeof plugin,
    .abi = OUTRIDER_ABI_VERSION,
    .abi_required = OUTRIDER_ABI(1, 0),
    .capabilities = OUTRIDER_THREAD_SAFE,
    .version = "1.0",
    .load = load,
#ifdef EVENT_STYLE
    .name = "misbehaving_event",
    .open = open,
    .on_event = on_event,
    .close = close,
#else
    .name = "misbehaving_blocking",
    .handle = handle,
#endif
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
