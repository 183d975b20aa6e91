/* The extensions of the mock host, as a plugin and its test use them. Prints one line for each check that fails, and is run by
 * test_mock_host.py. */
#define _GNU_SOURCE
#include <outrider/config.h>
#include <outrider/health.h>
#include <outrider/log.h>
#include <outrider/loop.h>
#include <outrider/metrics.h>
#include <outrider/store.h>
#include <outrider/testing.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

#define CHECK(condition) \
  ((condition) ? (void)0 : (failures++, (void)printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition)))

static int is(outrider_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && (bytes.size == 0 || memcmp(bytes.data, text, bytes.size) == 0);
}

/* ---- A plugin whose hooks do what each check says ------------------------------------------------------------------------- */

static const outrider_host *host;
static outrider_status (*on_load)(void);
static outrider_status (*on_open)(outrider_exchange);
static int closed, unloaded;

static outrider_status load(const outrider_host *table, const outrider_load_info *info, void **state, outrider_error *error) {
  (void)info, (void)state, (void)error;
  host = table;
  return on_load ? on_load() : OUTRIDER_OK;
}
static void unload(void *state) { (void)state, unloaded++; }
static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  (void)state, (void)head, (void)self;
  return on_open ? on_open(exchange) : outrider_send_response(host, exchange, 200, NULL, 0, outrider_text("ok"));
}
static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)self, (void)exchange, (void)event;
}
static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)self, (void)exchange, closed++;
}

static const outrider_plugin *entry(const outrider_host *table) {
  static const outrider_plugin plugin = {.size = sizeof plugin,
                                         .abi = OUTRIDER_ABI_VERSION,
                                         .abi_required = OUTRIDER_ABI(1, 0),
                                         .name = "extended",
                                         .version = "1",
                                         .load = load,
                                         .unload = unload,
                                         .open = open_exchange,
                                         .on_event = on_event,
                                         .close = close_exchange};
  host = table;
  return &plugin;
}

static outrider_mock *made(outrider_mock_settings settings) {
  settings.size = sizeof settings;
  settings.model = OUTRIDER_MODEL_ASYNC;
  closed = unloaded = 0;
  return outrider_mock_new(entry, &settings);
}

static outrider_mock *started(const char *config) {
  outrider_mock *mock = made((outrider_mock_settings){.config = config});
  CHECK(outrider_mock_start(mock) == OUTRIDER_OK);
  return mock;
}

static void stopped(outrider_mock *mock, size_t misuses) {
  outrider_mock_stop(mock, 0);
  CHECK(outrider_mock_misuses(mock) == misuses);
  for (size_t i = misuses; i < outrider_mock_misuses(mock); i++) printf("misuse: %s\n", outrider_mock_misuse(mock, i));
  outrider_mock_free(mock);
  on_load = NULL, on_open = NULL;
}

static outrider_mock_exchange *served(outrider_mock *mock, const outrider_field *fields, size_t n) {
  const outrider_mock_request request = {.size = sizeof request, .fields = fields, .n_fields = n};
  return outrider_mock_serve(mock, &request);
}

/* ---- Configuration ------------------------------------------------------------------------------------------------------- */

#define CONFIG ((const outrider_config *)host->extension(host, OUTRIDER_CONFIG))

