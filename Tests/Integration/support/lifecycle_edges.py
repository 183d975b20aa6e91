"""The edges plugin: its path, and its reports."""

from matrix import STYLES
from reports import OK
from server import TEST_PLUGINS


EDGES = {style: TEST_PLUGINS / f"liblifecycle_edges_{style}.so" for style in STYLES}
SENDS = ("informational", "start", "body", "file", "trailers", "response", "abort")
ACTS = ("informational", "start", "write", "sendfile", "trailers", "respond")
LATE = {
    "event": [f"{where}.{name}" for where in ("loop", "thread") for name in SENDS],
    "blocking": [f"io.{name}" for name in ACTS] + [f"send.{name}" for name in SENDS],
}
# The size of the part that the plugin sends at once, and again until it is accepted.
WHOLE = 256 << 10
REQUEST_TIMEOUT = ("--set", "timeouts.request=500ms")


def assert_refused(log, style, reason):
    """All calls after the end were refused, with the status that belongs to the kind of end."""
    statuses = log.wait("reason", *LATE[style])
    assert statuses == dict.fromkeys(statuses, reason), log.text


def assert_whole(body):
    """The body consists of the pieces, followed by the whole part that had to wait."""
    assert body.endswith(b"w" * WHOLE) and body == b"p" * (len(body) - WHOLE) + b"w" * WHOLE


def assert_resumed_with_room(log):
    """RESUME came when there was room, and not earlier."""
    statuses = log.wait("refusals", "resumes", "whole")
    assert statuses["whole"] == OK
    assert 1 <= statuses["refusals"] <= statuses["resumes"] < 20, log.text
