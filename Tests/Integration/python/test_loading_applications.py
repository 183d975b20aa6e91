"""How an application is found and imported, and the messages if that fails."""

import os
import re
import signal
import sys

import pytest

from client import request
from processes import wait_for
from python_applications import APPLICATIONS, PLUGIN, lines_with, needs_packages, refusal
from server import ROOT, run

FOLDER = ROOT / "Plugins/python"


@pytest.mark.parametrize("app, options, body", [
    ("applications_in_objects", {}, b"the default name"),
    ("applications_in_objects:Site.wsgi", {}, b"an object"),
    ("applications_in_objects:Site.asgi", {}, b"an object"),
    ("applications_in_objects:Site.method", {}, b"an object"),
    ("applications_in_objects:Site.asgi", {"interface": "asgi"}, b"an object"),
    ("applications_in_objects:Site.wsgi", {"interface": "wsgi"}, b"an object"),
    ("applications_in_objects:create_wsgi", {"factory": True}, b"made"),
    ("applications_in_objects:create_asgi", {"factory": True}, b"an object"),
    ("applications_in_objects:create_wsgi()", {}, b"made"),
    ("applications_in_objects:create_wsgi('literal')", {}, b"literal"),
    ("applications_in_objects:create_wsgi(name='named')", {}, b"named"),
])
def test_applications_are_found(started, app, options, body):
    assert started(app, "async", **options).get("/").body == body


@pytest.mark.parametrize("app, options, reason", [
    ("broken_import:app", {}, "ModuleNotFoundError: No module named 'a_module_that_is_missing'"),
    ("broken_syntax:app", {}, "SyntaxError: expected ':'"),
    ("no_such_module:app", {}, "ModuleNotFoundError: No module named 'no_such_module'"),
    ("wsgi_pages:nothing", {}, "AttributeError: failed to find attribute 'nothing' in 'wsgi_pages'"),
    ("applications_in_objects:not_callable", {}, "TypeError: 'applications_in_objects:not_callable' is a int, which is not callable"),
    ("applications_in_objects:fails", {"factory": True}, "RuntimeError: the factory fails"),
    ("wsgi_pages:app()(", {}, 'ValueError: app = \'wsgi_pages:app()(\' is neither "module:attribute"'),
    ("wsgi_pages:app", {"interface": "cgi"}, 'interface = "cgi": it is one of "auto" "wsgi" "asgi"'),
    ("asgi_pages:app", {"lifespan": "maybe"}, 'lifespan = "maybe": it is one of "auto" "on" "off"'),
    ("asgi_pages:app", {"mode": "fork"}, 'mode = "fork": it is one of "thread" "guest"'),
    ("asgi_pages:app", {"mode": "guest", "loop": "uvloop"}, 'loop = "uvloop" needs mode = "thread"'),
    ("asgi_pages:app", {"scheduling": "fifo"}, 'scheduling = "fifo": it is one of "batch" "normal"'),
    ("", {}, 'app is missing: [plugin.config] app = "module:attribute"'),
    ("asgi_pages:fails_at_startup", {}, "the application's startup failed: the database is down"),
    ("asgi_pages:without_lifespan", {"lifespan": "on"}, "the lifespan ended with AssertionError"),
    ("wsgi_pages:app", {"venv": "/nonexistent"}, 'venv = "/nonexistent" is no virtual environment: it has no bin/python'),
])
@pytest.mark.parametrize("load", ["worker", "master"])
def test_a_start_is_refused_with_the_reason(tmp_path, app, options, reason, load):
    said = refusal(tmp_path, app, "-k", "async", load=load, **options)
    assert reason in said, said


def test_a_working_directory_that_is_missing(tmp_path):
    said = refusal(tmp_path, "wsgi_pages:app", "-k", "async", interface="wsgi", chdir="/nonexistent")
    assert "FileNotFoundError: [Errno 2] No such file or directory: '/nonexistent'" in said


def test_a_working_directory_is_the_workers(tmp_path):
    said = refusal(tmp_path, "wsgi_pages:app", "-k", "async", load="master", interface="wsgi", chdir=str(tmp_path))
    assert 'chdir needs load = "worker"' in said


@pytest.mark.parametrize("interface", ["auto", "wsgi"])
def test_the_traceback_of_an_import_is_whole(tmp_path, interface):
    said = refusal(tmp_path, "broken_import:app", "-k", "async", interface=interface)
    for text in (
        "Traceback (most recent call last):",
        f'File "{APPLICATIONS}/broken_import.py", line 3, in <module>',
        "import a_module_that_is_missing",
        "cannot import the application broken_import:app: ModuleNotFoundError",
    ):
        assert text in said, said
    assert "<outrider:" not in said


