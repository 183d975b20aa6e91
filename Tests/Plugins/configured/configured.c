/* Answers with what load() and handle() see of [plugin.config]: one `name=value` a line. Says so when it is unloaded. */
#include <outrider.h>
#include <stdio.h>

static long load_number;

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)state, (void)error;
  load_number = (long)host->config_integer(host, "number", -1);
  return OUTRIDER_OK;
}

static void unload(void *state) {
  (void)state;
  fprintf(stderr, "plugin configured: unload of %ld\n", load_number);
}

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  const outrider_host *host = (const outrider_host *)state; /* load() left it alone */
  const outrider_bytes json = host->config_json(host);
  const outrider_bytes text = host->config_string(host, "text", "none");
  const outrider_bytes deep = host->config_string(host, "table.inner", "none");
  const outrider_bytes missing = host->config_string(host, "missing", "fallback");
  const outrider_bytes nothing = host->config_string(host, "missing", NULL);
  char page[1024];
  const int size = snprintf(
      page, sizeof page,
      "json=%.*s\ntext=%.*s\ndeep=%.*s\nmissing=%.*s\nnothing=%d\nloaded=%ld\nnumber=%lld\nflag=%d\nmistyped=%lld\n"
      "path=%.*s\nmount=%.*s\n",
      (int)json.size, json.data, (int)text.size, text.data, (int)deep.size, deep.data, (int)missing.size, missing.data,
      nothing.data == NULL && nothing.size == 0, load_number, (long long)host->config_integer(host, "number", -1),
      (int)host->config_boolean(host, "flag", -1), (long long)host->config_integer(host, "text", 42),
      (int)head->path.size, head->path.data, (int)head->mount.size, head->mount.data);
  return io->respond(io, exchange, 200, NULL, 0, (outrider_bytes){page, (size_t)size});
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "configured",
                                       .version = "1.0",
                                       .load = load,
                                       .unload = unload,
                                       .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
