/* demo_event: the demo pages in event style.
 *
 * All calls come from the worker's loop thread, and none of them waits: a delay is a timer, and a body for which there
 * is no room continues at RESUME. A page that needs no waiting is sent in open() and keeps no state; the others keep a
 * `visit` from open() to close(). The responses are defined in ../demo_pages/demo_pages.h; demo_blocking gives the same
 * ones in blocking style, without the WebSockets, which are in echo_socket.c and chat_socket.c.
 *
 *     outrider ./libdemo_event.so
 */
#include "../demo_pages/demo_pages.h"
#include "websockets.h"

/* From this size a page is lent to the host; a smaller one is cheaper to copy. */
#define BY_REFERENCE 4096

enum echo_state {
  ECHO_READING, /* one REQUEST is asked for */
  ECHO_PAUSED,  /* what came is sent; RESUME lets the next one be asked for */
  ECHO_HOLDING, /* what came is in `held`; RESUME lets it be sent */
  ECHO_DONE
};

/* A request whose response takes several calls. [malloc'ed in open(), freed in close()] */
typedef struct visit {
  exchange_hooks hooks;
  const outrider_host *host;
  const outrider_head *head;
  outrider_exchange exchange;
  uint32_t step; /* how many hints, or chunks, are sent */
  demo_plan plan;
  enum echo_state echo;
  int started;
  uint32_t held_more;
  outrider_bytes held; /* malloc'ed */
  gathered whole;
} visit;

/* ---- Whole answers --------------------------------------------------------------------------------------------- */

static void keep(void *page) { (void)page; } /* the release of bytes that stay */

static outrider_status send_page(const outrider_host *host, outrider_exchange exchange, const outrider_head *head,
                                 const demo_plan *plan, outrider_bytes body, void (*release)(void *)) {
  demo_fields fields;
  demo_make_fields(&fields, head, plan);
  const outrider_response_event event = {
      .size = sizeof event,
      .type = OUTRIDER_EVENT_RESPONSE,
      .status = plan->status,
      .fields = fields.list,
      .n_fields = fields.n,
      .body = body,
      .release = release,
      .context = (void *)body.data,
  };
  outrider_status status = host->send(host, exchange, (const outrider_event *)&event);
  demo_free_fields(&fields);
  return status;
}

static outrider_status answer(const outrider_host *host, outrider_exchange exchange, const outrider_head *head,
                              const demo_plan *plan) {
  outrider_bytes body = demo_body(plan);
  return send_page(host, exchange, head, plan, body, body.size >= BY_REFERENCE ? keep : NULL);
}

/* The host takes the text; after a refusal it is still ours. */
static outrider_status answer_headers(const outrider_host *host, outrider_exchange exchange,
                                      const outrider_head *head, const demo_plan *plan) {
  json_text json = {0};
  demo_headers_json(&json, head);
  outrider_status status = OUTRIDER_E_LIMIT;
  if (!json.failed)
    status = send_page(host, exchange, head, plan, (outrider_bytes){json.data, json.size}, free);
  if (status < 0) json_free(&json);
  return status;
}

/* ---- Answers that take time ------------------------------------------------------------------------------------ */

static int is_over(outrider_status status) {
  return status == OUTRIDER_E_CLOSED || status == OUTRIDER_E_CANCELLED;
}

/* The response can't be completed: show that to the client. Harmless if the exchange has ended. */
static void give_up(const visit *visit) {
  const outrider_notice_event event = {.size = sizeof event, .type = OUTRIDER_EVENT_ABORT};
  visit->host->send(visit->host, visit->exchange, (const outrider_event *)&event);
}

static outrider_status call_after(visit *visit, uint64_t ns, void (*run)(void *, outrider_status)) {
  return visit->host->after(visit->host, visit->exchange, ns, run, visit, NULL);
}

static uint64_t wait_before_step(const visit *visit) {
  return visit->step < visit->plan.n_hints ? visit->plan.hint_wait : visit->plan.answer_wait;
}

