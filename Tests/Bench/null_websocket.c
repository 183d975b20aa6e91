/* null_websocket.c: an echo server for WebSockets that does no more than it must: one recv, frames unmasked and written
 * anew, one send. By its CPU time the benchmark divides that of real servers.
 *
 *     null_websocket PORT
 *
 * One thread, one epoll set, level triggered. It trusts its clients: each sends a correct handshake in one piece, and then
 * masked frames of up to 125 bytes, of which a recv has no part of one. */
#define _GNU_SOURCE

#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 2048, EVENTS = 256, RECEIVE_SIZE = 16384, KEY_SIZE = 24, LONGEST = 125, MOST_DESCRIPTORS = 65536 };

static bool is_open[MOST_DESCRIPTORS]; /* the handshake of the connection with this descriptor is done */

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static bool send_all(int connection, const void *data, size_t size)
{
	return send(connection, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool shake_hands(int connection, char *request)
{
	const char *field = strcasestr(request, "sec-websocket-key: ");
	char text[KEY_SIZE + 37], accept[32], response[256];
	unsigned char digest[SHA_DIGEST_LENGTH];

	if (field == NULL)
		return false;
	snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", KEY_SIZE, field + 19);
	SHA1((const unsigned char *)text, strlen(text), digest);
	EVP_EncodeBlock((unsigned char *)accept, digest, sizeof digest);
	const int size = snprintf(response, sizeof response,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n\r\n", accept);
	is_open[connection] = true;
	return send_all(connection, response, (size_t)size);
}

/* The frames of the client, as frames of a server. */
static bool echo(int connection, const unsigned char *received, size_t size)
{
	static unsigned char frames[RECEIVE_SIZE];
	size_t place = 0, written = 0;

	while (size - place >= 6) {
		const size_t length = received[place + 1] & 0x7f;
		const unsigned char *mask = received + place + 2, *payload = mask + 4;

		if (length > LONGEST || size - place < 6 + length || (received[place] & 0x0f) > 2)
			return false;
		frames[written] = received[place];
		frames[written + 1] = (unsigned char)length;
		for (size_t i = 0; i < length; i++)
			frames[written + 2 + i] = payload[i] ^ mask[i & 3];
		written += 2 + length;
		place += 6 + length;
	}
	return place == size && send_all(connection, frames, written);
}

static bool answer(int connection)
{
	static char received[RECEIVE_SIZE];
	const ssize_t size = recv(connection, received, sizeof received - 1, 0);

	if (size < 0)
		return errno == EAGAIN;
	if (size == 0)
		return false;
	if (is_open[connection])
		return echo(connection, (const unsigned char *)received, (size_t)size);
	received[size] = 0;
	return shake_hands(connection, received);
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

	while ((connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (connection >= MOST_DESCRIPTORS) {
			close(connection);
			continue;
		}
		is_open[connection] = false;
		watch(set, connection);
	}
}

int main(int count, char **arguments)
{
	const long port = count == 2 ? strtol(arguments[1], NULL, 10) : 0;
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	const int set = epoll_create1(EPOLL_CLOEXEC);
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event events[EVENTS];

	if (port < 1 || port > 65535) {
		fprintf(stderr, "usage: %s PORT\n", arguments[0]);
		return 64;
	}
	if (listener < 0 || set < 0)
		fail("socket");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 || listen(listener, BACKLOG) != 0)
		fail("bind");
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
