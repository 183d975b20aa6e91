// Parts of Linux and glibc that Swift can't import: variadic functions, macros, fork, thread-locals. Nothing else.
#pragma once

// _GNU_SOURCE is not defined: Swift imports the C library without it, and both views must agree.
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
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

// GNU extensions, with the values of their manual pages.
#define OUTRIDER_POLLRDHUP 0x2000
pid_t outrider_gettid(void);
int outrider_tgkill(pid_t process, pid_t thread, int signal);
// The number of processors that the calling thread may use (sched_getaffinity(2)); if that is unknown, the number
// online.
int outrider_affinity_count(void);
// The same as pthread_join with a deadline in nanoseconds of CLOCK_MONOTONIC: ETIMEDOUT when it has passed.
int outrider_join(pthread_t thread, uint64_t deadline);
// Locks a mutex with such a deadline. Returns an error number.
int outrider_lock_until(pthread_mutex_t *mutex, uint64_t deadline);
int outrider_accept4(int listener, struct sockaddr *address, socklen_t *size, int flags);
// The same as recv, send and epoll_wait, but not cancellation points, which cost two locked instructions each once the
// process has had a second thread. The server cancels no threads.
ssize_t outrider_recv(int fd, void *buffer, size_t capacity, int flags);
ssize_t outrider_send(int fd, const void *bytes, size_t count, int flags);
int outrider_epoll_wait(int set, struct epoll_event *events, int capacity, int milliseconds);
// The same as write, but does not block on a blocking description: EAGAIN if it would have to. EOPNOTSUPP if the kernel
// does not support that, as for a terminal, or for a pipe before Linux 6.4.
ssize_t outrider_write_nowait(int fd, const void *bytes, size_t count);
int outrider_close_range(unsigned first, unsigned last);
int outrider_dup3(int from, int to, int flags);
const char *outrider_signal_abbreviation(int signal);
// Whether a loaded library defines a symbol version, such as LIBSYSTEMD_252.
int outrider_has_symbol_version(const char *version);

// A pointer for each thread, initially NULL. It is read on the path of a request, so its position is fixed when the
// program starts, which requires that it belongs to the program and not to a library.
extern _Thread_local void *outrider_this_context __attribute__((tls_model("initial-exec")));
static inline void *outrider_thread_context(void) { return outrider_this_context; }
static inline void outrider_set_thread_context(void *context) { outrider_this_context = context; }

// Variadic in C, which Swift can't call.
static inline int outrider_open(const char *path, int flags, mode_t mode) { return open(path, flags, mode); }
// The number of bytes sent on a socket that its peer has not acknowledged, or that a peer on the same machine has not
// read (SIOCOUTQ); -1 if unknown.
int outrider_unacknowledged(int socket);

static inline int outrider_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }
static inline int outrider_prctl(int option, unsigned long argument) { return prctl(option, argument, 0, 0, 0); }

// Installs a handler of SIGTERM. It makes `wake`, an eventfd, readable and outrider_terminated() true, and the process
// is killed if it runs `seconds` longer. A signal handler can't be written in Swift. `shutdown` is a pipe, or -1: the
// signal that the kernel sends when the parent dies is ignored while the pipe is empty and its other end is open.
void outrider_on_terminate(int wake, unsigned seconds, int shutdown);
int outrider_terminated(void);
// SIGALRM to this process after so many nanoseconds, rounded to the next microsecond; 0 for never (setitimer(2)).
void outrider_alarm(uint64_t nanoseconds);
// Whether a signal is ignored; and has one do nothing, by a handler: a program that is executed has its default again.
int outrider_ignores(int signal);
void outrider_discard_signal(int signal);

// Reserves the memory of the command line for a title, while there is one thread and nobody has pointers to strings of
// the environment. And sets the title, truncated to this memory. Without memory nothing is done.
enum { OUTRIDER_TITLE_ROOM = 64 };
void outrider_reserve_title(void);
void outrider_set_title(const char *text);
// Sets the name of the calling thread, of which the kernel keeps 15 bytes (PR_SET_NAME).
static inline void outrider_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

// Swift does not import fork, since its concurrency does not survive it. Callers use no Swift concurrency.
static inline pid_t outrider_fork(void) { return fork(); }

// Ancillary data needs macros. A message has at most one descriptor (fd; -1 for none). The same as sendmsg and recvmsg.
// `faulty` is set if the message is truncated or has more than one descriptor: all of them are then closed.
ssize_t outrider_send_message(int channel, const void *bytes, size_t size, int fd);
ssize_t outrider_receive_message(int channel, void *bytes, size_t capacity, int *fd, int *faulty);

