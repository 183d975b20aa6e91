"""Files that root makes and opens in folders where others can exchange names: logs, sockets, the pid file."""

import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager

import pytest

import processes
from control import Control
from processes import wait_for
from server import free_port, run
from visible import precious_file, visible_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root acts in others' folders")

NOBODY = pwd.getpwnam("nobody")
DAEMON = pwd.getpwnam("daemon")


@pytest.fixture
def folder():
    with visible_folder("libidentity.so") as folder:
        yield folder


@pytest.fixture
def theirs(folder):
    """A folder of the service's user."""
    return owned(folder / "theirs", NOBODY)


@pytest.fixture
def precious(folder):
    return precious_file(folder, "secret\n")


def owned(path, user, mode=0o755):
    path.mkdir()
    os.chown(path, user.pw_uid, user.pw_gid)
    path.chmod(mode)
    return path


def untouched(precious):
    status = precious.stat()
    return (
        precious.read_text() == "secret\n"
        and stat.S_IMODE(status.st_mode) == 0o600
        and (status.st_uid, status.st_gid) == (0, 0)
    )


class Config:
    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.file = folder / "outrider.toml"

    def write(self, settings="", listener="", user="nobody"):
        account = f'user = "{user}"\n' if user else ""
        self.file.write_text(
            f'[server]\n{account}{settings}\n[[listener]]\nbind = "127.0.0.1:{self.port}"\n{listener}\n'
            f'[[plugin]]\npath = "{self.folder / "libidentity.so"}"\n'
        )
        return self

    def start(self, own, **options):
        self.server = own("-c", self.file, bind=False, port=self.port, logs_elsewhere=True, **options)
        assert self.server.get("/").status == 200
        return self

    def reload(self, number):
        """Until it has succeeded or failed."""
        failed = self.server.log.count("reload failed")
        self.server.tell(signal.SIGHUP)
        wait_for(
            lambda: f"generation {number} serves" in self.server.log
            or self.server.log.count("reload failed") > failed,
            lambda: f"generation {number}; {self.server.state()}",
            10,
        )

    def wait_for(self, pattern):
        wait_for(lambda: re.search(pattern, self.server.log), lambda: f"{pattern}; {self.server.state()}", 10)


def log(path, key="error"):
    return f'[log]\n{key} = "{path}"'


# Which users can change a folder


@pytest.mark.parametrize("where", [log, lambda path: f'pidfile = "{path}"'], ids=["log", "pidfile"])
def test_a_folder_of_somebody_else_is_refused(folder, where):
    """The line names the folder and whose it is."""
    others = owned(folder / "others", DAEMON)
    result = run("-c", Config(folder).write(where(others / "file")).file)
    assert result.returncode == 77
    assert f"{others} belongs to user daemon" in result.stderr
    below = others / "below"
    below.mkdir()
    result = run("-c", Config(folder).write(where(below / "file")).file)
    assert result.returncode == 77 and f"{others} belongs to user daemon" in result.stderr
    assert not list(others.glob("**/file"))


def test_a_folder_that_a_group_can_write_is_refused(folder):
    shared = folder / "shared"
    shared.mkdir()
    os.chown(shared, 0, DAEMON.pw_gid)
    shared.chmod(0o775)
    result = run("-c", Config(folder).write(log(shared / "error.log")).file)
    assert result.returncode == 77 and f"{shared} can be written by group daemon" in result.stderr


def test_a_folder_that_all_can_write(own, folder):
    """The service's user is one of them: everything is done with his rights. A server without him makes its own files there."""
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    path = shared / "error.log"
    Config(folder).write(log(path)).start(own)
    assert path.stat().st_uid == NOBODY.pw_uid


def test_a_folder_that_all_can_write_without_a_user(own, folder):
    """Files of its own, and no link that somebody has put there."""
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    path = shared / "error.log"
    path.symlink_to("/dev/null")
    result = run("-c", Config(folder).write(log(path), user=None).file)
    assert result.returncode == 71 and path.is_symlink(), result.stderr
    path.unlink()
    Config(folder).write(log(path), user=None).start(own)
    assert path.stat().st_uid == 0