static outrider_status values_are_read(void) {
  const outrider_config *config = CONFIG;
  const uint32_t root = OUTRIDER_CONFIG_ROOT, list = config->find(host, root, "list"), table = config->find(host, root, "z");
  outrider_config_date date = {.size = sizeof date};
  CHECK(config->type(host, root) == OUTRIDER_CONFIG_TABLE && config->count(host, root) == 6);
  CHECK(is(config->key(host, config->at(host, root, 0)), "a.b") && config->at(host, root, 6) == 0);
  CHECK(is(config->text(host, config->find(host, root, "a.b")), "x\"\n\xC3\xA9"));
  CHECK(config->type(host, list) == OUTRIDER_CONFIG_ARRAY && config->count(host, list) == 3);
  CHECK(config->integer(host, config->at(host, list, 0)) == -7 && config->number(host, config->at(host, list, 1)) == 2.5);
  CHECK(config->type(host, config->at(host, list, 2)) == OUTRIDER_CONFIG_BOOLEAN);
  CHECK(config->number(host, config->at(host, list, 0)) == -7 && config->key(host, config->at(host, list, 0)).size == 0);
  CHECK(config->integer(host, config->find(host, config->find(host, table, "deep"), "n")) == 1);
  CHECK(config->find(host, root, "none") == 0 && config->find(host, 0, "a") == 0 && config->find(host, list, "a") == 0);
  CHECK(config->type(host, 99) == 0 && config->count(host, 0) == 0 && config->integer(host, 0) == 0);
  CHECK(config->date(host, config->find(host, root, "since"), &date) == OUTRIDER_OK);
  CHECK(date.parts == (OUTRIDER_CONFIG_HAS_DATE | OUTRIDER_CONFIG_HAS_TIME | OUTRIDER_CONFIG_HAS_OFFSET) && date.year == 2026);
  CHECK(date.minute == 30 && date.second == 1 && date.nanosecond == 250000000 && date.offset_minutes == -90);
  CHECK(config->date(host, config->find(host, root, "day"), &date) == OUTRIDER_OK && date.parts == OUTRIDER_CONFIG_HAS_DATE);
  CHECK(config->date(host, root, &date) == OUTRIDER_E_INVALID);
  return OUTRIDER_OK;
}

static void configuration(void) {
  on_load = values_are_read;
  stopped(started("{\"z\": {\"deep\": {\"n\": 1}}, \"list\": [-7, 2.5, true], \"empty\": [], \"a.b\": \"x\\\"\\n\\u00e9\", "
                  "\"since\": {\"@date\": \"2026-12-01T10:30:01.25-01:30\"}, \"day\": {\"@date\": \"2026-12-01\"}}"),
          0);
}

static outrider_status errors_are_reported(void) {
  static const char *const keys[] = {"known", "table"};
  const uint32_t table = CONFIG->find(host, OUTRIDER_CONFIG_ROOT, "table");
  CHECK(CONFIG->expect(host, OUTRIDER_CONFIG_ROOT, keys, 2) == OUTRIDER_E_INVALID);
  CHECK(CONFIG->expect(host, table, keys, 0) == OUTRIDER_E_INVALID);
  CHECK(CONFIG->error(host, CONFIG->find(host, table, "n"), NULL, outrider_text("is too small")) == OUTRIDER_OK);
  CHECK(CONFIG->error(host, table, "more", outrider_text("is missing")) == OUTRIDER_OK);
  CHECK(CONFIG->error(host, 99, NULL, outrider_text("is missing")) == OUTRIDER_E_INVALID);
  return OUTRIDER_OK;
}

static void configuration_errors(void) {
  on_load = errors_are_reported;
  outrider_mock *mock = made((outrider_mock_settings){.config = "{\"known\": 1, \"knwon\": 2, \"table\": {\"n\": 0}}"});
  CHECK(outrider_mock_start(mock) == OUTRIDER_E_INVALID && unloaded == 1);
  CHECK(strcmp(outrider_mock_error(mock),
               "plugin.config: unknown key \"knwon\"\nplugin.config.table: unknown key \"n\"\n"
               "plugin.config.table.n: is too small\nplugin.config.table.more: is missing") == 0);
  outrider_mock_free(mock);
  on_load = NULL;
  mock = started("{}");
  CHECK(CONFIG->error(host, OUTRIDER_CONFIG_ROOT, NULL, outrider_text("late")) == OUTRIDER_E_STATE);
  stopped(mock, 0);
}

/* ---- Notes and traces ---------------------------------------------------------------------------------------------------- */

#define LOG ((const outrider_log *)host->extension(host, OUTRIDER_LOG))

