/* A plugin that attacks the process above: from the master the supervisor, from a worker the master, over any descriptor
 * that leads there. [plugin.config] says how:
 *
 *   where = "load", "later" (by a child of the master, once the file `trigger` is there) or "worker"
 *   what  = "say" (a message of `kind` with `text`, `count` times), "hand" (with `descriptors` of `thing`), "flood" (without
 *           an end), "scribble" (at random into what the worker has mapped of the scoreboard, without an end), "define" (metrics of
 *           the first plugin there, without an end)
 *           "rename" (the plugin, in the scoreboard's head, to `text`), "type" (`text` into the terminal that it has),
 *           "press" (as "say", as fast as it is read), "disorder" (other numbers in the scoreboard's head),
 *           "stop" (the process above, `count` times), "fill" (standard error, so that the next write to it blocks),
 *           "silence" (the terminal that it is)
 *
 * A request for /deaf ends the listening socket, one for /linger makes a connection of it that takes long to close, one for
 * /hold is answered after an hour.
 *
 * A worker attacks if the file `trigger` is there when it starts. After an attack in load(), `hangs` keeps it there.
 *
 * Every attempt is told on stderr: what the kernel said to the socket and to the pipe. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <outrider.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "board.h"

struct plan {
  char where[16], what[16], text[4096], thing[16], trigger[256];
  unsigned char kind;
  int count, descriptors;
};

static struct plan plan;

static void copy(char *to, size_t size, outrider_bytes from) {
  const size_t count = from.size < size - 1 ? from.size : size - 1;
  memcpy(to, from.data, count);
  to[count] = '\0';
}

/* ---- The ways up ------------------------------------------------------------------------------------------------- */

/* Sockets of one message at a time, and pipes that keep messages apart: nobody else has such. */
static int socket_up(void) {
  for (int fd = 3; fd < 1024; fd++) {
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET) return fd;
  }
  return -1;
}

static int pipe_up(void) {
  for (int fd = 3; fd < 1024; fd++) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) continue;
    if ((fcntl(fd, F_GETFL) & (O_DIRECT | O_ACCMODE)) == (O_DIRECT | O_WRONLY)) return fd;
  }
  return -1;
}

static ssize_t by_socket(int fd, const void *bytes, size_t size, const int *things, int count) {
  struct iovec vector = {(void *)bytes, size};
  _Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(int) * 64)] = {0};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = space;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(header), things, sizeof(int) * (size_t)count);
  }
  return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* ---- What is handed up ------------------------------------------------------------------------------------------- */

/* A connection that takes as long to close as its peer does not read. */
static int lingering(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  bind(listener, (struct sockaddr *)&address, size);
  listen(listener, 1);
  getsockname(listener, (struct sockaddr *)&address, &size);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  connect(fd, (struct sockaddr *)&address, size);
  accept(listener, NULL, NULL); /* never read from, and open as long as this process lives */
  const struct linger option = {1, 30};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, sizeof option);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  static char bytes[1 << 16];
  while (send(fd, bytes, sizeof bytes, 0) > 0) {}
  return fd;
}

static int thing(void) {
  if (strcmp(plan.thing, "pipe") == 0) { /* with a writer, which says nothing */
    int ends[2];
    return pipe(ends) == 0 ? ends[0] : -1;
  }
  if (strcmp(plan.thing, "path") == 0) return open(plan.text, O_PATH);
  if (strcmp(plan.thing, "folder") == 0) return open("/", O_RDONLY | O_DIRECTORY);
  if (strcmp(plan.thing, "linger") == 0) return lingering();
  if (strcmp(plan.thing, "board") == 0) { /* a scoreboard of three slots that is cut off once it is mapped */
    const int fd = memfd_create("board", 0);
    const unsigned long head[6] = {0x6F75747269646572ul, 3, 3, 1, 4, 4};
    if (ftruncate(fd, 1 << 22) != 0 || pwrite(fd, head, sizeof head, 0) < 0) return -1;
    return fd;
  }
  return open("/dev/null", O_RDONLY);
}

/* ---- The attacks ------------------------------------------------------------------------------------------------- */

static void tell(const char *way, ssize_t result) {
  fprintf(stderr, "hostile: uid %d, %s: %s\n", (int)getuid(), way, result >= 0 ? "sent" : strerror(errno));
}

