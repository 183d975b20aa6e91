"""The command line: flags and where values come from, -t, -T, -V, and the exit codes."""

import os
import re
import socket
from pathlib import Path

import pytest

from abi import MINOR
from commandline import PLUGIN, dump, plugin_table, write
from processes import wait_for
from server import free_port, run


# -t


def test_check():
    result = run("-t", PLUGIN)
    assert result.returncode == 0
    assert (result.stdout + result.stderr).strip() == "configuration OK"


def test_check_of_a_file(tmp_path):
    config = write(tmp_path, "[server]\nworkers = 2\n" + plugin_table())
    for flags in (["-t", "-c", config], ["--check", "--config", config], ["-t", f"--config={config}"]):
        result = run(*flags)
        assert result.returncode == 0 and "configuration OK" in result.stdout + result.stderr


@pytest.mark.parametrize("flags", [["-t", "-q"], ["-tq"], ["--check", "-q"]], ids=str)
def test_quiet_check(flags):
    result = run(*flags, PLUGIN)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_quiet_check_is_not_quiet_about_faults(tmp_path):
    config = write(tmp_path, "[server]\nworkrs = 2\n" + plugin_table())
    result = run("-t", "-q", "-c", config)
    assert result.returncode == 78 and "workers" in result.stderr


def test_a_check_binds_nothing():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run("-t", "-b", f"127.0.0.1:{taken.getsockname()[1]}", PLUGIN).returncode == 0


# Faults of the file: text, line, columns that may be named, what must be said

FAULTS = [
    ("unknown key", "[server]\nworkrs = 2\n", 2, {1}, ["workrs", r"server\.workers\b|\bworkers\b"]),
    ("unknown key in timeouts", '[timeouts]\nhed = "3s"\n', 2, {1}, ["hed", r"\bhead\b"]),
    ("unknown key in early_hints", "[early_hints]\nmax_per_reqest = 3\n", 2, {1}, ["max_per_request"]),
    ("unknown dotted key", 'limits.request_lin = "1KiB"\n', 1, {1, 8}, ["request_line"]),
    ("unknown table", "[servr]\nworkers = 2\n", 1, {1, 2}, ["servr", r"\bserver\b"]),
    ("unknown key at the top", "workers = 2\n", 1, {1}, ["workers"]),
    ("unknown key of a listener", '[[listener]]\nbnd = "127.0.0.1:1"\n', 2, {1}, ["bnd", r"\bbind\b"]),
    ("nothing like it", "[server]\nxyzzy = 2\n", 2, {1}, ["xyzzy"]),
    ("text for a number", '[server]\nworkers = "many"\n', 2, {1, 11}, ["workers"]),
    ("number for text", "[server]\nworker_model = 3\n", 2, {1, 16}, ["worker_model"]),
    ("number for a boolean", "[early_hints]\nenabled = 1\n", 2, {1, 11}, ["enabled"]),
    ("a table for a number", "[server]\nworkers = {a = 1}\n", 2, {1, 11}, ["workers"]),
    ("below the range", "[server]\nworkers = -1\n", 2, {1, 11}, ["workers"]),
    ("none", "[server]\nthreads = 0\n", 2, {1, 11}, ["threads"]),
    ("beyond 64 bits", "[server]\nworkers = 99999999999999999999\n", 2, None, []),
    ("no such choice", '[server]\nworker_model = "asink"\n', 2, {1, 16}, ["asink", r"\basync\b"]),
    ("no such unit", '[timeouts]\nhead = "10 parsecs"\n', 2, {1, 8}, ["head", "parsecs"]),
    ("a number for a duration", "[timeouts]\nhead = 10\n", 2, {1, 8}, ["head"]),
    ("a size without number", '[limits]\nbody = "KiB"\n', 2, {1, 8}, ["body"]),
    ("a duration too long", '[timeouts]\nhead = "999999999999h"\n', 2, {1, 8}, ["head"]),
    ("bad address", '[[listener]]\nbind = "nonsense"\n', 2, {1, 8}, ["nonsense"]),
    ("bad port", '[[listener]]\nbind = "127.0.0.1:65536"\n', 2, {1, 8}, ["65536"]),
    ("no TOML", "[server\nworkers = 2\n", 1, None, []),
    ("a value is missing", "[server]\nworkers =\n", 2, None, []),
    ("key given twice", "[server]\nworkers = 1\nworkers = 2\n", 3, None, ["workers"]),
    ("not UTF-8", "[server]\n# \udcff\n", 2, None, []),
]


