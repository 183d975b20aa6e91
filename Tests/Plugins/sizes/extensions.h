/* extensions.h: structures of extensions in the sizes that a plugin of an older or later header has. */
#ifndef EXTENSIONS_H
#define EXTENSIONS_H

#include <outrider/config.h>
#include <outrider/log.h>
#include <outrider/metrics.h>

#include "guarded.h"

/* Whether the host has left what is behind the structure that it knows as it was. */
static int is_untouched(const void *structure, size_t whole, uint32_t size) {
  for (size_t i = whole; i < size; i++)
    if (((const unsigned char *)structure)[i] != 0xEE) return 0;
  return 1;
}

static outrider_status define(const outrider_host *host, const char *name, uint32_t size) {
  const outrider_metrics *metrics = host->extension(host, OUTRIDER_METRICS);
  const outrider_metric metric = {.size = size, .kind = OUTRIDER_METRIC_COUNTER, .name = name, .help = "Of a size."};
  uint32_t number;
  return metrics ? metrics->define(host, guarded(&metric, sizeof metric, size), &number) : 99;
}

/* Reads the date `since` of the entry's table; 98 if more was written than the structure has room for. */
static outrider_status date(const outrider_host *host, uint32_t size) {
  const outrider_config *config = host->extension(host, OUTRIDER_CONFIG);
  const outrider_config_date none = {.size = size};
  outrider_config_date *since = guarded(&none, sizeof none, size);
  if (!config) return 99;
  const outrider_status status = config->date(host, config->find(host, OUTRIDER_CONFIG_ROOT, "since"), since);
  if (status == OUTRIDER_OK && (since->year != 2026 || since->size != size)) return 97;
  return is_untouched(since, sizeof none, size) ? status : 98;
}

static outrider_status trace(const outrider_host *host, outrider_exchange exchange, uint32_t size) {
  const outrider_log *log = host->extension(host, OUTRIDER_LOG);
  const outrider_trace none = {.size = size};
  outrider_trace *parent = guarded(&none, sizeof none, size);
  if (!log) return 99;
  const outrider_status status = log->trace(host, exchange, parent);
  if (status == OUTRIDER_OK && (!parent->present || parent->parent_id_text.size != 16 || parent->size != size)) return 97;
  return is_untouched(parent, sizeof none, size) ? status : 98;
}

#endif
