// What Swift can't say of Linux and glibc: variadic functions, macros, fork, thread-locals. Nothing else.
#pragma once

// No _GNU_SOURCE here: Swift's own view of the C library has none, and the two must agree.
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

// GNU extensions, as in their manual pages.
#define OUTRIDER_POLLRDHUP 0x2000
pid_t outrider_gettid(void);
int outrider_tgkill(pid_t process, pid_t thread, int signal);
// As pthread_join, until a moment of CLOCK_MONOTONIC in nanoseconds: ETIMEDOUT then.
int outrider_join(pthread_t thread, uint64_t deadline);
int outrider_accept4(int listener, struct sockaddr *address, socklen_t *size, int flags);
// As recv, send and epoll_wait, but no cancellation points: those cost two locked instructions each as soon as the process
// has ever had a second thread. Nobody cancels threads here.
ssize_t outrider_recv(int fd, void *buffer, size_t capacity, int flags);
ssize_t outrider_send(int fd, const void *bytes, size_t count, int flags);
int outrider_epoll_wait(int set, struct epoll_event *events, int capacity, int milliseconds);
// As write, on a description that may be told to wait: EAGAIN if it would have to, EOPNOTSUPP if that can't be known, as of
// a terminal, or of a pipe before Linux 6.4.
ssize_t outrider_write_nowait(int fd, const void *bytes, size_t count);
int outrider_close_range(unsigned first, unsigned last);
int outrider_dup3(int from, int to, int flags);
const char *outrider_signal_abbreviation(int signal);
// Whether a loaded library defines a symbol version, such as LIBSYSTEMD_252.
int outrider_has_symbol_version(const char *version);

// One pointer that belongs to the calling thread, NULL at its start. It is asked for on the path of a request, so that it
// stands at a place that is known when the program starts: it is the program's own, never a library's.
extern _Thread_local void *outrider_this_context __attribute__((tls_model("initial-exec")));
static inline void *outrider_thread_context(void) { return outrider_this_context; }
static inline void outrider_set_thread_context(void *context) { outrider_this_context = context; }

// Variadic in C, so closed to Swift.
static inline int outrider_open(const char *path, int flags, mode_t mode) { return open(path, flags, mode); }
/* How many bytes of a socket its peer has not acknowledged, or a peer of the same machine not read: SIOCOUTQ; -1 if it does
   not tell. */
int outrider_unacknowledged(int socket);

static inline int outrider_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }
static inline int outrider_prctl(int option, unsigned long argument) { return prctl(option, argument, 0, 0, 0); }

// From now on SIGTERM makes `wake`, an eventfd, readable and outrider_terminated() true, and the process is killed if it
// lives `seconds` longer: a signal handler is no place for Swift.
void outrider_on_terminate(int wake, unsigned seconds);
int outrider_terminated(void);
// Whether a signal is ignored; and has one do nothing, by a handler: a program that is executed has its default again.
int outrider_ignores(int signal);
void outrider_disregard(int signal);

// Swift refuses fork: its own concurrency does not survive one. The processes that call this have none.
static inline pid_t outrider_fork(void) { return fork(); }

// Ancillary data is walked with macros: one message, at most one descriptor (fd, -1: none). As sendmsg and recvmsg.
// `faulty` tells that the message is not whole, or that more came with it than one descriptor: all of them are closed then.
ssize_t outrider_send_message(int channel, const void *bytes, size_t size, int fd);
ssize_t outrider_receive_message(int channel, void *bytes, size_t capacity, int *fd, int *faulty);

// Who is at the other end of a unix socket (unix(7), SO_PEERCRED). 0, or -1.
struct outrider_peer {
  pid_t process;
  uid_t user;
};
int outrider_peer_of(int fd, struct outrider_peer *peer);

// A close-on-exec pipe that keeps messages apart and does not wait; with so many bytes of room, if it may have them, or 0 for
// the usual. 0, or -1.
int outrider_message_pipe(int ends[2], int room);

// Makes a listening socket, in all processes that have it, drop what would begin a connection, while handshakes that are
// under way go on; and whether that was done. A unix socket is only marked. 0, or -1.
int outrider_refuse_newcomers(int listener);
int outrider_refuses_newcomers(int listener);

// Gives freed memory back to the system, wherever in the heap it is (malloc_trim(3)).
void outrider_release_free_memory(void);

// A close-on-exec memfd that can be sealed, or -1. And its seals: `outrider_seal` adds to them, 0 or -1; `outrider_seals` is
// all of them, or -1 for what is no memfd.
enum { OUTRIDER_SEAL_SIZE = 1, OUTRIDER_SEAL_CONTENTS = 2 };
int outrider_memfd(const char *name);
int outrider_seal(int memfd, int what);
int outrider_seals(int memfd);

