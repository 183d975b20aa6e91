"""The handler that README.md and outrider-plugin(7) show is the one in examples/."""

import re

import pytest

from server import ROOT

SHOWN_IN = {"README.md": r"```c\n(.*?)```", "man/outrider-plugin.7": r"\.Bd -literal\n(#include.*?)\.Ed"}


@pytest.mark.parametrize("page", SHOWN_IN)
def test_the_handler_is_the_one_of_the_template(page):
    shown = re.search(SHOWN_IN[page], (ROOT / page).read_text(), re.S)[1].replace("\\e", "\\").replace("\\&", "")
    kept = (ROOT / "examples/c_blocking/src/hello.c").read_text().split("*/\n", 1)[1]
    assert shown.split() == kept.split()
