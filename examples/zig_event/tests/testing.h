/* What Zig translates for the tests. */
#define OUTRIDER_NO_PROTOTYPE
#include <outrider/testing.h>
