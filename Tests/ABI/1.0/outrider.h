/** @file
 * The ABI between the Outrider application server (the host) and its handler plugins.
 *
 * A plugin is a shared object that exports one function, outrider_plugin_v1(). It links against no part of the server;
 * it calls the functions of the host through tables. To build a plugin:
 *
 *     cc -shared -fPIC -fvisibility=hidden -o libhello.so hello.c
 *
 * To serve it: `outrider ./libhello.so`. This file is C11 and valid C++17, and includes only standard headers. It is for
 * 64-bit machines.
 *
 * STABILITY. Released parts of the ABI never change: offsets, values, and the rules on ownership, threads and order.
 * Structures that may grow begin with `size`, which the owner of the memory sets. A reader must not access fields
 * beyond that size (OUTRIDER_HAS). The ABI grows by appended fields, new event types, new flags, and extensions that are
 * looked up by name. Structures marked [frozen] are used as array elements and never grow. A plugin built against 1.x
 * loads in every host of major version 1 whose minor version is at least the one that the plugin requires
 * (abi_required). A plugin ignores events, flags and enumerated values that it does not know, treats an unknown negative
 * status as a failure and an unknown positive status as success, and sets fields named `reserved` and unused flags to 0.
 *
 * BYTES are a pointer and a length. They are not NUL-terminated and not necessarily UTF-8. If the size is 0, the
 * pointer may be NULL.
 *
 * OWNERSHIP. The comment of each pointer gives the owner of the memory and how long it is valid. Neither side frees the
 * memory of the other. An argument marked [borrowed] is read only during the call; the caller may reuse it afterwards.
 *
 * THREADS. The comment of each function gives the threads that may call it or that it is called on:
 *   [master]          the only thread of the master process, before a worker is forked
 *   [worker-main]     the thread that runs the worker's loop. It is created after the fork, and is not the first thread
 *                     of the process.
 *   [loop]            the same thread. All event-style calls for all exchanges are made on it, one at a time.
 *   [request-thread]  the thread that is running handle() for this exchange. In the sync model it is the same thread as
 *                     [loop].
 *   [any-thread]      every thread of the worker process, including the plugin's own threads, from worker_start on
 *
 * START. The master opens the shared objects in the order of the configuration. For each [[plugin]] entry it calls
 * dlopen() (which runs constructors), outrider_plugin_v1() and load(). Then, for each worker, it calls before_fork() of
 * all entries and forks. The worker opens and loads the entries with load = "worker" in the same way, and calls
 * worker_start() of all entries, then thread_start() on each thread that runs handle(). Requests come afterwards. Calls
 * of one kind are made in the order of the configuration. A reload starts a new master, which loads everything anew, by
 * dlopen() in a new process, while the workers of the old one still serve. A worker that ends is replaced by a fork of
 * the same master, at any time.
 *
 * END OF A WORKER. Requests are finished, or cut off when their time is over: event exchanges that are left get DISCONNECT
 * and close(). When no handle() is running any more, thread_stop() is called on each thread. Pending run functions of
 * post and after are called with E_CLOSED, on_wake() follows if a wake is pending, then worker_stop(), and unload() of
 * entries with load = "worker". Threads of the plugin must have ended, or use nothing of the host any more, when
 * worker_stop() returns. The process then exits as with exit(3): stdio streams are flushed, and destructors and atexit
 * functions run for at most one second. If a thread of a plugin is still running, destructors and atexit functions do
 * not run. If a handle() has not returned in time, it is abandoned: worker_stop is not called for its plugin, stdio
 * streams are not flushed, and destructors and atexit functions do not run. Workers that crash or are killed run
 * nothing. What must survive has to be stored before.
 *
 * END OF A MASTER. unload() is called after the last worker has exited, if the server ends cleanly. Then the process
 * exits as with _exit(2): destructors and atexit functions do not run.
 *
 * BEFORE THE FORK. load() runs on a thread that no worker has, in the master. Values of thread-local variables that it
 * sets are not those of the threads of a worker. A lock that is held when the master forks stays locked in the worker,
 * and a lock with an owner can be released by the master's thread only: locks are made in worker_start, or are not held
 * when load returns. Threads do not survive a fork, and load must not start one. Descriptors do survive: a connection
 * that load has opened would be shared by all workers. Memory is copied on write. pthread_atfork() works, and is the
 * place for what must be held across a fork.
 *
 * CHILD PROCESSES. Programs that a plugin starts inherit the signal mask and the ignored signals that the server was
 * started with. Descriptors of the host are close-on-exec. Start programs with posix_spawn(), and wait for them. The
 * child of a fork() has one thread, may find any lock held, and keeps the worker's connections open. Until execve() or
 * _exit() it must call no function of the host, and only async-signal-safe functions. Its crashes are not reported. A
 * plugin must not call execve() in a process of the server, nor exit() or _exit(), nor daemon() or setsid().
 *
 * SIGNALS. In a worker, SEGV, BUS, FPE, ILL, ABRT, TRAP, SYS and RTMIN+13 have handlers that report crashes, and TERM
 * has a handler that ends the worker gracefully. HUP, INT, QUIT, USR1, USR2, PIPE, TTIN, TTOU and XFSZ have no effect.
 * A plugin must leave all of these unchanged, with one exception: it may install a handler for a crash signal if that
 * handler calls the previous handler; otherwise crashes are not reported. Other signals are available to plugins from
 * worker_start on. Handlers are installed with SA_RESTART and SA_ONSTACK, and call only async-signal-safe functions; of
 * the functions of the host, that is wake alone. The host blocks no signals. In the master, signals belong to the host.
 *
 * EXCEPTIONS. A C++ exception, a Rust panic or a longjmp() must not leave a hook, a run function or a release function.
 * An exception that does ends the process, as a crash does. Functions of the host throw nothing, and do not return
 * through the plugin's frames in any other way than by returning. No thread may be cancelled (pthread_cancel) or ended
 * (pthread_exit) inside a hook or inside a function of the host.
 *
 * STATIC VARIABLES. [[plugin]] entries with the same shared object share its static variables. Hooks distinguish
 * entries by `state`.
 *
 * FIELDS that a plugin sends have a token as their name. The value contains no control characters except HTAB, and no
 * leading or trailing white space; bytes above ASCII are allowed. Some fields are reserved for the server: connection,
 * keep-alive, proxy-connection, te, transfer-encoding and upgrade in every section; content-length and trailer except
 * in a final head; and, in trailers, expect, forwarded, host, via, x-forwarded-* and x-request-id. A call with an
 * invalid or reserved field returns E_INVALID and sends nothing.
 *
 * FAILURES. A plugin that can't answer says so before it has sent a head: handle() or open() returns a negative status,
 * or the plugin sends ABORT with one. The client gets the server's own page: 504 if the status is E_CANCELLED or the
 * deadline of the request has passed, 500 otherwise. E_FAILED is for failures that no other status describes. After a
 * head, the response is cut off, so that the client can tell.
 *
 * ORDER OF CHECKS. If several statuses apply to a call, it returns the first of: E_CLOSED or E_CANCELLED, E_THREAD,
 * E_STATE, E_INVALID, SKIPPED, E_LIMIT, E_AGAIN. Once a response is complete, further calls that send part of it return
 * E_STATE; after close() is called or handle() has returned, they return E_CLOSED.
 *
 * MISUSE returns a negative status, is counted, and is logged with the plugin's name and the request's id. It never
 * ends the process, affects another exchange, counts as success, or sends anything.
 *
 * MACROS that may be defined before this file is included:
 *   OUTRIDER_NO_PROTOTYPE    omits the declaration of outrider_plugin_v1(), for languages that define it themselves
 *   OUTRIDER_NO_NULLABILITY  omits _Nullable and _Nonnull, which clang and Swift read
 * <outrider/layout.h> asserts that the compiler in use lays the structures out as the host does.
 */
