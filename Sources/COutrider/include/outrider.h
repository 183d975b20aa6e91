/* outrider.h: the contract between the Outrider application server and its handler plugins.
 *
 * A plugin is a shared object that exports one function, outrider_plugin_v1(), and links against nothing of the
 * server: the functions of the host reach it in tables. Build one with
 *
 *     cc -shared -fPIC -fvisibility=hidden -o libhello.so hello.c
 *
 * and serve it with `outrider ./libhello.so`. The file is C11 and valid C++17, and stands alone.
 *
 * STABILITY. Nothing released ever changes: no offset, no value, no rule of ownership, thread or order. Structures
 * that may grow begin with `size`, set by whoever owns the memory; whoever reads looks at no field beyond it
 * (OUTRIDER_HAS). Growth is a field appended, an event type added, an extension by name. Structures marked
 * [frozen] are used as array elements and never grow. A plugin built against 1.x loads in every host of
 * major version 1 whose minor version is at least what the plugin says it needs (abi_required).
 *
 * BYTES are a pointer and a length: never NUL-terminated, never assumed to be UTF-8. Where size is 0 the pointer
 * may be NULL.
 *
 * OWNERSHIP. Each pointer's comment says who owns the memory and its last valid moment. Neither side ever frees the
 * other's memory. [borrowed] on an argument: read during the call only, the caller may reuse it on return.
 *
 * THREADS. Every function carries the thread it belongs to:
 *   [master]          the one thread of the master process, before any worker is forked
 *   [worker-main]     the thread that runs the worker's loop; it is made after the fork, and is not the process's first
 *   [loop]            the worker's one loop thread; all event-style calls of all exchanges come from it, one at a time
 *   [request-thread]  the thread that is inside handle() of this exchange, and no other
 *   [any-thread]      every thread of the worker process, the plugin's own included (from worker_start on)
 *
 * CHILDREN. Programs that a plugin starts begin with the signal mask and the ignored signals that the server was started
 * with. Descriptors of the host are close-on-exec.
 *
 * THE END of a worker, when no handle() runs any more: thread_stop on each thread, worker_stop, then as by exit(3): stdio
 * is flushed, and destructors and atexit functions run, for a second at most; those do not where a thread of a plugin is
 * left. A handle() that has not returned in time is left behind: its plugin gets no worker_stop, and nothing of this runs.
 *
 * FIELDS that a plugin sends have a token as name and a value without control characters but HTAB and without white
 * space at its ends; bytes above ASCII pass. The server's own are connection, keep-alive, proxy-connection, te,
 * transfer-encoding and upgrade, in every section; content-length and trailer too, but in a final head; in trailers also
 * expect, forwarded, host, via, x-forwarded-* and x-request-id. Each is E_INVALID, and then nothing of the call is sent.
 *
 * ORDER OF CHECKS. Where several statuses fit a call, the first of these is returned: E_CLOSED or E_CANCELLED, E_THREAD,
 * E_STATE, E_INVALID, SKIPPED, E_LIMIT, E_AGAIN. Once an answer is complete every further act on it is E_STATE, and from
 * close() or the return of handle() on E_CLOSED.
 *
 * MISUSE returns a negative status, is counted, and is logged with the plugin's name and the request's id. It never
 * ends the process, never touches another exchange, is never taken for success, and sends nothing.
 */
#ifndef OUTRIDER_H
#define OUTRIDER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version -------------------------------------------------------------------------------------------------- */

#define OUTRIDER_ABI_MAJOR 1
#define OUTRIDER_ABI_MINOR 0
/* A version as one number, as the `abi` fields hold it. */
#define OUTRIDER_ABI(major, minor) (((uint32_t)(major) << 16) | (uint32_t)(minor))
#define OUTRIDER_ABI_VERSION OUTRIDER_ABI(OUTRIDER_ABI_MAJOR, OUTRIDER_ABI_MINOR)

/* True if the structure at p, of type T, is large enough to hold field f. Ask before reading a field that was
 * appended after 1.0. */
#define OUTRIDER_HAS(p, T, f) ((p)->size >= offsetof(T, f) + sizeof(((T *)0)->f))

/* ---- Status --------------------------------------------------------------------------------------------------- */

/* What a call came to. 0: accepted, which is not yet delivered. Positive: accepted, with a remark. Negative: refused,
 * nothing was sent, nothing was taken, and what the call would have handed over still belongs to the caller. (One
 * exception: an answer that ends short of its content-length is E_INVALID and cut off, which ends it.) */
