#define _GNU_SOURCE
#include "CLinux.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "syscall.h"

int outrider_accept4(int listener, struct sockaddr *address, socklen_t *size, int flags) {
  return accept4(listener, address, size, flags);
}

// A sanitizer checks the buffers of calls that it intercepts.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
ssize_t outrider_recv(int fd, void *buffer, size_t capacity, int flags) { return recv(fd, buffer, capacity, flags); }

ssize_t outrider_send(int fd, const void *bytes, size_t count, int flags) { return send(fd, bytes, count, flags); }

int outrider_epoll_wait(int set, struct epoll_event *events, int capacity, int milliseconds) {
  return epoll_wait(set, events, capacity, milliseconds);
}
#else
ssize_t outrider_recv(int fd, void *buffer, size_t capacity, int flags) {
  return outrider_result(outrider_call(SYS_recvfrom, fd, (long)buffer, (long)capacity, flags, 0, 0));
}

ssize_t outrider_send(int fd, const void *bytes, size_t count, int flags) {
  return outrider_result(outrider_call(SYS_sendto, fd, (long)bytes, (long)count, flags, 0, 0));
}

int outrider_epoll_wait(int set, struct epoll_event *events, int capacity, int milliseconds) {
  // Some architectures only have the call with a signal mask; the last argument is the size of the kernel's mask.
  return (int)outrider_result(outrider_call(SYS_epoll_pwait, set, (long)events, capacity, milliseconds, 0, 8));
}
#endif

pid_t outrider_gettid(void) { return gettid(); }

int outrider_tgkill(pid_t process, pid_t thread, int signal) { return tgkill(process, thread, signal); }

int outrider_affinity_count(void) {
  // The system call returns the size of the mask, which has a bit for each possible processor.
  unsigned long mask[1024] = {0};
  long size = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
  if (size <= 0) return (int)sysconf(_SC_NPROCESSORS_ONLN);
  int count = 0;
  for (size_t i = 0; i < (size_t)size / sizeof *mask; i++) count += __builtin_popcountl(mask[i]);
  return count;
}

int outrider_join(pthread_t thread, uint64_t deadline) {
  struct timespec moment = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)};
  return pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &moment);
}

int outrider_lock_until(pthread_mutex_t *mutex, uint64_t deadline) {
  const struct timespec time = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)};
  return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &time);
}

ssize_t outrider_write_nowait(int fd, const void *bytes, size_t count) {
  const struct iovec piece = {.iov_base = (void *)bytes, .iov_len = count};
  return pwritev2(fd, &piece, 1, -1, RWF_NOWAIT);
}

int outrider_close_range(unsigned first, unsigned last) { return close_range(first, last, 0); }

int outrider_dup3(int from, int to, int flags) { return dup3(from, to, flags); }

const char *outrider_signal_abbreviation(int signal) { return sigabbrev_np(signal); }

int outrider_has_symbol_version(const char *version) {
  // A version is a symbol without an address: only the absence of an error shows that it exists.
  dlerror();
  dlvsym(RTLD_DEFAULT, version, version);
  return dlerror() == NULL;
}

int outrider_stop_new_connections(int listener) {
  // Byte 13 of a TCP segment contains the flags: SYN without ACK opens a connection.
  struct sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
  };
  struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
  return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int outrider_refuses_new_connections(int listener) {
  // With a size of 0 it returns the number of instructions.
  socklen_t steps = 0;
  return getsockopt(listener, SOL_SOCKET, SO_GET_FILTER, NULL, &steps) == 0 && steps > 0;
}

void outrider_release_free_memory(void) { malloc_trim(0); }

int outrider_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); }

int outrider_seal(int memfd, int what) {
  int seals = F_SEAL_SEAL;
  if (what & OUTRIDER_SEAL_SIZE) seals |= F_SEAL_SHRINK | F_SEAL_GROW;
  if (what & OUTRIDER_SEAL_CONTENTS) seals |= F_SEAL_WRITE;
  return fcntl(memfd, F_ADD_SEALS, seals);
}

