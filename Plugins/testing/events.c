/* events.c: outrider_host.send and receive, and the calls of the event style's hooks. */
#include "mock.h"

#include <inttypes.h>

/* ---- From the plugin ---------------------------------------------------------------------------------------------------- */

/* The lease of an event's memory; in the blocking style it ends with the call. */
static lease lease_of(const outrider_mock_exchange *exchange, void (*release)(void *), void *context) {
  return exchange->is_blocking ? (lease){NULL, NULL} : (lease){release, context};
}

static outrider_status refuse_size(outrider_mock_exchange *exchange, uint32_t size) {
  return refuse(exchange, OUTRIDER_E_INVALID, "size %" PRIu32 " is less than that of an event of its type", size);
}

static outrider_status send_section(outrider_mock_exchange *exchange, const outrider_head_event *event) {
  if (event->type == OUTRIDER_EVENT_INFORMATIONAL)
    return answer_informational(exchange, event->status, event->fields, event->n_fields);
  if (event->type == OUTRIDER_EVENT_START)
    return answer_head(exchange, event->status, event->fields, event->n_fields, NULL, NULL, 0,
                       (event->flags & OUTRIDER_TRAILERS_FOLLOW) != 0);
  return answer_trailers(exchange, event->fields, event->n_fields);
}

static outrider_status send_whole(outrider_mock_exchange *exchange, const outrider_response_event *event) {
  if (!bytes_are_well_formed(event->body))
    return refuse(exchange, OUTRIDER_E_INVALID, "body is NULL, or its size is negative");
  const lease lease = lease_of(exchange, event->release, event->context);
  return answer_head(exchange, event->status, event->fields, event->n_fields, &event->body, &lease,
                     exchange->is_blocking ? 0 : event->tag, false);
}

static outrider_status send_content(outrider_mock_exchange *exchange, const outrider_body_event *event) {
  if (!bytes_are_well_formed(event->bytes))
    return refuse(exchange, OUTRIDER_E_INVALID, "bytes is NULL, or its size is negative");
  const lease lease = lease_of(exchange, event->release, event->context);
  return answer_body(exchange, &event->bytes, 1, event->bytes.size, &lease, exchange->is_blocking ? 0 : event->tag,
                     event->more == 0);
}

static outrider_status send_file(outrider_mock_exchange *exchange, const outrider_file_event *event) {
  const lease lease = lease_of(exchange, event->release, event->context);
  return answer_file(exchange, event->fd, event->offset, event->length, &lease, exchange->is_blocking ? 0 : event->tag,
                     event->more == 0);
}

/* Reads no field beyond the event's own size. */
static outrider_status carry_out(outrider_mock_exchange *exchange, const outrider_event *event) {
  const uint32_t size = event->size;
  if (size < OUTRIDER_EVENT_SIZE_1_0) return refuse_size(exchange, size);
  switch (event->type) {
  case OUTRIDER_EVENT_INFORMATIONAL:
  case OUTRIDER_EVENT_START:
  case OUTRIDER_EVENT_TRAILERS:
    if (size < OUTRIDER_HEAD_EVENT_SIZE_1_0) return refuse_size(exchange, size);
    return send_section(exchange, (const outrider_head_event *)event);
  case OUTRIDER_EVENT_RESPONSE:
    if (size < OUTRIDER_RESPONSE_EVENT_SIZE_1_0) return refuse_size(exchange, size);
    return send_whole(exchange, (const outrider_response_event *)event);
  case OUTRIDER_EVENT_BODY:
    if (size < OUTRIDER_BODY_EVENT_SIZE_1_0) return refuse_size(exchange, size);
    return send_content(exchange, (const outrider_body_event *)event);
  case OUTRIDER_EVENT_FILE:
    if (size < OUTRIDER_FILE_EVENT_SIZE_1_0) return refuse_size(exchange, size);
    return send_file(exchange, (const outrider_file_event *)event);
  case OUTRIDER_EVENT_ABORT:
    if (size < OUTRIDER_NOTICE_EVENT_SIZE_1_0) return refuse_size(exchange, size);
    return answer_abort(exchange, ((const outrider_notice_event *)event)->reason);
  default:
    if (event->type >= 64 && event->type <= 127)
      return refuse(exchange, OUTRIDER_E_UNSUPPORTED, "event type %" PRIu32 " is of another extension", event->type);
    return refuse(exchange, OUTRIDER_E_INVALID, "event type %" PRIu32 " is not one that a plugin sends", event->type);
  }
}

