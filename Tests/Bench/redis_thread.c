/* The same answers as examples/redis_event_c, by a thread of the plugin's own, as event plugins had to before they could wait for
 * descriptors on the loop: it has the connection, and sends the responses from there. */
#define _GNU_SOURCE

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <outrider.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PLACES = 4096, MAX_KEY = 64 };

typedef struct {
  outrider_exchange exchange;
  size_t size;
  char key[MAX_KEY];
} question;

static struct {
  const outrider_host *host;
  redisAsyncContext *redis;
  pthread_t thread;
  pthread_mutex_t mutex;
  question waiting[PLACES];
  unsigned head, tail;
  int wake, stops, writes, port;
} app = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void add_write(void *context) { (void)context, app.writes = 1; }
static void delete_write(void *context) { (void)context, app.writes = 0; }

static void replied(redisAsyncContext *redis, void *result, void *context) {
  const redisReply *reply = result;
  const outrider_exchange exchange = {(uint64_t)(uintptr_t)context};
  (void)redis;
  if (reply && reply->type == REDIS_REPLY_STRING)
    outrider_send_response(app.host, exchange, 200, NULL, 0, (outrider_bytes){reply->str, reply->len});
  else
    outrider_send_response(app.host, exchange, 502, NULL, 0, outrider_text(""));
}

static int take(question *next) {
  pthread_mutex_lock(&app.mutex);
  const int found = app.tail != app.head;
  if (found) *next = app.waiting[app.tail++ % PLACES];
  pthread_mutex_unlock(&app.mutex);
  return found;
}

static void *ask(void *context) {
  (void)context;
  app.redis = redisAsyncConnect("127.0.0.1", app.port);
  app.redis->ev.addWrite = add_write, app.redis->ev.delWrite = delete_write;
  while (!app.stops) {
    struct pollfd fds[] = {{app.wake, POLLIN, 0}, {app.redis->c.fd, (short)(POLLIN | (app.writes ? POLLOUT : 0)), 0}};
    poll(fds, 2, -1);
    if (fds[0].revents) {
      uint64_t number;
      question next;
      if (read(app.wake, &number, sizeof number) < 0) continue;
      while (take(&next))
        redisAsyncCommand(app.redis, replied, (void *)(uintptr_t)next.exchange.id, "GET %b", next.key, next.size);
      if (app.redis->c.flags & REDIS_CONNECTED) redisAsyncHandleWrite(app.redis);
    }
    if (fds[1].revents & POLLOUT) redisAsyncHandleWrite(app.redis);
    if (fds[1].revents & POLLIN) redisAsyncHandleRead(app.redis);
  }
  redisAsyncFree(app.redis);
  return NULL;
}

static void wake(void) {
  const uint64_t one = 1;
  if (write(app.wake, &one, sizeof one) < 0) abort();
}

static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  (void)state, (void)self;
  if (head->path.size > MAX_KEY) return OUTRIDER_E_LIMIT;
  pthread_mutex_lock(&app.mutex);
  question *asked = &app.waiting[app.head++ % PLACES];
  asked->exchange = exchange, asked->size = head->path.size - 1;
  memcpy(asked->key, head->path.data + 1, asked->size);
  pthread_mutex_unlock(&app.mutex);
  wake();
  return OUTRIDER_OK;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)self, (void)exchange, (void)event;
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)self, (void)exchange;
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)info, (void)error;
  app.host = state;
  app.port = (int)app.host->config_integer(app.host, "port", 6379);
  app.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return pthread_create(&app.thread, NULL, ask, NULL) ? OUTRIDER_E_IO : OUTRIDER_OK;
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  (void)state, (void)deadline_ns;
  app.stops = 1;
  wake();
  pthread_join(app.thread, NULL);
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "redis_thread",
                                       .version = "1.0",
                                       .worker_start = worker_start,
                                       .worker_stop = worker_stop,
                                       .open = open_exchange,
                                       .on_event = on_event,
                                       .close = close_exchange};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
