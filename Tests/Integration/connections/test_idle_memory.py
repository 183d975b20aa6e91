"""The worker's memory for an idle connection after its first response, as the kernel counts it.

OpenSSL's session is most of it, and over HTTP/2 nghttp2's comes on top of that: its room for frames, 16 KiB, is no part of
it beyond the page that is written to.
"""

from contextlib import ExitStack

import http2
from client import request
from server import RELEASE
from service import memory
from timing import of_the_shipped_server

CONNECTIONS = 400
DEMO = RELEASE / "libdemo_event.so"
STAY = ("-w", 1, "--set", "server.worker_connections=2000", "--set", "timeouts.keepalive=600s")
# 2.1 with the frames in pages of their own; 2.3 to 2.8 without, by what stood in their memory before.
MOST_OVER_HTTP1 = 2.2


def idle_http1(server, stack):
    connection = stack.enter_context(server.connect())
    connection.send(request("GET", "/"))
    assert connection.final().status == 200


def idle_http2(server, stack):
    connection = stack.enter_context(http2.connect(server))
    assert connection.answer(connection.request("GET", "/")).status == 200


def bytes_each(server, idle):
    """Private memory of the worker for each connection, beyond what the first has made it take."""
    (worker,) = server.workers()
    with ExitStack() as stack:
        idle(server, stack)
        before = memory(worker)
        for _ in range(CONNECTIONS):
            idle(server, stack)
        return (memory(worker) - before) * 1024 / CONNECTIONS


@of_the_shipped_server
def test_an_idle_http2_connection_costs_twice_one_of_http1(secure):
    over_http1 = bytes_each(secure(DEMO, *STAY, model="async"), idle_http1)
    over_http2 = bytes_each(secure(DEMO, *STAY, model="async"), idle_http2)
    assert over_http2 < MOST_OVER_HTTP1 * over_http1, (over_http1, over_http2)
