"""The combinations that the tests cover: worker models and plugin styles."""

from dataclasses import dataclass

import pytest

from server import RELEASE, TEST_PLUGINS

MODELS = ("sync", "gthread", "async")
STYLES = ("blocking", "event")
# Among a shared server's flags: its listener accepts HTTP/2 with prior knowledge.
H2C = "h2c"
INSPECT = RELEASE / "libinspect.so"
INSPECTING = {"event": INSPECT, "blocking": TEST_PLUGINS / "libinspect_blocking.so"}


@dataclass(frozen=True)
class Combination:
    """A worker model and a plugin style."""

    model: str
    style: str

    def __str__(self):
        return f"{self.model}-{self.style}"

    @property
    def keeps_alive(self):
        """sync closes every connection after its response."""
        return self.model != "sync"

    @property
    def demo(self):
        return RELEASE / f"libdemo_{self.style}.so"

    @property
    def misbehaving(self):
        return TEST_PLUGINS / f"libmisbehaving_{self.style}.so"


@dataclass(frozen=True)
class Way(Combination):
    """A way to reach a plugin: with or without TLS."""

    tls: bool

    def __str__(self):
        return f"{super().__str__()}-{'tls' if self.tls else 'plain'}"

    @property
    def inspect(self):
        return INSPECTING[self.style]

    @property
    def endings(self):
        return TEST_PLUGINS / f"libendings_{self.style}.so"


COMBINATIONS = [Combination(model, style) for model in MODELS for style in STYLES]

TRANSPORTS = ("cleartext", "tls")

WAYS = [Way(c.model, c.style, tls) for c in COMBINATIONS for tls in (False, True)]


def only(condition):
    """A decorator: the test's `combination` is each one for which condition(combination) is true."""
    return pytest.mark.parametrize("combination", [c for c in COMBINATIONS if condition(c)], ids=str)


keeping_alive = only(lambda combination: combination.keeps_alive)
http2 = only(lambda combination: combination.model != "sync")
http2_event = only(lambda combination: combination.model != "sync" and combination.style == "event")
http2_blocking = only(lambda combination: combination.model != "sync" and combination.style == "blocking")
blocking = only(lambda combination: combination.style == "blocking")
event = only(lambda combination: combination.style == "event")
every_way = pytest.mark.parametrize("way", WAYS, ids=str)
http2_ways = pytest.mark.parametrize("way", [way for way in WAYS if way.model != "sync"], ids=str)
# For tests of how bytes are read and written: neither plugins nor clients may see a difference.
each_transport = pytest.mark.each_transport
