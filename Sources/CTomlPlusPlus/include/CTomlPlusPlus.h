// toml++ behind a C interface: a text goes in; an error with its place, or a flat list of nodes with theirs, comes out.
// No C++ type, exception or allocation of toml++ is seen beyond this file's functions.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// What a node is; outrider_toml_date covers TOML's dates, times and date-times.
typedef enum outrider_toml_kind {
  outrider_toml_table,
  outrider_toml_array,
  outrider_toml_string,
  outrider_toml_integer,
  outrider_toml_floating,
  outrider_toml_boolean,
  outrider_toml_date,
} outrider_toml_kind;

// Bytes of UTF-8, not ended by a zero; they belong to the document.
typedef struct outrider_toml_text {
  const char *_Nullable bytes;
  size_t count;
} outrider_toml_text;

// Line and column from 1, columns in code points; 0 where toml++ does not know.
typedef struct outrider_toml_position {
  uint32_t line;
  uint32_t column;
} outrider_toml_position;

// One key with its value, or one element of an array (its key is empty).
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

// Parses `count` bytes of TOML. NULL when memory runs out. The caller bounds the nesting of what it passes: toml++ 3.3
// recurses once for each part of a dotted key, without a limit of its own.
outrider_toml_document *_Nullable outrider_toml_parse(const char *_Nullable bytes, size_t count);
void outrider_toml_free(outrider_toml_document *_Nonnull document);

// The first error, or an empty text for a document that parsed.
outrider_toml_text outrider_toml_error(const outrider_toml_document *_Nonnull document);
outrider_toml_position outrider_toml_error_position(const outrider_toml_document *_Nonnull document);

// Every node, the root table first, each followed at once by all it holds: first child, that child's children, second
// child, and so on. Empty for a document that did not parse.
size_t outrider_toml_node_count(const outrider_toml_document *_Nonnull document);
const outrider_toml_node *_Nullable outrider_toml_nodes(const outrider_toml_document *_Nonnull document);

#ifdef __cplusplus
}
#endif
