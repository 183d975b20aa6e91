/* asgi_subprotocols.c: the subprotocols that a handshake of WebSocket offers. */
#include "asgi_websocket.h"

#include <strings.h>

static int is_space(char c) { return c == ' ' || c == '\t'; }

/* Adds the elements of a list (RFC 9110 section 5.6.1). */
static int add_elements(PyObject *list, outrider_bytes value) {
  for (size_t start = 0, end; start <= value.size; start = end + 1) {
    for (end = start; end < value.size && value.data[end] != ',';) end++;
    size_t from = start, to = end;
    while (from < to && is_space(value.data[from])) from++;
    while (to > from && is_space(value.data[to - 1])) to--;
    if (from == to) continue;
    PyObject *element = text_of_latin1((outrider_bytes){value.data + from, to - from});
    int result = element ? PyList_Append(list, element) : -1;
    Py_XDECREF(element);
    if (result < 0) return -1;
  }
  return 0;
}

PyObject *asgi_subprotocols(const outrider_head *head) {
  static const outrider_bytes name = OUTRIDER_BYTES("sec-websocket-protocol");
  PyObject *list = PyList_New(0);
  for (size_t i = 0; list && i < head->n_fields; i++) {
    const outrider_field *field = &head->fields[i];
    int is_offer = field->name.size == name.size && strncasecmp(field->name.data, name.data, name.size) == 0;
    if (is_offer && add_elements(list, field->value) < 0) Py_CLEAR(list);
  }
  return list;
}
