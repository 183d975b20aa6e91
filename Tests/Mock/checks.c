/* What the mock host does beyond the calls of Tests/Plugins/program: time, slow clients, waits, hooks, requests.
 * Prints one line for each check that fails, and is run by test_mock_host.py. */
#define _GNU_SOURCE
#include <outrider/testing.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(condition) \
  ((condition) ? (void)0 : (failures++, (void)printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition)))

static int is(outrider_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && (bytes.size == 0 || memcmp(bytes.data, text, bytes.size) == 0);
}

/* ---- A plugin whose hooks do what each check says ------------------------------------------------------------------------- */

static char happened[2048];
static outrider_status (*on_handle)(outrider_exchange, const outrider_head *, const outrider_io *);
static outrider_status (*on_open)(const outrider_host *, outrider_exchange, const outrider_head *);
static void (*on_other_event)(const outrider_host *, outrider_exchange, const outrider_event *);
static outrider_status refuses_load, refuses_worker, refuses_thread;
static const outrider_host *host;

static void note(const char *what) {
  strncat(happened, happened[0] ? " " : "", sizeof happened - strlen(happened) - 1);
  strncat(happened, what, sizeof happened - strlen(happened) - 1);
}

static outrider_status load(const outrider_host *table, const outrider_load_info *info, void **state, outrider_error *error) {
  (void)state;
  host = table;
  note(info->process == OUTRIDER_PROCESS_WORKER ? "load-in-worker" : info->purpose == OUTRIDER_PURPOSE_CHECK ? "check" : "load");
  if (table->cancelled(table, (outrider_exchange){1}) == OUTRIDER_E_STATE) note("in-master");
  if (refuses_load) strcpy(error->text, "no database\nsee the manual");
  return refuses_load;
}
static void unload(void *state) { (void)state, note("unload"); }
static void before_fork(void *state) { (void)state, note("before_fork"); }
static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state, (void)error;
  note(info->model == OUTRIDER_MODEL_ASYNC && info->output_limit == 1000 ? "worker_start-async-1000" : "worker_start");
  return refuses_worker;
}
static void worker_stop(void *state, uint64_t deadline_ns) { (void)state, note(deadline_ns == 7 ? "worker_stop-7" : "worker_stop"); }
static outrider_status thread_start(void *state, const outrider_thread_info *info, void **thread, outrider_error *error) {
  (void)state, (void)info, (void)error;
  *thread = happened;
  note("thread_start");
  return refuses_thread;
}
static void thread_stop(void *state, void *thread) { (void)state, note(thread == happened ? "thread_stop" : "other-thread"); }
static void on_wake(void *state) { (void)state, note("on_wake"); }
static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)state;
  CHECK(thread == happened);
  return on_handle(exchange, head, io);
}
static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  CHECK(state == host && *self == NULL);
  *self = happened;
  return on_open(host, exchange, head);
}
static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  static const char *const names[] = {"", "REQUEST", "REQUEST_TRAILERS", "DISCONNECT", "DRAINING", "RESUME", "SENT"};
  char text[64];
  CHECK(state == host && self == happened);
  if (event->type == OUTRIDER_EVENT_DISCONNECT)
    snprintf(text, sizeof text, "DISCONNECT%d", ((const outrider_notice_event *)event)->reason);
  else if (event->type == OUTRIDER_EVENT_REQUEST)
    snprintf(text, sizeof text, "REQUEST:%.*s%s", (int)((const outrider_body_event *)event)->bytes.size,
             ((const outrider_body_event *)event)->bytes.data ? ((const outrider_body_event *)event)->bytes.data : "",
             ((const outrider_body_event *)event)->more ? "+" : "");
  else if (event->type == OUTRIDER_EVENT_SENT)
    snprintf(text, sizeof text, "SENT%d", (int)event->tag);
  else
    snprintf(text, sizeof text, "%s", names[event->type]);
  note(text);
  if (on_other_event) on_other_event(host, exchange, event);
}
static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  CHECK(state == host && self == happened && host->head(host, exchange) != NULL);
  note("close");
}

