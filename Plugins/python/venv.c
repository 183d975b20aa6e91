/* venv.c: virtual environments made by the venv module. */
#define _GNU_SOURCE
#include "venv.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int venv_is_usable(const char *venv, outrider_error *error) {
  char path[PATH_MAX + 64];
  snprintf(path, sizeof path, "%s/bin/python", venv);
  if (access(path, X_OK) < 0) {
    snprintf(error->text, sizeof error->text, "venv = \"%.200s\" is no virtual environment: it has no bin/python", venv);
    return 0;
  }
  snprintf(path, sizeof path, "%s/lib/python%d.%d/site-packages", venv, PY_MAJOR_VERSION, PY_MINOR_VERSION);
  if (access(path, X_OK) < 0) {
    snprintf(error->text, sizeof error->text,
             "venv = \"%.200s\" is not of Python %d.%d, which this plugin is built for", venv, PY_MAJOR_VERSION,
             PY_MINOR_VERSION);
    return 0;
  }
  return 1;
}

/* pyvenv.cfg has a line "home = FOLDER" with the folder of the interpreter that made it. */
static int read_home(const char *venv, char home[PATH_MAX]) {
  char path[PATH_MAX + 16], line[PATH_MAX + 16];
  snprintf(path, sizeof path, "%s/pyvenv.cfg", venv);
  FILE *file = fopen(path, "re");
  int found = 0;
  while (file && !found && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    char *value = strchr(line, '=');
    if (strncmp(line, "home", 4) != 0 || !value) continue;
    value += 1 + strspn(value + 1, " ");
    found = realpath(value, home) != NULL;
  }
  if (file) fclose(file);
  return found;
}

int venv_is_native(const char *venv) {
  char home[PATH_MAX], own[PATH_MAX];
  return read_home(venv, home) && realpath(PYTHON_PREFIX "/bin", own) && strcmp(home, own) == 0;
}
