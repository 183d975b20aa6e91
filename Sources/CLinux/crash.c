// A handler of fatal signals. It records in shared memory the signal and the stack of each thread, and then lets the
// signal take its default action.
//
// The signal, the thread and its address are written first. The rest reads memory that may be the cause of the crash: a
// file that was truncated has no code and no tables for backtrace() any more. A step that fails is skipped, and the
// next one follows. Everything is async-signal-safe except two functions: backtrace(), which is safe once its library
// is loaded, and dladdr(), which comes last. If the crash is in the dynamic loader, these may block forever; an alarm
// limits that.
#define _GNU_SOURCE
#include "crash.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>

#define STACK_SIZE (64 << 10)
#define TRACE_SIGNAL (SIGRTMIN + 13)

static struct outrider_crash *crash;
static pid_t crashing_process;
static atomic_int dying;  // the thread that reports
static int first_signal;
static atomic_int step;
static atomic_int exit_is_expected;
static atomic_int joined[OUTRIDER_CRASH_TRACES];
static atomic_uint traced;
static _Thread_local void *signal_stack;

static int thread_id(void) { return (int)syscall(SYS_gettid); }

static void *program_counter(const void *context) {
  const ucontext_t *user = context;
  if (!user) return NULL;
#if defined(__x86_64__)
  return (void *)user->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
  return (void *)user->uc_mcontext.pc;
#else
  return NULL;
#endif
}

// The number of frames above those of interest: the functions here and, in a handler, the kernel's trampoline.
enum { AT_EXIT = 2, IN_HANDLER = 4 };

// Begins a trace of the calling thread. Its first frame is known before the stack is read. NULL if there is no room.
static struct outrider_crash_trace *begin_trace(void *here, int depth) {
  unsigned index = atomic_fetch_add(&traced, 1);
  if (index >= OUTRIDER_CRASH_TRACES) return NULL;
  struct outrider_crash_trace *record = &crash->traces[index];
  record->thread = (uint64_t)thread_id();
  record->frames[0] = (uint64_t)(uintptr_t)here;
  record->count = depth == IN_HANDLER;
  return record;
}

static void unwind(struct outrider_crash_trace *record, void *here, int depth) {
  void *frames[OUTRIDER_CRASH_FRAMES + 4];
  int count = backtrace(frames, OUTRIDER_CRASH_FRAMES + 4);
  int first = 0;
  while (first < count && frames[first] != here) ++first;
  if (first == count) first = count < depth ? count : depth;
  uint64_t kept = record->count;
  if (first < count && frames[first] == here) ++first;
  while (first < count && kept < OUTRIDER_CRASH_FRAMES) record->frames[kept++] = (uint64_t)(uintptr_t)frames[first++];
  record->count = kept;
}

static void trace(void *here, int depth) {
  struct outrider_crash_trace *record = begin_trace(here, depth);
  if (!record) return;
  unwind(record, here, depth);
  __atomic_fetch_add(&crash->count, 1, __ATOMIC_RELEASE);
}

static void on_trace(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)info;
  int saved = errno;
  if (crash && getpid() == crashing_process) trace(program_counter(context), IN_HANDLER);
  errno = saved;
}

static _Noreturn void die(int signal) {
  struct sigaction usual = {.sa_handler = SIG_DFL};
  sigaction(signal, &usual, NULL);
  sigset_t heeded;
  sigemptyset(&heeded);
  sigaddset(&heeded, signal);
  pthread_sigmask(SIG_UNBLOCK, &heeded, NULL);
  syscall(SYS_tgkill, getpid(), thread_id(), signal);
  for (;;) pause();
}

static void trace_fellows(void) {
  unsigned others = 0;
  int self = thread_id();
  for (int index = 0; index < OUTRIDER_CRASH_TRACES; ++index) {
    int thread = atomic_load(&joined[index]);
    if (thread && thread != self && syscall(SYS_tgkill, getpid(), thread, TRACE_SIGNAL) == 0) ++others;
  }
  for (int waits = 0; waits < 200 && __atomic_load_n(&crash->count, __ATOMIC_ACQUIRE) < others + 1; ++waits) {
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
  }
}

