/* metrics.c: outrider.metrics/1. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>

#include "extensions.h"

/* A metric with its labels. */
typedef struct series {
  uint32_t kind;
  char *name, *labels; /* labels: `{result="hit"}`, or empty */
  double bounds[OUTRIDER_METRICS_MAX_BOUNDS];
  size_t n_bounds;
  uint64_t counts[OUTRIDER_METRICS_MAX_BOUNDS + 1]; /* of a counter the first */
  double sum;                                       /* of a gauge its value */
  bool is_set;
} series;

struct metric_series {
  series all[OUTRIDER_METRICS_MAX];
  size_t n;
};

static bool is_name(const char *name, size_t most) {
  const size_t size = name ? strnlen(name, most + 1) : 0;
  return size > 0 && size <= most && (*name < '0' || *name > '9') &&
         strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") >= size;
}

static bool is_text(const char *text, size_t least, size_t most) {
  const size_t size = text ? strnlen(text, most + 1) : most + 1;
  for (size_t i = 0; i < size && i <= most; i++)
    if ((unsigned char)text[i] < ' ' || text[i] == 0x7F) return false;
  return size >= least && size <= most;
}

static bool ends_with(const char *name, const char *end) {
  const size_t size = strlen(name), length = strlen(end);
  return size >= length && strcmp(name + size - length, end) == 0;
}

static const char *objection_to_labels(const outrider_metric *metric) {
  for (size_t i = 0; i < metric->n_labels; i++) {
    const outrider_metric_label *label = &metric->labels[i];
    if (!is_name(label->name, OUTRIDER_METRICS_MAX_LABEL_NAME))
      return "the name of a label is not 1 to 32 lower-case letters, digits and _";
    if (strcmp(label->name, "plugin") == 0 || strcmp(label->name, "le") == 0 || strncmp(label->name, "__", 2) == 0)
      return "labels named plugin, le or __… are the server's";
    for (size_t other = 0; other < i; other++)
      if (strcmp(metric->labels[other].name, label->name) == 0) return "a label is there twice";
    if (!is_text(label->value, 0, OUTRIDER_METRICS_MAX_LABEL_VALUE))
      return "the value of a label has more than 64 bytes, or control characters";
  }
  return NULL;
}

/* The rule that it breaks, or NULL. */
static const char *objection(const outrider_metric *metric) {
  const bool is_histogram = metric->kind == OUTRIDER_METRIC_HISTOGRAM;
  if (!is_name(metric->name, OUTRIDER_METRICS_MAX_NAME)) return "the name is not 1 to 64 lower-case letters, digits and _";
  const bool is_total = ends_with(metric->name, "_total");
  if (metric->kind == OUTRIDER_METRIC_COUNTER && !is_total) return "the name of a counter ends with _total";
  if (metric->kind != OUTRIDER_METRIC_COUNTER && is_total) return "only the name of a counter ends with _total";
  if (ends_with(metric->name, "_bucket") || ends_with(metric->name, "_sum") || ends_with(metric->name, "_count"))
    return "names that end with _bucket, _sum or _count are those of histograms' parts";
  if (!is_text(metric->help, 1, OUTRIDER_METRICS_MAX_HELP)) return "the help is not 1 to 160 bytes on one line";
  const char *labels = objection_to_labels(metric);
  if (labels) return labels;
  if (!is_histogram) return metric->n_bounds == 0 ? NULL : "only a histogram has bounds";
  if (metric->n_bounds == 0) return "a histogram has 1 to 16 bounds";
  for (size_t i = 0; i < metric->n_bounds; i++)
    if (!isfinite(metric->bounds[i]) || (i > 0 && metric->bounds[i] <= metric->bounds[i - 1]))
      return "the bounds of a histogram are finite and rise";
  return NULL;
}

