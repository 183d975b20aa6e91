// toml++ behind a C interface. The input is text; the output is an error with its position, or a flat list of nodes
// with theirs. No C++ type, exception or allocation of toml++ is visible outside this file's functions.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The kind of a node; outrider_toml_date covers TOML's dates, times and date-times.
typedef enum outrider_toml_kind {
  outrider_toml_table,
  outrider_toml_array,
  outrider_toml_string,
  outrider_toml_integer,
  outrider_toml_floating,
  outrider_toml_boolean,
  outrider_toml_date,
} outrider_toml_kind;

// UTF-8 bytes without a terminating zero, owned by the document.
typedef struct outrider_toml_text {
  const char *_Nullable bytes;
  size_t count;
} outrider_toml_text;

// Line and column from 1; columns count code points. 0 if toml++ does not know the position.
typedef struct outrider_toml_position {
  uint32_t line;
  uint32_t column;
} outrider_toml_position;

// A key with its value, or an element of an array, whose key is empty.
typedef struct outrider_toml_node {
  outrider_toml_kind kind;
  outrider_toml_position position;
  outrider_toml_position key_position;
  outrider_toml_text key;
  outrider_toml_text text;  // of a string; of a date, as TOML writes it
  int64_t integer;          // of a boolean: 0 or 1
  double floating;
  size_t child_count;  // of a table or an array
} outrider_toml_node;

typedef struct outrider_toml_document outrider_toml_document;

// Parses `count` bytes of TOML; NULL if out of memory. The caller limits the nesting: toml++ 3.3 recurses for each part
// of a dotted key without a limit of its own.
outrider_toml_document *_Nullable outrider_toml_parse(const char *_Nullable bytes, size_t count);
void outrider_toml_free(outrider_toml_document *_Nonnull document);

// The first error, or an empty text for a document that parsed.
outrider_toml_text outrider_toml_error(const outrider_toml_document *_Nonnull document);
outrider_toml_position outrider_toml_error_position(const outrider_toml_document *_Nonnull document);

// All nodes, beginning with the root table. Each is directly followed by its children: the first child, that child's
// children, the second child, and so on. Empty for a document with an error.
size_t outrider_toml_node_count(const outrider_toml_document *_Nonnull document);
const outrider_toml_node *_Nullable outrider_toml_nodes(const outrider_toml_document *_Nonnull document);

#ifdef __cplusplus
}
#endif
