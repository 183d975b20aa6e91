/* venv.h: virtual environments made by the venv module. */
#ifndef PYTHON_VENV_H
#define PYTHON_VENV_H

#include "entry.h"

/* True if this Python can load its modules; otherwise error has the reason. */
int venv_is_usable(const char *venv, outrider_error *);
/* True if it was made by the installation that libpython belongs to. */
int venv_is_native(const char *venv);

#endif
