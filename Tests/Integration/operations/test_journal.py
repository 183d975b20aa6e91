"""The error log in systemd's journal: standard error that is a stream of it, and log.error = "journal"."""

import re
import signal
import socket
import threading

import pytest

from client import request
from matrix import Combination
from metrics import Metrics
from processes import kill, wait_for
from server import TEST_PLUGINS, free_port
from service import Service

PREFIXED = re.compile(r"<[2-7]>\[\d+\] \[(DEBUG|INFO|WARNING|ERROR|CRITICAL)\] (supervisor|master|worker \d+): ")
STAMPED = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\] \[[A-Z]+\] ")
# As systemd does: the variable names the stream that standard error is.
ON_A_STREAM = ["sh", "-c", 'JOURNAL_STREAM=$(stat -L -c %d:%i /dev/fd/2) exec "$@"', "sh"]


def lines_of(service):
    return service.server.log.splitlines()


def priority_of(service, text):
    """The prefix of the one line that has this text."""
    (line,) = [line for line in lines_of(service) if text in line]
    return line[: line.index("[")]


# Standard error is the journal


def test_every_process_says_its_priority(own, tmp_path):
    service = Service(own, tmp_path, launcher=ON_A_STREAM)
    service.reload()
    kill(service.server.workers()[0])
    wait_for(lambda: "SIGKILL" in service.server.log, "a line of the master")
    kill(service.server.master())
    wait_for(lambda: re.search(r"supervisor: master .*SIGKILL", service.server.log), "a line of the supervisor")
    wait_for(lambda: service.server.log.count("serving ") >= 3, "a new master")
    unprefixed = [line for line in lines_of(service) if not PREFIXED.match(line)]
    assert not unprefixed, unprefixed
    assert {PREFIXED.match(line)[2] for line in lines_of(service)} == {"supervisor", "master", "worker 0"}
    assert priority_of(service, "generation 2 serves") == "<6>"
    assert priority_of(service, "starting another in") == "<3>"


def test_what_plugins_say_has_a_priority(own):
    server = own(TEST_PLUGINS / "liblogging.so", launcher=ON_A_STREAM)
    assert server.get("/").status == 200
    wait_for(lambda: re.search(r"(?m)^<6>\[\d+\] \[INFO\] worker 0: plugin logging: a request", server.log), server.state)


def test_every_line_of_a_backtrace_has_a_priority(own):
    server = own(Combination("async", "event").misbehaving, launcher=ON_A_STREAM, model="async")
    with server.connect() as connection:
        connection.send(request("GET", "/crash"))
        connection.assert_closed()
    wait_for(lambda: "its replacement starts" in server.log, server.state)
    wait_for(lambda: re.search(r"(?m)^<3>\[\d+\] \[ERROR\] master: worker 0 .* got the signal at ", server.log), server.state)
    assert all(PREFIXED.match(line) for line in server.log.splitlines()), server.log


def test_every_fault_of_a_file_has_a_priority(own, tmp_path):
    """Those of a start are plain lines, on several of them."""
    service = Service(own, tmp_path, launcher=ON_A_STREAM)
    size = len(service.server.log)
    service.file.write_text("[server]\nworkerz = 1\nthreadz = 2\n")
    service.failed_reload()
    said = service.server.log[size:].splitlines()
    assert len([line for line in said if "unknown key" in line]) >= 3
    assert all(line.startswith("<3>") for line in said if "unknown key" in line), said


def test_a_stream_that_is_another_means_nothing(own, tmp_path):
    service = Service(own, tmp_path, env={"JOURNAL_STREAM": "8:12345"})
    assert all(STAMPED.match(line) for line in lines_of(service)) and lines_of(service)


# log.error = "journal"


class FakeJournal:
    """A socket in the place of the journal's, in a mount namespace of the test's own."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / "stdout"))
        folder.joinpath("stdout").chmod(0o666)
        self.listener.listen()
        self.streams = []
        self.reads = True
        self.unread = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            stream, _ = self.listener.accept()
            received = bytearray()
            self.streams.append(received)
            threading.Thread(target=self._read, args=(stream, received), daemon=True).start()

    def _read(self, stream, received):
        if not self.reads:
            return self.unread.append(stream)  # it stays open, and its other end finds no room
        while data := stream.recv(65536):
            received += data

    def launcher(self):
        script = 'mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind "$0" /run/systemd/journal'
        return ["unshare", "--map-root-user", "--mount", "sh", "-c", f'{script} && exec "$@"', self.folder]

    @property
    def lines(self):
        """All lines behind the seven of each stream's head."""
        return [line for stream in self.streams for line in stream.decode().split("\n")[7:] if line]


@pytest.fixture
def journal(tmp_path):
    journal = FakeJournal(tmp_path / "journal")
    yield journal
    journal.listener.close()


def said(journal, text):
    wait_for(lambda: [line for line in journal.lines if text in line], lambda: f"{text} in {journal.lines}")