typedef int32_t outrider_status;

#define OUTRIDER_OK 0
#define OUTRIDER_SKIPPED 1         /* legal here, and nothing is sent: a 103 to HTTP/1.0, body bytes for HEAD */
#define OUTRIDER_PAUSE 2           /* accepted; send no more body until RESUME arrives */
#define OUTRIDER_E_STATE (-1)      /* not at this point of the exchange: a second final head, a hint after it */
#define OUTRIDER_E_INVALID (-2)    /* an argument is malformed: field name or value, status, length, size */
#define OUTRIDER_E_CLOSED (-3)     /* the exchange is over, the client left, or the handle is stale or was never one */
#define OUTRIDER_E_CANCELLED (-4)  /* the host ended it: a deadline passed, or the worker must stop */
#define OUTRIDER_E_UNSUPPORTED (-5) /* this host, protocol or style has no such thing */
#define OUTRIDER_E_LIMIT (-6)      /* a configured limit is reached; repeating the call does not help */
#define OUTRIDER_E_AGAIN (-7)      /* no room now: nothing was taken, RESUME follows when there is */
#define OUTRIDER_E_THREAD (-8)     /* wrong thread, or another thread is inside a call on this exchange */
#define OUTRIDER_E_IO (-9)         /* a file could not be read, or the system failed */

/* ---- Bytes and fields ----------------------------------------------------------------------------------------- */

typedef struct outrider_bytes { /* [frozen] */
  const char *data;
  size_t size;
} outrider_bytes;

/* A field line (RFC 9110 section 5). From the host: the name as received (HTTP/2: lower case), the value without the
 * white space around it. To the host: the name must be a token, the value free of CR, LF, NUL and other controls but
 * HTAB; HTTP/2 lower-cases names on the way. */
typedef struct outrider_field { /* [frozen] */
  outrider_bytes name, value;
} outrider_field;

/* One request and its answer, in either style: slot and generation. Safe to copy, to keep, and to use when stale
 * (E_CLOSED). id 0 is the worker itself, where a function says so; elsewhere it is as good as stale. [frozen] */
typedef struct outrider_exchange {
  uint64_t id;
} outrider_exchange;

typedef struct outrider_host outrider_host;

/* ---- The head of a request ------------------------------------------------------------------------------------- */

#define OUTRIDER_HEAD_TLS 0x01u             /* the client's connection to this server is TLS */
#define OUTRIDER_HEAD_MAY_HINT 0x02u        /* a 103 sent now would go out; without it the call is SKIPPED */
#define OUTRIDER_HEAD_HAS_BODY 0x04u        /* a body was announced, perhaps an empty one */
#define OUTRIDER_HEAD_HEAD_ONLY 0x08u       /* the method is HEAD: body bytes are accepted and not sent */
#define OUTRIDER_HEAD_PROXIED 0x10u         /* came through a proxy (Via, Forwarded, X-Forwarded-*, PROXY, unix socket) */
#define OUTRIDER_HEAD_ACCEPTS_TRAILERS 0x20u /* the client said TE: trailers */

#define OUTRIDER_HTTP_1_0 10u
#define OUTRIDER_HTTP_1_1 11u
#define OUTRIDER_HTTP_2 20u

/* [host owns; read-only; valid, with all it points to, until handle() or close() of the exchange returns] */
typedef struct outrider_head {
  uint32_t size, flags;     /* OUTRIDER_HEAD_* */
  uint32_t http_version;    /* OUTRIDER_HTTP_* */
  uint32_t server_port, client_port; /* 0 on a unix socket */
  uint32_t reserved;
  outrider_bytes method;    /* case-sensitive token */
  outrider_bytes scheme;    /* "http" or "https", as the client sees it */
  outrider_bytes authority; /* Host, or the authority of an absolute target or :authority; empty for HTTP/1.0 without */
  outrider_bytes target;    /* as received */
  outrider_bytes path;      /* decoded once, dot segments removed, the mount taken off ("/" if nothing is left); "*" for
                               OPTIONS * */
  outrider_bytes query;     /* as received, without the '?' */
  outrider_bytes mount;     /* what was taken off, without a trailing '/': empty for a plugin mounted on "/" */
  outrider_bytes client_address, server_address; /* textual, without port; empty on a unix socket */
  outrider_bytes request_id; /* 1 to 128 characters; the same as in the logs */
  outrider_bytes tls_subject; /* the verified client certificate's subject, else empty */
  const outrider_field *fields; /* in the order received */
  size_t n_fields;
  int64_t content_length;   /* -1: not announced */
  uint64_t deadline_ns;     /* CLOCK_MONOTONIC, when the host will cancel; 0: never */
} outrider_head;

