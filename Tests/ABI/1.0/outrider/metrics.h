/** @file
 * The extension "outrider.metrics/1": a plugin's own counters, gauges and histograms, shown with the
 * server's by /metrics and `outriderctl metrics`.
 *
 *     const outrider_metrics *metrics = host->extension(host, OUTRIDER_METRICS);
 *
 * A metric is defined in load(), with its labels and their values, and gets a number. After load(), no more can be
 * defined. Values are recorded by that number, from any thread of a worker, without a lock or a system call.
 *
 * A metric "cache_hits_total" of the entry "api" is shown as outrider_plugin_cache_hits_total{plugin="api"}, as the sum
 * over all workers. Counters and histograms survive the end of a worker, reloads and SIGUSR2; gauges have only the
 * values of running workers.
 *
 * Every function takes the entry's host table first.
 */
#ifndef OUTRIDER_METRICS_H
#define OUTRIDER_METRICS_H

#include <outrider.h>

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang diagnostic push")
_Pragma("clang diagnostic ignored \"-Wnullability-extension\"")
_Pragma("clang assume_nonnull begin")
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define OUTRIDER_METRICS "outrider.metrics/1"

/* outrider_metric.kind */
#define OUTRIDER_METRIC_COUNTER 1u
#define OUTRIDER_METRIC_GAUGE 2u         /* shown as the sum over the workers that have set it */
#define OUTRIDER_METRIC_GAUGE_MAXIMUM 3u /* shown as the greatest of the workers' values */
#define OUTRIDER_METRIC_GAUGE_MINIMUM 4u /* shown as the least */
#define OUTRIDER_METRIC_HISTOGRAM 5u

/* Limits. All plugins of a configuration together have at most OUTRIDER_METRICS_MAX metrics, each set of label values
 * being one, of which OUTRIDER_METRICS_MAX_GAUGES are gauges. Counters and histograms share OUTRIDER_METRICS_MAX_CELLS
 * cells: a counter takes one, a histogram one for each bound and two more. */
#define OUTRIDER_METRICS_MAX 256u
#define OUTRIDER_METRICS_MAX_GAUGES 128u
#define OUTRIDER_METRICS_MAX_CELLS 1024u
#define OUTRIDER_METRICS_MAX_NAME 64u
#define OUTRIDER_METRICS_MAX_HELP 160u
#define OUTRIDER_METRICS_MAX_LABELS 4u
#define OUTRIDER_METRICS_MAX_LABEL_NAME 32u
#define OUTRIDER_METRICS_MAX_LABEL_VALUE 64u
#define OUTRIDER_METRICS_MAX_BOUNDS 16u

/** A label with its value. Names are lower-case letters, digits and '_', and do not begin with a digit or "__"; "plugin"
 * and "le" are reserved. Values are UTF-8 without control characters. Both are NUL-terminated. [frozen] */
typedef struct outrider_metric_label {
  const char *name, *value;
} outrider_metric_label;

#define OUTRIDER_METRIC_SIZE_1_0 56u

/** What is to be defined. [borrowed] */
typedef struct outrider_metric {
  uint32_t size, kind;  /* kind: OUTRIDER_METRIC_* */
  const char *name;     /* as a label's name. A counter's name ends with "_total", other names do not; none ends
                           with "_bucket", "_sum" or "_count". Times are in seconds, sizes in bytes, by convention */
  const char *help;     /* a sentence on one line */
  const outrider_metric_label *OUTRIDER_NULLABLE labels;
  size_t n_labels;
  const double *OUTRIDER_NULLABLE bounds; /* of a histogram: the upper bounds of its buckets, finite and rising, without infinity */
  size_t n_bounds;
} outrider_metric;

/** The functions of the extension. [host owns; valid for the life of the process] */
typedef struct outrider_metrics {
  uint32_t size, reserved;

  /** Define a metric, [master] during load() ([worker-main] with load = "worker"). *number is set to its number, which is
   * not 0. Defining the same metric again gives the same number. E_STATE: not during load(). E_INVALID: a rule above is
   * broken, or a metric of that name has another kind; the log says which. E_LIMIT: there are too many. */
  outrider_status (*define)(const outrider_host *, const outrider_metric *metric, uint32_t *number);

  /** Record a value, [any-thread]. E_INVALID: number is not that of a metric of this entry and of the right kind, or the
   * value to observe is not finite. E_STATE: in the master, where there is no worker to record for. */
  outrider_status (*add)(const outrider_host *, uint32_t number, uint64_t amount);   /* to a counter */
  outrider_status (*set)(const outrider_host *, uint32_t number, double value);      /* a gauge */
  outrider_status (*change)(const outrider_host *, uint32_t number, double amount);  /* a gauge, by an amount */
  outrider_status (*observe)(const outrider_host *, uint32_t number, double value);  /* into a histogram */
} outrider_metrics;

#ifdef __cplusplus
}
#endif

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang assume_nonnull end")
_Pragma("clang diagnostic pop")
#endif

#endif /* OUTRIDER_METRICS_H */
