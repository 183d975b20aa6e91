"""The announced payload of a frame follows completely, however its stream ends: the client accounts for every byte.

Each stream's content is a pattern of its own, so that a byte of another one shows. A stream is ended in every way that
there is, at every fill of its window, the connection's, the queues and the socket, while others come before, beside and
after it. These complete whole, or the connection ends; it never goes on out of step.
"""

import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

import processes
from http2 import connect
from matrix import H2C, WAYS, http2_ways
from patterns import Ledger, new_tag, pattern, target
from processes import wait_for
from timing import scaled

OPEN = 1 << 28
OTHER = 150_000  # bytes of each other stream
LARGE = 8 << 20  # more than all buffers on the way to a client that does not read
SMALL_BUFFER = 8192
LIMIT = 100_000  # limits.body
BODY = 6 * 16384  # almost as much


@dataclass(frozen=True)
class Fill:
    """How much of the way to the client is open until the stream ends."""

    stream: int  # its window
    connection: int  # more than the 65,535 that the connection's has at first
    reads: bool = True

    @property
    def is_shut(self):
        """Windows hold the stream back; they open as it ends."""
        return self.stream < OPEN or self.connection < OPEN


FILLS = {
    "window shut": Fill(0, OPEN),
    "window of one byte": Fill(1, OPEN),
    "window partly open": Fill(50_000, OPEN),
    "connection's window shut": Fill(OPEN, 0),
    "connection's window partly open": Fill(OPEN, 100_001),
    "both partly open": Fill(70_000, 20_000),
    "all open": Fill(OPEN, OPEN),
    "socket full": Fill(OPEN, OPEN, reads=False),
}
OUTPUTS = [(way, output) for way in WAYS if way.model != "sync" for output in (["256KiB"] if way.tls else ["16KiB", "256KiB"])]
SETTINGS = ("--threads", 96, "--set", f"limits.body={LIMIT}", "--set", "http2.max_resets_per_second=10000")


class Scene:
    """A connection with streams that are to end, and others."""

    def __init__(self, server, fill):
        self.name = fill
        self.fill = FILLS[fill]
        self.others = {}
        self.victims = []
        buffer = None if self.fill.reads else SMALL_BUFFER
        self.connection = connect(
            server, Ledger, windows=False, receive_buffer=buffer, initial_window_size=self.fill.stream
        )
        self.connection.ping()
        if self.fill.connection:
            self.connection.open_window(self.fill.connection, 0)
        self.connection.reads = self.fill.reads

    def ask(self, size, **more):
        """A stream with a content."""
        tag = new_tag()
        stream = self.connection.request("GET", target(tag, size, **more))
        self.connection.tags[stream] = tag
        return stream

    def ask_others(self, count):
        for _ in range(count):
            self.others[self.ask(OTHER)] = OTHER

    def echo(self, path, body, end=True):
        """A stream whose content is its request's body."""
        tag = new_tag()
        stream = self.connection.request("POST", path, end=False)
        self.connection.tags[stream] = tag
        self.connection.body(stream, pattern(tag, body), end=end)
        return stream

    def open_windows(self, *streams):
        if self.fill.is_shut:
            self.connection.open_window(OPEN, 0, *streams)

    def finish(self, harmed=(), asks=True):
        """All that is to come, to its end: others are whole unless the same end met them too. asks: one more is asked for."""
        connection = self.connection
        connection.reads = connection.windows = True
        self.open_windows(*self.others)
        if asks:
            late = self.ask(OTHER)
            self.others[late] = OTHER
            # It meets the same end where those do, if the machine is slow.
            if harmed:
                harmed = harmed | {late}
            self.open_windows(late)
        answers = connection.answers

        def done():
            return all(answers[s].ended or answers[s].reset is not None for s in self.others)

        connection.read_until(lambda: done() or connection.ended, "the others' end", 4)
        connection.account_for_the_rest()
        if not connection.ended:
            lost = [s for s, size in self.others.items() if not connection.whole(s, size)]
            lost = [s for s in lost if s not in harmed or answers[s].reset is None and answers[s].status not in connection.pages]
            assert not lost, f"streams {lost} are not whole; {connection.state()}"
            self.assert_goes_on(may_end=bool(harmed))

    def assert_goes_on(self, may_end):
        """may_end: where there are deadlines, one may have passed for the connection."""
        try:
            self.connection.ping()
        except AssertionError:
            if not may_end or not self.connection.ended:
                raise
            self.connection.account_for_the_rest()


