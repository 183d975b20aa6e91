/* owned_loop: a runtime with an event loop of its own, on epoll, which runs the thread of the worker's loop. It asks for turns of
 * at most a microsecond, so that dispatch() is left with work to do. / answers at once, /timer by a timer of the runtime's,
 * /inside from a timer of the host's, which tries to dispatch. Configuration: leave = true returns after the first request. */
#define _GNU_SOURCE

#include <outrider/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static const outrider_exchange the_worker = {0};

static struct {
  const outrider_host *host;
  const outrider_loop *loop;
  int epoll, timer;
  outrider_exchange waiting; /* for the timer */
  int leaves, has_answered;
} runtime;

static void say(const char *what, int number) {
  char line[80];
  snprintf(line, sizeof line, "%s %d", what, number);
  runtime.host->log(runtime.host, the_worker, OUTRIDER_LOG_INFO, outrider_text(line));
}

static void answer(outrider_exchange exchange, const char *text) {
  outrider_send_response(runtime.host, exchange, 200, NULL, 0, outrider_text(text));
  runtime.has_answered = 1;
}

static void dispatch_inside(void *context, outrider_status why) {
  char text[40];
  if (why != OUTRIDER_OK) return;
  snprintf(text, sizeof text, "inside %d", runtime.loop->dispatch(runtime.host, 0));
  answer((outrider_exchange){(uint64_t)(uintptr_t)context}, text);
}

static void watch(int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(runtime.epoll, EPOLL_CTL_ADD, fd, &event);
}

static void run_loop(void *state) {
  (void)state;
  const outrider_host *host = runtime.host;
  const int descriptor = runtime.loop->descriptor(host);
  say("the loop is readable by a descriptor", descriptor >= 0);
  watch(descriptor);
  outrider_status status = OUTRIDER_OK;
  while (status != OUTRIDER_E_CLOSED && !(runtime.leaves && runtime.has_answered)) {
    struct epoll_event events[2];
    const int count = epoll_wait(runtime.epoll, events, 2, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == descriptor) {
        status = runtime.loop->dispatch(host, 1000);
      } else {
        uint64_t expirations;
        if (read(runtime.timer, &expirations, sizeof expirations) > 0) answer(runtime.waiting, "by the runtime's timer");
      }
    }
  }
  say("run_loop returns after", status);
  if (status == OUTRIDER_E_CLOSED) say("then dispatch says", runtime.loop->dispatch(host, 0));
}

static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  (void)state, (void)self;
  void *context = (void *)(uintptr_t)exchange.id;
  if (head->path.size == 7 && !memcmp(head->path.data, "/inside", 7))
    return runtime.host->after(runtime.host, exchange, 1000 * 1000, dispatch_inside, context, NULL);
  if (head->path.size == 6 && !memcmp(head->path.data, "/timer", 6)) {
    const struct itimerspec soon = {.it_value.tv_nsec = 20 * 1000 * 1000};
    runtime.waiting = exchange;
    return timerfd_settime(runtime.timer, 0, &soon, NULL) ? OUTRIDER_E_IO : OUTRIDER_OK;
  }
  answer(exchange, "at once");
  return OUTRIDER_OK;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)self, (void)exchange, (void)event;
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)self, (void)exchange;
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)state;
  runtime.host = host;
  runtime.loop = host->extension(host, OUTRIDER_LOOP);
  runtime.leaves = host->config_boolean(host, "leave", 0);
  say("own nothing", runtime.loop->own(host, NULL));
  const outrider_status owned = runtime.loop->own(host, run_loop);
  if (owned == OUTRIDER_OK) say("own twice", runtime.loop->own(host, run_loop));
  else snprintf(error->text, sizeof error->text, "the loop is another's: %d", owned);
  return owned;
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state, (void)info, (void)error;
  runtime.epoll = epoll_create1(EPOLL_CLOEXEC);
  runtime.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  watch(runtime.timer);
  say("descriptor in worker_start", runtime.loop->descriptor(runtime.host));
  say("own in worker_start", runtime.loop->own(runtime.host, run_loop));
  return OUTRIDER_OK;
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  (void)state, (void)deadline_ns;
  say("worker_stop", 0);
  close(runtime.timer), close(runtime.epoll);
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "owned_loop",
                                       .version = "1.0",
                                       .load = load,
                                       .worker_start = worker_start,
                                       .worker_stop = worker_stop,
                                       .open = open_exchange,
                                       .on_event = on_event,
                                       .close = close_exchange};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
