#define _GNU_SOURCE
#include "CLinux.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>

#include "syscall.h"

int outrider_accept4(int listener, struct sockaddr *address, socklen_t *size, int flags) {
  return accept4(listener, address, size, flags);
}

// A sanitizer looks after the buffers of the calls that it knows.
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
  // Not every machine has a call without a signal mask; the last argument is the size that the kernel's has.
  return (int)outrider_result(outrider_call(SYS_epoll_pwait, set, (long)events, capacity, milliseconds, 0, 8));
}
#endif

pid_t outrider_gettid(void) { return gettid(); }

int outrider_tgkill(pid_t process, pid_t thread, int signal) { return tgkill(process, thread, signal); }

int outrider_close_range(unsigned first, unsigned last) { return close_range(first, last, 0); }

int outrider_dup3(int from, int to, int flags) { return dup3(from, to, flags); }

const char *outrider_signal_abbreviation(int signal) { return sigabbrev_np(signal); }

int outrider_has_symbol_version(const char *version) {
  // A version is a symbol without an address: only the absence of an error tells.
  dlerror();
  dlvsym(RTLD_DEFAULT, version, version);
  return dlerror() == NULL;
}

int outrider_refuse_newcomers(int listener) {
  // Of a segment that arrives, byte 13 holds the flags: a SYN without ACK begins a connection.
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

int outrider_refuses_newcomers(int listener) {
  // Without room for them it tells how many instructions there are.
  socklen_t steps = 0;
  return getsockopt(listener, SOL_SOCKET, SO_GET_FILTER, NULL, &steps) == 0 && steps > 0;
}

void outrider_release_free_memory(void) { malloc_trim(0); }

int outrider_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

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

ssize_t outrider_receive_message(int channel, void *bytes, size_t capacity, int *fd) {
  struct iovec vector = {bytes, capacity};
  union {
    struct cmsghdr alignment;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct msghdr message = {.msg_iov = &vector,
                           .msg_iovlen = 1,
                           .msg_control = control.space,
                           .msg_controllen = sizeof control.space};
  *fd = -1;
  ssize_t count = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  if (count < 0) return count;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) memcpy(fd, CMSG_DATA(header), sizeof *fd);
  return count;
}

static int terminate_wake = -1;
static unsigned terminate_seconds;
static volatile sig_atomic_t terminated;

// Async-signal-safe all through.
static void on_terminate(int signal) {
  (void)signal;
  int saved = errno;
  terminated = 1;
  alarm(terminate_seconds);
  uint64_t one = 1;
  ssize_t written = write(terminate_wake, &one, sizeof one);
  (void)written;
  errno = saved;
}

void outrider_on_terminate(int wake, unsigned seconds) {
  terminate_wake = wake;
  terminate_seconds = seconds;
  struct sigaction action = {.sa_handler = on_terminate};
  sigaction(SIGTERM, &action, NULL);
}

int outrider_terminated(void) { return terminated; }
