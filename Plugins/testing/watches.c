/* watches.c: outrider.loop/1: real descriptors, which are looked at once in each outrider_mock_run(). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "extensions.h"

struct watch {
  struct watch *next;
  uint64_t id;
  int32_t fd;
  uint32_t events;
  void (*run)(void *context, outrider_status why, uint32_t events);
  void *context;
  outrider_mock_exchange *exchange; /* NULL: the worker's */
};

static const char not_on_loop[] = "not on the thread of the loop", unknown_events[] = "events that are not known";
static const char not_within[] = "not within run_loop, or from inside a hook or a run function";

static bool events_are_known(uint32_t events) {
  return (events & ~(OUTRIDER_LOOP_READABLE | OUTRIDER_LOOP_PRIORITY | OUTRIDER_LOOP_WRITABLE | OUTRIDER_LOOP_ERROR |
                     OUTRIDER_LOOP_HANGUP | OUTRIDER_LOOP_PEER_CLOSED)) == 0;
}

static bool is_usable(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

static struct watch **find(outrider_mock *mock, uint64_t id) {
  struct watch **place = &mock->extensions->watches;
  while (*place && (*place)->id != id) place = &(*place)->next;
  return place;
}

static bool is_watched(const outrider_mock *mock, int fd) {
  for (const struct watch *watch = mock->extensions->watches; watch; watch = watch->next)
    if (watch->fd == fd) return true;
  return false;
}

static outrider_status end_call(outrider_mock *mock, outrider_mock_exchange *exchange, const char *call, outrider_status status,
                                const char *rule) {
  if (status_is_misuse(status)) note_misuse(mock, exchange, call, status, rule);
  mock_unlock(mock);
  return status;
}

static outrider_status watch(const outrider_host *host, outrider_exchange handle, int32_t fd, uint32_t events,
                             void (*run)(void *context, outrider_status why, uint32_t events), void *context, uint64_t *id) {
  outrider_mock *mock = mock_of_host(host);
  if (mock->phase < STARTED) return OUTRIDER_E_STATE;
  mock_lock(mock);
  outrider_mock_exchange *exchange = handle.id ? mock_find(mock, handle) : NULL;
  if ((handle.id && (!exchange || exchange->callbacks_ended)) || mock->phase >= STOPPED)
    return end_call(mock, exchange, "watch", OUTRIDER_E_CLOSED, NULL);
  if (!pthread_equal(mock->loop, pthread_self())) return end_call(mock, exchange, "watch", OUTRIDER_E_THREAD, not_on_loop);
  if (!run) return end_call(mock, exchange, "watch", OUTRIDER_E_INVALID, "run is NULL");
  if (!events_are_known(events)) return end_call(mock, exchange, "watch", OUTRIDER_E_INVALID, unknown_events);
  if (exchange && exchange->is_blocking)
    return end_call(mock, exchange, "watch", OUTRIDER_E_UNSUPPORTED, "an exchange in blocking style has no watches");
  if (!is_usable(fd))
    return end_call(mock, exchange, "watch", OUTRIDER_E_INVALID, "the descriptor is closed, or can't be waited for");
  if (is_watched(mock, fd)) return end_call(mock, exchange, "watch", OUTRIDER_E_STATE, "the descriptor is watched already");
  if (mock->extensions->n_watches == OUTRIDER_LOOP_MAX_WATCHES)
    return end_call(mock, exchange, "watch", OUTRIDER_E_LIMIT, "65536 descriptors are watched");
  struct watch *added = *find(mock, 0) = mock_allocate(sizeof *added);
  *added = (struct watch){NULL, ++mock->extensions->watch_order, fd, events, run, context, exchange};
  mock->extensions->n_watches++;
  if (id) *id = added->id;
  return end_call(mock, exchange, "watch", OUTRIDER_OK, NULL);
}

static void remove_at(outrider_mock *mock, struct watch **place) {
  struct watch *removed = *place;
  *place = removed->next;
  mock->extensions->n_watches--;
  free(removed);
}

static outrider_status change(const outrider_host *host, uint64_t id, uint32_t events) {
  outrider_mock *mock = mock_of_host(host);
  if (mock->phase < STARTED) return OUTRIDER_E_STATE;
  mock_lock(mock);
  if (!pthread_equal(mock->loop, pthread_self())) return end_call(mock, NULL, "change", OUTRIDER_E_THREAD, not_on_loop);
  if (!events_are_known(events)) return end_call(mock, NULL, "change", OUTRIDER_E_INVALID, unknown_events);
  struct watch *found = id ? *find(mock, id) : NULL;
  if (!found || !is_usable(found->fd)) return end_call(mock, NULL, "change", OUTRIDER_E_CLOSED, NULL);
  found->events = events;
  return end_call(mock, NULL, "change", OUTRIDER_OK, NULL);
}

static outrider_status unwatch(const outrider_host *host, uint64_t id) {
  outrider_mock *mock = mock_of_host(host);
  if (mock->phase < STARTED) return OUTRIDER_E_STATE;
  mock_lock(mock);
  if (!pthread_equal(mock->loop, pthread_self())) return end_call(mock, NULL, "unwatch", OUTRIDER_E_THREAD, not_on_loop);
  struct watch **place = find(mock, id);
  if (id == 0 || !*place) return end_call(mock, NULL, "unwatch", OUTRIDER_E_CLOSED, NULL);
  remove_at(mock, place);
  return end_call(mock, NULL, "unwatch", OUTRIDER_OK, NULL);
}

/* There is no thread for a runtime to own. */
static outrider_status own(const outrider_host *host, void (*run_loop)(void *state)) {
  if (mock_of_host(host)->phase >= STARTED) return OUTRIDER_E_STATE;
  return run_loop ? OUTRIDER_E_UNSUPPORTED : OUTRIDER_E_INVALID;
}

static int32_t descriptor(const outrider_host *host) {
  outrider_mock *mock = mock_of_host(host);
  if (mock->phase < STARTED) return OUTRIDER_E_STATE;
  mock_lock(mock);
  return end_call(mock, NULL, "descriptor", OUTRIDER_E_STATE, not_within);
}

static outrider_status dispatch(const outrider_host *host, uint64_t max_ns) {
  outrider_mock *mock = mock_of_host(host);
  (void)max_ns;
  if (mock->phase < STARTED) return OUTRIDER_E_STATE;
  mock_lock(mock);
  return end_call(mock, NULL, "dispatch", OUTRIDER_E_STATE, not_within);
}

/* ---- The mock's side -------------------------------------------------------------------------------------------- */

/* What poll() is asked for each watch, in their order, and their ids; the caller frees them. */
static struct pollfd *entries_of(const outrider_mock *mock, uint64_t **ids) {
  struct pollfd *entries = mock_allocate(mock->extensions->n_watches * sizeof *entries);
  size_t n = 0;
  *ids = mock_allocate(mock->extensions->n_watches * sizeof **ids);
  for (const struct watch *watch = mock->extensions->watches; watch; watch = watch->next, n++) {
    /* With events 0 nothing is reported, not even errors. */
    entries[n] = (struct pollfd){watch->events ? watch->fd : -1, (short)watch->events, 0};
    (*ids)[n] = watch->id;
  }
  return entries;
}

bool watches_run(outrider_mock *mock) {
  const size_t n = mock->extensions->n_watches;
  uint64_t *ids;
  bool did = false;
  if (n == 0) return false;
  struct pollfd *entries = entries_of(mock, &ids);
  poll(entries, n, 0);
  for (size_t i = 0; i < n; i++) {
    const struct watch *watch = *find(mock, ids[i]); /* one that has run may have ended it */
    if (!watch || entries[i].revents & POLLNVAL) continue;
    const uint32_t asked = watch->events ? watch->events | OUTRIDER_LOOP_ERROR | OUTRIDER_LOOP_HANGUP : 0;
    const uint32_t ready = (uint32_t)(unsigned short)entries[i].revents & asked;
    if (!ready) continue;
    void (*run)(void *, outrider_status, uint32_t) = watch->run;
    void *context = watch->context;
    mock_unlock(mock);
    run(context, OUTRIDER_OK, ready);
    mock_lock(mock);
    did = true;
  }
  free(entries);
  free(ids);
  return did;
}

bool watches_wait(outrider_mock *mock, int milliseconds) {
  uint64_t *ids;
  mock_lock(mock);
  const size_t n = mock->extensions->n_watches;
  struct pollfd *entries = entries_of(mock, &ids);
  mock_unlock(mock);
  const bool is_ready = poll(entries, n, milliseconds) > 0;
  free(entries);
  free(ids);
  return is_ready;
}

void watches_end(outrider_mock *mock, const outrider_mock_exchange *exchange) {
  struct watch **place = &mock->extensions->watches;
  while (*place) {
    if (exchange && (*place)->exchange != exchange) {
      place = &(*place)->next;
      continue;
    }
    const struct watch ended = **place;
    remove_at(mock, place);
    mock_unlock(mock);
    ended.run(ended.context, OUTRIDER_E_CLOSED, 0);
    mock_lock(mock);
    place = &mock->extensions->watches; /* what has run may have changed the list */
  }
}

void watches_free(struct watch *watches) {
  while (watches) {
    struct watch *next = watches->next;
    free(watches);
    watches = next;
  }
}

const outrider_loop mock_loop_table = {.size = sizeof mock_loop_table,
                                       .own = own,
                                       .watch = watch,
                                       .change = change,
                                       .unwatch = unwatch,
                                       .descriptor = descriptor,
                                       .dispatch = dispatch};