@contextmanager
def every_fill(server, goes_on=False):
    """A function that does something to a scene of each fill, and says which it was that went wrong.

    goes_on: the end of a stream is not that of its connection, at least where nothing of it waits in the socket.
    """
    scenes = [Scene(server, fill) for fill in FILLS]

    def each(act):
        for scene in scenes:
            try:
                act(scene)
            except AssertionError as fault:
                raise AssertionError(f"{scene.name}: {fault}") from None

    yield each
    assert not goes_on or any(not scene.connection.ended for scene in scenes), "every connection has ended"
    for scene in scenes:
        scene.connection.close()


def settle(seconds=0.08):
    """What can be sent by now is sent, and the rest queued."""
    time.sleep(scaled(seconds))


every_output = pytest.mark.parametrize("way, output", OUTPUTS, ids=str)


def output_of(size):
    return ("--set", f"limits.output={size}")


@every_output
@pytest.mark.parametrize("size", [BODY, LARGE])
def test_a_client_that_resets(reach, way, output, size):
    def begin(scene):
        scene.ask_others(2)
        scene.victims = [scene.ask(size) for _ in range(3)]

    def end(scene):
        with scene.connection.together():
            scene.open_windows(*scene.victims)
            scene.connection.cancel(*scene.victims)
            scene.ask_others(1)

    with every_fill(reach(way.endings, *SETTINGS, *output_of(output), H2C), goes_on=True) as each:
        each(begin)
        settle()
        each(end)
        each(Scene.finish)


@http2_ways
@pytest.mark.parametrize("via, size", [("copied", BODY), ("copied", 1_000_000), ("lent", 200_000)])
def test_a_plugin_that_gives_up_later(server, via, size):
    """What it has handed over waits for the window; that opens, and a byte comes for which the plugin gives up, at once."""

    def begin(scene):
        scene.ask_others(2)
        tags = [new_tag() for _ in range(3)]
        targets = [target(tag, size, via=via, end="later") for tag in tags]
        scene.victims = [scene.connection.request("POST", one, end=False) for one in targets]
        scene.connection.tags.update(zip(scene.victims, tags, strict=True))

    def end(scene):
        with scene.connection.together():
            scene.open_windows(*scene.victims)
            for victim in scene.victims:
                scene.connection.body(victim, b"x")
            scene.ask_others(1)

    with every_fill(server, goes_on=True) as each:
        each(begin)
        settle()
        each(end)
        each(Scene.finish)


@pytest.fixture
def server(reach, way):
    return reach(way.endings, *SETTINGS, H2C)


@http2_ways
@pytest.mark.parametrize("via, size", [("copied", BODY), ("copied", 1_000_000), ("lent", 200_000)])
def test_a_plugin_that_gives_up(server, via, size):
    """It hands over much and aborts, before a client that opens its windows in the same moment, or does not read."""

    def begin(scene):
        scene.ask_others(2)
        scene.flood = [] if scene.fill.reads else [scene.ask(LARGE) for _ in range(2)]

    def end(scene):
        with scene.connection.together():
            victims = [scene.ask(size, via=via, end="abort") for _ in range(3)]
            scene.open_windows(*victims)
            scene.ask_others(1)

    with every_fill(server, goes_on=True) as each:
        each(begin)
        settle()
        each(end)
        settle()
        each(lambda scene: scene.connection.cancel(*scene.flood))
        each(Scene.finish)


