/* texts.c: str objects that many requests share. */
#include "texts.h"

#include "fields.h"

#include <string.h>

static int is_equal(PyObject *text, outrider_bytes bytes) {
  return (size_t)PyUnicode_GET_LENGTH(text) == bytes.size && PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND &&
         memcmp(PyUnicode_DATA(text), bytes.data, bytes.size) == 0;
}

PyObject *text_remembered(last_text *last, outrider_bytes bytes) {
  if (last->text && is_equal(last->text, bytes)) return Py_NewRef(last->text);
  PyObject *text = text_of_latin1(bytes);
  if (text) Py_XSETREF(last->text, Py_NewRef(text));
  return text;
}

/* One of the known texts, which are created at their first use. */
static PyObject *known_text(const outrider_bytes *known, size_t n, PyObject **texts, outrider_bytes bytes) {
  for (size_t i = 0; i < n; i++) {
    if (known[i].size != bytes.size || memcmp(known[i].data, bytes.data, bytes.size) != 0) continue;
    if (!texts[i]) texts[i] = PyUnicode_InternFromString(known[i].data);
    return Py_XNewRef(texts[i]);
  }
  return text_of_latin1(bytes);
}

PyObject *text_of_method(outrider_bytes method) {
  static const outrider_bytes known[] = {OUTRIDER_BYTES("GET"),   OUTRIDER_BYTES("POST"),   OUTRIDER_BYTES("HEAD"),
                                         OUTRIDER_BYTES("PUT"),   OUTRIDER_BYTES("PATCH"),  OUTRIDER_BYTES("DELETE"),
                                         OUTRIDER_BYTES("OPTIONS")};
  static PyObject *texts[sizeof known / sizeof *known];
  return known_text(known, sizeof known / sizeof *known, texts, method);
}

PyObject *text_of_scheme(outrider_bytes scheme) {
  static const outrider_bytes known[] = {OUTRIDER_BYTES("http"), OUTRIDER_BYTES("https")};
  static PyObject *texts[sizeof known / sizeof *known];
  return known_text(known, sizeof known / sizeof *known, texts, scheme);
}

PyObject *text_of_number(uint32_t number) {
  char digits[10];
  size_t at = sizeof digits;
  do digits[--at] = (char)('0' + number % 10);
  while ((number /= 10));
  return text_of_latin1((outrider_bytes){digits + at, sizeof digits - at});
}