/* In handle() no memory of the plugin is in use after the call. */
static void release_now(const outrider_event *event) {
  switch (event->type) {
  case OUTRIDER_EVENT_RESPONSE: {
    const outrider_response_event *response = (const outrider_response_event *)event;
    if (response->release) response->release(response->context);
    break;
  }
  case OUTRIDER_EVENT_BODY: {
    const outrider_body_event *body = (const outrider_body_event *)event;
    if (body->release) body->release(body->context);
    break;
  }
  case OUTRIDER_EVENT_FILE: {
    const outrider_file_event *file = (const outrider_file_event *)event;
    if (file->release) file->release(file->context);
    break;
  }
  default: break;
  }
}

static outrider_status send_as(const char *call, const outrider_host *host, outrider_exchange handle,
                               const outrider_event *event) {
  outrider_mock *mock = mock_of_host(host);
  outrider_status status = OUTRIDER_E_CLOSED;
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  mock_lock(mock);
  outrider_mock_exchange *exchange = mock_find(mock, handle);
  const bool is_elsewhere = exchange && exchange->is_blocking && !exchange_is_mine(exchange);
  mock_unlock(mock);
  if (!exchange) return OUTRIDER_E_CLOSED;
  if (!event) {
    status = OUTRIDER_E_INVALID;
  } else if (is_elsewhere) {
    status = OUTRIDER_E_THREAD;
  } else if (!exchange->is_blocking && atomic_exchange(&exchange->is_sending, true)) {
    status = OUTRIDER_E_THREAD;
  } else {
    mock_lock(mock);
    if (exchange->is_open) status = carry_out(exchange, event);
    mock_unlock(mock);
    if (!exchange->is_blocking) atomic_store(&exchange->is_sending, false);
    if (exchange->is_blocking && status >= 0) release_now(event);
  }
  if (status_is_misuse(status)) note_misuse(mock, exchange, call, status, event ? NULL : "event is NULL");
  return status;
}

outrider_status events_send(const outrider_host *host, outrider_exchange handle, const outrider_event *event) {
  return send_as("send", host, handle, event);
}

static outrider_status send_head(const char *call, const outrider_host *host, outrider_exchange exchange, uint32_t type,
                                 uint32_t status, const outrider_field *fields, size_t n, uint32_t flags) {
  const outrider_head_event event = {sizeof event, type, 0, status, flags, fields, n};
  return send_as(call, host, exchange, (const outrider_event *)&event);
}

static outrider_status send_informational(const outrider_host *host, outrider_exchange exchange, uint32_t status,
                                          const outrider_field *fields, size_t n) {
  return send_head("send_informational", host, exchange, OUTRIDER_EVENT_INFORMATIONAL, status, fields, n, 0);
}

static outrider_status send_start(const outrider_host *host, outrider_exchange exchange, uint32_t status,
                                  const outrider_field *fields, size_t n, uint32_t flags) {
  return send_head("send_start", host, exchange, OUTRIDER_EVENT_START, status, fields, n, flags);
}

static outrider_status send_body(const outrider_host *host, outrider_exchange exchange, outrider_bytes bytes, uint32_t more) {
  const outrider_body_event event = {sizeof event, OUTRIDER_EVENT_BODY, 0, bytes, more, 0, NULL, NULL};
  return send_as("send_body", host, exchange, (const outrider_event *)&event);
}

static outrider_status send_trailers(const outrider_host *host, outrider_exchange exchange, const outrider_field *fields,
                                     size_t n) {
  return send_head("send_trailers", host, exchange, OUTRIDER_EVENT_TRAILERS, 0, fields, n, 0);
}

static outrider_status send_response(const outrider_host *host, outrider_exchange exchange, uint32_t status,
                                     const outrider_field *fields, size_t n, outrider_bytes body) {
  const outrider_response_event event = {sizeof event, OUTRIDER_EVENT_RESPONSE, 0, status, 0, fields, n, body, NULL, NULL};
  return send_as("send_response", host, exchange, (const outrider_event *)&event);
}

static outrider_status send_abort(const outrider_host *host, outrider_exchange exchange, outrider_status reason) {
  const outrider_notice_event event = {sizeof event, OUTRIDER_EVENT_ABORT, 0, reason, 0};
  return send_as("send_abort", host, exchange, (const outrider_event *)&event);
}