static void once(int up, int line) {
  char bytes[sizeof plan.text + 1];
  bytes[0] = (char)plan.kind;
  const size_t size = 1 + strlen(plan.text);
  memcpy(bytes + 1, plan.text, size - 1);
  int things[64];
  const int hands = strcmp(plan.what, "hand") == 0;
  const int count = hands ? plan.descriptors : 0;
  for (int i = 0; i < count; i++) things[i] = thing();
  /* A path that is handed over is no text of the message. */
  tell("socket", by_socket(up, bytes, hands && strcmp(plan.thing, "path") == 0 ? 1 : size, things, count));
  if (line >= 0) tell("pipe", write(line, bytes, size));
  if (count > 0 && strcmp(plan.thing, "board") == 0) {
    usleep(300000);
    (void)!ftruncate(things[0], 0);
  }
  for (int i = 0; i < count; i++) close(things[i]);
}

static void *flood(void *context) {
  (void)context;
  const int up = socket_up(), line = pipe_up();
  const char byte = (char)plan.kind;
  signal(SIGPIPE, SIG_IGN);
  for (;;) {
    (void)by_socket(up, &byte, 1, NULL, 0);
    if (line >= 0 && write(line, &byte, 1) < 0 && errno == EPIPE) return NULL;
  }
  return NULL;
}

static void rename_plugin(void) {
  struct region board;
  if (find_regions(&board, 1) == 0) return;
  /* Behind 16 words the names stand, each behind its length. */
  volatile unsigned long *name = (volatile unsigned long *)board.words + 16;
  *name = strlen(plan.text);
  memcpy((void *)(name + 1), plan.text, strlen(plan.text));
}

/* Where things stand, for whoever reads it anew. */
static void disorder(void) {
  struct region board;
  if (find_regions(&board, 1) == 0) return;
  for (unsigned long *number = board.words + 2; number < board.words + 6; number++) *number = 1;
}

static void press(int line) {
  char bytes[sizeof plan.text + 1];
  bytes[0] = (char)plan.kind;
  const size_t size = 1 + strlen(plan.text);
  memcpy(bytes + 1, plan.text, size - 1);
  int said = 0;
  for (; said < plan.count; said++) {
    struct pollfd room = {line, POLLOUT, 0};
    while (write(line, bytes, size) < 0 && errno == EAGAIN) poll(&room, 1, 1000);
  }
  fprintf(stderr, "hostile: said it %d times\n", said);
}

static int is(const char *what) { return strcmp(plan.what, what) == 0; }

static void type(void) {
  int typed = 0;
  for (int fd = 0; fd < 3; fd++) {
    for (const char *byte = plan.text; *byte; byte++) typed += ioctl(fd, TIOCSTI, byte) == 0;
  }
  fprintf(stderr, "hostile: typed %d characters\n", typed);
}

/* Nobody may wait while it is filled; from then on everybody may. */
static void fill(void) {
  const int flags = fcntl(2, F_GETFL);
  static const char bytes[4096];
  fcntl(2, F_SETFL, flags | O_NONBLOCK);
  while (write(2, bytes, sizeof bytes) > 0 || write(2, bytes, 1) > 0) continue;
  fcntl(2, F_SETFL, flags & ~O_NONBLOCK);
}

static void *stop(void *context) {
  (void)context;
  for (int i = 0; i < plan.count; i++) {
    kill(getppid(), SIGSTOP);
    usleep(200000);
  }
  return NULL;
}

static void attack(void) {
  const int up = socket_up(), line = pipe_up();
  signal(SIGPIPE, SIG_IGN);
  fprintf(stderr, "hostile: begins\n");
  if (is("flood")) flood(NULL);
  if (is("rename")) rename_plugin();
  if (is("type")) type();
  if (is("disorder")) disorder();
  if (is("press")) press(line);
  if (is("fill")) {
    fill();
    return;
  }
  if (is("silence")) {
    signal(SIGTTOU, SIG_IGN);
    ioctl(2, TCXONC, TCOOFF);
    return;
  }
  /* A descriptor that is not received lingers in the process that has made it. */
  if (strcmp(plan.where, "worker") == 0 && strcmp(plan.thing, "linger") == 0 && fork() != 0) return;
  for (int i = 0; i < plan.count && (is("say") || is("hand")); i++) once(up, line);
  fprintf(stderr, "hostile: done\n");
}

