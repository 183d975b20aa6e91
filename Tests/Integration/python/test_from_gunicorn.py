"""--from-gunicorn: settings of gunicorn as TOML, and what has no place in it is named."""

import json
import os
import shutil
import sys
import tomllib

import pytest
from gunicorn import config as gunicorn_config

from python_applications import APPLICATIONS
from server import BINARY, ROOT, free_port, run

PARTS = ROOT / "Plugins/python/from-gunicorn"
# A venv's python3 has no more to do with it than any other; PORT and WEB_CONCURRENCY are settings of gunicorn's.
PLAIN = {"VIRTUAL_ENV": "", "PORT": "", "WEB_CONCURRENCY": ""}


def translate(tmp_path, text, *flags, env=None):
    """What is printed for a file with that text: the values, and both streams."""
    file = tmp_path / "gunicorn.conf.py"
    file.write_text(text)
    ended = run("--from-gunicorn", file, *flags, cwd=tmp_path, env=PLAIN | (env or {}))
    assert ended.returncode == 0, ended.stderr
    return tomllib.loads(ended.stdout), ended.stdout, ended.stderr


def is_accepted(tmp_path, text):
    """The server reads it."""
    file = tmp_path / "outrider.toml"
    file.write_text(text)
    ended = run("-T", "-c", file, env=PLAIN)
    assert ended.returncode == 0, f"{ended.stderr}\n{text}"
    return tomllib.loads(ended.stdout)


@pytest.mark.parametrize("setting, table, key, value", [
    ("backlog = 64", "server", "backlog", 64),
    ("workers = 3", "server", "workers", 3),
    ("threads = 8", "server", "threads", 8),
    ("threads = 8", "server", "worker_model", "gthread"),
    ("workers = 1", "server", "worker_model", "sync"),
    ("worker_class = 'gthread'", "server", "worker_model", "gthread"),
    ("worker_class = 'uvicorn.workers.UvicornWorker'", "server", "worker_model", "async"),
    ("worker_class = 'asgi'", "server", "worker_model", "async"),
    ("worker_connections = 50", "server", "worker_connections", 50),
    ("max_requests = 1000", "server", "max_requests", 1000),
    ("max_requests = 1000; max_requests_jitter = 50", "server", "max_requests_jitter", 50),
    ("timeout = 90", "timeouts", "worker", "90s"),
    ("timeout = 0", "timeouts", "worker", "0s"),
    ("graceful_timeout = 20", "server", "graceful_timeout", "20s"),
    ("keepalive = 2", "timeouts", "keepalive", "2s"),
    ("limit_request_line = 4094", "limits", "request_line", 4094),
    ("limit_request_fields = 50", "limits", "fields", 50),
    ("limit_request_field_size = 8190", "limits", "field_size", 8190),
    ("reload = True", "server", "watch", True),
    ("user = 'www-data'", "server", "user", "www-data"),
    ("group = 33", "server", "group", "33"),
    ("umask = 0o27", "server", "umask", "027"),
    ("pidfile = 'run/pid'", "server", "pidfile", "{}/run/pid"),
    ("loglevel = 'Debug'", "log", "level", "debug"),
    ("accesslog = '-'", "log", "access", "stdout"),
    ("accesslog = '/var/log/access'", "log", "access", "/var/log/access"),
    ("errorlog = '-'", "log", "error", "stderr"),
    ("access_log_format = '%(h)s \"%(r)s\" %({X-Id}i)s'", "log", "access_format", '%(h)s "%(r)s" %({X-Id}i)s'),
    ("forwarded_allow_ips = '10.0.0.1, 10.0.0.2'", "proxy", "trusted", ["10.0.0.1", "10.0.0.2"]),
    ("forwarded_allow_ips = '*'", "proxy", "trusted", ["0.0.0.0/0", "::/0", "unix"]),
    ("header_map = 'dangerous'", "http", "underscore_fields", "pass"),
    ("http2_max_concurrent_streams = 50", "http2", "max_concurrent_streams", 50),
    ("bind = '0.0.0.0:80'", "listener", "bind", ["0.0.0.0:80"]),
    ("bind = [':81', '[::1]:82', 'unix:run/s', 'fd://3', '10.1.2.3']", "listener", "bind",
     ["0.0.0.0:81", "[::1]:82", "unix:{}/run/s", "fd:3", "10.1.2.3:8000"]),
    ("proxy_protocol = True", "listener", "proxy_protocol", ["v1"]),
    ("proxy_protocol = 'auto'", "listener", "proxy_protocol", ["any"]),
    ("http2_cleartext = 'prior-knowledge'; threads = 2", "listener", "h2c", [True]),
    ("certfile = 'c.pem'; keyfile = 'k.pem'; http_protocols = 'h2,h1'", "listener", "protocols", [["h2", "http/1.1"]]),
    ("certfile = 'c.pem'; keyfile = 'k.pem'; cert_reqs = 2; ca_certs = 'a.pem'", "listener", "tls",
     [{"certificate": "{}/c.pem", "key": "{}/k.pem", "client_ca": "{}/a.pem", "client_auth": "required"}]),
    ("import ssl; certfile = 'c'; keyfile = 'k'; ssl_version = ssl.PROTOCOL_TLSv1_2; ciphers = 'HIGH'", "listener", "tls",
     [{"certificate": "{}/c", "key": "{}/k", "min_version": "1.2", "ciphers": "HIGH"}]),
    ("wsgi_app = 'shop.wsgi:app'", "plugin", "python", ["shop.wsgi:app"]),
    ("chdir = 'site'", "plugin", "config", [{"chdir": "{}/site"}]),
    ("pythonpath = 'a,/b'", "plugin", "config", [{"path": ["{}/a", "/b"]}]),
    ("raw_env = ['A=1', 'B=x=y']", "plugin", "config", [{"env": {"A": "1", "B": "x=y"}}]),
    ("preload_app = True", "plugin", "config", [{"preload": True}]),
    ("asgi_loop = 'uvloop'; asgi_lifespan = 'off'", "plugin", "config", [{"loop": "uvloop", "lifespan": "off"}]),
])
def test_settings_have_their_place(tmp_path, setting, table, key, value):
    values, text, said = translate(tmp_path, f"{setting}\n", "--python", "x:y")
    expected = json.loads(json.dumps(value).replace("{}", str(tmp_path)))
    if table in ("listener", "plugin"):
        assert [one.get(key) for one in values[table]] == (expected if key != "python" else ["x:y"])
    else:
        assert values[table][key] == expected
    assert "Not translated" not in text and not said
    is_accepted(tmp_path, text)


