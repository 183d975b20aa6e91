/* host.c: creation and end of a mock host, and its table. */
#include "mock.h"

#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

enum { MOST_GROWTH = 256, GROWTH = 0xA5 };

/* ---- Structures ------------------------------------------------------------------------------------------------------------ */

/* Whether the host presents itself as 1.0, with the sizes of that version. */
static bool shows_1_0(const outrider_mock *mock) { return mock->settings.abi == OUTRIDER_ABI(1, 0); }

void *mock_structure(const outrider_mock *mock, size_t size, uint32_t size_1_0) {
  const uint32_t shown = (uint32_t)(shows_1_0(mock) ? size_1_0 : size) + mock->settings.growth;
  char *structure = mock_allocate(size > shown ? size : shown);
  if (mock->settings.growth) memset(structure + shown - mock->settings.growth, GROWTH, mock->settings.growth);
  memcpy(structure, &shown, sizeof shown);
  return structure;
}

/* ---- Exchanges ---------------------------------------------------------------------------------------------------------------- */

outrider_mock_exchange *mock_find(outrider_mock *mock, outrider_exchange handle) {
  const uint64_t slot = (handle.id & UINT32_MAX) - 1;
  if (slot >= mock->n_exchanges || mock->exchanges[slot]->id != handle.id) return NULL;
  return mock->exchanges[slot]->is_open ? mock->exchanges[slot] : NULL;
}

outrider_status exchange_refusal(outrider_mock_exchange *exchange) {
  if (exchange->cancellation) return exchange->cancellation;
  const uint64_t deadline = exchange->head->deadline_ns;
  if (deadline != 0 && exchange->mock->now >= deadline) exchange->cancellation = OUTRIDER_E_CANCELLED;
  return exchange->cancellation;
}

bool exchange_is_mine(const outrider_mock_exchange *exchange) {
  return exchange->in_handler && pthread_equal(exchange->handler, pthread_self());
}

void mock_announce(outrider_mock *mock) {
  if (!pthread_equal(mock->loop, pthread_self())) sem_post(&mock->signal);
}

/* ---- The table ----------------------------------------------------------------------------------------------------------------- */

static const void *extension(const outrider_host *host, const char *name) {
  return name ? extensions_find(mock_of_host(host), name) : NULL;
}

static void write_log(const outrider_host *host, outrider_exchange exchange, uint32_t level, outrider_bytes message) {
  (void)exchange;
  if (bytes_are_well_formed(message)) mock_log(mock_of_host(host), level, message.data, message.size);
}

static const outrider_head *head(const outrider_host *host, outrider_exchange handle) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock_is_worker(mock)) return NULL;
  mock_lock(mock);
  const outrider_mock_exchange *exchange = mock_find(mock, handle);
  const outrider_head *found = exchange ? exchange->head : NULL;
  mock_unlock(mock);
  return found;
}

static const outrider_tls *tls(const outrider_host *host, outrider_exchange handle) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock_is_worker(mock)) return NULL;
  mock_lock(mock);
  const outrider_mock_exchange *exchange = mock_find(mock, handle);
  const outrider_tls *found = exchange && pthread_equal(mock->loop, pthread_self()) ? exchange->tls : NULL;
  mock_unlock(mock);
  return found;
}

static outrider_status cancelled(const outrider_host *host, outrider_exchange handle) {
  outrider_mock *mock = mock_of_host(host);
  if (!mock_is_worker(mock)) return OUTRIDER_E_STATE;
  mock_lock(mock);
  outrider_mock_exchange *exchange = mock_find(mock, handle);
  const outrider_status why = exchange ? exchange_refusal(exchange) : OUTRIDER_E_CLOSED;
  mock_unlock(mock);
  return why;
}

static int32_t draining(const outrider_host *host) { return mock_is_worker(mock_of_host(host)) && mock_of_host(host)->is_draining; }

static void fill_host(outrider_mock *mock) {
  outrider_host *host = mock->host = mock_structure(mock, sizeof *host, OUTRIDER_HOST_SIZE_1_0);
  host->abi = mock->settings.abi;
  host->implementation = mock;
  host->extension = extension;
  host->log = write_log;
  host->config_json = config_json;
  host->config_string = config_string;
  host->config_integer = config_integer;
  host->config_boolean = config_boolean;
  host->head = head;
  host->tls = tls;
  host->cancelled = cancelled;
  host->draining = draining;
  host->post = loop_post;
  host->after = loop_after;
  host->cancel = loop_cancel;
  host->wake = loop_wake;
  events_fill(host);
  mock->io = mock_structure(mock, sizeof *mock->io, OUTRIDER_IO_SIZE_1_0);
  mock->io->implementation = mock;
  io_fill(mock->io);
}

