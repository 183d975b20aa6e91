/** @file
 * A host in memory, for tests of a plugin without a server. See outrider-testing(3).
 *
 *     cc -o test_hello test_hello.c hello.c $(pkg-config --cflags --libs outrider-testing)
 *
 * The mock host loads one plugin, calls its hooks, and follows the rules in outrider.h: each function has the same
 * results and the same refusals as in the server. It opens no socket. Time does not pass until the test advances it.
 *
 * All hooks run on the thread that calls the functions below, and only within these functions. Other threads of the
 * plugin may call outrider_host as in the server; outrider_mock_run() and outrider_mock_wait() run what they post. The
 * functions below are for the test's thread. They must not be called from inside a hook, except those that a wait
 * function may call (outrider_mock_request.wait).
 *
 * This interface is part of a library that is linked statically. It may grow like outrider.h.
 */
#ifndef OUTRIDER_TESTING_H
#define OUTRIDER_TESTING_H

#include <outrider.h>

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang diagnostic push")
_Pragma("clang diagnostic ignored \"-Wnullability-extension\"")
_Pragma("clang assume_nonnull begin")
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A host with one plugin. */
typedef struct outrider_mock outrider_mock;

/** One request with its response. [the mock owns; until outrider_mock_free()] */
typedef struct outrider_mock_exchange outrider_mock_exchange;

typedef const outrider_plugin *OUTRIDER_NULLABLE (*outrider_mock_entry)(const outrider_host *);

/** The settings of the host. Members that are 0 mean the defaults of the server's configuration. */
typedef struct outrider_mock_settings {
  uint32_t size;              /**< sizeof(outrider_mock_settings) */
  uint32_t model;             /**< OUTRIDER_MODEL_*; 0: SYNC. This model decides the style for a plugin with both. */
  uint32_t threads, workers;  /**< as passed to worker_start; 0: 1 */
  uint32_t process;           /**< OUTRIDER_PROCESS_*; 0: MASTER */
  uint32_t aborts_on_misuse;  /**< not 0: misuse ends the process where it happens, as debug.abi_checks does */
  const char *OUTRIDER_NULLABLE config; /**< the [plugin.config] table as a JSON object, NUL-terminated; NULL: "{}" */
  const char *OUTRIDER_NULLABLE mount;  /**< NULL: "/" */
  uint64_t output_limit;      /**< limits.output */
  uint64_t body_limit;        /**< limits.body */
  uint32_t max_hints;         /**< early_hints.max_per_request */
  uint32_t max_hint_bytes;    /**< early_hints.max_bytes */
  uint64_t request_timeout_ns; /**< timeouts.request */
  uint64_t graceful_timeout_ns; /**< server.graceful_timeout */
  /** Extensions for the plugin to find before those of the host, which has all that the server has. NULL: there are none. */
  const void *OUTRIDER_NULLABLE (*OUTRIDER_NULLABLE extension)(void *OUTRIDER_NULLABLE context, const char *name);
  void *OUTRIDER_NULLABLE extension_context;
  uint32_t abi;               /**< the version that the host shows; 0: OUTRIDER_ABI_VERSION */
  uint32_t growth;            /**< so many bytes are appended to each structure that may grow, as a later 1.x does; at most
                                 256. They are set to 0xA5, and what the plugin appends is not read. */
  uint64_t store_size;        /**< store.size */
  uint32_t no_extensions;     /**< not 0: the host has no extensions of its own, as an older one */
  uint32_t reserved;
} outrider_mock_settings;

/** For outrider_mock_request.flags */
#define OUTRIDER_MOCK_TLS 0x01u        /**< the connection is TLS */
#define OUTRIDER_MOCK_PROXIED 0x02u    /**< it came through a proxy, and gets hints only over HTTP/2 */
#define OUTRIDER_MOCK_BODY_FOLLOWS 0x04u /**< more of the body follows: outrider_mock_feed(), outrider_mock_end_body() */
#define OUTRIDER_MOCK_CHUNKED 0x08u    /**< the length of the body is not announced */
#define OUTRIDER_MOCK_SLOW 0x10u       /**< the client receives the response only by outrider_mock_take() */
#define OUTRIDER_MOCK_NO_HINTS 0x20u   /**< hints are disabled for this request */

