"""Time limits. A server built with a sanitizer is slower, by the factor OUTRIDER_SLOWNESS."""

import functools
import math
import os
import warnings

import pytest

SLOWNESS = float(os.environ.get("OUTRIDER_SLOWNESS", 1))


def scaled(seconds):
    """The time that this server needs for what the shipped server does in so many seconds."""
    return seconds * SLOWNESS


def scaled_timeout(seconds):
    """How long to wait for an event that takes so many seconds on an idle machine. A busy machine is slower, and a long
    limit costs nothing when the event occurs."""
    return scaled(seconds) * 5


def seen(measure, is_good, tries=10):
    """The first acceptable result of measure(). On a busy machine other processes may delay single measurements; if the
    server itself waits for something, all of them are late."""
    found = []
    while not found or not is_good(found[-1]):
        assert len(found) < tries, f"none of {found}"
        found.append(measure())
    return found[-1]


def again_if_late(act, tries=5):
    """What act() returns once nothing in it fails: it has to do something while the server waits for it, or has not gone on. Who
    stood still meanwhile was too late, but not each time."""
    for left in reversed(range(tries)):
        try:
            return act()
        except (AssertionError, ConnectionError) as fault:
            if not left:
                raise
            warnings.warn(f"tried again: {fault}", stacklevel=2)


class Late(AssertionError):
    """What was to come by then came later, or something else came before."""


def in_time(seconds, most, what=""):
    """What has taken so long was to take no longer than that."""
    if seconds > most:
        raise Late(f"{seconds:.3f} s, more than {most:.3f} s: {what}")


def punctual(test, tries=5):
    """A test whose subject is time is tried again where something came late, as seen() does it."""

    @functools.wraps(test)
    def tried(*arguments, **options):
        for left in reversed(range(tries)):
            try:
                return test(*arguments, **options)
            except Late as fault:
                if not left:
                    raise
                warnings.warn(f"tried again: {fault}", stacklevel=2)

    return tried


def fewer(count):
    """The amount of work that takes this server as long as `count` takes the shipped one."""
    return max(1, int(count / SLOWNESS))


def growth(amount):
    """The memory growth that is acceptable in the shipped server; unlimited with a sanitizer, which keeps freed
    memory."""
    return amount if SLOWNESS == 1 else math.inf


# For properties that a sanitizer changes: its memory and threads, its libraries, and the fairness between competing
# clients.
of_the_shipped_server = pytest.mark.skipif(SLOWNESS > 1, reason="a sanitizer changes what is looked at")
