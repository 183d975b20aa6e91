/* inspect_blocking: the inspect plugin in blocking style, for tests: the same report, made on a handler's thread.
 *
 * A body that is refused is answered with 413 or 400, unless the exchange is over.
 */
#include <outrider.h>

/* The report is inspect's own; its event-style plugin is not exported. */
#define outrider_plugin_v1 inspect_event
#include "../../../Plugins/inspect/inspect.c"
#undef outrider_plugin_v1

#define PIECE 16384

static outrider_status respond(outrider_exchange exchange, const outrider_io *io, uint32_t status, outrider_bytes body) {
  return io->respond(io, exchange, status, NULL, 0, body);
}

/* Read the body to its end; *body grows. */
static outrider_status read_all(outrider_exchange exchange, const outrider_io *io, json_text *body) {
  size_t got = 0;
  do {
    if (!json_reserve(body, PIECE)) return OUTRIDER_E_LIMIT;
    outrider_status status = io->read(io, exchange, body->data + body->size, PIECE, &got);
    if (status < 0) return status;
    body->size += got;
  } while (got > 0 && body->size <= BODY_LIMIT);
  return got > 0 ? OUTRIDER_E_LIMIT : OUTRIDER_OK;
}

static outrider_status tell(outrider_exchange exchange, const outrider_io *io, const outrider_head *head,
                            const json_text *body) {
  const outrider_field *trailers = NULL;
  size_t n = 0;
  json_text json = {0};
  outrider_status status = io->request_trailers(io, exchange, &trailers, &n);
  if (status < 0) n = 0;
  write_report(&json, head, (outrider_bytes){body->data, body->size}, trailers, n);
  status = json.failed ? OUTRIDER_E_LIMIT : respond(exchange, io, 200, (outrider_bytes){json.data, json.size});
  json_free(&json);
  return status;
}

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread;
  json_text body = {0};
  (void)state;
  outrider_status status = read_all(exchange, io, &body);
  if (status == OUTRIDER_OK)
    status = tell(exchange, io, head, &body);
  else if (status != OUTRIDER_E_CLOSED && status != OUTRIDER_E_CANCELLED)
    status = respond(exchange, io, status == OUTRIDER_E_LIMIT ? 413 : 400, outrider_text("The body was refused\n"));
  json_free(&body);
  return status;
}

static const outrider_plugin blocking = {
    .size = sizeof blocking,
    .abi = OUTRIDER_ABI_VERSION,
    .abi_required = OUTRIDER_ABI(1, 0),
    .capabilities = OUTRIDER_THREAD_SAFE,
    .name = "inspect_blocking",
    .version = "1.0",
    .handle = handle,
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &blocking;
}