/** A request. Members that are 0 mean those of `GET / HTTP/1.1`. [borrowed] */
typedef struct outrider_mock_request {
  uint32_t size;              /**< sizeof(outrider_mock_request) */
  uint32_t flags;             /**< OUTRIDER_MOCK_* */
  uint32_t http_version;      /**< OUTRIDER_HTTP_*; 0: OUTRIDER_HTTP_1_1 */
  uint32_t piece;             /**< the maximum number of body bytes in one read() or REQUEST; 0: the host's own bound */
  const char *OUTRIDER_NULLABLE method; /**< NUL-terminated; NULL: "GET" */
  const char *OUTRIDER_NULLABLE target; /**< NUL-terminated, with the query; NULL: "/" */
  const char *OUTRIDER_NULLABLE authority; /**< NULL: "localhost" */
  const outrider_field *OUTRIDER_NULLABLE fields; /**< Host, Content-Length and Transfer-Encoding are added */
  size_t n_fields;
  outrider_bytes body;        /**< if empty, without BODY_FOLLOWS and CHUNKED: the request has no body */
  int64_t content_length;     /**< with BODY_FOLLOWS: the announced length of the body; 0: as with CHUNKED */
  const outrider_field *OUTRIDER_NULLABLE trailers; /**< after a body that is complete and CHUNKED */
  size_t n_trailers;
  /** Called when a function of the blocking style waits for the client to send more of the body or to receive bytes. It
   * may call outrider_mock_feed(), _end_body(), _take(), _leave() and _advance(). If it changes nothing, or is NULL,
   * the client disconnects. */
  void (*OUTRIDER_NULLABLE wait)(void *OUTRIDER_NULLABLE context, outrider_mock_exchange *);
  void *OUTRIDER_NULLABLE wait_context;
} outrider_mock_request;

/** The progress or the end of a response. */
#define OUTRIDER_MOCK_OPEN 0u     /**< it has not ended */
#define OUTRIDER_MOCK_COMPLETE 1u /**< the plugin's response is complete */
#define OUTRIDER_MOCK_PAGE 2u     /**< the server has sent its own page: 413, 500, 503 or 504 */
#define OUTRIDER_MOCK_CUT 3u      /**< the response is cut off after its head, which the client can detect */
#define OUTRIDER_MOCK_NONE 4u     /**< the exchange ended without a final response: ABORT, or the client disconnected */

/** An informational response. */
typedef struct outrider_mock_section {
  uint32_t status, reserved;
  const outrider_field *OUTRIDER_NULLABLE fields;
  size_t n_fields;
} outrider_mock_section;

/** The response that the client has received. [the mock owns; until the next function of the mock] */
typedef struct outrider_mock_response {
  uint32_t size, ending;      /**< ending: OUTRIDER_MOCK_OPEN, … */
  uint32_t status;            /**< of the final head; 0 before it */
  uint32_t reserved;
  const outrider_field *OUTRIDER_NULLABLE fields; /**< the plugin's, and content-length if the host adds it */
  size_t n_fields;
  outrider_bytes body;
  const outrider_field *OUTRIDER_NULLABLE trailers; /**< those that are sent */
  size_t n_trailers;
  const outrider_mock_section *OUTRIDER_NULLABLE informational;
  size_t n_informational;
  outrider_bytes wire;        /**< everything as HTTP/1.1, without reason phrases and without the lines Server, Date and
                                 Connection, which the server adds; over HTTP/2, frames have the same parts */
} outrider_mock_response;

/* ---- The host's life --------------------------------------------------------------------------------------------- */

/** Makes a host for a plugin that is linked with the test, and calls the plugin's entry point. NULL: no memory. If the
 * plugin is refused, the host is returned and outrider_mock_error() has the reason. settings may be NULL. */
outrider_mock *OUTRIDER_NULLABLE outrider_mock_new(outrider_mock_entry entry,
                                                   const outrider_mock_settings *OUTRIDER_NULLABLE settings);

/** The same with dlopen() of a shared object. */
outrider_mock *OUTRIDER_NULLABLE outrider_mock_open(const char *path,
                                                    const outrider_mock_settings *OUTRIDER_NULLABLE settings);

/** Calls load(). purpose: OUTRIDER_PURPOSE_*. Negative: refused, by the plugin or the host; see
 * outrider_mock_error(). */
outrider_status outrider_mock_load(outrider_mock *, uint32_t purpose);

/** Calls the hooks that precede the first request: load() for OUTRIDER_PURPOSE_SERVE if it has not been called,
 * before_fork(), worker_start() and thread_start(). Negative: refused. */
outrider_status outrider_mock_start(outrider_mock *);

/** Drains the worker: exchanges of the event style get DRAINING, and outrider_host.draining returns 1. */
void outrider_mock_drain(outrider_mock *);

/** Ends the worker, with deadline_ns as in worker_stop(). Open exchanges are cancelled. Then thread_stop(), pending run
 * functions with E_CLOSED, on_wake() if it is pending, worker_stop() and unload() are called. */
