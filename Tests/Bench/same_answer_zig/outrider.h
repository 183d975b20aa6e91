#define OUTRIDER_NO_PROTOTYPE
#include <outrider.h>