/* As the metrics of a server have them. */
static char *labels_of(const outrider_metric *metric) {
  buffer text = {0};
  buffer_append(&text, "", 0);
  for (size_t i = 0; i < metric->n_labels; i++) {
    buffer_format(&text, "%s%s=\"", i ? "," : "{", metric->labels[i].name);
    for (const char *byte = metric->labels[i].value; *byte; byte++) {
      if (*byte == '"' || *byte == '\\') buffer_text(&text, "\\");
      buffer_append(&text, byte, 1);
    }
    buffer_text(&text, "\"");
  }
  if (metric->n_labels) buffer_text(&text, "}");
  return text.bytes;
}

static outrider_status refuse_metric(outrider_mock *mock, const char *name, const char *rule, outrider_status status) {
  buffer text = {0};
  buffer_text(&text, "metrics.define refused: ");
  if (name) buffer_format(&text, "metric %.64s: ", name);
  buffer_text(&text, rule);
  mock_log(mock, OUTRIDER_LOG_WARNING, text.bytes, text.size);
  free(text.bytes);
  return status;
}

static struct metric_series *metrics_of(outrider_mock *mock) {
  if (!mock->extensions->metrics) mock->extensions->metrics = mock_allocate(sizeof *mock->extensions->metrics);
  return mock->extensions->metrics;
}

static outrider_status add_series(outrider_mock *mock, const outrider_metric *metric, uint32_t *number) {
  struct metric_series *metrics = metrics_of(mock);
  char *labels = labels_of(metric);
  for (size_t i = 0; i < metrics->n; i++) {
    const series *present = &metrics->all[i];
    if (strcmp(present->name, metric->name) != 0) continue;
    if (present->kind != metric->kind) {
      free(labels);
      return refuse_metric(mock, metric->name, "there is one of another kind with that name", OUTRIDER_E_INVALID);
    }
    if (strcmp(present->labels, labels) != 0 || present->n_bounds != metric->n_bounds) continue;
    free(labels);
    *number = (uint32_t)i + 1;
    return OUTRIDER_OK;
  }
  if (metrics->n == OUTRIDER_METRICS_MAX) {
    free(labels);
    return refuse_metric(mock, metric->name, "there are too many metrics", OUTRIDER_E_LIMIT);
  }
  series *added = &metrics->all[metrics->n++];
  added->kind = metric->kind;
  added->name = mock_copy(metric->name, strlen(metric->name));
  added->labels = labels;
  added->n_bounds = metric->n_bounds;
  if (metric->n_bounds) memcpy(added->bounds, metric->bounds, metric->n_bounds * sizeof *metric->bounds);
  *number = (uint32_t)metrics->n;
  return OUTRIDER_OK;
}

static outrider_status define(const outrider_host *host, const outrider_metric *metric, uint32_t *number) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock->is_loading) return OUTRIDER_E_STATE;
  if (!number) return refuse_metric(mock, NULL, "number is NULL", OUTRIDER_E_INVALID);
  if (!metric || metric->size < OUTRIDER_METRIC_SIZE_1_0)
    return refuse_metric(mock, NULL, "metric is NULL, or its size is less than that of version 1", OUTRIDER_E_INVALID);
  if (metric->kind < OUTRIDER_METRIC_COUNTER || metric->kind > OUTRIDER_METRIC_HISTOGRAM || !metric->name || !metric->help ||
      metric->n_labels > OUTRIDER_METRICS_MAX_LABELS || (metric->n_labels && !metric->labels) ||
      metric->n_bounds > OUTRIDER_METRICS_MAX_BOUNDS || (metric->n_bounds && !metric->bounds))
    return refuse_metric(mock, NULL, "kind, name, help, labels or bounds are missing, or are too many", OUTRIDER_E_INVALID);
  const char *rule = objection(metric);
  if (rule) return refuse_metric(mock, metric->name, rule, OUTRIDER_E_INVALID);
  return add_series(mock, metric, number);
}

