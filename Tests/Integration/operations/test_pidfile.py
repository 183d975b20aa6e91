"""server.pidfile: written at once, locked, refused to a second instance, removed at the end."""

import fcntl
import os
import re
import signal
import stat
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

import processes
from processes import wait_for
from server import BINARY, STOP_TIMEOUT, TEST_PLUGINS, end, free_port, run
from service import CONFIGURED, Service
from slow_requests import begin_slow
from visible import visible_folder


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outrider.pid"


@pytest.fixture
def public():
    with visible_folder() as folder:
        yield folder


@pytest.fixture
def service(own, tmp_path, path):
    return Service.changed(own, tmp_path, server=f'pidfile = "{path}"')


def config(tmp_path, path, port=0, name="other.toml"):
    file = tmp_path / name
    file.write_text(
        f'[server]\npidfile = "{path}"\n[[listener]]\nbind = "127.0.0.1:{port}"\n[[plugin]]\npath = "{CONFIGURED}"\n'
    )
    return file


OFD_GETLK, OFD_SETLK = 36, 37


def lock(kind):
    """A struct flock for the whole file."""
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0)


def is_locked(path):
    """Whether somebody has a lock for writing."""
    with open(path) as file:
        answer = fcntl.fcntl(file, OFD_GETLK, lock(fcntl.F_RDLCK))
    return struct.unpack("hhqqi4x", answer)[0] != fcntl.F_UNLCK


def assert_held(path, server):
    assert path.read_text() == f"{server.pid}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert is_locked(path)
    assert os.listdir(path.parent).count(path.name) == 1
    assert not [name for name in os.listdir(path.parent) if name.startswith(path.name + ".")]


def test_from_the_start_to_the_end(own, tmp_path, path):
    port = free_port()
    server = own("-c", config(tmp_path, path, port), bind=False, port=port)
    assert_held(path, server)
    server.stop()
    assert not path.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_it_goes_with_the_server(service, path, number):
    service.server.stop(number)
    assert not path.exists()


def test_it_is_whole_whenever_it_can_be_seen(own, tmp_path, path):
    seen, stopping = set(), threading.Event()

    def look():
        while not stopping.is_set():
            try:
                seen.add(path.read_text())
            except FileNotFoundError:
                pass

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        pids = set()
        for _ in range(3):
            port = free_port()
            server = own("-c", config(tmp_path, path, port), bind=False, port=port)
            pids.add(f"{server.pid}\n")
            server.stop()
    finally:
        stopping.set()
        watcher.join()
    assert seen <= pids


def test_a_second_instance_is_refused(service, tmp_path, path):
    for _ in range(2):
        result = run("-c", config(tmp_path, path))
        assert result.returncode == 69
        assert re.search(rf"server\.pidfile: {path} is held .* pid {service.server.pid}\b", result.stderr)
        assert len(result.stderr.splitlines()) == 1
    assert_held(path, service.server)
    assert service.serving() == service.number


