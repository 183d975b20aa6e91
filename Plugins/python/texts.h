/* texts.h: str objects that many requests share, created once. */
#ifndef PYTHON_TEXTS_H
#define PYTHON_TEXTS_H

#include "entry.h"

/* The text of the latest call. Must be zero before the first use. */
typedef struct last_text {
  PyObject *text;
} last_text;

/* A str of ASCII or ISO 8859-1. Not for secrets: the latest one stays in memory. [new reference; NULL with an
 * exception] */
PyObject *text_remembered(last_text *, outrider_bytes);
PyObject *text_of_method(outrider_bytes);
PyObject *text_of_scheme(outrider_bytes);
PyObject *text_of_number(uint32_t);

#endif