#ifndef OUTRIDER_H
#define OUTRIDER_H

#include <stddef.h>
#include <stdint.h>

#if UINTPTR_MAX != UINT64_MAX
#error "The plugin ABI is for 64-bit machines."
#endif

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
#define OUTRIDER_NULLABLE _Nullable
#define OUTRIDER_NONNULL _Nonnull
_Pragma("clang diagnostic push")
_Pragma("clang diagnostic ignored \"-Wnullability-extension\"")
_Pragma("clang assume_nonnull begin")
#else
/** Marks a pointer that may be NULL. Pointers without a mark are not NULL. */
#define OUTRIDER_NULLABLE
#define OUTRIDER_NONNULL
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version -------------------------------------------------------------------------------------------------- */

#define OUTRIDER_ABI_MAJOR 1u
#define OUTRIDER_ABI_MINOR 0u
/** The version of this header as one number, as in the `abi` fields: major << 16 | minor. */
#define OUTRIDER_ABI_VERSION 0x00010000u
/** Any version as one number. */
#define OUTRIDER_ABI(major, minor) (((uint32_t)(major) << 16) | (uint32_t)(minor))

/** True if the structure at p, of type T, is large enough to contain field f. Check this before reading a field that was
 * appended after 1.0. */
#define OUTRIDER_HAS(p, T, f) ((p)->size >= offsetof(T, f) + sizeof(((T *)0)->f))

/* The sizes of the structures that may grow, as they are in 1.0. None is ever smaller. */
#define OUTRIDER_HEAD_SIZE_1_0 248u
#define OUTRIDER_TLS_SIZE_1_0 136u
#define OUTRIDER_IO_SIZE_1_0 80u
#define OUTRIDER_EVENT_SIZE_1_0 16u
#define OUTRIDER_HEAD_EVENT_SIZE_1_0 40u
#define OUTRIDER_BODY_EVENT_SIZE_1_0 56u
#define OUTRIDER_RESPONSE_EVENT_SIZE_1_0 72u
#define OUTRIDER_FILE_EVENT_SIZE_1_0 56u
#define OUTRIDER_NOTICE_EVENT_SIZE_1_0 24u
#define OUTRIDER_HOST_SIZE_1_0 192u
#define OUTRIDER_LOAD_INFO_SIZE_1_0 16u
#define OUTRIDER_WORKER_INFO_SIZE_1_0 48u
#define OUTRIDER_THREAD_INFO_SIZE_1_0 16u
#define OUTRIDER_ERROR_SIZE_1_0 4096u
#define OUTRIDER_PLUGIN_SIZE_1_0 128u

/* ---- Status --------------------------------------------------------------------------------------------------- */

/** The result of a call. 0: accepted, but not necessarily delivered yet. Positive: accepted, with a qualification.
 * Negative: rejected. Nothing was sent, no ownership was transferred, and the caller still owns what it passed. (One
 * exception: a call that ends a response short of its content-length returns E_INVALID, and the response is cut off.) */
typedef int32_t outrider_status;

/* Statuses are the only constants that are signed; all others are uint32_t. */
#define OUTRIDER_OK 0
#define OUTRIDER_SKIPPED 1         /**< valid here, but nothing is sent: a 103 to HTTP/1.0, body bytes for HEAD */
#define OUTRIDER_PAUSE 2           /**< accepted; send no more of the body until RESUME arrives */
#define OUTRIDER_E_STATE (-1)      /**< not allowed at this point of the exchange: a second final head, a hint after it */
#define OUTRIDER_E_INVALID (-2)    /**< an argument is malformed: field name or value, status, length, size */
#define OUTRIDER_E_CLOSED (-3)     /**< the exchange is over, the client left, or the handle is stale or invalid */
#define OUTRIDER_E_CANCELLED (-4)  /**< the host ended the exchange: a deadline passed, or the worker must stop */
#define OUTRIDER_E_UNSUPPORTED (-5) /**< not supported by this host, protocol or style */
#define OUTRIDER_E_LIMIT (-6)      /**< a configured limit is reached; repeating the call does not help */
#define OUTRIDER_E_AGAIN (-7)      /**< the queue is full; nothing was accepted, and RESUME follows when there is room */
#define OUTRIDER_E_THREAD (-8)     /**< wrong thread, or another thread is inside a call on this exchange */
#define OUTRIDER_E_IO (-9)         /**< a file could not be read, or a system call failed */
#define OUTRIDER_E_FAILED (-10)    /**< the plugin itself has failed. No function of the host returns it. */

