// Declarations shared by the files of the crash handler.
#pragma once

#include "CLinux.h"

// Names the files that contain the recorded addresses, by system calls only.
void outrider_crash_name_modules(struct outrider_crash *crash);
// Names the functions that contain the recorded addresses. It reads symbol tables of loaded files, which may fail.
void outrider_crash_name_functions(struct outrider_crash *crash);
