/* A blocking handler that sends early hints before its page. outrider-plugin(7) explains it. */
#include <outrider.h>

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread, (void)state, (void)head;
  const outrider_field hints[] = {outrider_field_of("link", "</style.css>; rel=preload; as=style")};
  outrider_early_hints(io, exchange, hints, 1); /* on the wire before this returns */

  const outrider_field fields[] = {outrider_field_of("content-type", "text/plain")};
  return io->respond(io, exchange, 200, fields, 1, outrider_text("hello\n"));
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .capabilities = OUTRIDER_THREAD_SAFE,
                                       .name = "hello",
                                       .version = "1.0",
                                       .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