static const outrider_plugin plugin = {sizeof plugin, OUTRIDER_ABI_VERSION, OUTRIDER_ABI(1, 0), 0, .name = "checks",
                                       .version = "1", .load = load, .unload = unload, .before_fork = before_fork,
                                       .worker_start = worker_start, .worker_stop = worker_stop, .on_wake = on_wake,
                                       .thread_start = thread_start, .thread_stop = thread_stop, .handle = handle,
                                       .open = open_exchange, .on_event = on_event, .close = close_exchange};

static const outrider_plugin *entry(const outrider_host *table) {
  (void)table;
  return &plugin;
}

static outrider_mock *started(outrider_mock_settings settings) {
  settings.size = sizeof settings;
  happened[0] = 0;
  on_other_event = NULL;
  outrider_mock *mock = outrider_mock_new(entry, &settings);
  CHECK(outrider_mock_start(mock) == OUTRIDER_OK);
  happened[0] = 0;
  return mock;
}

static void stopped(outrider_mock *mock) {
  outrider_mock_stop(mock, 0);
  outrider_mock_free(mock);
}

#define ASYNC (outrider_mock_settings){.model = OUTRIDER_MODEL_ASYNC}

/* ---- Hooks ------------------------------------------------------------------------------------------------------------------ */

static void hooks_come_in_order(void) {
  const outrider_mock_settings settings = {.size = sizeof settings, .model = OUTRIDER_MODEL_ASYNC, .output_limit = 1000};
  happened[0] = 0;
  outrider_mock *mock = outrider_mock_new(entry, &settings);
  CHECK(outrider_mock_serve(mock, &(outrider_mock_request){.size = sizeof(outrider_mock_request)}) == NULL);
  CHECK(outrider_mock_start(mock) == OUTRIDER_OK);
  host->wake(host), host->wake(host);
  outrider_mock_run(mock);
  outrider_mock_stop(mock, 7);
  CHECK(strcmp(happened, "load in-master before_fork worker_start-async-1000 thread_start on_wake thread_stop worker_stop-7 "
                         "unload") == 0);
  outrider_mock_free(mock);
}

static void a_worker_that_loads_does_not_fork(void) {
  const outrider_mock_settings settings = {.size = sizeof settings, .process = OUTRIDER_PROCESS_WORKER};
  happened[0] = 0;
  outrider_mock *mock = outrider_mock_new(entry, &settings);
  CHECK(outrider_mock_start(mock) == OUTRIDER_OK);
  CHECK(strcmp(happened, "load-in-worker worker_start thread_start") == 0);
  stopped(mock);
}

static void refusals_have_their_reason(void) {
  outrider_status *const refusing[] = {&refuses_load, &refuses_worker, &refuses_thread};
  const char *const reasons[] = {"load refused: no database\nsee the manual", "worker_start refused: status -10",
                                 "thread_start refused: status -10"};
  for (int i = 0; i < 3; i++) {
    *refusing[i] = OUTRIDER_E_FAILED;
    outrider_mock *mock = outrider_mock_new(entry, NULL);
    CHECK(outrider_mock_start(mock) == OUTRIDER_E_FAILED);
    CHECK(strcmp(outrider_mock_error(mock), reasons[i]) == 0);
    *refusing[i] = 0;
    happened[0] = 0;
    stopped(mock);
    CHECK(happened[0] == 0);
  }
}

/* ---- Time -------------------------------------------------------------------------------------------------------------------- */

static outrider_status accept(const outrider_host *table, outrider_exchange exchange, const outrider_head *head) {
  (void)table, (void)exchange, (void)head;
  return OUTRIDER_OK;
}

static void tick(void *context, outrider_status why) {
  char text[32];
  snprintf(text, sizeof text, "%s%d", (const char *)context, why);
  note(text);
}

static void tick_again(void *context, outrider_status why) {
  if (why == OUTRIDER_OK) host->after(host, (outrider_exchange){0}, 100, tick, context, NULL);
}

static void a_timer_sees_its_own_moment(void) {
  outrider_mock *mock = started(ASYNC);
  CHECK(host->after(host, (outrider_exchange){0}, 100, tick_again, "a", NULL) == OUTRIDER_OK);
  outrider_mock_advance(mock, 250); /* past both, in one step */
  CHECK(strcmp(happened, "a0") == 0);
  stopped(mock);
}

