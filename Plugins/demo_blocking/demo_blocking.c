/* demo_blocking: the demo pages in blocking style.
 *
 * One call of handle() for each request: it reads, waits and responds in the order of its lines, on a thread of its
 * own. The responses are defined in ../demo_pages/demo_pages.h; demo_event gives the same ones in event style.
 *
 *     outrider ./libdemo_blocking.so
 */
#define _GNU_SOURCE

#include "../demo_pages/demo_pages.h"

#include <time.h>

#define SLEEP_SLICE (50 * DEMO_MS) /* how late a waiting handler may notice that nobody wants its answer */
#define ECHO_PIECE 16384

/* What the functions below need of a request. */
typedef struct visit {
  const outrider_host *host;
  const outrider_io *io;
  const outrider_head *head;
  outrider_exchange exchange;
  demo_plan plan;
  demo_fields fields;
} visit;

static int is_over(outrider_status status) {
  return status == OUTRIDER_E_CLOSED || status == OUTRIDER_E_CANCELLED;
}

/* Sleep, unless the response is no longer wanted: then return the reason. */
static outrider_status wait_for(const visit *visit, uint64_t ns) {
  while (ns > 0) {
    uint64_t slice = ns < SLEEP_SLICE ? ns : SLEEP_SLICE;
    outrider_status over = visit->host->cancelled(visit->host, visit->exchange);
    if (over) return over;
    nanosleep(&(struct timespec){.tv_nsec = (long)slice}, NULL);
    ns -= slice;
  }
  return visit->host->cancelled(visit->host, visit->exchange);
}

static outrider_status answer(visit *visit, outrider_bytes body) {
  return visit->io->respond(visit->io, visit->exchange, visit->plan.status, visit->fields.list, visit->fields.n, body);
}

static outrider_status start(visit *visit) {
  return visit->io->start(visit->io, visit->exchange, visit->plan.status, visit->fields.list, visit->fields.n);
}

/* A hint that is skipped or refused is no reason not to respond. */
static outrider_status answer_in_time(visit *visit) {
  const demo_plan *plan = &visit->plan;
  for (uint32_t i = 0; i < plan->n_hints; i++) {
    outrider_status status = wait_for(visit, plan->hint_wait);
    if (status) return status;
    status = outrider_early_hints(visit->io, visit->exchange, demo_hint(plan, i), plan->links_per_hint);
    if (is_over(status)) return status;
  }
  outrider_status status = wait_for(visit, plan->answer_wait);
  return status ? status : answer(visit, demo_body(plan));
}

static outrider_status answer_headers(visit *visit) {
  json_text json = {0};
  demo_headers_json(&json, visit->head);
  outrider_status status =
      json.failed ? OUTRIDER_E_LIMIT : answer(visit, (outrider_bytes){json.data, json.size});
  json_free(&json);
  return status;
}

static outrider_status stream(visit *visit) {
  char text[8];
  outrider_status status = start(visit);
  for (uint32_t i = 0; i < DEMO_STREAM_CHUNKS && status >= 0; i++) {
    if (i > 0 && (status = wait_for(visit, DEMO_STREAM_GAP))) break;
    outrider_bytes chunk = demo_chunk(text, i);
    status = visit->io->write(visit->io, visit->exchange, &chunk, 1);
  }
  return status;
}

/* The body could not be read. Before start() a response can still say so. */
static outrider_status refuse_body(visit *visit, outrider_status why) {
  if (is_over(why)) return why;
  visit->plan.status = why == OUTRIDER_E_LIMIT ? 413 : 400;
  visit->plan.content_type = outrider_text("text/plain");
  demo_free_fields(&visit->fields);
  demo_make_fields(&visit->fields, visit->head, &visit->plan);
  return answer(visit, outrider_text("The body could not be read\n"));
}

static outrider_status refuse_socket(visit *visit) {
  demo_no_socket(&visit->plan);
  demo_free_fields(&visit->fields);
  demo_make_fields(&visit->fields, visit->head, &visit->plan);
  return answer(visit, visit->plan.page);
}

/* Read a piece and write it: the response starts with the first piece, and only one piece is held at a time. */
static outrider_status echo(visit *visit) {
  char piece[ECHO_PIECE];
  size_t got = 0;
  outrider_status status = visit->io->read(visit->io, visit->exchange, piece, sizeof piece, &got);
  if (status < 0) return refuse_body(visit, status);
  demo_add_length(&visit->fields, visit->head);
  status = start(visit);
  while (status >= 0 && got > 0) {
    status = visit->io->write(visit->io, visit->exchange, &(outrider_bytes){piece, got}, 1);
    if (status >= 0) status = visit->io->read(visit->io, visit->exchange, piece, sizeof piece, &got);
  }
  return status;
}

static outrider_status read_all(visit *visit, gathered *whole) {
  char piece[ECHO_PIECE];
  for (;;) {
    size_t got = 0;
    outrider_status status = visit->io->read(visit->io, visit->exchange, piece, sizeof piece, &got);
    if (status < 0 || got == 0) return status;
    status = gathered_add(whole, piece, got);
    if (status < 0) return status;
  }
}

static outrider_status echo_whole(visit *visit) {
  gathered whole = {0};
  outrider_status status = read_all(visit, &whole);
  status = status < 0 ? refuse_body(visit, status) : answer(visit, (outrider_bytes){whole.data, whole.size});
  free(whole.data);
  return status;
}

static outrider_status carry_out(visit *visit) {
  switch (visit->plan.kind) {
    case DEMO_TIMED: return answer_in_time(visit);
    case DEMO_HEADERS: return answer_headers(visit);
    case DEMO_ECHO: return echo(visit);
    case DEMO_GATHER: return echo_whole(visit);
    case DEMO_STREAM: return stream(visit);
    case DEMO_ECHO_SOCKET:
    case DEMO_CHAT_SOCKET: return refuse_socket(visit);
    case DEMO_WHOLE: break;
  }
  return answer(visit, demo_body(&visit->plan));
}

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  visit visit;
  visit.host = state;
  visit.io = io;
  visit.head = head;
  visit.exchange = exchange;
  demo_plan_for(&visit.plan, head);
  demo_make_fields(&visit.fields, head, &visit.plan);
  outrider_status status = carry_out(&visit);
  demo_free_fields(&visit.fields);
  return status;
}

/* The host's table is the only state, and handle() only reads it. */
static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)error;
  demo_fill_large_page();
  *state = (void *)host;
  return OUTRIDER_OK;
}

static const outrider_plugin plugin = {
    .size = sizeof plugin,
    .abi = OUTRIDER_ABI_VERSION,
    .abi_required = OUTRIDER_ABI(1, 0),
    .capabilities = OUTRIDER_THREAD_SAFE,
    .name = "demo_blocking",
    .version = "1.0",
    .load = load,
    .handle = handle,
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
