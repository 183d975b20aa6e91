"""What outrider-deployment(7) shows of files in examples/."""

import re

from programs.program import EXAMPLES
from server import ROOT

PAGE = ROOT / "man/outrider-deployment.7"


def assert_shown(first_line, example):
    """The literal block that begins with this line has lines of that example alone, in its order."""
    text = PAGE.read_text().replace("\\-", "-")
    blocks = re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed", text, re.M | re.S)
    (block,) = [block.splitlines() for block in blocks if block.startswith(first_line + "\n")]
    rest = iter((EXAMPLES / example).read_text().splitlines())
    for line in filter(None, block[1:]):
        assert line in rest, f"{line!r} is not in {example}, or not at that place"
