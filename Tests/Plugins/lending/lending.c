/* lending: an event-style plugin for tests of what it hands to the host, until when, and of what it may call meanwhile.
 *
 * What the host returned is told as lines "name=status", in an answer or in the log. A path that is not known is a 404.
 */
#define _GNU_SOURCE

#include <inttypes.h>
#include <outrider.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct visit {
  const outrider_host *host;
  const outrider_head *head; /* until close() */
  outrider_exchange exchange;
  void (*on_event)(struct visit *, const outrider_event *); /* NULL: no event matters */
  uint64_t last_tag;                                        /* of /tagged */
} visit;

typedef outrider_status route_function(visit *);

static void tell(const outrider_host *host, const char *name, int64_t value) {
  char line[80];
  snprintf(line, sizeof line, "%s=%" PRId64, name, value);
  host->log(host, (outrider_exchange){0}, OUTRIDER_LOG_INFO, outrider_text(line));
}

/* Whether the word is in the query. */
static int asks(const visit *visit, const char *word) {
  const outrider_bytes query = visit->head->query;
  return memmem(query.data, query.size, word, strlen(word)) != NULL;
}

/* The number at the end of the query; 0 if there is none. */
static size_t number(const visit *visit) {
  char text[24] = "";
  const outrider_bytes query = visit->head->query;
  size_t digits = 0;
  while (digits < query.size && digits < sizeof text - 1 && strchr("0123456789", query.data[query.size - 1 - digits]))
    digits++;
  memcpy(text, query.data + query.size - digits, digits);
  return (size_t)strtoull(text, NULL, 10);
}

static outrider_status respond(visit *visit, uint32_t status, outrider_bytes body) {
  return outrider_send_response(visit->host, visit->exchange, status, NULL, 0, body);
}

static outrider_status ok(visit *visit) { return respond(visit, 200, outrider_text("ok")); }

static outrider_status send(visit *visit, const void *event) {
  return visit->host->send(visit->host, visit->exchange, event);
}

/* ---- /refuse?WHAT, /leases ------------------------------------------------------------------------------------- */

static char lent[4 << 20];
/* Leases of requests that open() refused; how many were out when it was called for another one, at most. */
static int64_t leases, returns, outstanding;

static void take_back(void *context) {
  (void)context;
  returns++;
}

/* A file of this content, by the lowest number that is free. */
static int file_of(const char *text) {
  const int fd = memfd_create("lending", MFD_CLOEXEC);
  return fd >= 0 && write(fd, text, strlen(text)) > 0 ? fd : -1;
}

static void send_file_and_close_it(visit *visit) {
  static int other = -1;
  static const char own[] = "the file of this request\n";
  if (other >= 0) close(other);
  const int fd = file_of(own);
  const outrider_file_event event = {
      .size = sizeof event, .type = OUTRIDER_EVENT_FILE, .fd = fd, .more = 1, .length = sizeof own - 1};
  tell(visit->host, "file", send(visit, &event));
  close(fd);
  other = file_of("SECRET of somebody else's\n");
  tell(visit->host, "is-same-number", other == fd);
}

/* Answers in part, and gives up: file is sent and closed, lent memory of so many bytes is lent. */
static outrider_status refuse(visit *visit) {
  outrider_send_start(visit->host, visit->exchange, 200, NULL, 0);
  if (asks(visit, "file")) send_file_and_close_it(visit);
  if (asks(visit, "lent")) {
    const outrider_body_event event = {.size = sizeof event,
                                       .type = OUTRIDER_EVENT_BODY,
                                       .bytes = {lent, number(visit)},
                                       .more = 1,
                                       .release = take_back};
    if (send(visit, &event) >= 0) leases++;
  }
  return OUTRIDER_E_IO;
}

static outrider_status report_leases(visit *visit) {
  char text[120];
  snprintf(text, sizeof text, "lent=%" PRId64 "\nreturned=%" PRId64 "\noutstanding=%" PRId64 "\n", leases, returns,
           outstanding);
  return respond(visit, 200, outrider_text(text));
}

