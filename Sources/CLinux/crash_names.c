// Finds names for the addresses that a dying process has recorded. The process itself does this: no other process knows
// what it loaded after its fork, and a truncated file should crash no other process.
#define _GNU_SOURCE
#include "crash.h"

#include <stdbool.h>

// A line of /proc/self/maps. Everything that is not static is on the signal stack.
struct mapping {
  uint64_t begin, end, offset, inode;
  const char *name;
};

static unsigned digit(char character) {
  if (character >= '0' && character <= '9') return (unsigned)(character - '0');
  if (character >= 'a' && character <= 'f') return (unsigned)(character - 'a') + 10;
  return 16;
}

static uint64_t number(const char **at, unsigned base) {
  uint64_t value = 0;
  for (; digit(**at) < base; ++*at) value = value * base + digit(**at);
  return value;
}

static const char *after_word(const char *at) {
  while (*at && *at != ' ') ++at;
  while (*at == ' ') ++at;
  return at;
}

static void copy_name(char *to, size_t capacity, const char *from) {
  size_t size = strnlen(from, capacity - 1);
  memcpy(to, from, size);
  to[size] = 0;
}

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static struct mapping parse(char *line) {
  struct mapping mapping = {0};
  const char *at = line;
  mapping.begin = number(&at, 16);
  if (*at == '-') ++at;
  mapping.end = number(&at, 16);
  at = after_word(after_word(at));  // access
  mapping.offset = number(&at, 16);
  at = after_word(after_word(at));  // device
  mapping.inode = number(&at, 10);
  at = after_word(at);
  mapping.name = last_part(at);
  char *deleted = strstr(mapping.name, " (deleted)");
  if (deleted) *deleted = 0;
  return mapping;
}

static unsigned bounded(uint64_t count, unsigned most) { return count < most ? (unsigned)count : most; }

static bool holds_a_frame(const struct outrider_crash *crash, const struct mapping *mapping) {
  for (unsigned index = 0; index < bounded(crash->count, OUTRIDER_CRASH_TRACES); ++index) {
    const struct outrider_crash_trace *trace = &crash->traces[index];
    for (unsigned frame = 0; frame < bounded(trace->count, OUTRIDER_CRASH_FRAMES); ++frame)
      if (trace->frames[frame] >= mapping->begin && trace->frames[frame] < mapping->end) return true;
  }
  return false;
}

static void take(struct outrider_crash *crash, uint64_t base, uint64_t end, const char *name) {
  unsigned count = bounded(crash->modules_count, OUTRIDER_CRASH_MODULES);
  for (unsigned index = 0; index < count; ++index) {
    struct outrider_crash_module *module = &crash->modules[index];
    if (module->base != base) continue;
    if (module->end < end) module->end = end;
    return;
  }
  if (count == OUTRIDER_CRASH_MODULES) return;
  struct outrider_crash_module *module = &crash->modules[count];
  module->base = base;
  module->end = end;
  copy_name(module->name, sizeof module->name, name);
  crash->modules_count = count + 1;
}

static bool is_in_a_module(const struct outrider_crash *crash, uint64_t address) {
  for (unsigned index = 0; index < bounded(crash->modules_count, OUTRIDER_CRASH_MODULES); ++index)
    if (address >= crash->modules[index].base && address < crash->modules[index].end) return true;
  return false;
}

void outrider_crash_name_modules(struct outrider_crash *crash) {
  static char text[4096], line[4096 + 128];
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  uint64_t base = 0, inode = 0, end = 0;
  size_t size = 0;
  for (ssize_t count; (count = read(fd, text, sizeof text)) > 0;) {
    for (ssize_t at = 0; at < count; ++at) {
      if (text[at] != '\n') {
        if (size < sizeof line - 1) line[size++] = text[at];
        continue;
      }
      line[size] = 0;
      size = 0;
      struct mapping mapping = parse(line);
      if (mapping.inode == 0) continue;
      // The segments of a file are consecutive; two of them may begin with the same page.
      if (mapping.inode != inode || (mapping.offset == 0 && mapping.begin != end)) base = mapping.begin;
      inode = mapping.inode;
      end = mapping.end;
      if (holds_a_frame(crash, &mapping)) take(crash, base, mapping.end, mapping.name);
    }
  }
  close(fd);
}

static bool is_known(const struct outrider_crash *crash, unsigned count, uint64_t address) {
  for (unsigned index = 0; index < count; ++index)
    if (crash->functions[index].address == address) return true;
  return false;
}

void outrider_crash_name_functions(struct outrider_crash *crash) {
  unsigned count = 0;
  for (unsigned index = 0; index < bounded(crash->count, OUTRIDER_CRASH_TRACES); ++index) {
    const struct outrider_crash_trace *trace = &crash->traces[index];
    for (unsigned frame = 0; frame < bounded(trace->count, OUTRIDER_CRASH_FRAMES); ++frame) {
      uint64_t address = trace->frames[frame];
      if (count == OUTRIDER_CRASH_FUNCTIONS) return;
      if (is_known(crash, count, address)) continue;
      struct outrider_symbol symbol = outrider_symbol_at(address);
      // /proc is missing, or there is no descriptor left to read it.
      if (symbol.file && !is_in_a_module(crash, address))
        take(crash, address - symbol.offset, address + 1, last_part(symbol.file));
      if (!symbol.function) continue;
      struct outrider_crash_function *function = &crash->functions[count];
      function->address = address;
      function->offset = symbol.function_offset;
      copy_name(function->name, sizeof function->name, symbol.function);
      crash->functions_count = ++count;
    }
  }
}

void outrider_crash_module_at(
    const struct outrider_crash *record, unsigned index, struct outrider_crash_module *module) {
  *module = record->modules[index];
}

void outrider_crash_function_at(
    const struct outrider_crash *record, unsigned index, struct outrider_crash_function *function) {
  *function = record->functions[index];
}
