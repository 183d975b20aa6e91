/* The smallest event handler that hints, and answers 100 ms later without blocking anybody. From the top of the
 * repository:
 *   cc -shared -fPIC -fvisibility=hidden -ISources/COutrider/include -o libhello_event.so \
 *      examples/hello_event_c/hello_event.c
 *   .build/release/outrider ./libhello_event.so
 */
#include <outrider.h>

/* Without a load() hook the state is the host table. *self need not be memory: here it carries the exchange's handle,
 * and a run that finds the exchange over does nothing. */
static const outrider_host *host;

static void answer(void *context, outrider_status why) {
  if (why != OUTRIDER_OK) return;
  const outrider_exchange exchange = {(uint64_t)(uintptr_t)context};
  const outrider_field fields[] = {outrider_field_of("content-type", "text/plain")};
  outrider_send_response(host, exchange, 200, fields, 1, outrider_text("hello\n"));
}

static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  (void)head, (void)self;
  host = (const outrider_host *)state;
  const outrider_field hints[] = {outrider_field_of("link", "</style.css>; rel=preload; as=style")};
  outrider_send_early_hints(host, exchange, hints, 1);
  return host->after(host, exchange, 100 * 1000 * 1000, answer, (void *)(uintptr_t)exchange.id, NULL);
}

static void on_event(void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)self, (void)exchange, (void)event; /* it asks for no body, and a client that leaves is no loss */
}

static void close_exchange(void *self) { (void)self; }

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "hello_event",
                                       .version = "1.0",
                                       .open = open_exchange,
                                       .on_event = on_event,
                                       .close = close_exchange};

const outrider_plugin *outrider_plugin_v1(const outrider_host *table) {
  (void)table;
  return &plugin;
}