/* ---- Life --------------------------------------------------------------------------------------------------------------------- */

static outrider_status refuse_plugin(outrider_mock *mock, outrider_status status, const char *reason) {
  snprintf(mock->error, sizeof mock->error, "%s", reason);
  mock->phase = REFUSED;
  return status;
}

static void set_defaults(outrider_mock *mock) {
  outrider_mock_settings *settings = &mock->settings;
  if (!settings->model) settings->model = OUTRIDER_MODEL_SYNC;
  if (!settings->threads) settings->threads = 1;
  if (!settings->workers) settings->workers = 1;
  if (!settings->process) settings->process = OUTRIDER_PROCESS_MASTER;
  if (!settings->output_limit) settings->output_limit = 1 << 20;
  if (!settings->body_limit) settings->body_limit = 1 << 20;
  if (!settings->max_hints) settings->max_hints = 5;
  if (!settings->max_hint_bytes) settings->max_hint_bytes = 8 << 10;
  if (!settings->graceful_timeout_ns) settings->graceful_timeout_ns = 30ull * 1000 * 1000 * 1000;
  if (!settings->store_size) settings->store_size = 8 << 20;
  if (!settings->abi) settings->abi = OUTRIDER_ABI_VERSION;
  if (settings->growth > MOST_GROWTH) settings->growth = MOST_GROWTH;
}

static outrider_mock *make(const outrider_mock_settings *settings) {
  outrider_mock *mock = calloc(1, sizeof *mock);
  struct timespec now;
  pthread_mutexattr_t attributes;
  if (!mock) return NULL;
  if (settings) memcpy(&mock->settings, settings, settings->size < sizeof *settings ? settings->size : sizeof *settings);
  set_defaults(mock);
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&mock->lock, &attributes);
  pthread_mutexattr_destroy(&attributes);
  sem_init(&mock->signal, 0, 0);
  clock_gettime(CLOCK_MONOTONIC, &now);
  mock->now = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
  mock->loop = pthread_self();
  const char *config = mock->settings.config ? mock->settings.config : "{}";
  const char *mount = mock->settings.mount ? mock->settings.mount : "/";
  mock->config = mock_copy(config, strlen(config));
  mock->mount = mock_copy(mount, strcmp(mount, "/") == 0 ? 0 : strlen(mount));
  extensions_make(mock);
  fill_host(mock);
  mock->state = mock->host;
  mock->phase = MADE;
  return mock;
}

static const char *version_text(uint32_t version, char *text, size_t size) {
  snprintf(text, size, "%u.%u", version >> 16, version & 0xFFFF);
  return text;
}

/* What is wrong with the description, in the server's words; empty if it is valid. */
static void object(const outrider_mock *mock, char *reason, size_t size) {
  const outrider_plugin *plugin = &mock->plugin;
  const uint32_t own = mock->settings.abi;
  char theirs[16], ours[16];
  version_text(own, ours, sizeof ours);
  *reason = 0;
  if (plugin->abi >> 16 != own >> 16)
    snprintf(reason, size, "built for ABI %s, this host has %s", version_text(plugin->abi, theirs, sizeof theirs), ours);
  else if (plugin->abi_required >> 16 != own >> 16 || (plugin->abi_required & 0xFFFF) > (own & 0xFFFF))
    snprintf(reason, size, "needs ABI %s, this host has %s", version_text(plugin->abi_required, theirs, sizeof theirs), ours);
  else if (!plugin->name || !plugin->version)
    snprintf(reason, size, "descriptor without name or version");
  else if ((plugin->open || plugin->on_event || plugin->close) && !(plugin->open && plugin->on_event && plugin->close))
    snprintf(reason, size, "event style needs all of open, on_event and close");
  else if (!plugin->handle && !plugin->open)
    snprintf(reason, size, "neither handle nor open: nothing can serve a request");
}

