/* outrider.metrics/1: load() defines what the paths record: /count?n, /set?x, /change?x, /observe?x, /threads?n (from n
 * threads at once), /late, /wrong. /pid says which worker answers. With `wrong = true`, load() tries what is refused. */
#include "../answered/answered.h"

#include <outrider/metrics.h>
#include <pthread.h>
#include <unistd.h>

struct state_of_entry {
  const outrider_host *host;
  const outrider_metrics *metrics;
  uint32_t hits, misses, level, highest, lowest, times, foreign;
};

static inline const outrider_host *host_of(const state_of_entry *own) { return own->host; }

static outrider_status define(state_of_entry *own, uint32_t kind, const char *name, const char *result,
                              const double *bounds, size_t n_bounds, uint32_t *number) {
  const outrider_metric_label label = {"result", result};
  const outrider_metric metric = {(uint32_t)sizeof metric, kind,     name,  "What the test counts, \\ and all.",
                                  result ? &label : NULL,  !!result, bounds, n_bounds};
  return own->metrics->define(own->host, &metric, number);
}

static const double bounds[] = {0.1, 1, 10};

static int refuses(state_of_entry *own) {
  static const double falling[] = {1, 0.5}, many[17] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
  const outrider_metric_label reserved = {"le", "x"}, twice[] = {{"a", "1"}, {"a", "2"}}, long_value = {
      "a", "0123456789012345678901234567890123456789012345678901234567890123456789"};
  const outrider_metric bad[] = {
      {sizeof(outrider_metric), OUTRIDER_METRIC_COUNTER, "hits", "No total.", NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "hits_total", "A gauge.", NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "a_sum", "A part.", NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "A", "A capital.", NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "9a", "A digit.", NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "a b", "A space.", NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "", "No name.", NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, NULL, "No name.", NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "a", "Two\nlines.", NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "a", NULL, NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "a", "Reserved.", &reserved, 1, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "a", "Twice.", twice, 2, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "a", "Long.", &long_value, 1, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "a", "Missing.", NULL, 1, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "a", "Endless.", twice, (size_t)-1, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_GAUGE, "a", "With bounds.", NULL, 0, bounds, 3},
      {sizeof(outrider_metric), OUTRIDER_METRIC_HISTOGRAM, "a", "No bounds.", NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_HISTOGRAM, "a", "Falling.", NULL, 0, falling, 2},
      {sizeof(outrider_metric), OUTRIDER_METRIC_HISTOGRAM, "a", "Many.", NULL, 0, many, 17},
      {sizeof(outrider_metric), 6, "a", "No kind.", NULL, 0, NULL, 0},
      {sizeof(outrider_metric), OUTRIDER_METRIC_HISTOGRAM, "level", "Another kind.", NULL, 0, bounds, 3},
      {8, OUTRIDER_METRIC_GAUGE, "a", "Small.", NULL, 0, NULL, 0}};
  uint32_t number = 77, again;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (own->metrics->define(own->host, &bad[i], &number) != OUTRIDER_E_INVALID || number != 77) {
      fprintf(stderr, "measured: definition %zu is accepted\n", i);
      return 0;
    }
  if (own->metrics->define(own->host, &bad[0], NULL) != OUTRIDER_E_INVALID ||
      own->metrics->define(own->host, NULL, &number) != OUTRIDER_E_INVALID)
    return 0;
  /* The same again is the same, and what there is no room for is refused. */
  if (define(own, OUTRIDER_METRIC_GAUGE, "level", NULL, NULL, 0, &again) != OUTRIDER_OK || again != own->level) return 0;
  outrider_status status = OUTRIDER_OK;
  unsigned defined = 0;
  while (status == OUTRIDER_OK) {
    char value[16];
    snprintf(value, sizeof value, "%u", defined);
    status = define(own, OUTRIDER_METRIC_GAUGE, "many", value, NULL, 0, &number);
    defined += status == OUTRIDER_OK;
  }
  return status == OUTRIDER_E_LIMIT && defined == OUTRIDER_METRICS_MAX_GAUGES - 3;
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info;
  state_of_entry *own = calloc(1, sizeof *own);
  if (!own) return OUTRIDER_E_IO;
  own->host = host;
  own->metrics = host->extension(host, OUTRIDER_METRICS);
  if (!own->metrics || own->metrics->size < sizeof *own->metrics) return OUTRIDER_E_UNSUPPORTED;
  if (define(own, OUTRIDER_METRIC_COUNTER, "cache_total", "hit", NULL, 0, &own->hits) ||
      define(own, OUTRIDER_METRIC_COUNTER, "cache_total", "miss \"\\\"", NULL, 0, &own->misses) ||
      define(own, OUTRIDER_METRIC_GAUGE, "level", NULL, NULL, 0, &own->level) ||
      define(own, OUTRIDER_METRIC_GAUGE_MAXIMUM, "highest", NULL, NULL, 0, &own->highest) ||
      define(own, OUTRIDER_METRIC_GAUGE_MINIMUM, "lowest", NULL, NULL, 0, &own->lowest) ||
      define(own, OUTRIDER_METRIC_HISTOGRAM, "query_seconds", NULL, bounds, 3, &own->times)) {
    snprintf(error->text, sizeof error->text, "a metric is refused");
    return OUTRIDER_E_INVALID;
  }
  if (host->config_boolean(host, "wrong", 0) && !refuses(own)) {
    snprintf(error->text, sizeof error->text, "what is wrong is accepted");
    return OUTRIDER_E_INVALID;
  }
  *state = own;
  return OUTRIDER_OK;
}

static void *record(void *context) {
  const state_of_entry *own = context;
  for (int i = 0; i < 10000; i++) {
    own->metrics->add(own->host, own->hits, 1);
    own->metrics->change(own->host, own->level, 1);
    own->metrics->observe(own->host, own->times, 0.5);
  }
  return NULL;
}

static void answer(state_of_entry *own, outrider_exchange exchange, const outrider_head *head, page *page) {
  char text[64];
  const double value = strtod(query(head, text, sizeof text), NULL);
  const outrider_metrics *metrics = own->metrics;
  (void)exchange;
  if (is(head, "/count")) {
    SAY(page, "%d\n", metrics->add(own->host, own->misses, (uint64_t)value));
  } else if (is(head, "/set")) {
    metrics->set(own->host, own->highest, value);
    metrics->set(own->host, own->lowest, value);
    SAY(page, "%d\n", metrics->set(own->host, own->level, value));
  } else if (is(head, "/change")) {
    SAY(page, "%d\n", metrics->change(own->host, own->level, value));
  } else if (is(head, "/observe")) {
    SAY(page, "%d\n", metrics->observe(own->host, own->times, value));
  } else if (is(head, "/threads")) {
    pthread_t threads[8];
    const int count = value > 8 ? 8 : (int)value;
    for (int i = 0; i < count; i++) pthread_create(&threads[i], NULL, record, own);
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    SAY(page, "%d\n", count);
  } else if (is(head, "/wrong")) {
    uint32_t number = 0;
    SAY(page, "%d %d %d %d %d %d %d %d\n", metrics->add(own->host, 0, 1), metrics->add(own->host, 257, 1),
        metrics->add(own->host, 200, 1), metrics->add(own->host, own->level, 1), metrics->set(own->host, own->hits, 1),
        metrics->observe(own->host, own->times, 0.0 / 0.0 * value), metrics->observe(own->host, own->hits, 1),
        define(own, OUTRIDER_METRIC_GAUGE, "late", NULL, NULL, 0, &number));
  } else {
    SAY(page, "%d\n", (int)getpid());
  }
}

PLUGIN("measured", )
