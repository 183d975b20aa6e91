/* The plugin's descriptor, whose hooks call Go. */
#include <outrider.h>

#include <stdlib.h>
#include <string.h>

#include "entry.h"

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state, outrider_error *error) {
  if (info->process == OUTRIDER_PROCESS_MASTER && info->purpose != OUTRIDER_PURPOSE_INSPECT) {
    strcpy(error->text, "the runtime of Go has threads, which a fork would lose, so each worker has to load the plugin: set "
                        "load = \"worker\" in its [[plugin]] entry, or pass --load worker");
    return OUTRIDER_E_UNSUPPORTED;
  }
  const int64_t number = outrider_go_load((outrider_host *)host, info->purpose, error->text, sizeof error->text);
  if (number < 0) return (outrider_status)number;
  *state = (void *)(uintptr_t)number;
  return OUTRIDER_OK;
}

static void unload(void *state) { outrider_go_unload((uintptr_t)state); }

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  return outrider_go_handle((uintptr_t)state, exchange.id, (outrider_head *)head, (outrider_io *)io);
}

static outrider_plugin plugin = {.size = sizeof plugin,
                                 .abi = OUTRIDER_ABI_VERSION,
                                 .abi_required = OUTRIDER_ABI(1, 0),
                                 .capabilities = OUTRIDER_THREAD_SAFE,
                                 .load = load,
                                 .unload = unload,
                                 .handle = handle};

/* Not exported by Go, whose prototype of it would have no const. */
const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  if (plugin.name) return &plugin; /* another entry with the same file */
  char *name, *version;
  if (!outrider_go_describe(&name, &version)) {
    static const char missing[] = "package main has registered no plugin: call outrider.Register in an init function";
    host->log(host, (outrider_exchange){0}, OUTRIDER_LOG_ERROR, (outrider_bytes){missing, sizeof missing - 1});
    return NULL;
  }
  plugin.name = name;
  plugin.version = version;
  return &plugin;
}

outrider_go_entry_point outrider_go_entry(void) { return outrider_plugin_v1; }
