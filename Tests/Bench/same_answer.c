/* same_answer.c: the handler of the benchmark. It answers what null_server.c answers, the same fields and body in as
 * many bytes, so that the kernel copies the same for both rows of a ratio.
 *
 * Compiled for blocking style, or with -DSAME_ANSWER_EVENT for event style; with -DSAME_ANSWER_STATE as well, there is
 * memory for each request, as handlers have it that do not answer at once.
 */
#include <outrider.h>

#include <stdlib.h>

static const char BODY[] = "Hello, Outrider!";

static const outrider_bytes body = {BODY, sizeof BODY - 1};

#ifdef SAME_ANSWER_EVENT
static outrider_status open_exchange(void *state, outrider_exchange exchange, const outrider_head *head, void **self)
{
	const outrider_field fields[] = {outrider_field_of("content-type", "text/plain")};

	(void)head;
#ifdef SAME_ANSWER_STATE
	if (!(*self = malloc(64)))
		return OUTRIDER_E_FAILED;
#else
	(void)self;
#endif
	return outrider_send_response(state, exchange, 200, fields, 1, body);
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event)
{
	(void)state, (void)self, (void)exchange, (void)event;
}

static void close_exchange(void *state, void *self, outrider_exchange exchange)
{
	(void)state, (void)exchange;
#ifdef SAME_ANSWER_STATE
	free(self);
#else
	(void)self;
#endif
}
#else
static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io)
{
	(void)thread;
	const outrider_field fields[] = {outrider_field_of("content-type", "text/plain")};

	(void)state, (void)head;
	return io->respond(io, exchange, 200, fields, 1, body);
}
#endif

static const outrider_plugin plugin = {
	.size = sizeof plugin,
	.abi = OUTRIDER_ABI_VERSION,
	.abi_required = OUTRIDER_ABI(1, 0),
	.capabilities = OUTRIDER_THREAD_SAFE,
	.name = "same_answer",
	.version = "1.0",
#ifdef SAME_ANSWER_EVENT
	.open = open_exchange,
	.on_event = on_event,
	.close = close_exchange,
#else
	.handle = handle,
#endif
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host)
{
	(void)host;
	return &plugin;
}