@every_output
def test_a_body_over_the_limit(reach, way, output):
    """The server resets a stream whose answer waits: the window opens, the limit is passed and others begin, all at once."""

    def begin(scene):
        scene.victims = [scene.echo("/echo", 16384, end=False)]

    def go_on(scene):
        (victim,) = scene.victims
        scene.connection.body(victim, pattern(scene.connection.tags[victim], 16384), end=False)

    def end(scene):
        (victim,) = scene.victims
        with scene.connection.together():
            scene.open_windows(victim)
            scene.connection.body(victim, pattern(scene.connection.tags[victim], LIMIT - BODY + 1), end=False)
            beside = scene.echo("/echo", 10_000)
            scene.open_windows(beside)
        scene.others[beside] = 10_000

    server = reach(way.demo, *SETTINGS, *output_of(output), H2C)
    with every_fill(server) as each:
        each(begin)
        for _ in range(BODY // 16384 - 1):
            settle(0.01)
            each(go_on)
        settle()
        each(end)
        each(lambda scene: scene.finish(asks=False))


# Ends that come with time

HURRY = ("--set", "timeouts.request=300ms")
STALL = ("--set", "timeouts.write=300ms")


def begin_long(scene):
    scene.ask_others(2)
    scene.victims = [scene.ask(LARGE, end="wait") for _ in range(3)]


def assert_harmless(server, seconds):
    """Streams meet their end within this time, and so do the others."""

    def begin(scene):
        # On a busy machine a request's time is over before its plugin has had its turn.
        scene.connection.pages = (500, 504)
        begin_long(scene)

    with every_fill(server) as each:
        each(begin)
        settle()
        each(lambda scene: scene.open_windows(*scene.victims))
        time.sleep(scaled(seconds))
        each(lambda scene: scene.finish(harmed=set(scene.others)))


@every_output
def test_a_request_that_takes_too_long(reach, way, output):
    """timeouts.request ends streams whose client does not read: handlers that wait for room, and plugins that do not."""
    assert_harmless(reach(way.endings, *SETTINGS, *HURRY, *output_of(output), H2C), 0.5)


@http2_ways
def test_a_client_that_is_too_slow(reach, way):
    assert_harmless(reach(way.endings, *SETTINGS, *STALL, H2C), 0.7)


# Files


@http2_ways
@pytest.mark.parametrize("left", [0, 16384, 13 * 4096])  # of a page that is cut the kernel may send zeros
def test_a_file_that_is_cut_short(server, left):
    """Before it is read, at the border of a frame, within one; some of it may be on its way."""

    def begin(scene):
        scene.ask_others(2)
        tag = new_tag()
        scene.file = server.folder / tag
        scene.file.write_bytes(pattern(tag, 200_000))
        scene.victims = [scene.connection.request("GET", target(tag, 200_000, via="file"))]
        scene.connection.tags[scene.victims[0]] = tag

    def end(scene):
        with scene.file.open("r+b") as file:
            file.truncate(left)
        with scene.connection.together():
            scene.open_windows(*scene.victims)
            scene.ask_others(1)

    with every_fill(server) as each:
        each(begin)
        settle()
        each(end)
        each(Scene.finish)
        each(lambda scene: scene.file.unlink())


# The worker's end


@pytest.mark.parametrize("way", [way for way in WAYS if way.model != "sync" and not way.tls], ids=str)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["drain", "reload"])
def test_a_worker_that_leaves(own, way, number):
    """After graceful_timeout the connection ends, wherever it is; until then nothing is out of step."""

    def finish(scene):
        scene.connection.reads = scene.connection.windows = True
        scene.open_windows(*scene.others)
        scene.connection.end()
        scene.connection.account_for_the_rest()

    # A twentieth of it is what handlers have to return in: all of them, on a machine with other work.
    timeout = f"server.graceful_timeout={max(2, round(scaled(1)))}s"
    server = own(*SETTINGS, "--set", timeout, way.endings, model=way.model, h2c=True)
    master = server.master()
    with every_fill(server) as each:
        each(begin_long)
        settle()
        server.tell(number)
        each(lambda scene: scene.open_windows(*scene.victims))
        time.sleep(scaled(0.2))
        each(finish)
    if number == signal.SIGHUP:
        wait_for(lambda: processes.has_new_master(server, master), server.state, 20)
    else:
        # 70: a handler that has had no turn in that time is left behind.
        assert server.wait(scaled(20)) in (0, 70), server.state()