/* The series of a number, if it is one of kinds from..to, with the lock held; or NULL, which is misuse. */
static series *begin(outrider_mock *mock, const char *call, uint32_t number, uint32_t from, uint32_t to, bool is_fit) {
  char rule[96];
  mock_lock(mock);
  struct metric_series *metrics = metrics_of(mock);
  series *found = number > 0 && number <= metrics->n ? &metrics->all[number - 1] : NULL;
  if (found && found->kind >= from && found->kind <= to && is_fit) return found;
  snprintf(rule, sizeof rule, "%u is no metric of this entry that takes that value", number);
  note_misuse(mock, NULL, call, OUTRIDER_E_INVALID, rule);
  mock_unlock(mock);
  return NULL;
}

static outrider_status add(const outrider_host *host, uint32_t number, uint64_t amount) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  series *found = begin(mock, "metrics.add", number, OUTRIDER_METRIC_COUNTER, OUTRIDER_METRIC_COUNTER, true);
  if (!found) return OUTRIDER_E_INVALID;
  found->counts[0] += amount;
  mock_unlock(mock);
  return OUTRIDER_OK;
}

static outrider_status set_gauge(const outrider_host *host, const char *call, uint32_t number, double value, bool adds) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  series *found = begin(mock, call, number, OUTRIDER_METRIC_GAUGE, OUTRIDER_METRIC_GAUGE_MINIMUM, true);
  if (!found) return OUTRIDER_E_INVALID;
  found->sum = adds ? found->sum + value : value;
  found->is_set = true;
  mock_unlock(mock);
  return OUTRIDER_OK;
}

static outrider_status set(const outrider_host *host, uint32_t number, double value) {
  return set_gauge(host, "metrics.set", number, value, false);
}

static outrider_status change(const outrider_host *host, uint32_t number, double amount) {
  return set_gauge(host, "metrics.change", number, amount, true);
}

static outrider_status observe(const outrider_host *host, uint32_t number, double value) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  series *found = begin(mock, "metrics.observe", number, OUTRIDER_METRIC_HISTOGRAM, OUTRIDER_METRIC_HISTOGRAM, isfinite(value));
  if (!found) return OUTRIDER_E_INVALID;
  size_t bucket = 0;
  while (bucket < found->n_bounds && value > found->bounds[bucket]) bucket++;
  found->counts[bucket]++;
  found->sum += value;
  found->is_set = true;
  mock_unlock(mock);
  return OUTRIDER_OK;
}

static double count_of(const series *series) {
  uint64_t count = 0;
  for (size_t i = 0; i <= series->n_bounds; i++) count += series->counts[i];
  return (double)count;
}

/* Whether `name` is that of the series with something behind its name. */
static bool is_called(const series *series, const char *end, const char *name) {
  const size_t size = strlen(series->name), length = strlen(end);
  return strncmp(name, series->name, size) == 0 && strncmp(name + size, end, length) == 0 &&
         strcmp(name + size + length, series->labels) == 0;
}

double outrider_mock_metric(const outrider_mock *mock, const char *name) {
  const struct metric_series *metrics = mock->extensions->metrics;
  double value = NAN;
  mock_lock(mock);
  for (size_t i = 0; metrics && i < metrics->n; i++) {
    const series *series = &metrics->all[i];
    const bool is_gauge = series->kind > OUTRIDER_METRIC_COUNTER && series->kind < OUTRIDER_METRIC_HISTOGRAM;
    if (series->kind == OUTRIDER_METRIC_HISTOGRAM) {
      if (is_called(series, "_count", name)) value = count_of(series);
      if (is_called(series, "_sum", name)) value = series->sum;
    } else if (is_called(series, "", name) && (!is_gauge || series->is_set)) {
      value = is_gauge ? series->sum : (double)series->counts[0];
    }
  }
  mock_unlock(mock);
  return value;
}

void metrics_free(struct metric_series *metrics) {
  for (size_t i = 0; metrics && i < metrics->n; i++) free(metrics->all[i].name), free(metrics->all[i].labels);
  free(metrics);
}

const outrider_metrics mock_metrics_table = {
    .size = sizeof mock_metrics_table, .define = define, .add = add, .set = set, .change = change, .observe = observe};
