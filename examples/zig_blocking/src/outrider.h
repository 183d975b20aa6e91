/* What Zig translates: `@import("outrider")` has these declarations. */
#define OUTRIDER_NO_PROTOTYPE
#include <outrider.h>
