/* A page whose 103 names another origin to connect to: https://localhost with the port that the query is. The page itself
 * needs nothing of that origin, and comes a second after the hint. */
#define _GNU_SOURCE

#include <outrider.h>
#include <stdio.h>
#include <time.h>

#define MS 1000000L

static void wait_for(long ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * MS}, NULL); }

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  char link[64];
  (void)state;
  unsigned port = 0;
  for (size_t i = 0; i < head->query.size && i < 5; i++) {
    const char digit = head->query.data[i];
    if (digit < '0' || digit > '9') return io->respond(io, exchange, 400, NULL, 0, outrider_text("no port\n"));
    port = port * 10 + (unsigned)(digit - '0');
  }
  const int size = snprintf(link, sizeof link, "<https://localhost:%u>; rel=preconnect", port);
  const outrider_field hint = {outrider_text("link"), {link, (size_t)size}};
  wait_for(50); /* browsers drop a 103 that comes within a few milliseconds of the request */
  if (port) outrider_early_hints(io, exchange, &hint, 1);
  wait_for(1000);
  const outrider_field fields[] = {outrider_field_of("content-type", "text/html")};
  return io->respond(io, exchange, 200, fields, 1, outrider_text("<!doctype html><title>Preconnect</title>\n"));
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .capabilities = OUTRIDER_THREAD_SAFE,
                                       .name = "preconnect",
                                       .version = "1.0",
                                       .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