@pytest.mark.parametrize(
    "text, line, columns, said", [fault[1:] for fault in FAULTS], ids=[f[0] for f in FAULTS]
)
@pytest.mark.parametrize("flags", [["-t"], []], ids=["check", "start"])
def test_faults(tmp_path, text, line, columns, said, flags):
    config = tmp_path / "outrider.toml"
    config.write_bytes((text + plugin_table()).encode("utf-8", "surrogateescape"))
    result = run(*flags, "-c", config)
    assert result.returncode == 78, f"exit code {result.returncode}\n{result.stderr}"
    faults = re.findall(rf"{re.escape(str(config))}:(\d+):(\d+): (.*)", result.stderr)
    assert len(faults) == 1, f"one fault was expected:\n{result.stderr}"
    assert int(faults[0][0]) == line, result.stderr
    assert columns is None or int(faults[0][1]) in columns, result.stderr
    for pattern in said:
        assert re.search(pattern, faults[0][2]), f"{pattern} is not said: {faults[0][2]}"


def test_every_fault_is_told(tmp_path):
    config = write(
        tmp_path, '[server]\nworkrs = 2\nthreads = "x"\n[timeouts]\nhead = "soon"\n' + plugin_table()
    )
    result = run("-t", "-c", config)
    assert result.returncode == 78
    assert re.findall(r"outrider\.toml:(\d+):\d+: ", result.stderr) == ["2", "3", "5"], result.stderr


def test_a_plugin_without_a_path(tmp_path):
    config = write(tmp_path, '[[plugin]]\nname = "x"\n')
    result = run("-t", "-c", config)
    assert result.returncode == 78
    assert re.search(rf"{re.escape(str(config))}:1:\d+: .*path", result.stderr), result.stderr


def test_a_file_without_a_plugin(tmp_path):
    config = write(tmp_path, "[server]\nworkers = 2\n")
    result = run("-c", config)
    assert result.returncode == 78 and "plugin" in result.stderr


@pytest.mark.skipif(Path("/etc/outrider/outrider.toml").exists(), reason="this machine has a configuration")
def test_neither_file_nor_plugin():
    result = run()
    assert result.returncode in (64, 66, 78)
    assert "/etc/outrider/outrider.toml" in result.stderr


# -T


def test_dump_of_defaults():
    values, origins, _ = dump(PLUGIN)
    assert values["server"]["workers"] == 1 and values["server"]["worker_model"] == "async"
    assert values["timeouts"]["head"] == "10s" and values["limits"]["request_line"] == "8KiB"
    assert values["early_hints"] == {
        "enabled": True,
        "http1": "auto",
        "audience": "all",
        "max_per_request": 5,
        "max_bytes": "8KiB",
    }
    assert [listener["bind"] for listener in values["listener"]] == ["127.0.0.1:8000"]
    assert [Path(plugin["path"]).name for plugin in values["plugin"]] == [PLUGIN.name]
    assert origins["server.workers"] == "default" and origins["timeouts.head"] == "default"


def test_every_value_of_a_dump_has_its_origin():
    _, origins, text = dump(PLUGIN)
    for line in text.splitlines():
        if " = " in line and not line.startswith("#"):
            assert re.search(r"\s# \S", line), f"no origin: {line}"
    assert len(origins) > 20