// Runs the next step of the report. A step that fails raises another signal, whose handler continues with the step
// after it.
static _Noreturn void go_on(void) {
  for (;;) {
    switch (atomic_fetch_add(&step, 1)) {
      case 0: outrider_crash_name_modules(crash); break;
      case 1: unwind(&crash->traces[0], (void *)(uintptr_t)crash->traces[0].frames[0], IN_HANDLER); break;
      case 2: trace_fellows(); break;
      case 3: outrider_crash_name_modules(crash); break;
      case 4: outrider_crash_name_functions(crash); break;
      default: die(first_signal);
    }
  }
}

// Restores the default action, which a plugin may have changed.
static void signal_default(int signal) {
  struct sigaction usual = {.sa_handler = SIG_DFL};
  sigaction(signal, &usual, NULL);
}

static void on_fatal(int signal, siginfo_t *info, void *context) {
  // A process forked by a plugin shares the record, but is not to be reported.
  if (getpid() != crashing_process) die(signal);
  // One thread reports. Others that fail meanwhile wait until the process ends.
  int self = thread_id(), reporter = 0;
  if (!atomic_compare_exchange_strong(&dying, &reporter, self)) {
    if (reporter == self) go_on();
    for (;;) pause();
  }
  first_signal = signal;
  signal_default(SIGALRM);
  alarm(5);
  // Recorded first, because it needs only this memory.
  crash->address = (uint64_t)(uintptr_t)info->si_addr;
  crash->thread = (uint64_t)self;
  atomic_store(&traced, 0);
  begin_trace(program_counter(context), IN_HANDLER);
  __atomic_store_n(&crash->count, 1, __ATOMIC_RELEASE);
  __atomic_store_n(&crash->signal, (uint64_t)signal, __ATOMIC_RELEASE);
  go_on();
}

// exit() was called, which no code of the server does.
static void on_exit_called(void) {
  if (!crash || getpid() != crashing_process || atomic_load(&dying) || atomic_load(&exit_is_expected)) return;
  trace(NULL, AT_EXIT);
  outrider_crash_name_modules(crash);
  outrider_crash_name_functions(crash);
}

void outrider_expect_exit(void) { atomic_store(&exit_is_expected, 1); }

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
enum { FATAL_SIGNALS = sizeof fatal_signals / sizeof *fatal_signals };

void outrider_crash_register_thread(void) {
  // A fault whose signal is blocked kills the process without calling the handler.
  sigset_t heeded;
  sigemptyset(&heeded);
  for (int index = 0; index < FATAL_SIGNALS; ++index) sigaddset(&heeded, fatal_signals[index]);
  sigaddset(&heeded, TRACE_SIGNAL);
  pthread_sigmask(SIG_UNBLOCK, &heeded, NULL);
  void *memory = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory != MAP_FAILED) {
    stack_t stack = {.ss_sp = memory, .ss_size = STACK_SIZE};
    if (sigaltstack(&stack, NULL) == 0)
      signal_stack = memory;
    else
      munmap(memory, STACK_SIZE);
  }
  for (int index = 0; index < OUTRIDER_CRASH_TRACES; ++index) {
    int none = 0;
    if (atomic_compare_exchange_strong(&joined[index], &none, thread_id())) return;
  }
}

void outrider_crash_unregister_thread(void) {
  int self = thread_id();
  for (int index = 0; index < OUTRIDER_CRASH_TRACES; ++index) {
    int expected = self;
    atomic_compare_exchange_strong(&joined[index], &expected, 0);
  }
  if (!signal_stack) return;
  stack_t none = {.ss_flags = SS_DISABLE};
  sigaltstack(&none, NULL);
  munmap(signal_stack, STACK_SIZE);
  signal_stack = NULL;
}

int outrider_record_crashes(struct outrider_crash *record) {
  void *frame;
  backtrace(&frame, 1);  // loads its library while that is safe
  crash = record;
  crashing_process = getpid();
  if (atexit(on_exit_called) != 0) return -1;
  struct sigaction fatal = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  for (int index = 0; index < FATAL_SIGNALS; ++index) sigaction(fatal_signals[index], &fatal, NULL);
  struct sigaction other = {.sa_sigaction = on_trace, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
  sigaction(TRACE_SIGNAL, &other, NULL);
  return 0;
}

void outrider_crash_trace_at(const struct outrider_crash *record, unsigned index, struct outrider_crash_trace *trace) {
  *trace = record->traces[index];
}
