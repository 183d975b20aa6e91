"""Something that goes on beside the test, on a thread of its own, until the end of the `with` block."""

import threading


class Background:
    """A subclass says in run() what goes on; it looks at `stopping`."""

    def __init__(self):
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
