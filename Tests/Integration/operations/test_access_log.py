"""log.access: a complete line for each request that has ended, in every format, without delaying requests."""

import json
import os
import re
import signal
import time
from contextlib import suppress

import pytest

import client
import http2
import processes
from load import Load
from matrix import INSPECT, MODELS, event, http2 as over_http2, keeping_alive, only
from metrics import Metrics
from processes import kill, wait_for
from server import RELEASE, TEST_PLUGINS, free_port, run
from service import Service
from slow_requests import begin_slow
from timing import scaled_timeout

COMBINED = re.compile(
    r'(?P<h>\S+) - (?P<u>\S+) \[(?P<t>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "(?P<r>(?:[^"\\]|\\.)*)" '
    r'(?P<s>\d{3}) (?P<b>\d+|-) "(?P<f>(?:[^"\\]|\\.)*)" "(?P<a>(?:[^"\\]|\\.)*)"\n'
)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "access.log"


@pytest.fixture
def logging(own, tmp_path, log):
    """logging(plugin, model, format, *settings): a server that logs its requests to the file."""

    def start(plugin, model="async", form=None, *settings, workers=1, place=None, **options):
        port = free_port()
        file = tmp_path / "access.toml"
        lines = [f"access = {json.dumps(str(place or log))}"]
        if form is not None:
            lines.append(f"access_format = {json.dumps(form)}")
        more = "\n".join(settings)
        file.write_text(
            f'[server]\nworker_model = "{model}"\nworkers = {workers}\n[log]\n' + "\n".join(lines) + f"\n{more}\n"
            f'[[listener]]\nbind = "127.0.0.1:{port}"\n' + ("" if model == "sync" else "h2c = true\n")
            + f'[[plugin]]\nname = "it"\npath = "{plugin}"\n'
        )
        return own("-c", file, bind=False, port=port, **options)

    return start


def lines_of(path, count=1):
    """The lines of a log, once there are so many; whole ones."""

    def read():
        text = path.read_text("utf-8", "surrogateescape") if path.exists() else ""
        return text.splitlines(keepends=True) if text.count("\n") >= count else None

    lines = wait_for(read, lambda: f"{count} line(s) in {path}: {path.read_text() if path.exists() else 'no file'}")
    assert len(lines) == count and lines[-1].endswith("\n"), lines
    return lines


def line_of(path):
    return lines_of(path)[0].rstrip("\n")


# Formats


def test_combined_is_the_usual_format(logging, log, combination):
    server = logging(combination.demo, combination.model)
    before = time.time()
    answer = server.get("/?a=1", "User-Agent: tester/1", "Referer: http://from/", "Authorization: Basic am9lOnB3")
    seen = COMBINED.fullmatch(lines_of(log)[0])
    assert seen, log.read_text()
    assert (seen["h"], seen["u"], seen["r"]) == ("127.0.0.1", "joe", "GET /?a=1 HTTP/1.1")
    assert (seen["s"], seen["b"]) == ("200", str(len(answer.body)))
    assert (seen["f"], seen["a"]) == ("http://from/", "tester/1")
    at = time.mktime(time.strptime(seen["t"][:20], "%d/%b/%Y:%H:%M:%S"))
    assert before - 2 < at <= time.time()


def test_common_is_combined_without_its_last_two(logging, log):
    server = logging(RELEASE / "libdemo_event.so", "async", "common")
    server.get("/", "User-Agent: tester/1")
    assert re.fullmatch(r'127\.0\.0\.1 - - \[[^]]+\] "GET / HTTP/1\.1" 200 \d+', line_of(log))


