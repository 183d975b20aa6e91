/* hints_load.c: GET / again and again on keep-alive connections to a server that sends 103 before each response. wrk
 * counts a 103 as the response.
 *
 * hints_load PORT CONNECTIONS SECONDS; what it prints has the form of wrk's summary. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

typedef struct connection {
  int fd, has_hint;
  size_t size;
  char bytes[4096];
} connection;

static void fail(const char *what) {
  fprintf(stderr, "hints_load: %s: %s\n", what, errno ? strerror(errno) : "not what was expected");
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void send_request(connection *to) {
  if (send(to->fd, request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1) fail("send");
}

static void connect_to(connection *made, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int yes = 1;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  made->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made->fd < 0 || connect(made->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  setsockopt(made->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

/* The size of the message at the front of the bytes; 0 if it is not whole. */
static size_t whole_message(connection *from, int *status) {
  from->bytes[from->size] = 0;
  char *end = strstr(from->bytes, "\r\n\r\n");
  if (!end) return 0;
  size_t head = (size_t)(end - from->bytes) + 4, length = 0;
  errno = 0;
  if (sscanf(from->bytes, "HTTP/1.1 %d ", status) != 1) fail("a status line");
  if (*status >= 200) {
    char *field = strcasestr(from->bytes, "\r\ncontent-length:");
    if (!field || field > end) fail("a response without content-length");
    length = strtoul(field + 17, NULL, 10);
  }
  return from->size >= head + length ? head + length : 0;
}

/* The number of responses that have come whole. */
static long take(connection *from) {
  ssize_t got = recv(from->fd, from->bytes + from->size, sizeof from->bytes - 1 - from->size, 0);
  long complete = 0;
  size_t size;
  int status;
  if (got <= 0) fail("recv");
  from->size += (size_t)got;
  while ((size = whole_message(from, &status))) {
    memmove(from->bytes, from->bytes + size, from->size - size);
    from->size -= size;
    if (status == 103) {
      from->has_hint = 1;
    } else {
      errno = 0;
      if (status != 200 || !from->has_hint) fail("a 200 behind a 103");
      from->has_hint = 0;
      complete++;
    }
  }
  return complete;
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  int n = atoi(arguments[2]), poll = epoll_create1(EPOLL_CLOEXEC);
  connection *connections = calloc((size_t)n, sizeof *connections);
  if (!connections || poll < 0) fail("start");
  for (int i = 0; i < n; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
    connect_to(&connections[i], atoi(arguments[1]));
    if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[i].fd, &event) < 0) fail("epoll_ctl");
  }
  double start = now(), end = start + atof(arguments[3]), time = start;
  long total = 0;
  for (int i = 0; i < n; i++) send_request(&connections[i]);
  for (; time < end; time = now()) {
    struct epoll_event events[64];
    int ready = epoll_wait(poll, events, 64, 100);
    for (int i = 0; i < ready; i++) {
      connection *one = events[i].data.ptr;
      long complete = take(one);
      total += complete;
      if (complete) send_request(one);
    }
  }
  printf("  %ld requests in %.2fs, with a 103 before each\n", total, time - start);
  return 0;
}
