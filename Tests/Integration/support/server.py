"""Starts the real binary, waits for it, examines its processes, and ends them."""

import atexit
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
from processes import wait_for
from timing import scaled

ROOT = Path(__file__).resolve().parents[3]
RELEASE = Path(os.environ.get("OUTRIDER_RELEASE", ROOT / ".build/release"))
TEST_PLUGINS = Path(os.environ.get("OUTRIDER_TEST_PLUGINS", ROOT / ".build/test-plugins"))
BINARY = RELEASE / "outrider"
START_TIMEOUT = scaled(20.0)
STOP_TIMEOUT = scaled(25.0)  # less than server.graceful_timeout: nothing is cut


# Where control sockets are made without a configuration file: in /tmp they would be found by tests that look there.
RUNTIME_FOLDER = tempfile.mkdtemp(prefix="outrider-test-runtime-")
atexit.register(shutil.rmtree, RUNTIME_FOLDER, ignore_errors=True)


def environment(extra=None):
    """This environment without variables that would affect the server."""
    ours = {
        k: v
        for k, v in os.environ.items()
        if k != "OUTRIDER_CMD_ARGS" and k != "NOTIFY_SOCKET" and not k.startswith("LISTEN_")
    }
    return ours | {"XDG_RUNTIME_DIR": RUNTIME_FOLDER} | (extra or {})


def ports_of_this_process():
    """Ports outside the range for outgoing connections: a share for each process of a parallel run."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = 12000 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    return range(20000 + number * share, 20000 + (number + 1) * share)


# Ports that free_port() has returned: the caller may bind such a port later, or again.
_given_ports = set()


def free_port():
    """A loopback port on which nobody listens. No port is returned twice."""
    while True:
        port = random.choice(ports_of_this_process())
        if port in _given_ports:
            continue
        _given_ports.add(port)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def run(*arguments, env=None, cwd=None, timeout=START_TIMEOUT):
    """Run the binary until it ends, with its output as text; kills processes that it leaves behind."""
    child = subprocess.Popen(
        [BINARY, *map(str, arguments)],
        env=environment(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    started = processes.look(child.pid).started
    try:
        out, err = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        end(child, processes.family(child.pid, started))
        out, err = child.communicate(timeout=timeout)
        raise AssertionError(
            f"`{' '.join(map(str, arguments))}` did not end within {timeout} s; it said:\n"
            f"{out.decode('latin-1')}{err.decode('latin-1')}"
        ) from None
    finally:
        end(child, processes.family(child.pid, started))
    return subprocess.CompletedProcess(arguments, child.returncode, out.decode("utf-8"), err.decode("utf-8"))


def end(child, family):
    """Kill the process and its family, by pid."""
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
        """tls: an authority, for a server with TLS; tls_lines: additional lines of its [listener.tls]; h2c: also
        HTTP/2; logs_elsewhere: its standard error does not show when it serves; stderr: a descriptor to use instead of
        the file that log reads."""
        self.folder = Path(tempfile.mkdtemp(prefix="outrider-test-"))
        self.port = port or free_port()
        self.address = address or (str(self.folder / "socket") if unix else ("127.0.0.1", self.port))
        command = [*map(str, launcher), str(BINARY)]  # the launcher executes it
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
        # Where a control socket is made without a configuration file. A killed server leaves it behind.
        env = {"XDG_RUNTIME_DIR": str(self.folder)} | (env or {})
        mark = {"OUTRIDER_TEST_SERVER": str(self.folder)}
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
        self.started = processes.look(self.child.pid).started
        try:
            self._wait_until_it_accepts()
            if not logs_elsewhere:
                self._wait_until_it_serves()
        except BaseException:
            self.kill()
            raise

    # Output and processes

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
        """The pid of the master, as soon as there is only one."""

        def only():
            found = processes.masters(self.pid)
            return found if len(found) == 1 else None

        return wait_for(only, lambda: f"one master; {self.state()}")[0].pid

    def workers(self, count=1, timeout=5.0):
        """The pids of the workers, as soon as there are that many."""
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
        """A description for failure messages."""
        family = "\n".join("  " + processes.describe(p.pid) for p in processes.family(self.pid))
        how = "running" if self.alive else f"ended with {self.child.returncode}"
        return f"{' '.join(self.command)}: {how}\n{family}\nstderr:\n{self.log[-3000:]}"

    # Requests

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
        """A process that is killed before this has not started, and fails the start."""
        wait_for(
            lambda: not self.alive or " serving " in self.log,
            lambda: f"the server does not serve; {self.state()}",
            START_TIMEOUT,
        )

    def tell(self, number):
        """Send the supervisor a signal."""
        self.family = processes.family(self.pid, self.started)
        self.child.send_signal(number)

    def wait(self, timeout=STOP_TIMEOUT):
        """Wait until the supervisor ends; its exit code."""
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the supervisor did not end within {timeout} s; {self.state()}") from None

    def stop(self, number=signal.SIGTERM, timeout=STOP_TIMEOUT):
        """Stop it like an operator; it must exit with 0 and leave no process behind."""
        try:
            self.tell(number)
            self.ended_well(timeout)
        finally:
            self.kill()

    def ended_well(self, timeout=STOP_TIMEOUT):
        """After a signal: the supervisor exits with 0, and no process is left."""
        code = self.wait(timeout)
        assert code == 0, f"exit code {code}; {self.state()}"
        self.assert_nothing_left()

    def assert_nothing_left(self, timeout=2.0):
        """No process is left of those that existed at the last signal, or of the session."""

        def left():
            # To look at all processes of the machine takes longer: only when those that are known are gone.
            return processes.still_there(self.family) or [
                p for p in processes.family(self.pid, self.started) if p.pid != self.pid
            ]

        wait_for(
            lambda: not left(),
            lambda: f"processes are left: {[processes.describe(p.pid) for p in left()]}",
            timeout,
        )

    def kill(self):
        """End all processes that this start has caused, and remove its files."""
        if not self.folder.exists():
            return  # done before; the pids may belong to others now
        now = processes.everything(self.started)
        family = self.family + processes.family(self.pid, self.started, among=now)
        family += processes.with_environment(f"OUTRIDER_TEST_SERVER={self.folder}", among=now)
        end(self.child, family)
        shutil.rmtree(self.folder, ignore_errors=True)