/* ---- Bytes and fields ----------------------------------------------------------------------------------------- */

/** [frozen] */
typedef struct outrider_bytes {
  const char *OUTRIDER_NULLABLE data;
  size_t size;
} outrider_bytes;

/** A field line (RFC 9110 section 5). From the host: the name is as received (lower case over HTTP/2), and the value has
 * no surrounding white space. To the host: the name must be a token, and the value must not contain CR, LF, NUL or
 * other control characters except HTAB. Over HTTP/2, names are sent in lower case. [frozen] */
typedef struct outrider_field {
  outrider_bytes name, value;
} outrider_field;

/** A handle for one request and its response, in either style. It may be copied and kept. Calls with a stale handle
 * return E_CLOSED. Where a function says so, id 0 refers to the worker itself; elsewhere it counts as stale. [frozen] */
typedef struct outrider_exchange {
  uint64_t id;
} outrider_exchange;

typedef struct outrider_host outrider_host;
typedef struct outrider_io outrider_io;

/* ---- The head of a request ------------------------------------------------------------------------------------- */

#define OUTRIDER_HEAD_TLS 0x01u             /**< the client's connection to this server is TLS */
#define OUTRIDER_HEAD_MAY_HINT 0x02u        /**< a 103 would be sent; without this flag the call returns SKIPPED */
#define OUTRIDER_HEAD_HAS_BODY 0x04u        /**< the request announces a body, which may be empty */
#define OUTRIDER_HEAD_HEAD_ONLY 0x08u       /**< the method is HEAD: body bytes are accepted, but not sent */
#define OUTRIDER_HEAD_PROXIED 0x10u         /**< came by a proxy (Via, Forwarded, X-Forwarded-*, PROXY, unix socket) */
#define OUTRIDER_HEAD_ACCEPTS_TRAILERS 0x20u /**< the client sent TE: trailers */
#define OUTRIDER_HEAD_BARE_MOUNT 0x40u      /**< the target is the mount itself, without a '/' behind it; path is "/" */

#define OUTRIDER_HTTP_1_0 10u
#define OUTRIDER_HTTP_1_1 11u
#define OUTRIDER_HTTP_2 20u

/** [host owns; read-only; valid, with everything it points to, until handle() or close() of the exchange returns] */
typedef struct outrider_head {
  uint32_t size, flags;     /**< flags: OUTRIDER_HEAD_* */
  uint32_t http_version;    /**< OUTRIDER_HTTP_* */
  uint32_t server_port, client_port; /**< 0 on a unix socket */
  uint32_t reserved;
  outrider_bytes method;    /**< case-sensitive token */
  outrider_bytes scheme;    /**< "http" or "https", as the client sees it */
  outrider_bytes authority; /**< Host, :authority or the authority of an absolute target; may be empty over HTTP/1.0 */
  outrider_bytes target;    /**< as received: in origin-form, absolute-form or "*" (RFC 9112 section 3.2) */
  outrider_bytes raw_path;  /**< the path of the target as received: with the mount, neither decoded nor normalized;
                               "/" if an absolute target has none; "*" for OPTIONS * */
  outrider_bytes path;      /**< decoded once, without dot segments and the mount prefix ("/" if nothing is left, see
                               BARE_MOUNT); "*" for OPTIONS * */
  outrider_bytes query;     /**< as received, without the '?' */
  outrider_bytes mount;     /**< the prefix removed from path, without a trailing '/'; empty for a plugin mounted on "/" */
  outrider_bytes client_address, server_address; /**< as text, without the port; empty on a unix socket */
  outrider_bytes request_id; /**< 1 to 128 characters; the same as in the logs */
  outrider_bytes tls_subject; /**< subject of the verified client certificate, which a PROXY header may supply; or empty */
  const outrider_field *OUTRIDER_NULLABLE fields; /**< in the order received; NULL if there are none */
  size_t n_fields;
  int64_t content_length;   /**< -1: not announced */
  uint64_t deadline_ns;     /**< the CLOCK_MONOTONIC time at which the host cancels the exchange; 0: never */
} outrider_head;

#define OUTRIDER_TLS_RESUMED 0x01u /**< the session was resumed: client_chain has the client's own certificate alone */

/** What is known of the TLS connection between the client and this server. Bytes that the client did not supply are
 * empty. Client certificates are verified ones. [host owns; read-only; valid as long as the head of the exchange] */
typedef struct outrider_tls {
  uint32_t size, flags;     /**< flags: OUTRIDER_TLS_* */
  outrider_bytes version;   /**< "TLSv1.3" or "TLSv1.2" */
  outrider_bytes cipher;    /**< the name in IANA's registry: "TLS_AES_128_GCM_SHA256" */
  outrider_bytes server_name; /**< that the client has asked for (SNI, RFC 6066 section 3) */
  outrider_bytes alpn;      /**< the negotiated protocol (RFC 7301): "h2" or "http/1.1" */
  outrider_bytes client_subject; /**< as in outrider_head.tls_subject */
  outrider_bytes client_sha256; /**< of the client's certificate in DER: 64 lower-case hexadecimal digits */
  const outrider_bytes *OUTRIDER_NULLABLE client_chain; /**< certificates in DER, the client's own first, as it sent them */
  size_t n_client_chain;
  const outrider_field *OUTRIDER_NULLABLE client_names; /**< subject alternative names (RFC 5280 section 4.2.1.6) of the
                               client's own; the name of each is its kind, "dns", "email", "uri" or "ip"; others are left
                               out */
  size_t n_client_names;
} outrider_tls;