static void timers_run_at_their_moment(void) {
  uint64_t timer;
  outrider_mock *mock = started(ASYNC);
  const uint64_t begin = outrider_mock_now(mock);
  CHECK(host->after(host, (outrider_exchange){0}, 300, tick, "c", NULL) == OUTRIDER_OK);
  CHECK(host->after(host, (outrider_exchange){0}, 100, tick, "a", NULL) == OUTRIDER_OK);
  CHECK(host->after(host, (outrider_exchange){0}, 200, tick, "b", &timer) == OUTRIDER_OK);
  CHECK(host->post(host, (outrider_exchange){0}, tick, "p") == OUTRIDER_OK);
  CHECK(happened[0] == 0);
  outrider_mock_advance(mock, 99);
  CHECK(strcmp(happened, "p0") == 0 && outrider_mock_now(mock) == begin + 99);
  outrider_mock_advance(mock, 1);
  CHECK(strcmp(happened, "p0 a0") == 0);
  CHECK(host->cancel(host, timer) == OUTRIDER_OK && host->cancel(host, timer) == OUTRIDER_E_CLOSED);
  outrider_mock_run(mock);
  CHECK(strcmp(happened, "p0 a0 b-4") == 0);
  outrider_mock_stop(mock, 0); /* what is pending is told */
  CHECK(strstr(happened, "thread_stop c-3 worker_stop unload"));
  outrider_mock_free(mock);
}

static void a_deadline_ends_an_event_exchange(void) {
  outrider_mock *mock = started((outrider_mock_settings){.model = OUTRIDER_MODEL_ASYNC, .request_timeout_ns = 1000});
  const outrider_mock_request request = {.size = sizeof request};
  on_open = accept;
  outrider_mock_exchange *exchange = outrider_mock_serve(mock, &request);
  CHECK(host->after(host, outrider_mock_handle(exchange), 5000, tick, "t", NULL) == OUTRIDER_OK);
  CHECK(host->head(host, outrider_mock_handle(exchange))->deadline_ns == outrider_mock_now(mock) + 1000);
  outrider_mock_advance(mock, 999);
  CHECK(outrider_mock_response_of(exchange)->ending == OUTRIDER_MOCK_OPEN);
  outrider_mock_advance(mock, 1);
  CHECK(outrider_mock_response_of(exchange)->ending == OUTRIDER_MOCK_PAGE && outrider_mock_response_of(exchange)->status == 504);
  CHECK(strcmp(happened, "DISCONNECT-4 t-3 close") == 0);
  CHECK(host->cancelled(host, outrider_mock_handle(exchange)) == OUTRIDER_E_CLOSED);
  stopped(mock);
}

static void let_time_pass(void *context, outrider_mock_exchange *exchange) {
  (void)exchange;
  outrider_mock_advance(*(outrider_mock **)context, 2000);
}

static outrider_status read_body(outrider_exchange exchange, const outrider_head *head, const outrider_io *io) {
  char bytes[100], text[128];
  size_t got;
  (void)head;
  while (1) {
    const outrider_status status = io->read(io, exchange, bytes, sizeof bytes, &got);
    snprintf(text, sizeof text, "%d:%.*s", status, status ? 0 : (int)got, bytes);
    note(text);
    if (status || got == 0) return status;
  }
}

static void a_deadline_ends_a_wait(void) {
  outrider_mock *mock = started((outrider_mock_settings){.request_timeout_ns = 1000});
  const outrider_mock_request request = {.size = sizeof request, .flags = OUTRIDER_MOCK_BODY_FOLLOWS, .method = "POST",
                                         .wait = let_time_pass, .wait_context = &mock};
  on_handle = read_body;
  const outrider_mock_response *response = outrider_mock_response_of(outrider_mock_serve(mock, &request));
  CHECK(strcmp(happened, "-4:") == 0 && response->status == 504 && response->ending == OUTRIDER_MOCK_PAGE);
  stopped(mock);
}

/* ---- Clients ------------------------------------------------------------------------------------------------------------------- */

static void feed_two_pieces(void *context, outrider_mock_exchange *exchange) {
  int *times = context;
  if (++*times == 3)
    outrider_mock_end_body(exchange, NULL, 0);
  else
    outrider_mock_feed(exchange, outrider_text(*times == 1 ? "one" : "two"));
}

