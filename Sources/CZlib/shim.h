// zlib's macros, which Swift can't import, and nothing else. The names are zlib's with a prefix.
#pragma once

#include <zlib.h>

static inline int outrider_inflateInit2(z_stream *stream, int window_bits) {
  return inflateInit2(stream, window_bits);
}
static inline int outrider_deflateInit2(z_stream *stream, int level, int window_bits, int memory_level) {
  return deflateInit2(stream, level, Z_DEFLATED, window_bits, memory_level, Z_DEFAULT_STRATEGY);
}
