"""The corpus of Tests/Corpus against the running server, in every split.

What is read there is what the inspect plugin tells; what is refused is refused once, with the connection closed behind
it. Another request goes behind each case: it is answered if the case leaves the connection open, and never else.
The cases of a topic run at the same time, in threads; most of their time is waited.
"""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from client import SPLITS, Connection, request
from matrix import INSPECT
from server import ROOT

CORPUS = ROOT / "Tests/Corpus/http1"
PROBE = request("GET", "/probe", "Connection: close", host="probe")
PROBED = {"method": "GET", "target": "/probe", "headers": [["Host", "probe"], ["Connection", "close"]]}
AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class Case:
    """One case, as Tests/Corpus/README.md describes it."""

    topic: str
    name: str
    settings: dict
    data: bytes
    requests: list
    status: int | None
    closes: bool

    def __str__(self):
        return f"{self.topic}: {self.name}"

    @property
    def key(self):
        """The server that it needs, as the pool knows it."""
        flags = [word for key, value in self.settings.items() for word in ("--set", f"{key}={value}")]
        return INSPECT, "async", *flags


def load():
    for path in sorted(CORPUS.glob("*.json")):
        for case in json.loads(path.read_text("ascii")):
            expect = case["expect"]
            yield Case(
                path.stem,
                case["name"],
                case.get("settings", {}),
                case["data"].encode("latin-1"),
                expect.get("requests", []),
                expect.get("status"),
                case["closes"],
            )


CASES = list(load())


def replay(server, case, split):
    """Send the case and a request behind it; an AssertionError says what is wrong with the answers."""
    with Connection(server.address) as connection:
        for one in case.requests:
            connection.parser.request(one["method"], version_1_0=one["version"] == "HTTP/1.0")
        if case.closes and case.status is None:
            # A client that asks for the close and sends more later may be reset (RFC 9112 section 9.6): this one sends
            # more at once.
            connection.send(case.data[:-1], [], split)
            connection.send(case.data[-1:] + PROBE, [])
        else:
            connection.send(case.data + PROBE, [], split)
        answers = connection.end()
        state = connection.state()
    has_last = case.status is not None or not case.closes
    assert len(answers) == len(case.requests) + has_last, f"so many answers were not expected; {state}"
    assert all(answer.complete for answer in answers) and not connection.parser.rest, state
    assert not connection.reset, f"a reset may take the answer from the client; {state}"
    for answer, expected in zip(answers, case.requests):
        check(answer, expected)
    if case.status is not None:
        assert answers[-1].status == case.status, state
    elif has_last:
        check(answers[-1], PROBED)
    assert [answer.says_close for answer in answers] == [False] * (len(answers) - 1) + [True], state


def check(answer, expected):
    """The answer tells of the request that was expected."""
    assert answer.status == 200, f"{answer.raw!r}{answer.body!r} instead of {expected}"
    waited = any(name.lower() == "expect" for name, _ in expected["headers"])
    assert [one.status for one in answer.informational] in ([], [100] * waited)
    if expected["method"] == "HEAD":
        return  # without a body there is nothing to compare
    seen = json.loads(answer.body)
    seen["body"] = base64.b64decode(seen["body_b64"]).decode("latin-1")
    assert {name: seen[name] for name in expected} == expected


def fault(server, case, split):
    """What is wrong with the answers, or None."""
    try:
        replay(server, case, split)
    except Exception as found:  # whatever it is, it is this case's
        return f"{case}\n{case.data!r}\n{type(found).__name__}: {found}"
    return None


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("topic", dict.fromkeys(case.topic for case in CASES))
def test_is_read_as_written(shared, topic, split):
    cases = [case for case in CASES if case.topic == topic]
    servers = {case.key: shared(*case.key) for case in cases}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = threads.map(lambda case: fault(servers[case.key], case, split), cases)
    faults = list(filter(None, found))
    if faults:
        pytest.fail(f"{len(faults)} of {len(cases)}\n" + "\n\n".join(faults), pytrace=False)