static void a_blocking_read_waits_for_the_client(void) {
  int times = 0;
  outrider_mock *mock = started((outrider_mock_settings){0});
  outrider_mock_request request = {.size = sizeof request, .flags = OUTRIDER_MOCK_BODY_FOLLOWS, .method = "POST", .piece = 2,
                                   .wait = feed_two_pieces, .wait_context = &times};
  on_handle = read_body;
  outrider_mock_serve(mock, &request);
  CHECK(strcmp(happened, "0:on 0:e 0:tw 0:o 0:") == 0);
  happened[0] = 0;
  request.wait = NULL; /* then the client leaves */
  outrider_mock_exchange *exchange = outrider_mock_serve(mock, &request);
  CHECK(strcmp(happened, "-3:") == 0 && outrider_mock_response_of(exchange)->ending == OUTRIDER_MOCK_NONE);
  stopped(mock);
}

static void a_large_body_is_refused(void) {
  outrider_mock *mock = started((outrider_mock_settings){.body_limit = 4});
  const outrider_mock_request request = {.size = sizeof request, .method = "POST", .body = outrider_text("12345")};
  on_handle = read_body;
  const outrider_mock_response *response = outrider_mock_response_of(outrider_mock_serve(mock, &request));
  CHECK(strcmp(happened, "-6:") == 0 && response->status == 413);
  CHECK(outrider_mock_misuses(mock) == 0);
  stopped(mock);
}

static outrider_status want_all(const outrider_host *table, outrider_exchange exchange, const outrider_head *head) {
  (void)head;
  return table->receive(table, exchange, 2);
}

static void body_events_follow_credit(void) {
  outrider_mock *mock = started(ASYNC);
  const outrider_mock_request request = {.size = sizeof request, .flags = OUTRIDER_MOCK_BODY_FOLLOWS, .method = "POST"};
  const outrider_field trailer = outrider_field_of("x-sum", "1");
  on_open = want_all;
  outrider_mock_exchange *exchange = outrider_mock_serve(mock, &request);
  CHECK(happened[0] == 0);
  outrider_mock_feed(exchange, outrider_text("one"));
  outrider_mock_feed(exchange, outrider_text("two"));
  outrider_mock_feed(exchange, outrider_text("three"));
  CHECK(strcmp(happened, "REQUEST:one+ REQUEST:two+") == 0);
  outrider_mock_end_body(exchange, &trailer, 1);
  CHECK(host->receive(host, outrider_mock_handle(exchange), 5) == OUTRIDER_OK);
  outrider_mock_run(mock);
  CHECK(strcmp(happened, "REQUEST:one+ REQUEST:two+ REQUEST:three+ REQUEST: REQUEST_TRAILERS") == 0);
  CHECK(host->receive(host, outrider_mock_handle(exchange), 1) == OUTRIDER_E_STATE);
  CHECK(outrider_mock_misuses(mock) == 1 &&
        strcmp(outrider_mock_misuse(mock, 0), "receive refused: OUTRIDER_E_STATE: the body has been delivered whole") == 0);
  outrider_mock_leave(exchange);
  CHECK(strstr(happened, "DISCONNECT-3 close"));
  stopped(mock);
}

static outrider_status begin(const outrider_host *table, outrider_exchange exchange, const outrider_head *head) {
  (void)head;
  return outrider_send_start(table, exchange, 200, NULL, 0);
}

static void a_slow_client_makes_the_plugin_wait(void) {
  static char bytes[900];
  outrider_mock *mock = started((outrider_mock_settings){.model = OUTRIDER_MODEL_ASYNC, .output_limit = 1000});
  const outrider_mock_request request = {.size = sizeof request, .flags = OUTRIDER_MOCK_SLOW};
  on_open = begin;
  memset(bytes, 'x', sizeof bytes);
  outrider_mock_exchange *exchange = outrider_mock_serve(mock, &request);
  const outrider_exchange handle = outrider_mock_handle(exchange);
  CHECK(outrider_mock_response_of(exchange)->wire.size == 0);
  CHECK(outrider_send_body(host, handle, (outrider_bytes){bytes, 600}, 1) == OUTRIDER_PAUSE);
  CHECK(outrider_send_body(host, handle, (outrider_bytes){bytes, 900}, 1) == OUTRIDER_E_AGAIN);
  CHECK(outrider_send_body(host, handle, (outrider_bytes){bytes, 1001}, 1) == OUTRIDER_E_LIMIT);
  outrider_mock_run(mock);
  CHECK(happened[0] == 0);
  outrider_mock_take(exchange, 10000);
  CHECK(strcmp(happened, "RESUME") == 0);
  outrider_body_event last = {sizeof last, OUTRIDER_EVENT_BODY, 5, {bytes, 900}, 0, 0, NULL, NULL};
  CHECK(host->send(host, handle, (const outrider_event *)&last) == OUTRIDER_OK);
  outrider_mock_run(mock);
  CHECK(strcmp(happened, "RESUME SENT5 close") == 0);
  CHECK(outrider_mock_response_of(exchange)->body.size == 1500);
  CHECK(outrider_mock_response_of(exchange)->ending == OUTRIDER_MOCK_COMPLETE);
  stopped(mock);
}