/* ---- Blocking style (WSGI): handle() --------------------------------------------------------------------------- */

/* What handle() answers with. [host owns; valid for the life of the worker]
 * Every function is [request-thread] of the given exchange, during its handle(): E_THREAD from any other thread,
 * E_CLOSED once handle() has returned. Each may block until the client takes or sends bytes; a blocked call wakes
 * with E_CLOSED when the client leaves, with E_CANCELLED on a deadline or when the worker must stop.
 *
 * An answer is either one respond(), or start(), then write() and sendfile() in any number, then perhaps trailers().
 * It ends when handle() returns. The head given to start() is held until the first write(), sendfile() or trailers(),
 * or the return. */
typedef struct outrider_io {
  uint32_t size, reserved;

  /* Read up to capacity bytes of the request's body into buffer [borrowed]. *got is how many came; 0 with OK is the
   * end of the body. The first call sends 100 (Continue) if the client waits for it.
   * E_INVALID: capacity 0, the client's framing is malformed or its body is cut short (the connection is lost);
   * E_LIMIT: the body is larger than limits.body. */
  outrider_status (*read)(outrider_exchange, void *buffer, size_t capacity, size_t *got);

  /* The request's trailer fields, [host owns; until handle() returns]. E_STATE before read() has reported the end. */
  outrider_status (*request_trailers)(outrider_exchange, const outrider_field **fields, size_t *n);

  /* Send an informational response (RFC 9110 section 15.2) at once, before this returns: 102 to 199 but for 101;
   * 103 is Early Hints (RFC 8297). May be repeated. fields [borrowed].
   * SKIPPED: HTTP/1.0, no fields, hints turned off by configuration or by the request, or a proxied HTTP/1.1 request
   * under `http1 = "auto"`. E_STATE: after start() or respond(). E_INVALID: another status, a malformed field, a
   * field that frames or belongs to the connection; no part of it is sent. E_LIMIT: early_hints.max_per_request or
   * max_bytes. */
  outrider_status (*informational)(outrider_exchange, uint32_t status, const outrider_field *fields, size_t n);

  /* A whole answer: status 200 to 999, fields and body [borrowed]. The host adds content-length; one given among the
   * fields must be the same number (with HEAD and 304 it may tell the length of what is not sent). Date and Server
   * are the host's unless given. E_STATE: there is an answer already. E_INVALID: as above, or a body with 204, 205 or
   * 304. */
  outrider_status (*respond)(outrider_exchange, uint32_t status, const outrider_field *fields, size_t n,
                             outrider_bytes body);

  /* Begin an answer whose body follows. With a content-length field exactly that many bytes must be written; without
   * one HTTP/1.1 is sent chunked and HTTP/1.0 until close. E_STATE, E_INVALID as for respond(). */
  outrider_status (*start)(outrider_exchange, uint32_t status, const outrider_field *fields, size_t n);

  /* Send the concatenation of n chunks (1 to 1,024; [borrowed]) and return when the host holds no more of it than its bounded
   * buffer. E_STATE: before start(), or after respond() or trailers(). E_INVALID: more bytes than content-length
   * said: none of this call is sent. SKIPPED: the answer has no body (HEAD, 204, 205, 304). */
  outrider_status (*write)(outrider_exchange, const outrider_bytes *chunks, size_t n);

  /* As write(), with length bytes of a regular file from offset; the file position is not used or changed. The
   * descriptor stays the caller's. E_IO: it can't be read, or is shorter (the answer is then cut off). */
  outrider_status (*sendfile)(outrider_exchange, int32_t fd, uint64_t offset, uint64_t length);

  /* End the body with trailer fields [borrowed]. Sent if the answer is chunked and the client said TE: trailers (over
   * HTTP/2: always), else SKIPPED. E_STATE: before start(), after respond(), twice. */
  outrider_status (*trailers)(outrider_exchange, const outrider_field *fields, size_t n);
} outrider_io;

/* ---- Event style (ASGI): open(), on_event(), close() ------------------------------------------------------------ */

