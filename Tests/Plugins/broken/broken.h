/* broken.h: what a whole plugin needs, for those that lack or spoil one thing each. */
#ifndef BROKEN_H
#define BROKEN_H

#include <outrider.h>
#include <stdio.h>

/* A handler with nothing wrong, so that only the thing under test is. */
static inline outrider_status answer_ok(void *state, void *thread, outrider_exchange exchange,
                                        const outrider_head *head, const outrider_io *io) {
  (void)thread, (void)state, (void)head;
  return io->respond(io, exchange, 200, NULL, 0, outrider_text("ok"));
}

/* The descriptor's first members. */
#define BROKEN_PLUGIN(plugin_name) \
  .size = sizeof(outrider_plugin), .abi = OUTRIDER_ABI_VERSION, .abi_required = OUTRIDER_ABI(1, 0), \
  .name = plugin_name, .version = "1.0"

#endif