/* ---- /inside?HOW ----------------------------------------------------------------------------------------------- */

static char large[60 << 10];

static void run_in_release(void *context, outrider_status why) {
  visit *visit = context;
  tell(visit->host, "ran", why);
}

static void call_everything(void *context) {
  visit *visit = context;
  const outrider_host *host = visit->host;
  tell(host, "head", host->head(host, visit->exchange) == visit->head);
  tell(host, "cancelled", host->cancelled(host, visit->exchange));
  tell(host, "receive", host->receive(host, visit->exchange, 1));
  tell(host, "post", host->post(host, visit->exchange, run_in_release, visit));
  host->log(host, visit->exchange, OUTRIDER_LOG_INFO, outrider_text("released=1"));
}

/* After a whole answer it has no place. */
static void call_everything_and_send(void *context) {
  visit *visit = context;
  call_everything(visit);
  tell(visit->host, "send", outrider_send_body(visit->host, visit->exchange, outrider_text("late"), 0));
}

/* Where the answer goes on, it is the end of it. */
static void call_everything_and_end(void *context) {
  visit *visit = context;
  call_everything(visit);
  tell(visit->host, "send", outrider_send_body(visit->host, visit->exchange, outrider_text(" and the end"), 0));
}

/* response: a whole answer; parts: one that release() ends; and misuse: one to which release() would add. empty: its
 * body; 204: its status. */
static outrider_status call_inside_release(visit *visit) {
  const outrider_field field = {OUTRIDER_BYTES("x-large"), {large, 20000}};
  const outrider_bytes body = asks(visit, "empty") || asks(visit, "204") ? outrider_text("") : outrider_text("lent");
  const uint32_t status = asks(visit, "204") ? 204 : 200;
  if (asks(visit, "parts")) {
    outrider_send_start(visit->host, visit->exchange, status, &field, 1);
    const outrider_body_event event = {.size = sizeof event,
                                       .type = OUTRIDER_EVENT_BODY,
                                       .bytes = body,
                                       .more = 1,
                                       .release = call_everything_and_end,
                                       .context = visit};
    tell(visit->host, "sent", send(visit, &event));
  } else {
    const outrider_response_event event = {
        .size = sizeof event,
        .type = OUTRIDER_EVENT_RESPONSE,
        .status = status,
        .fields = &field,
        .n_fields = 1,
        .body = body,
        .release = asks(visit, "misuse") ? call_everything_and_send : call_everything,
        .context = visit};
    tell(visit->host, "sent", send(visit, &event));
  }
  return OUTRIDER_OK;
}

/* ---- /tagged?WHAT ---------------------------------------------------------------------------------------------- */

static void end_when_sent(visit *visit, const outrider_event *event) {
  if (event->type != OUTRIDER_EVENT_SENT || event->tag != visit->last_tag) return;
  outrider_send_body(visit->host, visit->exchange, outrider_text("the end"), 0);
}

static void note_release(void *context) { tell(((visit *)context)->host, "released", 1); }

/* Parts without a byte, of which the last has a tag; the end follows when it is sent. lent: with a release(); file: it
 * is one of a file; behind: there are bytes before it. */
static outrider_status send_empty_parts(visit *visit) {
  visit->on_event = end_when_sent;
  visit->last_tag = 5;
  outrider_status status = outrider_send_start(visit->host, visit->exchange, 200, NULL, 0);
  if (asks(visit, "behind"))
    status = outrider_send_body(visit->host, visit->exchange, outrider_text("the beginning, "), 1);
  if (status >= 0) status = outrider_send_body(visit->host, visit->exchange, outrider_text(""), 1);
  if (status < 0) return status;
  if (asks(visit, "file")) {
    const outrider_file_event event = {
        .size = sizeof event, .type = OUTRIDER_EVENT_FILE, .tag = 5, .fd = 0, .more = 1, .length = 0};
    return send(visit, &event);
  }
  const outrider_body_event event = {.size = sizeof event,
                                     .type = OUTRIDER_EVENT_BODY,
                                     .tag = 5,
                                     .more = 1,
                                     .release = asks(visit, "lent") ? note_release : NULL,
                                     .context = visit};
  return send(visit, &event);
}