/* Every event begins with these three. tag: 0, or a number of the sender's choice that comes back in a SENT event
 * once the event's bytes have all been given to the kernel. The sender owns the event itself, [borrowed]. */
typedef struct outrider_event {
  uint32_t size, type;
  uint64_t tag;
} outrider_event;

/* From the host to on_event(): */
#define OUTRIDER_EVENT_REQUEST 1u          /* body_event: bytes of the request's body; one for each credit */
#define OUTRIDER_EVENT_REQUEST_TRAILERS 2u /* head_event: after the last REQUEST, if that said TRAILERS_FOLLOW */
#define OUTRIDER_EVENT_DISCONNECT 3u       /* notice_event: it is over, reason says why; only close() follows */
#define OUTRIDER_EVENT_DRAINING 4u         /* notice_event: the worker is to end; finish soon, nothing is cut yet */
#define OUTRIDER_EVENT_RESUME 5u           /* notice_event: there is room again after PAUSE or E_AGAIN */
#define OUTRIDER_EVENT_SENT 6u             /* notice_event: the bytes of the event with this tag are on their way */
/* From the plugin to send(): */
#define OUTRIDER_EVENT_INFORMATIONAL 32u   /* head_event: as outrider_io.informational */
#define OUTRIDER_EVENT_START 33u           /* head_event: as outrider_io.start */
#define OUTRIDER_EVENT_BODY 34u            /* body_event: more body; more = 0 ends it */
#define OUTRIDER_EVENT_FILE 35u            /* file_event: more body, from a file; more = 0 ends it */
#define OUTRIDER_EVENT_TRAILERS 36u        /* head_event: ends an answer whose START said TRAILERS_FOLLOW */
#define OUTRIDER_EVENT_RESPONSE 37u        /* response_event: as outrider_io.respond */
#define OUTRIDER_EVENT_ABORT 38u           /* notice_event: give up; the client sees the answer cut off */
/* 64 to 95: WebSocket, reserved */

/* Flags of START, and of the last REQUEST. START with it: the body's last BODY or FILE (more = 0) does not end the
 * answer, TRAILERS does. */
#define OUTRIDER_TRAILERS_FOLLOW 0x01u

/* INFORMATIONAL, START, TRAILERS, REQUEST_TRAILERS. fields: [borrowed]. status is 0 for trailers. */
typedef struct outrider_head_event {
  uint32_t size, type;
  uint64_t tag;
  uint32_t status, flags;
  const outrider_field *fields;
  size_t n_fields;
} outrider_head_event;

/* REQUEST, BODY. From the host: bytes [host owns; until on_event returns], release NULL.
 * To the host, with release NULL: bytes [borrowed], the host copies what it can't send at once; more than
 * limits.output in one event is E_LIMIT. With release: bytes stay unchanged and readable until release(context) is
 * called, exactly once, [loop], perhaps before send() returns, always before SENT for that event and before close();
 * after a refusal it is not called. One REQUEST has at most half of limits.output, and is empty only as the last.
 * A BODY may be empty. */
typedef struct outrider_body_event {
  uint32_t size, type;
  uint64_t tag;
  outrider_bytes bytes;
  uint32_t more, flags;
  void (*release)(void *context);
  void *context;
} outrider_body_event;

/* RESPONSE: a whole answer in one event. body, release, context as in outrider_body_event. */
typedef struct outrider_response_event {
  uint32_t size, type;
  uint64_t tag;
  uint32_t status, flags; /* flags: 0 */
  const outrider_field *fields;
  size_t n_fields;
  outrider_bytes body;
  void (*release)(void *context);
  void *context;
} outrider_response_event;

/* FILE: length bytes of a regular file from offset. The descriptor is the plugin's and stays open until release, which
 * may be NULL only if it stays open until close(). It is read when its turn comes: if it can't be, or is shorter, the
 * answer is cut off and DISCONNECT with E_IO follows. */
typedef struct outrider_file_event {
  uint32_t size, type;
  uint64_t tag;
  int32_t fd;
  uint32_t more;
  uint64_t offset, length;
  void (*release)(void *context);
  void *context;
} outrider_file_event;

/* ABORT: the exchange ends, close() follows without a DISCONNECT.
 * DISCONNECT: reason is OUTRIDER_E_CLOSED (the client left or broke the protocol), OUTRIDER_E_CANCELLED (a deadline, or
 * the worker must stop), OUTRIDER_E_LIMIT (the body passed limits.body) or OUTRIDER_E_IO. Else 0. */