/* ---- Blocking style (WSGI): handle() --------------------------------------------------------------------------- */

/** The functions for handle(). [host owns; valid for the life of the worker]
 * Every function takes this table as its first argument, and is [request-thread] of the given exchange, during its
 * handle(). From any other thread it returns E_THREAD; after handle() has returned, E_CLOSED. Every function may block
 * until the client receives or sends bytes. A blocked call returns E_CLOSED when the client leaves, and E_CANCELLED on a
 * deadline or when the worker must stop.
 *
 * A response is either one respond(); or start(), any number of write() and sendfile(), and optionally trailers(). It
 * ends when handle() returns. The head passed to start() is held until the first write(), sendfile() or trailers(), or
 * until handle() returns. A write() of no bytes sends the head. */
struct outrider_io {
  uint32_t size, reserved;
  void *OUTRIDER_NULLABLE implementation; /**< private to the host */

  /** Read up to capacity bytes of the request's body into buffer [borrowed]. *got is set to the number of bytes read; 0
   * with OK means the end of the body. The first call sends 100 (Continue) if the client waits for it.
   * E_CLOSED: the client left within its body, or its framing is malformed; the connection is lost. E_LIMIT: the body is
   * larger than limits.body. E_INVALID: buffer or got is NULL, or capacity is 0. */
  outrider_status (*read)(const outrider_io *, outrider_exchange, void *buffer, size_t capacity, size_t *got);

  /** Get the request's trailer fields [host owns; until handle() returns]. E_STATE: read() has not reported the end. */
  outrider_status (*request_trailers)(const outrider_io *, outrider_exchange,
                                      const outrider_field *OUTRIDER_NULLABLE *OUTRIDER_NONNULL fields, size_t *n);

  /** Send an informational response (RFC 9110 section 15.2) immediately, before this call returns. status is 102 to 199;
   * 103 is Early Hints (RFC 8297). May be repeated. fields [borrowed].
   * SKIPPED: HTTP/1.0; no fields; hints disabled by the configuration or the request; or a proxied HTTP/1.1 request
   * with `http1 = "auto"`. E_STATE: after start() or respond(). E_INVALID: another status, or a malformed or reserved
   * field; no part of the response is sent. E_LIMIT: early_hints.max_per_request or max_bytes is exceeded. */
  outrider_status (*informational)(const outrider_io *, outrider_exchange, uint32_t status,
                                   const outrider_field *OUTRIDER_NULLABLE fields, size_t n);

  /** Send a complete response: status 200 to 999, fields and body [borrowed]. The host adds content-length. A
   * content-length among the fields must match the body; for HEAD and 304 it may give the length of the body that is
   * not sent. The host adds Date and Server unless they are among the fields. E_STATE: a response has begun already.
   * E_INVALID: as above, or a body with 204, 205 or 304. */
  outrider_status (*respond)(const outrider_io *, outrider_exchange, uint32_t status,
                             const outrider_field *OUTRIDER_NULLABLE fields, size_t n, outrider_bytes body);

  /** Begin a response whose body follows. With a content-length field, exactly that many bytes must be written. Without
   * one, the body is chunked over HTTP/1.1, and ends with the connection over HTTP/1.0. E_STATE, E_INVALID: as for
   * respond(). */
  outrider_status (*start)(const outrider_io *, outrider_exchange, uint32_t status,
                           const outrider_field *OUTRIDER_NULLABLE fields, size_t n);

  /** Send the concatenation of n chunks (1 to 1,024, which may be empty; [borrowed]). Returns when the unsent rest fits
   * into the host's bounded buffer. E_STATE: before start(), or after respond() or trailers(). E_INVALID: more bytes
   * than content-length allows; no byte of this call is sent. SKIPPED: the response has no body (HEAD, 204, 205, 304). */
  outrider_status (*write)(const outrider_io *, outrider_exchange, const outrider_bytes *chunks, size_t n);

  /** Like write(), for length bytes of a regular file, starting at offset. The file position is neither used nor
   * changed. The caller keeps the descriptor. E_IO: the file cannot be read or is too short; the response is cut off. */
  outrider_status (*sendfile)(const outrider_io *, outrider_exchange, int32_t fd, uint64_t offset, uint64_t length);

  /** End the body with trailer fields [borrowed]. They are sent over HTTP/2, and over HTTP/1.1 if the response is
   * chunked and the client sent TE: trailers; otherwise SKIPPED. E_STATE: before start(), after respond(), or a second
   * call. */
  outrider_status (*trailers)(const outrider_io *, outrider_exchange, const outrider_field *OUTRIDER_NULLABLE fields,
                              size_t n);
};

/* ---- Event style (ASGI): open(), on_event(), close() ------------------------------------------------------------ */

/** Every event begins with these three members. tag is 0, or a number chosen by the sender. It is returned in a SENT
 * event when all bytes of the event have been passed to the kernel. The sender owns the event itself [borrowed]. */
typedef struct outrider_event {
  uint32_t size, type;
  uint64_t tag;
} outrider_event;

/* From the host to on_event(), 1 to 31: */
#define OUTRIDER_EVENT_REQUEST 1u          /**< body_event: bytes of the request's body; one event per credit */
#define OUTRIDER_EVENT_REQUEST_TRAILERS 2u /**< head_event: after the last REQUEST, if it has TRAILERS_FOLLOW */
#define OUTRIDER_EVENT_DISCONNECT 3u       /**< notice_event: the exchange is over; see reason. Only close() follows */
#define OUTRIDER_EVENT_DRAINING 4u         /**< notice_event: the worker is draining: finish soon, nothing is cut off yet */
#define OUTRIDER_EVENT_RESUME 5u           /**< notice_event: there is room again, after PAUSE or E_AGAIN */
#define OUTRIDER_EVENT_SENT 6u             /**< notice_event: the kernel has all bytes of the event with this tag */
/* From the plugin to send(), 32 to 63: */
#define OUTRIDER_EVENT_INFORMATIONAL 32u   /**< head_event: like outrider_io.informational */
#define OUTRIDER_EVENT_START 33u           /**< head_event: like outrider_io.start, but sent immediately */
#define OUTRIDER_EVENT_BODY 34u            /**< body_event: part of the body; more = 0 ends the body */
#define OUTRIDER_EVENT_FILE 35u            /**< file_event: part of the body, from a file; more = 0 ends the body */
#define OUTRIDER_EVENT_TRAILERS 36u        /**< head_event: ends a response whose START has TRAILERS_FOLLOW */
#define OUTRIDER_EVENT_RESPONSE 37u        /**< response_event: like outrider_io.respond */
#define OUTRIDER_EVENT_ABORT 38u           /**< notice_event: end the exchange without a complete response; see reason */
/* 64 to 95 are reserved for WebSocket, 96 to 127 for filters, the rest for later versions. */

