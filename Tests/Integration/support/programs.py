"""Random programs of calls for Tests/Plugins/program, which a server and the mock host execute alike."""

import random
from dataclasses import dataclass

import client

STATUSES = [99, 101, 102, 103, 103, 104, 199, 200, 200, 200, 200, 204, 205, 206, 304, 404, 500, 999, 1000]
SIZES = [0, 0, 1, 3, 5, 5, 10, 16, 4096, 5000, 20000]
LENGTHS = [0, 5, 5, 10, 5000]
GOOD_FIELDS = [0, 1, 7, 10, 12, 21, 21, 22, 22]
ALL_FIELDS = list(range(29))
FAILURES = [1, 2, 3, 4, 6, 9, 10, 77]
# The letters of the calls, more than once where they are to come more often, by the version of the ABI that has brought
# them. Plugins and hosts of an earlier version do not know them.
HOST_LETTERS = {"1.0": "IIISSUUTTRLBBBEEMFGANCVVPQKZH"}
IO_LETTERS_BY_VERSION = {"1.0": "iiisssrwwwwftttddqxngzo"}


@dataclass
class Program:
    number: int
    method: str
    version: int  # as in outrider.h
    accepts_trailers: bool
    body: str  # "-", "n5" of an announced length, "c5" chunked
    text: str
    target: str = "/"

    @property
    def line(self) -> str:
        """In the format that Tests/Mock/run_programs.c reads."""
        return "\t".join([
            str(self.number), self.method, self.target, str(self.version), str(int(self.accepts_trailers)), self.body, self.text])

    @property
    def request(self) -> bytes:
        """As an HTTP/1 request on a connection of its own."""
        lines = [f"X-Number: {self.number}", f"X-Program: {self.text}", "Connection: close"]
        if self.accepts_trailers:
            lines.append("TE: trailers")
        version = f"{self.version // 10}.{self.version % 10}"
        size = 0 if self.body == "-" else int(self.body[1:])
        if self.body.startswith("c"):
            head = client.request(self.method, self.target, *lines, "Transfer-Encoding: chunked", version=version)
            return head + client.chunked(b"b" * size, trailers=["x-sum: 1"])
        return client.request(
            self.method, self.target, *lines, version=version, body=None if self.body == "-" else b"b" * size)

    def begin(self, connection) -> int:
        """As a stream of an HTTP/2 connection; its ID."""
        fields = [("x-number", str(self.number)), ("x-program", self.text)]
        if self.accepts_trailers:
            fields.append(("te", "trailers"))
        if self.body == "-":
            return connection.request(self.method, self.target, *fields)
        size = int(self.body[1:])
        if self.body.startswith("n"):
            return connection.request(
                self.method, self.target, *fields, ("content-length", str(size)), body=b"b" * size)
        stream = connection.request(self.method, self.target, *fields, body=b"b" * size, end=False)
        connection.headers([("x-sum", "1")], stream)
        return stream


def known(letters: dict[str, str], abi: str | None) -> str:
    """Those of a version, or of all."""
    def number(version):
        return [int(part) for part in version.split(".")]

    return "".join(some for version, some in letters.items() if abi is None or number(version) <= number(abi))


class Programs:
    """Programs of one style, the same for the same seed. With `abi`, of calls that this version of the ABI has."""

    def __init__(self, style: str, seed: int, versions=(11, 11, 11, 11, 10), abi: str | None = None):
        self.style = style
        self.versions = versions
        self.host_letters, self.io_letters = known(HOST_LETTERS, abi), known(IO_LETTERS_BY_VERSION, abi)
        self.random = random.Random(f"{style} {seed}")

    def pick(self, some):
        return self.random.choice(some)

    def fields(self) -> str:
        chosen = self.pick(GOOD_FIELDS if self.random.random() < 0.75 else ALL_FIELDS)
        return f"{chosen}:{self.pick(LENGTHS)}"

    def event_call(self) -> str:
        letter = self.pick(self.host_letters)
        if letter in "ISU":
            return f"{letter}{self.status(letter)}:{self.fields()}"
        if letter == "T":
            return f"T0:{self.fields()}"
        if letter in "RL":
            return f"{letter}{self.status(letter)}:{self.fields()}:{self.pick(SIZES)}"
        if letter in "BEM":
            return f"{letter}{self.pick(SIZES)}"
        if letter in "FG":
            return f"{letter}{self.pick(SIZES)}:{self.pick(SIZES)}"
        if letter == "A":
            return f"A{self.pick([0, 0, 4, 10])}" if self.random.random() < 0.3 else ""
        if letter == "N":
            return f"N{self.random.randrange(5)}:{self.random.randrange(6)}"
        if letter == "V":
            return f"V{self.pick([0, 70000, 70000])}"
        if letter == "P":
            return f"P{self.pick([0, 1, 1])}"
        return letter

    def io_call(self) -> str:
        letter = self.pick(self.io_letters)
        if letter in "is":
            return f"{letter}{self.status(letter)}:{self.fields()}"
        if letter == "r":
            return f"r{self.status(letter)}:{self.fields()}:{self.pick(SIZES)}"
        if letter == "w":
            return f"w{self.pick(SIZES)}:{self.pick(SIZES)}"
        if letter == "f":
            return f"f{self.pick(SIZES)}:{self.pick(SIZES)}"
        if letter == "t":
            return f"t{self.fields()}"
        if letter == "d":
            return f"d{self.pick([0, 1, 9, 100, 60000])}"
        if letter == "q":
            return f"q{self.pick([0, 0, 0, 1])}"
        if letter == "x":
            return f"x{self.pick([0, 1])}:{self.pick([0, 1, 7, 1025])}"
        if letter == "o":
            return f"o{self.random.randrange(4)}"
        return letter

    def status(self, letter: str) -> int:
        if self.random.random() < 0.6:
            return 103 if letter in "iI" else 200
        return self.pick(STATUSES)

    def call(self) -> str:
        if self.style == "event":
            return "y" if self.random.random() < 0.1 else self.event_call()
        return self.event_call() if self.random.random() < 0.25 else self.io_call()

    def one(self, number: int) -> Program:
        calls = [self.call() for _ in range(self.random.randint(1, 9))]
        if self.random.random() < 0.15:
            calls.append(f"={self.pick(FAILURES)}")
        method = self.pick(["GET", "GET", "GET", "HEAD", "POST", "POST"])
        version = self.pick(self.versions)
        body = "-"
        if method == "POST":
            # The number of events for a large body depends on the client's packets.
            sizes = [0, 5, 5, 3000] if self.style == "event" else [0, 5, 5, 3000, 40000]
            body = self.pick(["n"] if version == 10 else ["n", "c"]) + str(self.pick(sizes))
        return Program(number, method, version, self.random.random() < 0.5, body, " ".join(filter(None, calls)) or "H")

    def many(self, count: int) -> list[Program]:
        return [self.one(number) for number in range(count)]


