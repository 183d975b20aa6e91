"""outrider_host.wake and the hook on_wake()."""

import pytest

from facts import FACTS, told

# With 0 it is the hook's own thread that calls.
THREADS = [1, 8]


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("model", ["gthread", "async"])
def test_many_wakes_of_many_threads_are_few_calls(own, model, threads):
    """Each of the threads calls a thousand times; a handler waits for the hook, which runs on the loop."""
    server = own(FACTS["blocking"], model=model)
    for _ in range(20):
        wakes = int(dict(told(server.get(f"/wake?{threads}").body))["wakes"])
        assert 1 <= wakes <= threads * 1000


@pytest.mark.parametrize("threads", [0, *THREADS])
def test_the_hook_answers_on_the_loop(own, model, threads):
    """open() waits for the threads, so that all of their calls are one; the last of them is not lost."""
    server = own(FACTS["event"], model=model)
    for _ in range(20):
        assert server.get(f"/wake?{threads}").text == "wakes=1\n"
