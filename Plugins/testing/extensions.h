/* extensions.h: the extensions that the mock host plays, and what it keeps for them. */
#ifndef OUTRIDER_MOCK_EXTENSIONS_H
#define OUTRIDER_MOCK_EXTENSIONS_H

#include "mock.h"

#include <outrider/config.h>
#include <outrider/health.h>
#include <outrider/log.h>
#include <outrider/loop.h>
#include <outrider/metrics.h>
#include <outrider/store.h>

/* Each is made when it is first needed, and belongs to the mock. */
struct mock_extensions {
  struct config_values *config;
  struct metric_series *metrics;
  struct watched_thread *threads; /* OUTRIDER_HEALTH_MAX_THREADS of them */
  char *not_ready;                /* the reason; NULL: ready */
  struct store_entry *entries;
  size_t store_bytes;
  uint64_t store_order;
  struct watch *watches; /* in the order in which they were made */
  size_t n_watches;
  uint64_t watch_order;
};

/* The value that begins at `at` and is in order ends here. */
const char *config_end_of(const char *at);
/* The string that begins at the quotation mark `at`, decoded. */
void config_decode(const char *at, buffer *text);

extern const outrider_config mock_config_table;
extern const outrider_log mock_log_table;
extern const outrider_metrics mock_metrics_table;
extern const outrider_health mock_health_table;
extern const outrider_store mock_store_table;
extern const outrider_loop mock_loop_table;

void config_values_free(struct config_values *);
void metrics_free(struct metric_series *);
void store_free(struct store_entry *);
void watches_free(struct watch *);

#endif