def test_a_reload_that_cannot_import_leaves_the_old_application_serving(started, tmp_path):
    module = tmp_path / "changing.py"
    page = 'def app(e, s):\n    s("200 OK", [])\n    return [b"%s"]\n'
    module.write_text(page % "first")
    server = started("changing:app", "async", path=str(tmp_path))
    assert server.get("/").body == b"first"
    module.write_text("import a_module_that_is_missing\n")
    server.tell(signal.SIGHUP)
    wait_for(lambda: lines_with(server, "a_module_that_is_missing"), server.state)
    assert server.get("/").body == b"first"
    module.write_text(page % "second")
    server.tell(signal.SIGHUP)
    wait_for(lambda: server.get("/").body == b"second", server.state)


def test_environment_and_directory(started, tmp_path):
    server = started(
        "applications_in_objects:environment", "async", chdir=str(tmp_path), env={"GREETING": "hello"}
    )
    assert server.get("/").body == f"hello {tmp_path}".encode()


def test_path_may_be_several_folders(started, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one/first_module.py").write_text("text = b'from the path'\n")
    (tmp_path / "changed.py").write_text(
        "from first_module import text\ndef app(e, s):\n    s('200 OK', [])\n    return [text]\n"
    )
    server = started("changed:app", "async", path=[str(tmp_path / "one"), str(tmp_path)])
    assert server.get("/").body == b"from the path"


@needs_packages
def test_a_virtual_environment(started):
    server = started("applications_in_objects:python", "async", venv=sys.prefix)
    assert server.get("/").body == f"{sys.prefix} {sys.prefix}/bin/python".encode()


@needs_packages
def test_the_active_virtual_environment_is_the_default(started):
    server = started("applications_in_objects:python", "async", variables={"VIRTUAL_ENV": sys.prefix})
    assert server.get("/").body == f"{sys.prefix} {sys.prefix}/bin/python".encode()


@pytest.mark.parametrize("model", ["sync", "gthread", "async"])
def test_loaded_in_the_master(started, model):
    """The application is imported once, before workers are forked."""
    for app in ("wsgi_pages:app", "asgi_pages:app"):
        server = started(app, model, load="master", server="workers = 2")
        workers = server.workers(2)
        for _ in range(6):
            assert server.fetch(request("POST", "/echo", body=b"body")).body == b"body"
        os.kill(workers[0], signal.SIGTERM)
        wait_for(lambda: workers[0] not in server.workers(2), server.state)
        assert server.get("/").body == b"Hello"


def test_functions_of_register_at_fork_run(started, tmp_path):
    """Before each fork of the master, and in each worker."""
    (tmp_path / "forks.py").write_text("""
import os
seen = []
os.register_at_fork(before=lambda: seen.append("before"), after_in_child=lambda: seen.append("child"))

def app(environ, start_response):
    start_response("200 OK", [])
    return [" ".join(seen).encode()]
""")
    server = started("forks:app", "async", load="master", path=str(tmp_path))
    assert server.get("/").body == b"before child"
    worker = server.workers()[0]
    os.kill(worker, signal.SIGTERM)
    wait_for(lambda: worker not in server.workers(), server.state)
    assert server.get("/").body == b"before before child"


def test_two_applications_share_the_interpreter(started):
    second = f"""
[[plugin]]
path = "{PLUGIN}"
name = "second"
load = "worker"
mount = "/asgi"
[plugin.config]
app = "asgi_pages:app"
"""
    server = started("wsgi_pages:app", "async", tables=second)
    assert server.get("/").body == b"Hello"
    assert server.get("/asgi/thread").body == b"outrider-asyncio"


def test_a_check_imports_the_application(tmp_path):
    file = tmp_path / "check.toml"
    for app, code in (("wsgi_pages:app", 0), ("broken_import:app", 78)):
        file.write_text(f'[[plugin]]\npath = "{PLUGIN}"\nload = "worker"\n[plugin.config]\napp = "{app}"\npath = "{APPLICATIONS}"\n')
        ended = run("-t", "-c", file)
        assert ended.returncode == code, ended.stderr


def test_the_plugin_uses_no_private_name_of_python():
    """They change between minor versions. Names of the C language itself begin with _T and _S."""
    sources = [*FOLDER.glob("*.c"), *FOLDER.glob("*.h")]
    found = [f"{file.name}: {name}" for file in sources for name in re.findall(r"\b_Py\w+", file.read_text())]
    assert sources and not found