def test_dump_tells_flag_file_and_default(tmp_path):
    config = write(tmp_path, '[server]\nworkers = 2\nthreads = 6\n[timeouts]\nhead = "7s"\n' + plugin_table())
    values, origins, _ = dump("-c", config, "-w", "3", "--set", "timeouts.body=90s")
    assert values["server"]["workers"] == 3 and re.search(r"-w\b|--workers|flag", origins["server.workers"])
    assert values["timeouts"]["body"] in ("90s", "1m30s") and "--set" in origins["timeouts.body"]
    assert values["server"]["threads"] == 6 and origins["server.threads"].endswith(f"{config.name}:3")
    assert values["timeouts"]["head"] == "7s" and origins["timeouts.head"].endswith(f"{config.name}:5")
    assert origins["server.backlog"] == "default"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [
            "-w",
            "3",
            "-k",
            "sync",
            "--threads",
            "9",
            "--set",
            "timeouts.head=1500ms",
            "--set",
            "limits.body=1000",
        ],
        ["-b", "127.0.0.1:8001", "-b", "[::1]:8002", "-b", 'unix:/tmp/out "rider".sock'],
        ["--set", 'proxy.trusted=["10.0.0.0/8", "unix"]', "--set", "early_hints.http1=on"],
        ["--set", "proxy.fields=[]", "--set", "early_hints.audience=navigations"],
        ["--set", 'proxy.fields=["forwarded"]', "--set", "http.abort_on_half_close=true"],
    ],
    ids=str,
)
def test_a_dump_is_a_configuration(tmp_path, arguments):
    first, _, text = dump(*arguments, PLUGIN)
    config = write(tmp_path, text, name="dumped.toml")
    second, origins, _ = dump("-c", config)
    assert second == first
    assert origins["server.workers"].startswith(str(config)) or "dumped.toml:" in origins["server.workers"]
    result = run("-t", "-c", config)
    assert result.returncode == 0, result.stderr


def test_a_dump_keeps_what_plugins_are_told(tmp_path):
    config = write(
        tmp_path,
        plugin_table() + '[plugin.config]\ngreeting = "h\\u00e9 \\"x\\" \\n# no comment"\n'
        'list = [1, 2.5, true]\nwhen = 2024-01-02T03:04:05Z\n[plugin.config.deep]\n"a.b" = -1\n',
    )
    first, _, text = dump("-c", config)
    assert first["plugin"][0]["config"]["greeting"] == 'h\u00e9 "x" \n# no comment'
    assert first["plugin"][0]["config"]["deep"] == {"a.b": -1}
    second, _, _ = dump("-c", write(tmp_path, text, name="dumped.toml"))
    assert second == first


# Where values come from


def test_flags_before_environment_before_file(tmp_path):
    config = write(tmp_path, "[server]\nworkers = 2\nthreads = 2\nqueue = 2\n" + plugin_table())
    env = {"OUTRIDER_CMD_ARGS": "--workers 3 --threads=3 --set timeouts.head=3s"}
    values, origins, _ = dump("-c", config, "-w", "4", env=env)
    assert (values["server"]["workers"], values["server"]["threads"], values["server"]["queue"]) == (4, 3, 2)
    assert values["timeouts"]["head"] == "3s"
    assert "OUTRIDER_CMD_ARGS" in origins["server.threads"] + origins["timeouts.head"]


def test_environment_alone(tmp_path):
    config = write(tmp_path, plugin_table(), name="with space.toml")
    values, _, _ = dump(env={"OUTRIDER_CMD_ARGS": f"-c '{config}' -w 5 --set 'log.level=\"debug\"'"})
    assert values["server"]["workers"] == 5 and values["log"]["level"] == "debug"


def test_binds_of_flags_replace_those_of_the_environment(tmp_path):
    config = write(tmp_path, '[[listener]]\nbind = "127.0.0.1:1001"\n' + plugin_table())
    env = {"OUTRIDER_CMD_ARGS": "-b 127.0.0.1:1002"}
    assert [each["bind"] for each in dump("-c", config, env=env)[0]["listener"]] == ["127.0.0.1:1002"]
    values, _, _ = dump("-c", config, "-b", "127.0.0.1:1003", "-b", "127.0.0.1:1004", env=env)
    assert [each["bind"] for each in values["listener"]] == ["127.0.0.1:1003", "127.0.0.1:1004"]


