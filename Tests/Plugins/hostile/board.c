/* board.c: attacks on the memory of the scoreboard. */
#define _GNU_SOURCE
#include "board.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

size_t find_regions(struct region *regions, size_t n) {
  char line[512];
  size_t count = 0;
  unsigned long begin, end;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps && count < n && fgets(line, sizeof line, maps))
    if (strstr(line, "outrider-scoreboard") && sscanf(line, "%lx-%lx", &begin, &end) == 2)
      regions[count++] = (struct region){(unsigned long *)begin, (end - begin) / sizeof(long)};
  if (maps) fclose(maps);
  return count;
}

/* Numbers at the edges are those that arithmetic fails with. */
static unsigned long any(unsigned long *random) {
  *random ^= *random << 13, *random ^= *random >> 7, *random ^= *random << 17;
  const unsigned long values[8] = {*random, ~0ul, 1ul << 63, ~0ul >> 1, 0, 1, 0xFFFF, *random & 0xFF};
  return values[*random >> 61];
}

void *scribble(void *context) {
  struct region regions[8];
  unsigned long random = (unsigned long)getpid() * 0x9E3779B97F4A7C15ul;
  (void)context;
  const size_t count = find_regions(regions, 8);
  for (size_t i = 0; i < count; i++) fprintf(stderr, "hostile: scribbles over %zu bytes\n", regions[i].count * sizeof(long));
  for (;;) {
    for (int i = 0; i < 4096 && count > 0; i++) {
      const struct region *region = &regions[(unsigned)i % count];
      const unsigned long value = any(&random);
      /* The state stays: this worker is to be looked at. */
      ((volatile unsigned long *)region->words)[1 + random % (region->count - 1)] = value;
    }
    usleep(100);
  }
  return NULL;
}

/* A record as Sources/Platform/Scoreboard/MetricDefinitions.swift has it, in words. */
enum { HEADER = 8, STATE = 0, SHAPE = 1, CELL = 2, LENGTHS = 3, NAME = 4, HELP = 12, LABEL = 32, LABEL_WORDS = 13, BOUND = 84,
       RECORD = 100, RECORDS = 256, COMPLETE = 2 };

static void forge(volatile unsigned long *record, int which, unsigned long *random) {
  char name[64];
  const int size = snprintf(name, sizeof name, "forged_%d_total", which);
  record[STATE] = 1;
  memcpy((void *)(record + NAME), name, (size_t)size);
  memcpy((void *)(record + HELP), "Forged.", 7);
  record[LENGTHS] = (unsigned long)size | 7ul << 8;
  record[CELL] = (unsigned long)(which % 1000);
  record[SHAPE] = 0 | 1ul << 16; /* of plugin 0, a counter */
  switch (which % 12) {
  case 0: break;                                                              /* in order */
  case 1: record[SHAPE] |= 0xFFFF; break;                                     /* of no plugin */
  case 2: record[SHAPE] = 0 | 9ul << 16; break;                               /* of no kind */
  case 3: record[SHAPE] |= 0xFFul << 24; break;                               /* 255 labels */
  case 4: record[SHAPE] = 0 | 5ul << 16 | 0xFFul << 32; break;                /* 255 bounds */
  case 5: record[CELL] = any(random); break;
  case 6: memcpy((void *)(record + NAME), "a\n{b} 1 ", 8); break;             /* would end the line */
  case 7: memcpy((void *)(record + HELP), "\nx 1\n\x1b\xff", 7); break;
  case 8: record[LENGTHS] = ~0ul; break;
  case 9:                                                                     /* a label named plugin */
    record[SHAPE] |= 1ul << 24;
    record[LABEL] = 6 | 6ul << 8;
    memcpy((void *)(record + LABEL + 1), "plugin", 6);
    memcpy((void *)(record + LABEL + 5), "\"} 1\nx", 6);
    break;
  case 10:                                                                    /* a histogram with NaN as a bound */
    memcpy((void *)(record + NAME), "forged_seconds", 14);
    record[LENGTHS] = 14 | 7ul << 8;
    record[SHAPE] = 0 | 5ul << 16 | 2ul << 32;
    record[BOUND] = record[BOUND + 1] = 0x7FF8000000000000ul;
    break;
  default:
    for (int word = 1; word < RECORD; word++) record[word] = any(random);
  }
  record[STATE] = COMPLETE;
}

void *define(void *context) {
  struct region regions[8];
  unsigned long random = (unsigned long)getpid() * 0x9E3779B97F4A7C15ul;
  (void)context;
  const size_t count = find_regions(regions, 8);
  const size_t page = (size_t)sysconf(_SC_PAGESIZE) / sizeof(long);
  /* Behind the hints, which are a page. */
  volatile unsigned long *definitions = count > 0 && regions[0].count > page + HEADER + RECORDS * RECORD ? regions[0].words + page : NULL;
  fprintf(stderr, "hostile: %s\n", definitions ? "forges definitions" : "finds no definitions");
  for (int round = 0;; round++) {
    for (int i = 0; definitions && i < RECORDS - 16; i++) forge(definitions + HEADER + (16 + i) * RECORD, i + round, &random);
    const struct region *slot = &regions[count - 1];
    for (int i = 0; count > 0 && i < 4096; i++) {
      const unsigned long value = any(&random);
      ((volatile unsigned long *)slot->words)[8 + random % (slot->count - 8)] = value;
    }
    usleep(1000);
  }
  return NULL;
}