# How a program brings the response into a state, and the statuses of calls with valid arguments in that state. (The
# blocking style differs only in the letters, and has no state in which trailers are due.)
OK, SKIPPED, E_STATE, E_INVALID = 0, 1, -1, -2
STATES = {
    "before the head": "",
    "in a body": "S200:1:0",
    "in a body of five bytes": "S200:21:5",
    "where there is no body": "S204:1:0",
    "at the end": "R200:1:0:3",
    "after an abort": "S200:1:0 A0",
    "where trailers are due": "U200:1:0 E3",
}
GOOD_CALLS = {
    "I103:0:0": {"before the head": OK},
    "S200:1:0": {"before the head": OK},
    "U200:1:0": {"before the head": OK},
    "R200:1:0:3": {"before the head": OK},
    "L200:1:0:3": {"before the head": OK},
    "B3": {"in a body": OK, "in a body of five bytes": OK, "where there is no body": SKIPPED},
    "B6": {"in a body": OK, "in a body of five bytes": E_INVALID, "where there is no body": SKIPPED},
    "M3": {"in a body": OK, "in a body of five bytes": OK, "where there is no body": SKIPPED},
    "E3": {"in a body": OK, "in a body of five bytes": E_INVALID, "where there is no body": SKIPPED},
    "E5": {"in a body": OK, "in a body of five bytes": OK, "where there is no body": SKIPPED},
    "F0:3": {"in a body": OK, "in a body of five bytes": OK, "where there is no body": SKIPPED},
    "G0:5": {"in a body": OK, "in a body of five bytes": OK, "where there is no body": SKIPPED},
    "T0:1:0": {
        "in a body": SKIPPED, "in a body of five bytes": E_INVALID, "where there is no body": SKIPPED,
        "where trailers are due": SKIPPED},
    "A0": {state: OK for state in STATES if state not in ("at the end", "after an abort")},
}
IO_LETTERS = {"I": "i", "S": "s", "R": "r", "B": "w", "F": "f", "T": "t"}


def io_call(call: str) -> str | None:
    """The same call as a function of outrider_io; None if there is none."""
    letter = IO_LETTERS.get(call[0])
    if not letter:
        return None
    if letter == "t":  # without a status
        return "t" + call[1:].split(":", 1)[1]
    return letter + call[1:] + (":0" if letter == "w" else "")


def good_calls(style: str) -> list[tuple[str, str, int]]:
    """Every call with valid arguments in every state: the state's program, the call, and its status."""
    found = []
    for state, before in STATES.items():
        for call, told in GOOD_CALLS.items():
            expected = told.get(state, E_STATE)
            found.append((before, call, expected))
            other = io_call(call)
            if style == "blocking" and other:
                found.append((before, other, expected))
    return found


def bad_calls(style: str) -> list[tuple[str, str]]:
    """Every call with every set of fields and status, and invalid event types, in every state."""
    calls = [f"{letter}{status}:1:5:5" for letter in "ISUR" for status in sorted(set(STATUSES))]
    calls += [f"{letter}{103 if letter == 'I' else 200}:{fields}:5:5" for letter in "ISURL" for fields in ALL_FIELDS]
    calls += [f"T0:{fields}:5" for fields in ALL_FIELDS]
    calls += [f"N{type}:{kind}" for type in range(5) for kind in range(6)]
    calls += ["A10", "A4", "V0", "V1", "P0", "P1", "Q", "K", "Z", "C", "H"]
    if style == "blocking":
        calls += [other for other in map(io_call, calls) if other]
        calls += [f"x{null}:{count}" for null in (0, 1) for count in (0, 1, 7, 1025)]
        calls += [f"d{capacity}" for capacity in (0, 1, 9)] + ["q0", "q1", "n", "g", "z", *(f"o{kind}" for kind in range(4))]
    return [(before, call) for before in STATES.values() for call in calls]