typedef struct outrider_notice_event {
  uint32_t size, type;
  uint64_t tag;
  int32_t reason;
  uint32_t flags;
} outrider_notice_event;

/* ---- The host --------------------------------------------------------------------------------------------------- */

#define OUTRIDER_LOG_DEBUG 1
#define OUTRIDER_LOG_INFO 2
#define OUTRIDER_LOG_WARNING 3
#define OUTRIDER_LOG_ERROR 4
#define OUTRIDER_LOG_CRITICAL 5

/* What the host offers, one table for each [[plugin]] entry of the configuration. [host owns; from load() to the end
 * of the process.] Every function takes this table first, and is [any-thread] unless it says otherwise; in the master
 * only extension, log and the config getters work, the others return E_STATE. */
struct outrider_host {
  uint32_t size, abi; /* abi: the host's own OUTRIDER_ABI_VERSION */
  void *implementation; /* the host's; not for plugins */

  /* A table by name and version, such as "outrider.metrics/1", or NULL if this host has none of that name. */
  const void *(*extension)(const outrider_host *, const char *name);

  /* A line for the error log, under the plugin's name and the exchange's request id (exchange 0: none). message is
   * [borrowed], escaped by the host and cut at 4 KiB. An unknown level counts as ERROR. */
  void (*log)(const outrider_host *, outrider_exchange, int32_t level, outrider_bytes message);

  /* The entry's [plugin.config] table as one JSON object; "{}" if there is none. [host owns; for the host's life] */
  outrider_bytes (*config_json)(const outrider_host *);

  /* One value of it: key is NUL-terminated, with dots into sub-tables. The fallback is returned if the key is missing
   * or of another type; such a mismatch is logged. String results are [host owns; for the host's life]; a fallback
   * of NULL gives empty bytes with data NULL. Booleans are 0 or 1. */
  outrider_bytes (*config_string)(const outrider_host *, const char *key, const char *fallback);
  int64_t (*config_integer)(const outrider_host *, const char *key, int64_t fallback);
  int32_t (*config_boolean)(const outrider_host *, const char *key, int32_t fallback);

  /* The head of an exchange, or NULL if it is over. Its last valid moment is outrider_head's: a thread of the plugin's
   * own must know that the exchange is still open. */
  const outrider_head *(*head)(const outrider_host *, outrider_exchange);

  /* 0 while the answer is still wanted, else why not: E_CLOSED or E_CANCELLED. Cheap; for long computations. */
  int32_t (*cancelled)(const outrider_host *, outrider_exchange);

  /* Send an event, never blocking. All checks are done when it returns; only bytes are queued.
   * OK or SKIPPED; PAUSE: accepted, the answer goes on, and the queue is past half of limits.output. E_AGAIN: the queue
   * is full, nothing was taken. (Streams of one HTTP/2 connection share limits.output; where they hold more than that
   * together, the queue of each ends at 16 KiB.) A RESUME follows both, perhaps before this returns, and comes after
   * nothing else. E_STATE, E_INVALID, E_LIMIT: as the blocking functions say; ending an answer short of its
   * content-length is E_INVALID and cuts the connection. E_THREAD: another thread is inside send() on this exchange.
   * From handle() it works as well, [request-thread], mixed with outrider_io at will: it then blocks as those do, runs
   * release before it returns, and gives no SENT. */
  outrider_status (*send)(const outrider_host *, outrider_exchange, const outrider_event *);

  /* Allow `credit` more REQUEST events; without credit no body arrives. The first call sends 100 (Continue) if the
   * client waits for it. An exchange without a body gives one REQUEST, empty, more = 0. E_STATE: the whole body has
   * been delivered. E_UNSUPPORTED: blocking style. Credit saturates at 65,535. */
  outrider_status (*receive)(const outrider_host *, outrider_exchange, uint32_t credit);

  /* Call run(context, why) on the loop, soon (post) or after ns nanoseconds (after): exactly once, never from inside
   * this call. why is OK; E_CLOSED if the exchange ended first, always before its close() [blocking style: perhaps
   * after handle() has returned]; E_CANCELLED after cancel(). Posts run in the order of their calls. With
   * exchange 0 they belong to the worker: a plugin's own threads come back to the loop that way; E_CLOSED then
   * means that the worker ends. *timer, if timer is not NULL, names it for cancel(). E_LIMIT: 65,536 are waiting. */
  outrider_status (*post)(const outrider_host *, outrider_exchange, void (*run)(void *context, outrider_status why),
                          void *context);
  outrider_status (*after)(const outrider_host *, outrider_exchange, uint64_t ns,
                           void (*run)(void *context, outrider_status why), void *context, uint64_t *timer);

