/* application.c: the application that [plugin.config] names. */
#include "application.h"

#include "embedded.h"
#include "exceptions.h"
#include "interpreter.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

outrider_bytes application_option(const entry *entry, const char *key, const char *fallback) {
  return entry->host->config_string(entry->host, key, fallback);
}

int application_option_is(const entry *entry, const char *key, const char *fallback, const char *value) {
  outrider_bytes given = application_option(entry, key, fallback);
  return given.size == strlen(value) && memcmp(given.data, value, given.size) == 0;
}

static int is_one_of(const entry *entry, const char *key, const char *const *values, outrider_error *error) {
  size_t at = 0, size = sizeof error->text;
  for (const char *const *value = values; *value; value++)
    if (application_option_is(entry, key, values[0], *value)) return 1;
  outrider_bytes given = application_option(entry, key, "");
  at += (size_t)snprintf(error->text, size, "%s = \"%.*s\": it is one of", key, (int)(given.size > 64 ? 64 : given.size), given.data);
  for (const char *const *value = values; *value && at < size; value++)
    at += (size_t)snprintf(error->text + at, size - at, " \"%s\"", *value);
  return 0;
}

static const char *const interfaces[] = {"auto", "wsgi", "asgi", NULL};
static const char *const lifespans[] = {"auto", "on", "off", NULL};
static const char *const loops[] = {"asyncio", "uvloop", NULL};
static const char *const modes[] = {"thread", "guest", NULL};
static const char *const schedulings[] = {"batch", "normal", NULL};

static int is_valid(const entry *entry, outrider_error *error) {
  if (!application_option(entry, "app", NULL).size) {
    snprintf(error->text, sizeof error->text, "app is missing: [plugin.config] app = \"module:attribute\"");
    return 0;
  }
  if (!is_one_of(entry, "interface", interfaces, error) || !is_one_of(entry, "lifespan", lifespans, error) ||
      !is_one_of(entry, "loop", loops, error) || !is_one_of(entry, "mode", modes, error) ||
      !is_one_of(entry, "scheduling", schedulings, error))
    return 0;
  if (application_option_is(entry, "mode", "thread", "guest") && application_option_is(entry, "loop", "asyncio", "uvloop")) {
    snprintf(error->text, sizeof error->text, "loop = \"uvloop\" needs mode = \"thread\": it has a thread of its own");
    return 0;
  }
  return 1;
}

/* The GIL is held. 0, or -1 with an exception. */
static int import(entry *entry) {
  const outrider_host *host = entry->host;
  outrider_bytes json = host->config_json(host), name = application_option(entry, "app", NULL);
  if (log_install(entry) < 0) return -1;
  entry->config = embedded_call(EMBEDDED_APPLICATION, "prepare", "(s#)", json.data, (Py_ssize_t)json.size);
  if (!entry->config) return -1;
  entry->application = embedded_call(EMBEDDED_APPLICATION, "load", "(s#i)", name.data, (Py_ssize_t)name.size,
                                     (int)host->config_boolean(host, "factory", 0));
  if (!entry->application) return -1;
  if (application_option_is(entry, "interface", "auto", "auto")) {
    PyObject *found = embedded_call(EMBEDDED_APPLICATION, "is_asgi", "(O)", entry->application);
    if (!found) return -1;
    entry->is_asgi = PyObject_IsTrue(found);
    Py_DECREF(found);
  } else {
    entry->is_asgi = application_option_is(entry, "interface", "auto", "asgi");
  }
  return 0;
}

outrider_status application_load(entry *entry, outrider_error *error) {
  if (entry->loaded) return OUTRIDER_OK;
  if (!is_valid(entry, error)) return OUTRIDER_E_INVALID;
  const char *active = getenv("VIRTUAL_ENV");
  outrider_status status = interpreter_start(entry, application_option(entry, "venv", active ? active : ""), error);
  if (status < 0) return status;
  if (import(entry) < 0) {
    char what[160];
    outrider_bytes name = application_option(entry, "app", NULL);
    snprintf(what, sizeof what, "cannot import the application %.*s", (int)(name.size > 100 ? 100 : name.size), name.data);
    exception_to_error(entry, what, error);
    status = OUTRIDER_E_INVALID;
  }
  entry->loaded = status >= 0;
  gil_drop();
  return status;
}