/** A flag of START and of the last REQUEST. If START has it, the last BODY or FILE (more = 0) does not end the response;
 * TRAILERS does. */
#define OUTRIDER_TRAILERS_FOLLOW 0x01u

/** INFORMATIONAL, START, TRAILERS, REQUEST_TRAILERS. fields: [borrowed]. status is 0 for trailers. */
typedef struct outrider_head_event {
  uint32_t size, type;
  uint64_t tag;
  uint32_t status, flags;
  const outrider_field *OUTRIDER_NULLABLE fields;
  size_t n_fields;
} outrider_head_event;

/** REQUEST, BODY.
 * REQUEST: bytes [host owns; until on_event returns]; release is NULL. One event has at most half of limits.output.
 * Only the last one may be empty.
 * BODY with release NULL: bytes [borrowed]. The host copies what it cannot send immediately; more than limits.output in
 * one event is E_LIMIT.
 * BODY with release: bytes must stay unchanged and readable until release(context) is called. It is called exactly
 * once, [loop], before SENT for that event and before close(), possibly before send() returns. If the event is
 * rejected, it is not called.
 * A BODY may be empty. */
typedef struct outrider_body_event {
  uint32_t size, type;
  uint64_t tag;
  outrider_bytes bytes;
  uint32_t more, flags;
  void (*OUTRIDER_NULLABLE release)(void *OUTRIDER_NULLABLE context);
  void *OUTRIDER_NULLABLE context;
} outrider_body_event;

/** RESPONSE: a complete response in one event. body, release and context are as in outrider_body_event. */
typedef struct outrider_response_event {
  uint32_t size, type;
  uint64_t tag;
  uint32_t status, flags; /**< flags: 0 */
  const outrider_field *OUTRIDER_NULLABLE fields;
  size_t n_fields;
  outrider_bytes body;
  void (*OUTRIDER_NULLABLE release)(void *OUTRIDER_NULLABLE context);
  void *OUTRIDER_NULLABLE context;
} outrider_response_event;

/** FILE: length bytes of a regular file, starting at offset. The plugin owns the descriptor, and keeps it open until
 * release is called, or until close() if release is NULL. The file is read after the preceding events have been sent.
 * If it cannot be read or is too short, the response is cut off and DISCONNECT with E_IO follows. */
typedef struct outrider_file_event {
  uint32_t size, type;
  uint64_t tag;
  int32_t fd;
  uint32_t more;
  uint64_t offset, length;
  void (*OUTRIDER_NULLABLE release)(void *OUTRIDER_NULLABLE context);
  void *OUTRIDER_NULLABLE context;
} outrider_file_event;

/** ABORT: ends the exchange; close() follows without a DISCONNECT. After a head, the response is cut off. Before it, a
 * negative reason gets the client the server's own page (FAILURES, above); with reason 0 the connection, or the stream of
 * HTTP/2, ends without a response. A positive reason is E_INVALID.
 * DISCONNECT: reason is OUTRIDER_E_CLOSED (the client left or violated the protocol), OUTRIDER_E_CANCELLED (a deadline
 * passed, or the worker must stop), OUTRIDER_E_LIMIT (the body exceeds limits.body) or OUTRIDER_E_IO. In other events
 * it is 0. */
typedef struct outrider_notice_event {
  uint32_t size, type;
  uint64_t tag;
  outrider_status reason;
  uint32_t flags;
} outrider_notice_event;

/* ---- The host --------------------------------------------------------------------------------------------------- */

#define OUTRIDER_LOG_DEBUG 1u
#define OUTRIDER_LOG_INFO 2u
#define OUTRIDER_LOG_WARNING 3u
#define OUTRIDER_LOG_ERROR 4u
#define OUTRIDER_LOG_CRITICAL 5u

/** The functions of the host. Each [[plugin]] entry of the configuration has its own table. [host owns; from load() to
 * the end of the process] Every function takes this table as its first argument and is [any-thread] unless its comment
 * says otherwise. In the master, only extension, log and the config functions work; wake and draining do nothing there,
 * and the others return E_STATE or NULL. */
struct outrider_host {
  uint32_t size, abi; /**< abi: the host's own OUTRIDER_ABI_VERSION */
  void *OUTRIDER_NULLABLE implementation; /**< private to the host */

  /** Look up a table of further functions by name and version, such as "outrider.metrics/1". NULL: this host has none. */
  const void *OUTRIDER_NULLABLE (*OUTRIDER_NONNULL extension)(const outrider_host *, const char *name);

  /** Write a line to the error log, with the plugin's name and the exchange's request id (exchange 0: none). level is
   * OUTRIDER_LOG_*; an unknown one counts as ERROR. message is [borrowed]; the host escapes it and truncates it to
   * 4 KiB. */
  void (*log)(const outrider_host *, outrider_exchange, uint32_t level, outrider_bytes message);

  /** Get the entry's [plugin.config] table as a JSON object; "{}" if there is none. [host owns; as long as this table] */
  outrider_bytes (*config_json)(const outrider_host *);