static outrider_status notes_are_taken(outrider_exchange exchange) {
  char key[16], large[300];
  outrider_trace trace = {.size = sizeof trace};
  memset(large, 'x', sizeof large);
  CHECK(LOG->enabled(host, OUTRIDER_LOG_DEBUG) == 1);
  CHECK(LOG->note(host, exchange, "user", outrider_text("ann")) == OUTRIDER_OK);
  CHECK(LOG->note(host, exchange, "user", outrider_text("bob")) == OUTRIDER_OK);
  CHECK(LOG->note(host, exchange, "gone", outrider_text("x")) == OUTRIDER_OK);
  CHECK(LOG->note(host, exchange, "gone", outrider_text("")) == OUTRIDER_OK);
  CHECK(LOG->note(host, exchange, "large", (outrider_bytes){large, sizeof large}) == OUTRIDER_OK);
  CHECK(LOG->note(host, exchange, "no key", outrider_text("x")) == OUTRIDER_E_INVALID);
  for (int i = 0; i < 14; i++) {
    snprintf(key, sizeof key, "k%d", i);
    CHECK(LOG->note(host, exchange, key, outrider_text("1")) == OUTRIDER_OK);
  }
  CHECK(LOG->note(host, exchange, "k14", outrider_text("1")) == OUTRIDER_E_LIMIT);
  CHECK(LOG->trace(host, exchange, &trace) == OUTRIDER_OK && trace.present == 1 && trace.flags == OUTRIDER_TRACE_SAMPLED);
  CHECK(trace.parent_id[0] == 0xb7 && trace.trace_id[15] == 0x9c && is(trace.parent_id_text, "b7ad6b7169203331"));
  return outrider_send_response(host, exchange, 200, NULL, 0, outrider_text("ok"));
}

static outrider_status no_trace(outrider_exchange exchange) {
  outrider_trace trace = {.size = sizeof trace}, small = {.size = 8};
  CHECK(LOG->trace(host, exchange, &trace) == OUTRIDER_OK && trace.present == 0 && trace.trace_id_text.size == 0);
  CHECK(LOG->trace(host, exchange, &small) == OUTRIDER_E_INVALID);
  return outrider_send_response(host, exchange, 200, NULL, 0, outrider_text("ok"));
}

