/** @file
 * The extension "outrider.config/1": the values of [plugin.config] with their types, and errors that
 * name the key they are about.
 *
 *     const outrider_config *config = host->extension(host, OUTRIDER_CONFIG);
 *
 * A value is a number: OUTRIDER_CONFIG_ROOT is the table [plugin.config], 0 is no value. The functions accept 0 and
 * unknown numbers, and return an empty result for them (type 0, empty bytes, 0). A lookup in a missing table therefore
 * needs no separate check.
 *
 * Every function takes the entry's host table first and is [master] during load(), and [any-thread] afterwards. Results
 * are [host owns; as long as the host table].
 */
#ifndef OUTRIDER_CONFIG_H
#define OUTRIDER_CONFIG_H

#include <outrider.h>

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang diagnostic push")
_Pragma("clang diagnostic ignored \"-Wnullability-extension\"")
_Pragma("clang assume_nonnull begin")
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define OUTRIDER_CONFIG "outrider.config/1"

/* The number of the table [plugin.config] itself. An entry without one has an empty table. */
#define OUTRIDER_CONFIG_ROOT 1u

/* The types of values; 0 is no value. */
#define OUTRIDER_CONFIG_TABLE 1u
#define OUTRIDER_CONFIG_ARRAY 2u
#define OUTRIDER_CONFIG_STRING 3u
#define OUTRIDER_CONFIG_INTEGER 4u
#define OUTRIDER_CONFIG_FLOAT 5u
#define OUTRIDER_CONFIG_BOOLEAN 6u
#define OUTRIDER_CONFIG_DATE 7u /* a date, a time, or both (RFC 3339) */

/* outrider_config_date.parts */
#define OUTRIDER_CONFIG_HAS_DATE 0x01u   /* year, month and day */
#define OUTRIDER_CONFIG_HAS_TIME 0x02u   /* hour, minute, second and nanosecond */
#define OUTRIDER_CONFIG_HAS_OFFSET 0x04u /* offset_minutes; without it, the time is local */

#define OUTRIDER_CONFIG_DATE_SIZE_1_0 40u

/** [the caller owns it and sets size; the host fills it] */
typedef struct outrider_config_date {
  uint32_t size, parts; /* parts: OUTRIDER_CONFIG_HAS_*; members of absent parts are 0 */
  uint32_t year, month, day;
  uint32_t hour, minute, second, nanosecond;
  int32_t offset_minutes; /* east of UTC */
} outrider_config_date;

/** The functions of the extension. [host owns; valid for the life of the process] */
typedef struct outrider_config {
  uint32_t size, reserved;

  /** Get the value of a key of a table; 0 if there is none. key is NUL-terminated and is compared whole: a dot in it is
   * part of the key. */
  uint32_t (*find)(const outrider_host *, uint32_t table, const char *key);

  /** Get the type of a value: OUTRIDER_CONFIG_*. */
  uint32_t (*type)(const outrider_host *, uint32_t value);

  /** Get the number of elements of an array or of keys of a table; 0 for other values. */
  uint32_t (*count)(const outrider_host *, uint32_t value);

  /** Get an element of an array, in its order, or a value of a table, in the order of the keys' bytes. index is below
   * count. */
  uint32_t (*at)(const outrider_host *, uint32_t value, uint32_t index);

  /** Get the key of a value; empty for an element of an array and for [plugin.config]. */
  outrider_bytes (*key)(const outrider_host *, uint32_t value);

  /** Get a string, in UTF-8, or a date as TOML writes it. */
  outrider_bytes (*text)(const outrider_host *, uint32_t value);

  /** Get an integer, or 0 or 1 for a boolean. */
  int64_t (*integer)(const outrider_host *, uint32_t value);

  /** Get a float, or an integer as a float. */
  double (*number)(const outrider_host *, uint32_t value);

  /** Get a date. E_INVALID: the value is no date, or date's size is less than that of 1.0. */
  outrider_status (*date)(const outrider_host *, uint32_t value, outrider_config_date *date);

  /** Get the absolute path of the configuration file's folder, where relative paths in it start; for a plugin that was
   * named on the command line, the folder that the server was started in. Empty: not known (`outriderctl inspect`). */
  outrider_bytes (*folder)(const outrider_host *);

  /** Report an error in the configuration, [master] from load() only ([worker-main] with load = "worker"). The operator
   * sees it as `file:line:column: plugin.config.KEY: message`, with the place of the value. With key, NUL-terminated, the
   * error is about that key of the table `value`: also one that is not there. message [borrowed] is truncated to
   * OUTRIDER_CONFIG_MAX_MESSAGE bytes and escaped. Once load() has returned, whatever its status, the start fails with
   * all errors that it has reported, up to OUTRIDER_CONFIG_MAX_ERRORS; its own error text is added if it is set. If
   * load() returned OK, unload() is called. E_STATE: not during load(). E_INVALID: there is no such value, or no message.
   * E_LIMIT: too many errors. */
  outrider_status (*error)(const outrider_host *, uint32_t value, const char *OUTRIDER_NULLABLE key,
                           outrider_bytes message);

  /** Report every key of a table that is not among keys (n NUL-terminated strings, at most OUTRIDER_CONFIG_MAX_KEYS), as
   * `unknown key "greetng"; did you mean "greeting"?`. Tables within it are checked by calls of their own. Returns OK if
   * there is none; E_INVALID if there are, if keys is NULL, or if value is not a table; E_STATE as for error. */
  outrider_status (*expect)(const outrider_host *, uint32_t table, const char *OUTRIDER_NONNULL const *OUTRIDER_NONNULL keys,
                            uint32_t n);
} outrider_config;

#define OUTRIDER_CONFIG_MAX_MESSAGE 512u
#define OUTRIDER_CONFIG_MAX_ERRORS 100u
#define OUTRIDER_CONFIG_MAX_KEYS 1024u

#ifdef __cplusplus
}
#endif

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang assume_nonnull end")
_Pragma("clang diagnostic pop")
#endif

#endif /* OUTRIDER_CONFIG_H */
