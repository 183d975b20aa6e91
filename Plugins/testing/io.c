/* io.c: outrider_io, the functions of the blocking style. */
#include "mock.h"

#include <stdio.h>

/* Finds the exchange, and checks that the caller is the thread inside its handle(). */
static outrider_status enter(const outrider_io *io, outrider_exchange handle, outrider_mock_exchange **exchange) {
  outrider_mock *mock = mock_of_io(io);
  *exchange = mock_find(mock, handle);
  if (!*exchange) return OUTRIDER_E_CLOSED;
  if (exchange_is_mine(*exchange)) return OUTRIDER_OK;
  return (*exchange)->in_handler || !(*exchange)->is_blocking ? OUTRIDER_E_THREAD : OUTRIDER_E_CLOSED;
}

static outrider_status leave(const outrider_io *io, outrider_mock_exchange *exchange, const char *call,
                             outrider_status status) {
  if (status_is_misuse(status)) note_misuse(mock_of_io(io), exchange, call, status, NULL);
  return status;
}

/* A function of outrider_io: `work` runs with the lock held, on the thread inside handle(). */
#define CALL(name, work)                                                    \
  outrider_mock_exchange *exchange;                                         \
  mock_lock(mock_of_io(io));                                                \
  outrider_status status = enter(io, handle, &exchange);                    \
  if (status == OUTRIDER_OK) status = (work);                               \
  mock_unlock(mock_of_io(io));                                              \
  return leave(io, exchange, name, status)

static outrider_status receive(outrider_mock_exchange *exchange, void *bytes, size_t capacity, size_t *got) {
  *got = 0;
  if (exchange->body_delivered) return OUTRIDER_OK;
  if (exchange->cancellation) return exchange->cancellation;
  while (true) {
    if (exchange->body.size > exchange->mock->settings.body_limit) {
      exchange->page_due = true;
      return OUTRIDER_E_LIMIT;
    }
    const size_t part = exchange_next_piece(exchange, capacity);
    if (part > 0) {
      memcpy(bytes, exchange->body.bytes + exchange->body_read, part);
      exchange->body_read += part;
      *got = part;
      return OUTRIDER_OK;
    }
    if (exchange->body_ended) {
      exchange->body_delivered = true;
      return OUTRIDER_OK;
    }
    if (exchange->client_left) return OUTRIDER_E_CLOSED;
    const outrider_status why = exchange_refusal(exchange);
    if (why) return why;
    if (!exchange_wait(exchange)) outrider_mock_leave(exchange);
  }
}

static outrider_status io_read(const outrider_io *io, outrider_exchange handle, void *bytes, size_t capacity, size_t *got) {
  outrider_mock_exchange *exchange;
  mock_lock(mock_of_io(io));
  outrider_status status = enter(io, handle, &exchange);
  bool is_misuse = status_is_misuse(status);
  if (status == OUTRIDER_OK && (!bytes || !got || capacity == 0)) {
    status = refuse(exchange, OUTRIDER_E_INVALID, "buffer or got is NULL, or capacity is 0");
    is_misuse = true;
  } else if (status == OUTRIDER_OK) {
    status = receive(exchange, bytes, capacity, got); /* what it refuses is the client's doing */
  }
  mock_unlock(mock_of_io(io));
  if (is_misuse) note_misuse(mock_of_io(io), exchange, "read", status, NULL);
  return status;
}

static outrider_status get_trailers(outrider_mock_exchange *exchange, const outrider_field **fields, size_t *n) {
  if (!fields || !n) return refuse(exchange, OUTRIDER_E_INVALID, "fields or count is NULL");
  if (!exchange->body_delivered)
    return refuse(exchange, OUTRIDER_E_STATE, "the body has not been read to its end");
  *fields = exchange->trailers.n ? exchange->trailers.fields : NULL;
  *n = exchange->trailers.n;
  return OUTRIDER_OK;
}

static outrider_status io_request_trailers(const outrider_io *io, outrider_exchange handle, const outrider_field **fields,
                                           size_t *n) {
  CALL("request_trailers", get_trailers(exchange, fields, n));
}

static outrider_status io_informational(const outrider_io *io, outrider_exchange handle, uint32_t code,
                                        const outrider_field *fields, size_t n) {
  CALL("informational", answer_informational(exchange, code, fields, n));
}

static outrider_status respond(outrider_mock_exchange *exchange, uint32_t code, const outrider_field *fields, size_t n,
                               outrider_bytes body) {
  if (!bytes_are_well_formed(body)) return refuse(exchange, OUTRIDER_E_INVALID, "body is NULL, or its size is negative");
  return answer_head(exchange, code, fields, n, &body, NULL, 0, false);
}

static outrider_status io_respond(const outrider_io *io, outrider_exchange handle, uint32_t code, const outrider_field *fields,
                                  size_t n, outrider_bytes body) {
  CALL("respond", respond(exchange, code, fields, n, body));
}

static outrider_status io_start(const outrider_io *io, outrider_exchange handle, uint32_t code, const outrider_field *fields,
                                size_t n) {
  CALL("start", answer_head(exchange, code, fields, n, NULL, NULL, 0, false));
}

static outrider_status write_chunks(outrider_mock_exchange *exchange, const outrider_bytes *chunks, size_t n) {
  size_t total = 0;
  if (!chunks || n == 0 || n > 1024)
    return refuse(exchange, OUTRIDER_E_INVALID, "chunks is NULL, or their number %zd is not 1 to 1024", (ssize_t)n);
  for (size_t i = 0; i < n; i++) {
    if (!bytes_are_well_formed(chunks[i]))
      return refuse(exchange, OUTRIDER_E_INVALID, "chunk %zu is NULL, or its size is negative", i);
    if (__builtin_add_overflow(total, chunks[i].size, &total) || total > INT64_MAX) return OUTRIDER_E_INVALID;
  }
  return answer_body(exchange, chunks, n, total, NULL, 0, false);
}

static outrider_status io_write(const outrider_io *io, outrider_exchange handle, const outrider_bytes *chunks, size_t n) {
  CALL("write", write_chunks(exchange, chunks, n));
}

static outrider_status io_sendfile(const outrider_io *io, outrider_exchange handle, int32_t fd, uint64_t offset,
                                   uint64_t length) {
  CALL("sendfile", answer_file(exchange, fd, offset, length, NULL, 0, false));
}

static outrider_status io_trailers(const outrider_io *io, outrider_exchange handle, const outrider_field *fields, size_t n) {
  CALL("trailers", answer_trailers(exchange, fields, n));
}

void io_fill(outrider_io *io) {
  io->read = io_read;
  io->request_trailers = io_request_trailers;
  io->informational = io_informational;
  io->respond = io_respond;
  io->start = io_start;
  io->write = io_write;
  io->sendfile = io_sendfile;
  io->trailers = io_trailers;
}