static void enter(outrider_mock *mock, outrider_mock_entry entry) {
  char reason[160];
  if (!config_is_object(mock->config)) {
    refuse_plugin(mock, OUTRIDER_E_INVALID, "settings.config is not a JSON object");
    return;
  }
  const outrider_plugin *given = entry(mock->host);
  if (!given) {
    refuse_plugin(mock, OUTRIDER_E_INVALID, "outrider_plugin_v1 returned no descriptor");
    return;
  }
  if (given->size < OUTRIDER_PLUGIN_SIZE_1_0) {
    snprintf(reason, sizeof reason, "descriptor of %u bytes, smaller than ABI 1.0's %u", given->size, OUTRIDER_PLUGIN_SIZE_1_0);
    refuse_plugin(mock, OUTRIDER_E_INVALID, reason);
    return;
  }
  const size_t known = shows_1_0(mock) ? OUTRIDER_PLUGIN_SIZE_1_0 : sizeof mock->plugin;
  memcpy(&mock->plugin, given, given->size < known ? given->size : known);
  object(mock, reason, sizeof reason);
  if (reason[0]) refuse_plugin(mock, OUTRIDER_E_INVALID, reason);
}

outrider_mock *outrider_mock_new(outrider_mock_entry entry, const outrider_mock_settings *settings) {
  outrider_mock *mock = make(settings);
  if (mock) enter(mock, entry);
  return mock;
}

outrider_mock *outrider_mock_open(const char *path, const outrider_mock_settings *settings) {
  outrider_mock *mock = make(settings);
  outrider_mock_entry entry;
  if (!mock) return NULL;
  void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!object) {
    refuse_plugin(mock, OUTRIDER_E_INVALID, dlerror());
    return mock;
  }
  *(void **)&entry = dlsym(object, "outrider_plugin_v1");
  if (entry)
    enter(mock, entry);
  else
    refuse_plugin(mock, OUTRIDER_E_INVALID,
                  "no symbol outrider_plugin_v1: not an Outrider plugin, or the symbol is hidden");
  return mock;
}

static outrider_status refused_by(outrider_mock *mock, const char *hook, outrider_status status, outrider_error *error) {
  char reason[sizeof error->text + 64];
  error->text[sizeof error->text - 1] = 0;
  if (error->text[0])
    snprintf(reason, sizeof reason, "%s refused: %s", hook, error->text);
  else
    snprintf(reason, sizeof reason, "%s refused: status %d", hook, status);
  free(error);
  return refuse_plugin(mock, status, reason);
}

static outrider_error *new_error(const outrider_mock *mock) {
  return mock_structure(mock, sizeof(outrider_error), OUTRIDER_ERROR_SIZE_1_0);
}

/* Whether load() has reported errors: they refuse the plugin, and its own words are added. */
static bool has_config_errors(outrider_mock *mock, outrider_status status, const outrider_error *error) {
  if (mock->n_config_errors == 0) return false;
  if (status >= 0 && mock->plugin.unload) mock->plugin.unload(mock->state);
  if (status < 0 && error->text[0]) buffer_format(&mock->config_errors, "\nload refused: %.400s", error->text);
  refuse_plugin(mock, OUTRIDER_E_INVALID, mock->config_errors.bytes);
  return true;
}

outrider_status outrider_mock_load(outrider_mock *mock, uint32_t purpose) {
  if (mock->phase != MADE) return OUTRIDER_E_STATE;
  outrider_status status = OUTRIDER_OK;
  if (mock->plugin.load) {
    outrider_load_info *info = mock_structure(mock, sizeof *info, OUTRIDER_LOAD_INFO_SIZE_1_0);
    outrider_error *error = new_error(mock);
    info->purpose = purpose;
    info->process = mock->settings.process;
    mock->is_loading = true;
    status = mock->plugin.load(mock->host, info, &mock->state, error);
    mock->is_loading = false;
    free(info);
    if (has_config_errors(mock, status, error)) {
      free(error);
      return OUTRIDER_E_INVALID;
    }
    if (status < 0) return refused_by(mock, "load", status, error);
    free(error);
  }
  mock->phase = LOADED;
  return status;
}