/* Timer: send the next hint, or after the last one the response. A skipped or refused hint does not prevent it. */
static void timed_step(void *context, outrider_status why) {
  visit *visit = context;
  if (why != OUTRIDER_OK) return; /* over; close() is next */
  if (visit->step == visit->plan.n_hints) {
    if (answer(visit->host, visit->exchange, visit->head, &visit->plan) < 0) give_up(visit);
    return;
  }
  const outrider_field *links = demo_hint(&visit->plan, visit->step++);
  if (is_over(outrider_send_early_hints(visit->host, visit->exchange, links, visit->plan.links_per_hint))) return;
  if (call_after(visit, wait_before_step(visit), timed_step) < 0) give_up(visit);
}

static outrider_status start(visit *visit, int with_length) {
  demo_fields fields;
  demo_make_fields(&fields, visit->head, &visit->plan);
  if (with_length) demo_add_length(&fields, visit->head);
  outrider_status status =
      outrider_send_start(visit->host, visit->exchange, visit->plan.status, fields.list, fields.n);
  demo_free_fields(&fields);
  return status;
}

/* Timer: send the next chunk. If there is no room for it, the next tick tries again. */
static void stream_step(void *context, outrider_status why) {
  visit *visit = context;
  char text[8];
  if (why != OUTRIDER_OK) return; /* over; close() is next */
  if (!visit->started && start(visit, 0) < 0) {
    give_up(visit);
    return;
  }
  visit->started = 1;
  uint32_t more = visit->step + 1 < DEMO_STREAM_CHUNKS;
  outrider_status status =
      outrider_send_body(visit->host, visit->exchange, demo_chunk(text, visit->step), more);
  if (status >= 0)
    visit->step++;
  else if (status != OUTRIDER_E_AGAIN)
    give_up(visit);
  if ((more && status >= 0) || status == OUTRIDER_E_AGAIN)
    if (call_after(visit, DEMO_STREAM_GAP, stream_step) < 0) give_up(visit);
}

/* ---- /echo ----------------------------------------------------------------------------------------------------- */

static void echo_ask(visit *visit) {
  visit->echo = ECHO_READING;
  if (visit->host->receive(visit->host, visit->exchange, 1) < 0) give_up(visit);
}

/* The bytes of REQUEST are valid until on_event() returns: bytes that can't be sent now are copied, once. */
static void echo_hold(visit *visit, outrider_bytes bytes, uint32_t more) {
  visit->echo = ECHO_HOLDING;
  if (visit->held.data) return; /* it is what is held already */
  char *copy = malloc(bytes.size ? bytes.size : 1);
  if (!copy) {
    visit->echo = ECHO_DONE;
    give_up(visit);
    return;
  }
  if (bytes.size) memcpy(copy, bytes.data, bytes.size);
  visit->held = (outrider_bytes){copy, bytes.size};
  visit->held_more = more;
}

static void echo_release_held(visit *visit) {
  free((void *)visit->held.data);
  visit->held = (outrider_bytes){NULL, 0};
}

/* Send a piece, and continue when it has been sent: at most one piece is held. */
static void echo_send(visit *visit, outrider_bytes bytes, uint32_t more) {
  outrider_status status = outrider_send_body(visit->host, visit->exchange, bytes, more);
  if (status == OUTRIDER_E_AGAIN) {
    echo_hold(visit, bytes, more);
    return;
  }
  echo_release_held(visit);
  visit->echo = ECHO_DONE;
  if (status < 0)
    give_up(visit);
  else if (more && status == OUTRIDER_PAUSE)
    visit->echo = ECHO_PAUSED;
  else if (more)
    echo_ask(visit);
}

/* The response starts with the first piece, not with the last. */
static void echo_request(visit *visit, const outrider_body_event *event) {
  if (!visit->started && start(visit, 1) < 0) {
    give_up(visit);
    return;
  }
  visit->started = 1;
  echo_send(visit, event->bytes, event->more);
}

static void echo_event(visit *visit, const outrider_event *event) {
  if (event->type == OUTRIDER_EVENT_REQUEST)
    echo_request(visit, (const outrider_body_event *)event);
  else if (event->type == OUTRIDER_EVENT_RESUME && visit->echo == ECHO_PAUSED)
    echo_ask(visit);
  else if (event->type == OUTRIDER_EVENT_RESUME && visit->echo == ECHO_HOLDING)
    echo_send(visit, visit->held, visit->held_more);
}

/* ---- /echo-whole ----------------------------------------------------------------------------------------------- */