// The peer of a unix socket (unix(7), SO_PEERCRED). 0, or -1.
struct outrider_peer {
  pid_t process;
  uid_t user;
};
int outrider_peer_of(int fd, struct outrider_peer *peer);

// A close-on-exec, nonblocking pipe that keeps messages apart. `room` is the wanted capacity in bytes, which the system
// may limit; 0 for the default. 0, or -1.
int outrider_message_pipe(int ends[2], int room);
// Both ends of a close-on-exec, nonblocking pipe. And the number of unread bytes of a pipe.
int outrider_pipe(int ends[2]);
int outrider_unread(int fd);

// Makes a listening socket drop SYNs in all processes that share it, while handshakes under way complete. And whether
// that was done. A unix socket is only marked. 0, or -1.
int outrider_stop_new_connections(int listener);
int outrider_refuses_new_connections(int listener);

// Releases freed memory to the system, anywhere in the heap (malloc_trim(3)).
void outrider_release_free_memory(void);

// A close-on-exec memfd that can be sealed, or -1. `outrider_seal` adds seals; 0, or -1. `outrider_seals` returns all
// seals, or -1 for a file that is not a memfd.
enum { OUTRIDER_SEAL_SIZE = 1, OUTRIDER_SEAL_CONTENTS = 2 };
int outrider_memfd(const char *name);
int outrider_seal(int memfd, int what);
int outrider_seals(int memfd);

// Opens a file relative to the descriptor of a folder, which may be O_PATH.
static inline int outrider_openat(int folder, const char *name, int flags, mode_t mode) {
  return openat(folder, name, flags, mode);
}
#define OUTRIDER_O_PATH 010000000
enum { OUTRIDER_O_TMPFILE = 020000000 | O_DIRECTORY };
// Changes the owner of an open file, which may be O_PATH; -1 keeps user or group. 0, or -1.
int outrider_change_owner(int fd, uid_t owner, gid_t group);
// An O_PATH descriptor of the file that a unix socket is bound to, even if its name leads to another file now. -1 with
// errno; EPERM without CAP_NET_ADMIN.
int outrider_bound_file(int socket);
// Whether the calling thread's effective user may create and remove files in a folder. 1, 0, or -1 with errno.
int outrider_may_write(int folder);
// Sets the user and group whose file access rights the calling thread has. 0, or -1 with errno and nothing changed.
int outrider_set_file_user(uid_t user, gid_t group);
int outrider_set_groups(const gid_t *groups, size_t count);

// Takes a write lock on the whole file. It belongs to the open file description, not to the process (fcntl(2),
// F_OFD_SETLK), and needs write access. 0, or -1 with EAGAIN. And whether another description has a write lock; read
// locks are ignored. 1, 0, or -1.
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

// The record that a process leaves when a fatal signal ends it; see crash.c.
#define OUTRIDER_CRASH_TRACES 16
#define OUTRIDER_CRASH_FRAMES 32
#define OUTRIDER_CRASH_MODULES 16
#define OUTRIDER_CRASH_FUNCTIONS 64
struct outrider_crash_trace {
  uint64_t thread;
  uint64_t count;
  uint64_t frames[OUTRIDER_CRASH_FRAMES];
};
// A file that is mapped from `base` to at least `end`. Names end with a zero byte and are truncated to the room.
struct outrider_crash_module {
  uint64_t base, end;
  char name[48];
};
// The function that contains an address, if it has an exported name.
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
// From now on fatal signals are recorded in `record` before their default action. 0, or -1 with errno.
int outrider_record_crashes(struct outrider_crash *record);
// The process is about to call exit() itself, which is then not recorded.
void outrider_expect_exit(void);
// Includes the calling thread in traces, and gives it an alternate signal stack. The second function undoes this.
void outrider_crash_register_thread(void);
void outrider_crash_unregister_thread(void);
// Swift does not import arrays of structures.
void outrider_crash_trace_at(const struct outrider_crash *record, unsigned index, struct outrider_crash_trace *trace);
void outrider_crash_module_at(
    const struct outrider_crash *record, unsigned index, struct outrider_crash_module *module);
void outrider_crash_function_at(
    const struct outrider_crash *record, unsigned index, struct outrider_crash_function *function);

// The file that contains an address, the address within it, and the function if it has an exported name; NULLs if
// unknown. The strings live as long as the file is loaded.
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
