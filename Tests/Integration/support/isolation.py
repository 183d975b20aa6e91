"""Many concurrent clients, each of which sends secrets of its own. A client must receive only its own secrets.

They use HTTP/1 and HTTP/2, in cleartext and over TLS. Requests are reported exactly as they were sent, and between them
come resets, refusals followed by hidden requests, half-closed connections, and slow and split sends. The behaviour of a
client depends only on its seed.
"""

import base64
import json
import random
import re
import threading
import time

from client import Connection, chunked
from client import request as http1_request
from http2 import Connection as HTTP2Connection
from http2 import Literal

PATIENCE = 20.0  # seconds for one answer
SECRET = re.compile(r"s[0-9]{3}n[0-9]{6}x[0-9a-f]{8}")
ECHO = "/demo/echo"  # among mounts: the demo's page that returns bodies
HIDDEN = "/hidden"  # the path of a request that nobody sent
BODY_LIMIT = 200_000
# Sizes near the ends of buffers for heads and bodies.
EDGES = (0, 300, 990, 1024, 2048, 4096, 8192, 16384)


def secrets(text):
    return set(SECRET.findall(text if isinstance(text, str) else bytes(text).decode("latin-1")))


class Asked:
    """A request with one secret, and the report that a plugin should give."""

    def __init__(self, draw, secret, mounts, http2=False):
        self.secret = secret
        self.mount = draw.choice(mounts)
        self.authority = f"{secret}.example"
        self.path = "" if self.mount == ECHO else f"/{secret}" * draw.randint(1, 3)
        self.query = f"q={secret}" * draw.randint(0, 2)
        self.target = f"{self.mount}{self.path}" + (f"?{self.query}" if self.query else "")
        usual = ("user-agent", "referer", "x-request-id", "authorization")
        self.fields = [(name, secret) for name in usual if draw.random() < 0.7]
        crumbs = [draw.choice(["", f"a={secret}", secret]) for _ in range(draw.randint(1, 5) if http2 else 1)]
        self.cookies = crumbs if draw.random() < 0.6 and any(crumbs) else []
        self.place = draw.randint(0, len(self.fields))
        self.size = max(0, draw.choice(EDGES) + draw.randint(-40, 40))
        while self.size > 0:
            part = min(self.size, draw.randint(1, 7000))
            self.fields.append((f"x-{len(self.fields)}", self._content(part)))
            self.size -= part + 6
        self.method, self.body, self.trailers, self.is_chunked = "GET", None, [], False
        if draw.random() < 0.5:
            self.method = "POST"
            self.body = self._content(max(0, draw.choice([0, 10, *EDGES, 60_000]) + draw.randint(-9, 9))).encode()
            self.trailers = [(f"t-{i}", self._content(draw.choice([5, 200, 1100]))) for i in range(draw.randint(0, 3))]
            self.is_chunked = bool(self.trailers) or draw.random() < 0.5

    def _content(self, size):
        return (f"{self.secret}." * (size // len(self.secret) + 1))[:size]

    @property
    def head(self):
        """The fields, including cookies."""
        return self.fields[: self.place] + [("cookie", crumb) for crumb in self.cookies] + self.fields[self.place :]

    @property
    def told(self):
        joined = [("cookie", "; ".join(self.cookies))] if self.cookies else []
        return self.fields[: self.place] + joined + self.fields[self.place :]

    def http1(self):
        """The request's bytes."""
        lines = [f"{name}: {value}" for name, value in self.head]
        if not self.is_chunked:
            return http1_request(self.method, self.target, *lines, host=self.authority, body=self.body)
        half = len(self.body) // 2
        coded = chunked(self.body[:half], self.body[half:], trailers=[f"{n}: {v}" for n, v in self.trailers])
        return http1_request(self.method, self.target, *lines, "transfer-encoding: chunked", host=self.authority) + coded

    def check(self, answer, http2=False):
        """The response is complete and reports what was sent."""
        assert answer.status == 200, f"{self.secret}: status {answer.status}, {bytes(answer.body[:100])}"
        if self.mount == ECHO:
            assert answer.body == (self.body or b""), f"{self.secret}: another body, {secrets(answer.body)}"
            return
        seen = json.loads(answer.body)
        framing = [] if http2 or self.body is None else [("content-length", str(len(self.body)))]
        if self.is_chunked and not http2:
            framing = [("transfer-encoding", "chunked")]
        told = {
            "method": self.method,
            "target": self.target,
            "authority": self.authority,
            "path": self.path,
            "query": self.query,
            "mount": self.mount,
            "headers": [list(pair) for pair in [("host", self.authority), *self.told, *framing]],
            "trailers": [list(pair) for pair in self.trailers],
            "body_b64": base64.b64encode(self.body or b"").decode(),
        }
        if ("x-request-id", self.secret) in self.fields:
            told["request_id"] = self.secret
        seen["headers"] = [[name.lower(), value] for name, value in seen["headers"]]
        wrong = {key: seen[key] for key in told if seen[key] != told[key]}
        assert not wrong, f"{self.secret} was told as {wrong}"[:600]


class Client:
    """A client that acts at random until it is stopped."""

    def __init__(self, crowd, number):
        self.crowd = crowd
        self.number = number
        self.draw = random.Random(f"{crowd.seed} {number}")
        self.count = 0  # requests begun
        self.answered = 0  # and reported as they were sent
        self.own = set()  # secrets of the present act
        self.http1_acts = [self.keep] * 3 + [self.be_refused] * 2 + [self.leave, self.creep, self.half_close]
        self.http2_acts = [self.streams, self.streams, self.abandon]

    def run(self):
        while not self.crowd.stopping:
            kinds = ["plain1", "tls1", "plain2", "tls2"] if self.crowd.http2 else ["plain1", "tls1"]
            kind = self.draw.choice(kinds)
            act = self.draw.choice(self.http2_acts if kind.endswith("2") else self.http1_acts)
            self.own = set()
            try:
                act(kind.startswith("tls"))
            except Exception as fault:
                told = f"client {self.number}, {act.__name__} over {kind}, request {self.count}: {fault!r}"
                self.crowd.faults.append(told[:1500])
                self.crowd.stopping = True

    def secret(self):
        self.count += 1
        secret = f"s{self.number:03}n{self.count:06}x{self.draw.getrandbits(32):08x}"
        self.own.add(secret)
        return secret

    def ask(self, http2=False):
        return Asked(self.draw, self.secret(), self.crowd.mounts, http2)

    def assert_own(self, data):
        """Checks bytes received on a connection that only this act uses."""
        foreign = secrets(data) - self.own
        assert not foreign, f"secrets of others: {foreign}"

    # HTTP/1

    def connect(self, tls):
        return self.crowd.connect(tls)

    def send(self, connection, data):
        """Sends data, sometimes in pieces."""
        cuts = sorted(self.draw.randrange(len(data)) for _ in range(self.draw.choice([0, 0, 1, 5])))
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            connection.send(data[start:end], [])
            if cuts:
                time.sleep(self.draw.random() / 1000)

    def keep(self, tls):
        """Sends a few requests, one after another or all at once."""
        with self.connect(tls) as connection:
            for _ in range(1 if self.crowd.closes else self.draw.randint(1, 4)):
                batch = [self.ask() for _ in range(1 if self.crowd.closes else self.draw.choice([1, 1, 2, 5]))]
                self.send(connection, b"".join(asked.http1() for asked in batch))
                for asked in batch:
                    asked.check(connection.final())
                    self.answered += 1
            self.assert_own(connection.received)

    def leave(self, tls):
        """Closes with a reset: before the end of the request, before its response, or within it."""
        with self.connect(tls) as connection:
            data = self.ask().http1()
            connection.send(data[: self.draw.choice([len(data) // 2, len(data)])], [])
            if self.draw.random() < 0.5:
                time.sleep(self.draw.random() / 500)
                connection.read_until(lambda: True, "nothing")
            self.assert_own(connection.received)
            connection.abort()

    def be_refused(self, tls):
        """Sends a malformed message, followed by a hidden one."""
        asked = self.ask()
        hidden = http1_request("GET", f"{HIDDEN}/{self.secret()}", host="hidden")
        fields = [f"{name}: {value}" for name, value in asked.head] + ["transfer-encoding: chunked"]
        head = http1_request("POST", asked.target, *fields, host=asked.authority)
        size = 1100 + self.draw.randint(0, 500)
        line = b"%x;" % size
        line += b"A" * (size - len(line))
        data = b"0\r\n\r\n" + hidden[:-2] + b"X: "
        data += b"p" * (size - len(data) - 4) + b"\r\n\r\n"
        beginning = self.draw.choice([b"", b"5\r\nhello\r\n"])
        wrong = self.draw.choice(
            [
                head + beginning + line + b"\r\n" + data + b"\r\n0\r\n\r\n",
                head + beginning + b"5\r\nhelloX\r\n0\r\n\r\n" + hidden * 2,
                head + beginning + b"zz\r\n\r\n" + hidden * 2,
                head + beginning + b"0\r\nhost: x\r\n\r\n" + hidden * 2,
                head + beginning + b"%x\r\n" % (BODY_LIMIT + 1) + hidden * 20,
                http1_request("GET", asked.target, f"x-long: {asked.secret * 600}", host=asked.authority) + hidden,
                http1_request("GET", asked.target, f"x-wrong: {asked.secret}\x01", host=asked.authority) + hidden,
                http1_request("POST", asked.target, f"content-length: {BODY_LIMIT + 1}", host=asked.authority) + hidden * 20,
            ]
        )
        with self.connect(tls) as connection:
            self.send(connection, wrong)
            finals = connection.end()
            assert len(finals) <= 1, f"{asked.secret}: more than one answer, {connection.state()}"
            self.assert_own(connection.received)

    def creep(self, tls):
        """Sends a request in small pieces."""
        with self.connect(tls) as connection:
            asked = self.ask()
            data = asked.http1()
            step = len(data) // 20 + 1
            for start in range(0, len(data), step):
                connection.send(data[start : start + step], [])
                time.sleep(0.001)
            asked.check(connection.final())
            self.answered += 1
            self.assert_own(connection.received)

    def half_close(self, tls):
        """A client that ends its sending side gets its response."""
        with self.connect(tls) as connection:
            asked = self.ask()
            connection.send(asked.http1(), [])
            connection.finish_sending()
            (final,) = connection.end()
            asked.check(final)
            self.answered += 1
            self.assert_own(connection.received)

    # HTTP/2

    def begin(self, connection, asked):
        fields = [(":method", asked.method), (":scheme", connection.scheme), (":path", asked.target)]
        host = [("host", asked.authority)]
        if self.draw.random() < 0.8:
            fields.append((":authority", asked.authority))
            host = host if self.draw.random() < 0.3 else []
        stream = connection.expect()
        connection.headers(fields + host + asked.head, stream, end=asked.body is None)
        if asked.body is not None:
            for start in range(0, max(1, len(asked.body)), 16384):
                piece = asked.body[start : start + 16384]
                connection.body(stream, piece, end=not asked.trailers and start + 16384 >= len(asked.body))
            if asked.trailers:
                connection.headers(asked.trailers, stream)
        return stream

    def spoil(self, connection):
        """A stream that is aborted."""
        asked = self.ask(http2=True)
        kind = self.draw.randrange(5)
        if kind == 0:
            asked.fields += [(f"x-more-{i}", asked.secret * 300) for i in range(7)]
            return self.begin(connection, asked)
        if kind == 1:
            asked.fields.append(("connection", asked.secret))
            return self.begin(connection, asked)
        if kind == 2:
            asked.method, asked.body = "POST", asked.secret.encode()
            asked.trailers = [("x-a", asked.secret), ("host", asked.secret)]
            return self.begin(connection, asked)
        stream = self.begin(connection, asked)
        if self.draw.random() < 0.5:
            time.sleep(self.draw.random() / 500)
        connection.cancel(stream)
        return None

    def streams(self, tls):
        """Several concurrent streams, some of which fail."""
        window = self.draw.choice([100, 1000, 65535, 1 << 20])
        with self.crowd.connect2(tls, initial_window_size=window) as connection:
            if self.draw.random() < 0.5:
                connection.encoder = Literal()
            connection.ping()  # its windows count from here on
            for _ in range(self.draw.randint(1, 3)):
                batch, spoilt, held = [], [], 0
                for _ in range(self.draw.choice([1, 3, 10, 25])):
                    if self.draw.random() < 0.2:
                        spoilt.append(self.spoil(connection))
                    asked = self.ask(http2=True)
                    batch.append((asked, self.begin(connection, asked)))
                    held += len(asked.body or b"")
                    if held > 60_000:
                        connection.ping()
                        break
                for asked, stream in batch:
                    asked.check(connection.answer(stream), http2=True)
                    self.answered += 1
                for stream in filter(None, spoilt):
                    answer = connection.answer(stream)
                    assert answer.reset is not None or 400 <= answer.status < 500, answer
            self.assert_own_frames(connection)

    def abandon(self, tls):
        """Closes the connection while its streams are active."""
        with self.crowd.connect2(tls) as connection:
            for _ in range(self.draw.randint(1, 8)):
                asked = self.ask(http2=True)
                if len(asked.body or b"") < 5000:
                    self.begin(connection, asked)
            if self.draw.random() < 0.5:
                connection.ping()
            self.assert_own_frames(connection)

    def assert_own_frames(self, connection):
        for answer in connection.answers.values():
            blocks = [block for block in (answer.head, answer.trailers) if block]
            self.assert_own("".join(f"{n}: {v}\n" for block in blocks for n, v in block.fields))
            self.assert_own(answer.body)
            assert len(secrets(answer.body)) <= 1, f"several secrets in one answer: {secrets(answer.body)}"


class Crowd:
    """That many clients of a server, each on a thread of its own, for that many seconds."""

    def __init__(self, server, mounts, seed, *, secure, contexts, http2=True, closes=False):
        """secure: the TLS address; contexts: for clients of HTTP/1 and of HTTP/2; closes: whether each connection ends
        with its response."""
        self.server = server
        self.mounts = mounts
        self.seed = seed
        self.secure = secure
        self.contexts = contexts
        self.http2 = http2
        self.closes = closes
        self.faults = []
        self.stopping = False
        self.clients = []

    def connect(self, tls):
        if tls:
            return Connection(self.secure, PATIENCE, tls=self.contexts[0])
        return Connection(self.server.address, PATIENCE)

    def connect2(self, tls, **settings):
        if not tls:
            return HTTP2Connection(self.server.address, timeout=PATIENCE, **settings)
        wrap = lambda plain: self.contexts[1].wrap_socket(plain, server_hostname="localhost")  # noqa: E731
        return HTTP2Connection(self.secure, timeout=PATIENCE, wrap=wrap, **settings)

    def run(self, seconds, clients=12):
        self.clients = [Client(self, number) for number in range(clients)]
        threads = [threading.Thread(target=client.run) for client in self.clients]
        for thread in threads:
            thread.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.stopping:
            time.sleep(0.1)
        self.stopping = True
        for thread in threads:
            thread.join(PATIENCE + 30)
        assert not any(thread.is_alive() for thread in threads), f"a client does not end; {self.summary()}"

    def summary(self):
        asked, answered = (sum(getattr(client, name) for client in self.clients) for name in ("count", "answered"))
        return f"seed {self.seed}: {asked} requests, {answered} of them told as they were sent"


def foreign_lines(lines):
    """Lines of a log with secrets of several requests, or with a request that nobody sent."""
    return [line for line in lines if len(secrets(line)) > 1 or f'"{HIDDEN}' in line]
