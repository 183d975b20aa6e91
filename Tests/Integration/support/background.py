"""A thread that runs beside the test until the end of the `with` block."""

import threading


class Background:
    """A subclass implements run(), which ends when `stopping` is set."""

    def __init__(self):
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
