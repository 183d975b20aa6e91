"""A worker ends as exit(3) does: stdio is flushed, and destructors of plugins run, for a while."""

import signal

from observed import entry
from server import TEST_PLUGINS


def stop(it):
    """Stop it, and what was printed."""
    it.server.tell(signal.SIGTERM)
    it.server.ended_well()
    return (it.server.folder / "stdout").read_text()


def hooks(combination, **config):
    return entry(TEST_PLUGINS / f"libhooks_{combination.style}.so", name="hooks", **config)


def test_what_is_printed_at_the_end(observed, combination):
    """Without the end of a line, so that it waits in the process."""
    it = observed(combination.model, hooks(combination, stop_text="[stopped]", destructor="print"))
    assert it.server.get("/").status == 200
    assert stop(it) == "[stopped][destructor]"


def test_a_destructor_that_hangs(observed, combination):
    """It is left where it is, and what else there was to say has been said."""
    it = observed(
        combination.model,
        hooks(combination, stop_text="[stopped]", destructor="hang"),
        server='graceful_timeout = "5s"',
    )
    assert it.server.get("/").status == 200
    assert stop(it) == "[stopped][destructor]"
    assert "SIGKILL" not in it.server.log and "killed" not in it.server.log, it.server.log