  /* End a timer early: its run is called with E_CANCELLED, on the loop, not from inside this call. E_CLOSED: it has
   * run or was cancelled before. */
  outrider_status (*cancel)(const outrider_host *, uint64_t timer);
};

/* ---- The plugin ------------------------------------------------------------------------------------------------- */

/* outrider_plugin.capabilities */
#define OUTRIDER_THREAD_SAFE 0x01u /* handle() may run on several threads at once; without it, on one at a time */

/* outrider_load_info.purpose */
#define OUTRIDER_PURPOSE_SERVE 1u   /* to serve requests */
#define OUTRIDER_PURPOSE_CHECK 2u   /* `outrider -t`: check the configuration; open, bind and change nothing */
#define OUTRIDER_PURPOSE_INSPECT 3u /* `outriderctl inspect`: likewise; the configuration may be empty */

/* outrider_worker_info.model */
#define OUTRIDER_MODEL_SYNC 1u
#define OUTRIDER_MODEL_GTHREAD 2u
#define OUTRIDER_MODEL_ASYNC 3u

typedef struct outrider_load_info { /* [borrowed] */
  uint32_t size, purpose;
} outrider_load_info;

typedef struct outrider_worker_info { /* [borrowed] */
  uint32_t size, model;
  uint32_t threads; /* how many threads may run handle() */
  uint32_t worker;  /* 0, 1, …: the worker's place, taken over by its replacement */
} outrider_worker_info;

/* [host owns; the hook fills text, NUL-terminated, UTF-8, one line] What the operator reads when a hook refuses. */
typedef struct outrider_error {
  uint32_t size, reserved;
  char text[496];
} outrider_error;

/* What outrider_plugin_v1() returns. [plugin owns; unchanged for the life of the process]
 * A hook that is NULL is not wanted. There must be handle, or open with on_event and close; a plugin may have both:
 * the sync and gthread models then use handle, async uses open. */
typedef struct outrider_plugin {
  uint32_t size, abi;    /* abi: OUTRIDER_ABI_VERSION, what it was compiled against */
  uint32_t abi_required; /* OUTRIDER_ABI(1, n): the oldest host it works with */
  uint32_t reserved;     /* 0 */
  uint64_t capabilities; /* OUTRIDER_THREAD_SAFE; unknown bits are ignored */
  const char *name, *version; /* NUL-terminated, for people; not NULL */

  /* [master] Once for each [[plugin]] entry, before workers are forked, already as the unprivileged user. What it
   * allocates is shared by all workers, copy-on-write; it must start no thread. (With load = "worker" in the entry:
   * [worker-main] in each worker, after the fork, where it may.) *state, which is the host table at
   * first (cast to void *), also without a load, is handed to every other hook. A negative return refuses the start
   * with error's text. */
  outrider_status (*load)(const outrider_host *, const outrider_load_info *, void **state, outrider_error *error);

  /* [master] At a clean exit only, after the last worker has gone; never for a reload. (With load = "worker":
   * [worker-main] after worker_stop.) */
  void (*unload)(void *state);

  /* [worker-main] Once in each worker, before its first request; threads may be started from here on. A negative
   * return ends the worker: at start-up it refuses the start. */
  outrider_status (*worker_start)(void *state, const outrider_worker_info *, outrider_error *error);

  /* [worker-main] After the worker's last request; by deadline_ns (CLOCK_MONOTONIC; 0: now) the process is killed. A tenth
   * of server.graceful_timeout, three seconds at most, is kept from the requests: half of it is for this, or more. */
  void (*worker_stop)(void *state, uint64_t deadline_ns);

  /* [request-thread] First and last on each thread that runs handle(), on one at a time without OUTRIDER_THREAD_SAFE. The
   * worker serves when all have returned. A negative thread_start ends the worker, and refuses a start or a reload. */
  outrider_status (*thread_start)(void *state);
  void (*thread_stop)(void *state);

  /* [request-thread] One call for each request: read, answer, return. To return without an answer, or a negative
   * status before start() or respond(), is a 500; a negative status after it cuts the connection. */
  outrider_status (*handle)(void *state, outrider_exchange, const outrider_head *, const outrider_io *);

  /* [loop] A request's head is complete. *self, NULL at first, is handed to on_event and close. The answer may be sent
   * here or later. After a negative return close() is not called; pending runs get E_CLOSED as soon as it has returned;
   * the client gets a 500, or, if a head was sent, sees the answer cut off. */
  outrider_status (*open)(void *state, outrider_exchange, const outrider_head *, void **self);
  /* [loop] Never from inside a function of the host. The event is [host owns; until this returns]. */
  void (*on_event)(void *self, outrider_exchange, const outrider_event *);
  /* [loop] The last call for an exchange, after each successful open(): the answer is complete or given up. The
   * request's body may not have been read to its end. */
  void (*close)(void *self);
} outrider_plugin;

