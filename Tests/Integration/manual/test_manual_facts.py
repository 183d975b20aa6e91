"""Facts that readers look up in the manual are there, each in one paragraph: a revision keeps these words together."""

import re
import subprocess

import pytest

from server import ROOT

# What is looked up: the page, and words of the paragraph that tells it.
FACTS = {
    "clients that a 103 breaks": ("outrider_early_hints.3", "http.client", "urllib", "hackney"),
    "what to do about them": ("outrider_early_hints.3", "early_hints.audience", "navigat", "Sec-Fetch-Mode"),
    "how many a Go client takes": ("outrider_early_hints.3", "net/http", "sixth"),
    "hints for what may not be cached": ("outrider_early_hints.3", "Cache-Control", "max-age", "cache"),
    "ciphers for old clients": ("outrider.toml.5", "ciphers", "forward secrecy", '"DEFAULT"'),
    "IPv4 on [::]": ("outrider.toml.5", "[::]", "IPv4", "0.0.0.0"),
    "a socket for another group": ("outrider-deployment.7", "group", "socket unit", "systemd:http"),
    "the time for what is left at the end": ("outrider.8", "server.graceful_timeout", "tenth", "worker_stop()"),
    "the time for worker_stop": ("outrider-plugin.7", "worker_stop", "server.graceful_timeout", "reserved"),
    "what runs at the end": ("outrider-plugin.7", "stdio", "flushed", "destructors"),
    "statics of one file on two mounts": ("outrider_config.3", "static variables", "share"),
    "a START goes out": ("outrider_send.3", "outrider_send_start()", "at once"),
    "a write of nothing": ("outrider_io.3", "io->write()", "empty", "head"),
    "unload behind a refusal": ("outrider-plugin.7", "unload", "refused", "load", "worker_start"),
    "post before the loop runs": ("outrider_post.3", "worker_start()", "OUTRIDER_E_STATE"),
    "exceptions": ("outrider-plugin.7", "exception", "longjmp"),
    "signal handlers": ("outrider-plugin.7", "SIGSEGV", "installs a handler", "previous handler"),
    "fork": ("outrider-plugin.7", "fork(2)", "async-signal-safe"),
    "cores of another user": ("outrider-deployment.7", "RLIMIT_CORE", "server.user", "server.core_dumps"),
    "where a core is": ("outrider-deployment.7", "coredumpctl", "core_pattern", "gdb"),
    "upgrades": ("outrider-deployment.7", "SIGUSR2", "supervisor", "process ID", "sockets"),
    "which worker model": ("outrider-deployment.7", "gthread", "blocking", "gunicorn"),
    "how many threads": ("outrider-deployment.7", "threads", "database", "divided by the number of workers"),
    "ready": ("outrider-metrics.7", "/readyz", "503", "SIGTERM"),
    "alive": ("outrider-metrics.7", "/healthz", "200", "restart"),
}


def paragraphs(page):
    """As mandoc shows them, each as one line. What is indented under a word belongs to it."""
    shown = subprocess.run(["mandoc", "-T", "utf8", ROOT / "man" / page], capture_output=True, text=True, check=True)
    text = re.sub(".\b", "", shown.stdout)  # overstruck
    text = re.sub(r"[‐-]\n\s*(?=[a-z])", "-", text).replace("“", '"').replace("”", '"').replace("‘", "'").replace("’", "'")
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)]


@pytest.mark.parametrize("fact", FACTS)
def test_the_manual_tells(fact):
    page, *words = FACTS[fact]
    shown = paragraphs(page)
    # A recipe often stands in a paragraph of its own behind the words about it.
    pairs = [f"{first} {second}" for first, second in zip(shown, [*shown[1:], ""])]
    assert [pair for pair in pairs if all(word in pair for word in words)], f"{page}: {words}"
