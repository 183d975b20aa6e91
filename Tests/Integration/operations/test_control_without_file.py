"""The control socket of a server without a configuration file, and how outriderctl finds it."""

import fcntl
import json
import os
import re
import socket
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from control import answering, outriderctl
from processes import wait_for
from service import CONFIGURED


@pytest.fixture
def shared_folder():
    """/tmp, where no other test makes or looks for a control socket meanwhile."""
    with open(Path(tempfile.gettempdir()) / "outrider-control-sockets.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def own_socket(server):
    """The control socket, as the server has said it."""
    return Path(wait_for(lambda: re.search(r"the control socket is (\S+)", server.log), server.state)[1])


def test_a_plugin_alone_has_a_control_socket(own):
    """In the user's own folder; outriderctl finds it."""
    server = own(CONFIGURED)
    path = own_socket(server)
    env = {"XDG_RUNTIME_DIR": str(server.folder)}
    assert path == server.folder / f"outrider-{server.pid}.sock"
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600 and path.lstat().st_uid == os.getuid()
    if not os.access("/run/outrider/control.sock", os.W_OK):
        assert json.loads(outriderctl("--json", "status", env=env).stdout)["pid"] == server.pid
    ended = outriderctl("-s", path, "reload")
    assert ended.returncode == 0 and "generation 2 serves" in ended.stdout, ended
    assert f'socket = "{path}"' in outriderctl("-s", path, "config").stdout
    assert outriderctl("-s", path, "upgrade").returncode == 0
    assert outriderctl("-s", path, "reload").returncode == 0 and server.log.count("the control socket is") == 1
    server.stop()
    assert not path.exists()


@pytest.mark.skipif(os.access("/run/outrider/control.sock", os.W_OK), reason="this machine has a server")
def test_what_killed_servers_have_left_hides_none(own):
    server = own(CONFIGURED)
    path = own_socket(server)
    for number in range(100):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path.with_name(f"outrider-0{number:03}.sock")))
    assert path.with_name("outrider-0000.sock").is_socket()
    ended = outriderctl("--json", "status", env={"XDG_RUNTIME_DIR": str(server.folder)})
    assert ended.returncode == 0 and json.loads(ended.stdout)["pid"] == server.pid, ended


def test_two_of_them(shared_folder, own):
    servers = [own(CONFIGURED, env={"XDG_RUNTIME_DIR": ""}) for _ in range(2)]
    paths = [own_socket(server) for server in servers]
    if os.access("/run/outrider/control.sock", os.W_OK):
        pytest.skip("this machine has a server")
    ended = outriderctl("status", env={"XDG_RUNTIME_DIR": ""})
    assert ended.returncode == 64 and all(str(path) in ended.stderr for path in paths) and "-s" in ended.stderr, ended
    for path in paths:
        assert outriderctl("-s", path, "status").returncode == 0


def test_the_folder_of_another_or_of_all_is_not_used(shared_folder, own, tmp_path):
    """Whatever the variable says: then it is /tmp."""
    tmp_path.chmod(0o755)
    link = tmp_path / "link"
    link.symlink_to("/root")
    for folder in (tmp_path, link, "relative", tmp_path / "missing", ""):
        server = own(CONFIGURED, env={"XDG_RUNTIME_DIR": str(folder)})
        assert own_socket(server) == Path(f"/tmp/outrider-{server.pid}.sock")
        server.stop()
        assert not Path(f"/tmp/outrider-{server.pid}.sock").exists()


@pytest.mark.parametrize("key", ["--set=control.socket=", '--set=control.socket=""'])
def test_none_if_none_is_wanted(own, key):
    server = own(key, CONFIGURED)
    assert not list(server.folder.glob("*.sock")) and "control socket" not in server.log


@pytest.mark.parametrize("there", ["link", "dangling link", "file", "folder", "socket"])
def test_another_file_in_its_place(shared_folder, own, tmp_path, there):
    """The server serves without a control socket, and touches nothing that is another's."""
    target = tmp_path / "precious"
    if there != "dangling link":
        target.write_text("precious")
    name = '"/tmp/outrider-$$.sock"'
    clear = f"rm -rf {name}"  # of one that was killed and had the same pid
    make = {
        "link": f'ln -s "{target}" {name}',
        "dangling link": f'ln -s "{target}" {name}',
        "file": f"echo precious > {name}",
        "folder": f"mkdir {name}",
        "socket": f"{sys.executable} -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); "
        f"s.listen(); sys.stdin.read()' {name} < \"$0\" & while [ ! -S {name} ]; do sleep 0.01; done",
    }[there]  # fmt: skip
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = os.open(fifo, os.O_RDWR)
    path = None
    try:
        server = own(CONFIGURED, env={"XDG_RUNTIME_DIR": ""}, launcher=["sh", "-c", f'{clear}; {make}; exec "$@"', fifo])
        path = Path(f"/tmp/outrider-{server.pid}.sock")
        before = path.lstat()
        wait_for(lambda: "there is no control socket" in server.log, server.state)
        assert server.get("/").status == 200 and str(path) not in outriderctl("status", env={"XDG_RUNTIME_DIR": ""}).stdout
        os.close(writer)
        server.stop()
        assert path.lstat() == before and target.exists() == (there != "dangling link")
        assert not target.exists() or target.read_text() == "precious"
    finally:
        if path:
            path.rmdir() if there == "folder" else path.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_the_socket_of_another_is_not_found(shared_folder):
    """outriderctl takes no server of another user for one's own."""
    if os.access("/run/outrider/control.sock", os.W_OK):
        pytest.skip("this machine has a server")
    path = Path("/tmp/outrider-4194399.sock")
    with answering(path, "news", user=65534):
        os.chown(path, 65534, 65534)
        ended = outriderctl("config", env={"XDG_RUNTIME_DIR": ""})
    assert ended.returncode == 69 and "/run/outrider/control.sock" in ended.stderr, ended
