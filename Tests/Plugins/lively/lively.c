/* outrider.health/1: a thread that beats until /stop tells it to be silent, or /idle that it waits. /unready?why and /ready
 * say whether the plugin is ready, /misuse what is refused. */
#include "../answered/answered.h"

#include <outrider/health.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

struct state_of_entry {
  const outrider_host *host;
  const outrider_health *health;
  pthread_t thread;
  uint32_t number;
  atomic_int mode; /* 0 beats, 1 silent, 2 idle, 3 ends */
};

static inline const outrider_host *host_of(const state_of_entry *own) { return own->host; }

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)error;
  uint32_t number = 0;
  state_of_entry *own = calloc(1, sizeof *own);
  if (!own) return OUTRIDER_E_IO;
  own->host = host;
  own->health = host->extension(host, OUTRIDER_HEALTH);
  if (!own->health || own->health->size < sizeof *own->health) return OUTRIDER_E_UNSUPPORTED;
  if (own->health->watch(host, "early", &number) != OUTRIDER_E_STATE ||
      own->health->ready(host, 0, outrider_text("early")) != OUTRIDER_E_STATE)
    return OUTRIDER_E_INVALID;
  *state = own;
  return OUTRIDER_OK;
}

static void *live(void *context) {
  state_of_entry *own = context;
  for (int mode; (mode = atomic_load(&own->mode)) != 3;) {
    if (mode == 0) own->health->alive(own->host, own->number);
    if (mode == 2) own->health->idle(own->host, own->number);
    nanosleep(&(struct timespec){0, 10000000}, NULL);
  }
  return NULL;
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  state_of_entry *own = state;
  (void)info, (void)error;
  if (own->host->config_boolean(own->host, "unready", 0))
    own->health->ready(own->host, 0, outrider_text("warming up"));
  const outrider_status status = own->health->watch(own->host, "beating", &own->number);
  if (status < 0) return status;
  return pthread_create(&own->thread, NULL, live, own) == 0 ? OUTRIDER_OK : OUTRIDER_E_IO;
}

static void worker_stop(void *state, uint64_t deadline) {
  state_of_entry *own = state;
  (void)deadline;
  own->health->unwatch(own->host, own->number);
  atomic_store(&own->mode, 3);
  pthread_join(own->thread, NULL);
}

static void answer(state_of_entry *own, outrider_exchange exchange, const outrider_head *head, page *page) {
  char text[256];
  (void)exchange;
  if (is(head, "/stop")) atomic_store(&own->mode, 1);
  if (is(head, "/idle")) atomic_store(&own->mode, 2);
  if (is(head, "/unready")) own->health->ready(own->host, 0, outrider_text(query(head, text, sizeof text)));
  if (is(head, "/ready")) own->health->ready(own->host, 1, (outrider_bytes){NULL, 0});
  if (is(head, "/unwatch")) {
    atomic_store(&own->mode, 2);
    /* One after the other: the order in which arguments are evaluated is unspecified. */
    SAY(page, "%d ", own->health->unwatch(own->host, own->number));
    SAY(page, "%d ", own->health->unwatch(own->host, own->number));
    SAY(page, "%d ", own->health->alive(own->host, own->number));
  }
  if (is(head, "/misuse")) {
    uint32_t numbers[OUTRIDER_HEALTH_MAX_THREADS], number = 0, taken = 0;
    SAY(page, "%d %d %d %d %d %d ", own->health->watch(own->host, NULL, &number), own->health->watch(own->host, "", &number),
        own->health->watch(own->host, "a b", &number), own->health->watch(own->host, "a", NULL),
        own->health->alive(own->host, 0), own->health->ready(own->host, 0, (outrider_bytes){NULL, 3}));
    outrider_status status;
    while ((status = own->health->watch(own->host, "more", &number)) == OUTRIDER_OK) numbers[taken++] = number;
    SAY(page, "%u %d ", taken, status);
    while (taken > 0) own->health->unwatch(own->host, numbers[--taken]);
    SAY(page, "%d ", own->health->alive(own->host, numbers[0]));
  }
  SAY(page, "%d\n", (int)getpid());
}

PLUGIN("lively", .worker_start = worker_start, .worker_stop = worker_stop, )
