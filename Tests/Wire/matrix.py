"""The matrix that the tests go over: worker models and plugin styles, each listed once."""

from dataclasses import dataclass

import pytest

from server import RELEASE, TEST_PLUGINS

MODELS = ("sync", "gthread", "async")
STYLES = ("blocking", "event")
# Among a shared server's flags: its listener takes HTTP/2 with prior knowledge.
H2C = "h2c"
INSPECT = RELEASE / "libinspect.so"


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
    def misbehave(self):
        return TEST_PLUGINS / f"libmisbehave_{self.style}.so"


COMBINATIONS = [Combination(model, style) for model in MODELS for style in STYLES]


def only(condition):
    """A decorator: the test's `combination` is one of those for which condition(combination) holds."""
    return pytest.mark.parametrize("combination", [c for c in COMBINATIONS if condition(c)], ids=str)


keeping_alive = only(lambda combination: combination.keeps_alive)
http2 = only(lambda combination: combination.model != "sync")
http2_event = only(lambda combination: combination.model != "sync" and combination.style == "event")
http2_blocking = only(lambda combination: combination.model != "sync" and combination.style == "blocking")
blocking = only(lambda combination: combination.style == "blocking")
event = only(lambda combination: combination.style == "event")
