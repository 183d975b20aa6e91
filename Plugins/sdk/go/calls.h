/* The functions of the host as Go calls them: cgo cannot call through a table, and passes no memory with pointers of Go. So
 * a section of fields comes as the bytes of all names and values, one after the other, and their sizes. */
#ifndef OUTRIDER_GO_CALLS_H
#define OUTRIDER_GO_CALLS_H

#include <outrider.h>

typedef struct {
  outrider_status status;
  size_t size;
} outrider_go_got;

outrider_go_got outrider_go_read(const outrider_io *, outrider_exchange, void *buffer, size_t capacity);
outrider_go_got outrider_go_request_trailers(const outrider_io *, outrider_exchange, const outrider_field **fields);

outrider_status outrider_go_informational(const outrider_io *, outrider_exchange, uint32_t status, const void *text,
                                          const size_t *sizes, size_t n);
outrider_status outrider_go_respond(const outrider_io *, outrider_exchange, uint32_t status, const void *text,
                                    const size_t *sizes, size_t n, const void *body, size_t size);
outrider_status outrider_go_start(const outrider_io *, outrider_exchange, uint32_t status, const void *text,
                                  const size_t *sizes, size_t n);
outrider_status outrider_go_write(const outrider_io *, outrider_exchange, const void *bytes, size_t size);
outrider_status outrider_go_sendfile(const outrider_io *, outrider_exchange, int32_t fd, uint64_t offset, uint64_t length);
outrider_status outrider_go_trailers(const outrider_io *, outrider_exchange, const void *text, const size_t *sizes, size_t n);

void outrider_go_log(const outrider_host *, outrider_exchange, uint32_t level, const void *text, size_t size);
outrider_bytes outrider_go_config(const outrider_host *);
outrider_status outrider_go_cancelled(const outrider_host *, outrider_exchange);
int32_t outrider_go_draining(const outrider_host *);
outrider_status outrider_go_abort(const outrider_host *, outrider_exchange);

/* The time from now to a time of the host, in nanoseconds; negative if it has passed. */
int64_t outrider_go_until(uint64_t deadline_ns);

#endif
