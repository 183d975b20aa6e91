/* fields.h: names of request fields for Python, and response fields of an application for the host. */
#ifndef PYTHON_FIELDS_H
#define PYTHON_FIELDS_H

#include "entry.h"

/* ---- Of requests ------------------------------------------------------------------------------------------------- */

typedef enum field_kind {
  FIELD_ORDINARY,
  FIELD_COOKIE,  /* parts are joined by "; " */
  FIELD_SECRET,  /* authorization: its value is not remembered */
  FIELD_HIDDEN   /* not for environ: proxy (httpoxy), and names with '_', which look like those with '-' */
} field_kind;

typedef struct field_name {
  PyObject *environ_key; /* str: "HTTP_ACCEPT", "CONTENT_TYPE" */
  PyObject *lower;       /* bytes: b"accept" */
  PyObject *last_text, *last_bytes; /* the latest value, unless it is a secret: most values are repeated */
  field_kind kind;
  size_t size;
  char bytes[48]; /* as received */
} field_name;

/* [valid until the next call; NULL with an exception] */
field_name *field_name_of(outrider_bytes name);
/* A value of a field with this name. [new reference] */
PyObject *field_text(field_name *, outrider_bytes value);
PyObject *field_bytes(field_name *, outrider_bytes value);

PyObject *text_of_latin1(outrider_bytes);
PyObject *bytes_of(outrider_bytes);

/* ---- Of responses ------------------------------------------------------------------------------------------------- */

#define FIELD_LIST_INLINE 12

/* Fields of an application. They point into strings that the list keeps alive. Must be zero before the first use. */
typedef struct field_list {
  PyObject *kept; /* a tuple of pairs */
  outrider_field *fields, inline_fields[FIELD_LIST_INLINE];
  size_t n, capacity; /* capacity is n + 1 at least: content-length may be added */
  int64_t content_length; /* -1: none */
} field_list;

/* Takes the fields from an iterable of pairs, which are str for WSGI and bytes for ASGI. Connection-specific fields are
 * left out, since applications send them and servers drop them. 0, or -1 with an exception. */
int field_list_take(field_list *, PyObject *headers, int of_bytes);
void field_list_add_length(field_list *, char digits[24], int64_t length);
void field_list_clear(field_list *);

#endif
