/* program: a plugin for tests that performs the calls that a request names, whatever they are worth.
 *
 * The program is the field X-Program: calls separated by blanks, each a letter and up to three numbers. One more field,
 * X-Number, says which program it is. The status of each call is appended to the file that [plugin.config] report names, as
 * one line: the number, a colon, and the statuses. Built with -DEVENT_STYLE it is an event-style plugin, else a blocking one.
 *
 * The same object runs in the server and in the mock host: test_mock_host.py compares what came of it.
 */
#define _GNU_SOURCE
#include <outrider.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_CALLS = 64, LARGEST = 1 << 16 };

typedef struct program {
  const outrider_host *host;
  const outrider_io *io; /* NULL in the event style */
  outrider_exchange exchange;
  char text[4096], number[32];
  const char *at;
  int statuses[MOST_CALLS];
  int n_statuses, released, body, elsewhere;
  struct program *next;
} program;

static char pattern[LARGEST];
static char report_path[512];
static int file = -1;

/* ---- Arguments ---------------------------------------------------------------------------------------------------------- */

static uint64_t number(program *program) {
  char *end;
  const uint64_t value = strtoull(program->at, &end, 10);
  program->at = *end == ':' ? end + 1 : end;
  return value;
}

static outrider_bytes content(uint64_t size) {
  return (outrider_bytes){pattern, size < LARGEST ? size : LARGEST};
}

#define FIELD(name, value) {OUTRIDER_BYTES(name), OUTRIDER_BYTES(value)}

/* A set of fields by its number; `length` is the value of content-length where there is one. */
static const outrider_field *fields(uint64_t set, uint64_t length, size_t *n) {
  static _Thread_local char digits[24];
  static _Thread_local outrider_field two[2];
  static char large[9000];
  static const outrider_field sets[][2] = {
      {FIELD("link", "</a.css>; rel=preload"), FIELD("x-other", "1")},
      {FIELD("content-type", "text/plain"), FIELD("X-Mixed-Case", "Value")},
      {FIELD("bad name", "1"), FIELD("x", "1")},
      {FIELD("x-new-line", "a\r\nb: c"), FIELD("x", "1")},
      {FIELD("connection", "close"), FIELD("x", "1")},
      {FIELD("trailer", "x-sum"), FIELD("x-sum", "1")},
      {FIELD("x-forwarded-for", "1.2.3.4"), FIELD("x", "1")},
      {FIELD("date", "yesterday"), FIELD("server", "mine")},
      {FIELD("TE", "trailers"), FIELD("x", "1")},
      {FIELD("expect", "nothing"), FIELD("via", "1.1 x")},
      {FIELD("x-utf", "gr\xc3\xbc\xc3\x9f"), FIELD("x-tab", "a\tb")},
      {FIELD("x-space", " a"), FIELD("x", "1")},
      {FIELD("x-empty", ""), FIELD("x", "1")},
      {FIELD("content-length", "5x"), FIELD("x", "1")},
      {FIELD("content-length", "5"), FIELD("Content-Length", "5")},
      {FIELD("transfer-encoding", "chunked"), FIELD("x", "1")},
      {FIELD("x-delete", "a\x7f"), FIELD("x", "1")},
      {FIELD("upgrade", "websocket"), FIELD("x", "1")},
      {FIELD("", "no name"), FIELD("x", "1")},
      {FIELD("x-request-id", "1"), FIELD("host", "h")},
      {FIELD("x-end", "a "), FIELD("x", "1")},
  };
  const size_t count = sizeof sets / sizeof *sets;
  *n = 2;
  if (set < count) return sets[set];
  snprintf(digits, sizeof digits, "%llu", (unsigned long long)length);
  two[0] = outrider_field_of("content-length", digits);
  two[1] = outrider_field_of("x", "1");
  switch (set - count) {
  case 0: return two;                                                  /* 21: content-length */
  case 1: *n = 0; return NULL;                                         /* 22: none */
  case 2: *n = 1; return NULL;                                         /* 23: NULL, and one is counted */
  case 3: *n = 1025; return sets[0];                                   /* 24: too many; none is read */
  case 4: two[0].value = (outrider_bytes){NULL, 3}; return two;        /* 25: NULL bytes, and three are counted */
  case 5: two[0] = two[1]; two[1].value.size = SIZE_MAX; return two;   /* 26: a negative size */
  case 6:                                                              /* 27: large */
    memset(large, 'x', sizeof large);
    two[0] = outrider_field_of("x-large", "");
    two[0].value = (outrider_bytes){large, sizeof large};
    return two;
  default: *n = (size_t)0 - 1; return sets[0];                         /* 28: a negative number */
  }
}

