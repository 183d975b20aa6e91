"""A plugin of pytest that writes the tests that failed to the file in OUTRIDER_FAILED_TESTS, one on a line."""

import os
from pathlib import Path


def pytest_terminal_summary(terminalreporter, config):
    if hasattr(config, "workerinput"):
        return  # a process of a parallel run: the first one knows all
    reports = terminalreporter.stats.get("failed", []) + terminalreporter.stats.get("error", [])
    names = dict.fromkeys(str(config.rootpath / report.nodeid) for report in reports)
    Path(os.environ["OUTRIDER_FAILED_TESTS"]).write_text("".join(f"{name}\n" for name in names))
