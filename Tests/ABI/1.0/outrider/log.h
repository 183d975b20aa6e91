/** @file
 * The extension "outrider.log/1": notes of a request for the access log and the error log, the request's
 * traceparent, and whether a level is logged at all.
 *
 *     const outrider_log *log = host->extension(host, OUTRIDER_LOG);
 *
 * Every function takes the entry's host table first.
 */
#ifndef OUTRIDER_LOG_H
#define OUTRIDER_LOG_H

#include <outrider.h>

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang diagnostic push")
_Pragma("clang diagnostic ignored \"-Wnullability-extension\"")
_Pragma("clang assume_nonnull begin")
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define OUTRIDER_LOG "outrider.log/1"

#define OUTRIDER_LOG_MAX_NOTES 16u  /* of a request */
#define OUTRIDER_LOG_MAX_KEY 32u    /* bytes */
#define OUTRIDER_LOG_MAX_VALUE 256u /* bytes; longer values are truncated */

#define OUTRIDER_TRACE_SIZE_1_0 72u

/** The traceparent of a request (W3C Trace Context). [the caller owns it and sets size; the host fills it] */
typedef struct outrider_trace {
  uint32_t size;
  uint32_t present;                   /* 1, or 0: the request has none, more than one, or one that is invalid */
  uint32_t version, flags;            /* flags: OUTRIDER_TRACE_SAMPLED, and bits that later versions may define */
  uint8_t trace_id[16], parent_id[8]; /* all 0 if it is not present */
  outrider_bytes trace_id_text, parent_id_text; /* 32 and 16 lower-case digits [host owns; as the request's head] */
} outrider_trace;

#define OUTRIDER_TRACE_SAMPLED 0x01u

/** The functions of the extension. [host owns; valid for the life of the process] */
typedef struct outrider_log {
  uint32_t size, reserved;

  /** Whether log() would write a line of that level, OUTRIDER_LOG_*: 1 or 0, [any-thread] and [master]. Cheap: ask before
   * a message is put together. */
  int32_t (*enabled)(const outrider_host *, uint32_t level);

  /** Note a value of a request: the access log shows it as %({key}n)s and among %(notes)s, the JSON format as a member of
   * "notes", and the error log behind every line about the exchange. key is NUL-terminated: letters, digits, '-', '_' and
   * '.'. value [borrowed] is truncated to OUTRIDER_LOG_MAX_VALUE bytes, and escaped where it is shown. A key that is noted
   * again takes the new value; an empty value takes the note away.
   * Event style: [any-thread]. Blocking style: [request-thread]; from another thread E_THREAD. A note that comes after the
   * response is complete may be too late for the access log.
   * E_CLOSED: the exchange is over. E_INVALID: the key or the value is malformed. E_LIMIT: too many keys. */
  outrider_status (*note)(const outrider_host *, outrider_exchange, const char *key, outrider_bytes value);

  /** Get the traceparent of a request, as outrider_host.head is called. Both logs show it: %(trace_id)s and %(parent_id)s,
   * the JSON members "trace_id" and "parent_id", and trace=… in the error log. E_CLOSED: the exchange is over.
   * E_INVALID: trace is NULL, or its size is less than that of version 1. */
  outrider_status (*trace)(const outrider_host *, outrider_exchange, outrider_trace *trace);
} outrider_log;

#ifdef __cplusplus
}
#endif

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang assume_nonnull end")
_Pragma("clang diagnostic pop")
#endif

#endif /* OUTRIDER_LOG_H */
