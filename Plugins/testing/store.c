/* store.c: outrider.store/1, in the memory of the test, by the time of the mock. */
#define _GNU_SOURCE
#include "extensions.h"

struct store_entry {
  struct store_entry *next; /* by their order */
  char *key, *value;
  size_t key_size, value_size;
  uint64_t end;   /* 0: for ever */
  uint64_t order; /* of its making: what a cursor has come to */
};

enum { OVERHEAD = 64 };

static size_t cost(size_t key, size_t value) { return key + value + OVERHEAD; }

static void remove_at(outrider_mock *mock, struct store_entry **place) {
  struct store_entry *entry = *place;
  *place = entry->next;
  mock->extensions->store_bytes -= cost(entry->key_size, entry->value_size);
  free(entry->key);
  free(entry->value);
  free(entry);
}

static void drop_expired(outrider_mock *mock) {
  struct store_entry **place = &mock->extensions->entries;
  while (*place)
    if ((*place)->end && (*place)->end <= mock->now)
      remove_at(mock, place);
    else
      place = &(*place)->next;
}

static bool bytes_fit(outrider_bytes bytes, size_t least, size_t most) {
  return bytes_are_well_formed(bytes) && bytes.size >= least && bytes.size <= most;
}

static bool has_key(const struct store_entry *entry, outrider_bytes key) {
  return entry->key_size == key.size && memcmp(entry->key, key.data, key.size) == 0;
}

static struct store_entry **find(outrider_mock *mock, outrider_bytes key) {
  struct store_entry **place = &mock->extensions->entries;
  while (*place && !has_key(*place, key)) place = &(*place)->next;
  return place;
}

/* What there is with a time to live and the least left of it, or NULL. */
static struct store_entry **next_to_go(outrider_mock *mock, const struct store_entry *kept) {
  struct store_entry **least = NULL;
  for (struct store_entry **place = &mock->extensions->entries; *place; place = &(*place)->next)
    if (*place != kept && (*place)->end && (!least || (*place)->end < (*least)->end)) least = place;
  return least;
}

/* Whether there is room for so many bytes more, once others have gone. */
static bool make_room(outrider_mock *mock, size_t more, const struct store_entry *kept) {
  while (mock->extensions->store_bytes + more > mock->settings.store_size) {
    struct store_entry **place = next_to_go(mock, kept);
    if (!place) return false;
    remove_at(mock, place);
  }
  return true;
}

static uint64_t end_of(const outrider_mock *mock, uint64_t ttl_ns) {
  uint64_t end;
  if (ttl_ns == 0) return 0;
  return __builtin_add_overflow(mock->now, ttl_ns, &end) ? UINT64_MAX : end;
}

/* entry: the present one of that key, or NULL. */
static outrider_status put(outrider_mock *mock, struct store_entry *entry, outrider_bytes key, outrider_bytes value, uint64_t end) {
  const size_t before = entry ? entry->value_size : 0, more = entry ? value.size : cost(key.size, value.size);
  if (more > before && !make_room(mock, more - before, entry)) return OUTRIDER_E_LIMIT;
  if (!entry) {
    struct store_entry **place = &mock->extensions->entries;
    while (*place) place = &(*place)->next;
    entry = *place = mock_allocate(sizeof *entry);
    entry->key = mock_copy(key.data, key.size);
    entry->key_size = key.size;
    entry->order = ++mock->extensions->store_order;
    mock->extensions->store_bytes += cost(key.size, 0);
  }
  free(entry->value);
  entry->value = mock_copy(value.data, value.size);
  mock->extensions->store_bytes = mock->extensions->store_bytes - before + value.size;
  entry->value_size = value.size;
  entry->end = end;
  return OUTRIDER_OK;
}

/* What all calls begin with: OK has the lock held. */
static outrider_status begin(outrider_mock *mock, const char *call, bool is_fit) {
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  if (!is_fit) {
    note_misuse(mock, NULL, call, OUTRIDER_E_INVALID, "a key, a value or a pointer");
    return OUTRIDER_E_INVALID;
  }
  mock_lock(mock);
  drop_expired(mock);
  return OUTRIDER_OK;
}

static outrider_status get(const outrider_host *host, outrider_bytes key, void *room, size_t capacity, size_t *got,
                           uint64_t *left_ns) {
  outrider_mock *mock = mock_of_host(host);
  outrider_status status =
      begin(mock, "get", bytes_fit(key, 1, OUTRIDER_STORE_MAX_KEY) && (room || capacity == 0) && capacity <= INT64_MAX && got);
  if (status < 0) return status;
  const struct store_entry *entry = *find(mock, key);
  *got = entry ? entry->value_size : 0;
  if (left_ns) *left_ns = entry && entry->end ? entry->end - mock->now : 0;
  if (!entry)
    status = OUTRIDER_SKIPPED;
  else if (entry->value_size > capacity)
    status = OUTRIDER_E_LIMIT;
  else if (entry->value_size)
    memcpy(room, entry->value, entry->value_size);
  mock_unlock(mock);
  return status;
}