static void an_end_cuts_what_is_open(void) {
  outrider_mock *mock = started(ASYNC);
  const outrider_mock_request request = {.size = sizeof request};
  on_open = begin;
  outrider_mock_exchange *begun = outrider_mock_serve(mock, &request);
  on_open = accept;
  outrider_mock_exchange *opened = outrider_mock_serve(mock, &request);
  CHECK(host->draining(host) == 0);
  outrider_mock_drain(mock);
  CHECK(host->draining(host) == 1 && strcmp(happened, "DRAINING DRAINING") == 0);
  outrider_mock_stop(mock, 0);
  CHECK(strstr(happened, "DISCONNECT-4 close DISCONNECT-4 close thread_stop"));
  CHECK(outrider_mock_response_of(begun)->ending == OUTRIDER_MOCK_CUT);
  CHECK(outrider_mock_response_of(opened)->ending == OUTRIDER_MOCK_PAGE && outrider_mock_response_of(opened)->status == 503);
  outrider_mock_free(mock);
}

/* ---- Heads ---------------------------------------------------------------------------------------------------------------------- */

static const char *expected_path, *expected_query;
static uint32_t expected_flags;

static outrider_status look(outrider_exchange exchange, const outrider_head *head, const outrider_io *io) {
  CHECK(is(head->path, expected_path) && is(head->query, expected_query) && head->flags == expected_flags);
  return io->respond(io, exchange, 204, NULL, 0, (outrider_bytes){NULL, 0});
}

static outrider_mock_exchange *asked(outrider_mock *mock, const char *target, const char *path, const char *query,
                                     uint32_t flags) {
  const outrider_mock_request request = {.size = sizeof request, .target = target};
  expected_path = path;
  expected_query = query;
  expected_flags = flags | OUTRIDER_HEAD_MAY_HINT;
  return outrider_mock_serve(mock, &request);
}

static void targets_are_taken_apart_as_in_the_server(void) {
  outrider_mock *mock = started((outrider_mock_settings){.mount = "/app"});
  on_handle = look;
  CHECK(asked(mock, "/app/a%20b/./c/../d?x=%20", "/a b/d", "x=%20", 0));
  CHECK(asked(mock, "/app", "/", "", OUTRIDER_HEAD_BARE_MOUNT));
  CHECK(asked(mock, "/app/", "/", "", 0));
  CHECK(asked(mock, "http://host/app/x?y", "/x", "y", 0));
  CHECK(!asked(mock, "/apple", "", "", 0) && !asked(mock, "/app/../../x", "", "", 0) && !asked(mock, "/app/%00", "", "", 0));
  CHECK(!asked(mock, "/app/%2", "", "", 0) && !asked(mock, "*", "", "", 0) && !asked(mock, "app", "", "", 0));
  stopped(mock);
}

static outrider_status look_at_tls(outrider_exchange exchange, const outrider_head *head, const outrider_io *io) {
  const outrider_tls *tls = host->tls(host, exchange);
  CHECK(is(head->scheme, "https") && tls && is(tls->version, "TLSv1.3") && is(tls->server_name, "example"));
  return io->respond(io, exchange, 204, NULL, 0, (outrider_bytes){NULL, 0});
}

static void tls_is_told(void) {
  outrider_mock *mock = started((outrider_mock_settings){0});
  const outrider_mock_request request = {.size = sizeof request, .flags = OUTRIDER_MOCK_TLS, .authority = "example"};
  on_handle = look_at_tls;
  CHECK(outrider_mock_response_of(outrider_mock_serve(mock, &request))->status == 204);
  stopped(mock);
}

