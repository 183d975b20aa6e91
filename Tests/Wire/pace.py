"""How fast things are to be. A server that a sanitizer watches is slower, by OUTRIDER_SLOWNESS."""

import math
import os

import pytest

SLOWNESS = float(os.environ.get("OUTRIDER_SLOWNESS", 1))


def soon(seconds):
    """What is done within so many seconds by the shipped server is done within so many by this one."""
    return seconds * SLOWNESS


def fewer(count):
    """As much work as takes this server the time that `count` takes the shipped one."""
    return max(1, int(count / SLOWNESS))


def growth(amount):
    """So much more memory than before is fine in the shipped server. A sanitizer keeps what was freed."""
    return amount if SLOWNESS == 1 else math.inf


# For what a sanitizer changes by itself: it has memory and threads of its own, is linked to other libraries, and slows one
# of several clients that compete more than the other.
of_the_shipped_server = pytest.mark.skipif(SLOWNESS > 1, reason="a sanitizer changes what is looked at")