  /** Get one value of that table. key is NUL-terminated; dots select nested tables. The fallback is returned if the key
   * is missing or has another type; a type mismatch is logged. String results are [host owns; as long as this table].
   * If the fallback is NULL, the result is empty bytes with data NULL. Booleans are 0 or 1. */
  outrider_bytes (*config_string)(const outrider_host *, const char *key, const char *OUTRIDER_NULLABLE fallback);
  int64_t (*config_integer)(const outrider_host *, const char *key, int64_t fallback);
  int32_t (*config_boolean)(const outrider_host *, const char *key, int32_t fallback);

  /** Get the head of an exchange; NULL if the exchange is over. The head is valid as described at outrider_head: a
   * thread of the plugin may use it only while it knows that the exchange is still open. */
  const outrider_head *OUTRIDER_NULLABLE (*OUTRIDER_NONNULL head)(const outrider_host *, outrider_exchange);

  /** Get what is known of the client's TLS. [loop, request-thread] NULL: the connection is not TLS, the exchange is over,
   * or the calling thread is another one. The result is gathered at the first call for a connection; without one it
   * costs nothing. */
  const outrider_tls *OUTRIDER_NULLABLE (*OUTRIDER_NONNULL tls)(const outrider_host *, outrider_exchange);

  /** Check whether the response is still needed: 0 if it is, else E_CLOSED or E_CANCELLED. Cheap enough to be called
   * often during a long computation. */
  outrider_status (*cancelled)(const outrider_host *, outrider_exchange);

  /** Check whether the worker is draining: 0 if it is not. What DRAINING tells an event-style exchange: finish soon,
   * nothing is cut off yet. As cheap as cancelled. */
  int32_t (*draining)(const outrider_host *);

  /** Send an event. Never blocks. All checks are complete when it returns; only bytes are queued.
   * OK, SKIPPED. PAUSE: the event is accepted, the response continues, and the queue exceeds half of limits.output.
   * E_AGAIN: the queue is full, and nothing was accepted. (The streams of one HTTP/2 connection share limits.output.
   * While they hold more than that together, the queue of each stream is limited to 16 KiB.) A RESUME follows PAUSE and
   * E_AGAIN, and no other status; it may arrive before this call returns. E_STATE, E_INVALID, E_LIMIT: as for the
   * blocking functions. Ending a response short of its content-length is E_INVALID and cuts off the response. E_THREAD:
   * another thread is inside send() on this exchange.
   *
   * A thread of the plugin waits for room like this, where on_event() counts each RESUME in `resumes` and then signals,
   * both under the lock of the waiting thread:
   *     lock, seen = resumes, unlock
   *     status = send(...)
   *     if status is PAUSE or E_AGAIN: lock, wait while resumes == seen and the exchange is open, unlock
   *     if status is E_AGAIN: again from the start, with the same event
   * To read `resumes` after send() would miss a RESUME that arrived within the call.
   *
   * May also be called from handle(), [request-thread], in any combination with outrider_io. It then blocks as those
   * functions do, holds the head of a START as start() does, calls release before it returns, and causes no SENT. */
  outrider_status (*send)(const outrider_host *, outrider_exchange, const outrider_event *);

  /** Allow `credit` more REQUEST events. Without credit, no part of the body is delivered. The first call sends 100
   * (Continue) if the client waits for it. A request without a body causes one REQUEST, which is empty and has
   * more = 0. Credit saturates at 65,535. E_STATE: the whole body has been delivered. E_UNSUPPORTED: blocking style. */
  outrider_status (*receive)(const outrider_host *, outrider_exchange, uint32_t credit);

  /** Call run(context, why) on the loop: as soon as possible (post) or after ns nanoseconds (after). run is called
   * exactly once, and never from inside this call. Posted functions run in the order in which they were posted. why is
   * OK; E_CLOSED if the exchange ended first; or E_CANCELLED after cancel(). On E_CLOSED, run is called before close();
   * in the blocking style, possibly after handle() has returned.
   * With exchange 0, the call belongs to the worker; E_CLOSED then means that the worker is ending. This is how the
   * plugin's own threads return to the loop. May be called from worker_start on, and from load with load = "worker";
   * run is called once the loop is running. If timer is not NULL, *timer is set to an id for cancel(). E_LIMIT: 65,536
   * calls are pending. */
  outrider_status (*post)(const outrider_host *, outrider_exchange,
                          void (*run)(void *OUTRIDER_NULLABLE context, outrider_status why),
                          void *OUTRIDER_NULLABLE context);
  outrider_status (*after)(const outrider_host *, outrider_exchange, uint64_t ns,
                           void (*run)(void *OUTRIDER_NULLABLE context, outrider_status why),
                           void *OUTRIDER_NULLABLE context, uint64_t *OUTRIDER_NULLABLE timer);

  /** Cancel a timer. Its run is called with E_CANCELLED, on the loop, and not from inside this call. E_CLOSED: the timer
   * has run or has been cancelled already. */
  outrider_status (*cancel)(const outrider_host *, uint64_t timer);

  /** Have the hook on_wake() called on the loop: at least once after this call, soon, and never from inside it. Calls that
   * come before it runs are one. Unlike post it never fails and never allocates; it is also async-signal-safe. In the
   * master, without the hook, and after worker_stop has been called, it does nothing. */
  void (*wake)(const outrider_host *);

  /* Each of these sends one event like send(), for languages that have no use for the inline functions below. */

  /** INFORMATIONAL. */
  outrider_status (*send_informational)(const outrider_host *, outrider_exchange, uint32_t status,
                                        const outrider_field *OUTRIDER_NULLABLE fields, size_t n);
  /** START. flags: 0 or OUTRIDER_TRAILERS_FOLLOW. */
  outrider_status (*send_start)(const outrider_host *, outrider_exchange, uint32_t status,
                                const outrider_field *OUTRIDER_NULLABLE fields, size_t n, uint32_t flags);
  /** BODY, whose bytes are [borrowed]. more = 0 ends the body. */
  outrider_status (*send_body)(const outrider_host *, outrider_exchange, outrider_bytes, uint32_t more);
  /** TRAILERS. */
  outrider_status (*send_trailers)(const outrider_host *, outrider_exchange,
                                   const outrider_field *OUTRIDER_NULLABLE fields, size_t n);
  /** RESPONSE, whose body is [borrowed]. */
  outrider_status (*send_response)(const outrider_host *, outrider_exchange, uint32_t status,
                                   const outrider_field *OUTRIDER_NULLABLE fields, size_t n, outrider_bytes body);
  /** ABORT. */
  outrider_status (*send_abort)(const outrider_host *, outrider_exchange, outrider_status reason);
};