def test_variables_of_the_environment_count_as_for_gunicorn(tmp_path):
    values, _, _ = translate(tmp_path, "", "--python", "x", env={"PORT": "5000", "WEB_CONCURRENCY": "6"})
    assert values["listener"] == [{"bind": "0.0.0.0:5000"}] and values["server"]["workers"] == 6


@pytest.mark.parametrize("setting, name, reason", [
    ("bind = ['example.org:80', '127.0.0.1:80']", "bind", "give the address of example.org:80"),
    ("root_path = '/api/'", "root_path", "it is the mount"),
    ("worker_class = 'gevent'", "worker_class", "gevent has no counterpart"),
    ("import threading\nclass Own: pass\nworker_class = Own", "worker_class", "Own has no counterpart"),
    ("def post_fork(server, worker): pass", "post_fork", "it is a function"),
    ("def on_starting(server): pass", "on_starting", "it is a function"),
    ("statsd_host = 'localhost:8125'", "statsd_host", "metrics.bind"),
    ("syslog = True", "syslog", "journal"),
    ("logconfig = 'log.ini'", "logconfig", "configures logging"),
    ("limit_request_line = 0", "limit_request_line", "limits.request_line"),
    ("sendfile = False", "sendfile", "sendfile(2)"),
    ("proc_name = 'shop'", "proc_name", "outrider"),
    ("secure_scheme_headers = {'X-SSL': '1'}", "secure_scheme_headers", "proxy.fields"),
    ("http2_cleartext = 'upgrade'", "http2_cleartext", "listener.h2c"),
    ("protocol = 'uwsgi'", "protocol", "uwsgi"),
    ("reload_extra_files = ['a']", "reload_extra_files", "server.watch"),
    ("timeout = 'long'", "timeout", "'long' is no value that gunicorn takes"),
    ("chdir = '/srv'\npreload_app = True", "chdir", "it is in path"),
])
def test_what_has_no_place_is_named_twice(tmp_path, setting, name, reason):
    """On standard error, and in a comment of the file."""
    _, text, said = translate(tmp_path, f"{setting}\n", "--python", "x:y")
    for line in said.splitlines(), text.splitlines():
        found = [one for one in line if f" {name}: " in one]
        assert len(found) == 1 and reason in found[0], (text, said)
    assert said.count("\n") == 1 and f"{tmp_path}/gunicorn.conf.py: " in said
    is_accepted(tmp_path, text)