int outrider_seals(int memfd) {
  int seals = fcntl(memfd, F_GET_SEALS);
  if (seals < 0) return -1;
  int size = (seals & F_SEAL_SHRINK) && (seals & F_SEAL_GROW);
  return (size ? OUTRIDER_SEAL_SIZE : 0) | (seals & F_SEAL_WRITE ? OUTRIDER_SEAL_CONTENTS : 0);
}

int outrider_change_owner(int fd, uid_t owner, gid_t group) { return fchownat(fd, "", owner, group, AT_EMPTY_PATH); }

// Copied from linux/un.h, which conflicts with sys/un.h.
#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0)
#endif

int outrider_unacknowledged(int socket) {
  int count;
  return ioctl(socket, SIOCOUTQ, &count) == 0 ? count : -1;
}

int outrider_bound_file(int socket) { return ioctl(socket, SIOCUNIXFILE); }

int outrider_may_write(int folder) {
  // glibc's faccessat checks the real user if real and effective user are equal.
  if (syscall(SYS_faccessat2, folder, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) == 0) return 1;
  return errno == EACCES || errno == EROFS ? 0 : -1;
}

int outrider_set_file_user(uid_t user, gid_t group) {
  // Both calls return the previous ID, whether they have changed it or not.
  uid_t user_before = (uid_t)setfsuid((uid_t)-1);
  gid_t group_before = (gid_t)setfsgid((gid_t)-1);
  setfsgid(group);
  setfsuid(user);
  if ((uid_t)setfsuid((uid_t)-1) == user && (gid_t)setfsgid((gid_t)-1) == group) return 0;
  setfsuid(user_before);
  setfsgid(group_before);
  errno = EPERM;
  return -1;
}

// The system call, because the library's function changes all threads. Callers have only one thread.
int outrider_set_groups(const gid_t *groups, size_t count) { return (int)syscall(SYS_setgroups, count, groups); }

int outrider_lock_for_writing(int fd) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl(fd, F_OFD_SETLK, &lock);
}

int outrider_is_locked_for_writing(int fd) {
  // Tests for a read lock, with which only write locks conflict.
  struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
  if (fcntl(fd, F_OFD_GETLK, &lock) != 0) return -1;
  return lock.l_type != F_UNLCK;
}

int outrider_get_capabilities(struct outrider_capabilities *sets) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct halves[2];
  if (syscall(SYS_capget, &header, halves) != 0) return -1;
  *sets = (struct outrider_capabilities){
      .effective = halves[0].effective | (uint64_t)halves[1].effective << 32,
      .permitted = halves[0].permitted | (uint64_t)halves[1].permitted << 32,
      .inheritable = halves[0].inheritable | (uint64_t)halves[1].inheritable << 32,
  };
  return 0;
}

int outrider_set_capabilities(const struct outrider_capabilities *sets) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct halves[2];
  for (int i = 0; i < 2; i++) {
    halves[i].effective = (uint32_t)(sets->effective >> (32 * i));
    halves[i].permitted = (uint32_t)(sets->permitted >> (32 * i));
    halves[i].inheritable = (uint32_t)(sets->inheritable >> (32 * i));
  }
  return (int)syscall(SYS_capset, &header, halves);
}

struct outrider_symbol outrider_symbol_at(uint64_t address) {
  Dl_info info;
  if (!dladdr((void *)(uintptr_t)address, &info)) return (struct outrider_symbol){0};
  return (struct outrider_symbol){
      .file = info.dli_fname,
      .offset = address - (uint64_t)(uintptr_t)info.dli_fbase,
      .function = info.dli_sname,
      .function_offset = info.dli_sname ? address - (uint64_t)(uintptr_t)info.dli_saddr : 0,
  };
}

_Thread_local void *outrider_this_context;

