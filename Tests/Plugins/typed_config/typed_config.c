/* outrider.config/1: load() checks [plugin.config] as a careful plugin does, and each response is the whole table, one
 * value a line. `refuse = true` makes load() refuse with words of its own too. */
#include <inttypes.h>
#include <outrider/config.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  const outrider_host *host;
  const outrider_config *config;
  outrider_status late; /* of an error after load() */
} entry;

static entry entries[4];
static unsigned n_entries;

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  static const char *const keys[] = {"greeting", "rate", "limits", "hosts", "since", "opens", "local",
                                     "flag",     "day",  "refuse", "bad",   "a.b",   "many",  "none"};
  static const char *const limits[] = {"rate", "burst"};
  (void)info;
  const outrider_config *config = host->extension(host, OUTRIDER_CONFIG);
  if (!config || config->size < sizeof *config || n_entries == 4) return OUTRIDER_E_UNSUPPORTED;
  config->expect(host, OUTRIDER_CONFIG_ROOT, keys, sizeof keys / sizeof *keys);
  const uint32_t limits_table = config->find(host, OUTRIDER_CONFIG_ROOT, "limits");
  if (limits_table) config->expect(host, limits_table, limits, 2);
  const uint32_t greeting = config->find(host, OUTRIDER_CONFIG_ROOT, "greeting");
  if (greeting && config->type(host, greeting) != OUTRIDER_CONFIG_STRING)
    config->error(host, greeting, NULL, outrider_text("expected a string"));
  if (config->find(host, OUTRIDER_CONFIG_ROOT, "bad"))
    config->error(host, OUTRIDER_CONFIG_ROOT, "needed", outrider_text("is missing\nand on one line"));
  const uint32_t hosts = config->find(host, OUTRIDER_CONFIG_ROOT, "hosts");
  for (uint32_t i = 0; i < config->count(host, hosts); i++)
    if (config->type(host, config->at(host, hosts, i)) != OUTRIDER_CONFIG_STRING)
      config->error(host, config->at(host, hosts, i), NULL, outrider_text("expected the name of a host"));
  const int64_t many = config->integer(host, config->find(host, OUTRIDER_CONFIG_ROOT, "many"));
  for (int64_t i = 0; i < many; i++) config->error(host, OUTRIDER_CONFIG_ROOT, "many", outrider_text("one of many"));
  /* What is no value, no key and no message. */
  if (config->error(host, 0, NULL, outrider_text("x")) != OUTRIDER_E_INVALID ||
      config->error(host, 100000, NULL, outrider_text("x")) != OUTRIDER_E_INVALID ||
      config->error(host, OUTRIDER_CONFIG_ROOT, NULL, outrider_text("")) != OUTRIDER_E_INVALID ||
      config->expect(host, 0, keys, 1) != OUTRIDER_E_INVALID ||
      config->expect(host, OUTRIDER_CONFIG_ROOT, NULL, 1) != OUTRIDER_E_INVALID ||
      config->find(host, 0, "x") || config->find(host, OUTRIDER_CONFIG_ROOT, NULL) || config->type(host, 100000) ||
      config->at(host, OUTRIDER_CONFIG_ROOT, 100000) || config->text(host, 0).size) {
    snprintf(error->text, sizeof error->text, "the host accepts what is wrong");
    return OUTRIDER_E_INVALID;
  }
  if (config->integer(host, config->find(host, OUTRIDER_CONFIG_ROOT, "refuse"))) {
    snprintf(error->text, sizeof error->text, "words of its own");
    return OUTRIDER_E_INVALID;
  }
  entry *own = &entries[n_entries++];
  own->host = host;
  own->config = config;
  *state = own;
  return OUTRIDER_OK;
}

static void unload(void *state) {
  (void)state;
  fprintf(stderr, "plugin typed_config: unloaded\n");
}

typedef struct {
  char bytes[8192];
  size_t size;
} page;

