"""The tests of HTTP/1 once more, with each connection through TLS: no plugin and no client may see a difference."""

import pytest

from conftest import Pool
from test_bodies import *  # noqa: F403
from test_early_hints import *  # noqa: F403
from test_misuse import goes_on, test_events, test_events_from_a_blocking_handler  # noqa: F401
from test_routes import *  # noqa: F403
from test_slow_clients import *  # noqa: F403

del test_a_listener_has_its_own_setting  # noqa: F821  it brings a listener, in cleartext


@pytest.fixture(scope="session")
def start_options(authority):
    return {"tls": authority}


@pytest.fixture(scope="module")
def pool(start_options):
    """Servers of this module's own: those of others are in cleartext."""
    pool = Pool(**start_options)
    yield pool
    pool.stop()
