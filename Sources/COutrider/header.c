// SwiftPM wants a translation unit; this one proves that the header compiles alone as C11.
#include <outrider.h>