static void refuse_too_large(visit *visit) {
  demo_plan plan = visit->plan;
  plan.status = 413;
  plan.content_type = (outrider_bytes)DEMO_PLAIN;
  plan.page = (outrider_bytes)TEXT("The body could not be read\n");
  if (answer(visit->host, visit->exchange, visit->head, &plan) < 0) give_up(visit);
}

/* The host takes the bytes; after a refusal they are still ours. */
static void answer_whole(visit *visit) {
  outrider_bytes body = {visit->whole.data, visit->whole.size};
  if (send_page(visit->host, visit->exchange, visit->head, &visit->plan, body, free) < 0)
    give_up(visit);
  else
    visit->whole.data = NULL;
}

static void gather_event(visit *visit, const outrider_event *event) {
  if (event->type != OUTRIDER_EVENT_REQUEST) return;
  const outrider_body_event *piece = (const outrider_body_event *)event;
  if (gathered_add(&visit->whole, piece->bytes.data, piece->bytes.size) < 0)
    refuse_too_large(visit);
  else if (!piece->more)
    answer_whole(visit);
  else if (visit->host->receive(visit->host, visit->exchange, 1) < 0)
    give_up(visit);
}

/* ---- Hooks ----------------------------------------------------------------------------------------------------- */

/* Timed responses need no event: their timers are told when the exchange ends. */
static void on_visit_event(exchange_hooks *self, const outrider_event *event) {
  visit *visit = (struct visit *)self;
  if (visit->plan.kind == DEMO_ECHO) echo_event(visit, event);
  if (visit->plan.kind == DEMO_GATHER) gather_event(visit, event);
}

static void close_visit(exchange_hooks *self) {
  visit *visit = (struct visit *)self;
  echo_release_held(visit);
  free(visit->whole.data);
  free(visit);
}

/* Begin the first step of a long response. */
static outrider_status begin(visit *visit) {
  if (visit->plan.kind == DEMO_ECHO || visit->plan.kind == DEMO_GATHER)
    return visit->host->receive(visit->host, visit->exchange, 1);
  if (visit->plan.kind == DEMO_STREAM) return call_after(visit, 0, stream_step);
  return call_after(visit, wait_before_step(visit), timed_step);
}

static outrider_status open_visit(const outrider_host *host, outrider_exchange exchange, const outrider_head *head,
                                  const demo_plan *plan, void **self) {
  visit *opened = malloc(sizeof *opened);
  if (!opened) return OUTRIDER_E_LIMIT;
  *opened = (visit){
      .hooks = {on_visit_event, close_visit}, .host = host, .head = head, .exchange = exchange, .plan = *plan};
  outrider_status status = begin(opened);
  if (status < 0)
    free(opened); /* there will be no close() */
  else
    *self = opened;
  return status;
}

/* A handshake is accepted; any other request gets the page. */
static outrider_status open_socket(const outrider_host *host, outrider_exchange exchange, const outrider_head *head,
                                   const demo_plan *plan, void **self) {
  if (!(head->flags & OUTRIDER_HEAD_WEBSOCKET)) return answer(host, exchange, head, plan);
  return plan->kind == DEMO_CHAT_SOCKET ? open_chat_socket(host, exchange, self) : open_echo_socket(host, exchange, self);
}

static outrider_status open(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  demo_plan plan;
  demo_plan_for(&plan, head);
  *self = NULL;
  if (plan.kind == DEMO_WHOLE) return answer(state, exchange, head, &plan);
  if (plan.kind == DEMO_HEADERS) return answer_headers(state, exchange, head, &plan);
  if (plan.kind == DEMO_ECHO_SOCKET || plan.kind == DEMO_CHAT_SOCKET)
    return open_socket(state, exchange, head, &plan, self);
  return open_visit(state, exchange, head, &plan, self);
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)exchange;
  exchange_hooks *hooks = self;
  if (hooks) hooks->on_event(hooks, event);
}

static void close(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)exchange;
  exchange_hooks *hooks = self;
  if (hooks) hooks->close(hooks);
}

/* The host's table is the only state. */
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
    .name = "demo_event",
    .version = "1.0",
    .load = load,
    .open = open,
    .on_event = on_event,
    .close = close,
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