ssize_t outrider_send_message(int channel, const void *bytes, size_t size, int fd) {
  struct iovec vector = {(void *)bytes, size};
  union {
    struct cmsghdr alignment;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (fd >= 0) {
    message.msg_control = control.space;
    message.msg_controllen = sizeof control.space;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  return sendmsg(channel, &message, MSG_NOSIGNAL);
}

// The kernel's maximum number of descriptors in a message (SCM_MAX_FD). With room for all of them none is lost, and
// unexpected ones are closed.
enum { MOST_DESCRIPTORS = 253 };

ssize_t outrider_receive_message(int channel, void *bytes, size_t capacity, int *fd, int *faulty) {
  struct iovec vector = {bytes, capacity};
  union {
    struct cmsghdr alignment;
    char space[CMSG_SPACE(sizeof(int) * MOST_DESCRIPTORS)];
  } control;
  struct msghdr message = {.msg_iov = &vector,
                           .msg_iovlen = 1,
                           .msg_control = control.space,
                           .msg_controllen = sizeof control.space};
  *fd = -1;
  *faulty = 0;
  ssize_t count = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  if (count < 0) return count;
  int descriptors = 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const unsigned char *data = CMSG_DATA(header);
    for (size_t at = 0; at + sizeof(int) <= header->cmsg_len - CMSG_LEN(0); at += sizeof(int), descriptors++) {
      int received;
      memcpy(&received, data + at, sizeof received);
      if (descriptors == 0) *fd = received;
      else close(received);
    }
  }
  *faulty = descriptors > 1 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  if (*faulty && *fd >= 0) {
    close(*fd);
    *fd = -1;
  }
  return count;
}

int outrider_peer_of(int fd, struct outrider_peer *peer) {
  struct ucred credentials;
  socklen_t size = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return -1;
  *peer = (struct outrider_peer){credentials.pid, credentials.uid};
  return 0;
}

int outrider_message_pipe(int ends[2], int room) {
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK | O_DIRECT) != 0) return -1;
  if (room > 0) fcntl(ends[1], F_SETPIPE_SZ, room);
  return 0;
}

int outrider_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC | O_NONBLOCK); }

int outrider_unread(int fd) {
  int count = 0;
  return ioctl(fd, FIONREAD, &count) == 0 ? count : 0;
}

static int terminate_wake = -1;
static int terminate_shutdown = -1;
static pid_t terminate_parent;
static unsigned terminate_seconds;
static volatile sig_atomic_t terminated;

// Only makes async-signal-safe calls.
static void on_terminate(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  int saved = errno;
  // The kernel sends it, in the name of the parent, when the parent has died. While the supervisor has the other end of
  // the pipe open and has sent no command, the signal is ignored.
  struct pollfd shutdown = {.fd = terminate_shutdown, .events = POLLIN};
  if (terminate_shutdown >= 0 && info->si_pid == terminate_parent && poll(&shutdown, 1, 0) == 0) {
    errno = saved;
    return;
  }
  terminated = 1;
  alarm(terminate_seconds);
  uint64_t one = 1;
  ssize_t written = write(terminate_wake, &one, sizeof one);
  (void)written;
  errno = saved;
}

void outrider_on_terminate(int wake, unsigned seconds, int shutdown) {
  terminate_wake = wake;
  terminate_seconds = seconds;
  terminate_shutdown = shutdown;
  terminate_parent = getppid();
  struct sigaction action = {.sa_sigaction = on_terminate, .sa_flags = SA_RESTART | SA_SIGINFO};
  sigaction(SIGTERM, &action, NULL);
}

int outrider_terminated(void) { return terminated; }

void outrider_alarm(uint64_t nanoseconds) {
  const uint64_t microseconds = nanoseconds / 1000 + (nanoseconds % 1000 != 0);
  const struct itimerval timer = {.it_value = {.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000}};
  setitimer(ITIMER_REAL, &timer, NULL);
}

int outrider_ignores(int signal) {
  struct sigaction action;
  return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void do_nothing(int signal) { (void)signal; }

void outrider_discard_signal(int signal) {
  struct sigaction action = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
  sigaction(signal, &action, NULL);
}