def test_json_tells_all(logging, log, combination):
    server = logging(combination.demo, combination.model, "json")
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    start = time.monotonic()
    answer = server.get("/early-hints?q=1", "User-Agent: tester/1", f"traceparent: 00-{trace}-{parent}-01")
    told = json.loads(line_of(log))
    took = time.monotonic() - start
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", told.pop("time"))
    assert 0.25 < told.pop("duration_seconds") < took
    assert re.fullmatch(r"[0-9a-f]{16}", told.pop("request_id"))
    assert told.pop("pid") in server.workers()
    assert told == {
        "remote_address": "127.0.0.1", "user": None, "method": "GET", "path": "/early-hints", "query": "q=1",
        "protocol": "HTTP/1.1", "scheme": "http", "host": "localhost", "status": 200, "bytes": len(answer.body),
        "hints": 1, "referer": None, "user_agent": "tester/1", "plugin": "it", "outcome": "complete",
        "trace_id": trace, "parent_id": parent, "notes": None,
    }  # fmt: skip


@over_http2
def test_streams_are_requests(logging, log, combination):
    server = logging(combination.demo, combination.model, "json")
    with http2.connect(server) as connection:
        answers = [connection.get("/early-hints"), connection.get("/large")]
    # A handler may return after the next one, long after its response.
    told = sorted((json.loads(line) for line in lines_of(log, 2)), key=lambda line: line["path"])
    assert [t["protocol"] for t in told] == ["HTTP/2.0"] * 2
    assert [t["path"] for t in told] == ["/early-hints", "/large"]
    assert [t["bytes"] for t in told] == [len(a.body) for a in answers]
    assert [t["hints"] for t in told] == [1, 0]
    assert told[0]["host"] and told[0]["status"] == 200


def test_the_atoms_of_gunicorn(logging, log):
    atoms = "%(h)s|%(l)s|%(u)s|%(r)s|%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(b)s|%(f)s|%(a)s|%(p)s"
    times = "%(T)s|%(M)s|%(D)s|%(L)s"
    fields = "%({x-one}i)s|%({Content-Type}o)s|%({none}o)s|%({HTTP_X_ONE}e)s|%({REQUEST_METHOD}e)s"
    ours = "%(request_id)s|%(plugin)s|%(hints)s|%(scheme)s|%(host)s|%(remote_port)s|100%%"
    server = logging(RELEASE / "libdemo_blocking.so", "gthread", f"{atoms}|{times}|{fields}|{ours}")
    with server.connect() as connection:
        port, start = connection.socket.getsockname()[1], time.monotonic()
        connection.send(client.request("GET", "/delay?s=0.2", "X-One: uno", "User-Agent: me"))
        answer = connection.final()
    (pid,) = server.workers()
    words, took = line_of(log).split("|"), time.monotonic() - start
    length = str(len(answer.body))
    assert words[:14] == [
        "127.0.0.1", "-", "-", "GET /delay?s=0.2 HTTP/1.1", "GET", "/delay", "s=0.2", "HTTP/1.1", "200", length, length,
        "-", "me", f"<{pid}>",
    ]  # fmt: skip
    seconds, milliseconds, microseconds, decimal = words[14:18]
    assert int(seconds) == int(milliseconds) // 1000 and 200 <= int(milliseconds) < took * 1000
    assert int(microseconds) // 1000 == int(milliseconds) and int(float(decimal) * 1e6 + 0.5) == int(microseconds)
    assert words[18:23] == ["uno", answer.get("content-type"), "-", "uno", "GET"]
    assert re.fullmatch(r"[0-9a-f]{16}", words[23])
    assert words[24:] == ["it", "0", "http", "localhost", str(port), "100%"]


@pytest.mark.parametrize(
    "form, says",
    [
        ("%(h)s %(z)s", r'character 7: there is no atom "z"'),
        ("%(h)s 100%", "character 10"),
        ("%(h)d", "character 1"),
        ("%({}i)s", "there is no atom"),
        ("%({wsgi.input}e)s", "there is no atom"),
        ("combine", "neither common, combined, json"),
        ("%(h)s\\n", "control"),
        ("%(h)s" * 41, "at most 40"),
        ("%({a}o)s" * 9, "8 of them"),
        ("%(h)s" + "x" * 1024, "1024"),
    ],
)
def test_a_format_that_is_none(tmp_path, form, says):
    file = tmp_path / "outrider.toml"
    file.write_text(
        f'[log]\naccess_format = "{form}"\n[[plugin]]\npath = "{RELEASE / "libdemo_event.so"}"\n'
    )
    result = run("-t", "-c", file)
    assert result.returncode == 78 and f"{file}:2:" in result.stderr and says in result.stderr, result.stderr


