/* null_server.c: the limit of a server's syscall pattern, by which the benchmark divides its other figures.
 *
 *     null_server PORT [keepalive|close]
 *
 * It answers on 127.0.0.1 and looks at no byte of what it receives: one recv, one send of a fixed answer.
 * Whatever a real server spends beyond this is its own: parsing, the handler, the writing of fields.
 *
 * keepalive   one thread, one epoll set, level triggered, each connection registered once (as async)
 * close       blocking accept, recv, send, close, one connection at a time (as sync)
 *
 * One recv is taken for one request: the load generator must neither pipeline nor split its requests.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 2048, EVENTS = 256, RECEIVE_SIZE = 16384, RESPONSE_SIZE = 512 };

static const char BODY[] = "Hello, Outrider!";

static char response[RESPONSE_SIZE];
static size_t response_size;

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* The fields that a real server sends, written once: the kernel then copies as many bytes for both. */
static void write_response(bool close_after)
{
	char date[64];
	const time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
	const int size = snprintf(response, sizeof response,
		"HTTP/1.1 200 OK\r\n"
		"content-type: text/plain\r\n"
		"content-length: %zu\r\n"
		"date: %s\r\n"
		"server: outrider\r\n"
		"%s\r\n%s",
		sizeof BODY - 1, date, close_after ? "connection: close\r\n" : "", BODY);
	response_size = (size_t)size;
}

static int listen_on(unsigned short port, int type)
{
	const int listener = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	const int on = 1;
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	if (listener < 0)
		fail("socket");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (const struct sockaddr *)&address, sizeof address) != 0)
		fail("bind");
	if (listen(listener, BACKLOG) != 0)
		fail("listen");
	return listener;
}

static void watch(int set, int descriptor)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};

	if (epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event) != 0)
		fail("epoll_ctl");
}

static void accept_all(int set, int listener)
{
	int connection;

	while ((connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		watch(set, connection);
}

/* A send into an empty socket buffer takes the whole answer; anything else ends the connection, so that the
 * load generator counts an error instead of waiting. */
static bool answer(int connection)
{
	static char request[RECEIVE_SIZE];
	const ssize_t received = recv(connection, request, sizeof request, 0);

	if (received < 0)
		return errno == EAGAIN;
	if (received == 0)
		return false;
	return send(connection, response, response_size, MSG_NOSIGNAL) == (ssize_t)response_size;
}

static _Noreturn void serve_keepalive(unsigned short port)
{
	const int listener = listen_on(port, SOCK_STREAM | SOCK_NONBLOCK);
	const int set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[EVENTS];

	if (set < 0)
		fail("epoll_create1");
	watch(set, listener);
	for (;;) {
		const int ready = epoll_wait(set, events, EVENTS, -1);

		if (ready < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < ready; i++) {
			const int descriptor = events[i].data.fd;

			if (descriptor == listener)
				accept_all(set, listener);
			else if (!answer(descriptor))
				close(descriptor);
		}
	}
}

static _Noreturn void serve_close(unsigned short port)
{
	const int listener = listen_on(port, SOCK_STREAM);
	const struct timeval bound = {.tv_sec = 1};

	/* Accepted sockets inherit it: a client that says nothing holds the server for a second only. */
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
	for (;;) {
		const int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (connection < 0)
			continue;
		answer(connection);
		close(connection);
	}
}

int main(int count, char **arguments)
{
	const char *mode = count > 2 ? arguments[2] : "keepalive";
	const long port = count > 1 ? strtol(arguments[1], NULL, 10) : 0;
	const bool close_after = strcmp(mode, "close") == 0;

	if (count > 3 || port < 1 || port > 65535 || (!close_after && strcmp(mode, "keepalive") != 0)) {
		fprintf(stderr, "usage: %s PORT [keepalive|close]\n", arguments[0]);
		return 64;
	}
	write_response(close_after);
	if (close_after)
		serve_close((unsigned short)port);
	serve_keepalive((unsigned short)port);
}