static outrider_status start_worker(outrider_mock *mock) {
  if (!mock->plugin.worker_start) return OUTRIDER_OK;
  outrider_worker_info *info = mock_structure(mock, sizeof *info, OUTRIDER_WORKER_INFO_SIZE_1_0);
  outrider_error *error = new_error(mock);
  info->model = mock->settings.model;
  info->threads = mock->settings.threads;
  info->workers = mock->settings.workers;
  info->graceful_timeout_ns = mock->settings.graceful_timeout_ns;
  info->output_limit = mock->settings.output_limit;
  info->host_version = "mock";
  const outrider_status status = mock->plugin.worker_start(mock->state, info, error);
  free(info);
  if (status < 0) return refused_by(mock, "worker_start", status, error);
  free(error);
  return OUTRIDER_OK;
}

static outrider_status start_thread(outrider_mock *mock) {
  if (!mock->plugin.thread_start) return OUTRIDER_OK;
  outrider_thread_info *info = mock_structure(mock, sizeof *info, OUTRIDER_THREAD_INFO_SIZE_1_0);
  outrider_error *error = new_error(mock);
  info->threads = mock->settings.threads;
  const outrider_status status = mock->plugin.thread_start(mock->state, info, &mock->thread, error);
  free(info);
  if (status < 0) return refused_by(mock, "thread_start", status, error);
  free(error);
  return OUTRIDER_OK;
}

outrider_status outrider_mock_start(outrider_mock *mock) {
  if (mock->phase == MADE) {
    const outrider_status status = outrider_mock_load(mock, OUTRIDER_PURPOSE_SERVE);
    if (status < 0) return status;
  }
  if (mock->phase != LOADED) return OUTRIDER_E_STATE;
  if (mock->plugin.before_fork && mock->settings.process == OUTRIDER_PROCESS_MASTER) mock->plugin.before_fork(mock->state);
  mock->phase = STARTED;
  outrider_status status = start_worker(mock);
  if (status == OUTRIDER_OK) status = start_thread(mock);
  if (status == OUTRIDER_OK) outrider_mock_run(mock);
  return status;
}

void outrider_mock_drain(outrider_mock *mock) {
  atomic_store(&mock->is_draining, true);
  outrider_mock_run(mock);
}

void outrider_mock_stop(outrider_mock *mock, uint64_t deadline_ns) {
  if (mock->phase == LOADED && mock->plugin.unload) mock->plugin.unload(mock->state);
  if (mock->phase != STARTED) return;
  outrider_mock_drain(mock);
  mock->phase = STOPPING;
  mock_lock(mock);
  for (size_t i = 0; i < mock->n_exchanges; i++)
    if (mock->exchanges[i]->is_open) exchange_disconnect(mock->exchanges[i], OUTRIDER_E_CANCELLED, 503);
  mock_unlock(mock);
  if (mock->plugin.thread_stop) mock->plugin.thread_stop(mock->state, mock->thread);
  mock_lock(mock);
  watches_end(mock, NULL);
  loop_end_callbacks(mock, NULL);
  const bool wakes = atomic_exchange(&mock->wake_pending, false);
  mock_unlock(mock);
  if (wakes) mock->plugin.on_wake(mock->state);
  mock->phase = STOPPED;
  if (mock->plugin.worker_stop) mock->plugin.worker_stop(mock->state, deadline_ns);
  if (mock->plugin.unload) mock->plugin.unload(mock->state);
}

static void free_lines(line *lines, size_t n) {
  for (size_t i = 0; i < n; i++) free(lines[i].text);
  free(lines);
}

void outrider_mock_free(outrider_mock *mock) {
  if (!mock) return;
  for (size_t i = 0; i < mock->n_exchanges; i++) exchange_free(mock->exchanges[i]);
  free(mock->exchanges);
  while (mock->callbacks) {
    callback *next = mock->callbacks->next;
    free(mock->callbacks);
    mock->callbacks = next;
  }
  free_lines(mock->log, mock->n_log);
  free_lines(mock->misuses, mock->n_misuses);
  for (size_t i = 0; i < mock->n_kept; i++) free(mock->kept[i]);
  free(mock->kept);
  extensions_free(mock);
  free(mock->config_errors.bytes);
  free(mock->config);
  free(mock->mount);
  free(mock->host);
  free(mock->io);
  sem_destroy(&mock->signal);
  pthread_mutex_destroy(&mock->lock);
  free(mock);
}

const char *outrider_mock_error(const outrider_mock *mock) { return mock->error; }

const outrider_host *outrider_mock_host(const outrider_mock *mock) { return mock->host; }
