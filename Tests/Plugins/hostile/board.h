/* board.h: the scoreboard as an attacker sees it. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>

/* A part of it that is mapped: all of it in a master; in a worker its own slot, and what workers share. */
struct region {
  unsigned long *words;
  size_t count;
};

/* Finds at most n of them, in the order of their places. */
size_t find_regions(struct region *regions, size_t n);

/* Writes numbers at random into all of them, without an end, but for the first word of each. */
void *scribble(void *context);

/* Writes definitions of metrics that look like those of the plugin number 0: one that is in order, and others that break
 * each rule; and numbers at random into the values of its own slot, without an end. */
void *define(void *context);

#endif