/* ---- Calls -------------------------------------------------------------------------------------------------------------- */

static void release(void *context) { ((program *)context)->released++; }

static outrider_status send_head(program *program, uint32_t type, uint32_t flags) {
  size_t n;
  const uint32_t status = (uint32_t)number(program);
  const uint64_t set = number(program);
  const outrider_field *some = fields(set, number(program), &n);
  const outrider_head_event event = {sizeof event, type, 0, status, flags, some, n};
  return program->host->send(program->host, program->exchange, (const outrider_event *)&event);
}

static outrider_status send_body(program *program, uint32_t more, int lends) {
  outrider_body_event event = {sizeof event, OUTRIDER_EVENT_BODY, 0, content(number(program)), more, 0, NULL, NULL};
  if (lends) event.release = release, event.context = program;
  return program->host->send(program->host, program->exchange, (const outrider_event *)&event);
}

static outrider_status send_response(program *program, int lends) {
  size_t n;
  const uint32_t status = (uint32_t)number(program);
  const uint64_t set = number(program), length = number(program);
  const outrider_field *some = fields(set, length, &n);
  outrider_response_event event = {sizeof event, OUTRIDER_EVENT_RESPONSE, 0, status, 0, some, n, content(number(program)), NULL,
                                   NULL};
  if (lends) event.release = release, event.context = program;
  return program->host->send(program->host, program->exchange, (const outrider_event *)&event);
}

static outrider_status send_file(program *program, uint32_t more) {
  const uint64_t offset = number(program);
  const outrider_file_event event = {sizeof event, OUTRIDER_EVENT_FILE, 0, file, more, offset, number(program), NULL, NULL};
  return program->host->send(program->host, program->exchange, (const outrider_event *)&event);
}

static outrider_status send_notice(program *program, uint32_t type, uint32_t size) {
  const outrider_notice_event event = {size, type, 0, -(outrider_status)number(program), 0};
  return program->host->send(program->host, program->exchange, (const outrider_event *)&event);
}

/* An event that is none: of no size, of no type, or NULL. */
static outrider_status send_nonsense(program *program) {
  const outrider_host *host = program->host;
  const outrider_event none = {0, OUTRIDER_EVENT_BODY, 0};
  const outrider_event small = {sizeof small, OUTRIDER_EVENT_START + (uint32_t)number(program) % 5, 0};
  const uint64_t kind = number(program);
  if (kind == 0) return host->send(host, program->exchange, &none);
  if (kind == 1) return host->send(host, program->exchange, &small);
  if (kind == 2) return host->send(host, program->exchange, NULL);
  if (kind == 3) return send_notice(program, 70, sizeof(outrider_notice_event));
  if (kind == 4) return send_notice(program, OUTRIDER_EVENT_REQUEST, sizeof(outrider_notice_event));
  return send_notice(program, 1000, sizeof(outrider_notice_event));
}

static void run(void *context, outrider_status why) { (void)context, (void)why; }

/* A call from another thread, which waits for nothing. */
static void *elsewhere(void *argument) {
  program *program = argument;
  char bytes[8];
  size_t got;
  const outrider_bytes chunk = content(3);
  const int kind = program->elsewhere;
  outrider_status status = OUTRIDER_E_THREAD;
  if (kind == 0) status = program->io->write(program->io, program->exchange, &chunk, 1);
  if (kind == 1) status = program->io->read(program->io, program->exchange, bytes, sizeof bytes, &got);
  if (kind == 2) status = program->io->respond(program->io, program->exchange, 200, NULL, 0, chunk);
  if (kind == 3) status = outrider_send_body(program->host, program->exchange, chunk, 0);
  return (void *)(intptr_t)status;
}

static outrider_status from_another_thread(program *program) {
  pthread_t thread;
  void *status = NULL;
  program->elsewhere = (int)number(program);
  if (pthread_create(&thread, NULL, elsewhere, program) != 0) return OUTRIDER_E_IO;
  pthread_join(thread, &status);
  return (outrider_status)(intptr_t)status;
}

