"""outrider.log/1: notes of plugins on a request, and its traceparent, in both logs; and levels."""

import json
import re

import pytest

from client import request
from processes import wait_for
from server import TEST_PLUGINS, run

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = f"traceparent: 00-{TRACE}-{PARENT}-01"


@pytest.fixture
def noted(own, tmp_path, combination):
    """noted(format): a server with an access log of that format, and a function that waits for its lines."""

    def start(form, *settings, **options):
        file = tmp_path / "access.log"
        flags = ["--set", f"log.access={file}", "--set", f"log.access_format={json.dumps(form)}", *settings]
        server = own(*flags, TEST_PLUGINS / f"libnoted_{combination.style}.so", model=combination.model, **options)

        def lines(count):
            wait_for(lambda: file.exists() and file.read_text().count("\n") >= count, server.state)
            return file.read_text().splitlines()

        return server, lines

    return start


def test_notes_are_in_both_logs(noted):
    server, lines = noted("%(U)s [%({user}n)s] [%({none}n)s] [%(notes)s]")
    assert server.get("/note?user=ann&tenant=7&user=bob", "X-Request-ID: r1").body == b"0\n0\n0\n"
    assert lines(1) == ["/note [bob] [-] [user=bob tenant=7]"]
    wait_for(lambda: "seen request=r1 user=bob tenant=7" in server.log, lambda: server.log)


def test_notes_are_of_one_request(noted, combination):
    """Also where the next one comes on the same connection, and has the same record."""
    server, lines = noted("%(U)s [%(notes)s]")
    targets = ("/note?a=1", "/plain", "/note?b=2&b=")
    if combination.keeps_alive:
        with server.connect() as connection:
            for target in targets:
                connection.send(request("GET", target))
                assert connection.final().status == 200
    else:
        for target in targets:
            assert server.get(target).status == 200
    assert lines(3) == ["/note [a=1]", "/plain [-]", "/note [-]"]


def test_the_json_format_has_an_object(noted):
    server, lines = noted("json")
    assert server.get("/note?user=ann&tenant=7", SENT).status == 200
    lines(1)  # those of different connections may come in any order
    assert server.get("/bytes").body == b"0\n"
    lines(2)
    assert server.get("/plain").status == 200
    first, second, third = map(json.loads, lines(3))
    assert first["notes"] == {"user": "ann", "tenant": "7"}
    assert (first["trace_id"], first["parent_id"]) == (TRACE, PARENT)
    assert second["notes"] == {"bytes": 'a "b"\n\ufffdc'}
    assert third["notes"] is None and third["trace_id"] is None and third["parent_id"] is None


@pytest.mark.parametrize("form", ["json", "%(notes)s"])
def test_notes_are_bounded(noted, form):
    server, lines = noted(form)
    statuses = server.get("/many?" + "v" * 1000).body.split()
    assert statuses == [b"0"] * 16 + [b"-6"]
    (line,) = lines(1)
    if form == "json":
        notes = json.loads(line)["notes"]
        *whole, last = notes.values()
        assert list(notes) == [f"k{number}" for number in range(len(notes))] and 8 <= len(notes) <= 16
        assert set(whole) == {"v" * 256}
        assert re.fullmatch(r"v{256}|v{1,253}\.\.\.", last), "as any value for which a line has no room"
    assert len(line) < 4096


def test_a_log_of_a_level_is_asked_for(noted):
    server, _ = noted("combined", "--set", "log.level=warning", logs_elsewhere=True)
    assert server.get("/levels").body.split() == [b"1", b"0", b"0", b"1", b"1", b"1", b"1"]


def test_the_traceparent_is_parsed(noted):
    server, lines = noted("%(trace_id)s %(parent_id)s")
    assert server.get("/trace", SENT).body.decode() == f"0 1 0 1 {TRACE} {PARENT} {TRACE} {PARENT}\n"
    assert lines(1) == [f"{TRACE} {PARENT}"]
    wait_for(lambda: f"trace={TRACE}" in server.log, lambda: server.log)


@pytest.mark.parametrize(
    "value",
    [
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-0",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{PARENT}-01",
        f"00_{TRACE}_{PARENT}_01",
        "",
    ],
)
def test_an_invalid_traceparent_is_none(noted, value):
    server, lines = noted("%(trace_id)s")
    assert server.get("/trace", f"traceparent: {value}").body.decode().split()[:4] == ["0", "0", "0", "0"]
    assert lines(1) == ["-"]


def test_other_versions_and_more_than_one(noted):
    server, _ = noted("combined")
    later = server.get("/trace", f"traceparent: 01-{TRACE}-{PARENT}-03-what.follows").body.decode().split()
    assert later[:5] == ["0", "1", "1", "3", TRACE]
    assert server.get("/trace", SENT, SENT).body.decode().split()[1] == "0"


def test_misuse_is_refused(noted, combination):
    server, lines = noted("%(notes)s")
    assert server.get("/misuse").body.split() == [b"-2", b"-2", b"-2", b"-2", b"-2", b"-3", b"-2", b"-2"]
    wait_for(lambda: re.search("log.note refused: .*request=", server.log), lambda: server.log)
    lines(1)
    other = server.get("/thread").body
    assert other == (b"0\n" if combination.style == "event" else b"-8\n")
    assert lines(2)[1] == ("thread=other" if combination.style == "event" else "-")


@pytest.mark.parametrize("atom", ["%({a b}n)s", "%({}n)s", "%({" + "k" * 33 + "}n)s"])
def test_keys_of_formats_are_checked(own, atom):
    ended = run("-t", "--set", f"log.access_format={json.dumps(atom)}", TEST_PLUGINS / "libnoted_event.so")
    assert ended.returncode == 78 and "there is no atom" in ended.stderr