/* The one symbol of a plugin. [master] Called once for each [[plugin]] entry after dlopen, before load(). host is
 * that entry's table. NULL refuses to load. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const outrider_plugin *outrider_plugin_v1(const outrider_host *host);

/* ---- Conveniences ------------------------------------------------------------------------------------------------ */

/* An initializer for the bytes of a string literal: outrider_bytes greeting = OUTRIDER_BYTES("hello"); */
#define OUTRIDER_BYTES(literal) {"" literal, sizeof(literal) - 1}

/* Bytes of a NUL-terminated string, which stays the caller's. */
static inline outrider_bytes outrider_text(const char *text) {
  outrider_bytes bytes = {text, 0};
  while (text && text[bytes.size]) bytes.size++;
  return bytes;
}

/* A field of two NUL-terminated strings. */
static inline outrider_field outrider_field_of(const char *name, const char *value) {
  outrider_field field = {outrider_text(name), outrider_text(value)};
  return field;
}

/* 103 (Early Hints) from handle(): as outrider_io.informational. */
static inline outrider_status outrider_early_hints(const outrider_io *io, outrider_exchange exchange,
                                                   const outrider_field *fields, size_t n) {
  return io->informational(exchange, 103, fields, n);
}

/* 103 (Early Hints) as an event: as outrider_host.send. */
static inline outrider_status outrider_send_early_hints(const outrider_host *host, outrider_exchange exchange,
                                                        const outrider_field *fields, size_t n) {
  outrider_head_event event = {(uint32_t)sizeof event, OUTRIDER_EVENT_INFORMATIONAL, 0, 103, 0, fields, n};
  return host->send(host, exchange, (const outrider_event *)&event);
}

/* A whole answer as an event; the host copies the body, which must be no larger than limits.output. */
static inline outrider_status outrider_send_response(const outrider_host *host, outrider_exchange exchange,
                                                     uint32_t status, const outrider_field *fields, size_t n,
                                                     outrider_bytes body) {
  outrider_response_event event = {(uint32_t)sizeof event, OUTRIDER_EVENT_RESPONSE, 0, status, 0, fields, n, body,
                                   NULL, NULL};
  return host->send(host, exchange, (const outrider_event *)&event);
}

/* The head of an answer whose body follows, as an event. */
static inline outrider_status outrider_send_start(const outrider_host *host, outrider_exchange exchange,
                                                  uint32_t status, const outrider_field *fields, size_t n) {
  outrider_head_event event = {(uint32_t)sizeof event, OUTRIDER_EVENT_START, 0, status, 0, fields, n};
  return host->send(host, exchange, (const outrider_event *)&event);
}

/* Part of a body as an event; the host copies it. more = 0 ends the answer. */
static inline outrider_status outrider_send_body(const outrider_host *host, outrider_exchange exchange,
                                                 outrider_bytes bytes, uint32_t more) {
  outrider_body_event event = {(uint32_t)sizeof event, OUTRIDER_EVENT_BODY, 0, bytes, more, 0, NULL, NULL};
  return host->send(host, exchange, (const outrider_event *)&event);
}

/* The end of an answer that can't be completed, as an event. */
static inline outrider_status outrider_send_abort(const outrider_host *host, outrider_exchange exchange) {
  outrider_notice_event event = {(uint32_t)sizeof event, OUTRIDER_EVENT_ABORT, 0, 0, 0};
  return host->send(host, exchange, (const outrider_event *)&event);
}

#ifdef __cplusplus
}
#endif

#endif /* OUTRIDER_H */