static outrider_status call_host(program *program, char letter) {
  const outrider_host *host = program->host;
  const outrider_exchange stale = {program->exchange.id ^ (1ull << 33)};
  switch (letter) {
  case 'I': return send_head(program, OUTRIDER_EVENT_INFORMATIONAL, 0);
  case 'S': return send_head(program, OUTRIDER_EVENT_START, 0);
  case 'U': return send_head(program, OUTRIDER_EVENT_START, OUTRIDER_TRAILERS_FOLLOW);
  case 'T': return send_head(program, OUTRIDER_EVENT_TRAILERS, 0);
  case 'R': return send_response(program, 0);
  case 'L': return send_response(program, 1);
  case 'B': return send_body(program, 1, 0);
  case 'E': return send_body(program, 0, 0);
  case 'M': return send_body(program, 1, 1);
  case 'F': return send_file(program, 1);
  case 'G': return send_file(program, 0);
  case 'A': return send_notice(program, OUTRIDER_EVENT_ABORT, sizeof(outrider_notice_event));
  case 'N': return send_nonsense(program);
  case 'C': return host->cancelled(host, program->exchange);
  case 'V': return host->receive(host, program->exchange, (uint32_t)number(program));
  case 'P': return host->post(host, program->exchange, number(program) ? run : NULL, NULL);
  case 'Q': return host->after(host, stale, 1, run, NULL, NULL);
  case 'K': return host->cancel(host, 12345678);
  case 'Z': return outrider_send_body(host, stale, content(1), 0);
  case 'H': return host->head(host, program->exchange) != NULL;
  default: return 99;
  }
}

static outrider_status call_io(program *program, char letter) {
  const outrider_io *io = program->io;
  const outrider_exchange exchange = program->exchange, stale = {exchange.id ^ (1ull << 33)};
  static _Thread_local char bytes[LARGEST];
  const outrider_field *some;
  size_t n;
  switch (letter) {
  case 'i': case 's': {
    const uint32_t status = (uint32_t)number(program);
    const uint64_t set = number(program);
    some = fields(set, number(program), &n);
    return letter == 'i' ? io->informational(io, exchange, status, some, n) : io->start(io, exchange, status, some, n);
  }
  case 'r': {
    const uint32_t status = (uint32_t)number(program);
    const uint64_t set = number(program), length = number(program);
    some = fields(set, length, &n);
    return io->respond(io, exchange, status, some, n, content(number(program)));
  }
  case 'n': return io->respond(io, exchange, 200, NULL, 0, (outrider_bytes){NULL, 4});
  case 'w': {
    const outrider_bytes chunks[] = {content(number(program)), content(0), content(number(program))};
    return io->write(io, exchange, chunks, 3);
  }
  case 'x': {
    const outrider_bytes chunk = {number(program) ? NULL : pattern, 2};
    const uint64_t count = number(program);
    return io->write(io, exchange, count == 7 ? NULL : &chunk, count);
  }
  case 'f': {
    const uint64_t offset = number(program);
    return io->sendfile(io, exchange, file, offset, number(program));
  }
  case 'g': return io->sendfile(io, exchange, -1, 0, 5);
  case 't': {
    const uint64_t set = number(program);
    some = fields(set, number(program), &n);
    return io->trailers(io, exchange, some, n);
  }
  case 'd': {
    const size_t capacity = number(program);
    size_t read = 0, got = 1; /* how much comes at once depends on the client's packets */
    outrider_status status = OUTRIDER_OK;
    while (status == OUTRIDER_OK && got > 0 && (read < capacity || read == 0)) {
      status = io->read(io, exchange, capacity == 9 ? NULL : bytes + read, capacity - read, &got);
      if (status == OUTRIDER_OK) read += got;
    }
    return status == OUTRIDER_OK ? (outrider_status)(100 + read) : status;
  }
  case 'q': {
    const outrider_status status = io->request_trailers(io, exchange, &some, number(program) ? NULL : &n);
    return status == OUTRIDER_OK ? (outrider_status)(100 + n) : status;
  }
  case 'z': return io->write(io, stale, &(outrider_bytes){pattern, 1}, 1);
  case 'o': return from_another_thread(program);
  default: return call_host(program, letter);
  }
}

/* ---- Programs ------------------------------------------------------------------------------------------------------------ */

static int take_field(const outrider_head *head, const char *name, char *text, size_t size) {
  for (size_t i = 0; i < head->n_fields; i++) {
    const outrider_field *field = &head->fields[i];
    if (field->name.size != strlen(name) || strncasecmp(field->name.data, name, field->name.size) != 0) continue;
    const size_t length = field->value.size < size ? field->value.size : size - 1;
    memcpy(text, field->value.data, length);
    text[length] = 0;
    return 1;
  }
  *text = 0;
  return 0;
}

static void begin(program *program, const outrider_host *host, const outrider_io *io, outrider_exchange exchange,
                  const outrider_head *head) {
  program->host = host;
  program->io = io;
  program->exchange = exchange;
  take_field(head, "x-program", program->text, sizeof program->text);
  take_field(head, "x-number", program->number, sizeof program->number);
  program->at = program->text;
}

