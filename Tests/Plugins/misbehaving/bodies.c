/* bodies.c: bodies that are large, come from files, or are read past their end; and what the host says about them. */
#define _GNU_SOURCE

#include "misbehaving.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- /sendfile ------------------------------------------------------------------------------------------------- */

#define FILE_SIZE 300000
#define SHORT_FILE_SIZE 1000

/* A file in memory whose byte at offset i is 'a' + i % 26. */
static int make_file(size_t size) {
  char line[26 * 1000];
  int fd = memfd_create("misbehaving", MFD_CLOEXEC);
  for (size_t i = 0; i < sizeof line; i++) line[i] = (char)('a' + i % 26);
  for (size_t written = 0; fd >= 0 && written < size;) {
    size_t piece = size - written < sizeof line ? size - written : sizeof line;
    ssize_t result = write(fd, line, piece); /* short only when memory is full */
    if (result != (ssize_t)piece) {
      close(fd);
      return -1;
    }
    written += piece;
  }
  return fd;
}

static void close_file(void *context) { close((int)(intptr_t)context); }

static outrider_status send_file_event(visit *visit, int fd, uint64_t length) {
  const outrider_file_event event = {
      .size = sizeof event,
      .type = OUTRIDER_EVENT_FILE,
      .fd = fd,
      .length = length,
      .release = close_file,
      .context = (void *)(intptr_t)fd,
  };
  outrider_status status = visit->host->send(visit->host, visit->exchange, (const outrider_event *)&event);
  if (status < 0) close(fd);
  return status;
}

/* Two calls, so that the second starts from an offset. */
static outrider_status send_file_blocking(visit *visit, int fd, uint64_t length) {
  const outrider_io *io = visit->io;
  outrider_status status = io->sendfile(io, visit->exchange, fd, 0, length / 3);
  if (status >= 0) status = io->sendfile(io, visit->exchange, fd, length / 3, length - length / 3);
  close(fd);
  return status;
}

/* Answer with `length` bytes of a file of `size`. The status is logged. */
static outrider_status answer_file(visit *visit, size_t size, uint64_t length) {
  char number[24];
  int digits = snprintf(number, sizeof number, "%llu", (unsigned long long)length);
  const outrider_field content_length = {TEXT("content-length"), {number, (size_t)digits}};
  int fd = make_file(size);
  if (fd < 0) return OUTRIDER_E_IO;
  outrider_status status = act_start(visit, 200, &content_length, 1, 0);
  if (status < 0)
    close(fd);
  else
    status = visit->io ? send_file_blocking(visit, fd, length) : send_file_event(visit, fd, length);
  report(visit, NULL, "sendfile", status);
  if (status < 0 && !visit->io) act_abort(visit);
  return report_log(visit);
}

/* Not wrong. */
outrider_status send_file(visit *visit) { return answer_file(visit, FILE_SIZE, FILE_SIZE); }

/* The file is shorter than said. */
outrider_status send_file_short(visit *visit) { return answer_file(visit, SHORT_FILE_SIZE, SHORT_FILE_SIZE * 2); }

/* ---- /read-twice ----------------------------------------------------------------------------------------------- */

static void read_again(visit *visit, const char *prefix) {
  char buffer[64];
  size_t got = 0;
  report(visit, prefix, "status", visit->io->read(visit->io, visit->exchange, buffer, sizeof buffer, &got));
  report(visit, prefix, "got", (int64_t)got);
}

static outrider_status read_twice_blocking(visit *visit) {
  char buffer[4096];
  int64_t total = 0;
  size_t got = 0;
  outrider_status status;
  report(visit, NULL, "capacity-0", visit->io->read(visit->io, visit->exchange, buffer, 0, &got));
  while ((status = visit->io->read(visit->io, visit->exchange, buffer, sizeof buffer, &got)) >= 0 && got > 0)
    total += (int64_t)got;
  report(visit, NULL, "read", status);
  report(visit, NULL, "total", total);
  read_again(visit, "again-1");
  read_again(visit, "again-2");
  return report_answer(visit);
}

static void read_twice_event(visit *visit, const outrider_event *event) {
  const outrider_host *host = visit->host;
  const outrider_body_event *request = (const outrider_body_event *)event;
  if (event->type != OUTRIDER_EVENT_REQUEST) return;
  *(int64_t *)visit->extra += (int64_t)request->bytes.size;
  if (request->more) {
    host->receive(host, visit->exchange, 1);
    return;
  }
  report(visit, NULL, "total", *(int64_t *)visit->extra);
  report(visit, "again-1", "status", host->receive(host, visit->exchange, 1));
  report(visit, "again-2", "status", host->receive(host, visit->exchange, 1));
  report_answer(visit);
}

