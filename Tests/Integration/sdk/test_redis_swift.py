"""examples/redis_async_swift: a database is asked on the worker's loop, by tasks that keep no thread."""

import shutil

import pytest

from client import request
from observed import entry
from processes import wait_for
from sdk import built_example

pytestmark = pytest.mark.skipif(not shutil.which("swift"), reason="no swift")


@pytest.fixture
def asking(observed, model, redis, tmp_path_factory, takes_long):
    """A server of the example, whose redis has one color."""
    redis.say("SET color green")
    plugin = built_example(tmp_path_factory, "redis_async_swift") / "build/libredis_async.so"
    return observed(model, entry(plugin, port=redis.port))


def test_redis_is_asked(asking, redis):
    answer = asking.server.get("/color")
    assert answer.status == 200 and answer.body == b"green"
    assert asking.server.get("/shape").status == 404
    redis.say("LPUSH list x")
    assert asking.server.get("/list").status == 502, "a reply of another kind"
    asking.told("no reply from redis: -WRONGTYPE")
    assert asking.server.get("/color").body == b"green"


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_redis_is_asked_by_many_at_once(asking):
    """Pipelined requests on several connections: each gets its own reply."""
    connections = [asking.server.connect() for _ in range(8)]
    for connection in connections:
        connection.send((request("GET", "/color") + request("GET", "/none")) * 20)
    for connection in connections:
        assert [connection.final().status for _ in range(40)] == [200, 404] * 20
        connection.close()


@pytest.mark.parametrize("model", ["gthread", "async"])
def test_many_wait_while_redis_is_silent(asking, redis):
    """The tasks wait on the loop of one worker, and end when their clients have left."""
    redis.say("CLIENT PAUSE 1000000 ALL")
    clients = [asking.server.connect() for _ in range(2)]
    for number, client in enumerate(clients, 1):
        client.send(request("GET", "/color"))
        asking.wait_for_requests(number)
    for client in clients:
        client.abort()
    asking.wait_for_requests(0)


def test_redis_comes_back(asking, redis):
    assert asking.server.get("/color").status == 200
    redis.stop()
    assert asking.server.get("/color").status == 502
    redis.start()
    redis.say("SET color blue")
    wait_for(lambda: asking.server.get("/color").body == b"blue", lambda: asking.server.state())


def test_a_client_leaves_before_the_reply(asking, redis):
    """What redis replies then goes nowhere; nothing else changes."""
    assert asking.server.get("/color").body == b"green"
    redis.say("CLIENT PAUSE 300")
    for _ in range(3):
        connection = asking.server.connect()
        connection.send(request("GET", "/color"))
        connection.close()
    assert asking.server.get("/color").body == b"green"
