/* What Zig translates: `@import("c")` has these declarations. */
#define _GNU_SOURCE /* mkostemp */
#define OUTRIDER_NO_PROTOTYPE
#include <outrider.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
