/* redis_alone PORT COUNT: the microseconds that a GET of redis takes by itself, one at a time: hiredis' asynchronous client on an
 * epoll loop of one descriptor, as a server waits for it. Prints the median. */
#define _GNU_SOURCE

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

static int replies, writes;
static void add_write(void *context) { (void)context, writes = 1; }
static void delete_write(void *context) { (void)context, writes = 0; }
static void replied(redisAsyncContext *redis, void *reply, void *context) { (void)redis, (void)context, replies += reply != NULL; }

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int count, char **arguments) {
  const int port = count > 1 ? atoi(arguments[1]) : 6379, rounds = count > 2 ? atoi(arguments[2]) : 20000;
  redisAsyncContext *redis = redisAsyncConnect("127.0.0.1", port);
  double *times = calloc((size_t)rounds, sizeof *times);
  if (!redis || redis->err || !times) return 1;
  redis->ev.addWrite = add_write, redis->ev.delWrite = delete_write;
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
  epoll_ctl(epoll, EPOLL_CTL_ADD, redis->c.fd, &event);
  epoll_wait(epoll, &event, 1, -1);
  redisAsyncHandleWrite(redis); /* it is connected */
  event.events = EPOLLIN;
  epoll_ctl(epoll, EPOLL_CTL_MOD, redis->c.fd, &event);
  for (int i = 0; i < rounds; i++) {
    const double began = now();
    redisAsyncCommand(redis, replied, NULL, "GET key");
    if (writes) redisAsyncHandleWrite(redis);
    while (replies == i) {
      epoll_wait(epoll, &event, 1, -1);
      redisAsyncHandleRead(redis);
    }
    times[i] = now() - began;
  }
  qsort(times, (size_t)rounds, sizeof *times, compare);
  printf("%.2f\n", times[rounds / 2]);
  return 0;
}