// Files relative to the descriptor of a folder, which may be O_PATH.
static inline int outrider_openat(int folder, const char *name, int flags, mode_t mode) {
  return openat(folder, name, flags, mode);
}
#define OUTRIDER_O_PATH 010000000
enum { OUTRIDER_O_TMPFILE = 020000000 | O_DIRECTORY };
// Gives the file behind a descriptor, O_PATH too, another owner; -1 leaves one as it is. 0, or -1.
int outrider_change_owner(int fd, uid_t owner, gid_t group);
// A descriptor, as by O_PATH, of the file that a unix socket is bound to, wherever its name leads to by now; -1 with errno,
// EPERM without CAP_NET_ADMIN.
int outrider_bound_file(int socket);
// Whether the calling thread's effective user, as it is for files, may change what is in a folder. 1, 0, or -1 with errno.
int outrider_may_write(int folder);
// Whose rights to files the calling thread has from now on. 0, or -1 with errno, when nothing is changed.
int outrider_set_file_user(uid_t user, gid_t group);
int outrider_set_groups(const gid_t *groups, size_t count);

// A lock for writing on the whole file, which belongs to the open file, not to the process (fcntl(2), F_OFD_SETLK); whoever
// can't write to the file can't have one. 0, or -1 with EAGAIN. And whether somebody else has one: locks for reading do not
// count. 1, 0, or -1.
int outrider_lock_for_writing(int fd);
int outrider_is_locked_for_writing(int fd);

// Capabilities as sets of bits. 0, or -1 with errno.
struct outrider_capabilities {
  uint64_t effective, permitted, inheritable;
};
int outrider_get_capabilities(struct outrider_capabilities *sets);
int outrider_set_capabilities(const struct outrider_capabilities *sets);
static inline int outrider_ambient(int what, unsigned long capability) {
  return prctl(PR_CAP_AMBIENT, (unsigned long)what, capability, 0, 0);
}

// What a process leaves behind when a fatal signal ends it; see crash.c.
#define OUTRIDER_CRASH_TRACES 16
#define OUTRIDER_CRASH_FRAMES 32
#define OUTRIDER_CRASH_MODULES 16
#define OUTRIDER_CRASH_FUNCTIONS 64
struct outrider_crash_trace {
  uint64_t thread;
  uint64_t count;
  uint64_t frames[OUTRIDER_CRASH_FRAMES];
};
// A file that is mapped from `base` on, to `end` at least. Names end with a zero byte, cut where there is no room.
struct outrider_crash_module {
  uint64_t base, end;
  char name[48];
};
// The function that an address is in, if it has an exported name.
struct outrider_crash_function {
  uint64_t address, offset;
  char name[80];
};
struct outrider_crash {
  uint64_t signal;  // 0: none; else thread, address and the first trace's first frame are there too
  uint64_t address;
  uint64_t thread;
  uint64_t count;  // of traces; the first is the failing thread's
  uint64_t modules_count;
  uint64_t functions_count;
  struct outrider_crash_trace traces[OUTRIDER_CRASH_TRACES];
  struct outrider_crash_module modules[OUTRIDER_CRASH_MODULES];
  struct outrider_crash_function functions[OUTRIDER_CRASH_FUNCTIONS];
};
// From here on fatal signals are recorded in `record` before they take their usual course. 0, or -1 with errno.
int outrider_record_crashes(struct outrider_crash *record);
// The process is about to call exit() itself: that is no end to be recorded.
void outrider_expect_exit(void);
// The calling thread is to be traced, and can overflow its stack; undone by the second.
void outrider_crash_join_thread(void);
void outrider_crash_leave_thread(void);
// Swift sees no arrays of structures.
void outrider_crash_trace_at(const struct outrider_crash *record, unsigned index, struct outrider_crash_trace *trace);
void outrider_crash_module_at(
    const struct outrider_crash *record, unsigned index, struct outrider_crash_module *module);
void outrider_crash_function_at(
    const struct outrider_crash *record, unsigned index, struct outrider_crash_function *function);

// The file that an address belongs to and the address within it, and the function if it has an exported name; NULLs if
// they are unknown. The strings live as long as the file is loaded.
struct outrider_symbol {
  const char *file;
  uint64_t offset;
  const char *function;
  uint64_t function_offset;
};
struct outrider_symbol outrider_symbol_at(uint64_t address);

// Macros over a status of waitpid().
static inline int outrider_exited(int status) { return WIFEXITED(status); }
static inline int outrider_exit_code(int status) { return WEXITSTATUS(status); }
static inline int outrider_term_signal(int status) { return WTERMSIG(status); }
static inline int outrider_stopped(int status) { return WIFSTOPPED(status); }
static inline int outrider_stop_signal(int status) { return WSTOPSIG(status); }
