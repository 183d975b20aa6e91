/* loop.c: posts, timers, wakes, and the time. */
#include "extensions.h"

#include <errno.h>
#include <time.h>

enum { MOST_CALLBACKS = 65536 };

/* Inserts by moment, then by order of arrival. */
static void insert(outrider_mock *mock, callback *new) {
  callback **place = &mock->callbacks;
  while (*place && ((*place)->moment < new->moment || ((*place)->moment == new->moment && (*place)->order < new->order)))
    place = &(*place)->next;
  new->next = *place;
  *place = new;
}

/* after: the delay in nanoseconds. */
static outrider_status add(const char *call, const outrider_host *host, outrider_exchange handle, uint64_t after,
                           void (*run)(void *, outrider_status), void *context, uint64_t *timer) {
  outrider_mock *mock = mock_of_host(host);
  outrider_status status = OUTRIDER_OK;
  const char *rule = NULL;
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  mock_lock(mock);
  outrider_mock_exchange *exchange = handle.id ? mock_find(mock, handle) : NULL;
  if (!run) {
    status = OUTRIDER_E_INVALID;
    rule = "run is NULL";
  } else if ((handle.id && (!exchange || exchange->callbacks_ended)) || mock->phase >= STOPPED) {
    status = OUTRIDER_E_CLOSED;
  } else if (mock->n_callbacks >= MOST_CALLBACKS) {
    status = OUTRIDER_E_LIMIT;
    rule = "too many callbacks wait";
  } else {
    callback *new = mock_allocate(sizeof *new);
    uint64_t moment;
    if (__builtin_add_overflow(mock->now, after, &moment)) moment = UINT64_MAX - 1;
    *new = (callback){NULL, run, context, exchange, moment, mock->orders, mock->orders + 1, false};
    mock->orders++;
    insert(mock, new);
    mock->n_callbacks++;
    if (timer) *timer = new->id;
    mock_announce(mock);
  }
  mock_unlock(mock);
  if (status_is_misuse(status)) note_misuse(mock, exchange, call, status, rule);
  return status;
}

outrider_status loop_post(const outrider_host *host, outrider_exchange exchange, void (*run)(void *, outrider_status),
                          void *context) {
  return add("post", host, exchange, 0, run, context, NULL);
}

outrider_status loop_after(const outrider_host *host, outrider_exchange exchange, uint64_t ns,
                           void (*run)(void *, outrider_status), void *context, uint64_t *timer) {
  return add("after", host, exchange, ns, run, context, timer);
}

outrider_status loop_cancel(const outrider_host *host, uint64_t timer) {
  outrider_mock *mock = mock_of_host(host);
  outrider_status status = OUTRIDER_E_CLOSED;
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  mock_lock(mock);
  for (callback **place = &mock->callbacks; *place; place = &(*place)->next) {
    callback *found = *place;
    if (found->id != timer || found->is_cancelled) continue;
    *place = found->next;
    found->is_cancelled = true;
    found->moment = mock->now;
    insert(mock, found);
    mock_announce(mock);
    status = OUTRIDER_OK;
    break;
  }
  mock_unlock(mock);
  return status;
}

void loop_wake(const outrider_host *host) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock_is_worker(mock) || mock->phase >= STOPPED || !mock->plugin.on_wake) return;
  const int reason = errno;
  atomic_store(&mock->wake_pending, true);
  sem_post(&mock->signal); /* as all that wake() does, fit for a signal handler */
  errno = reason;
}

/* Removes the first callback that `fits`, and runs it. */
static void run(outrider_mock *mock, callback **place, bool is_over) {
  callback *due = *place;
  *place = due->next;
  mock->n_callbacks--;
  const outrider_status why = due->is_cancelled ? OUTRIDER_E_CANCELLED : is_over ? OUTRIDER_E_CLOSED : OUTRIDER_OK;
  mock_unlock(mock);
  due->run(due->context, why);
  mock_lock(mock);
  free(due);
}

void loop_end_callbacks(outrider_mock *mock, outrider_mock_exchange *exchange) {
  callback **place = &mock->callbacks;
  while (*place) {
    if (exchange && (*place)->exchange != exchange) {
      place = &(*place)->next;
      continue;
    }
    run(mock, place, true);
    place = &mock->callbacks; /* what has run may have changed the list */
  }
}