def test_a_folder_that_the_users_group_can_write(own, folder):
    shared = folder / "shared"
    shared.mkdir()
    os.chown(shared, 0, NOBODY.pw_gid)
    shared.chmod(0o775)
    Config(folder).write(log(shared / "error.log")).start(own)
    assert (shared / "error.log").stat().st_uid == NOBODY.pw_uid


def test_a_folder_as_tmp(own, folder):
    """There it has to be one's own: a file, a pipe or a link that somebody else has put there is refused."""
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    path = shared / "error.log"
    for make in (path.touch, lambda: os.mkfifo(path), lambda: path.symlink_to("/dev/null")):
        make()
        os.chown(path, DAEMON.pw_uid, 0, follow_symlinks=False)
        keeper = os.open(path, os.O_RDWR | os.O_NONBLOCK) if not path.is_symlink() else None
        result = run("-c", Config(folder).write(log(path)).file)
        assert result.returncode in (71, 77) and str(path) in result.stderr, result
        if keeper is not None:
            os.close(keeper)
        path.unlink()
    Config(folder).write(log(path)).start(own)
    assert path.stat().st_uid == 0


def test_a_link_on_the_way(folder, theirs, precious):
    """It is trusted as much as its owner."""
    (theirs / "link").symlink_to(precious.parent)
    os.chown(theirs / "link", NOBODY.pw_uid, NOBODY.pw_gid, follow_symlinks=False)
    result = run("-c", Config(folder).write(log(theirs / "link" / "precious")).file)
    assert result.returncode == 77 and "Permission denied" in result.stderr
    result = run("-c", Config(folder).write(log(theirs / "link" / "precious"), user=None).file)
    assert result.returncode == 77
    assert untouched(precious)


def test_a_link_of_roots_on_the_way(own, folder):
    """Nobody else can exchange it."""
    (folder / "logs").mkdir()
    (folder / "link").symlink_to("logs")
    Config(folder).write(log(folder / "link" / "error.log")).start(own)
    assert (folder / "logs" / "error.log").exists()


# Logs


@pytest.mark.parametrize("is_replaced", [False, True], ids=["", "after the supervisor was replaced"])
@pytest.mark.parametrize("key", ["error", "access"])
def test_a_log_that_the_user_exchanges(own, folder, theirs, precious, key, is_replaced):
    """What is opened anew is not what a link leads to, nor a file of root's that he has a name for."""
    path = theirs / "the.log"
    config = Config(folder).write(log(path, key)).start(own)
    if key == "error":
        wait_for(lambda: config.server.pid in processes.users(path), "the supervisor's own descriptor")
    if is_replaced:
        config.server.tell(signal.SIGUSR2)
        wait_for(
            lambda: "has been replaced" in config.server.log + path.read_text(), lambda: config.server.state(), 10
        )
    assert path.stat().st_uid == NOBODY.pw_uid
    for make in (lambda: path.symlink_to(precious), lambda: os.link(precious, path)):
        path.rename(theirs / "before.log")
        make()
        config.server.tell(signal.SIGUSR1)
        before = theirs / "before.log"
        wait_for(
            lambda: "not reopened: open" in config.server.log + before.read_text(), lambda: config.server.state()
        )
        assert untouched(precious) and config.server.get("/").status == 200
        path.unlink()
        before.rename(path)
        (config.server.folder / "stderr").write_text("")
        path.write_text("")


@pytest.mark.parametrize("key", ["error", "access"])
def test_a_log_that_is_a_link(folder, precious, key):
    """Not in root's own folders either; and not at a start."""
    (folder / "the.log").symlink_to(precious)
    result = run("-c", Config(folder).write(log(folder / "the.log", key)).file)
    assert result.returncode == 71 and f"log.{key}" in result.stderr and untouched(precious)


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/stderr", "/proc/self/fd/1", "/dev/fd/2"])
def test_ones_own_descriptors_are_logs(own, folder, path):
    config = Config(folder).write(log(path, "access")).start(own)
    assert config.server.get("/").status == 200
    stream = config.server.folder / ("stdout" if path[-1] in "t1" else "stderr")
    wait_for(lambda: '"GET / HTTP/1.1" 200' in stream.read_text(), lambda: config.server.state())
    config.server.tell(signal.SIGUSR1)
    config.wait_for("log files have been reopened")
    assert "not reopened" not in config.server.log


