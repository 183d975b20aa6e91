/* output.c: the queue between a response and its client. */
#include "mock.h"

#include <errno.h>
#include <unistd.h>

static segment *append(outrider_mock_exchange *exchange) {
  segment *new = mock_allocate(sizeof *new);
  if (exchange->last)
    exchange->last->next = new;
  else
    exchange->first = new;
  exchange->last = new;
  return new;
}

void output_text(outrider_mock_exchange *exchange, const char *bytes, size_t size, bool is_content, const lease *lease,
                 uint64_t tag) {
  const bool is_settled = (!lease || !lease->release) && tag == 0;
  if (size == 0 && is_settled) return;
  segment *new = append(exchange);
  /* Like the server, reads lent memory when it is sent. */
  const bool is_lent = lease && lease->release;
  new->bytes = is_lent ? (char *)bytes : mock_copy(bytes, size);
  if (is_lent && !new->bytes) new->bytes = "";
  new->size = size;
  new->is_content = is_content;
  if (lease) new->lease = *lease;
  new->tag = tag;
  if (exchange->is_slow) exchange->queued += size;
}

void output_file(outrider_mock_exchange *exchange, int fd, uint64_t offset, uint64_t length, const lease *lease,
                 uint64_t tag) {
  segment *new = append(exchange);
  new->fd = fd;
  new->offset = offset;
  new->length = length;
  new->is_content = true;
  if (lease) new->lease = *lease;
  new->tag = tag;
}

static bool is_lent(const segment *segment) { return segment->lease.release != NULL; }

/* Removes the first segment, and releases its lease. */
static void settle(outrider_mock_exchange *exchange) {
  segment *segment = exchange->first;
  exchange->first = segment->next;
  if (!exchange->first) exchange->last = NULL;
  if (segment->tag && exchange->is_open) {
    exchange->tags = mock_grow(exchange->tags, (exchange->n_tags + 1) * sizeof *exchange->tags);
    exchange->tags[exchange->n_tags++] = segment->tag;
  }
  const lease lease = segment->lease;
  if (segment->bytes && !is_lent(segment)) free(segment->bytes);
  free(segment);
  if (!lease.release) return;
  mock_unlock(exchange->mock);
  lease.release(lease.context);
  mock_lock(exchange->mock);
}

static void pass(outrider_mock_exchange *exchange, const char *bytes, size_t size, bool is_content) {
  buffer_append(&exchange->wire, bytes, size);
  if (is_content) buffer_append(&exchange->content, bytes, size);
  if (exchange->is_slow) exchange->allowance -= size;
}

static size_t allowed(const outrider_mock_exchange *exchange, size_t size) {
  return exchange->is_slow && size > exchange->allowance ? exchange->allowance : size;
}

/* Whether the whole file has been sent. */
static bool send_file(outrider_mock_exchange *exchange, segment *segment) {
  char bytes[4096];
  while (segment->length > 0) {
    const size_t wanted = allowed(exchange, segment->length < sizeof bytes ? segment->length : sizeof bytes);
    if (wanted == 0) return false;
    const ssize_t got = pread(segment->fd, bytes, wanted, (off_t)segment->offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      exchange->file_failed = true;
      return false;
    }
    pass(exchange, bytes, (size_t)got, true);
    segment->offset += (uint64_t)got;
    segment->length -= (uint64_t)got;
  }
  return true;
}

void output_transmit(outrider_mock_exchange *exchange) {
  while (exchange->first && !exchange->client_left && !exchange->file_failed) {
    segment *segment = exchange->first;
    if (!segment->bytes) {
      if (!send_file(exchange, segment)) return;
    } else {
      const size_t part = allowed(exchange, segment->size - segment->at);
      pass(exchange, segment->bytes + segment->at, part, segment->is_content);
      segment->at += part;
      if (exchange->is_slow) exchange->queued -= part;
      if (segment->at < segment->size) return;
    }
    settle(exchange);
  }
}

void output_discard(outrider_mock_exchange *exchange) {
  while (exchange->first) settle(exchange);
  exchange->queued = 0;
}

void output_release_lent(outrider_mock_exchange *exchange) {
  segment **place = &exchange->first;
  segment *last = NULL;
  while (*place && (*place)->bytes && !is_lent(*place)) {
    last = *place;
    place = &last->next;
  }
  segment *kept = *place ? exchange->first : NULL, *dropped = *place;
  if (!dropped) return;
  if (!last) kept = NULL;
  if (last) last->next = NULL;
  exchange->first = dropped;
  while (exchange->first) {
    if (exchange->first->bytes && exchange->is_slow) exchange->queued -= exchange->first->size - exchange->first->at;
    settle(exchange);
  }
  exchange->first = kept;
  exchange->last = last;
}

bool output_is_empty(const outrider_mock_exchange *exchange) { return exchange->first == NULL; }

outrider_status output_drain(outrider_mock_exchange *exchange) {
  while (true) {
    output_transmit(exchange);
    if (exchange->file_failed) {
      exchange->state.phase = COMPLETE;
      exchange->is_cut = true;
      exchange->cancellation = OUTRIDER_E_CLOSED;
      output_discard(exchange);
      return OUTRIDER_E_IO;
    }
    if (output_is_empty(exchange)) return OUTRIDER_OK;
    const outrider_status why = exchange_refusal(exchange);
    if (why) return why;
    if (!exchange_wait(exchange)) outrider_mock_leave(exchange);
  }
}
