/* outrider.log/1: /note?key=value notes a value, /many notes one key after another, /trace says what the request's
 * traceparent is, /levels which levels are logged, /misuse what is refused. Each request writes a line to the error log. */
#include "../answered/answered.h"

#include <outrider/log.h>
#include <pthread.h>

struct state_of_entry {
  const outrider_host *host;
  const outrider_log *log;
};

static inline const outrider_host *host_of(const state_of_entry *own) { return own->host; }

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)info, (void)error;
  state_of_entry *own = calloc(1, sizeof *own);
  if (!own) return OUTRIDER_E_IO;
  own->host = host;
  own->log = host->extension(host, OUTRIDER_LOG);
  if (!own->log || own->log->size < sizeof *own->log) return OUTRIDER_E_UNSUPPORTED;
  if (own->log->note(host, (outrider_exchange){1}, "key", outrider_text("value")) != OUTRIDER_E_STATE)
    return OUTRIDER_E_INVALID;
  *state = own;
  return OUTRIDER_OK;
}

typedef struct {
  state_of_entry *own;
  outrider_exchange exchange;
  outrider_status status;
} from_thread;

static void *note_from_thread(void *context) {
  from_thread *call = context;
  call->status = call->own->log->note(call->own->host, call->exchange, "thread", outrider_text("other"));
  return NULL;
}

static void answer(state_of_entry *own, outrider_exchange exchange, const outrider_head *head, page *page) {
  char text[2048];
  query(head, text, sizeof text);
  if (is(head, "/note")) {
    /* key=value&key=value */
    for (char *pair = strtok(text, "&"); pair; pair = strtok(NULL, "&")) {
      char *equals = strchr(pair, '=');
      if (equals) *equals = 0;
      SAY(page, "%d\n", own->log->note(own->host, exchange, pair, outrider_text(equals ? equals + 1 : "")));
    }
  } else if (is(head, "/bytes")) {
    const outrider_bytes bytes = {"a \"b\"\n\xff" "c", 8};
    SAY(page, "%d\n", own->log->note(own->host, exchange, "bytes", bytes));
  } else if (is(head, "/many")) {
    char key[8];
    for (int i = 0; i <= (int)OUTRIDER_LOG_MAX_NOTES; i++) {
      snprintf(key, sizeof key, "k%d", i);
      SAY(page, "%d ", own->log->note(own->host, exchange, key, outrider_text(text)));
    }
  } else if (is(head, "/trace")) {
    outrider_trace trace = {.size = sizeof trace};
    const outrider_status status = own->log->trace(own->host, exchange, &trace);
    SAY(page, "%d %u %u %u ", status, trace.present, trace.version, trace.flags);
    for (int i = 0; i < 16; i++) SAY(page, "%02x", trace.trace_id[i]);
    SAY(page, " ");
    for (int i = 0; i < 8; i++) SAY(page, "%02x", trace.parent_id[i]);
    SAY(page, " %.*s %.*s\n", (int)trace.trace_id_text.size, trace.trace_id_text.size ? trace.trace_id_text.data : "",
        (int)trace.parent_id_text.size, trace.parent_id_text.size ? trace.parent_id_text.data : "");
  } else if (is(head, "/levels")) {
    for (uint32_t level = 0; level <= 6; level++) SAY(page, "%d ", own->log->enabled(own->host, level));
  } else if (is(head, "/thread")) {
    from_thread call = {own, exchange, OUTRIDER_OK};
    pthread_t thread;
    pthread_create(&thread, NULL, note_from_thread, &call);
    pthread_join(thread, NULL);
    SAY(page, "%d\n", call.status);
  } else if (is(head, "/misuse")) {
    outrider_trace small = {.size = 8};
    SAY(page, "%d %d %d %d %d %d %d %d\n", own->log->note(own->host, exchange, NULL, outrider_text("x")),
        own->log->note(own->host, exchange, "", outrider_text("x")),
        own->log->note(own->host, exchange, "a b", outrider_text("x")),
        own->log->note(own->host, exchange, "k23456789012345678901234567890123", outrider_text("x")),
        own->log->note(own->host, exchange, "key", (outrider_bytes){NULL, 5}),
        own->log->note(own->host, (outrider_exchange){12345}, "key", outrider_text("x")),
        own->log->trace(own->host, exchange, NULL), own->log->trace(own->host, exchange, &small));
  }
  own->host->log(own->host, exchange, OUTRIDER_LOG_INFO, outrider_text("seen"));
}

PLUGIN("noted", )
