// The last words of a process: a handler of fatal signals that leaves in shared memory which signal it was and where each
// thread stood, and then lets the signal take its usual course. Everything in it is async-signal-safe, but for
// backtrace(), which is once its library is loaded, unless the crash is in the dynamic loader: hence the alarm.
#define _GNU_SOURCE
#include "CLinux.h"

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
static atomic_int dying;
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

static void trace(const void *context) {
  unsigned index = atomic_fetch_add(&traced, 1);
  if (index >= OUTRIDER_CRASH_TRACES) return;
  void *frames[OUTRIDER_CRASH_FRAMES + 4];
  int count = backtrace(frames, OUTRIDER_CRASH_FRAMES + 4);
  // Above the interrupted function stand this one, the handler and the kernel's trampoline.
  int first = 0;
  void *here = program_counter(context);
  while (first < count && frames[first] != here) ++first;
  if (first == count) first = count < 3 ? count : here ? 3 : 1;
  struct outrider_crash_trace *record = &crash->traces[index];
  uint64_t kept = 0;
  if (here && (first >= count || frames[first] != here)) record->frames[kept++] = (uint64_t)(uintptr_t)here;
  while (first < count && kept < OUTRIDER_CRASH_FRAMES) record->frames[kept++] = (uint64_t)(uintptr_t)frames[first++];
  record->thread = (uint64_t)thread_id();
  record->count = kept;
  __atomic_fetch_add(&crash->count, 1, __ATOMIC_RELEASE);
}

static void on_trace(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)info;
  int saved = errno;
  if (crash) trace(context);
  errno = saved;
}

static void on_fatal(int signal, siginfo_t *info, void *context) {
  // One thread reports; another that fails meanwhile waits for the end that the first brings.
  if (atomic_exchange(&dying, 1)) {
    for (;;) pause();
  }
  alarm(5);
  crash->address = (uint64_t)(uintptr_t)info->si_addr;
  trace(context);
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
  __atomic_store_n(&crash->signal, (uint64_t)signal, __ATOMIC_RELEASE);
  struct sigaction usual = {.sa_handler = SIG_DFL};
  sigaction(signal, &usual, NULL);
  syscall(SYS_tgkill, getpid(), self, signal);
}

// Somebody has called exit(), which no worker does. What a plugin has forked is not ours.
static void on_exit_called(void) {
  if (crash && getpid() == crashing_process && !atomic_load(&dying) && !atomic_load(&exit_is_expected)) trace(NULL);
}

void outrider_expect_exit(void) { atomic_store(&exit_is_expected, 1); }

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
enum { FATAL_SIGNALS = sizeof fatal_signals / sizeof *fatal_signals };

void outrider_crash_join_thread(void) {
  // A fault whose signal is blocked kills without a word.
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

void outrider_crash_leave_thread(void) {
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
  backtrace(&frame, 1);  // loads what it needs, while that is safe
  crash = record;
  crashing_process = getpid();
  if (atexit(on_exit_called) != 0) return -1;
  struct sigaction fatal = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  for (int index = 0; index < FATAL_SIGNALS; ++index) sigaction(fatal_signals[index], &fatal, NULL);
  struct sigaction other = {.sa_sigaction = on_trace, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
  sigaction(TRACE_SIGNAL, &other, NULL);
  return 0;
}

void outrider_crash_trace_at(const struct outrider_crash *record, unsigned index, struct outrider_crash_trace *trace) {
  *trace = record->traces[index];
}