static void report(program *program) {
  char line[1024];
  int size = snprintf(line, sizeof line, "%s:", program->number);
  for (int i = 0; i < program->n_statuses; i++)
    size += snprintf(line + size, sizeof line - (size_t)size, " %d", program->statuses[i]);
  size += snprintf(line + size, sizeof line - (size_t)size, " released=%d\n", program->released);
  const int log = open(report_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (log < 0 || write(log, line, (size_t)size) != size) abort();
  close(log);
}

/* Performs calls up to the end or the next 'y', which yields; the result is that of the hook. */
static outrider_status proceed(program *program, int *yields) {
  *yields = 0;
  while (*program->at) {
    const char letter = *program->at++;
    if (letter == ' ') continue;
    if (letter == '=') return -(outrider_status)number(program);
    if (letter == 'y') {
      *yields = 1;
      return OUTRIDER_OK;
    }
    const outrider_status status = program->io ? call_io(program, letter) : call_host(program, letter);
    if (program->n_statuses < MOST_CALLS) program->statuses[program->n_statuses++] = status;
  }
  return OUTRIDER_OK;
}

#ifdef EVENT_STYLE

static void resume(void *context, outrider_status why) {
  program *program = context;
  int yields;
  if (why != OUTRIDER_OK) return;
  proceed(program, &yields);
  if (yields) {
    program->host->post(program->host, program->exchange, resume, program);
    return;
  }
  /* What is not answered now never is. */
  const outrider_notice_event end = {sizeof end, OUTRIDER_EVENT_ABORT, 0, 0, 0};
  const outrider_status status = program->host->send(program->host, program->exchange, (const outrider_event *)&end);
  if (program->n_statuses < MOST_CALLS) program->statuses[program->n_statuses++] = status;
}

/* Those whose open() has failed: nothing tells when all that they lend has been given back. */
static program *refused;

static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  program *program = calloc(1, sizeof *program);
  int yields;
  if (!program) return OUTRIDER_E_FAILED;
  *self = program;
  begin(program, state, NULL, exchange, head);
  outrider_status status = proceed(program, &yields);
  if (status >= 0) {
    program->host->post(program->host, exchange, resume, program);
    return status;
  }
  program->released = 0; /* what is lent is given back when this has returned */
  report(program);
  program->next = refused;
  refused = program;
  return status;
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  program *program = self;
  (void)state, (void)exchange;
  if (program->n_statuses >= MOST_CALLS || event->type == OUTRIDER_EVENT_DRAINING) return;
  /* 10,000 times its type, and the size of the whole body, which may come in several events, or the reason */
  int shown = 10000 * (int)event->type;
  if (event->type == OUTRIDER_EVENT_REQUEST) {
    const outrider_body_event *body = (const outrider_body_event *)event;
    program->body += (int)body->bytes.size;
    if (body->more) return;
    shown += program->body;
  } else if (event->type == OUTRIDER_EVENT_DISCONNECT) {
    shown -= ((const outrider_notice_event *)event)->reason;
  }
  program->statuses[program->n_statuses++] = shown;
}

static void close_exchange(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)exchange;
  report(self);
  free(self);
}

static void worker_stop(void *state, uint64_t deadline_ns) {
  (void)state, (void)deadline_ns;
  while (refused) {
    program *next = refused->next;
    free(refused);
    refused = next;
  }
}

#else

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  program program = {0};
  int yields;
  outrider_status status;
  (void)thread;
  begin(&program, state, io, exchange, head);
  do status = proceed(&program, &yields);
  while (yields);
  report(&program);
  return status;
}

#endif

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state, outrider_error *error) {
  (void)info, (void)state;
  const outrider_bytes path = host->config_string(host, "report", NULL);
  for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = "0123456789abcdef\n"[i % 17];
  if (!path.data || path.size >= sizeof report_path) {
    snprintf(error->text, sizeof error->text, "report names no file");
    return OUTRIDER_E_INVALID;
  }
  memcpy(report_path, path.data, path.size);
  return OUTRIDER_OK;
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state, (void)info, (void)error;
  file = memfd_create("pattern", MFD_CLOEXEC);
  return write(file, pattern, sizeof pattern) == sizeof pattern ? OUTRIDER_OK : OUTRIDER_E_IO;
}

static const outrider_plugin plugin = {
    .size = sizeof plugin,
    .abi = OUTRIDER_ABI_VERSION,
    .abi_required = OUTRIDER_ABI(1, 0),
    .capabilities = OUTRIDER_THREAD_SAFE,
    .version = "1.0",
    .load = load,
    .worker_start = worker_start,
#ifdef EVENT_STYLE
    .name = "program_event",
    .worker_stop = worker_stop,
    .open = open_exchange,
    .on_event = on_event,
    .close = close_exchange,
#else
    .name = "program_blocking",
    .handle = handle,
#endif
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