# What is in a line


@pytest.mark.parametrize(
    "model, version",
    [(model, version) for model in MODELS for version in ("HTTP/1.1", "HTTP/2") if (model, version) != ("sync", "HTTP/2")])
def test_fields_of_an_answer_that_never_went_out(logging, log, model, version):
    """The handler's answer was begun, and the server gave its own: the log has the fields of what the client got."""
    limit = '[timeouts]\nrequest = "300ms"'
    server = logging(TEST_PLUGINS / "liblifecycle_edges_blocking.so", model, "%(s)s %({x-begun}o)s", limit)
    if version == "HTTP/2":
        with http2.connect(server) as connection:
            answer = connection.get("/begun")
    else:
        with server.connect() as connection:
            connection.send(client.request("GET", "/begun", "Connection: close"))
            (answer,) = connection.end()
    # Elsewhere the handler's thread writes to the socket itself, and its answer has gone out.
    if model == "async" or version == "HTTP/2":
        assert answer.status == 504 and answer.get("x-begun") is None
    assert line_of(log) == f"{answer.status} {answer.get('x-begun') or '-'}"


def test_the_request_id_is_the_one_the_plugin_sees(logging, log, model):
    server = logging(INSPECT, model, "%(request_id)s")
    seen = [json.loads(server.get("/").body)["request_id"] for _ in range(3)]
    seen.append(json.loads(server.get("/", "X-Request-ID: from-a-proxy-1").body)["request_id"])
    assert seen[3] == "from-a-proxy-1" and len(set(seen)) == 4
    assert [line.strip() for line in lines_of(log, 4)] == seen