static void notes(void) {
  const outrider_field parent = outrider_field_of("TraceParent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  const outrider_field two[] = {parent, parent};
  on_open = notes_are_taken;
  outrider_mock *mock = started("{}");
  outrider_mock_exchange *exchange = served(mock, &parent, 1);
  CHECK(is(outrider_mock_note(exchange, "user"), "bob") && outrider_mock_note(exchange, "large").size == OUTRIDER_LOG_MAX_VALUE);
  CHECK(outrider_mock_note(exchange, "gone").data == NULL && outrider_mock_note(exchange, "none").data == NULL);
  CHECK(LOG->note(host, outrider_mock_handle(exchange), "late", outrider_text("x")) == OUTRIDER_E_CLOSED);
  CHECK(outrider_mock_misuses(mock) == 2);
  CHECK(strcmp(outrider_mock_misuse(mock, 1), "log.note refused: OUTRIDER_E_LIMIT: a request has at most 16 notes") == 0);
  on_open = no_trace;
  served(mock, two, 2);
  stopped(mock, 3);
}

/* ---- Metrics ------------------------------------------------------------------------------------------------------------- */

#define METRICS ((const outrider_metrics *)host->extension(host, OUTRIDER_METRICS))

static uint32_t hits, level, times;

static outrider_status metrics_are_defined(void) {
  static const double bounds[] = {0.1, 1}, falling[] = {1, 1};
  const outrider_metric_label label = {"result", "h\"it"};
  outrider_metric metric = {sizeof metric, OUTRIDER_METRIC_COUNTER, "cache_total", "Looks.", &label, 1, NULL, 0};
  uint32_t again = 0;
  CHECK(METRICS->define(host, &metric, &hits) == OUTRIDER_OK && hits != 0);
  CHECK(METRICS->define(host, &metric, &again) == OUTRIDER_OK && again == hits);
  metric.kind = OUTRIDER_METRIC_GAUGE;
  CHECK(METRICS->define(host, &metric, &again) == OUTRIDER_E_INVALID);
  metric = (outrider_metric){sizeof metric, OUTRIDER_METRIC_GAUGE, "level", "Now.", NULL, 0, NULL, 0};
  CHECK(METRICS->define(host, &metric, &level) == OUTRIDER_OK);
  metric = (outrider_metric){sizeof metric, OUTRIDER_METRIC_HISTOGRAM, "query_seconds", "Time.", NULL, 0, bounds, 2};
  CHECK(METRICS->define(host, &metric, &times) == OUTRIDER_OK);
  metric.name = "falling_seconds", metric.bounds = falling;
  CHECK(METRICS->define(host, &metric, &again) == OUTRIDER_E_INVALID);
  CHECK(METRICS->add(host, hits, 1) == OUTRIDER_E_STATE);
  return OUTRIDER_OK;
}

static void metrics(void) {
  on_load = metrics_are_defined;
  outrider_mock *mock = started("{}");
  const outrider_metric metric = {sizeof metric, OUTRIDER_METRIC_COUNTER, "late_total", "Late.", NULL, 0, NULL, 0};
  CHECK(strcmp(outrider_mock_log_line(mock, 0, NULL),
               "metrics.define refused: metric cache_total: only the name of a counter ends with _total") == 0);
  CHECK(outrider_mock_metric(mock, "cache_total{result=\"h\\\"it\"}") == 0 && isnan(outrider_mock_metric(mock, "level")));
  CHECK(METRICS->add(host, hits, 3) == OUTRIDER_OK && METRICS->add(host, hits, 4) == OUTRIDER_OK);
  CHECK(METRICS->set(host, level, 2.5) == OUTRIDER_OK && METRICS->change(host, level, -4) == OUTRIDER_OK);
  CHECK(METRICS->observe(host, times, 0.1) == OUTRIDER_OK && METRICS->observe(host, times, 5) == OUTRIDER_OK);
  CHECK(outrider_mock_metric(mock, "cache_total{result=\"h\\\"it\"}") == 7 && outrider_mock_metric(mock, "level") == -1.5);
  CHECK(outrider_mock_metric(mock, "query_seconds_count") == 2 && outrider_mock_metric(mock, "query_seconds_sum") == 5.1);
  CHECK(isnan(outrider_mock_metric(mock, "cache_total")) && isnan(outrider_mock_metric(mock, "none")));
  CHECK(METRICS->define(host, &metric, &hits) == OUTRIDER_E_STATE);
  CHECK(METRICS->add(host, level, 1) == OUTRIDER_E_INVALID && METRICS->set(host, 0, 1) == OUTRIDER_E_INVALID);
  CHECK(METRICS->observe(host, times, NAN) == OUTRIDER_E_INVALID);
  CHECK(strcmp(outrider_mock_misuse(mock, 1), "metrics.set refused: OUTRIDER_E_INVALID: 0 is no metric of this entry that takes "
                                              "that value") == 0);
  stopped(mock, 3);
}

/* ---- Health -------------------------------------------------------------------------------------------------------------- */

#define HEALTH ((const outrider_health *)host->extension(host, OUTRIDER_HEALTH))

static void health(void) {
  outrider_mock *mock = started("{}");
  uint32_t thread, other;
  CHECK(HEALTH->watch(host, "pump", &thread) == OUTRIDER_OK && HEALTH->watch(host, "no name", &other) == OUTRIDER_E_INVALID);
  outrider_mock_advance(mock, 5);
  CHECK(outrider_mock_silent_thread(mock, 6) == NULL && strcmp(outrider_mock_silent_thread(mock, 5), "pump") == 0);
  CHECK(HEALTH->alive(host, thread) == OUTRIDER_OK && outrider_mock_silent_thread(mock, 1) == NULL);
  CHECK(HEALTH->idle(host, thread) == OUTRIDER_OK);
  outrider_mock_advance(mock, 1000);
  CHECK(outrider_mock_silent_thread(mock, 1) == NULL);
  CHECK(HEALTH->unwatch(host, thread) == OUTRIDER_OK && HEALTH->alive(host, thread) == OUTRIDER_E_CLOSED);
  for (uint32_t i = 0; i < OUTRIDER_HEALTH_MAX_THREADS; i++) CHECK(HEALTH->watch(host, "many", &other) == OUTRIDER_OK);
  CHECK(HEALTH->watch(host, "many", &other) == OUTRIDER_E_LIMIT && HEALTH->unwatch(host, thread) == OUTRIDER_E_CLOSED);
  CHECK(outrider_mock_not_ready(mock) == NULL && HEALTH->ready(host, 0, outrider_text("no database")) == OUTRIDER_OK);
  CHECK(strcmp(outrider_mock_not_ready(mock), "no database") == 0);
  CHECK(HEALTH->ready(host, 1, outrider_text("")) == OUTRIDER_OK && outrider_mock_not_ready(mock) == NULL);
  stopped(mock, 2);
}

/* ---- Store --------------------------------------------------------------------------------------------------------------- */

#define STORE ((const outrider_store *)host->extension(host, OUTRIDER_STORE))

static void store(void) {
  outrider_mock *mock = started("{}");
  char room[32];
  size_t got = 0, n = 0;
  uint64_t left = 1, cursor = 0;
  int64_t sum = 0;
  const outrider_bytes a = outrider_text("a"), one = outrider_text("one"), two = outrider_text("two");
  CHECK(STORE->get(host, a, room, sizeof room, &got, NULL) == OUTRIDER_SKIPPED && got == 0);
  CHECK(STORE->set(host, a, one, 100) == OUTRIDER_OK);
  CHECK(STORE->get(host, a, room, sizeof room, &got, &left) == OUTRIDER_OK && got == 3 && left == 100);
  CHECK(STORE->get(host, a, room, 2, &got, NULL) == OUTRIDER_E_LIMIT && got == 3);
  CHECK(STORE->compare_and_set(host, a, &two, two, 0) == OUTRIDER_SKIPPED);
  CHECK(STORE->compare_and_set(host, a, NULL, two, 0) == OUTRIDER_SKIPPED);
  CHECK(STORE->compare_and_set(host, a, &one, two, 50) == OUTRIDER_OK);
  outrider_mock_advance(mock, 49);
  CHECK(STORE->get(host, a, room, sizeof room, &got, &left) == OUTRIDER_OK && left == 1 && memcmp(room, "two", 3) == 0);
  outrider_mock_advance(mock, 1);
  CHECK(STORE->get(host, a, room, sizeof room, &got, NULL) == OUTRIDER_SKIPPED);
  CHECK(STORE->add(host, outrider_text("n:1"), 5, 0, &sum) == OUTRIDER_OK && sum == 5);
  CHECK(STORE->add(host, outrider_text("n:1"), -7, 0, &sum) == OUTRIDER_OK && sum == -2);
  CHECK(STORE->set(host, outrider_text("n:2"), one, 0) == OUTRIDER_OK && STORE->set(host, a, one, 0) == OUTRIDER_OK);
  CHECK(STORE->add(host, a, 1, 0, NULL) == OUTRIDER_E_STATE);
  while (STORE->next(host, outrider_text("n:"), &cursor, room, sizeof room, &got) == OUTRIDER_OK) n++;
  CHECK(n == 2 && STORE->remove(host, a) == OUTRIDER_OK && STORE->remove(host, a) == OUTRIDER_SKIPPED);
  CHECK(STORE->set(host, outrider_text(""), one, 0) == OUTRIDER_E_INVALID);
  stopped(mock, 2);
}

static void a_full_store(void) {
  outrider_mock *mock = made((outrider_mock_settings){.store_size = 200});
  CHECK(outrider_mock_start(mock) == OUTRIDER_OK);
  const outrider_bytes one = outrider_text("one");
  size_t got;
  CHECK(STORE->set(host, outrider_text("later"), one, 90) == OUTRIDER_OK && STORE->set(host, outrider_text("soon"), one, 10) == OUTRIDER_OK);
  CHECK(STORE->set(host, outrider_text("kept"), one, 0) == OUTRIDER_OK); /* the first to expire goes */
  CHECK(STORE->get(host, outrider_text("soon"), NULL, 0, &got, NULL) == OUTRIDER_SKIPPED);
  CHECK(STORE->get(host, outrider_text("later"), NULL, 0, &got, NULL) == OUTRIDER_E_LIMIT && got == 3);
  CHECK(STORE->set(host, outrider_text("too"), one, 0) == OUTRIDER_OK && STORE->set(host, outrider_text("much"), one, 0) == OUTRIDER_E_LIMIT);
  stopped(mock, 0);
}

/* ---- Loop ---------------------------------------------------------------------------------------------------------------- */

#define LOOP ((const outrider_loop *)host->extension(host, OUTRIDER_LOOP))

static int ends[2], ready, ended;
static uint64_t watch;
static outrider_exchange waiting;

static void answer(void *context, outrider_status why, uint32_t events) {
  char text[8];
  (void)context;
  if (why == OUTRIDER_E_CLOSED) {
    ended++;
    return;
  }
  ready++;
  CHECK(events == OUTRIDER_LOOP_READABLE);
  const ssize_t size = read(ends[0], text, sizeof text);
  CHECK(LOOP->unwatch(host, watch) == OUTRIDER_OK);
  outrider_send_response(host, waiting, 200, NULL, 0, (outrider_bytes){text, (size_t)size});
}

static outrider_status wait_for_the_pipe(outrider_exchange exchange) {
  waiting = exchange;
  return LOOP->watch(host, exchange, ends[0], OUTRIDER_LOOP_READABLE, answer, NULL, &watch);
}

static void *write_later(void *argument) {
  (void)argument;
  usleep(20000);
  CHECK(write(ends[1], "later", 5) == 5);
  return NULL;
}

static void *watch_elsewhere(void *argument) {
  (void)argument;
  return (void *)(intptr_t)LOOP->watch(host, (outrider_exchange){0}, ends[0], OUTRIDER_LOOP_READABLE, answer, NULL, NULL);
}

static void loop(void) {
  pthread_t thread;
  void *status;
  CHECK(pipe(ends) == 0);
  on_open = wait_for_the_pipe;
  outrider_mock *mock = started("{}");
  outrider_mock_exchange *exchange = served(mock, NULL, 0);
  CHECK(outrider_mock_response_of(exchange)->ending == OUTRIDER_MOCK_OPEN && ready == 0);
  CHECK(write(ends[1], "hello", 5) == 5);
  outrider_mock_run(mock);
  CHECK(is(outrider_mock_response_of(exchange)->body, "hello") && ready == 1 && ended == 0 && closed == 1);

  exchange = served(mock, NULL, 0);
  pthread_create(&thread, NULL, write_later, NULL);
  CHECK(outrider_mock_wait(mock, 10000) == 1 && is(outrider_mock_response_of(exchange)->body, "later"));
  pthread_join(thread, NULL);

  exchange = served(mock, NULL, 0);
  CHECK(LOOP->watch(host, (outrider_exchange){0}, ends[0], OUTRIDER_LOOP_READABLE, answer, NULL, NULL) == OUTRIDER_E_STATE);
  CHECK(LOOP->watch(host, (outrider_exchange){0}, 999, OUTRIDER_LOOP_READABLE, answer, NULL, NULL) == OUTRIDER_E_INVALID);
  CHECK(LOOP->watch(host, (outrider_exchange){0}, ends[1], 0x80000000u, answer, NULL, NULL) == OUTRIDER_E_INVALID);
  CHECK(LOOP->change(host, watch, 0) == OUTRIDER_OK && LOOP->change(host, 12345, 0) == OUTRIDER_E_CLOSED);
  CHECK(write(ends[1], "x", 1) == 1);
  outrider_mock_run(mock);
  CHECK(ready == 2); /* nothing is asked for */
  pthread_create(&thread, NULL, watch_elsewhere, NULL);
  pthread_join(thread, &status);
  CHECK((intptr_t)status == OUTRIDER_E_THREAD && LOOP->descriptor(host) == OUTRIDER_E_STATE);
  outrider_mock_leave(exchange);
  CHECK(ended == 1 && closed == 3 && LOOP->unwatch(host, watch) == OUTRIDER_E_CLOSED);

  CHECK(LOOP->watch(host, (outrider_exchange){0}, ends[0], OUTRIDER_LOOP_PRIORITY, answer, NULL, NULL) == OUTRIDER_OK);
  stopped(mock, 5);
  CHECK(ended == 2);
  close(ends[0]), close(ends[1]);
}

static void a_host_without(void) {
  outrider_mock *mock = made((outrider_mock_settings){.no_extensions = 1});
  CHECK(host->extension(host, OUTRIDER_STORE) == NULL);
  outrider_mock_free(mock);
  mock = started("{}");
  CHECK(host->extension(host, "outrider.none/1") == NULL && STORE->size == sizeof(outrider_store));
  stopped(mock, 0);
}

int main(void) {
  configuration();
  configuration_errors();
  notes();
  metrics();
  health();
  store();
  a_full_store();
  loop();
  a_host_without();
  if (failures == 0) puts("all checks hold");
  return failures != 0;
}