/* ---- The table --------------------------------------------------------------------------------------------------------------------- */

static void the_configuration_is_read(void) {
  outrider_mock *mock = started((outrider_mock_settings){
      .config = "{\"text\": \"gr\\u00fc\\\"\\\\u\\n\", \"n\": -12, \"f\": 1.5, \"yes\": true, \"in\": {\"side\": {\"x\": \"y\"}}, \"l\": [1, {}]}"});
  CHECK(is(host->config_string(host, "text", NULL), "gr\xc3\xbc\"\\u\n"));
  CHECK(is(host->config_string(host, "in.side.x", NULL), "y"));
  CHECK(host->config_string(host, "none", NULL).data == NULL && is(host->config_string(host, "none", "f"), "f"));
  CHECK(host->config_integer(host, "n", 5) == -12 && host->config_integer(host, "f", 5) == 5);
  CHECK(host->config_boolean(host, "yes", 0) == 1 && host->config_boolean(host, "n", 7) == 7);
  CHECK(is(host->config_string(host, "n", "f"), "f"));
  CHECK(outrider_mock_log_lines(mock) == 3);
  CHECK(strcmp(outrider_mock_log_line(mock, 0, NULL), "config key f is not an integer; its fallback is used") == 0);
  stopped(mock);
  mock = outrider_mock_new(entry, &(outrider_mock_settings){.size = sizeof(outrider_mock_settings), .config = "{\"a\":}"});
  CHECK(outrider_mock_start(mock) < 0 && strstr(outrider_mock_error(mock), "not a JSON object"));
  outrider_mock_free(mock);
}

static const void *find(void *context, const char *name) { return strcmp(name, "test/1") == 0 ? context : NULL; }

static void extensions_are_the_tests_own(void) {
  outrider_mock *mock = started((outrider_mock_settings){.extension = find, .extension_context = &failures});
  CHECK(host->extension(host, "test/1") == &failures && host->extension(host, "test/2") == NULL);
  stopped(mock);
}

static void structures_can_be_larger(void) {
  outrider_mock *mock = started((outrider_mock_settings){.abi = OUTRIDER_ABI(1, 7), .growth = 8});
  CHECK(host->size == sizeof *host + 8 && host->abi == OUTRIDER_ABI(1, 7));
  CHECK(((const unsigned char *)host)[sizeof *host + 7] == 0xA5);
  stopped(mock);
}

static void *wake_and_post(void *argument) {
  (void)argument;
  host->wake(host);
  host->post(host, (outrider_exchange){0}, tick, "from-thread");
  return NULL;
}

static void other_threads_are_waited_for(void) {
  pthread_t thread;
  outrider_mock *mock = started(ASYNC);
  CHECK(outrider_mock_wait(mock, 1) == 0);
  pthread_create(&thread, NULL, wake_and_post, NULL);
  pthread_join(thread, NULL);
  CHECK(happened[0] == 0);
  CHECK(outrider_mock_wait(mock, 1000) == 1);
  CHECK(strstr(happened, "on_wake") && strstr(happened, "from-thread0"));
  stopped(mock);
}

static void it_logs(void) {
  uint32_t level;
  outrider_mock *mock = started((outrider_mock_settings){0});
  host->log(host, (outrider_exchange){0}, 77, outrider_text("hello"));
  CHECK(outrider_mock_log_lines(mock) == 1 && strcmp(outrider_mock_log_line(mock, 0, &level), "hello") == 0);
  CHECK(level == OUTRIDER_LOG_ERROR);
  stopped(mock);
}

int main(void) {
  hooks_come_in_order();
  a_worker_that_loads_does_not_fork();
  refusals_have_their_reason();
  timers_run_at_their_moment();
  a_timer_sees_its_own_moment();
  a_deadline_ends_an_event_exchange();
  a_deadline_ends_a_wait();
  a_blocking_read_waits_for_the_client();
  a_large_body_is_refused();
  body_events_follow_credit();
  a_slow_client_makes_the_plugin_wait();
  an_end_cuts_what_is_open();
  targets_are_taken_apart_as_in_the_server();
  tls_is_told();
  the_configuration_is_read();
  extensions_are_the_tests_own();
  structures_can_be_larger();
  other_threads_are_waited_for();
  it_logs();
  if (failures == 0) puts("all checks hold");
  return failures != 0;
}