@pytest.mark.parametrize("kind", ["socket", "folder", "block device"])
def test_a_log_of_another_kind(folder, kind):
    path = folder / "the.log"
    if kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    elif kind == "folder":
        path.mkdir()
    else:
        try:
            os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, 0))
        except PermissionError:
            pytest.skip("no device can be made here")
    result = run("-c", Config(folder).write(log(path)).file)
    assert result.returncode == 71 and str(path) in result.stderr


# Sockets


EXCHANGER = """
import ctypes, os, sys
os.setgid(65534)
os.setuid(65534)
libc = ctypes.CDLL(None)
first, second = (path.encode() for path in sys.argv[1:])
print("begun", flush=True)
while True:
    libc.renameat2(-100, first, -100, second, 2)
"""


@contextmanager
def exchanging(first, second):
    """The service's user exchanges two names as fast as he can."""
    child = subprocess.Popen([sys.executable, "-c", EXCHANGER, first, second], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "begun\n"
        yield
    finally:
        child.kill()
        child.wait()


def listener(path, mode, owner=""):
    return f'[[listener]]\nbind = "unix:{path}"\nmode = "{mode}"\n' + (f'owner = "{owner}"\n' if owner else "")


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_a_socket_that_the_user_exchanges(own, folder, theirs, precious, link):
    """A file of root's does not get the mode and the owner that the socket is to have."""
    path, other = theirs / "sock", theirs / "other"
    config = Config(folder).write(listener=listener(path, "0600")).start(own)
    assert stat.S_ISSOCK(path.stat().st_mode) and path.stat().st_uid == 0
    if link == "symbolic":
        other.symlink_to(precious)
        os.chown(other, NOBODY.pw_uid, NOBODY.pw_gid, follow_symlinks=False)
    else:
        os.link(precious, other)
    with exchanging(path, other):
        for number in range(2, 22):
            config.write(listener=listener(path, "0666" if number % 2 == 0 else "0600", "daemon"))
            config.reload(number)
            assert untouched(precious), f"after reload {number}"
    assert config.server.alive
    config.server.stop()
    assert untouched(precious)


def test_a_link_in_the_place_of_a_socket(own, folder, theirs, precious):
    """Likewise without a race: it is there when the reload comes, and stays when the server goes."""
    path = theirs / "sock"
    config = Config(folder).write(listener=listener(path, "0600")).start(own)
    path.unlink()
    path.symlink_to(precious)
    for number in (2, 3):
        config.write(listener=listener(path, "0666", "daemon"))
        config.reload(number)
    assert untouched(precious) and path.is_symlink()
    config.server.stop()
    assert untouched(precious) and path.is_symlink()


def test_a_socket_in_the_users_folder(own, folder, theirs):
    """It still gets its configured mode from the start, and the user that starts the server, or the configured one, as
    its owner."""
    path, second = theirs / "sock", theirs / "second"
    config = Config(folder).write(listener=listener(path, "0640") + listener(second, "0606", "daemon")).start(own)

    def look(path):
        return stat.S_IMODE(path.stat().st_mode), path.stat().st_uid

    assert look(path) == (0o640, 0) and look(second) == (0o606, DAEMON.pw_uid)
    config.write(listener=listener(path, "0666", "nobody") + listener(second, "0600", "daemon"))
    config.reload(2)
    assert look(path) == (0o666, NOBODY.pw_uid) and look(second) == (0o600, DAEMON.pw_uid)
    config.server.stop()
    assert not path.exists() and not second.exists()


def test_a_socket_in_the_users_folder_without_network_administration(own, folder, theirs):
    """Whether the file is the socket's is not known then, and root changes none; what makes it goes on, and removes it."""
    path = theirs / "sock"
    config = Config(folder).write(listener=listener(path, "0640")).start(
        own, launcher=["setpriv", "--bounding-set=-net_admin"]
    )
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o640, 0)
    config.reload(2)
    assert "is not changed" not in config.server.log
    config.write(listener=listener(path, "0666"))
    config.reload(3)
    config.wait_for("a listener is not changed: change .*sock: server.user can write to its folder")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    config.server.stop()
    assert not path.exists()


