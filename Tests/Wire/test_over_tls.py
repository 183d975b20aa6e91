"""The tests of HTTP/1 once more, with each connection through TLS: no plugin and no client may see a difference."""

import pytest

from test_bodies import *  # noqa: F403
from test_early_hints import *  # noqa: F403
from test_routes import *  # noqa: F403


@pytest.fixture(scope="session")
def pool(secure_pool):
    """What is shared is behind TLS here."""
    return secure_pool
