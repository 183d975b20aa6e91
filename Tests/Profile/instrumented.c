/* instrumented.c: what the program of the trial run has and no other: it counts how often its parts run, and writes the
 * counts when a process of it ends. See trial_run.py. */
#define _GNU_SOURCE

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <profile/InstrProfData.inc>

int __llvm_profile_write_file(void);

/* The linker has put the counters in, after it had put parts of the program into each other: so its compiler must be
 * told, or it takes the counts for those of the sources. */
const uint64_t __llvm_profile_raw_version = INSTR_PROF_RAW_VERSION | VARIANT_MASK_IR_PROF | VARIANT_MASK_CSIR_PROF;

/* Processes of Outrider end at once, without what exit() does. */
void _exit(int code)
{
	__llvm_profile_write_file();
	for (;;)
		syscall(SYS_exit_group, code);
}