def test_the_last_flag_wins():
    values, _, _ = dump(
        "-w", "2", "-w", "3", "--set", "timeouts.head=1s", "--set", "timeouts.head=2s", PLUGIN
    )
    assert values["server"]["workers"] == 3 and values["timeouts"]["head"] == "2s"


@pytest.mark.parametrize(
    "setting, table, key, value",
    [
        ("server.workers=2", "server", "workers", 2),
        ("early_hints.enabled=false", "early_hints", "enabled", False),
        ("early_hints.http1=on", "early_hints", "http1", "on"),
        ('early_hints.http1="on"', "early_hints", "http1", "on"),
        ("timeouts.head=1500ms", "timeouts", "head", "1500ms"),
        ("limits.body=64KiB", "limits", "body", "64KiB"),
    ],
)
def test_set(setting, table, key, value):
    assert dump("--set", setting, PLUGIN)[0][table][key] == value
    assert dump(f"--set={setting}", PLUGIN)[0][table][key] == value


@pytest.mark.parametrize(
    "setting, meant",
    [
        ("timeouts.hed=3s", "timeouts.head"),
        ("servr.workers=3", "server.workers"),
        ("early_hints.max_per_reqest=3", "early_hints.max_per_request"),
    ],
)
def test_set_of_an_unknown_key(setting, meant):
    result = run("-t", "--set", setting, PLUGIN)
    assert result.returncode in (64, 78)
    assert setting.partition("=")[0] in result.stderr and meant in result.stderr, result.stderr


# Exit codes


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-flag"],
        ["-Z"],
        ["-w"],
        ["-w", "many"],
        ["-k", "asink"],
        ["--threads", "x"],
        ["--set", "no_value"],
        ["-c"],
        ["-b"],
        ["one.so", "two.so"],
    ],
    ids=str,
)
def test_usage(arguments):
    result = run(*arguments)
    assert result.returncode == 64, f"exit code {result.returncode}\n{result.stderr}"
    assert result.stderr.strip() and not result.stdout


def test_usage_in_the_environment():
    result = run("-t", PLUGIN, env={"OUTRIDER_CMD_ARGS": "--no-such-flag"})
    assert result.returncode == 64
    assert "OUTRIDER_CMD_ARGS" in result.stderr and "--no-such-flag" in result.stderr


def test_help():
    for flag in ("--help", "-h"):
        result = run(flag)
        assert result.returncode == 0
        for word in (
            "--config",
            "--check",
            "--dump",
            "--bind",
            "--workers",
            "--worker-model",
            "--threads",
            "--set",
            "--version",
        ):
            assert word in result.stdout


def test_version():
    for flag in ("-V", "--version"):
        result = run(flag)
        assert result.returncode == 0 and not result.stderr
        for pattern in (
            r"(?im)^outrider\b.*\d+\.\d+",
            rf"(?i)\bABI\b.*\b1\.{MINOR}\b",
            r"(?m)^extensions (none|outrider\.[a-z]+/\d+(, outrider\.[a-z]+/\d+)*)$",
            r"(?m)^supervisor state \d+$",
            r"OpenSSL.*\d+\.\d+\.\d+",
            r"nghttp2.*\d+\.\d+\.\d+",
            r"systemd.*\d{3}",
        ):
            assert re.search(pattern, result.stdout), f"{pattern}: {result.stdout}"


def test_address_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("-b", f"127.0.0.1:{port}", PLUGIN)
    assert result.returncode == 69, result.stderr
    assert f"127.0.0.1:{port}" in result.stderr and re.search("(?i)in use", result.stderr)


def test_one_of_two_addresses_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = free_port()
        result = run("-b", f"127.0.0.1:{free}", "-b", f"127.0.0.1:{taken.getsockname()[1]}", PLUGIN)
        assert result.returncode == 69, result.stderr
        with socket.create_server(("127.0.0.1", free)):
            pass  # nothing holds it


def test_an_address_of_another_machine():
    result = run("-b", "192.0.2.1:8000", PLUGIN)
    assert result.returncode in (69, 71) and "192.0.2.1" in result.stderr


