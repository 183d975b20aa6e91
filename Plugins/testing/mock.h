/* mock.h: shared by the files of the mock host. Tests use testing.h.
 *
 * Each file corresponds to a part of the server: rules.c to ResponseState and FieldValidation, answer.c to
 * ResponseWriter, io.c and events.c to the functions of the two styles. test_mock_host.py checks that both behave
 * alike. */
#ifndef OUTRIDER_MOCK_H
#define OUTRIDER_MOCK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <outrider/testing.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- Memory ---------------------------------------------------------------------------------------------------- */

/* Never return NULL: the mock is for tests, and ends the process with a message if out of memory. */
void *mock_allocate(size_t size);
void *mock_grow(void *memory, size_t size);
char *mock_copy(const char *bytes, size_t size); /* with a NUL behind it */

typedef struct buffer {
  char *bytes;
  size_t size, capacity;
} buffer;

void buffer_append(buffer *buffer, const char *bytes, size_t size);
void buffer_text(buffer *buffer, const char *text);
void buffer_format(buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Copies of fields, with everything that they point to. */
typedef struct section {
  outrider_field *fields;
  size_t n;
  uint32_t status;
} section;

section section_copy(uint32_t status, const outrider_field *fields, size_t n);
void section_free(section *section);

bool bytes_equal_text(outrider_bytes bytes, const char *text); /* in any case */
bool bytes_are_well_formed(outrider_bytes bytes);

/* ---- Rules ------------------------------------------------------------------------------------------------------- */

typedef enum { SECTION_INFORMATIONAL, SECTION_FINAL, SECTION_TRAILERS } section_kind;

typedef struct verdict {
  size_t bytes;           /* names and values together */
  int64_t content_length; /* -1: none */
} verdict;

enum { MOST_FIELDS = 1024 };

bool check_fields(const outrider_field *fields, size_t n, section_kind kind, verdict *verdict);
/* What is wrong with fields that check_fields refuses, in the words of the server's log. */
void describe_fields(const outrider_field *fields, size_t n, section_kind kind, char *rule, size_t size);
bool fields_are_an_array(const outrider_field *fields, size_t n);

typedef enum { BOUND_ABSENT, BOUND_REMAINING, BOUND_OPEN } body_bounds;

/* The state of a response: what may be sent next. */
typedef struct response_state {
  enum { AWAITING_HEAD, BODY, TRAILERS_DUE, COMPLETE } phase;
  bool trailers_announced, is_head, hints_allowed, is_cut_short;
  uint32_t version;
  body_bounds bounds;
  int64_t due; /* with BOUND_REMAINING */
  size_t hints_sent, max_hints, max_hint_bytes;
} response_state;

typedef enum { HINT_FITS, HINT_TOO_MANY, HINT_TOO_LARGE } hint_limit;

outrider_status state_informational(response_state *, uint32_t status, const outrider_field *, size_t n);
hint_limit state_hint_limit(const response_state *, const outrider_field *, size_t n, size_t *bytes);
/* whole: the length of the body that comes with the head, or -1. */
outrider_status state_judge_head(const response_state *, uint32_t status, const outrider_field *, size_t n, int64_t whole,
                                 verdict *);
void state_take_head(response_state *, uint32_t status, const verdict *, int64_t whole, bool trailers_follow);
outrider_status state_body(response_state *, uint64_t count);
outrider_status state_end_body(response_state *);
outrider_status state_trailers(response_state *, const outrider_field *, size_t n, bool accepted);
bool status_is_bodiless(uint32_t status);

/* ---- Exchanges ------------------------------------------------------------------------------------------------------ */

typedef struct lease {
  void (*release)(void *context);
  void *context;
} lease;

/* A part of the response that has not been sent to the client. */
typedef struct segment {
  struct segment *next;
  char *bytes; /* NULL: part of a file */
  size_t size, at;
  int fd;
  uint64_t offset, length;
  bool is_content;
  lease lease;
  uint64_t tag;
} segment;

struct outrider_mock_exchange {
  outrider_mock *mock;
  uint64_t id;
  bool is_open, is_blocking, is_opened;
  bool callbacks_ended; /* it ends, and takes no further run functions */
  _Atomic bool is_sending;
  bool in_handler;
  pthread_t handler;
  int32_t cancellation;
  void *self;
  char rule[512]; /* that the last refused call has broken, and what it returned */
  outrider_status rule_status;

  /* The request. */
  outrider_head *head;
  char *texts[8];
  section fields, trailers;
  outrider_tls *tls;
  bool accepts_trailers, is_chunked, client_left, is_slow;
  buffer body;
  size_t body_read, piece;
  int64_t body_length; /* -1: not announced */
  bool body_ended, body_delivered;
  uint32_t credit;
  void (*wait)(void *context, outrider_mock_exchange *);
  void *wait_context;

  /* The response. */
  response_state state;
  segment *first, *last;
  size_t queued; /* bytes of segments that wait for a slow client */
  size_t allowance;
  bool chunked_response, has_head, is_cut, resume_due, drain_noticed, page_due, is_unanswered;
  size_t refused_bytes;
  uint32_t page;
  uint64_t *tags;
  size_t n_tags;
  buffer wire, content;
  section *informational;
  size_t n_informational;
  section final, sent_trailers;
  uint32_t ending;
  bool file_failed;
  outrider_mock_section *shown_informational;
  struct note { /* by outrider.log/1 */
    char *key, *value;
    size_t size;
  } *notes;
  size_t n_notes;
  outrider_mock_response shown;
};

typedef struct callback {
  struct callback *next;
  void (*run)(void *context, outrider_status why);
  void *context;
  outrider_mock_exchange *exchange; /* NULL: the worker's */
  uint64_t moment, order, id;
  bool is_cancelled;
} callback;

typedef struct line {
  uint32_t level;
  char *text;
} line;

typedef enum { REFUSED, MADE, LOADED, STARTED, STOPPING, STOPPED } mock_phase;

struct outrider_mock {
  pthread_mutex_t lock;
  sem_t signal; /* another thread has done something */
  outrider_mock_settings settings;
  char *config, *mount;
  outrider_host *host;
  outrider_io *io;
  outrider_plugin plugin; /* as much of it as both sides know */
  void *state, *thread;
  _Atomic mock_phase phase;
  pthread_t loop;
  uint64_t now;
  outrider_mock_exchange **exchanges;
  size_t n_exchanges;
  callback *callbacks; /* by moment, then by order */
  size_t n_callbacks;
  uint64_t orders;
  _Atomic bool wake_pending;
  _Atomic bool is_draining;
  line *log, *misuses;
  size_t n_log, n_misuses;
  char **kept; /* strings of the configuration that were handed out */
  size_t n_kept;
  struct mock_extensions *extensions;
  bool is_loading;
  buffer config_errors; /* that load() has reported */
  size_t n_config_errors;
  char error[4200];
};

static inline void mock_lock(const outrider_mock *mock) { pthread_mutex_lock((pthread_mutex_t *)&mock->lock); }
static inline void mock_unlock(const outrider_mock *mock) { pthread_mutex_unlock((pthread_mutex_t *)&mock->lock); }
/* Whether the functions that need a worker work; in the master they do not. */
static inline bool mock_is_worker(const outrider_mock *mock) {
  return mock->phase >= STARTED || mock->settings.process == OUTRIDER_PROCESS_WORKER;
}
static inline outrider_mock *mock_of_host(const outrider_host *host) { return host->implementation; }
static inline outrider_mock *mock_of_io(const outrider_io *io) { return io->implementation; }

/* The open exchange of a handle, or NULL. */
outrider_mock_exchange *mock_find(outrider_mock *, outrider_exchange);
/* Why calls are refused: cancelled, or past the deadline; 0 if they are not. */
outrider_status exchange_refusal(outrider_mock_exchange *);
bool exchange_is_mine(const outrider_mock_exchange *); /* the caller is inside its handle() */
/* Another thread has made progress: wakes all waiting threads. */
void mock_announce(outrider_mock *);
/* A structure that may grow in later versions; larger than its type if the settings say so. */
void *mock_structure(const outrider_mock *, size_t size, uint32_t size_1_0);

/* report.c */
outrider_status refuse(outrider_mock_exchange *, outrider_status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* exchange: NULL for none. rule: used if the exchange has no more precise one. */
void note_misuse(outrider_mock *, outrider_mock_exchange *, const char *call, outrider_status, const char *rule);
bool status_is_misuse(outrider_status);
void mock_log(outrider_mock *, uint32_t level, const char *text, size_t size);

/* answer.c: the caller is the only sender of the exchange, with the lock held. lease: NULL for bytes that are
 * copied. */
outrider_status answer_informational(outrider_mock_exchange *, uint32_t status, const outrider_field *, size_t n);
outrider_status answer_head(outrider_mock_exchange *, uint32_t status, const outrider_field *, size_t n,
                            const outrider_bytes *whole, const lease *, uint64_t tag, bool trailers_follow);
outrider_status answer_body(outrider_mock_exchange *, const outrider_bytes *chunks, size_t n, size_t total, const lease *,
                            uint64_t tag, bool ends);
outrider_status answer_file(outrider_mock_exchange *, int fd, uint64_t offset, uint64_t length, const lease *, uint64_t tag,
                            bool ends);
outrider_status answer_trailers(outrider_mock_exchange *, const outrider_field *, size_t n);
outrider_status answer_abort(outrider_mock_exchange *, outrider_status reason);
void answer_finish(outrider_mock_exchange *); /* what handle() has begun and not ended */
void answer_cut(outrider_mock_exchange *);
/* Sends the server's own page, or nothing if the client has left. */
void answer_page(outrider_mock_exchange *, uint32_t status);
bool answer_is_complete(const outrider_mock_exchange *);

/* output.c */
void output_text(outrider_mock_exchange *, const char *bytes, size_t size, bool is_content, const lease *, uint64_t tag);
void output_file(outrider_mock_exchange *, int fd, uint64_t offset, uint64_t length, const lease *, uint64_t tag);
/* Sends what the client accepts. Calls release functions with the lock released, so the lock must be held only once. */
void output_transmit(outrider_mock_exchange *);
void output_discard(outrider_mock_exchange *);
/* Drops lent memory and everything queued behind it. */
void output_release_lent(outrider_mock_exchange *);
bool output_is_empty(const outrider_mock_exchange *);
/* [blocking] Waits until the client has read enough. */
outrider_status output_drain(outrider_mock_exchange *);
/* Lets the test act as the client; false if that has no effect. */
bool exchange_wait(outrider_mock_exchange *);

/* io.c, events.c, loop.c, config.c, request.c */
void io_fill(outrider_io *);
outrider_status events_send(const outrider_host *, outrider_exchange, const outrider_event *);
outrider_status events_receive(const outrider_host *, outrider_exchange, uint32_t credit);
void events_fill(outrider_host *);
bool exchange_advance(outrider_mock_exchange *); /* false: nothing to do */
void exchange_finish(outrider_mock_exchange *);
void exchange_disconnect(outrider_mock_exchange *, outrider_status why, uint32_t page);
void exchange_expire(outrider_mock_exchange *);
size_t exchange_next_piece(outrider_mock_exchange *, size_t limit);
outrider_status loop_post(const outrider_host *, outrider_exchange, void (*)(void *, outrider_status), void *);
outrider_status loop_after(const outrider_host *, outrider_exchange, uint64_t, void (*)(void *, outrider_status), void *,
                           uint64_t *);
outrider_status loop_cancel(const outrider_host *, uint64_t timer);
void loop_wake(const outrider_host *);
void loop_end_callbacks(outrider_mock *, outrider_mock_exchange *); /* NULL: all */
bool config_is_object(const char *text);
outrider_bytes config_json(const outrider_host *);
outrider_bytes config_string(const outrider_host *, const char *key, const char *fallback);
int64_t config_integer(const outrider_host *, const char *key, int64_t fallback);
int32_t config_boolean(const outrider_host *, const char *key, int32_t fallback);
void exchange_free(outrider_mock_exchange *);

/* extensions.c */
void extensions_make(outrider_mock *);
void extensions_free(outrider_mock *);
const void *extensions_find(outrider_mock *, const char *name); /* NULL: there is none of that name */
/* request_log.c */
bool name_is_a_key(const char *name, size_t most);
void notes_free(outrider_mock_exchange *);
/* watches.c, with the lock held, but for the second */
bool watches_run(outrider_mock *); /* false: none is ready */
bool watches_wait(outrider_mock *, int milliseconds);
void watches_end(outrider_mock *, const outrider_mock_exchange *); /* NULL: all */

#endif