void outrider_mock_stop(outrider_mock *, uint64_t deadline_ns);

/** Frees the host, after outrider_mock_stop() if it has been started. A shared object stays loaded. */
void outrider_mock_free(outrider_mock *OUTRIDER_NULLABLE);

/** The reason of the last refusal, NUL-terminated; "" if there was none. [the mock owns; until the next function] */
const char *outrider_mock_error(const outrider_mock *);

/** The host's table, to call its functions as the plugin does. */
const outrider_host *outrider_mock_host(const outrider_mock *);

/* ---- Requests
 * ----------------------------------------------------------------------------------------------------- */

/** Passes a request to the plugin. Runs handle(); or open(), and everything that is due after it. NULL: the host is not
 * started, or the server would refuse the request itself (a target that is malformed, or outside of the mount). */
outrider_mock_exchange *OUTRIDER_NULLABLE outrider_mock_serve(outrider_mock *, const outrider_mock_request *);

/** Delivers more of the body. */
void outrider_mock_feed(outrider_mock_exchange *, outrider_bytes);

/** Ends the body. Trailer fields are delivered if the request is chunked. */
void outrider_mock_end_body(outrider_mock_exchange *, const outrider_field *OUTRIDER_NULLABLE trailers, size_t n);

/** Disconnects the client. */
void outrider_mock_leave(outrider_mock_exchange *);

/** Lets the client receive up to n more bytes of the response, counted as in outrider_mock_response.wire (with
 * OUTRIDER_MOCK_SLOW). */
void outrider_mock_take(outrider_mock_exchange *, size_t n);

/** The handle of the exchange, which is stale when it has ended. */
outrider_exchange outrider_mock_handle(const outrider_mock_exchange *);

/** The response that the client has received so far. */
const outrider_mock_response *outrider_mock_response_of(outrider_mock_exchange *);

/** The value of the first field of that name, in any case; data NULL: there is none. */
outrider_bytes outrider_mock_value(const outrider_field *OUTRIDER_NULLABLE fields, size_t n, const char *name);

/* ---- Loop and time
 * -------------------------------------------------------------------------------------------------- */

/** Runs everything that is due on the loop: posted functions, timers, on_wake(), events. */
void outrider_mock_run(outrider_mock *);

/** Advances the time, and runs each timer and deadline at its time. */
void outrider_mock_advance(outrider_mock *, uint64_t ns);

/** Waits, in real time, for a post, wake or send of another thread, and runs what is due. 0: none within the time. */
int outrider_mock_wait(outrider_mock *, uint32_t milliseconds);

/** The time, as in outrider_head.deadline_ns. Its initial value is that of CLOCK_MONOTONIC. */
uint64_t outrider_mock_now(const outrider_mock *);

/* ---- Extensions ------------------------------------------------------------------------------------------------------- */

/** The value that a request was given by outrider_log.note; data NULL: it has none of that key. [until the next function] */
outrider_bytes outrider_mock_note(const outrider_mock_exchange *, const char *key);

/** The value of a metric: its name, without outrider_plugin_, and its labels but for `plugin`, as /metrics has them:
 * "cache_total{result=\"hit\"}". Of a histogram, its name with _count or _sum. NaN: there is none, or a gauge is not set. */
double outrider_mock_metric(const outrider_mock *, const char *name);

/** The reason for which the plugin has said that it is not ready, NUL-terminated; NULL: it is. [until the next function] */
const char *OUTRIDER_NULLABLE outrider_mock_not_ready(const outrider_mock *);

/** The name of a watched thread that has not said for so long that it lives, nor that it is idle; NULL: there is none. */
const char *OUTRIDER_NULLABLE outrider_mock_silent_thread(const outrider_mock *, uint64_t ns);

/* ---- What was logged -------------------------------------------------------------------------------------------------- */

/** The number of calls that were misuse. */
size_t outrider_mock_misuses(const outrider_mock *);

/** One of them, as the server's error log has it: "write refused: OUTRIDER_E_STATE: content before the final head". */
const char *outrider_mock_misuse(const outrider_mock *, size_t index);

/** The number of lines that the plugin has logged. */
size_t outrider_mock_log_lines(const outrider_mock *);

/** One of them, NUL-terminated. level is set to OUTRIDER_LOG_* unless it is NULL. */
const char *outrider_mock_log_line(const outrider_mock *, size_t index, uint32_t *OUTRIDER_NULLABLE level);

#ifdef __cplusplus
}
#endif

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang assume_nonnull end")
_Pragma("clang diagnostic pop")
#endif

#endif /* OUTRIDER_TESTING_H */
