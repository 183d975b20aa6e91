"""All browsers, each once."""

import pytest

from browsers.chromium import Chromium
from browsers.firefox import Firefox

BROWSERS = (Chromium, Firefox)

# Of tests that use the fixture `browser`.
each_browser = pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=kind.name, marks=pytest.mark.xdist_group(kind.name)) for kind in BROWSERS]
)
