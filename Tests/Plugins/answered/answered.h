/* A plugin of either style whose every response is a page of text: the file that includes this has state_of_entry, load(),
 * and answer(), which writes the page; and, where these are needed, hooks in HOOKS. */
#ifndef ANSWERED_H
#define ANSWERED_H

#include <outrider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  char bytes[8192];
  size_t size;
} page;

#define SAY(page, ...)                                                                                          \
  do {                                                                                                          \
    (page)->size += (size_t)snprintf((page)->bytes + (page)->size, sizeof(page)->bytes - (page)->size, __VA_ARGS__); \
    if ((page)->size >= sizeof(page)->bytes) (page)->size = sizeof(page)->bytes - 1;                             \
  } while (0)

typedef struct state_of_entry state_of_entry;

static inline const outrider_host *host_of(const state_of_entry *own);
static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error);
static void answer(state_of_entry *own, outrider_exchange exchange, const outrider_head *head, page *page);

#ifdef EVENT_STYLE
static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  page page = {{0}, 0};
  (void)self;
  answer(state, exchange, head, &page);
  return outrider_send_response(host_of(state), exchange, 200, NULL, 0, (outrider_bytes){page.bytes, page.size});
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)self, (void)exchange, (void)event;
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)self, (void)exchange;
}
#define STYLE .open = open_exchange, .on_event = on_event, .close = close_exchange
#else
static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  page page = {{0}, 0};
  (void)thread;
  answer(state, exchange, head, &page);
  return io->respond(io, exchange, 200, NULL, 0, (outrider_bytes){page.bytes, page.size});
}
#define STYLE .handle = handle
#endif

/* Whether a request's path is, or begins with, a text. */
static int is(const outrider_head *head, const char *path) {
  return head->path.size == strlen(path) && memcmp(head->path.data, path, head->path.size) == 0;
}

/* What follows the '?'. */
static const char *query(const outrider_head *head, char *text, size_t size) {
  snprintf(text, size, "%.*s", (int)head->query.size, head->query.size ? head->query.data : "");
  return text;
}

#define PLUGIN(title, ...)                                                                                     \
  static const outrider_plugin plugin = {.size = sizeof plugin,                                                \
                                         .abi = OUTRIDER_ABI_VERSION,                                          \
                                         .abi_required = OUTRIDER_ABI(1, 0),                                   \
                                         .capabilities = OUTRIDER_THREAD_SAFE,                                 \
                                         .name = title,                                                        \
                                         .version = "1.0",                                                     \
                                         .load = load,                                                         \
                                         __VA_ARGS__ STYLE};                                                   \
  const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {                                       \
    (void)host;                                                                                                \
    return &plugin;                                                                                            \
  }

#endif
