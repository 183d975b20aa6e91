/* websocket_load.c: sends a binary message of 32 bytes on each of its WebSockets, and the next one when its echo has come.
 *
 *     websocket_load PORT PATH CONNECTIONS SECONDS
 *
 * Each echo must be the message, in one frame. What it prints has the form of wrk's summary. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 32, EVENTS = 64 };

static const char message[SIZE + 1] = "0123456789abcdefghijklmnopqrstuv";
static unsigned char frame[6 + SIZE] = {0x82, 0x80 | SIZE, 0x37, 0xfa, 0x21, 0x3d};

typedef struct connection {
  int fd;
  size_t size;
  char bytes[4096];
} connection;

static void fail(const char *what) {
  fprintf(stderr, "websocket_load: %s: %s\n", what, errno ? strerror(errno) : "not what was expected");
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void send_message(connection *to) {
  if (send(to->fd, frame, sizeof frame, MSG_NOSIGNAL) != sizeof frame) fail("send");
}

static void receive(connection *from) {
  const ssize_t got = recv(from->fd, from->bytes + from->size, sizeof from->bytes - 1 - from->size, 0);
  if (got == 0) errno = ECONNRESET;
  if (got <= 0) fail("recv");
  from->size += (size_t)got;
}

static void open_socket(connection *made, int port, const char *path) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int yes = 1;
  char request[512];
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  made->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made->fd < 0 || connect(made->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  setsockopt(made->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const int size = snprintf(request, sizeof request,
                            "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                            path);
  if (send(made->fd, request, (size_t)size, MSG_NOSIGNAL) != size) fail("send");
  do {
    receive(made);
    made->bytes[made->size] = 0;
  } while (!strstr(made->bytes, "\r\n\r\n"));
  errno = 0;
  if (strncmp(made->bytes, "HTTP/1.1 101 ", 13) != 0) fail("a 101");
  made->size = 0;
}

/* Whether the echo is whole. */
static int is_answered(connection *from) {
  receive(from);
  if (from->size < 2 + SIZE) return 0;
  errno = 0;
  if (from->size > 2 + SIZE || memcmp(from->bytes, "\x82\x20", 2) != 0 || memcmp(from->bytes + 2, message, SIZE) != 0)
    fail("an echo");
  from->size = 0;
  return 1;
}

int main(int count, char **arguments) {
  if (count != 5) return 2;
  const int n = atoi(arguments[3]), poll = epoll_create1(EPOLL_CLOEXEC);
  connection *connections = calloc((size_t)n, sizeof *connections);
  if (!connections || poll < 0) fail("start");
  for (int i = 0; i < SIZE; i++) frame[6 + i] = (unsigned char)message[i] ^ frame[2 + i % 4];
  for (int i = 0; i < n; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
    open_socket(&connections[i], atoi(arguments[1]), arguments[2]);
    if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[i].fd, &event) < 0) fail("epoll_ctl");
  }
  const double start = now(), end = start + atof(arguments[4]);
  double time = start;
  long total = 0;
  for (int i = 0; i < n; i++) send_message(&connections[i]);
  for (; time < end; time = now()) {
    struct epoll_event events[EVENTS];
    const int ready = epoll_wait(poll, events, EVENTS, 100);
    for (int i = 0; i < ready; i++) {
      connection *one = events[i].data.ptr;
      if (!is_answered(one)) continue;
      total++;
      send_message(one);
    }
  }
  printf("  %ld requests in %.2fs, messages of %d bytes\n", total, time - start, SIZE);
  return 0;
}