void events_fill(outrider_host *host) {
  host->send = events_send;
  host->receive = events_receive;
  host->send_informational = send_informational;
  host->send_start = send_start;
  host->send_body = send_body;
  host->send_trailers = send_trailers;
  host->send_response = send_response;
  host->send_abort = send_abort;
}

outrider_status events_receive(const outrider_host *host, outrider_exchange handle, uint32_t credit) {
  outrider_mock *mock = mock_of_host(host);
  enum { MOST_CREDIT = 65535 };
  outrider_status status = OUTRIDER_OK;
  const char *rule = NULL;
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  mock_lock(mock);
  outrider_mock_exchange *exchange = mock_find(mock, handle);
  if (!exchange) {
    status = OUTRIDER_E_CLOSED;
  } else if (exchange->is_blocking) {
    status = OUTRIDER_E_UNSUPPORTED;
  } else if (exchange->cancellation) {
    status = exchange->cancellation;
  } else if (exchange->body_delivered) {
    status = OUTRIDER_E_STATE;
    rule = "the body has been delivered whole";
  } else if (credit == 0) {
    status = OUTRIDER_E_INVALID;
    rule = "credit is 0";
  } else {
    const uint64_t sum = (uint64_t)exchange->credit + credit;
    exchange->credit = sum > MOST_CREDIT ? MOST_CREDIT : (uint32_t)sum;
    mock_announce(mock);
  }
  mock_unlock(mock);
  if (status_is_misuse(status)) note_misuse(mock, exchange, "receive", status, rule);
  return status;
}

/* ---- To the plugin ---------------------------------------------------------------------------------------------------------
 * With the lock held, which is let go while the plugin's code runs. */

static void deliver(outrider_mock_exchange *exchange, void *event) {
  outrider_mock *mock = exchange->mock;
  const outrider_exchange handle = {exchange->id};
  mock_unlock(mock);
  mock->plugin.on_event(mock->state, exchange->self, handle, event);
  mock_lock(mock);
  free(event);
}

static void deliver_notice(outrider_mock_exchange *exchange, uint32_t type, outrider_status reason, uint64_t tag) {
  outrider_notice_event *event = mock_structure(exchange->mock, sizeof *event, OUTRIDER_NOTICE_EVENT_SIZE_1_0);
  event->type = type;
  event->tag = tag;
  event->reason = reason;
  deliver(exchange, event);
}

static void deliver_body(outrider_mock_exchange *exchange, size_t size, bool more) {
  outrider_body_event *event = mock_structure(exchange->mock, sizeof *event, OUTRIDER_BODY_EVENT_SIZE_1_0);
  const bool trailers_follow = !more && exchange->trailers.n > 0;
  /* A copy that is freed after the event, so that a sanitizer finds a plugin that keeps the address. */
  char *bytes = mock_copy(exchange->body.bytes ? exchange->body.bytes + exchange->body_read : NULL, size);
  exchange->credit--;
  exchange->body_read += size;
  if (!more) exchange->body_delivered = true;
  event->type = OUTRIDER_EVENT_REQUEST;
  event->bytes = (outrider_bytes){size ? bytes : NULL, size};
  event->more = more;
  event->flags = trailers_follow ? OUTRIDER_TRAILERS_FOLLOW : 0;
  deliver(exchange, event);
  free(bytes);
  if (!trailers_follow || exchange->state.phase == COMPLETE || !exchange->is_open) return;
  outrider_head_event *trailers = mock_structure(exchange->mock, sizeof *trailers, OUTRIDER_HEAD_EVENT_SIZE_1_0);
  trailers->type = OUTRIDER_EVENT_REQUEST_TRAILERS;
  trailers->fields = exchange->trailers.fields;
  trailers->n_fields = exchange->trailers.n;
  deliver(exchange, trailers);
}

static bool is_unsettled(const outrider_mock_exchange *exchange) {
  for (const segment *segment = exchange->first; segment; segment = segment->next)
    if (segment->lease.release || segment->tag || !segment->bytes) return true;
  return false;
}