def test_each_setting_of_gunicorn_is_known():
    """Those of the gunicorn that is installed with the tests; of each that it has no place for, there is a reason."""
    sys.path.insert(0, str(PARTS))
    try:
        import places
        from translation import Translation
    finally:
        sys.path.remove(str(PARTS))
    known = {*places.SAME, *places.TLS, *places.TLS_FILES, *places.NOT_NEEDED, *places.WITHOUT_PLACE}
    names = {setting.name for setting in gunicorn_config.KNOWN_SETTINGS}
    assert len(names) > 80
    assert not {name for name in names - known if not hasattr(Translation, f"_{name}")}


def test_other_names_of_the_file_are_no_settings(tmp_path):
    values, text, said = translate(tmp_path, "import os\ncores = 4\nworkers = cores * 2 + 1\ndef helper(): pass\n", "--python", "x")
    assert values["server"]["workers"] == 9 and "helper" not in text + said and "cores" not in text + said


def test_the_application_is_asked_for(tmp_path):
    values, text, said = translate(tmp_path, "workers = 2\n")
    assert 'add python = "module:app" to [[plugin]]' in said and 'add python = "module:app"' in text
    assert values["plugin"] == [{}]


def test_text_is_quoted(tmp_path):
    env = {"A B": 'quo"te\\', "C": "tab\tü\x7f"}
    text = f"raw_env = {[f'{key}={value}' for key, value in env.items()]!r}\n"
    values, printed, _ = translate(tmp_path, text, "--python", "x")
    assert values["plugin"][0]["config"]["env"] == env
    assert is_accepted(tmp_path, printed)["plugin"][0]["config"]["env"] == env


def test_a_file_may_import_and_print(tmp_path):
    """Modules beside it, as where gunicorn is started; what it prints is not in the TOML."""
    (tmp_path / "places.py").write_text("count = 5\n")
    text = "from places import count\nprint('[nonsense')\nworkers = count\n"
    values, _, said = translate(tmp_path, text, "--python", "x")
    assert values["server"]["workers"] == 5 and "[nonsense" in said


def test_the_environments_python_runs_it(tmp_path):
    values, _, _ = translate(
        tmp_path, "import sys, gunicorn\nproc = sys.prefix\nraw_env = ['P=' + sys.prefix]\n", "--python", "x",
        env={"VIRTUAL_ENV": sys.prefix},
    )  # fmt: skip
    assert values["plugin"][0]["config"]["env"]["P"] == sys.prefix


def test_errors(tmp_path):
    ended = run("--from-gunicorn", tmp_path / "missing.py", env=PLAIN)
    assert ended.returncode == 66 and f"{tmp_path}/missing.py: No such file" in ended.stderr and not ended.stdout
    file = tmp_path / "gunicorn.conf.py"
    file.write_text("import a_module_that_is_missing\n")
    ended = run("--from-gunicorn", file, env=PLAIN)
    assert ended.returncode == 78 and not ended.stdout
    assert f'File "{file}", line 1' in ended.stderr and "a_module_that_is_missing" in ended.stderr


def test_what_it_prints_serves(own, tmp_path):
    port = free_port()
    text = f"bind = '127.0.0.1:{port}'\nthreads = 2\nwsgi_app = 'wsgi_pages:app'\nchdir = {str(APPLICATIONS)!r}\n"
    _, printed, said = translate(tmp_path, text)
    assert not said
    (tmp_path / "outrider.toml").write_text(printed)
    env = {"VIRTUAL_ENV": "", "PYTHONDONTWRITEBYTECODE": "1"}
    assert own("-c", tmp_path / "outrider.toml", bind=False, port=port, env=env).get("/").body == b"Hello"


def test_the_installed_program_finds_it(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    shutil.copy(BINARY, tmp_path / "bin/outrider")
    shutil.copytree(PARTS, tmp_path / "libexec/outrider/from-gunicorn", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("server.BINARY", tmp_path / "bin/outrider")
    values, _, _ = translate(tmp_path, "workers = 2\n", "--python", "x")
    assert values["server"]["workers"] == 2
    assert not os.path.exists(tmp_path / "libexec/outrider/from-gunicorn/__pycache__")
    shutil.rmtree(tmp_path / "libexec")
    ended = run("--from-gunicorn", tmp_path / "gunicorn.conf.py", env=PLAIN)
    assert ended.returncode == 70 and f"there is no {tmp_path}/bin/from-gunicorn" in ended.stderr