def test_sockets_after_the_supervisor_was_replaced(own, folder, theirs, precious):
    """Its successor knows whose the folder is, and removes what it has to."""
    path, metrics = theirs / "sock", theirs / "metrics"
    settings = f'[metrics]\nbind = "unix:{metrics}"\n[control]\nsocket = "{theirs}/control"'
    config = Config(folder).write(settings, listener(path, "0600")).start(own)
    wait_for((theirs / "control").exists, lambda: config.server.state())
    config.server.tell(signal.SIGUSR2)
    config.wait_for("has been replaced")
    assert stat.S_IMODE(metrics.stat().st_mode) == 0o666
    config.write(settings, listener(path, "0666", "daemon"))
    config.reload(2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 and path.stat().st_uid == DAEMON.pw_uid
    for place in (path, metrics):
        place.rename(theirs / "before")
        place.symlink_to(precious)
        config.write(settings, listener(path, "0606" if place == path else "0660"))
        config.server.tell(signal.SIGHUP)
        config.wait_for(f"generation {3 if place == path else 4} serves")
        assert untouched(precious)
    config.server.stop()
    assert untouched(precious) and path.is_symlink() and metrics.is_symlink()


def test_a_stale_socket_in_the_users_folder(own, folder, theirs):
    """It is replaced; what has its name and is something else is not."""
    path = theirs / "sock"
    config = Config(folder).write(listener=listener(path, "0600")).start(own)
    config.server.tell(signal.SIGKILL)
    config.server.wait()
    assert path.exists()
    config = Config(folder).write(listener=listener(path, "0600")).start(own)
    config.server.stop()
    path.write_text("a file")
    result = run("-c", config.file)
    assert result.returncode == 69 and path.read_text() == "a file"


def test_the_control_socket_in_the_users_folder(own, folder, theirs):
    """Root's alone: whatever its permissions become, the kernel tells who connects."""
    path = theirs / "control.sock"
    config = Config(folder).write(f'[control]\nsocket = "{path}"').start(own)
    wait_for(Control(path).takes_clients, lambda: config.server.state())
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o600, 0)
    assert Control(path).ask("status")["ready"]
    code = (
        "import os, socket, sys\n"
        "os.setgroups([]), os.setgid(65534), os.setuid(65534)\n"
        "client = socket.socket(socket.AF_UNIX)\n"
        "client.connect(sys.argv[1])\n"
        "client.settimeout(5)\n"
        "try:\n"
        "    client.sendall(b'{\"command\":\"stop\"}\\n')\n"
        "    print(client.recv(100))\n"
        "except OSError:\n"
        "    print(b'')\n"
    )
    command = [sys.executable, "-c", code, path]
    theirs_word = {"capture_output": True, "text": True}
    assert "PermissionError" in subprocess.run(command, **theirs_word).stderr
    os.chmod(path, 0o666)
    assert subprocess.run(command, **theirs_word).stdout == "b''\n"
    assert Control(path).ask("status")["ready"]


# Keys


def check_key(folder, identity, key, *flags):
    """What a start finds wrong with these files; the key has this path."""
    listener = f'[[listener]]\nbind = "127.0.0.1:1"\n[listener.tls]\ncertificate = "{identity.certificate}"\nkey = "{key}"\n'
    file = folder / "tls.toml"
    file.write_text(f'[server]\nuser = "nobody"\n{listener}[[plugin]]\npath = "{folder / "libidentity.so"}"\n')
    return run("-t", "-c", file)