static bool run_callbacks(outrider_mock *mock) {
  const uint64_t mark = mock->orders;
  bool did = false;
  while (mock->callbacks && mock->callbacks->moment <= mock->now && mock->callbacks->order < mark) {
    run(mock, &mock->callbacks, false);
    did = true;
  }
  return did;
}

static bool run_wake(outrider_mock *mock) {
  if (!atomic_exchange(&mock->wake_pending, false)) return false;
  mock_unlock(mock);
  mock->plugin.on_wake(mock->state);
  mock_lock(mock);
  return true;
}

void outrider_mock_run(outrider_mock *mock) {
  bool did = true;
  if (mock->phase != STARTED && mock->phase != STOPPING) return;
  mock_lock(mock);
  watches_run(mock);
  while (did) {
    did = false;
    for (size_t i = 0; i < mock->n_exchanges; i++) did = exchange_advance(mock->exchanges[i]) || did;
    did = run_callbacks(mock) || did;
    did = run_wake(mock) || did;
  }
  mock_unlock(mock);
}

/* The next moment at which something is due, or `end` if that is earlier. */
static uint64_t next_moment(const outrider_mock *mock, uint64_t end) {
  uint64_t next = end;
  if (mock->callbacks && mock->callbacks->moment < next) next = mock->callbacks->moment;
  for (size_t i = 0; i < mock->n_exchanges; i++) {
    const outrider_mock_exchange *exchange = mock->exchanges[i];
    if (exchange->is_open && !exchange->is_blocking && exchange->head->deadline_ns && exchange->head->deadline_ns < next)
      next = exchange->head->deadline_ns;
  }
  return next < mock->now ? mock->now : next;
}

static uint64_t real_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void outrider_mock_advance(outrider_mock *mock, uint64_t ns) {
  uint64_t end;
  if (__builtin_add_overflow(mock->now, ns, &end)) end = UINT64_MAX - 1;
  bool is_inside = false; /* from a wait function: the loop is busy with a handler */
  for (size_t i = 0; i < mock->n_exchanges; i++) is_inside = is_inside || mock->exchanges[i]->in_handler;
  if (is_inside) {
    mock_lock(mock);
    mock->now = end;
    mock_unlock(mock);
    return;
  }
  outrider_mock_run(mock);
  while (true) {
    mock_lock(mock);
    mock->now = next_moment(mock, end);
    for (size_t i = 0; i < mock->n_exchanges; i++) {
      outrider_mock_exchange *exchange = mock->exchanges[i];
      const bool is_over = exchange->is_open && !exchange->is_blocking && exchange->head->deadline_ns != 0 &&
                           exchange->head->deadline_ns <= mock->now;
      if (is_over) exchange_expire(exchange);
    }
    const bool is_end = mock->now >= end;
    mock_unlock(mock);
    outrider_mock_run(mock);
    if (is_end) return;
  }
}

static bool watches_exist(outrider_mock *mock) {
  mock_lock(mock);
  const bool exist = mock->extensions->n_watches > 0;
  mock_unlock(mock);
  return exist;
}

/* Looks at the descriptors and at other threads by turns. */
static int wait_with_watches(outrider_mock *mock, uint32_t milliseconds) {
  enum { TURN = 5 };
  const uint64_t end = real_time() + milliseconds * 1000000ull;
  bool is_due = false;
  do {
    is_due = watches_wait(mock, milliseconds < TURN ? (int)milliseconds : TURN);
    while (sem_trywait(&mock->signal) == 0) is_due = true;
  } while (!is_due && real_time() < end);
  if (is_due) outrider_mock_run(mock);
  return is_due;
}

int outrider_mock_wait(outrider_mock *mock, uint32_t milliseconds) {
  struct timespec until;
  if (watches_exist(mock)) return wait_with_watches(mock, milliseconds);
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += milliseconds / 1000;
  until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
  while (sem_clockwait(&mock->signal, CLOCK_MONOTONIC, &until) != 0)
    if (errno != EINTR) return 0;
  while (sem_trywait(&mock->signal) == 0) {}
  outrider_mock_run(mock);
  return 1;
}

uint64_t outrider_mock_now(const outrider_mock *mock) {
  mock_lock(mock);
  const uint64_t now = mock->now;
  mock_unlock(mock);
  return now;
}
