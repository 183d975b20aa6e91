#include "calls.h"

#include <stdlib.h>
#include <time.h>

enum { USUAL_FIELDS = 32 };

/* A section of fields, unpacked. */
typedef struct {
  outrider_field usual[USUAL_FIELDS];
  outrider_field *fields; /* NULL: no memory */
} section;

static void unpack(section *section, const char *text, const size_t *sizes, size_t n) {
  section->fields = n <= USUAL_FIELDS ? section->usual : malloc(n * sizeof *section->fields);
  for (size_t i = 0; section->fields && i < n; i++) {
    section->fields[i].name = (outrider_bytes){text, sizes[2 * i]};
    text += sizes[2 * i];
    section->fields[i].value = (outrider_bytes){text, sizes[2 * i + 1]};
    text += sizes[2 * i + 1];
  }
}

static outrider_status done(section *section, outrider_status status) {
  if (section->fields != section->usual) free(section->fields);
  return status;
}

outrider_go_got outrider_go_read(const outrider_io *io, outrider_exchange exchange, void *buffer, size_t capacity) {
  outrider_go_got got = {0};
  got.status = io->read(io, exchange, buffer, capacity, &got.size);
  return got;
}

outrider_go_got outrider_go_request_trailers(const outrider_io *io, outrider_exchange exchange,
                                             const outrider_field **fields) {
  outrider_go_got got = {0};
  got.status = io->request_trailers(io, exchange, fields, &got.size);
  return got;
}

outrider_status outrider_go_informational(const outrider_io *io, outrider_exchange exchange, uint32_t status,
                                          const void *text, const size_t *sizes, size_t n) {
  section section;
  unpack(&section, text, sizes, n);
  if (!section.fields) return OUTRIDER_E_FAILED;
  return done(&section, io->informational(io, exchange, status, section.fields, n));
}

outrider_status outrider_go_respond(const outrider_io *io, outrider_exchange exchange, uint32_t status, const void *text,
                                    const size_t *sizes, size_t n, const void *body, size_t size) {
  section section;
  unpack(&section, text, sizes, n);
  if (!section.fields) return OUTRIDER_E_FAILED;
  return done(&section, io->respond(io, exchange, status, section.fields, n, (outrider_bytes){body, size}));
}

outrider_status outrider_go_start(const outrider_io *io, outrider_exchange exchange, uint32_t status, const void *text,
                                  const size_t *sizes, size_t n) {
  section section;
  unpack(&section, text, sizes, n);
  if (!section.fields) return OUTRIDER_E_FAILED;
  return done(&section, io->start(io, exchange, status, section.fields, n));
}

outrider_status outrider_go_write(const outrider_io *io, outrider_exchange exchange, const void *bytes, size_t size) {
  const outrider_bytes chunk = {bytes, size};
  return io->write(io, exchange, &chunk, 1);
}

outrider_status outrider_go_sendfile(const outrider_io *io, outrider_exchange exchange, int32_t fd, uint64_t offset,
                                     uint64_t length) {
  return io->sendfile(io, exchange, fd, offset, length);
}

outrider_status outrider_go_trailers(const outrider_io *io, outrider_exchange exchange, const void *text,
                                     const size_t *sizes, size_t n) {
  section section;
  unpack(&section, text, sizes, n);
  if (!section.fields) return OUTRIDER_E_FAILED;
  return done(&section, io->trailers(io, exchange, section.fields, n));
}

void outrider_go_log(const outrider_host *host, outrider_exchange exchange, uint32_t level, const void *text, size_t size) {
  host->log(host, exchange, level, (outrider_bytes){text, size});
}

outrider_bytes outrider_go_config(const outrider_host *host) { return host->config_json(host); }

outrider_status outrider_go_cancelled(const outrider_host *host, outrider_exchange exchange) {
  return host->cancelled(host, exchange);
}

int32_t outrider_go_draining(const outrider_host *host) { return host->draining(host); }

outrider_status outrider_go_abort(const outrider_host *host, outrider_exchange exchange) {
  return host->send_abort(host, exchange, OUTRIDER_OK);
}

int64_t outrider_go_until(uint64_t deadline_ns) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)(deadline_ns - ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec));
}
