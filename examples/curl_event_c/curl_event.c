/* An event handler that asks another service over HTTP: GET /PATH responds with what `upstream` has there. libcurl's multi
 * interface runs on the worker's loop, by outrider.loop/1: many transfers at once, without a thread. From the top of the
 * repository:
 *   cc -shared -fPIC -fvisibility=hidden -ISources/COutrider/include -o libcurl_event.so \
 *      examples/curl_event_c/curl_event.c -lcurl
 *   .build/release/outrider ./libcurl_event.so
 * Configuration: upstream = "http://127.0.0.1:8080".
 */
#define _GNU_SOURCE

#include <curl/curl.h>
#include <outrider/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const outrider_exchange the_worker = {0};
enum { MAX_BODY = 1 << 20, MAX_URL = 4096 };

typedef struct { /* one for each [[plugin]] entry */
  const outrider_host *host;
  const outrider_loop *loop;
  CURLM *multi;
  uint64_t timer; /* 0: none */
  char *upstream;
} app;

typedef struct { /* a descriptor of libcurl's */
  app *app;
  curl_socket_t fd;
  uint64_t watch;
} socket_watch;

typedef struct { /* a request: `self` of its exchange */
  app *app;
  outrider_exchange exchange;
  CURL *easy;
  char *body;
  size_t size;
} transfer;

/* ---- libcurl on the loop ------------------------------------------------------------------------------------------ */

static void finish(app *app, CURL *easy, CURLcode result) {
  transfer *done = NULL;
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&done);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (result == CURLE_OK && status >= 200) {
    const outrider_bytes body = {done->body, done->size};
    const outrider_bytes nothing = {NULL, 0};
    const int has_body = status != 204 && status != 205 && status != 304;
    outrider_send_response(app->host, done->exchange, (uint32_t)status, NULL, 0, has_body ? body : nothing);
  } else {
    outrider_send_response(app->host, done->exchange, 502, NULL, 0, outrider_text("no response from upstream\n"));
  }
}

static void act(app *app, curl_socket_t fd, int events) {
  int running = 0, left = 0;
  curl_multi_socket_action(app->multi, fd, events, &running);
  for (CURLMsg *message; (message = curl_multi_info_read(app->multi, &left));)
    if (message->msg == CURLMSG_DONE) finish(app, message->easy_handle, message->data.result);
}

static void ready(void *context, outrider_status why, uint32_t events) {
  socket_watch *watch = context;
  if (why != OUTRIDER_OK) { /* the worker ends: libcurl still has the descriptor */
    watch->watch = 0;
    return;
  }
  const int read = events & ~OUTRIDER_LOOP_WRITABLE ? CURL_CSELECT_IN : 0;
  const int write = events & OUTRIDER_LOOP_WRITABLE ? CURL_CSELECT_OUT : 0;
  act(watch->app, watch->fd, read | write);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *of_socket) {
  app *app = context;
  socket_watch *watch = of_socket;
  (void)easy;
  if (what == CURL_POLL_REMOVE) { /* before it is closed */
    if (watch && watch->watch) app->loop->unwatch(app->host, watch->watch);
    free(watch);
    return 0;
  }
  const uint32_t events = (what & CURL_POLL_IN ? OUTRIDER_LOOP_READABLE : 0u) |
                          (what & CURL_POLL_OUT ? OUTRIDER_LOOP_WRITABLE : 0u);
  if (watch) return app->loop->change(app->host, watch->watch, events) < 0 ? -1 : 0;
  watch = calloc(1, sizeof *watch);
  if (!watch) return -1;
  watch->app = app, watch->fd = fd;
  if (app->loop->watch(app->host, the_worker, fd, events, ready, watch, &watch->watch) < 0) {
    free(watch);
    return -1;
  }
  curl_multi_assign(app->multi, fd, watch);
  return 0;
}

