/* The little of JSON (RFC 8259) that notes need. */
#ifndef NOTES_JSON_H
#define NOTES_JSON_H

#include <stddef.h>
#include <sys/types.h>

/* Decodes the member "text" of the JSON object in data into text, which has room for size bytes. Returns the length of the
 * text; -1 if data is no JSON object with a string of that name. */
ssize_t json_text(const char *data, size_t size, char *text);

/* Writes data, which is UTF-8, as a JSON string into quoted, which has room for json_quoted_size(size) bytes. Returns the
 * length of the string. */
size_t json_quote(const char *data, size_t size, char *quoted);

#define json_quoted_size(size) (6 * (size) + 2)

#endif
