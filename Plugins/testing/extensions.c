/* extensions.c: which extensions there are. */
#define _GNU_SOURCE
#include "extensions.h"

const void *extensions_find(outrider_mock *mock, const char *name) {
  const struct {
    const char *name;
    const void *table;
  } known[] = {{OUTRIDER_CONFIG, &mock_config_table}, {OUTRIDER_LOG, &mock_log_table},
               {OUTRIDER_METRICS, &mock_metrics_table}, {OUTRIDER_HEALTH, &mock_health_table},
               {OUTRIDER_STORE, &mock_store_table},   {OUTRIDER_LOOP, &mock_loop_table}};
  const outrider_mock_settings *settings = &mock->settings;
  const void *own = settings->extension ? settings->extension(settings->extension_context, name) : NULL;
  if (own || settings->no_extensions) return own;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i].name, name) == 0) return known[i].table;
  return NULL;
}

void extensions_make(outrider_mock *mock) { mock->extensions = mock_allocate(sizeof *mock->extensions); }

void extensions_free(outrider_mock *mock) {
  config_values_free(mock->extensions->config);
  metrics_free(mock->extensions->metrics);
  free(mock->extensions->threads);
  free(mock->extensions->not_ready);
  store_free(mock->extensions->entries);
  watches_free(mock->extensions->watches);
  free(mock->extensions);
}