static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                            outrider_error *error) {
  (void)state, (void)error;
  if (info->purpose != OUTRIDER_PURPOSE_SERVE) return OUTRIDER_OK;
  copy(plan.where, sizeof plan.where, host->config_string(host, "where", "nowhere"));
  copy(plan.what, sizeof plan.what, host->config_string(host, "what", "say"));
  copy(plan.text, sizeof plan.text, host->config_string(host, "text", ""));
  copy(plan.thing, sizeof plan.thing, host->config_string(host, "thing", ""));
  copy(plan.trigger, sizeof plan.trigger, host->config_string(host, "trigger", ""));
  plan.kind = (unsigned char)host->config_integer(host, "kind", 0);
  plan.count = (int)host->config_integer(host, "count", 1);
  plan.descriptors = (int)host->config_integer(host, "descriptors", 1);
  if (strcmp(plan.where, "load") == 0) {
    attack();
    while (host->config_integer(host, "hangs", 0)) pause();
  }
  if (strcmp(plan.where, "later") == 0 && fork() == 0) {
    while (access(plan.trigger, F_OK) != 0) usleep(5000);
    attack();
    sleep(60); /* what it holds stays held */
    _exit(0);
  }
  return OUTRIDER_OK;
}

static outrider_status worker_start(void *state, const outrider_worker_info *info, outrider_error *error) {
  (void)state, (void)info, (void)error;
  if (strcmp(plan.where, "worker") != 0) return OUTRIDER_OK;
  pthread_t thread;
  if (strcmp(plan.what, "scribble") == 0) pthread_create(&thread, NULL, scribble, NULL);
  else if (access(plan.trigger, F_OK) != 0) return OUTRIDER_OK;
  else if (strcmp(plan.what, "define") == 0) pthread_create(&thread, NULL, define, NULL);
  else if (strcmp(plan.what, "flood") == 0) pthread_create(&thread, NULL, flood, NULL);
  else if (strcmp(plan.what, "stop") == 0) pthread_create(&thread, NULL, stop, NULL);
  else attack();
  return OUTRIDER_OK;
}

static int is_listening(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value;
}

/* All processes share what listens. */
static void spoil_listener(int connects) {
  int fd = 3;
  while (fd < 256 && !is_listening(fd)) fd++;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  const int sink = socket(AF_INET, SOCK_STREAM, 0);
  bind(sink, (struct sockaddr *)&address, size);
  listen(sink, 1);
  getsockname(sink, (struct sockaddr *)&address, &size);
  shutdown(fd, SHUT_RDWR);
  if (connects) {
    connect(fd, (struct sockaddr *)&address, size);
    struct pollfd connected = {fd, POLLOUT, 0};
    poll(&connected, 1, 1000);
    const struct linger option = {1, 30};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, sizeof option);
    if (fork() == 0) { /* the other side, which reads nothing */
      for (int other = 3; other < 1024; other++) if (other != sink) close(other);
      accept(sink, NULL, NULL);
      sleep(60);
      _exit(0);
    }
    static char bytes[1 << 16];
    while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {}
  }
  close(sink);
}

static int asks_for(const outrider_head *head, const char *path) {
  return head->path.size == strlen(path) && memcmp(head->path.data, path, head->path.size) == 0;
}

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread, (void)state;
  if (asks_for(head, "/deaf")) spoil_listener(0);
  if (asks_for(head, "/linger")) spoil_listener(1);
  if (asks_for(head, "/hold")) {
    fprintf(stderr, "hostile: holds below %d\n", (int)getppid());
    sleep(3600);
  }
  return io->respond(io, exchange, 200, NULL, 0, outrider_text("hello\n"));
}

static const outrider_plugin plugin = {.size = sizeof plugin,
                                       .abi = OUTRIDER_ABI_VERSION,
                                       .abi_required = OUTRIDER_ABI(1, 0),
                                       .capabilities = OUTRIDER_THREAD_SAFE,
                                       .name = "hostile",
                                       .version = "1.0",
                                       .load = load,
                                       .worker_start = worker_start,
                                       .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) {
  (void)host;
  return &plugin;
}
