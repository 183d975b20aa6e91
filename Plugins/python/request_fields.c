/* request_fields.c: names of request fields for Python, cached across requests. */
#include "fields.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LONGEST_REMEMBERED 256 /* bytes of a value */
#define NAMES 512 /* slots; a name that finds another in its own takes its place */

static field_name remembered[NAMES];
static field_name longest; /* of names that are too long to be remembered */

PyObject *text_of_latin1(outrider_bytes bytes) {
  return PyUnicode_DecodeLatin1(bytes.size ? bytes.data : "", (Py_ssize_t)bytes.size, NULL);
}

PyObject *bytes_of(outrider_bytes bytes) {
  return PyBytes_FromStringAndSize(bytes.size ? bytes.data : "", (Py_ssize_t)bytes.size);
}

/* FNV-1a. */
static unsigned slot_of(outrider_bytes name) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < name.size; i++) hash = (hash ^ (unsigned char)name.data[i]) * 16777619u;
  return (hash ^ hash >> 16) % NAMES;
}

static int is_named(outrider_bytes name, const char *lower) {
  return strlen(lower) == name.size && strncasecmp(name.data, lower, name.size) == 0;
}

static field_kind kind_of(outrider_bytes name) {
  if (is_named(name, "proxy") || memchr(name.data, '_', name.size)) return FIELD_HIDDEN;
  if (is_named(name, "authorization") || is_named(name, "proxy-authorization")) return FIELD_SECRET;
  return is_named(name, "cookie") ? FIELD_COOKIE : FIELD_ORDINARY;
}

/* HTTP_ and the name in upper case; RFC 3875 has two names without the prefix. */
static PyObject *environ_key(outrider_bytes name) {
  size_t prefix = is_named(name, "content-type") || is_named(name, "content-length") ? 0 : 5;
  PyObject *key = PyUnicode_New((Py_ssize_t)(prefix + name.size), 127);
  if (!key) return NULL;
  for (size_t i = 0; i < prefix; i++) PyUnicode_WRITE(PyUnicode_1BYTE_KIND, PyUnicode_DATA(key), (Py_ssize_t)i, "HTTP_"[i]);
  for (size_t i = 0; i < name.size; i++) {
    char c = name.data[i];
    c = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    PyUnicode_WRITE(PyUnicode_1BYTE_KIND, PyUnicode_DATA(key), (Py_ssize_t)(prefix + i), (Py_UCS1)c);
  }
  return key;
}

static PyObject *lower(outrider_bytes name) {
  PyObject *bytes = bytes_of(name);
  char *at = bytes ? PyBytes_AS_STRING(bytes) : NULL;
  for (size_t i = 0; at && i < name.size; i++)
    if (at[i] >= 'A' && at[i] <= 'Z') at[i] = (char)(at[i] - 'A' + 'a');
  return bytes;
}

static int fill(field_name *slot, outrider_bytes name) {
  PyObject *key = environ_key(name), *bytes = lower(name);
  if (!key || !bytes) {
    Py_XDECREF(key);
    Py_XDECREF(bytes);
    return -1;
  }
  Py_XSETREF(slot->environ_key, key);
  Py_XSETREF(slot->lower, bytes);
  Py_CLEAR(slot->last_text);
  Py_CLEAR(slot->last_bytes);
  slot->kind = kind_of(name);
  return 0;
}

field_name *field_name_of(outrider_bytes name) {
  if (name.size > sizeof longest.bytes) return fill(&longest, name) < 0 ? NULL : &longest;
  field_name *slot = &remembered[slot_of(name)];
  if (slot->environ_key && slot->size == name.size && memcmp(slot->bytes, name.data, name.size) == 0) return slot;
  if (fill(slot, name) < 0) return NULL;
  memcpy(slot->bytes, name.data, name.size);
  slot->size = name.size;
  return slot;
}

/* ---- Values -------------------------------------------------------------------------------------------------------- */

static int is_remembered(const field_name *name, outrider_bytes value) {
  return name != &longest && name->kind == FIELD_ORDINARY && value.size <= LONGEST_REMEMBERED;
}

PyObject *field_text(field_name *name, outrider_bytes value) {
  PyObject *last = name->last_text;
  if (last && (size_t)PyUnicode_GET_LENGTH(last) == value.size && memcmp(PyUnicode_DATA(last), value.data, value.size) == 0)
    return Py_NewRef(last);
  PyObject *text = text_of_latin1(value);
  if (text && is_remembered(name, value)) Py_XSETREF(name->last_text, Py_NewRef(text));
  return text;
}

PyObject *field_bytes(field_name *name, outrider_bytes value) {
  PyObject *last = name->last_bytes;
  if (last && (size_t)PyBytes_GET_SIZE(last) == value.size && memcmp(PyBytes_AS_STRING(last), value.data, value.size) == 0)
    return Py_NewRef(last);
  PyObject *bytes = bytes_of(value);
  if (bytes && is_remembered(name, value)) Py_XSETREF(name->last_bytes, Py_NewRef(bytes));
  return bytes;
}