outrider_status read_twice(visit *visit) {
  if (visit->io) return read_twice_blocking(visit);
  visit->extra = calloc(1, sizeof(int64_t));
  if (!visit->extra) return OUTRIDER_E_LIMIT;
  visit->on_event = read_twice_event;
  return visit->host->receive(visit->host, visit->exchange, 1);
}

/* ---- /body-left ------------------------------------------------------------------------------------------------ */

static outrider_status answer_in_pieces(visit *visit) {
  outrider_status status = act_start(visit, 200, NULL, 0, 0);
  if (status >= 0) status = act_write(visit, outrider_text("left\n"));
  return status < 0 ? status : act_end(visit);
}

static void leave_body(visit *visit, const outrider_event *event) {
  if (event->type == OUTRIDER_EVENT_REQUEST) answer_in_pieces(visit);
}

/* Not wrong: reads some of the body, answers in pieces, and leaves the rest. */
outrider_status body_left(visit *visit) {
  visit->on_event = leave_body;
  if (!visit->io) return visit->host->receive(visit->host, visit->exchange, 1);
  char buffer[4096];
  size_t got = 0;
  outrider_status status = visit->io->read(visit->io, visit->exchange, buffer, sizeof buffer, &got);
  return status < 0 ? status : answer_in_pieces(visit);
}

/* ---- /answer-first --------------------------------------------------------------------------------------------- */

/* Not wrong: reads the body to its end behind a complete answer. */
outrider_status answer_first(visit *visit) {
  char buffer[4096];
  int64_t total = 0;
  size_t got = 0;
  outrider_status status = act_respond(visit, 200, NULL, 0, outrider_text("answered\n"));
  if (status < 0) return status;
  while ((status = visit->io->read(visit->io, visit->exchange, buffer, sizeof buffer, &got)) >= 0 && got > 0)
    total += (int64_t)got;
  report(visit, NULL, "read", status);
  report(visit, NULL, "total", total);
  return report_log(visit);
}

/* ---- /read-on -------------------------------------------------------------------------------------------------- */

#define READS_AFTER_REFUSAL 1000

/* What the calls after the refusal gave: how many were not refused in the same way. */
static void report_reads(visit *visit, outrider_status refusal, int32_t others) {
  report(visit, NULL, "refused", refusal);
  report(visit, NULL, "others", others);
  report_log(visit);
}

static outrider_status read_on_blocking(visit *visit) {
  char buffer[4096];
  size_t got = 0;
  int32_t others = 0;
  outrider_status refusal;
  while ((refusal = visit->io->read(visit->io, visit->exchange, buffer, sizeof buffer, &got)) >= 0 && got > 0) continue;
  for (int i = 0; i < READS_AFTER_REFUSAL; i++) {
    got = 0;
    others += visit->io->read(visit->io, visit->exchange, buffer, sizeof buffer, &got) != refusal || got > 0;
  }
  report_reads(visit, refusal, others);
  return act_respond(visit, refusal < 0 ? 400 : 200, NULL, 0, outrider_text("read on\n"));
}

static void read_on_event(visit *visit, const outrider_event *event) {
  const outrider_host *host = visit->host;
  if (event->type == OUTRIDER_EVENT_DISCONNECT) {
    int32_t others = 0;
    outrider_status refusal = host->receive(host, visit->exchange, 1);
    for (int i = 0; i < READS_AFTER_REFUSAL; i++) others += host->receive(host, visit->exchange, 1) != refusal;
    report_reads(visit, refusal, others);
  } else if (event->type == OUTRIDER_EVENT_REQUEST) {
    if (((const outrider_body_event *)event)->more)
      host->receive(host, visit->exchange, 1);
    else
      act_respond(visit, 200, NULL, 0, outrider_text("read on\n"));
  }
}

/* Reads to the end or a refusal, and on. */
outrider_status read_on(visit *visit) {
  if (visit->io) return read_on_blocking(visit);
  visit->on_event = read_on_event;
  return visit->host->receive(visit->host, visit->exchange, 1);
}

/* ---- /backpressure --------------------------------------------------------------------------------------------- */

#define PRESSURE_PIECE 16384
#define PRESSURE_PIECES 512 /* 8 MiB */

typedef struct pressure {
  int32_t sent, paused, again, resumed;
} pressure;

static char pressure_piece[PRESSURE_PIECE];

static void report_pressure(visit *visit, outrider_status last) {
  const pressure *pressure = visit->extra;
  report(visit, "backpressure", "status", last);
  report(visit, "backpressure", "sent", pressure->sent);
  report(visit, "backpressure", "paused", pressure->paused);
  report(visit, "backpressure", "again", pressure->again);
  report(visit, "backpressure", "resumed", pressure->resumed);
  report_log(visit);
}

