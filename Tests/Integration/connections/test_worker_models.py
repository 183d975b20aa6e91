"""Guarantees of the worker models: turns for every listener, even load, threads for thread-safe handlers."""

import random
import re
import select
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

import processes
from client import Closed, Connection, chunked, request
from control import Control
from matrix import keeping_alive, only
from processes import wait_for
from server import TEST_PLUGINS, free_port
from timing import of_the_shipped_server, scaled, scaled_timeout, seen

NOT_THREAD_SAFE = TEST_PLUGINS / "libidentity.so"
pooled = only(lambda combination: combination.style == "blocking" and combination.model != "sync")
one_at_a_time = only(lambda combination: combination.model == "sync")


def answered(connections):
    """How many of them have got something, or have ended; nothing is read."""
    return len(select.select([connection.socket for connection in connections], [], [], 0)[0])


# Several listeners, several workers


@one_at_a_time
@pytest.mark.parametrize("crowded", [0, 1], ids=["crowd on the first", "crowd on the second"])
def test_listeners_take_turns(own, combination, crowded):
    """Forty who wait at one listener are not served before four who come to the other."""
    ports = [free_port(), free_port()]
    server = own("-b", f"127.0.0.1:{ports[1]}", combination.demo, model=combination.model, port=ports[0])

    def come(stack, port):
        connection = stack.enter_context(Connection(("127.0.0.1", port)))
        connection.send(request("GET", "/delay?s=0.025"))
        return connection

    def served_before_the_few():
        with ExitStack() as stack:
            crowd = [come(stack, ports[crowded]) for _ in range(40)]
            assert crowd[0].final().status == 200
            before = answered(crowd)
            few = [come(stack, ports[1 - crowded]) for _ in range(4)]
            assert [connection.final().status for connection in few] == [200] * 4
            meanwhile = answered(crowd) - before
            assert all(connection.final().status == 200 for connection in crowd[1:])
            return meanwhile

    seen(served_before_the_few, lambda meanwhile: meanwhile <= 8)


@of_the_shipped_server
@pytest.mark.parametrize("clients, target", [(1, "/health"), (3, "/delay?s=0.01")], ids=["one by one", "by threes"])
def test_even_load(own, combination, tmp_path, clients, target):
    """Of 120 fresh connections each of three workers gets its third, give or take 30 %."""
    control = Control(tmp_path / "control")
    server = own("--set", f'control.socket="{control.path}"', "-w", 3, combination.demo, model=combination.model)
    server.workers(3)
    wait_for(control.takes_clients, server.state)

    def counts():
        return {worker["pid"]: worker["requests"] for worker in control.ask("workers")}

    def served():
        """A worker that stands still has less."""
        before = counts()
        with ThreadPoolExecutor(clients) as executor:
            assert list(executor.map(lambda _: server.get(target).status, range(120))) == [200] * 120
        wait_for(lambda: sum(counts().values()) - sum(before.values()) == 120, lambda: f"{before}, and 120 more: {counts()}")
        return [count - before[pid] for pid, count in counts().items()]

    seen(served, lambda found: all(28 <= count <= 52 for count in found))


def test_workers_do_not_wear_out_together(own, model):
    """max_requests_jitter: each is replaced after a number of requests of its own."""
    server = own(
        "-w", 3, "--set", "server.max_requests=20", "--set", "server.max_requests_jitter=40", NOT_THREAD_SAFE,
        model=model,
    )  # fmt: skip
    served, worn = Counter(), {}

    def counts():
        """What six more have served by the time that they are said to be worn. A master that stands still says so later."""
        before, until = len(worn), time.monotonic() + scaled_timeout(20)
        while len(worn) < before + 6:
            assert time.monotonic() < until, server.state()
            served[re.search(rb"pid=(\d+)", server.get("/").body)[1].decode()] += 1
            time.sleep(0.003)  # for the word of it to get to the log
            for pid in re.findall(r"pid (\d+)\) has reached server\.max_requests", server.log):
                worn.setdefault(pid, served[pid])
        found = list(worn.values())[before:]
        assert min(found) >= 20, found
        return found

    seen(counts, lambda found: max(found) <= 60 + scaled(5) and max(found) - min(found) > 2)


# Several threads


@pooled
@pytest.mark.parametrize("safe", [True, False], ids=["thread-safe", "not thread-safe"])
def test_thread_safety(own, combination, tmp_path, safe):
    """A plugin that does not say that it is thread-safe runs on one thread at a time; others beside it are not held back."""
    file = tmp_path / "outrider.toml"
    plugins = {"/": combination.demo} | ({} if safe else {"/unsafe": NOT_THREAD_SAFE})
    file.write_text("".join(f'[[plugin]]\nmount = "{mount}"\npath = "{path}"\n' for mount, path in plugins.items()))
    server = own("-c", file, "--threads", 4, model=combination.model)

    def took():
        with ExitStack() as stack:
            connections = [stack.enter_context(server.connect()) for _ in range(3)]
            start = time.monotonic()
            for connection in connections:
                connection.send(request("GET", "/delay?s=0.2"))
            assert [connection.final().status for connection in connections] == [200] * 3
            return time.monotonic() - start

    seen(took, lambda seconds: seconds < scaled(0.5))
    warned = "plugin identity is not thread-safe: its handler runs on one thread at a time" in server.log
    assert warned != safe, server.log


@keeping_alive
def test_pipelined_requests_among_several_threads(shared, combination):
    """Six connections with twelve requests each: every answer in its place, whatever its request took."""
    server = shared(combination.demo, combination.model, "--threads", 4)
    generator = random.Random(11)
    with ExitStack() as stack:
        expected = []
        for _ in range(6):
            connection = stack.enter_context(server.connect())
            bodies = [generator.randbytes(generator.choice((0, 1, 1000, 70_000))) for _ in range(8)]
            data = [
                request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(body[:500], body[500:])
                if place % 2
                else request("POST", "/echo", body=body)
                for place, body in enumerate(bodies)
            ]
            for place in (0, 3, 6, 9):
                seconds = generator.choice(("0.01", "0.03", "0.05"))
                data.insert(place, request("GET", f"/delay?s={seconds}"))
                bodies.insert(place, f"delayed {seconds}\n".encode())
            connection.send(b"".join(data), [one.split()[0].decode() for one in data])
            expected.append((connection, bodies))
        for connection, bodies in expected:
            assert [connection.final().body for _ in bodies] == bodies
            connection.assert_open(within=0.01)


@pooled
def test_all_threads_hang(own, combination):
    """Both requests are named, and the worker is replaced."""
    server = own(
        "--set", "timeouts.worker=4s", "--threads", 2, combination.misbehaving, model=combination.model
    )
    (victim,) = server.workers()
    start = time.monotonic()
    with server.connect() as one, server.connect() as other:
        for connection, name in [(one, "hung-1"), (other, "hung-2")]:
            connection.send(request("GET", "/hang", f"X-Request-ID: {name}"))
        for connection in (one, other):
            with pytest.raises((Closed, OSError)):
                connection.final(timeout=10)
    assert time.monotonic() - start > 3
    wait_for(
        lambda: [p.pid for p in processes.children(server.master())] not in ([], [victim]),
        lambda: f"a worker in place of {victim}; {server.state()}",
    )
    assert server.get("/").body == b"ok"
    story = "\n".join(line for line in server.log.splitlines() if re.search(rf"\b{victim}\b", line))
    assert "all its 2 thread(s) have been busy" in story, server.log
    for name in ("hung-1", "hung-2"):
        assert re.search(rf"GET /hang plugin=misbehaving_\w+ request={name}\b", story), server.log
