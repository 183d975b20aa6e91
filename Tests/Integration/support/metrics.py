"""The metrics listener as seen by a monitoring system, read by Prometheus' own parser."""

from prometheus_client.parser import text_string_to_metric_families

import client
from processes import wait_for


class Metrics:
    """The metrics listener at a port."""

    def __init__(self, port):
        self.address = ("127.0.0.1", port)

    def get(self, target, method="GET"):
        return client.fetch(self.address, client.request(method, target))

    def page(self):
        """The text of all samples."""
        answer = self.get("/metrics")
        assert answer.status == 200, answer.raw
        assert answer.get("content-type") == "text/plain; version=0.0.4; charset=utf-8"
        return answer.body.decode()

    def read(self):
        """All samples as {(name, frozenset of labels): value}; each type is declared once."""
        return self.samples(self.page())

    @staticmethod
    def samples(page):
        families = list(text_string_to_metric_families(page))
        assert len({family.name for family in families}) == len(families)
        found = {}
        for sample in (sample for family in families for sample in family.samples):
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"{key} stands twice"
            found[key] = sample.value
        return found

    def value(self, name, **labels):
        return self.read().get((name, frozenset(labels.items())), 0)

    def wait(self, expected, name, **labels):
        """Wait until a sample has this value: a worker counts a moment after the response. The parser takes some ten
        milliseconds of a processor: it reads the page again when a line of this name has changed."""
        found = {}

        def value():
            page = self.page()
            lines = tuple(line for line in page.splitlines() if line.startswith(name))
            if lines not in found:
                found.clear()
                found[lines] = self.samples(page).get((name, frozenset(labels.items())), 0)
            return found[lines]

        wait_for(
            lambda: value() == expected,
            lambda: f"{name}{labels} = {expected}, not {self.value(name, **labels)}",
        )