/* ---- The plugin ------------------------------------------------------------------------------------------------- */

/* outrider_plugin.capabilities */
#define OUTRIDER_THREAD_SAFE 0x01u /**< handle() may run on several threads at once; without this flag, on one at a time */

/* outrider_load_info.purpose */
#define OUTRIDER_PURPOSE_SERVE 1u   /**< to serve requests */
#define OUTRIDER_PURPOSE_CHECK 2u   /**< `outrider -t`: check the configuration; do not open, bind or change anything */
#define OUTRIDER_PURPOSE_INSPECT 3u /**< `outriderctl inspect`: the same; the configuration may be empty */

/* outrider_load_info.process */
#define OUTRIDER_PROCESS_MASTER 1u /**< workers are forked from this process: start no threads */
#define OUTRIDER_PROCESS_WORKER 2u /**< load = "worker": this process serves, and does not fork */

/* outrider_worker_info.model */
#define OUTRIDER_MODEL_SYNC 1u
#define OUTRIDER_MODEL_GTHREAD 2u
#define OUTRIDER_MODEL_ASYNC 3u

/** [borrowed] */
typedef struct outrider_load_info {
  uint32_t size, purpose; /**< purpose: OUTRIDER_PURPOSE_* */
  uint32_t process;       /**< OUTRIDER_PROCESS_*; to check or inspect, that of the entry when it serves */
  uint32_t reserved;
} outrider_load_info;

/** [borrowed] */
typedef struct outrider_worker_info {
  uint32_t size, model;     /**< model: OUTRIDER_MODEL_* */
  uint32_t threads;         /**< the number of threads that may run handle() */
  uint32_t worker;          /**< 0, 1, …: the worker's index, which its replacement takes over */
  uint32_t workers;         /**< the number of workers of the service at this moment; TTIN, TTOU and `scale` change it */
  uint32_t reserved;
  uint64_t graceful_timeout_ns; /**< server.graceful_timeout: the time from DRAINING to the end of the worker */
  uint64_t output_limit;    /**< limits.output, in bytes */
  const char *host_version; /**< of the server, for display: "1.2.3", NUL-terminated [host owns; for ever] */
} outrider_worker_info;

/** [borrowed] */
typedef struct outrider_thread_info {
  uint32_t size, index;     /**< index: 0, 1, …: which of the threads that run handle() this one is */
  uint32_t threads;         /**< how many there are */
  uint32_t reserved;
} outrider_thread_info;

/** [host owns; the hook fills text: UTF-8, NUL-terminated] The message for the operator when a hook fails. Its first line
 * says what is wrong; a traceback or hints may follow in further lines, separated by '\n'. */
typedef struct outrider_error {
  uint32_t size, reserved;
  char text[4088];
} outrider_error;

/** The description that outrider_plugin_v1() returns. [plugin owns; unchanged for the life of the process]
 * Hooks that are NULL are not called. A plugin must have handle, or open with on_event and close. If it has both, the
 * sync and gthread models use handle, and the async model uses open. */