/* ---- /large-head?SIZE ------------------------------------------------------------------------------------------ */

static outrider_status respond_with_large_head(visit *visit) {
  const size_t size = number(visit);
  const outrider_field field = {OUTRIDER_BYTES("x-large"), {large, size < sizeof large ? size : sizeof large}};
  return outrider_send_response(visit->host, visit->exchange, 200, &field, 1, outrider_text("ok"));
}

/* Content without an end, as far as there is room. */
static void pour(visit *visit, const outrider_event *event) {
  (void)event;
  while (outrider_send_body(visit->host, visit->exchange, (outrider_bytes){large, 16384}, 1) == OUTRIDER_OK)
    ;
}

static outrider_status respond_for_ever(visit *visit) {
  visit->on_event = pour;
  const outrider_status status = outrider_send_start(visit->host, visit->exchange, 200, NULL, 0);
  if (status < 0) return status;
  pour(visit, NULL);
  return OUTRIDER_OK;
}

/* ---- /fallback ------------------------------------------------------------------------------------------------- */

/* Behind the string's end is what is not its own. */
static const char latin[] = "caf\xe9\0SECRET", no_text[] = "\xff\xff\xff\xff\xff\xff\xff\xff\0SECRET of sixteen",
                  utf8[] = "caf\xc3\xa9";

static outrider_status report_fallbacks(visit *visit) {
  const outrider_host *host = visit->host;
  const outrider_bytes first = host->config_string(host, "absent", latin);
  const outrider_bytes second = host->config_string(host, "absent", no_text);
  const outrider_bytes third = host->config_string(host, "absent", utf8);
  const outrider_bytes none = host->config_string(host, "absent", "");
  char text[120];
  snprintf(text, sizeof text, "latin=%zu\nno-text=%zu\nutf8=%zu\nnone=%zu\n", first.size, second.size, third.size,
           none.size);
  return respond(visit, 200, outrider_text(text));
}

/* ---- /hunt, /bait, /prey --------------------------------------------------------------------------------------- */

#define HUNTERS 4
#define PARTS 32

/* The exchange that hunters may use, as long as it is one. */
static _Atomic uint64_t bait;
static atomic_int hunt_is_on;
static _Atomic int64_t posts, runs;
static pthread_t hunters[HUNTERS];
static int64_t prey_met;
static uint64_t last_bait;
static int64_t same_slot;

static void count_run(void *context, outrider_status why) {
  (void)context, (void)why;
  runs++;
}

static void *hunt(void *argument) {
  const outrider_host *host = argument;
  const outrider_head_event hint = {.size = sizeof hint, .type = OUTRIDER_EVENT_INFORMATIONAL, .status = 103};
  for (uint64_t turn = 0; hunt_is_on; turn++) {
    const outrider_exchange exchange = {bait};
    if (!exchange.id) continue;
    host->send(host, exchange, (const outrider_event *)&hint);
    if (turn % 16 == 0) host->receive(host, exchange, 1);
    if (turn % 16 == 1) host->cancelled(host, exchange);
    if (turn % 64 == 2 && host->post(host, exchange, count_run, NULL) == OUTRIDER_OK) posts++;
  }
  return NULL;
}

static outrider_status start_hunt(visit *visit) {
  if (!atomic_exchange(&hunt_is_on, 1))
    for (int i = 0; i < HUNTERS; i++)
      if (pthread_create(&hunters[i], NULL, hunt, (void *)(uintptr_t)visit->host)) return OUTRIDER_E_LIMIT;
  return ok(visit);
}