# Slips of the finger


@pytest.mark.parametrize(
    "address, said",
    [
        ("[::1]", 'no port in "[::1]"; say "[::1]:8000"'),
        ("127.0.0.1", 'no port in "127.0.0.1"; say "127.0.0.1:8000"'),
        ("localhost", 'no port in "localhost"; say "localhost:8000"'),
        ("::1", 'an IPv6 address stands in brackets, as in "[::1]:8000"'),
        ("::", 'an IPv6 address stands in brackets, as in "[::1]:8000"'),
        ("*:8000", 'no host in "*:8000"; say "0.0.0.0:8000" or "[::]:8000" for all'),
        ("http://127.0.0.1:8000", 'an address has no scheme, found "http://127.0.0.1:8000"; say "127.0.0.1:8000"'),
        ("http://127.0.0.1:8000/", 'say "127.0.0.1:8000"'),
        ("HTTPS://[::1]:8443", 'say "[::1]:8443", and [listener.tls] for TLS'),
        ("http://[::1]", "an address has no scheme"),
        ("tcp:127.0.0.1:8000", 'an address has no scheme, found "tcp:127.0.0.1:8000"; say "127.0.0.1:8000"'),
        ("tcp://127.0.0.1:8000", 'say "127.0.0.1:8000"'),
        ("tcp:8000", "expected host:port, [v6]:port, unix:/path, fd:N or systemd:NAME"),
        ("http://example.org:80", "expected host:port, [v6]:port, unix:/path, fd:N or systemd:NAME"),
    ],
)
def test_what_is_close_to_an_address(tmp_path, address, said):
    result = run("-t", "-b", address, PLUGIN)
    assert result.returncode == 64 and "--bind: " in result.stderr and said in result.stderr, result.stderr
    config = write(tmp_path, f'[metrics]\nbind = "{address}"\n' + plugin_table())
    result = run("-t", "-c", config)
    assert result.returncode == 78 and f"{config}:2:8: metrics.bind: " in result.stderr, result.stderr
    assert said in result.stderr, result.stderr


@pytest.mark.parametrize(
    "listener, settings, said",
    [
        ("127.0.0.1:8000", '[metrics]\nbind = "127.0.0.1:8000"', "metrics.bind: 127.0.0.1:8000 is bound already"),
        ("0.0.0.0:8000", '[metrics]\nbind = "127.0.0.1:8000"', "metrics.bind: 127.0.0.1:8000 is bound already"),
        ("127.0.0.1:8000", '[metrics]\nbind = "0.0.0.0:8000"', "metrics.bind: 0.0.0.0:8000 is bound already"),
        ("[::]:8000", '[metrics]\nbind = "[::1]:8000"', "metrics.bind: [::1]:8000 is bound already"),
        ("unix:/tmp/x", '[metrics]\nbind = "unix:/tmp/x"', "metrics.bind: unix:/tmp/x is bound already"),
        ("unix:/tmp/x", '[control]\nsocket = "/tmp/x"', "control.socket: /tmp/x is a listener's"),
        ("0.0.0.0:8000", '[metrics]\nbind = "unix:/y"\n[control]\nsocket = "/y"', "metrics.bind: unix:/y is bound"),
        ("0.0.0.0:8000", '[[listener]]\nbind = "127.0.0.1:8000"', "listener.bind: 127.0.0.1:8000 is bound already"),
    ],
)
def test_one_address_for_two(tmp_path, listener, settings, said):
    """A check says it, since a start would find the address in use."""
    text = f'[[listener]]\nbind = "{listener}"\n{settings}\n' + plugin_table()
    config = write(tmp_path, text)
    result = run("-t", "-c", config)
    assert result.returncode == 78 and said in result.stderr, result
    assert re.search(rf"{re.escape(str(config))}:\d+:\d+: .*\({re.escape(str(config))}:\d+\)", result.stderr), result


