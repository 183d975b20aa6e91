// What the files of the crash handler share.
#pragma once

#include "CLinux.h"

// The files that hold the recorded addresses, as the kernel knows them: system calls alone.
void outrider_crash_name_modules(struct outrider_crash *crash);
// The functions around the recorded addresses. It reads the symbol tables of whatever is loaded, which can fail.
void outrider_crash_name_functions(struct outrider_crash *crash);
