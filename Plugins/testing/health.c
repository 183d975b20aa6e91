/* health.c: outrider.health/1, by the time of the mock. */
#define _GNU_SOURCE
#include "extensions.h"

struct watched_thread {
  char name[OUTRIDER_HEALTH_MAX_NAME + 1];
  uint32_t epoch; /* odd while it is watched */
  uint64_t alive; /* 0: idle */
};

enum { PLACE_BITS = 8 };

static struct watched_thread *threads_of(outrider_mock *mock) {
  if (!mock->extensions->threads)
    mock->extensions->threads = mock_allocate(OUTRIDER_HEALTH_MAX_THREADS * sizeof *mock->extensions->threads);
  return mock->extensions->threads;
}

static outrider_status watch(const outrider_host *host, const char *name, uint32_t *thread) {
  outrider_mock *mock = mock_of_host(host);
  outrider_status status = OUTRIDER_OK;
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  mock_lock(mock);
  struct watched_thread *threads = threads_of(mock);
  uint32_t place = 0;
  while (place < OUTRIDER_HEALTH_MAX_THREADS && threads[place].epoch % 2 == 1) place++;
  if (!name_is_a_key(name, OUTRIDER_HEALTH_MAX_NAME) || !thread) {
    status = OUTRIDER_E_INVALID;
    note_misuse(mock, NULL, "health.watch", status, "the name of a thread, or where its number is to be stored");
  } else if (place == OUTRIDER_HEALTH_MAX_THREADS) {
    status = OUTRIDER_E_LIMIT;
    note_misuse(mock, NULL, "health.watch", status, "too many threads are watched");
  } else {
    strcpy(threads[place].name, name);
    threads[place].epoch++;
    threads[place].alive = mock->now;
    *thread = threads[place].epoch << PLACE_BITS | (place + 1);
  }
  mock_unlock(mock);
  return status;
}

/* The thread of a number that is watched, with the lock held; or NULL. */
static struct watched_thread *find(outrider_mock *mock, uint32_t thread) {
  const uint32_t place = (thread & 0xFF) - 1;
  mock_lock(mock);
  struct watched_thread *found = place < OUTRIDER_HEALTH_MAX_THREADS ? &threads_of(mock)[place] : NULL;
  if (found && found->epoch % 2 == 1 && found->epoch == thread >> PLACE_BITS) return found;
  mock_unlock(mock);
  return NULL;
}

static outrider_status beat(const outrider_host *host, uint32_t thread, bool is_idle) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  struct watched_thread *found = find(mock, thread);
  if (!found) return OUTRIDER_E_CLOSED;
  found->alive = is_idle ? 0 : mock->now;
  mock_unlock(mock);
  return OUTRIDER_OK;
}

static outrider_status alive(const outrider_host *host, uint32_t thread) { return beat(host, thread, false); }

static outrider_status idle(const outrider_host *host, uint32_t thread) { return beat(host, thread, true); }

static outrider_status unwatch(const outrider_host *host, uint32_t thread) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  struct watched_thread *found = find(mock, thread);
  if (!found) return OUTRIDER_E_CLOSED;
  found->epoch++;
  mock_unlock(mock);
  return OUTRIDER_OK;
}

static outrider_status ready(const outrider_host *host, int32_t is_ready, outrider_bytes reason) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  if (!is_ready && !bytes_are_well_formed(reason)) {
    note_misuse(mock, NULL, "health.ready", OUTRIDER_E_INVALID, "reason is NULL, or its size is negative");
    return OUTRIDER_E_INVALID;
  }
  mock_lock(mock);
  free(mock->extensions->not_ready);
  const size_t size = reason.size < OUTRIDER_HEALTH_MAX_REASON ? reason.size : OUTRIDER_HEALTH_MAX_REASON;
  mock->extensions->not_ready = is_ready ? NULL : mock_copy(reason.data, size);
  mock_unlock(mock);
  return OUTRIDER_OK;
}

const char *outrider_mock_not_ready(const outrider_mock *mock) { return mock->extensions->not_ready; }

const char *outrider_mock_silent_thread(const outrider_mock *mock, uint64_t ns) {
  const struct watched_thread *threads = mock->extensions->threads;
  const char *name = NULL;
  mock_lock(mock);
  for (size_t i = 0; threads && !name && i < OUTRIDER_HEALTH_MAX_THREADS; i++)
    if (threads[i].epoch % 2 == 1 && threads[i].alive && mock->now - threads[i].alive >= ns) name = threads[i].name;
  mock_unlock(mock);
  return name;
}

const outrider_health mock_health_table = {
    .size = sizeof mock_health_table, .watch = watch, .alive = alive, .idle = idle, .unwatch = unwatch, .ready = ready};