READER = """
import fcntl, os, struct, sys, time
os.setgid(65534)
os.setuid(65534)
file = os.open(sys.argv[1], os.O_RDONLY)
fcntl.flock(file, fcntl.LOCK_EX)
fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))
try:
    fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
except OSError:
    print("locked", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_reader_can_not_block_a_start(own, public):
    """A user with read access to a file that is left behind can take a read lock, but not the write lock that
    matters."""
    path = public / "outrider.pid"
    path.write_text("1\n")
    path.chmod(0o644)
    reader = subprocess.Popen([sys.executable, "-c", READER, path], stdout=subprocess.PIPE, text=True)
    try:
        assert reader.stdout.readline() == "locked\n"
        port = free_port()
        server = own("-c", config(public, path, port), bind=False, port=port)
        assert_held(path, server)
        assert run("-c", config(public, path, name="second.toml")).returncode == 69
        server.stop()
        assert not path.exists()
    finally:
        reader.kill()
        reader.wait()


def test_a_check_is_no_second_instance(service, tmp_path, path):
    assert run("-t", "-c", config(tmp_path, path)).returncode == 0
    assert_held(path, service.server)


def test_what_a_killed_server_leaves_behind_is_replaced(own, service, tmp_path, path):
    service.server.tell(signal.SIGKILL)
    service.server.wait()
    assert path.exists() and not is_locked(path)
    # The pid may be anybody's by now.
    path.write_text(f"{os.getpid()}\n")
    port = free_port()
    server = own("-c", config(tmp_path, path, port), bind=False, port=port)
    assert_held(path, server)


@contextmanager
def one_of_several(path, files):
    """Servers that start at once: the one that has the pid file; the others are refused."""
    started = [
        subprocess.Popen([BINARY, "-c", file], stderr=subprocess.PIPE, text=True, start_new_session=True)
        for file in files
    ]
    try:
        wait_for(lambda: sum(server.poll() is None for server in started) == 1, "all but one end", 10)
        (server,) = (server for server in started if server.poll() is None)
        wait_for(lambda: path.exists() and path.read_text() == f"{server.pid}\n", "its pid", 10)
        assert [other.returncode for other in started if other is not server] == [69] * (len(files) - 1)
        yield server
    finally:
        for server in started:
            end(server, processes.family(server.pid) if server.poll() is None else [])
            server.stderr.close()


def test_of_several_that_start_at_once_one_serves(tmp_path, path):
    for _ in range(3):
        path.write_text("1\n")
        with one_of_several(path, [config(tmp_path, path, name=f"{number}.toml") for number in range(3)]) as server:
            server.send_signal(signal.SIGINT)
            assert server.wait(STOP_TIMEOUT) == 0
            assert not path.exists()


def test_reloads_keep_it(service, path):
    inode = path.stat().st_ino
    service.reload(server=f'pidfile = "{path}"')
    assert_held(path, service.server)
    assert path.stat().st_ino == inode


def test_a_reload_moves_it(service, path, tmp_path):
    other = tmp_path / "other.pid"
    service.reload(server=f'pidfile = "{other}"')
    assert_held(other, service.server)
    assert not path.exists()
    service.reload()
    assert not other.exists()


def test_a_reload_that_fails_leaves_it(service, path, tmp_path):
    other = tmp_path / "other.pid"
    service.write(server=f'pidfile = "{other}"', plugin=TEST_PLUGINS / "libload_refuses.so")
    service.failed_reload()
    assert_held(path, service.server)
    assert not other.exists()


def test_a_reload_to_one_that_is_held(service, path, tmp_path):
    other = tmp_path / "other.pid"
    with open(other, "w") as file:
        file.write("77\n")
        file.flush()
        fcntl.fcntl(file, OFD_SETLK, lock(fcntl.F_WRLCK))
        service.write(server=f'pidfile = "{other}"')
        assert re.search(r"held by a server that runs, pid 77\b", service.failed_reload())
    assert_held(path, service.server)
    assert other.read_text() == "77\n"


def test_the_replacement_of_the_supervisor_keeps_it(service, path, tmp_path):
    inode = path.stat().st_ino
    service.server.tell(signal.SIGUSR2)
    wait_for(lambda: "has been replaced" in service.server.log, lambda: service.server.state())
    assert_held(path, service.server)
    assert path.stat().st_ino == inode
    assert run("-c", config(tmp_path, path)).returncode == 69
    service.server.stop()
    assert not path.exists()


def test_a_start_that_fails_leaves_none(tmp_path, path):
    file = config(tmp_path, path)
    file.write_text(file.read_text().replace(str(CONFIGURED), str(TEST_PLUGINS / "libload_refuses.so")))
    assert run("-c", file).returncode == 78
    assert not path.exists()


def test_a_file_that_somebody_else_has_put_there_is_left(service, path):
    path.unlink()
    path.write_text("5\n")
    service.server.stop()
    assert path.read_text() == "5\n"


@pytest.mark.parametrize(
    "where, code, says",
    [
        ("{tmp}/missing/outrider.pid", 71, "No such file"),
        ("{tmp}", 71, "File exists"),
        ("/dev/null", 71, "File exists"),
        ("/proc/outrider.pid", None, "pidfile"),
        ("outrider.pid", 78, "absolute"),
    ],
)
def test_places_where_it_can_not_be(tmp_path, where, code, says):
    result = run("-c", config(tmp_path, where.format(tmp=tmp_path)))
    assert result.returncode == code or (code is None and result.returncode in (71, 77))
    assert says in result.stderr
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_symbolic_link_is_not_followed(tmp_path, path):
    target = tmp_path / "precious"
    target.write_text("precious")
    path.symlink_to(target)
    result = run("-c", config(tmp_path, path))
    assert result.returncode == 71 and target.read_text() == "precious" and path.is_symlink()


def test_nobody_else_holds_the_lock(service, path):
    """A child that outlives the supervisor must not keep it from being started again."""
    with service.server.connect() as connection:
        begin_slow(connection, 5, "/demo")
        children = processes.children(service.server.master())
        service.server.tell(signal.SIGKILL)
        service.server.wait()
        wait_for(lambda: not is_locked(path), "the lock", timeout=0.2)
        assert processes.still_there(children), "the worker has its request still"


@pytest.mark.parametrize("is_there", [True, False], ids=["stale", "new"])
@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_a_folder_as_tmp(own, public, is_there):
    """No file of somebody else's there keeps a server from starting, but one of the pid file's own name."""
    shared = public / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    path = shared / "outrider.pid"
    for name in (f".{path.name}.lock", *(f"{path.name}.{pid}" for pid in range(os.getpid(), os.getpid() + 3000))):
        os.close(os.open(shared / name, os.O_CREAT, 0o600))
        os.chown(shared / name, 65534, 65534)
    if is_there:
        path.write_text("1\n")
        path.chmod(0o644)
    port = free_port()
    server = own("-c", config(public, path, port), bind=False, port=port)
    assert path.read_text() == f"{server.pid}\n" and stat.S_IMODE(path.stat().st_mode) == 0o644 and is_locked(path)
    second = run("-c", config(public, path, name="second.toml"))
    assert second.returncode == 69 and f"{path} is held by a server that runs, pid {server.pid}" in second.stderr
    server.tell(signal.SIGKILL)
    server.wait()
    server.assert_nothing_left()
    server = own("-c", config(public, path, port), bind=False, port=port)
    assert path.read_text() == f"{server.pid}\n"
    server.stop()
    assert not path.exists()
    path.write_text("1\n")
    os.chown(path, 65534, 65534)
    assert run("-c", config(public, path, name="second.toml")).returncode == 77


@pytest.mark.skipif(os.geteuid() != 0, reason="folders as /tmp are others' for root alone")
@pytest.mark.parametrize("is_there", [True, False], ids=["stale", "new"])
def test_two_starts_at_once_in_a_folder_as_tmp(public, is_there):
    """One of them has the file."""
    shared = public / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    path = shared / "outrider.pid"
    for _ in range(5):
        if is_there:
            path.write_text("1\n")
        files = [config(public, path, free_port(), f"{number}.toml") for number in range(4)]
        with one_of_several(path, files) as server:
            server.send_signal(signal.SIGINT)
            assert server.wait(STOP_TIMEOUT) == 0
            assert os.listdir(shared) == []
