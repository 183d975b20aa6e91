#!/usr/bin/env python3
"""A trial run of the server, whose counts tell the linker which parts of it belong close together.

    trial_run.py SERVER PLUGINS RUNS

SERVER was linked with counters (instrumented.c). It serves the demo plugins from the folder PLUGINS in each worker
model, by cleartext and by TLS. The folder RUNS is made anew for what its processes have counted, and for its log.
"""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from clients import TIMEOUT, http1, http2

MODELS = ("sync", "gthread", "async")
STYLES = ("blocking", "event")
CERTIFICATE = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Failure(Exception):
    """The run went wrong; the message says where."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def await_listening(port: int, server: subprocess.Popen) -> None:
    end = time.monotonic() + TIMEOUT
    while server.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), TIMEOUT):
            return
        time.sleep(0.02)
    raise Failure("the server does not serve")


@contextlib.contextmanager
def serving(arguments: list[str], port: int, runs: Path) -> Iterator[None]:
    """The server, from here to the end of the block, and until all its counts are written."""
    environment = os.environ | {"LLVM_PROFILE_FILE": str(runs / "%p.profraw")}
    with (runs / "server.log").open("ab") as log:
        server = subprocess.Popen(arguments, stdout=log, stderr=log, env=environment)
    try:
        await_listening(port, server)
        yield
        server.terminate()
        if code := server.wait(TIMEOUT):
            raise Failure(f"the server ended with status {code}")
    finally:
        server.kill()
        server.wait()


CONFIGURATION = """\
[server]
workers = 1
worker_model = "{model}"
threads = 12

[control]
socket = ""

[[listener]]
bind = "127.0.0.1:{plain}"
h2c = {h2c}

[[listener]]
bind = "127.0.0.1:{secure}"
[listener.tls]
certificate = "{certificate}"
key = "{key}"

[[plugin]]
path = "{plugin}"
mount = "/"
"""


def try_out(program: Path, runs: Path, model: str, plugin: Path) -> None:
    """One plugin in one worker model, by cleartext and by TLS."""
    plain, secure = free_port(), free_port()
    has_http2 = model != "sync"
    settings = {"model": model, "plugin": plugin, "plain": plain, "secure": secure, "h2c": str(has_http2).lower()}
    settings |= {"certificate": runs / "certificate.pem", "key": runs / "key.pem"}
    file = runs / f"{model}-{plugin.stem}.toml"
    file.write_text(CONFIGURATION.format(**settings))
    with serving([str(program), "-c", str(file)], plain, runs):
        if model == "sync":
            # One at a time: once will do.
            http1(plain, None, slow=1)
            http1(secure, trusting(), slow=1)
        else:
            for port, is_secure in ((plain, False), (secure, True)):
                http1(port, trusting() if is_secure else None, slow=4)
                http2(port, trusting("h2") if is_secure else None, slow=4)


def trusting(*protocols: str) -> ssl.SSLContext:
    """Trusts any certificate: the server is the one that was started a moment ago."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def main() -> int:
    program, plugins, runs = (Path(argument).resolve() for argument in sys.argv[1:])
    shutil.rmtree(runs, ignore_errors=True)
    runs.mkdir(parents=True)
    files = ["-keyout", str(runs / "key.pem"), "-out", str(runs / "certificate.pem")]
    subprocess.run([*CERTIFICATE, "-subj", "/CN=127.0.0.1", "-days", "2", *files], check=True, capture_output=True)
    try:
        # They mostly wait, for pages that take their time.
        with ThreadPoolExecutor(len(MODELS)) as pool:
            cases = [(program, runs, model, plugins / f"libdemo_{style}.so") for style in STYLES for model in MODELS]
            for _ in pool.map(try_out, *zip(*cases, strict=True)):
                pass
    except (Failure, OSError, subprocess.TimeoutExpired) as error:
        print(f"trial run: {error}; see {runs / 'server.log'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
