"""The servers that applications in Python are usually run by, for the same assertions beside Outrider."""

import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from processes import wait_for
from server import free_port

NAMES = ("gunicorn", "uvicorn")


@contextmanager
def usual_server(name, app, folder, log, env=None):
    """The port of gunicorn or uvicorn with an application that is found in this folder."""
    port = free_port()
    if name == "gunicorn":
        command = ["gunicorn", "-b", f"127.0.0.1:{port}", "-k", "gthread", "--threads", "2", app]
    else:
        factory = ["--factory"] if app.endswith("()") else []
        # Without the option, requests of a connection inherit what asgiref left in the context of the one before.
        command = ["uvicorn", "--port", str(port), "--reset-contextvars", *factory, app.removesuffix("()")]
    with open(log, "wb") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, stdout=file, stderr=file, start_new_session=True,
            env={"PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"} | (env or {}),
        )
    try:
        wait_for(lambda: accepts(port), lambda: Path(log).read_text(), 20)
        yield port
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:  # of uvicorn, while a connection is open
            child.kill()
            child.wait(10)


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
