/* Responses of 8 MiB, of which no two parts are alike: in one call (/whole), in large parts (/parts), in small ones
 * (/pieces). Anything else is "ok". */
#include <outrider.h>
#include <string.h>

#define SIZE (8u << 20)

static char content[SIZE];

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)host, (void)info, (void)state, (void)error;
  uint32_t number = 1;
  for (size_t i = 0; i < SIZE; i++) {
    number = number * 1103515245u + 12345u;
    content[i] = (char)(number >> 16);
  }
  return OUTRIDER_OK;
}

static int is(outrider_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static outrider_status write_parts(outrider_exchange exchange, const outrider_io *io, size_t size) {
  outrider_status status = io->start(io, exchange, 200, NULL, 0);
  for (size_t at = 0; at < SIZE && status >= 0; at += size) {
    outrider_bytes part = {content + at, size};
    status = io->write(io, exchange, &part, 1);
  }
  return status;
}

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread, (void)state;
  outrider_bytes ok = OUTRIDER_BYTES("ok"), whole = {content, SIZE};
  if (is(head->path, "/whole")) return io->respond(io, exchange, 200, NULL, 0, whole);
  if (is(head->path, "/parts")) return write_parts(exchange, io, 1 << 20);
  if (is(head->path, "/pieces")) return write_parts(exchange, io, 1 << 10);
  return io->respond(io, exchange, 200, NULL, 0, ok);
}

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  static const outrider_plugin plugin = {.size = sizeof plugin,
                                         .abi = OUTRIDER_ABI_VERSION,
                                         .abi_required = OUTRIDER_ABI_VERSION,
                                         .capabilities = OUTRIDER_THREAD_SAFE,
                                         .name = "generous",
                                         .version = "1.0",
                                         .load = load,
                                         .handle = handle};
  (void)host;
  return &plugin;
}
