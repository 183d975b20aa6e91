/* An event handler that asks a database without threads of its own: GET /KEY responds with the value that redis has. hiredis'
 * asynchronous client runs on the worker's loop, by outrider.loop/1. From the top of the repository:
 *   cc -shared -fPIC -fvisibility=hidden -ISources/COutrider/include -o libredis_event.so \
 *      examples/redis_event_c/redis_event.c -lhiredis
 *   .build/release/outrider ./libredis_event.so
 * Configuration: address = "127.0.0.1", port = 6379.
 */
#define _GNU_SOURCE

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <outrider/loop.h>
#include <stdlib.h>
#include <string.h>

static const outrider_exchange the_worker = {0};

typedef struct { /* one for each [[plugin]] entry */
  const outrider_host *host;
  const outrider_loop *loop;
  redisAsyncContext *redis; /* NULL while there is no connection */
  uint64_t watch, retry;
  uint32_t events; /* what the connection is watched for */
  int is_watched, flush_is_due, is_flushing;
  char *address;
  int port;
} app;

static void say(const app *app, const char *text) {
  app->host->log(app->host, the_worker, OUTRIDER_LOG_WARNING, outrider_text(text));
}

/* ---- hiredis on the loop ------------------------------------------------------------------------------------------ */

/* hiredis may free the connection within each of these calls: see disconnected(). */
static void ready(void *context, outrider_status why, uint32_t events) {
  app *app = context;
  if (why != OUTRIDER_OK) { /* the worker ends */
    app->is_watched = 0;
    return;
  }
  if (events & ~OUTRIDER_LOOP_WRITABLE && app->redis) redisAsyncHandleRead(app->redis);
  if (events & OUTRIDER_LOOP_WRITABLE && app->redis) redisAsyncHandleWrite(app->redis);
}

static void wait_for(app *app, uint32_t events, int fd) {
  if (app->events == events) return;
  app->events = events;
  if (app->is_watched) {
    app->loop->change(app->host, app->watch, events);
  } else if (app->loop->watch(app->host, the_worker, fd, events, ready, app, &app->watch) == OUTRIDER_OK) {
    app->is_watched = 1;
  }
}

static void flush(void *context, outrider_status why) {
  app *app = context;
  app->flush_is_due = 0;
  if (why != OUTRIDER_OK || !app->redis) return;
  app->is_flushing = 1;
  redisAsyncHandleWrite(app->redis);
  app->is_flushing = 0;
}

static void add_read(void *context) {
  app *app = context;
  wait_for(app, app->events | OUTRIDER_LOOP_READABLE, app->redis->c.fd);
}

static void delete_read(void *context) {
  app *app = context;
  wait_for(app, app->events & ~OUTRIDER_LOOP_READABLE, app->redis->c.fd);
}

/* A socket usually has room. So commands are written without waiting for that, those of one turn of the loop together. */
static void add_write(void *context) {
  app *app = context;
  if (app->flush_is_due) return;
  if (app->redis->c.flags & REDIS_CONNECTED && !app->is_flushing &&
      app->host->post(app->host, the_worker, flush, app) == OUTRIDER_OK) {
    app->flush_is_due = 1;
  } else {
    wait_for(app, app->events | OUTRIDER_LOOP_WRITABLE, app->redis->c.fd);
  }
}

static void delete_write(void *context) {
  app *app = context;
  wait_for(app, app->events & ~OUTRIDER_LOOP_WRITABLE, app->redis->c.fd);
}

/* Called before the descriptor is closed. */
static void clean_up(void *context) {
  app *app = context;
  if (app->is_watched) app->loop->unwatch(app->host, app->watch);
  app->is_watched = 0, app->events = 0;
}

/* ---- The connection ----------------------------------------------------------------------------------------------- */

static void connect_to_redis(app *app);

static void try_again(void *context, outrider_status why) {
  if (why == OUTRIDER_OK) connect_to_redis(context);
}

static void disconnected(const redisAsyncContext *redis, int status) {
  app *app = redis->data;
  (void)status;
  app->redis = NULL;
  app->host->after(app->host, the_worker, 200 * 1000 * 1000, try_again, app, &app->retry);
}

static void connected(const redisAsyncContext *redis, int status) {
  if (status == REDIS_OK) return;
  say(redis->data, redis->errstr);
  disconnected(redis, status);
}

static void connect_to_redis(app *app) {
  redisAsyncContext *redis = redisAsyncConnect(app->address, app->port);
  if (!redis) return;
  redis->data = app, redis->ev.data = app;
  redis->ev.addRead = add_read, redis->ev.delRead = delete_read;
  redis->ev.addWrite = add_write, redis->ev.delWrite = delete_write;
  redis->ev.cleanup = clean_up;
  app->redis = redis, app->events = 0;
  redisAsyncSetConnectCallback(redis, connected);
  redisAsyncSetDisconnectCallback(redis, disconnected);
}

/* ---- Requests ----------------------------------------------------------------------------------------------------- */

static outrider_status respond(const app *app, outrider_exchange exchange, uint32_t status, outrider_bytes body) {
  return outrider_send_response(app->host, exchange, status, NULL, 0, body);
}

/* The context is the exchange's handle. If that is over, nothing is sent. */
static void replied(redisAsyncContext *redis, void *result, void *context) {
  const app *app = redis->data;
  const redisReply *reply = result; /* hiredis frees it */
  const outrider_exchange exchange = {(uint64_t)(uintptr_t)context};
  if (reply && reply->type == REDIS_REPLY_STRING) {
    respond(app, exchange, 200, (outrider_bytes){reply->str, reply->len});
  } else if (reply && reply->type == REDIS_REPLY_NIL) {
    respond(app, exchange, 404, outrider_text("no such key\n"));
  } else {
    respond(app, exchange, 502, outrider_text("no reply from redis\n"));
  }
}

static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  app *app = state;
  (void)self;
  void *context = (void *)(uintptr_t)exchange.id;
  if (!app->redis || redisAsyncCommand(app->redis, replied, context, "GET %b", head->path.data + 1,
                                       head->path.size - 1) != REDIS_OK)
    return respond(app, exchange, 503, outrider_text("no connection to redis\n"));
  return OUTRIDER_OK;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)self, (void)exchange, (void)event;
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)self, (void)exchange;
}

/* ---- Life --------------------------------------------------------------------------------------------------------- */

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info;
  app *made = calloc(1, sizeof *made);
  if (!made) return OUTRIDER_E_IO;
  made->host = host;
  made->loop = host->extension(host, OUTRIDER_LOOP);
  const outrider_bytes address = host->config_string(host, "address", "127.0.0.1");
  made->address = strndup(address.data, address.size);
  made->port = (int)host->config_integer(host, "port", 6379);
  if (!made->loop || !made->address) {
    free(made->address), free(made);
    strcpy(error->text, "this host has no " OUTRIDER_LOOP);
    return OUTRIDER_E_UNSUPPORTED;
  }
  *state = made;
  return OUTRIDER_OK;
}

static void unload(void *state) {
  app *app = state;
  free(app->address), free(app);
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)info, (void)error;
  connect_to_redis(state);
  return OUTRIDER_OK;
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  app *app = state;
  (void)deadline_ns;
  if (app->redis) redisAsyncFree(app->redis);
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "redis_event",
                                       .version = "1.0",
                                       .load = load,
                                       .unload = unload,
                                       .worker_start = worker_start,
                                       .worker_stop = worker_stop,
                                       .open = open_exchange,
                                       .on_event = on_event,
                                       .close = close_exchange};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
