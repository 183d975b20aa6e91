"""log.error in a file, and USR1, which opens it anew."""

import os
import re
import signal

import pytest

import client
import processes
from load import Load
from processes import kill, wait_for
from server import TEST_PLUGINS, free_port, run
from service import Service
from slow_requests import begin_slow


@pytest.fixture
def log(tmp_path):
    return tmp_path / "error.log"


@pytest.fixture
def service(own, tmp_path, log):
    """A server with its log in a file from the start, and a plugin on /log that writes to standard error."""
    return Service.changed(own, tmp_path, settings=f'[log]\nerror = "{log}"')


def errors_of(pid):
    return os.readlink(f"/proc/{pid}/fd/2")


def everyone(service):
    return [service.server.pid, service.server.master(), *service.server.workers()]


def reopened(service, path):
    service.server.tell(signal.SIGUSR1)
    wait_for(
        lambda: path.exists() and "log files have been reopened" in path.read_text(), lambda: f"{path} is reopened; {service.server.state()}"
    )
    wait_for(
        lambda: {errors_of(pid) for pid in everyone(service)} == {str(path)},
        lambda: f"{[errors_of(pid) for pid in everyone(service)]}",
    )


def test_all_log_to_the_file(service, log):
    wait_for(lambda: {errors_of(pid) for pid in everyone(service)} == {str(log)}, "the file in all processes")
    assert "worker 0: plugin configured" in log.read_text()
    kill(service.server.workers()[0])
    wait_for(lambda: "SIGKILL" in log.read_text(), "a line of the master")
    kill(service.server.master())
    wait_for(lambda: re.search(r"supervisor: master .*SIGKILL", log.read_text()), "a line of the supervisor")
    assert "SIGKILL" not in service.server.log


def test_rotation(service, log, tmp_path):
    old = tmp_path / "error.log.1"
    log.rename(old)
    reopened(service, log)
    size = old.stat().st_size
    kill(service.server.workers()[0])
    wait_for(lambda: "SIGKILL" in log.read_text(), "a line of the master")
    assert old.stat().st_size == size
    # Workers that came later log there too, and so does the next generation.
    service.reload(settings=f'[log]\nerror = "{log}"')
    wait_for(lambda: {errors_of(pid) for pid in everyone(service)} == {str(log)}, "the file in all processes")


def test_no_line_is_lost_under_rotation(own, tmp_path, log):
    """Every request makes the plugin write one line."""
    port, file = free_port(), tmp_path / "outrider.toml"
    file.write_text(
        f'[server]\nworkers = 2\n[log]\nerror = "{log}"\n[[listener]]\nbind = "127.0.0.1:{port}"\n'
        f'[[plugin]]\npath = "{TEST_PLUGINS / "liblogging.so"}"\n'
    )
    server = own("-c", file, bind=False, port=port, logs_elsewhere=True)
    wait_for(lambda: errors_of(server.pid) == str(log), "the supervisor, which writes there once it has heard of the start")
    with Load(server.address, keeping=2, opening=1) as load:
        for count in range(1, 21):
            log.rename(tmp_path / f"rotated.{count}")
            server.tell(signal.SIGUSR1)
            wait_for(lambda: log.exists() and "reopened" in log.read_text(), "the new file")
    load.assert_well()
    server.stop()
    text = "".join(path.read_text() for path in [log, *tmp_path.glob("rotated.*")])
    assert text.count("a request has come") == load.answered
    assert not [line for line in text.splitlines() if not re.match(r"\[\d{4}-", line)], "whole lines only"


def test_generations_that_drain_reopen_too(service, log, tmp_path):
    with service.server.connect() as connection:
        begin_slow(connection, 5, "/demo")
        (old,) = service.server.workers()
        service.write(settings=f'[log]\nerror = "{log}"')
        service.hup()
        service.wait_for_number()
        log.rename(tmp_path / "error.log.1")
        service.server.tell(signal.SIGUSR1)
        wait_for(lambda: log.exists() and errors_of(old) == str(log), lambda: errors_of(old))
        assert connection.final(timeout=4).status == 200