/* Ends an exchange: its run functions, close(), and the client's view. */
void exchange_finish(outrider_mock_exchange *exchange) {
  outrider_mock *mock = exchange->mock;
  exchange->callbacks_ended = true; /* first: a run function, or another thread, that posts from now on gets E_CLOSED */
  watches_end(mock, exchange);
  loop_end_callbacks(mock, exchange);
  if (exchange->is_opened) {
    const outrider_exchange handle = {exchange->id};
    mock_unlock(mock);
    mock->plugin.close(mock->state, exchange->self, handle);
    mock_lock(mock);
  }
  exchange->is_open = false;
  free(exchange->head);
  exchange->head = NULL; /* a plugin that keeps it is found by a sanitizer */
  if (exchange->client_left) {
    output_discard(exchange);
    exchange->ending = exchange->has_head ? OUTRIDER_MOCK_CUT : OUTRIDER_MOCK_NONE;
  } else if (exchange->page) {
    answer_page(exchange, exchange->page);
  } else if (exchange->is_unanswered) {
    exchange->ending = OUTRIDER_MOCK_NONE;
  } else {
    exchange->ending = exchange->is_cut ? OUTRIDER_MOCK_CUT : OUTRIDER_MOCK_COMPLETE;
  }
  output_transmit(exchange);
}

void exchange_disconnect(outrider_mock_exchange *exchange, outrider_status why, uint32_t page) {
  if (!exchange->cancellation) exchange->cancellation = why;
  if (is_unsettled(exchange) && exchange->state.phase == COMPLETE) exchange->is_cut = true;
  if (exchange->client_left)
    output_discard(exchange);
  else
    output_release_lent(exchange);
  if (exchange->state.phase != COMPLETE) {
    deliver_notice(exchange, OUTRIDER_EVENT_DISCONNECT, why, 0);
    if (exchange->has_head)
      exchange->is_cut = true;
    else
      exchange->page = page;
  } else if (exchange->page) {
    exchange->page = page;
  }
  exchange_finish(exchange);
}

static bool has_room(const outrider_mock_exchange *exchange) {
  const size_t limit = exchange->mock->settings.output_limit;
  return exchange->queued <= limit / 4 && exchange->queued + exchange->refused_bytes <= limit;
}

static bool advance_body(outrider_mock_exchange *exchange) {
  bool did = false;
  while (exchange->is_open && exchange->credit > 0 && !exchange->body_delivered && exchange->state.phase != COMPLETE) {
    if (exchange->body.size > exchange->mock->settings.body_limit) {
      exchange_disconnect(exchange, OUTRIDER_E_LIMIT, 413);
      return true;
    }
    const size_t size = exchange_next_piece(exchange, exchange->mock->settings.output_limit / 2);
    const bool is_all = exchange->body_read + size == exchange->body.size && exchange->body_ended;
    if (size == 0 && !is_all) break;
    /* The end of a chunked body is known only behind its last bytes. */
    deliver_body(exchange, size, !is_all || (size > 0 && exchange->is_chunked));
    did = true;
  }
  return did;
}

bool exchange_advance(outrider_mock_exchange *exchange) {
  bool did = false;
  if (!exchange->is_open || exchange->is_blocking) return false;
  if (exchange->client_left) {
    exchange_disconnect(exchange, OUTRIDER_E_CLOSED, 0);
    return true;
  }
  output_transmit(exchange);
  if (exchange->file_failed) {
    const bool ended = exchange->state.phase == COMPLETE;
    exchange->is_cut = true;
    output_discard(exchange);
    if (!ended) {
      exchange->cancellation = OUTRIDER_E_IO;
      deliver_notice(exchange, OUTRIDER_EVENT_DISCONNECT, OUTRIDER_E_IO, 0);
    }
    exchange_finish(exchange);
    return true;
  }
  while (exchange->n_tags > 0) {
    const uint64_t tag = exchange->tags[0];
    memmove(exchange->tags, exchange->tags + 1, --exchange->n_tags * sizeof *exchange->tags);
    deliver_notice(exchange, OUTRIDER_EVENT_SENT, 0, tag);
    did = true;
  }
  if (exchange->state.phase == COMPLETE) {
    if (is_unsettled(exchange)) return did;
    exchange_finish(exchange);
    return true;
  }
  if (exchange->mock->is_draining && !exchange->drain_noticed) {
    exchange->drain_noticed = did = true;
    deliver_notice(exchange, OUTRIDER_EVENT_DRAINING, 0, 0);
  }
  if (exchange->resume_due && has_room(exchange)) {
    exchange->resume_due = false;
    exchange->refused_bytes = 0;
    did = true;
    deliver_notice(exchange, OUTRIDER_EVENT_RESUME, 0, 0);
  }
  return advance_body(exchange) || did;
}

void exchange_expire(outrider_mock_exchange *exchange) { exchange_disconnect(exchange, OUTRIDER_E_CANCELLED, 504); }
