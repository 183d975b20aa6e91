/* no_symbol: a shared object that is no plugin: it exports something else. */
#include <outrider.h>

__attribute__((visibility("default"))) int something_else(void);

int something_else(void) { return OUTRIDER_ABI_MAJOR; }