def test_a_log_that_can_not_be_reopened_is_kept(service, log, tmp_path):
    old = tmp_path / "error.log.1"
    log.rename(old)
    log.mkdir()
    service.server.tell(signal.SIGUSR1)
    wait_for(lambda: "not reopened" in old.read_text(), "the fault in the log that is kept")
    assert service.serving() == service.number
    log.rmdir()
    reopened(service, log)


def test_usr1_without_files(own, tmp_path):
    service = Service(own, tmp_path)
    before = [errors_of(pid) for pid in everyone(service)]
    service.server.tell(signal.SIGUSR1)
    wait_for(lambda: "log files have been reopened" in service.server.log, "the signal")
    assert [errors_of(pid) for pid in everyone(service)] == before


def test_a_reload_moves_it_and_takes_it_back(service, log, tmp_path):
    other = tmp_path / "other.log"
    service.reload(settings=f'[log]\nerror = "{other}"')
    wait_for(lambda: {errors_of(pid) for pid in everyone(service)} == {str(other)}, "the other file")
    service.server.tell(signal.SIGUSR2)
    wait_for(lambda: "has been replaced" in other.read_text(), "the replacement")
    service.reload()
    terminal = str(service.server.folder / "stderr")
    wait_for(lambda: {errors_of(pid) for pid in everyone(service)} == {terminal}, "standard error")


def test_usr1_after_the_replacement_of_the_supervisor(service, log, tmp_path):
    service.server.tell(signal.SIGUSR2)
    wait_for(lambda: "has been replaced" in log.read_text(), "the replacement")
    log.rename(tmp_path / "error.log.1")
    reopened(service, log)


def test_a_full_disk_does_not_stop_it(own, tmp_path):
    service = Service(own, tmp_path)
    service.reload(settings='[log]\nerror = "/dev/full"')
    kill(service.server.workers()[0])
    assert service.serving() == service.number
    service.reload(settings='[log]\nerror = "/dev/full"')


def test_faults_of_a_start_are_on_the_terminal(tmp_path, log):
    for plugin, says in (("load_refuses", "moon"), ("start_refuses", "no database"), ("load_crashes", "SIGSEGV")):
        path = TEST_PLUGINS / f"lib{plugin}.so"
        result = run("-b", "127.0.0.1:0", "--set", f"log.error={log}", path)
        assert result.returncode != 0 and says in result.stderr, result.stderr


@pytest.mark.parametrize(
    "place, code, says", [("{tmp}", 71, "directory"), ("error.log", 64, "absolute"), ("{tmp}/no/log", 71, "No such")]
)
def test_a_log_that_can_not_be_opened(tmp_path, place, code, says):
    error = f"log.error={place.format(tmp=tmp_path)}"
    result = run("-b", "127.0.0.1:0", "--set", error, TEST_PLUGINS / "libconfigured.so")
    assert result.returncode in (code, 78) and says in result.stderr


def test_permissions_of_a_new_log(service, log):
    assert log.stat().st_mode & 0o137 == 0
    assert processes.look(service.server.pid)


def test_a_pipe_that_nobody_reads(own, tmp_path):
    """Opening it would wait for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    service = Service(own, tmp_path)
    service.write(settings=f'[log]\nerror = "{pipe}"')
    assert "pipe" in service.failed_reload(timeout=3)
    assert service.serving() == 1
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    service.reload(settings=f'[log]\nerror = "{pipe}"')
    for _ in range(20):  # far more than the pipe holds is a matter of time, and of nobody's patience
        service.server.tell(signal.SIGUSR1)
        wait_for(lambda: processes.has_taken(service.server.pid, signal.SIGUSR1), service.server.state)
        assert service.serving() == service.number
    os.close(reader)
    assert service.serving() == service.number