typedef struct outrider_plugin {
  uint32_t size, abi;    /**< abi: OUTRIDER_ABI_VERSION, the version that the plugin was compiled against */
  uint32_t abi_required; /**< OUTRIDER_ABI(1, n): the oldest host that the plugin supports */
  uint32_t capabilities; /**< OUTRIDER_THREAD_SAFE; unknown bits are ignored */
  const char *OUTRIDER_NULLABLE name, *OUTRIDER_NULLABLE version; /**< NUL-terminated, for display; the host refuses NULL */

  /** [master] Called once for each [[plugin]] entry, as the unprivileged user, before workers are forked. Workers share
   * the memory that it allocates, copy-on-write. It must not start threads. (With load = "worker" in the entry:
   * [worker-main] in each worker, after the fork, where it may start threads.) *state is passed to every other hook;
   * its initial value, also for a plugin without load, is the host table cast to void *. A negative status makes the
   * start fail, with error's text as the reason. No other hook follows, not even unload: load must release what it has
   * acquired, and end what it has started. */
  outrider_status (*OUTRIDER_NULLABLE load)(const outrider_host *, const outrider_load_info *,
                                            void *OUTRIDER_NULLABLE *OUTRIDER_NONNULL state, outrider_error *error);

  /** [master] Called at a clean exit, after the last worker has exited; not at a reload, after a failed hook, or after a
   * crash. (With load = "worker": [worker-main] after worker_stop, in each worker that exits gracefully.) */
  void (*OUTRIDER_NULLABLE unload)(void *OUTRIDER_NULLABLE state);

  /** [master] Called before each fork of a worker: at the start, and whenever a worker is replaced or added. It is the
   * place to drop or tidy up what workers should not inherit. The master is single-threaded, and waits: at most for
   * server.boot_timeout, after which it is ended and replaced. Not called with load = "worker". */
  void (*OUTRIDER_NULLABLE before_fork)(void *OUTRIDER_NULLABLE state);

  /** [worker-main] Called once in each worker, before its first request. Threads may be started from here on. A negative
   * status ends the worker; at startup, the start fails. worker_stop and unload are not called after it. */
  outrider_status (*OUTRIDER_NULLABLE worker_start)(void *OUTRIDER_NULLABLE state, const outrider_worker_info *,
                                                    outrider_error *error);

  /** [worker-main] Called after the worker's last request. The process is killed at deadline_ns (CLOCK_MONOTONIC; 0:
   * now). The last tenth of server.graceful_timeout, at most three seconds, is not available to requests; at least half
   * of it is reserved for this hook. */
  void (*OUTRIDER_NULLABLE worker_stop)(void *OUTRIDER_NULLABLE state, uint64_t deadline_ns);

  /** [loop] Called after outrider_host.wake, once for any number of calls; between requests, never from inside a function
   * of the host. Everything that a thread wrote before its wake() is visible here. */
  void (*OUTRIDER_NULLABLE on_wake)(void *OUTRIDER_NULLABLE state);

  /** [request-thread] Called first and last on each thread that runs handle(); without OUTRIDER_THREAD_SAFE, on one
   * thread at a time. *thread, initially NULL, is passed to handle and thread_stop on this thread. The worker serves once
   * every thread_start has returned. A negative status of thread_start ends the worker, and makes a start or reload fail,
   * with error's text as the reason; thread_stop is not called on that thread. */
  outrider_status (*OUTRIDER_NULLABLE thread_start)(void *OUTRIDER_NULLABLE state, const outrider_thread_info *,
                                                    void *OUTRIDER_NULLABLE *OUTRIDER_NONNULL thread,
                                                    outrider_error *error);
  void (*OUTRIDER_NULLABLE thread_stop)(void *OUTRIDER_NULLABLE state, void *OUTRIDER_NULLABLE thread);

  /** [request-thread] Called once for each request: read, respond, return. If it returns without a response, the client
   * gets a 500; with a negative status, see FAILURES above. */
  outrider_status (*OUTRIDER_NULLABLE handle)(void *OUTRIDER_NULLABLE state, void *OUTRIDER_NULLABLE thread,
                                              outrider_exchange, const outrider_head *, const outrider_io *);

  /** [loop] Called when a request's head is complete. *self, initially NULL, is passed to on_event and close. The
   * response may be sent here or later. After a negative status, close() is not called, and pending run functions get
   * E_CLOSED as soon as this hook has returned; what the client gets, see FAILURES above. */
  outrider_status (*OUTRIDER_NULLABLE open)(void *OUTRIDER_NULLABLE state, outrider_exchange, const outrider_head *,
                                            void *OUTRIDER_NULLABLE *OUTRIDER_NONNULL self);
  /** [loop] Never called from inside a function of the host. The event is [host owns; until this returns]. */
  void (*OUTRIDER_NULLABLE on_event)(void *OUTRIDER_NULLABLE state, void *OUTRIDER_NULLABLE self, outrider_exchange,
                                     const outrider_event *);
  /** [loop] The last call for an exchange, after each successful open(). The response is complete or aborted. The
   * request's body may not have been read completely. The handle is stale when it returns. */
  void (*OUTRIDER_NULLABLE close)(void *OUTRIDER_NULLABLE state, void *OUTRIDER_NULLABLE self, outrider_exchange);
} outrider_plugin;

#ifndef OUTRIDER_NO_PROTOTYPE
/** The symbol that a plugin exports. [master] Called once for each [[plugin]] entry, after dlopen() and before load().
 * host is that entry's table. Return NULL to refuse to be loaded. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const outrider_plugin *OUTRIDER_NULLABLE outrider_plugin_v1(const outrider_host *host);
#endif

/* ---- Convenience functions --------------------------------------------------------------------------------------- */

/** An initializer for the bytes of a string literal: outrider_bytes greeting = OUTRIDER_BYTES("hello"); */
#define OUTRIDER_BYTES(literal) {"" literal, sizeof(literal) - 1}

/** The bytes of a NUL-terminated string, which the caller keeps. */
static inline outrider_bytes outrider_text(const char *OUTRIDER_NULLABLE text) {
  outrider_bytes bytes = {text, 0};
  while (text && text[bytes.size]) bytes.size++;
  return bytes;
}

/** A field made of two NUL-terminated strings. */
static inline outrider_field outrider_field_of(const char *name, const char *value) {
  outrider_field field = {outrider_text(name), outrider_text(value)};
  return field;
}

/** Send 103 (Early Hints) from handle(), like outrider_io.informational. */
static inline outrider_status outrider_early_hints(const outrider_io *io, outrider_exchange exchange,
                                                   const outrider_field *OUTRIDER_NULLABLE fields, size_t n) {
  return io->informational(io, exchange, 103, fields, n);
}

/** Send 103 (Early Hints) as an event, like outrider_host.send. */
static inline outrider_status outrider_send_early_hints(const outrider_host *host, outrider_exchange exchange,
                                                        const outrider_field *OUTRIDER_NULLABLE fields, size_t n) {
  return host->send_informational(host, exchange, 103, fields, n);
}

/** Send a complete response as an event. The host copies the body, which must not be larger than limits.output. */
static inline outrider_status outrider_send_response(const outrider_host *host, outrider_exchange exchange,
                                                     uint32_t status, const outrider_field *OUTRIDER_NULLABLE fields,
                                                     size_t n, outrider_bytes body) {
  return host->send_response(host, exchange, status, fields, n, body);
}

/** Send the head of a response whose body follows, as an event. */
static inline outrider_status outrider_send_start(const outrider_host *host, outrider_exchange exchange,
                                                  uint32_t status, const outrider_field *OUTRIDER_NULLABLE fields,
                                                  size_t n) {
  return host->send_start(host, exchange, status, fields, n, 0);
}

/** Send part of a body as an event. The host copies it. more = 0 ends the response. */
static inline outrider_status outrider_send_body(const outrider_host *host, outrider_exchange exchange,
                                                 outrider_bytes bytes, uint32_t more) {
  return host->send_body(host, exchange, bytes, more);
}

/** End an exchange that cannot be completed, as an event. reason is a negative status, or 0. */
static inline outrider_status outrider_send_abort(const outrider_host *host, outrider_exchange exchange,
                                                  outrider_status reason) {
  return host->send_abort(host, exchange, reason);
}

#ifdef __cplusplus
}
#endif

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang assume_nonnull end")
_Pragma("clang diagnostic pop")
#endif

#endif /* OUTRIDER_H */