static void time_is_over(void *context, outrider_status why) {
  app *app = context;
  if (why != OUTRIDER_OK) return;
  app->timer = 0;
  act(app, CURL_SOCKET_TIMEOUT, 0);
}

static int want_timer(CURLM *multi, long ms, void *context) {
  app *app = context;
  (void)multi;
  if (app->timer) app->host->cancel(app->host, app->timer);
  app->timer = 0;
  if (ms < 0) return 0;
  const uint64_t ns = (uint64_t)ms * 1000 * 1000;
  return app->host->after(app->host, the_worker, ns, time_is_over, app, &app->timer) < 0 ? -1 : 0;
}

/* ---- Requests ----------------------------------------------------------------------------------------------------- */

static size_t take(char *bytes, size_t unit, size_t count, void *context) {
  transfer *transfer = context;
  const size_t size = unit * count;
  if (size > MAX_BODY - transfer->size) return 0; /* ends the transfer */
  char *grown = realloc(transfer->body, transfer->size + size + 1);
  if (!grown) return 0;
  memcpy(grown + transfer->size, bytes, size);
  transfer->body = grown, transfer->size += size;
  return size;
}

static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  app *app = state;
  char url[MAX_URL];
  const int length = snprintf(url, sizeof url, "%s%.*s", app->upstream, (int)head->target.size, head->target.data);
  if (length < 0 || (size_t)length >= sizeof url || head->target.data[0] != '/')
    return outrider_send_response(app->host, exchange, 414, NULL, 0, outrider_text(""));
  transfer *made = calloc(1, sizeof *made);
  CURL *easy = made ? curl_easy_init() : NULL;
  if (!easy) {
    free(made);
    return OUTRIDER_E_IO;
  }
  made->app = app, made->exchange = exchange, made->easy = easy;
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, made);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, made);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  if (curl_multi_add_handle(app->multi, easy) != CURLM_OK) {
    curl_easy_cleanup(easy), free(made);
    return OUTRIDER_E_IO;
  }
  *self = made;
  return OUTRIDER_OK;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)self, (void)exchange, (void)event;
}

/* The response is complete, or the client has left: then the transfer is given up. */
static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  transfer *over = self;
  (void)state, (void)exchange;
  if (!over) return;
  curl_multi_remove_handle(over->app->multi, over->easy);
  curl_easy_cleanup(over->easy);
  free(over->body), free(over);
}

/* ---- Life --------------------------------------------------------------------------------------------------------- */

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info;
  app *made = calloc(1, sizeof *made);
  if (!made) return OUTRIDER_E_IO;
  made->host = host;
  made->loop = host->extension(host, OUTRIDER_LOOP);
  const outrider_bytes upstream = host->config_string(host, "upstream", "http://127.0.0.1:8080");
  made->upstream = strndup(upstream.data, upstream.size);
  if (!made->loop || !made->upstream) {
    free(made->upstream), free(made);
    strcpy(error->text, "this host has no " OUTRIDER_LOOP);
    return OUTRIDER_E_UNSUPPORTED;
  }
  *state = made;
  return OUTRIDER_OK;
}

static void unload(void *state) {
  app *app = state;
  free(app->upstream), free(app);
}

/* libcurl may start threads, which is why it is not used in load. */
static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  app *app = state;
  (void)info;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  app->multi = curl_multi_init();
  if (!app->multi) {
    strcpy(error->text, "curl_multi_init failed");
    return OUTRIDER_E_IO;
  }
  curl_multi_setopt(app->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
  curl_multi_setopt(app->multi, CURLMOPT_SOCKETDATA, app);
  curl_multi_setopt(app->multi, CURLMOPT_TIMERFUNCTION, want_timer);
  curl_multi_setopt(app->multi, CURLMOPT_TIMERDATA, app);
  return OUTRIDER_OK;
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  app *app = state;
  (void)deadline_ns;
  curl_multi_cleanup(app->multi);
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "curl_event",
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