def test_the_client_of_a_trusted_proxy(logging, log):
    fields = '[proxy]\nfields = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"]'
    server = logging(RELEASE / "libdemo_event.so", "async", "%(h)s %(remote_port)s %(scheme)s %(host)s", fields)
    server.get("/", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example")
    assert line_of(log) == "192.0.2.7 0 https shop.example"


def test_nothing_from_outside_breaks_a_line(logging, log):
    server = logging(RELEASE / "libdemo_event.so", "async")
    server.get('/"?\\x=a', 'User-Agent: a" 200 "b\\\t\xe4\xff')
    seen = COMBINED.fullmatch(lines_of(log)[0])
    assert seen["r"] == r"GET /\"?\\x=a HTTP/1.1" and seen["a"] == r"a\" 200 \"b\\\x09\xE4\xFF"


def test_nothing_from_outside_breaks_json(logging, log):
    server = logging(RELEASE / "libdemo_event.so", "async", "json")
    server.fetch(b'GET /"\\ HTTP/1.1\r\nHost: x\r\nUser-Agent: a"\\\t\xc3\xa4\xff\xe2\x82\xed\xa0\x80!\r\n\r\n')
    told = json.loads(line_of(log))
    assert told["path"] == '/"\\' and told["user_agent"] == 'a"\\\tä' + "\ufffd" * 6 + "!"


def test_nothing_from_outside_controls_what_shows_json(logging, log):
    """C1 controls, line separators, what turns the direction of text: escaped, and the same when it is read."""
    server = logging(RELEASE / "libdemo_event.so", "async", "json")
    words = "x\x9b31mRED\x85 \u2028\u2029 \u202anormal\u202e \u2066 \u2069 ä€😀"
    server.fetch(b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: " + words.encode() + b"\r\n\r\n")
    line = line_of(log)
    assert json.loads(line)["user_agent"] == words
    assert not re.search("[\x80-\x9f\u2028-\u202e\u2066-\u2069]", line) and "ä€😀" in line


def test_long_values_are_cut_and_lines_stay_whole(logging, log, model):
    server = logging(RELEASE / "libdemo_event.so", model)
    server.get("/" + "t" * 6000, "User-Agent: " + "\xff" * 6000, "Referer: " + "r" * 6000)
    (line,) = lines_of(log)
    seen = COMBINED.fullmatch(line)
    assert len(line) <= 4096 and seen
    assert re.fullmatch(r"GET /t{2000,2047}\.\.\. HTTP/1\.1", seen["r"])
    assert re.fullmatch(r"r{1000,2048}\.\.\.", seen["f"]) and re.fullmatch(r"(\\xFF)*\.\.\.", seen["a"])


def test_bodies_that_are_none(logging, log, combination):
    server = logging(combination.demo, combination.model, "%(m)s %(s)s %(B)s %(b)s")
    server.get("/", method="HEAD")
    server.get("/nowhere")
    get, head = sorted(lines_of(log, 2))  # a handler may return after the next one
    assert head == "HEAD 200 0 -\n"
    assert re.fullmatch(r"GET 404 (\d+) \1\n", get)


def test_what_the_server_itself_refuses(logging, log, model):
    server = logging(RELEASE / "libdemo_event.so", model, '%(h)s "%(r)s" %(s)s %(B)s %(plugin)s')
    page = len(server.fetch(b"GET / HTTP/1.1\r\n\r\n").body)
    server.fetch(b"NONSENSE\r\n\r\n")
    server.fetch(b"GET / HTTP/3.0\r\nHost: x\r\n\r\n")
    server.get("/" + "x" * 9000)
    said = [line.rstrip("\n") for line in lines_of(log, 4)]
    assert said[0] == f'127.0.0.1 "GET / HTTP/1.1" 400 {page} -'
    assert re.fullmatch(r'127\.0\.0\.1 ".*" 400 \d+ -', said[1])
    assert re.fullmatch(r'127\.0\.0\.1 ".*" 505 \d+ -', said[2])
    assert re.fullmatch(r'127\.0\.0\.1 ".*" 414 \d+ -', said[3])


@event
def test_a_client_that_leaves(logging, log, combination):
    """There was no answer for it: 499, as nginx says."""
    server = logging(combination.demo, combination.model, "%(U)s %(s)s %(B)s")
    with server.connect() as connection:
        begin_slow(connection, 5)
        connection.abort()
    assert line_of(log) == "/early-hints 499 0"


@keeping_alive
def test_the_bytes_of_a_download_that_was_broken_off(logging, log, combination):
    """Not what it would have been, but about what has gone into the socket."""
    server = logging(combination.demo, combination.model, "%(s)s %(B)s")
    with client.Connection(server.address, receive_buffer=4096) as connection:
        connection.send(client.request("GET", "/large"))
        connection.read_until(lambda: len(connection.received) > 5000, "a part")
        connection.abort()
    wait_for(log.read_text, server.state)
    status, sent = line_of(log).split()
    assert status == "200" and 0 < int(sent) <= 1 << 20


def test_pipelined_requests_have_a_line_each(logging, log, combination):
    server = logging(combination.demo, combination.model, "%(q)s")
    with server.connect() as connection:
        if combination.keeps_alive:
            connection.send(b"".join(client.request("GET", f"/?{n}") for n in range(20)))
            connection.read_until(lambda: len(connection.finals) == 20, "20 answers")
            assert [line.strip() for line in lines_of(log, 20)] == [str(n) for n in range(20)]
        else:
            connection.send(client.request("GET", "/?0"))
            connection.final()
            assert line_of(log) == "0"


def test_off_is_the_default(own, tmp_path):
    server = own(RELEASE / "libdemo_event.so")
    server.get("/")
    assert (server.folder / "stdout").read_bytes() == b""


def test_standard_output(own, model):
    server = own("--set", "log.access=stdout", RELEASE / "libdemo_event.so", model=model)
    server.get("/one")
    server.get("/two")
    assert [COMBINED.fullmatch(line)["r"] for line in lines_of(server.folder / "stdout", 2)] == [
        "GET /one HTTP/1.1", "GET /two HTTP/1.1",
    ]  # fmt: skip


# Files


def test_no_line_is_lost_under_rotation(logging, log, tmp_path, model):
    """…nor at reloads, nor torn, with several workers."""
    server = logging(TEST_PLUGINS / "libconfigured.so", model, "json", workers=2)
    with Load(server.address, keeping=2, opening=1) as load:
        for count in range(1, 13):
            log.rename(tmp_path / f"rotated.{count}")
            server.tell(signal.SIGUSR1)
            wait_for(log.exists, "the new file")
            if count % 4 == 0:
                server.tell(signal.SIGHUP)
            time.sleep(0.1)
    load.assert_well()
    server.stop()
    text = "".join(path.read_text() for path in [log, *tmp_path.glob("rotated.*")])
    told = [json.loads(line) for line in text.splitlines()]
    assert sum(1 for t in told if t["status"] == 200) == load.answered
    assert len({t["request_id"] for t in told}) == len(told)


def test_old_files_are_let_go(logging, log, tmp_path):
    """After rotation nobody writes to the old one, workers that come later included."""
    server = logging(RELEASE / "libdemo_event.so")
    server.get("/before")
    lines_of(log)
    log.rename(tmp_path / "old")
    server.tell(signal.SIGUSR1)
    wait_for(lambda: log.exists() and "reopened" in server.log, "the new file")
    old, master = server.workers()[0], server.master()
    kill(old)
    wait_for(lambda: server.workers() != [old], "the next worker")
    server.get("/after")
    assert "GET /after" in line_of(log)
    assert "GET /before" in line_of(tmp_path / "old")
    for pid in [server.pid, master, *server.workers()]:
        targets = [target for target, _ in processes.descriptors(pid).values()]
        assert str(tmp_path / "old") not in targets, targets


def test_a_reload_moves_it(own, tmp_path):
    service = Service(own, tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    service.reload(settings=f'[log]\naccess = "{first}"\naccess_format = "%(U)s"')
    service.server.get("/demo/")
    wait_for(lambda: first.read_text().endswith("/demo/\n"), "the line")
    service.reload(settings=f'[log]\naccess = "{second}"\naccess_format = "json"')
    before = first.read_text()
    service.server.get("/demo/")
    wait_for(lambda: '"/demo/"' in second.read_text(), "the line")
    service.server.tell(signal.SIGUSR2)
    wait_for(lambda: "has been replaced" in service.server.log, "the replacement")
    second.rename(tmp_path / "old")
    service.server.tell(signal.SIGUSR1)
    wait_for(lambda: {*service.server.workers()} <= {*processes.users(second)}, "the new file in the workers")
    service.server.get("/demo/")
    wait_for(lambda: '"/demo/"' in second.read_text(), "the line")
    service.reload()
    service.server.get("/demo/")
    assert first.read_text() == before


def test_a_log_that_can_not_be_opened(tmp_path):
    result = run("-b", "127.0.0.1:0", "--set", f"log.access={tmp_path}/no/log", RELEASE / "libdemo_event.so")
    assert result.returncode == 71 and "log.access" in result.stderr and "No such file" in result.stderr


def test_permissions_of_a_new_log(logging, log):
    logging(RELEASE / "libdemo_event.so")
    assert log.stat().st_mode & 0o777 == 0o640


# In nobody's way


def flood(server, count=3000):
    """Many requests on one connection; how long they took."""
    start = time.monotonic()
    with server.connect() as connection:
        for _ in range(count // 50):
            connection.send(client.request("GET", "/", "User-Agent: " + "x" * 1000) * 50)
            done = len(connection.finals) + 50
            connection.read_until(lambda: len(connection.finals) >= done, "50 answers")
    return time.monotonic() - start


@keeping_alive
def test_a_full_disk_stops_nobody(logging, combination):
    port = free_port()
    server = logging(
        combination.demo, combination.model, None, f'[metrics]\nbind = "127.0.0.1:{port}"', place="/dev/full"
    )
    flood(server)
    wait_for(lambda: "cannot write the access log" in server.log, lambda: server.log)
    assert "No space left on device" in server.log
    assert server.log.count("cannot write the access log") == 1
    wait_for(lambda: Metrics(port).value("outrider_access_lines_lost_total") > 2000, server.state)


@keeping_alive
def test_a_pipe_that_nobody_reads_stops_nobody(logging, combination, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    server = logging(combination.demo, combination.model, place=pipe)
    flood(server)
    # Once somebody reads again, lines come again, whole.
    text = b""
    deadline = time.monotonic() + scaled_timeout(5)
    while time.monotonic() < deadline and b"GET /again" not in text:
        server.get("/again")
        try:
            text += os.read(reader, 1 << 20)
        except BlockingIOError:
            time.sleep(0.05)
    os.close(reader)
    assert b"GET /again" in text
    assert all(COMBINED.fullmatch(line.decode() + "\n") for line in text.split(b"\n")[:-1])


def test_standard_output_that_nobody_reads(own, tmp_path):
    """A pipe that others share: it is not told to wait for nobody, and still nobody waits."""
    port = free_port()
    reader, writer = os.pipe()
    program = ["bash", "-c", f'exec "$@" >&{writer}', "bash"]
    server = own(
        "--set", "log.access=stdout", RELEASE / "libdemo_event.so", port=port, launcher=program, pass_fds=(writer,)
    )
    os.close(writer)
    flood(server)
    assert os.get_blocking(reader)
    assert server.get("/").status == 200
    os.close(reader)
    assert server.get("/").status == 200


def open_fifo(folder):
    """Reader and writer. Linux does not know how to write to it without waiting, nor to any pipe before 6.4."""
    path = folder / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    return reader, os.open(path, os.O_WRONLY)


@pytest.mark.parametrize("kind", ["pipe", "fifo", "terminal"])
def test_standard_output_that_can_not_be_opened_anew(own, kind, tmp_path):
    """It is another user's. The description that is there waits for room, and who writes to it must not."""
    reader, writer = {"pipe": os.pipe, "fifo": lambda: open_fifo(tmp_path), "terminal": os.openpty}[kind]()
    os.fchmod(writer, 0)
    nobodys = "-dac_override,-dac_read_search"
    launcher = ["setpriv", f"--bounding-set={nobodys}", f"--inh-caps={nobodys}"] if os.geteuid() == 0 else []
    launcher += ["bash", "-c", f'exec "$@" >&{writer}', "bash"]
    port = free_port()
    # Two could fill a fifo between each other's look and write.
    metrics = ["--set", f"metrics.bind=127.0.0.1:{port}", "--set", f"server.workers={1 if kind == 'fifo' else 2}"]
    plugin = RELEASE / "libdemo_event.so"
    server = own("--set", "log.access=stdout", *metrics, plugin, launcher=launcher, pass_fds=(writer,))
    assert os.get_blocking(writer), "nobody else is told not to wait"
    flood(server)
    wait_for(lambda: "cannot write the access log" in server.log, lambda: server.log)
    wait_for(lambda: Metrics(port).value("outrider_access_lines_lost_total") > 1000, server.state)
    os.set_blocking(reader, False)
    text, deadline = b"", time.monotonic() + scaled_timeout(5)
    while kind != "terminal" and b"GET /again" not in text:
        server.get("/again")
        assert time.monotonic() < deadline, "a reader gets no lines"
        with suppress(BlockingIOError):
            text += os.read(reader, 1 << 20)
    assert all(COMBINED.fullmatch(line.decode() + "\n") for line in text.split(b"\n")[:-1])
    os.close(writer)
    os.close(reader)
    assert server.get("/").status == 200


@only(lambda combination: combination.keeps_alive and combination.style == "event")
def test_lines_are_gathered(logging, log, combination):
    """2,000 requests, few writes: one for each tenth of a second and each 32 KiB, and what wakes the loop."""
    server = logging(combination.demo, combination.model)
    (worker,) = server.workers()
    server.get("/")
    lines_of(log)
    before, start = writes_of(worker), time.monotonic()
    flood(server, 2000)
    tenths = (time.monotonic() - start) / 0.1
    lines_of(log, 2001)
    assert writes_of(worker) - before <= 2 * (tenths + 2) + log.stat().st_size / 32768


def writes_of(pid):
    """The system calls write() of a process so far; send() is not among them."""
    with open(f"/proc/{pid}/io") as counts:
        return int(re.search(r"syscw: (\d+)", counts.read())[1])