static void end_hunt(void) {
  if (!atomic_exchange(&hunt_is_on, 0)) return;
  for (int i = 0; i < HUNTERS; i++) pthread_join(hunters[i], NULL);
}

/* Gives its handle to the hunters: until it has answered, they may be in its way. */
static outrider_status answer_hunted(visit *visit) {
  outrider_status status;
  bait = last_bait = visit->exchange.id;
  do status = ok(visit);
  while (status == OUTRIDER_E_THREAD);
  return status;
}

/* Gives it to nobody: each of its many calls is the only one. */
static outrider_status answer_alone(visit *visit) {
  const outrider_field length = {OUTRIDER_BYTES("content-length"), OUTRIDER_BYTES("2")};
  outrider_status status;
  if ((uint32_t)last_bait == (uint32_t)visit->exchange.id) same_slot++;
  while ((status = outrider_send_start(visit->host, visit->exchange, 200, &length, 1)) == OUTRIDER_E_THREAD)
    prey_met++;
  for (int part = 0; part < PARTS; part++)
    if (outrider_send_body(visit->host, visit->exchange, outrider_text(""), 1) == OUTRIDER_E_THREAD) prey_met++;
  while ((status = outrider_send_body(visit->host, visit->exchange, outrider_text("ok"), 0)) == OUTRIDER_E_THREAD)
    prey_met++;
  return status;
}

static outrider_status report_hunt(visit *visit) {
  char text[160];
  end_hunt();
  snprintf(text, sizeof text, "met=%" PRId64 "\nsame-slot=%" PRId64 "\nposts=%" PRId64 "\nruns=%" PRId64 "\n", prey_met,
           same_slot, posts, runs);
  return respond(visit, 200, outrider_text(text));
}

/* ---- The plugin ------------------------------------------------------------------------------------------------ */

static const struct {
  const char *path;
  route_function *run;
} routes[] = {
    {"/", ok},
    {"/refuse", refuse},
    {"/leases", report_leases},
    {"/inside", call_inside_release},
    {"/tagged", send_empty_parts},
    {"/large-head", respond_with_large_head},
    {"/for-ever", respond_for_ever},
    {"/fallback", report_fallbacks},
    {"/hunt", start_hunt},
    {"/bait", answer_hunted},
    {"/prey", answer_alone},
    {"/hunted", report_hunt},
};

static outrider_status serve(visit *visit) {
  const outrider_bytes path = visit->head->path;
  for (size_t i = 0; i < COUNT(routes); i++)
    if (path.size == strlen(routes[i].path) && memcmp(path.data, routes[i].path, path.size) == 0)
      return routes[i].run(visit);
  return respond(visit, 404, outrider_text("no such route\n"));
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state, (void)info, (void)error;
  memset(lent, 'L', sizeof lent);
  memset(large, 'a', sizeof large);
  return OUTRIDER_OK;
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  (void)state, (void)deadline_ns;
  end_hunt();
}

static outrider_status open(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  visit *visit = calloc(1, sizeof *visit);
  *self = visit;
  if (!visit) return OUTRIDER_E_LIMIT;
  if (leases - returns > outstanding) outstanding = leases - returns;
  visit->host = state;
  visit->head = head;
  visit->exchange = exchange;
  outrider_status status = serve(visit);
  if (status < 0) free(visit); /* there will be no close() */
  return status;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state;
  visit *visit = self;
  (void)exchange;
  if (visit->on_event) visit->on_event(visit, event);
}

static void close_visit(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)exchange;
  free(self);
}

static const outrider_plugin plugin = {
    .size = sizeof plugin,
    .abi = OUTRIDER_ABI_VERSION,
    .abi_required = OUTRIDER_ABI(1, 0),
    .name = "lending",
    .version = "1.0",
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .open = open,
    .on_event = on_event,
    .close = close_visit,
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
