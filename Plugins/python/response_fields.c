/* response_fields.c: validates an application's fields for the host. Exceptions name the error. */
#include "fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 9110 section 5.6.2: a bit for each character of a token. */
static const uint64_t token_characters[4] = {
    0x03ff6cfa00000000, /* ! # $ % & ' * + - . 0-9 */
    0x57ffffffc7fffffe, /* A-Z ^ _ ` a-z | ~ */
    0, 0,
};

static int is_token(outrider_bytes name) {
  for (size_t i = 0; i < name.size; i++) {
    unsigned char c = (unsigned char)name.data[i];
    if (!(token_characters[c >> 6] >> (c & 63) & 1)) return 0;
  }
  return name.size > 0;
}

static int is_value(outrider_bytes value) {
  for (size_t i = 0; i < value.size; i++) {
    unsigned char c = (unsigned char)value.data[i];
    if ((c < ' ' && c != '\t') || c == 127) return 0;
  }
  return 1;
}

static int is_space(char c) { return c == ' ' || c == '\t'; }

static outrider_bytes trimmed(outrider_bytes value) {
  while (value.size && is_space(value.data[0])) value.data++, value.size--;
  while (value.size && is_space(value.data[value.size - 1])) value.size--;
  return value;
}

/* Connection-specific fields, which the server chooses. */
static int is_hop_by_hop(outrider_bytes name) {
  static const outrider_bytes list[] = {
      OUTRIDER_BYTES("connection"), OUTRIDER_BYTES("keep-alive"), OUTRIDER_BYTES("proxy-connection"), OUTRIDER_BYTES("te"),
      OUTRIDER_BYTES("transfer-encoding"), OUTRIDER_BYTES("upgrade")};
  for (size_t i = 0; i < sizeof list / sizeof *list; i++)
    if (list[i].size == name.size && strncasecmp(list[i].data, name.data, name.size) == 0) return 1;
  return 0;
}

/* -1 with an exception if the object has the wrong type. */
static int take_string(PyObject *object, int of_bytes, outrider_bytes *bytes) {
  if (of_bytes) {
    if (!PyBytes_Check(object)) {
      PyErr_Format(PyExc_TypeError, "a header has bytes, not %R", object);
      return -1;
    }
    *bytes = (outrider_bytes){PyBytes_AS_STRING(object), (size_t)PyBytes_GET_SIZE(object)};
    return 0;
  }
  if (!PyUnicode_Check(object)) {
    PyErr_Format(PyExc_TypeError, "a header has strings, not %R", object);
    return -1;
  }
  if (PyUnicode_KIND(object) != PyUnicode_1BYTE_KIND) {
    PyErr_Format(PyExc_ValueError, "header %R has characters beyond ISO 8859-1", object);
    return -1;
  }
  *bytes = (outrider_bytes){(const char *)PyUnicode_DATA(object), (size_t)PyUnicode_GET_LENGTH(object)};
  return 0;
}

static int take_length(field_list *list, outrider_bytes value, PyObject *pair) {
  int64_t length = 0;
  int is_number = value.size > 0 && value.size <= 18;
  for (size_t i = 0; is_number && i < value.size; i++) {
    is_number = value.data[i] >= '0' && value.data[i] <= '9';
    length = length * 10 + (value.data[i] - '0');
  }
  if (!is_number || (list->content_length >= 0 && list->content_length != length)) {
    PyErr_Format(PyExc_ValueError, "invalid header %R", pair);
    return -1;
  }
  list->content_length = length;
  return 0;
}

static int take_pair(field_list *list, PyObject *pair, int of_bytes) {
  outrider_field *field = &list->fields[list->n];
  if (take_string(PyTuple_GET_ITEM(pair, 0), of_bytes, &field->name) < 0 ||
      take_string(PyTuple_GET_ITEM(pair, 1), of_bytes, &field->value) < 0)
    return -1;
  field->value = trimmed(field->value);
  if (!is_token(field->name) || !is_value(field->value)) {
    PyErr_Format(PyExc_ValueError, "invalid header %R", pair);
    return -1;
  }
  if (is_hop_by_hop(field->name)) return 0;
  if (field->name.size == 14 && strncasecmp(field->name.data, "content-length", 14) == 0) {
    int had_length = list->content_length >= 0;
    if (take_length(list, field->value, pair) < 0) return -1;
    if (had_length) return 0;
  }
  list->n++;
  return 0;
}

/* The pairs as a tuple of tuples, which no other code can change. */
static PyObject *frozen(PyObject *headers) {
  PyObject *given = PySequence_Tuple(headers);
  Py_ssize_t n = given ? PyTuple_GET_SIZE(given) : 0;
  PyObject *kept = given ? PyTuple_New(n) : NULL;
  for (Py_ssize_t i = 0; kept && i < n; i++) {
    PyObject *item = PyTuple_GET_ITEM(given, i);
    int is_pair = (PyTuple_Check(item) || PyList_Check(item)) && PySequence_Size(item) == 2;
    PyObject *pair = is_pair ? PySequence_Tuple(item) : NULL;
    if (!is_pair) PyErr_Format(PyExc_TypeError, "a header is a tuple (name, value), not %R", item);
    if (pair)
      PyTuple_SET_ITEM(kept, i, pair);
    else
      Py_CLEAR(kept);
  }
  Py_XDECREF(given);
  return kept;
}

static int make_room(field_list *list, size_t n) {
  if (!list->fields) {
    list->fields = list->inline_fields;
    list->capacity = FIELD_LIST_INLINE;
  }
  if (n + 1 <= list->capacity) return 0;
  outrider_field *larger = calloc(n + 1, sizeof *larger);
  if (!larger) {
    PyErr_NoMemory();
    return -1;
  }
  if (list->fields != list->inline_fields) free(list->fields);
  list->fields = larger;
  list->capacity = n + 1;
  return 0;
}

int field_list_take(field_list *list, PyObject *headers, int of_bytes) {
  PyObject *kept = frozen(headers);
  if (!kept) return -1;
  Py_XSETREF(list->kept, kept);
  list->n = 0;
  list->content_length = -1;
  if (make_room(list, (size_t)PyTuple_GET_SIZE(kept)) < 0) return -1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kept); i++)
    if (take_pair(list, PyTuple_GET_ITEM(kept, i), of_bytes) < 0) return -1;
  return 0;
}

void field_list_add_length(field_list *list, char digits[24], int64_t length) {
  int size = snprintf(digits, 24, "%lld", (long long)length);
  list->fields[list->n++] = (outrider_field){OUTRIDER_BYTES("content-length"), {digits, (size_t)size}};
  list->content_length = length;
}

void field_list_clear(field_list *list) {
  Py_CLEAR(list->kept);
  if (list->fields != list->inline_fields) free(list->fields);
  list->fields = NULL;
}