@pytest.mark.parametrize(
    "listener, metrics",
    [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:8000", "127.0.0.2:8000"),
        ("127.0.0.1:8000", "[::1]:8000"),
        ("0.0.0.0:8000", "0.0.0.0:8001"),
        ("unix:/tmp/x", "unix:/tmp/y"),
    ],
)
def test_addresses_beside_each_other(listener, metrics):
    result = run("-t", "-b", listener, "--set", f"metrics.bind={metrics}", PLUGIN)
    assert result.returncode == 0, result.stderr


def test_metrics_on_the_address_by_default(tmp_path):
    """Of a plugin alone; sockets that a service manager passes take its place where a file has no listener."""
    result = run("-t", "--set", "metrics.bind=127.0.0.1:8000", PLUGIN)
    assert result.returncode == 78 and "metrics.bind: 127.0.0.1:8000 is bound already (default)" in result.stderr, result
    config = write(tmp_path, '[metrics]\nbind = "127.0.0.1:8000"\n' + plugin_table())
    assert run("-t", "-c", config).returncode == 0


def test_metrics_of_a_flag_on_the_address_of_a_flag():
    result = run("-t", "-b", "127.0.0.1:8000", "--set", "metrics.bind=127.0.0.1:8000", PLUGIN)
    assert result.returncode == 78, result
    assert "--set metrics.bind: 127.0.0.1:8000 is bound already (--bind)" in result.stderr, result.stderr


@pytest.mark.parametrize(
    "flags, code, said",
    [
        ("-c /nowhere.toml", 66, "OUTRIDER_CMD_ARGS --config: /nowhere.toml: No such file or directory"),
        ("--config=/nowhere.toml", 66, "OUTRIDER_CMD_ARGS --config: /nowhere.toml: No such file or directory"),
        ("--set no_value", 64, "OUTRIDER_CMD_ARGS: --set no_value: expected key=value"),
        ("-c /proc", 66, "OUTRIDER_CMD_ARGS --config: "),
    ],
)
@pytest.mark.parametrize("check", [["-t"], []], ids=["check", "start"])
def test_what_is_wrong_in_the_environment_is_told_of_it(check, flags, code, said):
    result = run(*check, PLUGIN, env={"OUTRIDER_CMD_ARGS": flags})
    assert result.returncode == code and result.stderr.startswith(said), result
    result = run(*check, "-c", "/nowhere.toml", PLUGIN)
    assert result.returncode == 66 and result.stderr.startswith("/nowhere.toml: No such"), result


# Serving


def test_several_listeners(own, tmp_path):
    second, path = free_port(), str(tmp_path / "socket")
    server = own("-b", f"127.0.0.1:{second}", "-b", f"unix:{path}", PLUGIN)
    for address in (server.address, ("127.0.0.1", second), path):
        server.address = address
        assert server.get("/health").body == b"OK"


def test_ipv6(own):
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    port = free_port()
    server = own("-b", f"[::1]:{port}", PLUGIN)
    with socket.create_connection(("::1", port), timeout=30) as connection:
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        answer = b""
        while data := connection.recv(65536):
            answer += data
    assert answer.endswith(b"\r\n\r\nOK") and server.alive


def test_serving_from_a_file(own, tmp_path):
    port = free_port()
    config = write(
        tmp_path,
        f'[server]\nworker_model = "sync"\n[[listener]]\nbind = "127.0.0.1:{port}"\n' + plugin_table(),
    )
    server = own("-c", config, bind=False, port=port)
    assert server.get("/health").says_close


def test_a_unix_socket_is_left_as_found(own, tmp_path):
    """Made with mode 0660, usable again after a stop, and after a crash that left it behind."""
    path = tmp_path / "socket"
    for _ in range(2):
        server = own("-b", f"unix:{path}", PLUGIN)
        assert oct(os.stat(path).st_mode & 0o777) == "0o660"
        server.stop()


def test_it_says_what_it_serves(own):
    server = own(PLUGIN)

    def is_said():
        said = server.log + (server.folder / "stdout").read_text()
        return all(word in said for word in (str(server.port), "demo_blocking", "async"))

    wait_for(is_said, lambda: f"address, plugin and worker model in what it says; {server.state()}")