static outrider_status set(const outrider_host *host, outrider_bytes key, outrider_bytes value, uint64_t ttl_ns) {
  outrider_mock *mock = mock_of_host(host);
  outrider_status status =
      begin(mock, "set", bytes_fit(key, 1, OUTRIDER_STORE_MAX_KEY) && bytes_fit(value, 0, OUTRIDER_STORE_MAX_VALUE));
  if (status < 0) return status;
  status = put(mock, *find(mock, key), key, value, end_of(mock, ttl_ns));
  mock_unlock(mock);
  return status;
}

static outrider_status compare_and_set(const outrider_host *host, outrider_bytes key, const outrider_bytes *expected,
                                       outrider_bytes value, uint64_t ttl_ns) {
  outrider_mock *mock = mock_of_host(host);
  const bool is_fit = bytes_fit(key, 1, OUTRIDER_STORE_MAX_KEY) && bytes_fit(value, 0, OUTRIDER_STORE_MAX_VALUE) &&
                      (!expected || bytes_are_well_formed(*expected));
  outrider_status status = begin(mock, expected ? "compare_and_set" : "set", is_fit);
  if (status < 0) return status;
  struct store_entry *entry = *find(mock, key);
  const bool is_expected = expected && entry
                               ? entry->value_size == expected->size &&
                                     (expected->size == 0 || memcmp(entry->value, expected->data, expected->size) == 0)
                               : !expected && !entry;
  status = is_expected ? put(mock, entry, key, value, end_of(mock, ttl_ns)) : OUTRIDER_SKIPPED;
  mock_unlock(mock);
  return status;
}

static outrider_status add(const outrider_host *host, outrider_bytes key, int64_t amount, uint64_t ttl_ns, int64_t *sum) {
  outrider_mock *mock = mock_of_host(host);
  outrider_status status = begin(mock, "add", bytes_fit(key, 1, OUTRIDER_STORE_MAX_KEY));
  if (status < 0) return status;
  struct store_entry *entry = *find(mock, key);
  int64_t counter = 0;
  if (entry && entry->value_size != sizeof counter) {
    status = OUTRIDER_E_STATE;
    note_misuse(mock, NULL, "add", status, "the value is no counter");
  } else {
    if (entry) memcpy(&counter, entry->value, sizeof counter);
    counter = (int64_t)((uint64_t)counter + (uint64_t)amount);
    status = put(mock, entry, key, (outrider_bytes){(const char *)&counter, sizeof counter},
                 entry ? entry->end : end_of(mock, ttl_ns));
    if (status == OUTRIDER_OK && sum) *sum = counter;
  }
  mock_unlock(mock);
  return status;
}

static outrider_status remove_key(const outrider_host *host, outrider_bytes key) {
  outrider_mock *mock = mock_of_host(host);
  outrider_status status = begin(mock, "remove", bytes_fit(key, 1, OUTRIDER_STORE_MAX_KEY));
  if (status < 0) return status;
  struct store_entry **place = find(mock, key);
  if (*place)
    remove_at(mock, place);
  else
    status = OUTRIDER_SKIPPED;
  mock_unlock(mock);
  return status;
}

static outrider_status next(const outrider_host *host, outrider_bytes prefix, uint64_t *cursor, void *room, size_t capacity,
                            size_t *got) {
  outrider_mock *mock = mock_of_host(host);
  outrider_status status = begin(
      mock, "next", bytes_fit(prefix, 0, OUTRIDER_STORE_MAX_KEY) && cursor && (room || capacity == 0) && capacity <= INT64_MAX && got);
  if (status < 0) return status;
  const struct store_entry *entry = mock->extensions->entries;
  while (entry && (entry->order <= *cursor || entry->key_size < prefix.size ||
                   (prefix.size && memcmp(entry->key, prefix.data, prefix.size) != 0)))
    entry = entry->next;
  *got = entry ? entry->key_size : 0;
  if (!entry) {
    status = OUTRIDER_SKIPPED;
  } else if (entry->key_size > capacity) {
    status = OUTRIDER_E_LIMIT;
  } else {
    memcpy(room, entry->key, entry->key_size);
    *cursor = entry->order;
  }
  mock_unlock(mock);
  return status;
}

void store_free(struct store_entry *entries) {
  while (entries) {
    struct store_entry *next = entries->next;
    free(entries->key);
    free(entries->value);
    free(entries);
    entries = next;
  }
}

const outrider_store mock_store_table = {.size = sizeof mock_store_table,
                                         .get = get,
                                         .set = set,
                                         .compare_and_set = compare_and_set,
                                         .add = add,
                                         .remove = remove_key,
                                         .next = next};
