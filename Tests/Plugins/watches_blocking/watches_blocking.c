/* watches_blocking: what outrider.loop/1 says to a handle(), which runs on the loop's thread under sync alone. */
#include <outrider/loop.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const outrider_exchange the_worker = {0};

static void run(void *context, outrider_status why, uint32_t events) { (void)context, (void)why, (void)events; }

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  const outrider_host *host = state; /* a plugin without load */
  const outrider_loop *loop = host->extension(host, OUTRIDER_LOOP);
  char text[80];
  uint64_t id = 0;
  (void)thread, (void)head;
  const int fd = eventfd(0, EFD_CLOEXEC);
  const int own = loop->watch(host, exchange, fd, OUTRIDER_LOOP_READABLE, run, NULL, &id);
  const int workers = loop->watch(host, the_worker, fd, OUTRIDER_LOOP_READABLE, run, NULL, &id);
  const int unwatched = loop->unwatch(host, id);
  close(fd);
  snprintf(text, sizeof text, "own %d worker %d unwatch %d", own, workers, unwatched);
  return io->respond(io, exchange, 200, NULL, 0, outrider_text(text));
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .capabilities = OUTRIDER_THREAD_SAFE,
                                       .name = "watches_blocking",
                                       .version = "1.0",
                                       .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
