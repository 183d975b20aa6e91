/* Logs one line for each request. */
#include <outrider.h>

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  const outrider_host *host = (const outrider_host *)state;
  (void)head;
  host->log(host, exchange, OUTRIDER_LOG_INFO, outrider_text("a request has come"));
  return io->respond(io, exchange, 200, NULL, 0, outrider_text("ok"));
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "logging",
                                       .version = "1.0",
                                       .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