/* Logged when the host first tells it to wait: the client reads on when it has seen this. */
static void tell_wait(visit *visit) {
  const pressure *pressure = visit->extra;
  if (pressure->paused + pressure->again == 1)
    visit->host->log(visit->host, visit->exchange, OUTRIDER_LOG_INFO, outrider_text("backpressure.waits=1"));
}

/* Send as long as the host says OK. */
static void press(visit *visit) {
  pressure *pressure = visit->extra;
  outrider_status status = OUTRIDER_OK;
  while (pressure->sent < PRESSURE_PIECES && status != OUTRIDER_PAUSE) {
    const outrider_bytes piece = {pressure_piece, PRESSURE_PIECE};
    status = act_send_body(visit, piece, pressure->sent + 1 < PRESSURE_PIECES, 0);
    pressure->sent += status >= 0;
    pressure->paused += status == OUTRIDER_PAUSE;
    pressure->again += status == OUTRIDER_E_AGAIN;
    if (status == OUTRIDER_PAUSE || status == OUTRIDER_E_AGAIN) tell_wait(visit);
    if (status < 0) break;
  }
  if (pressure->sent == PRESSURE_PIECES || (status < 0 && status != OUTRIDER_E_AGAIN)) {
    visit->on_event = NULL;
    report_pressure(visit, status);
    if (status < 0) act_abort(visit);
  }
}

static void press_on(visit *visit, const outrider_event *event) {
  if (event->type != OUTRIDER_EVENT_RESUME) return;
  ((pressure *)visit->extra)->resumed++;
  press(visit);
}

static outrider_status press_blocking(visit *visit) {
  const outrider_bytes piece = {pressure_piece, PRESSURE_PIECE};
  outrider_status status = OUTRIDER_OK;
  for (int i = 0; i < PRESSURE_PIECES && status >= 0; i++)
    status = visit->io->write(visit->io, visit->exchange, &piece, 1);
  return status;
}

/* Not wrong: 8 MiB to a client that may be slow. */
outrider_status backpressure(visit *visit) {
  outrider_status status = act_start(visit, 200, NULL, 0, 0);
  if (status < 0) return status;
  memset(pressure_piece, 'b', sizeof pressure_piece);
  if (visit->io) return press_blocking(visit);
  visit->extra = calloc(1, sizeof(pressure));
  if (!visit->extra) return OUTRIDER_E_LIMIT;
  visit->on_event = press_on;
  press(visit);
  return OUTRIDER_OK;
}

/* ---- /sent ----------------------------------------------------------------------------------------------------- */

static void end_when_sent(visit *visit, const outrider_event *event) {
  if (event->type != OUTRIDER_EVENT_SENT) return;
  if (event->tag != 7) report(visit, NULL, "tag", (int64_t)event->tag);
  act_send_body(visit, event->tag == 7 ? outrider_text("sent\n") : report_bytes(visit), 0, 0);
}

/* Not wrong: the end of the body waits until its beginning is with the kernel. */
outrider_status sent(visit *visit) {
  visit->on_event = end_when_sent;
  outrider_status status = act_start(visit, 200, NULL, 0, 0);
  if (status >= 0) status = act_send_body(visit, outrider_text("first\n"), 1, 7);
  return status;
}

/* ---- /release -------------------------------------------------------------------------------------------------- */

#define RELEASE_TAG 8
#define RELEASE_WAIT 50000000 /* nanoseconds in which a second release would show */

/* Not the visit's: a release that came after close() must be seen, not break anything. */
static int32_t releases;

static void count_release(void *context) { ++*(int32_t *)context; }

static outrider_status send_counted(visit *visit) {
  const outrider_body_event event = {
      .size = sizeof event,
      .type = OUTRIDER_EVENT_BODY,
      .tag = RELEASE_TAG,
      .bytes = TEXT("counted\n"),
      .more = 1,
      .release = count_release,
      .context = &releases,
  };
  return visit->host->send(visit->host, visit->exchange, (const outrider_event *)&event);
}

static void tell_releases(void *context, outrider_status why) {
  visit *visit = context;
  if (why != OUTRIDER_OK) return;
  report(visit, NULL, "released", releases);
  act_send_body(visit, report_bytes(visit), 0, 0);
}

static void wait_for_second(visit *visit, const outrider_event *event) {
  if (event->type == OUTRIDER_EVENT_SENT && event->tag == RELEASE_TAG)
    visit->host->after(visit->host, visit->exchange, RELEASE_WAIT, tell_releases, visit, NULL);
}

/* A refused event's release must not be called, an accepted one's once. */
outrider_status release_count(visit *visit) {
  releases = 0;
  visit->on_event = wait_for_second;
  report(visit, NULL, "refused", send_counted(visit));
  report(visit, NULL, "released-after-refusal", releases);
  outrider_status status = act_start(visit, 200, NULL, 0, 0);
  if (status >= 0) status = send_counted(visit);
  return status;
}