def test_all_log_to_the_journal(own, tmp_path, journal):
    service = Service(own, tmp_path, launcher=journal.launcher())
    assert not journal.streams and all(STAMPED.match(line) for line in lines_of(service))
    service.reload(settings='[log]\nerror = "journal"')
    said(journal, "worker 0: plugin configured")
    said(journal, "master: serving ")
    said(journal, "supervisor: generation 2 serves")
    size = len(service.server.log)
    kill(service.server.workers()[0])
    said(journal, "its replacement starts")
    assert all(PREFIXED.match(line) for line in journal.lines), journal.lines
    # An identifier, no unit, a priority, which lines say themselves, and nothing to be passed on.
    assert all(bytes(stream).startswith(b"outrider\n\n6\n1\n0\n0\n0\n") for stream in journal.streams)
    for number in (signal.SIGUSR1, signal.SIGUSR2):  # neither leads it elsewhere
        service.server.tell(number)
    said(journal, "log files have been reopened")
    said(journal, "the supervisor has been replaced")
    service.reload(settings='[log]\nerror = "journal"')
    said(journal, "supervisor: generation 3 serves")
    assert "serv" not in service.server.log[size:].replace("server.user", "")
    service.reload()
    wait_for(lambda: "generation 4 serves" in service.server.log, service.server.state)
    assert STAMPED.match(lines_of(service)[-1])


def test_the_journal_is_standard_error_already(own, tmp_path, journal):
    """No second stream is opened then."""
    service = Service(own, tmp_path, launcher=journal.launcher() + ON_A_STREAM)
    service.reload(settings='[log]\nerror = "journal"')
    wait_for(lambda: "generation 2 serves" in service.server.log, service.server.state)
    assert not journal.streams
    assert all(PREFIXED.match(line) for line in lines_of(service))


def test_without_a_journal_it_stays_where_it_is(own, tmp_path):
    hidden = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"]
    service = Service(own, tmp_path, launcher=hidden)
    service.reload(settings='[log]\nerror = "journal"')
    assert re.search(r'supervisor: log\.error = "journal": the journal of systemd: No such.*standard error', service.server.log)
    kill(service.server.workers()[0])
    wait_for(lambda: "SIGKILL" in service.server.log, "a line of the master")


def test_a_journal_that_reads_nothing_stops_nobody(own, tmp_path, journal):
    """Neither those who log requests to it, nor those who have something to say."""
    journal.reads = False
    service = Service(own, tmp_path, launcher=journal.launcher())
    metrics = Metrics(free_port())
    settings = f'[log]\nerror = "journal"\naccess = "journal"\n[metrics]\nbind = "127.0.0.1:{metrics.address[1]}"'
    talks = f'[[plugin]]\npath = "{TEST_PLUGINS / "liblogging.so"}"\nmount = "/talks"\n'
    service.reload(settings=settings, more=talks)
    # systemd's library asks for buffers of 8 MiB: lines of the access log come together, those of the error log one by one.
    for lost, target in (("access", f"/talks/{'x' * 4000}"), ("log", "/talks")):
        name = f"outrider_{lost}_lines_lost_total"
        for _ in range(800):
            with service.server.connect() as connection:
                connection.send(request("GET", target) * 50, ["GET"] * 50)
                assert [connection.final().status for _ in range(50)] == [200] * 50
            if metrics.value(name):
                break
        else:
            raise AssertionError(f"no line is lost: {service.server.state()}")
    (worker,) = service.server.workers()
    kill(worker)
    wait_for(lambda: service.server.workers() != [worker], service.server.state)
    service.reload(settings=settings)
    service.server.stop()


# log.access = "journal"

ACCESS = '[log]\naccess = "journal"\naccess_format = "<2>%(U)s %(s)s"'


def test_requests_are_logged_to_the_journal(own, tmp_path, journal):
    """Beside the error log, which stays where it is; and nothing in a line is taken for its priority."""
    service = Service(own, tmp_path, launcher=journal.launcher())
    service.reload(settings=ACCESS)
    service.server.get("/demo/?1")
    said(journal, "<2>/demo/ 200")
    (stream,) = journal.streams
    assert bytes(stream).startswith(b"outrider\n\n6\n0\n0\n0\n0\n")
    assert all(line.startswith("<2>/") for line in journal.lines)
    assert "generation 2 serves" in service.server.log
    for number in (signal.SIGUSR1, signal.SIGUSR2):  # neither leads it elsewhere
        service.server.tell(number)
    wait_for(lambda: "has been replaced" in service.server.log, "the replacement")
    kill(service.server.workers()[0])
    wait_for(lambda: service.server.get("/demo/?2").status == 200, "the next worker")
    service.server.get("/demo/late")
    said(journal, "<2>/demo/late 404")


def test_without_a_journal_requests_are_not_logged(own, tmp_path):
    hidden = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"]
    service = Service(own, tmp_path, launcher=hidden)
    service.reload(settings=ACCESS)
    assert re.search(r'supervisor: log\.access = "journal": .*No such.*not logged', service.server.log)
    assert service.server.get("/demo/").status == 200
