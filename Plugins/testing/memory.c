/* memory.c: memory, buffers and copies. */
#include "mock.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

static void *checked(void *memory) {
  if (memory) return memory;
  fputs("outrider-testing: no memory\n", stderr);
  abort();
}

void *mock_allocate(size_t size) { return checked(calloc(1, size ? size : 1)); }

void *mock_grow(void *memory, size_t size) { return checked(realloc(memory, size ? size : 1)); }

char *mock_copy(const char *bytes, size_t size) {
  char *copy = mock_allocate(size + 1);
  if (size) memcpy(copy, bytes, size);
  return copy;
}

void buffer_append(buffer *buffer, const char *bytes, size_t size) {
  if (buffer->capacity - buffer->size < size + 1) {
    buffer->capacity = (buffer->size + size + 1) * 2;
    buffer->bytes = mock_grow(buffer->bytes, buffer->capacity);
  }
  if (size) memcpy(buffer->bytes + buffer->size, bytes, size);
  buffer->size += size;
  buffer->bytes[buffer->size] = 0;
}

void buffer_text(buffer *buffer, const char *text) { buffer_append(buffer, text, strlen(text)); }

void buffer_format(buffer *buffer, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  const int size = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  buffer_append(buffer, text, size < 0 ? 0 : (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

section section_copy(uint32_t status, const outrider_field *fields, size_t n) {
  section copy = {mock_allocate(n * sizeof *fields), n, status};
  for (size_t i = 0; i < n; i++) {
    copy.fields[i].name.data = mock_copy(fields[i].name.data, fields[i].name.size);
    copy.fields[i].name.size = fields[i].name.size;
    copy.fields[i].value.data = mock_copy(fields[i].value.data, fields[i].value.size);
    copy.fields[i].value.size = fields[i].value.size;
  }
  return copy;
}

void section_free(section *section) {
  for (size_t i = 0; i < section->n; i++) {
    free((char *)section->fields[i].name.data);
    free((char *)section->fields[i].value.data);
  }
  free(section->fields);
  *section = (struct section){0};
}

bool bytes_equal_text(outrider_bytes bytes, const char *text) {
  return bytes.size == strlen(text) && (bytes.size == 0 || strncasecmp(bytes.data, text, bytes.size) == 0);
}

bool bytes_are_well_formed(outrider_bytes bytes) {
  return bytes.size <= INT64_MAX && (bytes.data != NULL || bytes.size == 0);
}
