"""A server observed through responses, error log, access log and metrics."""

import json

from metrics import Metrics
from processes import wait_for
from server import free_port


def entry(plugin, mount="/", name=None, more="", **config):
    """A [[plugin]] table; more: its lines; config: the lines of its [plugin.config]."""
    lines = [f"path = {json.dumps(str(plugin))}", f'mount = "{mount}"', more]
    if name:
        lines.append(f'name = "{name}"')
    lines.append("[plugin.config]")
    lines += [f"{key} = {json.dumps(value)}" for key, value in config.items()]
    return "[[plugin]]\n" + "\n".join(lines) + "\n"


class Observed:
    """A server with one worker unless `server` says otherwise. tables: results of entry(), and other tables; with
    HTTP/2 if the model allows it."""

    def __init__(self, own, folder, model, *tables, server="", listener="", **options):
        self.folder = folder
        self.port, metrics_port = free_port(), free_port()
        self.file = folder / "outrider.toml"
        self.access = folder / "access.log"
        self.model = model
        self.listener = listener + ("" if model == "sync" else "\nh2c = true")
        self.settings = server
        self.metrics_port = metrics_port
        self.write(*tables)
        self.server = own("-c", self.file, port=self.port, bind=False, **options)
        self.metrics = Metrics(metrics_port)

    def write(self, *tables):
        """Rewrite the configuration file with other tables."""
        self.file.write_text(
            f'[server]\nworker_model = "{self.model}"\n{self.settings}\n'
            f'[log]\naccess = {json.dumps(str(self.access))}\naccess_format = "json"\n'
            f'[metrics]\nbind = "127.0.0.1:{self.metrics_port}"\n'
            f'[[listener]]\nbind = "127.0.0.1:{self.port}"\n{self.listener}\n' + "".join(tables)
        )

    # Logs

    def lines(self, count=1, timeout=5.0):
        """The access log's lines, as soon as there are that many."""

        def read():
            text = self.access.read_text() if self.access.exists() else ""
            return [json.loads(line) for line in text.splitlines()] if text.count("\n") >= count else None

        found = wait_for(read, lambda: f"{count} line(s), not {self.access.read_text()}; {self.server.state()}", timeout)
        assert len(found) == count, found
        return found

    def told(self, *parts, timeout=5.0):
        """The lines of the error log that contain all of these, as soon as there is one."""

        def read():
            return [line for line in self.server.log.splitlines() if all(part in line for part in parts)]

        return wait_for(read, lambda: f"a line with {parts}; {self.server.state()}", timeout)

    # Counts

    def wait_for_requests(self, count):
        """Wait until that many requests are in flight."""
        self.metrics.wait(count, "outrider_requests_in_flight")

    def requests(self, **labels):
        """The number of counted requests, summed over all series with these labels."""
        return sum(
            value
            for (name, found), value in self.metrics.read().items()
            if name == "outrider_requests_total" and labels.items() <= dict(found).items()
        )

    def wait_for_count(self, count, **labels):
        """Wait until that many requests with these labels are counted: a client may have its response a moment
        earlier."""
        wait_for(
            lambda: self.requests(**labels) == count,
            lambda: f"{count} requests {labels}, not {self.requests(**labels)}; {self.server.state()}",
        )

    def outcomes(self):
        """The outcomes of requests, without those that did not occur."""
        return {
            dict(found)["outcome"]: value
            for (name, found), value in self.metrics.read().items()
            if name == "outrider_request_outcomes_total" and value
        }

    def wait_for_outcomes(self, **expected):
        """Wait until the outcomes are exactly these."""
        wait_for(lambda: self.outcomes() == expected, lambda: f"{expected}, not {self.outcomes()}; {self.server.state()}")
