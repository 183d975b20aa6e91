/** @file
 * The extension "outrider.store/1": state that all workers of the service share, for rate limits, caches
 * and flags.
 *
 *     const outrider_store *store = host->extension(host, OUTRIDER_STORE);
 *
 * The store is memory of store.size bytes. Its content survives reloads and the replacement of the program (SIGUSR2),
 * but not a restart of the service. The keys of each [[plugin]] entry are separate, by the name of the entry.
 *
 * KEYS AND VALUES are bytes: a key has 1 to OUTRIDER_STORE_MAX_KEY, a value 0 to OUTRIDER_STORE_MAX_VALUE. A value may
 * have a time to live. When it has expired, the key no longer exists.
 *
 * ROOM. If there is no room for a value, expired values are removed first. Then values with a time to live are evicted;
 * from a small sample, the one that expires first. Values without a time to live are never evicted: if only those are
 * left, the call returns E_LIMIT. The metrics count evictions and refusals.
 *
 * ORDER. Each call is atomic. Every later call in any worker sees its effect. If a worker is killed during a call, the
 * key has either its previous or its new value.
 *
 * Every function takes the entry's host table first, is [any-thread], and takes a few microseconds. If another process
 * is using the same part of the store, the function waits for at most 200 ms, and then returns E_AGAIN. In the master
 * the functions return E_STATE; with store.size = 0 they return E_UNSUPPORTED. Each may return
 *   E_INVALID: a key or a value is too long, a key is empty, or a pointer is NULL;
 *   E_AGAIN: another worker was stopped during a call, for example by a debugger; try again later;
 *   E_IO: a faulty plugin has overwritten this part of the store, which has been emptied.
 */
#ifndef OUTRIDER_STORE_H
#define OUTRIDER_STORE_H

#include <outrider.h>

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang diagnostic push")
_Pragma("clang diagnostic ignored \"-Wnullability-extension\"")
_Pragma("clang assume_nonnull begin")
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define OUTRIDER_STORE "outrider.store/1"

#define OUTRIDER_STORE_MAX_KEY 255u
#define OUTRIDER_STORE_MAX_VALUE 65536u

/** The functions of the extension. key, prefix and values are [borrowed]. [host owns; valid for the life of the
 * process] */
typedef struct outrider_store {
  uint32_t size, reserved;

  /** Copy the value of a key into buffer, which has room for capacity bytes. *got is set to the size of the value, and
   * *left_ns, if left_ns is not NULL, to the nanoseconds until it expires, or 0 if it never expires. SKIPPED: there is
   * no such key. E_LIMIT: the value is larger than capacity; *got is its size. */
  outrider_status (*get)(const outrider_host *, outrider_bytes key, void *OUTRIDER_NULLABLE buffer, size_t capacity,
                         size_t *got, uint64_t *OUTRIDER_NULLABLE left_ns);

  /** Set the value of a key. It expires after ttl_ns nanoseconds, or never if ttl_ns is 0. E_LIMIT: there is no
   * room. */
  outrider_status (*set)(const outrider_host *, outrider_bytes key, outrider_bytes value, uint64_t ttl_ns);

  /** Set the value of a key if it is *expected; if expected is NULL, set the value if the key does not exist. SKIPPED:
   * the condition is false, and nothing is changed. E_LIMIT: there is no room. */
  outrider_status (*compare_and_set)(const outrider_host *, outrider_bytes key,
                                     const outrider_bytes *OUTRIDER_NULLABLE expected, outrider_bytes value, uint64_t ttl_ns);

  /** Add to a counter, and set *sum to the result, which wraps around. A new counter starts at 0 and expires after
   * ttl_ns nanoseconds, or never if ttl_ns is 0; an existing counter keeps its expiry time. For get and set, a counter
   * is a value of 8 bytes, an int64_t in the byte order of the machine. sum may be NULL. E_STATE: the value is not a
   * counter.
   * E_LIMIT: there is no room. */
  outrider_status (*add)(const outrider_host *, outrider_bytes key, int64_t amount, uint64_t ttl_ns,
                         int64_t *OUTRIDER_NULLABLE sum);

  /** Delete a key. SKIPPED: there is no such key. */
  outrider_status (*remove)(const outrider_host *, outrider_bytes key);

  /** Copy the next key that begins with prefix, which may be empty, into buffer. *cursor is 0 for the first key, and is
   * advanced by the call. The order of the keys is unspecified. A key that exists from the first call to the last is
   * returned exactly once; a key that is set or deleted meanwhile may or may not be returned. SKIPPED: there is no
   * further key. E_LIMIT: the key is larger than capacity; *got is its size, and *cursor is unchanged. */
  outrider_status (*next)(const outrider_host *, outrider_bytes prefix, uint64_t *cursor,
                          void *OUTRIDER_NULLABLE buffer, size_t capacity, size_t *got);
} outrider_store;

#ifdef __cplusplus
}
#endif

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang assume_nonnull end")
_Pragma("clang diagnostic pop")
#endif

#endif /* OUTRIDER_STORE_H */
