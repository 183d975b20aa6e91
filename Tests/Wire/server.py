"""Starts the real binary, waits for it, looks at its processes, and ends what it started."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import client
import processes
from pace import soon
from processes import wait_for

ROOT = Path(__file__).resolve().parents[2]
RELEASE = Path(os.environ.get("OUTRIDER_RELEASE", ROOT / ".build/release"))
TEST_PLUGINS = Path(os.environ.get("OUTRIDER_TEST_PLUGINS", ROOT / ".build/test-plugins"))
BINARY = RELEASE / "outrider"
START_TIMEOUT = soon(20.0)
STOP_TIMEOUT = soon(10.0)


def environment(extra=None):
    """This environment without what would reach into the server."""
    ours = {
        k: v
        for k, v in os.environ.items()
        if k != "OUTRIDER_CMD_ARGS" and k != "NOTIFY_SOCKET" and not k.startswith("LISTEN_")
    }
    return ours | (extra or {})


def free_port():
    """A loopback port that nobody listens on, outside the range of those of outgoing connections."""
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def run(*arguments, env=None, cwd=None, timeout=START_TIMEOUT):
    """Run the binary to its end, with its output as text; whatever it leaves behind is ended."""
    child = subprocess.Popen(
        [BINARY, *map(str, arguments)],
        env=environment(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        end(child, processes.family(child.pid))
        out, err = child.communicate(timeout=timeout)
        raise AssertionError(
            f"`{' '.join(map(str, arguments))}` did not end within {timeout} s; it said:\n"
            f"{out.decode('latin-1')}{err.decode('latin-1')}"
        ) from None
    finally:
        end(child, processes.family(child.pid))
    return subprocess.CompletedProcess(arguments, child.returncode, out.decode("utf-8"), err.decode("utf-8"))


def end(child, family):
    """Kill the process and its family, each by its pid."""
    for process in processes.still_there(family):
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    if child.poll() is None:
        child.kill()
    child.wait(timeout=STOP_TIMEOUT)


class Server:
    """A running outrider."""

    def __init__(
        self,
        *arguments,
        model=None,
        unix=False,
        bind=True,
        port=None,
        address=None,
        env=None,
        pass_fds=(),
        launcher=(),
        tls=None,
        tls_lines=(),
        h2c=False,
        logs_elsewhere=False,
        stderr=None,
    ):
        """tls: an authority, for a server behind TLS; tls_lines: more lines of its [listener.tls]; h2c: HTTP/2 too;
        logs_elsewhere: its standard error does not tell when it serves; stderr: a descriptor in place of what log reads."""
        self.folder = Path(tempfile.mkdtemp(prefix="outrider-wire-"))
        self.port = port or free_port()
        self.address = address or (str(self.folder / "socket") if unix else ("127.0.0.1", self.port))
        command = [*map(str, launcher), str(BINARY)]  # the launcher ends with exec
        self.authority = tls
        self.tls = tls and tls.client()
        place = f"unix:{self.address}" if unix else f"127.0.0.1:{self.port}"
        if tls:
            configuration = self.folder / "tls.toml"
            configuration.write_text(tls.listener(place, None, *tls_lines))
            command += ["-c", str(configuration)]
        elif h2c:
            configuration = self.folder / "h2c.toml"
            configuration.write_text(f'[[listener]]\nbind = "{place}"\nh2c = true\n')
            command += ["-c", str(configuration)]
        elif bind:
            command += ["-b", place]
        if model:
            command += ["-k", model]
        self.command = command + [str(a) for a in arguments]
        self.family = []
        mark = {"OUTRIDER_WIRE_TEST": str(self.folder)}
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            self.child = subprocess.Popen(
                self.command,
                env=environment(env) | mark,
                cwd=self.folder,
                stdout=out,
                stderr=err if stderr is None else stderr,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=pass_fds,
            )
        try:
            self._wait_until_it_accepts()
            if not logs_elsewhere:
                self._wait_until_it_serves()
        except BaseException:
            self.kill()
            raise

    # What it said and is

    @property
    def log(self):
        return (self.folder / "stderr").read_text("utf-8", "replace")

    @property
    def pid(self):
        return self.child.pid

    @property
    def alive(self):
        return self.child.poll() is None

    def master(self):
        """The pid of the master: the supervisor's one child."""
        found = wait_for(lambda: processes.children(self.pid), lambda: f"a master; {self.state()}")
        assert len(found) == 1, f"one master was expected; {self.state()}"
        return found[0].pid

    def workers(self, count=1, timeout=5.0):
        """The pids of the workers, once there are so many."""
        master = self.master()
        found = wait_for(
            lambda: self._exactly(master, count), lambda: f"{count} workers; {self.state()}", timeout
        )
        return [worker.pid for worker in found]

    @staticmethod
    def _exactly(master, count):
        found = processes.children(master)
        return found if len(found) == count else None

    def state(self):
        """For failure messages."""
        family = "\n".join("  " + processes.describe(p.pid) for p in processes.family(self.pid))
        how = "running" if self.alive else f"ended with {self.child.returncode}"
        return f"{' '.join(self.command)}: {how}\n{family}\nstderr:\n{self.log[-3000:]}"

    # Talk

    def connect(self, timeout=client.TIMEOUT, **options):
        return client.Connection(self.address, timeout, **{"tls": self.tls} | options)

    def fetch(self, data, method=None, split="whole", timeout=None):
        """Send these bytes on a connection of their own; the final response."""
        return client.fetch(self.address, data, method, split, timeout, self.tls)

    def get(self, target, *fields, **options):
        """One request on a connection of its own; the final response. Options are client.request()'s."""
        method = options.pop("method", "GET")
        return self.fetch(client.request(method, target, *fields, **options))

    # End

    def _wait_until_it_accepts(self):
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            if not self.alive:
                raise AssertionError(f"the server did not start; {self.state()}")
            try:
                client.Connection(self.address, timeout=2).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise AssertionError(f"the server accepts nothing; {self.state()}") from None
                time.sleep(0.01)

    def _wait_until_it_serves(self):
        """A process that is killed before that has not started, and ends the start."""
        wait_for(
            lambda: not self.alive or " serving " in self.log,
            lambda: f"the server does not serve; {self.state()}",
            START_TIMEOUT,
        )

    def tell(self, number):
        """Send the supervisor a signal."""
        self.family = processes.family(self.pid)
        self.child.send_signal(number)

    def wait(self, timeout=STOP_TIMEOUT):
        """Wait for the supervisor's end; its exit code."""
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the supervisor did not end within {timeout} s; {self.state()}") from None

    def stop(self, number=signal.SIGTERM, timeout=STOP_TIMEOUT):
        """Stop it as an operator would; it must end with 0 and leave no process behind."""
        try:
            self.tell(number)
            self.ended_well(timeout)
        finally:
            self.kill()

    def ended_well(self, timeout=STOP_TIMEOUT):
        """After a signal: the supervisor ends with 0, and no process is left."""
        code = self.wait(timeout)
        assert code == 0, f"exit code {code}; {self.state()}"
        self.assert_nothing_left()

    def assert_nothing_left(self, timeout=2.0):
        """Of the processes that were there at the last signal, and of the session, none is left."""

        def left():
            return processes.still_there(self.family) + [
                p for p in processes.family(self.pid) if p.pid != self.pid
            ]

        wait_for(
            lambda: not left(),
            lambda: f"processes are left: {[processes.describe(p.pid) for p in left()]}",
            timeout,
        )

    def kill(self):
        """End everything that this start brought about, and forget its files."""
        if not self.folder.exists():
            return  # done before, and the pids may be others' now
        family = self.family + processes.family(self.pid)
        family += processes.with_environment(f"OUTRIDER_WIRE_TEST={self.folder}")
        end(self.child, family)
        shutil.rmtree(self.folder, ignore_errors=True)