@pytest.fixture
def secret(authority, folder):
    """A key that root alone can read."""
    path = folder / "root" / "secret.key"
    path.parent.mkdir(mode=0o700)
    shutil.copy(authority.server.key, path)
    path.chmod(0o600)
    return path


def test_a_link_of_the_users_to_a_key_of_roots(authority, folder, theirs, secret):
    """The server does not read a key for a user without access to it, whether the link replaces the file or a folder on
    the path."""
    (theirs / "key.pem").symlink_to(secret)
    (theirs / "keys").symlink_to(secret.parent)
    for key in (theirs / "key.pem", theirs / "keys" / "secret.key"):
        os.lchown(theirs / key.relative_to(theirs).parts[0], NOBODY.pw_uid, NOBODY.pw_gid)
        result = check_key(folder, authority.server, key)
        assert result.returncode == 78 and "Permission denied" in result.stderr, result
    for user, found in ((NOBODY, 0), (DAEMON, 78)):
        own = theirs / "own.pem"
        shutil.copy(authority.server.key, own)
        os.chown(own, user.pw_uid, user.pw_gid)
        own.chmod(0o600)
        assert check_key(folder, authority.server, own).returncode == found


def test_links_of_roots_to_a_key(authority, folder, secret):
    """As certbot makes them, and as Kubernetes does, in a volume that all can write to."""
    live = folder / "live"
    live.mkdir(mode=0o700)
    (live / "privkey.pem").symlink_to("../root/secret.key")
    volume = folder / "volume"
    (volume / "..2026_01").mkdir(parents=True)
    volume.chmod(0o1777)
    shutil.copy(secret, volume / "..2026_01" / "tls.key")
    (volume / "..data").symlink_to("..2026_01")
    (volume / "tls.key").symlink_to("..data/tls.key")
    absolute = folder / "absolute"
    absolute.symlink_to(live / "privkey.pem")
    for key in (secret, live / "privkey.pem", volume / "tls.key", absolute, "live/../live/./privkey.pem"):
        result = check_key(folder, authority.server, key)
        assert result.returncode == 0, result
    (folder / "loop").symlink_to("loop")
    assert "Too many levels" in check_key(folder, authority.server, folder / "loop").stderr
    assert "not a regular file" in check_key(folder, authority.server, live).stderr


def test_a_key_in_a_folder_of_somebody_else(authority, folder):
    """It is read with no more rights than the service's user has."""
    others = owned(folder / "others", DAEMON)
    key = others / "key.pem"
    shutil.copy(authority.server.key, key)
    os.chown(key, DAEMON.pw_uid, NOBODY.pw_gid)
    key.chmod(0o640)
    assert check_key(folder, authority.server, key).returncode == 0
    key.chmod(0o600)
    result = check_key(folder, authority.server, key)
    assert result.returncode == 78 and "as user nobody, since others than root can change its folder" in result.stderr


# The pid file


def test_the_pid_file_in_the_users_folder(own, folder, theirs):
    """It is the supervisor's, and nobody else's to write to or to lock."""
    path = theirs / "outrider.pid"
    config = Config(folder).write(f'pidfile = "{path}"').start(own)
    assert path.read_text() == f"{config.server.pid}\n"
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o644, 0)
    assert os.listdir(theirs) == [path.name]
    config.server.tell(signal.SIGKILL)
    config.server.wait()
    config = Config(folder).write(f'pidfile = "{path}"').start(own)
    assert path.read_text() == f"{config.server.pid}\n"
    config.server.stop()
    assert not path.exists()


def test_a_pid_file_that_the_user_exchanges(folder, theirs, precious):
    path = theirs / "outrider.pid"
    for make in (lambda: path.symlink_to(precious), lambda: os.link(precious, path)):
        make()
        result = run("-c", Config(folder).write(f'pidfile = "{path}"').file)
        assert result.returncode in (71, 77) and untouched(precious), result
        path.unlink()