static void show(const entry *own, page *page, uint32_t value, const char *name) {
  const outrider_config *config = own->config;
  const outrider_bytes key = config->key(own->host, value), text = config->text(own->host, value);
  char path[256], shown[512];
  snprintf(path, sizeof path, "%s%s%.*s", name, *name && key.size ? "/" : "", (int)key.size, key.data ? key.data : "");
  outrider_config_date date = {.size = sizeof date};
  switch (config->type(own->host, value)) {
    case OUTRIDER_CONFIG_STRING: snprintf(shown, sizeof shown, "string %.*s", (int)text.size, text.data); break;
    case OUTRIDER_CONFIG_INTEGER:
      snprintf(shown, sizeof shown, "integer %" PRId64, config->integer(own->host, value));
      break;
    case OUTRIDER_CONFIG_FLOAT: snprintf(shown, sizeof shown, "float %.17g", config->number(own->host, value)); break;
    case OUTRIDER_CONFIG_BOOLEAN:
      snprintf(shown, sizeof shown, "boolean %" PRId64, config->integer(own->host, value));
      break;
    case OUTRIDER_CONFIG_DATE:
      if (config->date(own->host, value, &date) != OUTRIDER_OK) return;
      snprintf(shown, sizeof shown, "date %.*s = %u: %u-%u-%u %u:%u:%u.%09u %d", (int)text.size, text.data, date.parts,
               date.year, date.month, date.day, date.hour, date.minute, date.second, date.nanosecond,
               date.offset_minutes);
      break;
    default:
      snprintf(shown, sizeof shown, "%s of %u", config->type(own->host, value) == OUTRIDER_CONFIG_ARRAY ? "array" : "table",
               config->count(own->host, value));
  }
  if (page->size < sizeof page->bytes)
    page->size += (size_t)snprintf(page->bytes + page->size, sizeof page->bytes - page->size, "%s: %s\n", path, shown);
  if (page->size > sizeof page->bytes) page->size = sizeof page->bytes;
  for (uint32_t i = 0; i < config->count(own->host, value); i++)
    show(own, page, config->at(own->host, value, i), *path ? path : "");
}

static void render(entry *own, page *page) {
  own->late = own->config->error(own->host, OUTRIDER_CONFIG_ROOT, NULL, outrider_text("too late"));
  const outrider_bytes folder = own->config->folder(own->host);
  page->size = (size_t)snprintf(page->bytes, sizeof page->bytes, "folder=%.*s\nlate=%d\nnext=%.17g\n", (int)folder.size,
                                folder.data ? folder.data : "", own->late,
                                own->config->number(own->host, own->config->find(own->host, OUTRIDER_CONFIG_ROOT, "many")));
  show(own, page, OUTRIDER_CONFIG_ROOT, "");
}

#ifdef EVENT_STYLE
static outrider_status open(void *state, outrider_exchange exchange, const outrider_head *head, void **self) {
  entry *own = state;
  page page;
  (void)head, (void)self;
  render(own, &page);
  return outrider_send_response(own->host, exchange, 200, NULL, 0, (outrider_bytes){page.bytes, page.size});
}

static void on_event(void *state, void *self, outrider_exchange exchange, const outrider_event *event) {
  (void)state, (void)self, (void)exchange, (void)event;
}

static void close(void *state, void *self, outrider_exchange exchange) {
  (void)state, (void)self, (void)exchange;
}
#else
static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  page page;
  (void)thread, (void)head;
  render(state, &page);
  return io->respond(io, exchange, 200, NULL, 0, (outrider_bytes){page.bytes, page.size});
}
#endif

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .name = "typed_config",
                                       .version = "1.0",
                                       .load = load,
                                       .unload = unload,
#ifdef EVENT_STYLE
                                       .open = open,
                                       .on_event = on_event,
                                       .close = close
#else
                                       .handle = handle
#endif
};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
